#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"
#include "conf/conf.h"
#include "daemon/daemon.h"
#include "job/check.h"

enum mode { MODE_RUN, MODE_CHECK, MODE_VERSION, MODE_HELP };

static const struct option long_options[] = {
    {"policy", required_argument, NULL, 'p'},
    {"socket", required_argument, NULL, 's'},
    {"state-dir", required_argument, NULL, 'd'},
    {"check", no_argument, NULL, 'c'},
    {"version", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void usage(FILE *to)
{
	fputs("usage: mybakd [--policy FILE] [--socket PATH] [--state-dir DIR] [--check]\n"
	      "              [--version] [--help]\n"
	      "\n"
	      "  --policy FILE    what to back up and when (/etc/mybakd/policy.yaml)\n"
	      "  --socket PATH    where mybakctl connects (/run/mybakd/mybakd.sock)\n"
	      "  --state-dir DIR  history and journal (/var/lib/mybakd)\n"
	      "  --check          check policy, servers and repositories, then exit\n"
	      "\n"
	      "It stays in the foreground.  SIGHUP reads the policy again, SIGTERM stops it.\n",
	      to);
}

static int parse(int argc, char **argv, struct options *o, enum mode *mode)
{
	int c;
	while ((c = getopt_long(argc, argv, "p:s:d:hV", long_options, NULL)) != -1) {
		switch (c) {
		case 'p':
			o->policy = optarg;
			break;
		case 's':
			o->socket = optarg;
			break;
		case 'd':
			o->state_dir = optarg;
			break;
		case 'c':
			*mode = MODE_CHECK;
			break;
		case 'V':
			*mode = MODE_VERSION;
			break;
		case 'h':
			*mode = MODE_HELP;
			break;
		default:
			return -1;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "mybakd: \"%s\" is not an option\n", argv[optind]);
		return -1;
	}
	return 0;
}

static void complain(const struct err *err)
{
	fprintf(stderr, "mybakd: %s\n", err->text);
	if (err->hint[0])
		fprintf(stderr, "HINT: %s\n", err->hint);
}

/* Texts can hold what a server or a file said: err_set makes them harmless. */
static void print_line(const struct check_line *l)
{
	static const char *const levels[] = {"ok", "warning", "CRITICAL"};
	struct err safe;
	err_set(&safe, ERR_FAILED, "%-8s %s: %s", levels[l->level], l->subject, l->text);
	puts(safe.text);
	if (!l->hint || l->level == CHECK_OK)
		return;
	err_set(&safe, ERR_FAILED, "         HINT: %s", l->hint);
	puts(safe.text);
}

/* 0: all is well or worth a warning; 1: something is critical; 2: the policy. */
static int check(const struct options *o)
{
	struct policy *policy = NULL;
	struct str report = {0};
	struct err err = ERR_INIT;
	struct check_result result = {0};
	if (conf_load(o->policy, &policy, &report, &err) < 0) {
		if (report.n)
			fputs(str_text(&report), stderr);
		else
			complain(&err);
		str_done(&report);
		return 2;
	}
	str_done(&report);
	check_run(policy, &result);
	for (size_t i = 0; i < result.lines.n; i++)
		print_line(&result.lines.v[i]);
	int code = result.worst == CHECK_CRITICAL ? 1 : 0;
	check_result_done(&result);
	policy_unref(policy);
	return code;
}

static int run(const struct options *o)
{
	static struct daemon d; /* may outlive main's frame in threads that are still busy */
	struct err err = ERR_INIT;
	if (daemon_start(&d, o, &err) < 0) {
		complain(&err);
		return err_exit_code(err.kind);
	}
	int rc = daemon_run(&d, &err);
	if (rc < 0)
		complain(&err);
	bool quiet = daemon_end(&d);
	log_msg(LOG_LEVEL_INFO, "stopped", "threads=%s", quiet ? "ended" : "left");
	if (!quiet)
		_exit(rc < 0 ? 1 : 0);
	return rc < 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct options o = {
	    .policy = "/etc/mybakd/policy.yaml",
	    .socket = "/run/mybakd/mybakd.sock",
	    .state_dir = "/var/lib/mybakd",
	};
	enum mode mode = MODE_RUN;
	if (parse(argc, argv, &o, &mode) < 0) {
		usage(stderr);
		return 2;
	}
	switch (mode) {
	case MODE_VERSION:
		puts("mybakd " MYBAK_VERSION);
		return 0;
	case MODE_HELP:
		usage(stdout);
		return 0;
	case MODE_CHECK:
		return check(&o);
	default:
		return run(&o);
	}
}
