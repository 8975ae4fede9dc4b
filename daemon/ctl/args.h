/*
 * args: the words of the command line, by one table of options.
 *
 * Options stand before or after the verb, as "--x V", "--x=V", "-x V" or "-xV".
 * Each verb says which options it takes; a word nobody knows is answered with the
 * nearest one that would have been right.
 */
#ifndef CTL_ARGS_H
#define CTL_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

enum opt_id {
	/* taken by every verb */
	OPT_SOCKET,
	OPT_JSON,
	OPT_POLICY,
	OPT_NO_COLOR,
	OPT_HELP,
	OPT_VERSION,
	/* taken where the verb says so */
	OPT_INSTANCE,
	OPT_WAIT,
	OPT_NAGIOS,
	OPT_DRY_RUN,
	OPT_REPO,
	OPT_FILES,
	OPT_TO,
	OPT_BACKUP,
	OPT_JOBS,
	OPT_FORCE,
	OPT_NO_RECOVER,
	OPT_KEEP_SERVER,
	OPT_AS_ROOT,
	OPT_MAP,
	OPT_SERVER_BINARY,
	OPT_SERVER_OPTION,
	OPT_TIME,
	OPT_GTID,
	OPT_POSITION,
	OPT_BEFORE,
	OPT_TABLE,
	OPT_AROUND,
	OPT_FROM,
	OPT_UNTIL,
	OPT_N
};

#define OPT_BIT(id) (UINT64_C(1) << (id))
#define OPT_GLOBAL                                                                               \
	(OPT_BIT(OPT_SOCKET) | OPT_BIT(OPT_JSON) | OPT_BIT(OPT_POLICY) | OPT_BIT(OPT_NO_COLOR) | \
	 OPT_BIT(OPT_HELP) | OPT_BIT(OPT_VERSION))

struct opt_row {
	const char *name;  /* without the dashes */
	char letter;       /* 0: none */
	const char *value; /* what follows, for the usage text; NULL: a flag */
	const char *help;
};

extern const struct opt_row opt_rows[OPT_N];

typedef VEC(const char *) word_list;

struct verb;

/* Everything points into argv. */
struct args {
	const struct verb *verb; /* NULL: none was given */
	uint64_t given;          /* OPT_BIT of each option seen */
	const char *value[OPT_N];
	word_list maps, server_options; /* the options that repeat */
	word_list words;                /* behind the verb */
};

/* ERR_USAGE with a suggestion.  On failure `a` is filled as far as reading came, and --json is
 * recognised wherever it stands. */
int args_parse(struct args *a, int argc, const char *const argv[], struct err *err);
void args_done(struct args *a);

static inline bool args_has(const struct args *a, enum opt_id id)
{
	return (a->given & OPT_BIT(id)) != 0;
}

/* A number from 1 to max. */
int args_number(const struct args *a, enum opt_id id, unsigned max, unsigned *ret, struct err *err);

#endif
