#include "job/restore_unlocked.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#define NAMED_MAX 5u
#define ROW_IS_MISSING 1032
#define ROW_IS_THERE 1062

char *unlocked_note(const struct manifest *m, bool replayed)
{
	char from[STR_HUMAN_MAX], to[STR_HUMAN_MAX];
	struct str s = {0};

	if (!m->unlocked.n)
		return NULL;
	str_addf(&s, "no lock of a backup holds %" PRIu64 " of its tables still (", m->unlocked.n);
	for (size_t i = 0; i < m->unlocked.names.n && i < NAMED_MAX; i++)
		str_addf(&s, "%s%s", i ? ", " : "", m->unlocked.names.v[i]);
	str_addf(
	    &s, "%s): rows written to them while it ran, from %s to %s, may be in them or not%s",
	    m->unlocked.n > NAMED_MAX ? ", …" : "", clock_format(from, sizeof from, m->started_us),
	    clock_format(to, sizeof to, m->finished_us),
	    replayed ? ", and no replay brings them back" : "");
	return str_take(&s);
}

/* "db.table" is named in the server's words as `table.key` or `table`. */
static bool is_named(const char *name, const char *words)
{
	const char *table = strchr(name, '.');
	char *quoted = mem_printf("'%s'", table ? table + 1 : name);
	char *key = mem_printf("'%s.", table ? table + 1 : name);
	bool named = strstr(words, quoted) || strstr(words, key);

	free(quoted);
	free(key);
	return named;
}

void unlocked_explain(const struct manifest *m, struct err *err)
{
	char *hint;

	if (!err || (err->sys != ROW_IS_MISSING && err->sys != ROW_IS_THERE))
		return;
	for (size_t i = 0; i < m->unlocked.names.n; i++) {
		if (!is_named(m->unlocked.names.v[i], err->text))
			continue;
		hint =
		    mem_printf("%s is held still by no lock of a backup, and was probably "
		               "written while this one ran. An older --backup may get past it. %s",
		               m->unlocked.names.v[i], err->hint);
		err_hint(err, "%s", hint);
		free(hint);
		return;
	}
}
