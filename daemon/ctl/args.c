#include "daemon/ctl/args.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "daemon/ctl/verb.h"

const struct opt_row opt_rows[OPT_N] = {
    [OPT_SOCKET] = {"socket", 's', "SOCKET", "where mybakd listens"},
    [OPT_JSON] = {"json", 0, NULL, "print JSON"},
    [OPT_POLICY] = {"policy", 0, "FILE", "the policy to read"},
    [OPT_NO_COLOR] = {"no-color", 0, NULL, "no colours on a terminal"},
    [OPT_HELP] = {"help", 'h', NULL, "this text; behind a verb: its usage"},
    [OPT_VERSION] = {"version", 'V', NULL, "print the version"},
    [OPT_INSTANCE] = {"instance", 'i', "INSTANCE", "which server; not needed when there is one"},
    [OPT_WAIT] = {"wait", 'w', NULL, "follow the job to its end"},
    [OPT_NAGIOS] = {"nagios", 0, NULL, "one line and exit code for monitoring"},
    [OPT_DRY_RUN] = {"dry-run", 'n', NULL, "say what would go, remove nothing"},
    [OPT_REPO] = {"repo", 0, "URL", "the repository (file:///path); default: the policy's first"},
    [OPT_FILES] = {"files", 0, NULL, "with the list of files"},
    [OPT_TO] = {"to", 0, "DIR", "data directory to make; absent or empty"},
    [OPT_BACKUP] = {"backup", 'b', "ID", "a backup id, or latest (default)"},
    [OPT_JOBS] = {"jobs", 'j', "N", "threads; default: one a CPU, at most 8"},
    [OPT_FORCE] = {"force", 0, NULL, "empty a target that is not empty"},
    [OPT_NO_RECOVER] = {"no-recover", 0, NULL,
                        "files only: the first start of a server recovers them"},
    [OPT_KEEP_SERVER] = {"keep-server", 0, NULL, "leave the private server running after recovery"},
    [OPT_AS_ROOT] = {"as-root", 0, NULL,
                     "apply binlogs as root, where the data directory is root's"},
    [OPT_MAP] = {"map", 0, "OLD=NEW",
                 "put files from outside the data directory below NEW; repeatable"},
    [OPT_SERVER_BINARY] = {"server-binary", 0, "PATH",
                           "the server program for recovery; default: found"},
    [OPT_SERVER_OPTION] = {"server-option", 0, "OPT",
                           "one more option for that server; repeatable"},
    [OPT_TIME] = {"time", 0, "TIME",
                  "to the moment TIME, 'YYYY-MM-DD HH:MM:SS'; local unless a zone is given"},
    [OPT_GTID] = {"gtid", 0, "GTID", "up to and with this transaction"},
    [OPT_POSITION] = {"position", 0, "FILE:POS", "up to this binlog position"},
    [OPT_BEFORE] = {"before", 0, NULL, "just before the transaction of --gtid or --position"},
    [OPT_TABLE] = {"table", 't', "DB.TABLE", "the table that was changed"},
    [OPT_AROUND] = {"around", 0, "TIME", "from 15 minutes before TIME to 15 after"},
    [OPT_FROM] = {"from", 0, "TIME", "from this time on"},
    [OPT_UNTIL] = {"until", 0, "TIME", "up to this time"},
};

static uint64_t allowed(const struct args *a)
{
	return OPT_GLOBAL | (a->verb ? a->verb->options : 0);
}

static int unknown_option(const struct args *a, const char *word, struct err *err)
{
	const char *names[OPT_N];
	size_t n = 0;

	for (unsigned i = 0; i < OPT_N; i++) {
		if (allowed(a) & OPT_BIT(i))
			names[n++] = opt_rows[i].name;
	}
	const char *near = word[1] == '-' ? str_nearest(word + 2, names, n) : NULL;
	const char *verb = a->verb ? a->verb->name : "";
	const char *gap = a->verb ? " " : "";

	err_set(err, ERR_USAGE, "unknown option %s%s%s", word, a->verb ? " of " : "", verb);
	if (near)
		return err_hint(err, "Did you mean --%s?", near);
	return err_hint(err, "mybakctl %s%s--help lists the options.", verb, gap);
}

/* The option a word names, or OPT_N; *ret_value is what is attached to it. */
static enum opt_id find_option(const char *word, const char **ret_value)
{
	*ret_value = NULL;
	for (unsigned i = 0; i < OPT_N; i++) {
		const struct opt_row *row = &opt_rows[i];
		size_t len = strlen(row->name);

		if (word[1] != '-') {
			if (!row->letter || word[1] != row->letter)
				continue;
			*ret_value = word[2] ? word + 2 : NULL;
			return i;
		}
		if (strncmp(word + 2, row->name, len) != 0 ||
		    (word[2 + len] && word[2 + len] != '='))
			continue;
		*ret_value = word[2 + len] ? word + 3 + len : NULL;
		return i;
	}
	return OPT_N;
}

static int store(struct args *a, enum opt_id id, const char *value, struct err *err)
{
	const struct opt_row *row = &opt_rows[id];

	if (row->value && !*value)
		return err_set(err, ERR_USAGE, "--%s needs a value (%s)", row->name, row->value);
	if (id == OPT_MAP)
		*vec_push(&a->maps) = value;
	else if (id == OPT_SERVER_OPTION)
		*vec_push(&a->server_options) = value;
	else if (row->value && args_has(a, id) && strcmp(a->value[id], value) != 0)
		return err_set(err, ERR_USAGE, "--%s is given twice: %s and %s", row->name,
		               a->value[id], value);
	a->given |= OPT_BIT(id);
	a->value[id] = value;
	return 0;
}

/* One option at argv[*at]; moves *at to the last word it used. */
static int option(struct args *a, int argc, const char *const argv[], int *at, struct err *err)
{
	const char *word = argv[*at], *value;
	enum opt_id id = find_option(word, &value);

	if (id == OPT_N || !(allowed(a) & OPT_BIT(id)))
		return unknown_option(a, word, err);
	if (!opt_rows[id].value) {
		if (value && word[1] == '-')
			return err_set(err, ERR_USAGE, "--%s takes no value", opt_rows[id].name);
		if (value)
			return err_set(err, ERR_USAGE, "%s: write each option as a word of its own",
			               word);
		return store(a, id, "", err);
	}
	if (!value) {
		if (*at + 1 >= argc)
			return err_set(err, ERR_USAGE, "--%s needs a value (%s)", opt_rows[id].name,
			               opt_rows[id].value);
		value = argv[++*at];
	}
	return store(a, id, value, err);
}

static int word(struct args *a, const char *text, struct err *err)
{
	if (a->verb) {
		*vec_push(&a->words) = text;
		return 0;
	}
	a->verb = verb_find(text);
	if (a->verb)
		return 0;
	err_set(err, ERR_USAGE, "unknown verb %s", text);
	const char *near = verb_nearest(text);
	if (near)
		return err_hint(err, "Did you mean %s?", near);
	return err_hint(err, "mybakctl --help lists the verbs.");
}

static int check_words(const struct args *a, struct err *err)
{
	if (!a->verb || args_has(a, OPT_HELP) || args_has(a, OPT_VERSION) || !a->verb->run)
		return 0;
	if (a->words.n < a->verb->min_words)
		err_set(err, ERR_USAGE, "%s needs more: %s %s", a->verb->name, a->verb->name,
		        a->verb->synopsis);
	else if (a->words.n > a->verb->max_words)
		err_set(err, ERR_USAGE, "%s: what is %s?", a->verb->name,
		        a->words.v[a->verb->max_words]);
	else
		return 0;
	return err_hint(err, "mybakctl %s --help prints its usage.", a->verb->name);
}

int args_parse(struct args *a, int argc, const char *const argv[], struct err *err)
{
	bool only_words = false;

	*a = (struct args){0};
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--json") == 0)
			a->given |= OPT_BIT(OPT_JSON);
	}
	for (int i = 1; i < argc; i++) {
		bool is_option = !only_words && argv[i][0] == '-' && argv[i][1];
		int rc;

		if (is_option && strcmp(argv[i], "--") == 0) {
			only_words = true;
			continue;
		}
		rc = is_option ? option(a, argc, argv, &i, err) : word(a, argv[i], err);
		if (rc)
			return -1;
	}
	return check_words(a, err);
}

void args_done(struct args *a)
{
	vec_done(&a->maps);
	vec_done(&a->server_options);
	vec_done(&a->words);
}

int args_number(const struct args *a, enum opt_id id, unsigned max, unsigned *ret, struct err *err)
{
	const char *text = a->value[id];
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || v < 1 || v > max)
		return err_set(err, ERR_USAGE, "--%s %s: allowed is a number from 1 to %u",
		               opt_rows[id].name, text, max);
	*ret = (unsigned)v;
	return 0;
}
