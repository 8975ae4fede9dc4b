/* What follows from what other threads tell, without a loop that runs. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "daemon/flow.h"
#include "daemon/note.h"
#include "tests/unit/unit.h"

#define MUTE 5
#define MIN (60 * CLOCK_US)
#define HOUR (60 * MIN)
#define DAY (24 * HOUR)
#define T0 (1763820000 * CLOCK_US)

static struct daemon d;
static char dir[32], url[80];
static struct err err;

/* Jobs are queued and none starts. */
static void setup(void)
{
	strcpy(dir, "/tmp/mybak-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(url, sizeof url, "file://%s/repo", dir);
	clock_set_fake(T0);
	err = ERR_INIT;
	d = (struct daemon){.options = {.policy = "p", .socket = "s", .state_dir = dir}};
	d.policy = policy_new();
	d.policy->repository_n = 1;
	d.policy->repositories = mem_zalloc(sizeof *d.policy->repositories);
	d.policy->repositories[0].name = mem_strdup("local");
	d.policy->repositories[0].url = mem_strdup(url);
	d.policy->instance_n = 1;
	d.policy->instances = mem_zalloc(sizeof *d.policy->instances);
	d.policy->instances[0].name = mem_strdup("main");
	d.policy->instances[0].method = mem_strdup("hot");
	d.policy->instances[0].socket = mem_strdup("/nowhere");
	d.policy->instances[0].schedule.binlog = BINLOG_CONTINUOUS;
	ck_ok(loop_new(&d.loop, &err), err);
	d.tick = loop_timer_new(d.loop, NULL, NULL);
	d.heartbeat = loop_timer_new(d.loop, NULL, NULL);
	d.refresh = loop_timer_new(d.loop, NULL, NULL);
	ck_ok(mbox_new(&d.box, &err), err);
	ck_ok(history_open(dir, 1, &d.history, &err), err);
	/* One that runs is all that may. */
	struct job *j;
	int64_t existing;
	jobs_init(&d.jobs, 0, 1);
	ck_ok(jobs_add(&d.jobs, JOB_FULL, "other", -1, T0, &j, &existing, &err), err);
	j->state = JOB_RUNNING;
	*vec_push(&d.instances) = instance_new("main", d.history, 1);
	d.prepared = true;
}

static void teardown(void)
{
	clock_set_fake(-1);
	d.stopping = true;
	binlog_done(&d.instances.v[0]->binlog);
	flow_notes(&d);
	jobs_done(&d.jobs);
	instance_free(d.instances.v[0]);
	vec_done(&d.instances);
	snapshot_free(d.snapshot);
	mbox_free(d.box);
	history_free(d.history);
	loop_free(d.loop);
	policy_unref(d.policy);
	fsio_remove_tree(dir, &err);
}

/* Somebody has looked into the repository. */
static void look(const char *full_due)
{
	struct snapshot *s = snapshot_take(d.policy, NULL);
	struct snapshot_instance *one = &s->instances[0];
	one->loaded = one->binlog_loaded = true;
	snprintf(one->binlog.full_due, sizeof one->binlog.full_due, "%s", full_due);
	note_post(d.box, NOTE_SNAPSHOT, s);
	flow_notes(&d);
	flow_tick(&d);
}

static struct job *full_queued(void)
{
	return jobs_active(&d.jobs, JOB_FULL, "main");
}

/* The queued full is made, as if it had run. */
static void make_full(int64_t now)
{
	struct job *j = full_queued();
	struct manifest *m = manifest_new();
	clock_set_fake(now);
	clock_format_id(m->id, sizeof m->id, now);
	strcat(m->id, "-full");
	m->instance = mem_strdup("main");
	m->finished_us = now;
	jobs_end(j, NULL, now);
	rescue_made(&d.instances.v[0]->binlog.rescue, now);
	snapshot_add(d.snapshot, m);
	flow_tick(&d);
	clock_set_fake(now + CLOCK_US);
}

/* One that mends nothing must not be followed by the next at once, and so on. */
START_TEST(fulls_in_vain_become_rare)
{
	look("binlogs are missing");
	ck_assert_ptr_nonnull(full_queued());
	make_full(T0 + HOUR);
	ck_assert_ptr_null(full_queued());
	look("binlogs are missing");
	ck_assert_ptr_null(full_queued());
	clock_set_fake(T0 + HOUR + MIN);
	look("binlogs are missing");
	ck_assert_ptr_nonnull(full_queued());
	make_full(T0 + 2 * HOUR);
	for (int64_t t = 3 * HOUR; t < 2 * HOUR + DAY; t += HOUR) {
		clock_set_fake(T0 + t);
		look("binlogs are missing");
		ck_assert_ptr_null(full_queued());
	}
	clock_set_fake(T0 + 2 * HOUR + DAY);
	look("binlogs are missing");
	ck_assert_ptr_nonnull(full_queued());
}
END_TEST

START_TEST(the_next_gap_is_a_new_one)
{
	look("binlogs are missing");
	make_full(T0 + HOUR);
	clock_set_fake(T0 + HOUR + MIN);
	look("binlogs are missing");
	make_full(T0 + 2 * HOUR);
	look("");
	ck_assert_ptr_null(full_queued());
	look("binlogs are missing");
	ck_assert_ptr_nonnull(full_queued());
}
END_TEST

/* What a fresh instance archived before its first full goes with it, not after a month. */
START_TEST(binlogs_before_the_first_full_are_expired)
{
	look("");
	d.instances.v[0]->expire_us = T0; /* a full was made */
	for (int round = 0; round < 2; round++) {
		struct snapshot *s = snapshot_take(d.policy, NULL);
		s->instances[0].loaded = s->instances[0].binlog_loaded = true;
		s->instances[0].binlog.unneeded = 3;
		note_post(d.box, NOTE_SNAPSHOT, s);
		flow_notes(&d);
		/* Somebody cancels it: the next look does not queue it again. */
		struct job *j = jobs_active(&d.jobs, JOB_EXPIRE, "main");
		ck_assert(round ? !j : j != NULL);
		if (j)
			jobs_end(j, NULL, T0);
	}
}
END_TEST

/* The stream has gone on, but not from what was seen in the repository. */
START_TEST(seconds_behind_what_was_not_seen_are_not_promised)
{
	struct binlog b = {0};
	struct binlog_state seen = {.seen_us = T0, .lineage = "A-1", .open_ended = true};
	struct stream_status st = {.lineage = "A-1", .caught_up_us = T0 + MIN};
	ck_assert_int_eq(binlog_reaches_us(&b, &st, &seen), T0 + MIN);
	/* Counted by the stream, and nobody was told yet. */
	st.gaps = 1;
	ck_assert_int_eq(binlog_reaches_us(&b, &st, &seen), 0);
	b.gaps_told = 1;
	b.gap_us = T0 + 1;
	ck_assert_int_eq(binlog_reaches_us(&b, &st, &seen), 0);
	/* It shows in a later look: then the state is that of the run behind it. */
	seen.seen_us = T0 + MIN;
	ck_assert_int_eq(binlog_reaches_us(&b, &st, &seen), T0 + MIN);
	seen.open_ended = false;
	ck_assert_int_eq(binlog_reaches_us(&b, &st, &seen), 0);
	seen.open_ended = true;
	strcpy(st.lineage, "B-1");
	ck_assert_int_eq(binlog_reaches_us(&b, &st, &seen), 0);
	st.lineage[0] = seen.lineage[0] = '\0';
	ck_assert_int_eq(binlog_reaches_us(&b, &st, &seen), 0);
}
END_TEST

/* A gap that was told, and what was known of the archive before. */
START_TEST(the_note_of_a_gap_is_kept)
{
	struct binlog_note *n = mem_zalloc(sizeof *n);
	n->instance = mem_strdup("main");
	strcpy(n->what, "gap");
	note_post(d.box, NOTE_BINLOG, n);
	d.stopping = true;
	flow_notes(&d);
	ck_assert_int_eq(d.instances.v[0]->binlog.gap_us, T0);
}
END_TEST

/* Servers that take a connection and never say a word: they are waited for together. */
START_TEST(streams_end_together)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct policy_instance *list = mem_zalloc(MUTE * sizeof *list);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	snprintf(at.sun_path, sizeof at.sun_path, "%s/mute", dir);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	list[0] = d.policy->instances[0];
	for (unsigned i = 0; i < MUTE; i++) {
		if (i) {
			list[i].name = mem_printf("mute%u", i);
			list[i].method = mem_strdup("hot");
			list[i].schedule.binlog = BINLOG_CONTINUOUS;
			*vec_push(&d.instances) = instance_new(list[i].name, d.history, 1);
		}
		free(list[i].socket);
		list[i].socket = mem_strdup(at.sun_path);
	}
	free(d.policy->instances);
	d.policy->instances = list;
	d.policy->instance_n = MUTE;
	clock_set_fake(-1);
	look("");
	usleep(300000);
	for (unsigned i = 0; i < MUTE; i++)
		list[i].schedule.binlog = BINLOG_OFF;
	uint64_t began = clock_mono_ns();
	flow_follow_binlogs(&d);
	ck_assert_uint_lt(clock_mono_ns() - began, 3000000000U);
	while (d.instances.n > 1)
		instance_free(d.instances.v[--d.instances.n]);
	close(fd);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("daemon flow");
	TCase *c = tcase_create("flow");
	tcase_set_timeout(c, 30);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, fulls_in_vain_become_rare);
	tcase_add_test(c, the_next_gap_is_a_new_one);
	tcase_add_test(c, seconds_behind_what_was_not_seen_are_not_promised);
	tcase_add_test(c, the_note_of_a_gap_is_kept);
	tcase_add_test(c, streams_end_together);
	tcase_add_test(c, binlogs_before_the_first_full_are_expired);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
