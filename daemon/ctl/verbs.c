#include "daemon/ctl/verb.h"

#include <string.h>

#include "base/str.h"
#include "daemon/ctl/args.h"

#define INSTANCE OPT_BIT(OPT_INSTANCE)
#define AT_REPO (OPT_BIT(OPT_REPO) | INSTANCE)
#define RESTORE                                                                    \
	(AT_REPO | OPT_BIT(OPT_TO) | OPT_BIT(OPT_BACKUP) | OPT_BIT(OPT_JOBS) |     \
	 OPT_BIT(OPT_FORCE) | OPT_BIT(OPT_NO_RECOVER) | OPT_BIT(OPT_KEEP_SERVER) | \
	 OPT_BIT(OPT_AS_ROOT) | OPT_BIT(OPT_MAP) | OPT_BIT(OPT_SERVER_BINARY) |    \
	 OPT_BIT(OPT_SERVER_OPTION) | OPT_BIT(OPT_TIME) | OPT_BIT(OPT_GTID) |      \
	 OPT_BIT(OPT_POSITION) | OPT_BIT(OPT_BEFORE))
#define FIND (OPT_BIT(OPT_TABLE) | OPT_BIT(OPT_AROUND) | OPT_BIT(OPT_FROM) | OPT_BIT(OPT_UNTIL))

/* clang-format off */
static const struct verb verbs[] = {
    {"status", "", "one screen: backups, what is due, what runs, what is wrong",
     0, 0, 0, verb_status},
    {"run-now", "full|incremental|binlog|verify|expire|check [-i INSTANCE] [--wait]",
     "start a job now", INSTANCE | OPT_BIT(OPT_WAIT), 1, 1, verb_run_now},
    {"jobs", "", "running, queued and recent jobs", 0, 0, 0, verb_jobs},
    {"cancel", "JOB", "stop a job", 0, 1, 1, verb_cancel},
    {"watch", "", "running jobs, live, until none is left", 0, 0, 0, verb_watch},
    {"list", "[-i INSTANCE] [--repo URL]", "backups, oldest first", AT_REPO, 0, 0, verb_list},
    {"show", "BACKUP|latest [-i INSTANCE] [--repo URL] [--files]", "one backup in full",
     AT_REPO | OPT_BIT(OPT_FILES), 1, 1, verb_show},
    {"check", "[--nagios]", "everything that can be tested without changing anything",
     OPT_BIT(OPT_NAGIOS), 0, 0, verb_check},
    {"space", "", "what the backups occupy", 0, 0, 0, verb_space},
    {"expire", "[--dry-run] [-i INSTANCE]", "remove what retention no longer wants",
     INSTANCE | OPT_BIT(OPT_DRY_RUN), 0, 0, verb_expire},
    {"history", "", "past runs", 0, 0, 0, verb_history},
    {"reload", "", "have the daemon read its policy again", 0, 0, 0, verb_reload},
    {"restore", "--to DIR [BACKUP|latest] [OPTION ...]",
     "bring the data back as it was at any second; needs only the repository", RESTORE, 0, 1, verb_restore},
    {"verify", "[BACKUP] [-i INSTANCE] [--repo URL] [--jobs N]",
     "read every stored byte again; needs only the repository",
     AT_REPO | OPT_BIT(OPT_JOBS), 0, 1, verb_verify},
    {"binlog", "list | find --table DB.TABLE [--around TIME | --from TIME --until TIME]",
     "what is archived; the transactions that changed a table", AT_REPO | FIND, 1, 1,
     verb_binlog},
    {"config", "show", "the policy in force, defaults included", 0, 1, 1, verb_config},
    {"restore-table", "", "not built yet", 0, 0, 0, NULL},
};
/* clang-format on */
#define VERB_N (sizeof verbs / sizeof *verbs)

const struct verb *verb_find(const char *name)
{
	for (unsigned i = 0; i < VERB_N; i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	return NULL;
}

const char *verb_nearest(const char *name)
{
	const char *names[VERB_N];
	size_t n = 0;

	for (unsigned i = 0; i < VERB_N; i++) {
		if (verbs[i].run)
			names[n++] = verbs[i].name;
	}
	return str_nearest(name, names, n);
}

static void option_lines(uint64_t mask, FILE *to)
{
	for (unsigned i = 0; i < OPT_N; i++) {
		const struct opt_row *row = &opt_rows[i];
		char left[64], letter[8] = "    ";

		if (!(mask & OPT_BIT(i)))
			continue;
		if (row->letter)
			snprintf(letter, sizeof letter, "-%c, ", row->letter);
		snprintf(left, sizeof left, "%s--%s%s%s", letter, row->name, row->value ? " " : "",
		         row->value ? row->value : "");
		fprintf(to, "  %-25s %s\n", left, row->help);
	}
}

void verb_usage(FILE *to)
{
	fputs("usage: mybakctl [OPTION ...] VERB ...\n\n", to);
	for (unsigned i = 0; i < VERB_N; i++) {
		if (verbs[i].run)
			fprintf(to, "  %-10s %s\n", verbs[i].name, verbs[i].help);
	}
	fputs("\nWith every verb:\n", to);
	option_lines(OPT_GLOBAL, to);
	fputs("\nmybakctl VERB --help prints the usage of a verb; see mybakctl(8), "
	      "mybak-runbook(7).\n",
	      to);
}

void verb_help(const struct verb *v, FILE *to)
{
	fprintf(to, "usage: mybakctl %s%s%s\n\n%s\n", v->name, *v->synopsis ? " " : "", v->synopsis,
	        v->help);
	if (v->options) {
		fputc('\n', to);
		option_lines(v->options, to);
	}
	fputs("\nWith every verb:\n", to);
	option_lines(OPT_GLOBAL, to);
}
