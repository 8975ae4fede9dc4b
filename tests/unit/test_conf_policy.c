/* What a policy says, and what is said of one that is wrong. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "conf/rows.h"
#include "tests/unit/unit.h"

#define REPO "repositories: [{name: r, url: 'file:///r'}]\n"
#define INST "instances: [{name: main, socket: /s}]\n"
#define BASE REPO INST

static struct policy *load(const char *text)
{
	struct policy *p = NULL;
	struct str report = {0};
	struct err err = ERR_INIT;
	int rc = conf_parse(text, strlen(text), "p.yaml", &p, &report, &err);

	ck_assert_msg(rc == 0, "%s", str_text(&report));
	ck_assert_uint_eq(report.n, 0);
	str_done(&report);
	return p;
}

START_TEST(shortest)
{
	struct policy *p = load(BASE);
	const struct policy_instance *i = policy_find_instance(p, "main");

	ck_assert_str_eq(p->path, "p.yaml");
	ck_assert(p->repository_n == 1 && p->instance_n == 1);
	ck_assert_str_eq(p->repositories[0].url, "file:///r");
	ck_assert(!p->repositories[0].must_be_mounted);
	ck_assert_str_eq(i->socket, "/s");
	ck_assert(!i->host && !i->defaults_file && !i->datadir && !i->server_binary);
	ck_assert_ptr_null(i->server_options);
	ck_assert_uint_eq(i->port, 3306);
	ck_assert_str_eq(i->method, "hot");
	ck_assert_int_eq(i->corrupt_pages, CORRUPT_FAIL);
	ck_assert_str_eq(i->schedule.full.text, "daily 02:00");
	ck_assert_str_eq(i->schedule.incremental.text, "hourly");
	ck_assert_str_eq(i->schedule.verify.text, "weekly sun 05:00");
	ck_assert(i->retention.full_days == 30 && i->retention.incremental_days == 7 &&
	          i->retention.min_full == 1);
	ck_assert(p->compression_n == 1 && p->compression[0].up_to == UINT64_MAX &&
	          p->compression[0].level == 3);
	ck_assert(p->limits.workers == 2 && p->limits.jobs == 2 && p->limits.lock_wait_s == 60 &&
	          p->limits.lock_retries == 3 && p->limits.read_rate == 0 && p->limits.nice == 0);
	ck_assert(p->monitor.full_max_age_s == 25 * 3600 &&
	          p->monitor.incremental_max_age_s == 7200 && p->monitor.repository_max_use == 85);
	policy_unref(p);
}
END_TEST

/* Keys in any order: the common schedule may stand behind the instances. */
static const char whole[] =
    "instances:\n"
    "  - name: a\n"
    "    host: 127.0.0.1\n"
    "    port: 3307\n"
    "    datadir: /data dir\n"
    "    server_binary: /x/mariadbd\n"
    "    server_options: [\"--a=\\\"b,c\", '--d']\n"
    "    corrupt_pages: list\n"
    "    schedule: {full: \"*/15 1-3 * * mon\", verify: off}\n"
    "    retention: {min_full: 3}\n"
    "  - {name: b.2, socket: /s, method: hot}\n"
    "repositories:\n"
    "- name: nas\n"
    "  url: \"file:///mnt/n\\xe4s \\\"1\\\"\"\n"
    "  must_be_mounted: YES\n"
    "schedule: {full: every 2d, incremental: hourly 30, binlog: off, drill: off}\n"
    "retention: {full_days: 0, incremental_days: 3650, keep_daily: 0}\n"
    "compression:\n"
    "  - {up_to: 10MiB, level: 19}\n"
    "  - up_to: 1GiB\n"
    "    level: 9\n"
    "  - level: 1\n"
    "limits: {workers: 64, jobs: 1, lock_wait: 90s, lock_retries: 0, read_rate: 200M, nice: 19}\n"
    "monitor: {full_max_age: 2w, incremental_max_age: 90m, repository_max_use: 100%}\n"
    "drill: {checks: []}\n"
    "http:\n"
    "notify: []\n";

static void check_whole(const struct policy *p)
{
	const struct policy_instance *a = policy_find_instance(p, "a");
	const struct policy_instance *b = policy_find_instance(p, "b.2");

	ck_assert_str_eq(p->repositories[0].url, "file:///mnt/n\xc3\xa4s \"1\"");
	ck_assert(p->repositories[0].must_be_mounted);
	ck_assert_str_eq(a->host, "127.0.0.1");
	ck_assert_uint_eq(a->port, 3307);
	ck_assert_str_eq(a->datadir, "/data dir");
	ck_assert_str_eq(a->server_options[0], "--a=\"b,c");
	ck_assert_str_eq(a->server_options[1], "--d");
	ck_assert_ptr_null(a->server_options[2]);
	ck_assert_int_eq(a->corrupt_pages, CORRUPT_LIST);
	ck_assert_str_eq(a->schedule.full.text, "*/15 1-3 * * mon");
	ck_assert_int_eq(a->schedule.verify.kind, SCHEDULE_OFF);
	ck_assert_str_eq(a->schedule.incremental.text, "hourly 30");
	ck_assert_int_eq(a->schedule.binlog, BINLOG_OFF);
	ck_assert(a->retention.min_full == 3 && a->retention.incremental_days == 3650);
	ck_assert_str_eq(b->schedule.full.text, "every 2d");
	ck_assert(b->retention.min_full == 1 && b->retention.full_days == 0);
	ck_assert(p->compression_n == 3 && p->compression[0].up_to == 10 << 20 &&
	          p->compression[1].level == 9 && p->compression[2].up_to == UINT64_MAX);
	ck_assert_int_eq(policy_level_for(p, 10 << 20), 19);
	ck_assert_int_eq(policy_level_for(p, (10 << 20) + 1), 9);
	ck_assert_int_eq(policy_level_for(p, 1ull << 40), 1);
	ck_assert(p->limits.read_rate == 200 << 20 && p->limits.nice == 19 &&
	          p->limits.lock_wait_s == 90 && p->limits.lock_retries == 0);
	ck_assert(p->monitor.full_max_age_s == 14 * 86400 && p->monitor.repository_max_use == 100);
}

START_TEST(everything)
{
	struct policy *p = load(whole);

	check_whole(p);
	policy_unref(p);
}
END_TEST

START_TEST(shown_is_read_again)
{
	struct policy *p = load(whole), *again;
	struct str text = {0}, twice = {0};

	conf_show(p, &text);
	again = load(str_text(&text));
	check_whole(again);
	conf_show(again, &twice);
	ck_assert_str_eq(str_text(&text), str_text(&twice));
	policy_unref(p);
	policy_unref(again);
	str_done(&text);
	str_done(&twice);
}
END_TEST

START_TEST(empty_sections)
{
	struct policy *p = load("\xef\xbb\xbf# a byte order mark\n---\n" BASE
	                        "limits:\n  # workers: 4\nschedule: ~\nretention: null\nnotify:\n"
	                        "monitor: {}\ncompression: {level: [{level: 5}]}\n");

	ck_assert_uint_eq(p->limits.workers, 2);
	ck_assert_int_eq(p->instances[0].schedule.binlog, BINLOG_CONTINUOUS);
	ck_assert_int_eq(policy_level_for(p, 1), 5);
	policy_unref(p);
	p = load(BASE "compression: {level: 7}\n");
	ck_assert_int_eq(policy_level_for(p, 1), 7);
	policy_unref(p);
}
END_TEST

/* A text and all that must be said of it, line by line. */
static const struct {
	const char *text, *report;
} bad[] = {
    {"", "p.yaml:1:1: the file is empty; a policy has at least repositories and instances\n"},
    {"# nothing\n---\n", "p.yaml:1:1: the file is empty; a policy has at least repositories and "
                         "instances\n"},
    {"- a\n", "p.yaml:1:1: found a list, allowed: a mapping\n"},
    {"hello", "p.yaml:1:1: found text, allowed: a mapping\n"},
    {"limits: {}\n", "p.yaml:1:1: repositories: is missing\np.yaml:1:1: instances: is missing\n"},
    {"repositories: []\ninstances: 5\n",
     "p.yaml:1:15: repositories: is empty, allowed: one or more\n"
     "p.yaml:2:12: instances: found text, allowed: a list of mappings\n"},
    {"repositories:\ninstances: [x]\n",
     "p.yaml:1:14: repositories: found nothing, allowed: a list of mappings\n"
     "p.yaml:2:13: instances[0]: found text, allowed: a mapping\n"},
    {"repositories: [{}]\ninstances: [{}]\n", "p.yaml:1:16: repositories[0].name: is missing\n"
                                              "p.yaml:1:16: repositories[0].url: is missing\n"
                                              "p.yaml:2:13: instances[0].name: is missing\n"
                                              "p.yaml:2:13: instances[0]: needs socket or host\n"},
    {BASE "schedule:\n  ful: daily 02:00\n  full: dayly 02:00\n  incremental: hourly 61\n",
     "p.yaml:4:3: schedule.ful: unknown key; did you mean \"full\"?\n"
     "p.yaml:5:9: schedule.full: found \"dayly 02:00\", allowed: daily HH:MM, hourly, hourly MM, "
     "weekly DAY HH:MM, every 15m (s, m, h, d, w), five cron fields, off\n"
     "p.yaml:6:16: schedule.incremental: minute: found \"61\", allowed: 0 to 59\n"},
    {BASE "zzz: 1\nlimits: {qqqqqqqq: 2}\n",
     "p.yaml:3:1: zzz: unknown key; allowed: repositories, instances, schedule, retention, "
     "compression, limits, monitor, drill, notify, http\n"
     "p.yaml:4:10: limits.qqqqqqqq: unknown key; allowed: workers, jobs, lock_wait, lock_retries, "
     "read_rate, nice, io_class, window\n"},
    {BASE "limits: {workers: 0}\nlimits: {workers: 3}\n",
     "p.yaml:3:19: limits.workers: found \"0\", allowed: 1 to 64\n"
     "p.yaml:4:1: limits: given twice, first in line 3\n"},
    {BASE "limits:\n  workers: many\n  jobs: -1\n  nice: 20\n  lock_retries: 1e3\n",
     "p.yaml:4:12: limits.workers: found \"many\", allowed: 1 to 64\n"
     "p.yaml:5:9: limits.jobs: found \"-1\", allowed: 1 to 64\n"
     "p.yaml:6:9: limits.nice: found \"20\", allowed: 0 to 19\n"
     "p.yaml:7:17: limits.lock_retries: found \"1e3\", allowed: 0 to 100\n"},
    {BASE "limits: {workers: 99999999999999999999999999, lock_wait: 60, read_rate: 5}\n",
     "p.yaml:3:19: limits.workers: found \"99999999999999999999999999\", allowed: 1 to 64\n"
     "p.yaml:3:58: limits.lock_wait: found \"60\", allowed: a duration like 90s, 15m, 25h, 30d, "
     "from 1s to 1d\n"
     "p.yaml:3:73: limits.read_rate: found \"5\", allowed: a size like 64KiB, 10MiB, 1GiB, from "
     "64KiB to 1TiB\n"},
    {BASE "limits: {workers: [1], jobs: {a: b}, nice: }\n",
     "p.yaml:3:19: limits.workers: found a list, allowed: 1 to 64\n"
     "p.yaml:3:30: limits.jobs: found a mapping, allowed: 1 to 64\n"
     "p.yaml:3:44: limits.nice: found nothing, allowed: 0 to 19\n"},
    {BASE "limits: [a]\nretention: yes\n",
     "p.yaml:3:9: limits: found a list, allowed: a mapping\n"
     "p.yaml:4:12: retention: found text, allowed: a mapping\n"},
    {BASE "monitor: {repository_max_use: 85, full_max_age: 99999999999999999999d}\n",
     "p.yaml:3:31: monitor.repository_max_use: found \"85\", allowed: 1% to 100%\n"
     "p.yaml:3:49: monitor.full_max_age: found \"99999999999999999999d\", allowed: a duration "
     "like 90s, 15m, 25h, 30d, from 1m to 3660d\n"},
    {BASE "monitor: {repository_max_use: 101%}\nretention: {min_full: 0}\n",
     "p.yaml:3:31: monitor.repository_max_use: found \"101%\", allowed: 1% to 100%\n"
     "p.yaml:4:23: retention.min_full: found \"0\", allowed: 1 to 1000\n"},
    /* repositories and instances */
    {"repositories: [{name: .x, url: 'file://x', must_be_mounted: maybe}]\n" INST,
     "p.yaml:1:23: repositories[0].name: found \".x\", allowed: 1 to 64 of A-Z a-z 0-9 _ . -, not "
     "starting with a dot\n"
     "p.yaml:1:32: repositories[0].url: found \"file://x\", allowed: file:///path\n"
     "p.yaml:1:61: repositories[0].must_be_mounted: found \"maybe\", allowed: true, false\n"},
    {"repositories: [{name: r, url: 'file:///a'}, {name: r, url: /b}]\n" INST,
     "p.yaml:1:45: repositories: found 2, allowed: 1; more than one repository is not built yet\n"
     "p.yaml:1:52: repositories[1].name: \"r\" is taken, by the one in line 1\n"
     "p.yaml:1:60: repositories[1].url: found \"/b\", allowed: file:///path\n"},
    {REPO "instances:\n- {name: a/b, socket: s, host: h}\n- {name: c, sokcet: /s}\n"
          "- {name: c, socket: /t, port: 65536}\n",
     "p.yaml:3:3: instances[0]: has socket and host, allowed: one\n"
     "p.yaml:3:10: instances[0].name: found \"a/b\", allowed: 1 to 64 of A-Z a-z 0-9 _ . -, not "
     "starting with a dot\n"
     "p.yaml:3:23: instances[0].socket: found \"s\", allowed: an absolute path\n"
     "p.yaml:4:3: instances[1]: needs socket or host\n"
     "p.yaml:4:13: instances[1].sokcet: unknown key; did you mean \"socket\"?\n"
     "p.yaml:5:10: instances[2].name: \"c\" is taken, by the one in line 4\n"
     "p.yaml:5:31: instances[2].port: found \"65536\", allowed: 1 to 65535\n"},
    {REPO "instances:\n- name: a\n  socket: /s\n  user: root\n  password: tops3cret\n  passwd: x\n",
     "p.yaml:5:3: instances[0].user: user and password come only from the file that defaults_file "
     "names\n"
     "p.yaml:6:3: instances[0].password: user and password come only from the file that "
     "defaults_file names\n"
     "p.yaml:7:3: instances[0].passwd: user and password come only from the file that "
     "defaults_file names\n"},
    {REPO "instances: [{name: a, socket: /s, server_options: [skip, --x, [y]]}]\n",
     "p.yaml:2:52: instances[0].server_options: found text, allowed: a list of options, each "
     "starting with --\n"
     "p.yaml:2:63: instances[0].server_options: found a list, allowed: a list of options, each "
     "starting with --\n"},
    {REPO "instances: [{name: a, socket: /s, corrupt_pages: ignore, schedule: {fulll: off}, "
          "retention: 3}]\n",
     "p.yaml:2:50: instances[0].corrupt_pages: found \"ignore\", allowed: fail, list\n"
     "p.yaml:2:69: instances[0].schedule.fulll: unknown key; did you mean \"full\"?\n"
     "p.yaml:2:93: instances[0].retention: found text, allowed: a mapping\n"},
    /* not built yet */
    {REPO "instances:\n- {name: a, socket: /a, method: lock}\n"
          "- {name: b, socket: /a, method: cold}\n- {name: c, socket: /a, method: snapshot}\n"
          "- {name: d, socket: /a, method: dump}\n- {name: e, socket: /a, method: magic}\n",
     "p.yaml:3:33: instances[0].method: lock is not built yet, allowed: hot\n"
     "p.yaml:4:33: instances[1].method: cold is not built yet, allowed: hot\n"
     "p.yaml:5:33: instances[2].method: snapshot is not built yet, allowed: hot\n"
     "p.yaml:6:33: instances[3].method: dump is not built yet, allowed: hot\n"
     "p.yaml:7:33: instances[4].method: found \"magic\", allowed: hot\n"},
    {"repositories: [{name: r, url: 's3://b/p', encryption_key_file: /k}]\n" INST,
     "p.yaml:1:31: repositories[0].url: s3:// is not built yet, allowed: file:///path\n"
     "p.yaml:1:64: repositories[0].encryption_key_file: encryption_key_file is not built yet; "
     "leave it out\n"},
    {BASE "schedule: {binlog: sometimes, drill: weekly sun 06:00}\n",
     "p.yaml:3:20: schedule.binlog: found \"sometimes\", allowed: off, continuous\n"
     "p.yaml:3:38: schedule.drill: drill is not built yet; leave it out or say off\n"},
    {BASE "retention: {keep_daily: 7, keep_weekly: 4, keep_monthly: 12, keep_yearly: 1}\n",
     "p.yaml:3:25: retention.keep_daily: keep_daily is not built yet; leave it out or say 0\n"
     "p.yaml:3:41: retention.keep_weekly: keep_weekly is not built yet; leave it out or say 0\n"
     "p.yaml:3:58: retention.keep_monthly: keep_monthly is not built yet; leave it out or say 0\n"
     "p.yaml:3:75: retention.keep_yearly: keep_yearly is not built yet; leave it out or say 0\n"},
    {BASE "limits: {io_class: idle, window: '01:00-05:00'}\nhttp: {listen: '127.0.0.1:9185'}\n",
     "p.yaml:3:20: limits.io_class: io_class is not built yet; leave it out\n"
     "p.yaml:3:34: limits.window: window is not built yet; leave it out\n"
     "p.yaml:4:16: http.listen: listen is not built yet; leave it out\n"},
    {BASE "drill:\n  checks:\n  - {query: SELECT 1, max: 2}\nnotify: [{mail: a@b}, x]\n",
     "p.yaml:5:5: drill.checks: drill.checks is not built yet; leave it out\n"
     "p.yaml:6:10: notify: notify is not built yet; leave it out\n"
     "p.yaml:6:23: notify: notify is not built yet; leave it out\n"},
    {BASE "notify: {mail: x}\nhttp: {listen: [1]}\n",
     "p.yaml:3:9: notify: is not built yet; leave it out\n"
     "p.yaml:4:16: http.listen: is not built yet; leave it out\n"},
    /* compression */
    {BASE "compression: 3\n",
     "p.yaml:3:14: compression: found text, allowed: a mapping with level, or a list of rules\n"},
    {BASE "compression: {level: 20}\n",
     "p.yaml:3:22: compression.level: found \"20\", allowed: 1 to 19\n"},
    {BASE "compression: []\n", "p.yaml:3:14: compression: is empty, allowed: one or more\n"},
    {BASE "compression:\n- {level: 1}\n- {up_to: 1G, level: 3}\n",
     "p.yaml:4:3: compression[0]: has no up_to; only the last rule holds for every size\n"
     "p.yaml:5:3: compression[1]: the last rule holds for every larger file and has no up_to\n"},
    {BASE
     "compression:\n- {up_to: 1G, level: 1}\n- {up_to: 1G, level: 3}\n- {level: 3, x: 1}\n- 5\n",
     "p.yaml:5:3: compression[1]: up_to must be larger than in the rule before\n"
     "p.yaml:6:14: compression[2].x: unknown key; allowed: up_to, level\n"
     "p.yaml:7:3: compression[3]: found text, allowed: a mapping\n"},
    {BASE "compression: {level: [{up_to: 5}]}\n",
     "p.yaml:3:23: compression.level[0].level: is missing\n"},
    /* YAML itself */
    {"a: [1\nb: 2\n",
     "p.yaml:2:2: not YAML: did not find expected ',' or ']', while parsing a flow "
     "sequence from line 1 on\n"},
    {"repositories:\n\t- name: x\n",
     "p.yaml:2:1: not YAML: found character that cannot start any token, while scanning for the "
     "next token from line 2 on; indent with spaces, not with tabs\n"},
    {"schedule:\n  full: */15 * * * *\n",
     "p.yaml:2:10: not YAML: did not find expected alphabetic or numeric character, while scanning "
     "an alias from line 2 on; a value that starts with * needs quotes\n"},
    {"a: \xc3\xa4\xc3\xa4 \xff\n", "p.yaml:1:7: not YAML: invalid leading UTF-8 octet (0xff)\n"},
    {"a: b\n--- \nc: d\n", "p.yaml:2:1: a second document starts here; a policy is one\n"},
    {"a: &x [1]\nb: *x\nc: &y\n  d: 1\n",
     "p.yaml:1:4: found the anchor &x; anchors are not allowed\n"
     "p.yaml:2:4: found the alias *x; aliases are not allowed: write the value out, or quote it if "
     "it is meant to start with *\n"
     "p.yaml:3:4: found the anchor &y; anchors are not allowed\n"},
    {"a: [[[[[[[[[[[[[[[[[[[[[[[[1", "p.yaml:1:23: nested more than 20 deep\n"},
    {BASE "? [a, b]\n: 1\n? {c: d}\n: 2\n",
     "p.yaml:3:3: found a list as a key, allowed: a word\n"
     "p.yaml:5:3: found a mapping as a key, allowed: a word\n"},
    {BASE "limits: {workers: \"2\\0\", \"jobs\\0\": 1, jobs: \"a\\nb\\e\"}\n",
     "p.yaml:3:19: limits.workers: a NUL byte is not allowed\n"
     "p.yaml:3:26: limits: found a NUL byte as a key, allowed: a word\n"
     "p.yaml:3:45: limits.jobs: found \"a\\x0Ab\\x1B\", allowed: 1 to 64\n"},
};

START_TEST(reports)
{
	struct policy *p = NULL;
	struct str report = {0};
	struct err err = ERR_INIT;
	int rc = conf_parse(bad[_i].text, strlen(bad[_i].text), "p.yaml", &p, &report, &err);
	size_t first = strcspn(bad[_i].report, "\n");

	ck_assert_int_eq(rc, -1);
	ck_assert_ptr_null(p);
	ck_assert_str_eq(str_text(&report), bad[_i].report);
	ck_assert_int_eq(err.kind, ERR_USAGE);
	ck_assert_uint_eq(strlen(err.text), first);
	ck_assert_msg(!strncmp(err.text, bad[_i].report, first), "%s", err.text);
	ck_assert_ptr_null(strstr(str_text(&report), "tops3cret"));
	ck_assert_int_eq(conf_parse(bad[_i].text, strlen(bad[_i].text), "p.yaml", &p, NULL, NULL),
	                 -1);
	str_done(&report);
}
END_TEST

START_TEST(too_much)
{
	struct policy *p = NULL;
	struct str text = {0}, report = {0};
	struct err err = ERR_INIT;
	size_t lines = 0;

	for (int i = 0; i < 1000; i++)
		str_addf(&text, "key%d: 1\n", i);
	ck_assert_int_eq(conf_parse(text.p, text.n, "p.yaml", &p, &report, &err), -1);
	for (const char *c = str_text(&report); *c; c++)
		lines += *c == '\n';
	ck_assert_uint_eq(lines, 51);
	ck_assert(str_ends(str_text(&report), "p.yaml: 952 more errors\n"));
	str_reset(&report);
	while (text.n <= 1 << 20)
		str_add(&text, "# long, long, long\n");
	ck_assert_int_eq(conf_parse(text.p, text.n, "p.yaml", &p, &report, &err), -1);
	ck_assert(str_starts(err.text, "p.yaml:1:1: 10485"));
	str_done(&text);
	str_done(&report);
}
END_TEST

START_TEST(defaults_file)
{
	char dir[] = "/tmp/mybak-test-XXXXXX", text[400], want[400];
	struct str report = {0};
	struct policy *p = NULL;
	struct err err = ERR_INIT;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(text, sizeof text,
	         REPO "instances: [{name: a, socket: /s, defaults_file: %s/my.cnf}]\n", dir);
	policy_unref(load(text)); /* not there yet: found out when it is used */
	snprintf(want, sizeof want, "%s/my.cnf", dir);
	ck_ok(fsio_replace(want, "[client]\n", 9, 0600, &err), err);
	policy_unref(load(text));
	ck_assert_int_eq(chmod(want, 0640), 0);
	ck_assert_int_eq(conf_parse(text, strlen(text), "p.yaml", &p, &report, &err), -1);
	snprintf(
	    want, sizeof want,
	    "p.yaml:2:50: instances[0].defaults_file: %s/my.cnf has mode 0640, allowed: none for "
	    "group and others; run: chmod 600 %s/my.cnf",
	    dir, dir);
	ck_assert_str_eq(err.text, want);
	str_done(&report);
	ck_ok(fsio_remove_tree(dir, &err), err);
}
END_TEST

START_TEST(files)
{
	struct policy *p = NULL;
	struct str report = {0};
	struct err err = ERR_INIT;

	ck_assert_int_eq(conf_load("/nowhere/policy.yaml", &p, &report, &err), -1);
	ck_assert_int_eq(err.kind, ERR_NOT_FOUND);
	ck_assert(strstr(err.text, "/nowhere/policy.yaml") && err.hint[0] && report.n);
	str_reset(&report);
	/* the example as it is shipped */
	ck_assert_msg(conf_load("conf/policy.yaml", &p, &report, &err) == 0, "%s",
	              str_text(&report));
	policy_unref(p);
	str_done(&report);
}
END_TEST

/* The manual tells of every key, in the words of the rows. */
START_TEST(manual)
{
	struct str help = {0};
	struct err err = ERR_INIT;
	char *text = NULL;
	size_t n;

	ck_ok(fsio_read_file("man/mybakd.yaml.5", 1 << 20, &text, &n, &err), err);
	for (size_t i = 0; i < row_n; i++) {
		char *item = mem_printf("\n.It Ic %s\n", rows[i].path);
		ck_assert_msg(strstr(text, item) != NULL, "%s is not in the manual", rows[i].path);
		free(item);
	}
	conf_help_mdoc(&help);
	ck_assert_msg(strstr(text, str_text(&help)) != NULL,
	              "the list of keys in the manual is not what conf_help_mdoc prints");
	str_done(&help);
	free(text);
}
END_TEST

/* The table itself: each row has its section, a default that may stand there, help. */
START_TEST(table)
{
	union {
		void *align;
		char bytes[256];
	} field;

	for (size_t i = 0; i < row_n; i++) {
		const struct row *r = &rows[i];
		struct err err = ERR_INIT;
		ck_assert_msg(r->help && str_ends(r->help, "."), "%s", r->path);
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(r->path, rows[k].path);
		if (!r->def)
			continue;
		memset(&field, 0, sizeof field);
		ck_assert_msg(row_store(r, r->def, field.bytes, &err) == 0, "%s: %s", r->path,
		              err.text);
		if (r->type == ROW_WORD)
			free(*(char **)field.bytes);
	}
}
END_TEST

/* Any bytes: a policy or a report, and nothing kept behind. */
START_TEST(mutations)
{
	static const char *const words[] = {"- ",  ": ", "{",    "}",   "[",     "]",    "\n",
	                                    "\t",  "\"", "'",    "&a ", "*a",    "!!x ", "? ",
	                                    "|\n", "%",  "\xff", "~",   "---\n", "0"};
	size_t n = strlen(whole);
	unsigned refused = 0;

	srand(1234);
	for (int round = 0; round < 6000; round++) {
		struct str text = {0}, report = {0};
		struct policy *p = NULL;
		struct err err = ERR_INIT;
		size_t at = 0;
		for (int k = rand() % 4; k >= 0 && at < n; k--) {
			size_t to = at + (size_t)rand() % (n - at);
			str_addn(&text, whole + at, to - at);
			if (rand() % 2)
				str_add(&text, words[(size_t)rand() % 20]);
			else
				str_addn(&text, &(char){(char)rand()}, 1);
			at = to + (size_t)rand() % 3;
		}
		if (at < n && rand() % 8)
			str_addn(&text, whole + at, n - at);
		if (conf_parse(text.p, text.n, "p.yaml", &p, &report, &err)) {
			refused++;
			ck_assert(report.n && err.text[0] && !p);
		} else {
			str_reset(&report);
			conf_show(p, &report);
		}
		policy_unref(p);
		str_done(&text);
		str_done(&report);
	}
	ck_assert_uint_gt(refused, 1000);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("conf");
	TCase *t = tcase_create("policy");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, shortest);
	tcase_add_test(t, everything);
	tcase_add_test(t, shown_is_read_again);
	tcase_add_test(t, empty_sections);
	tcase_add_loop_test(t, reports, 0, sizeof bad / sizeof *bad);
	tcase_add_test(t, too_much);
	tcase_add_test(t, defaults_file);
	tcase_add_test(t, files);
	tcase_add_test(t, manual);
	tcase_add_test(t, table);
	tcase_add_test(t, mutations);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
