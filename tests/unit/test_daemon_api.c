/* Routes, refusals and answers, without a socket. */
#include <jansson.h>
#include <string.h>

#include "base/clock.h"
#include "base/fsio.h"
#include "daemon/api.h"
#include "daemon/daemon.h"
#include "daemon/status_parts.h"
#include "tests/unit/unit.h"

static struct daemon d;
static char dir[32];
static struct err err;

static void setup(void)
{
	strcpy(dir, "/tmp/mybak-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	d = (struct daemon){.options = {.policy = "p", .socket = "s", .state_dir = dir}};
	d.policy = policy_new();
	d.policy->instance_n = 1;
	d.policy->instances = mem_zalloc(sizeof *d.policy->instances);
	d.policy->instances[0].name = mem_strdup("main");
	d.policy->instances[0].method = mem_strdup("hot");
	ck_ok(loop_new(&d.loop, &err), err);
	d.tick = loop_timer_new(d.loop, NULL, NULL);
	ck_ok(history_open(dir, 1, &d.history, &err), err);
	jobs_init(&d.jobs, 16, 1);
	*vec_push(&d.instances) = instance_new("main", d.history, 1);
}

static void teardown(void)
{
	jobs_done(&d.jobs);
	instance_free(d.instances.v[0]);
	vec_done(&d.instances);
	history_free(d.history);
	loop_free(d.loop);
	policy_unref(d.policy);
	fsio_remove_tree(dir, &err);
}

/* The answer as JSON, owned by the caller. */
static json_t *ask(const char *method, const char *path, const char *body, bool control,
                   struct api_reply *ret)
{
	struct api_request rq = {
	    .method = method,
	    .path = path,
	    .body = body,
	    .body_n = strlen(body),
	    .may_control = control,
	};
	api_handle(&d, &rq, ret);
	ck_assert_uint_eq(strlen(ret->body), ret->body_n);
	json_t *j = json_loads(ret->body, 0, NULL);
	free(ret->body);
	return j;
}

static void refused(const char *method, const char *path, const char *body, int status,
                    const char *kind)
{
	struct api_reply reply;
	json_t *j = ask(method, path, body, true, &reply), *e = json_object_get(j, "error");
	ck_assert_msg(reply.status == status, "%s %s %.40s: %d", method, path, body, reply.status);
	ck_assert_str_eq(json_string_value(json_object_get(e, "kind")), kind);
	ck_assert_ptr_nonnull(json_string_value(json_object_get(e, "message")));
	ck_assert_ptr_nonnull(json_object_get(e, "hint"));
	json_decref(j);
}

START_TEST(bad_requests_get_a_reason)
{
	static const struct {
		const char *method, *path, *body;
		int status;
		const char *kind;
	} rows[] = {
	    {"GET", "/", "", 404, "not_found"},
	    {"GET", "", "", 404, "not_found"},
	    {"GET", "/v1/jobs/", "", 404, "not_found"},
	    {"GET", "/v1/jobs/1/2", "", 404, "not_found"},
	    {"GET", "/v1/jobs/%00", "", 404, "not_found"},
	    {"GET", "/v1/jobs/%", "", 404, "not_found"},
	    {"GET", "/v1/jobs/-1", "", 400, "usage"},
	    {"GET", "/v1/jobs/+1", "", 400, "usage"},
	    {"GET", "/v1/jobs/99999999999999999999", "", 400, "usage"},
	    {"GET", "/v1/jobs/5", "", 404, "not_found"},
	    {"DELETE", "/v1/jobs/5", "", 404, "not_found"},
	    {"GET", "/v1/instances/nobody/backups", "", 404, "not_found"},
	    {"GET", "/v1/instances/..%2f..%2fetc/backups", "", 404, "not_found"},
	    {"GET", "/v1/instances/main/backups/x", "", 404, "not_found"},
	    {"PUT", "/v1/jobs", "{}", 405, "usage"},
	    {"POST", "/metrics", "{}", 405, "usage"},
	    {"POST", "/v1/jobs", "", 400, "usage"},
	    {"POST", "/v1/jobs", "{", 400, "usage"},
	    {"POST", "/v1/jobs", "[]", 400, "usage"},
	    {"POST", "/v1/jobs", "{}", 400, "usage"},
	    {"POST", "/v1/jobs", "{\"type\":7}", 400, "usage"},
	    {"POST", "/v1/jobs", "{\"type\":\"full\",\"colour\":\"red\"}", 400, "usage"},
	    {"POST", "/v1/jobs", "{\"type\":\"full\",\"type\":\"full\"}", 400, "usage"},
	    {"POST", "/v1/jobs", "{\"type\":\"drill\"}", 400, "usage"},
	    /* no stream runs */
	    {"POST", "/v1/jobs", "{\"type\":\"binlog\",\"instance\":\"main\"}", 403, "refused"},
	    {"POST", "/v1/jobs", "{\"type\":\"full\",\"instance\":\"other\"}", 404, "not_found"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		refused(rows[i].method, rows[i].path, rows[i].body, rows[i].status, rows[i].kind);
	ck_assert_uint_eq(d.jobs.all.n, 0);
}
END_TEST

/* The policy says that it is archived, and nothing is wrong with it. */
START_TEST(during_the_start_nobody_is_sent_to_the_policy)
{
	d.policy->instances[0].schedule.binlog = BINLOG_CONTINUOUS;
	refused("POST", "/v1/jobs", "{\"type\":\"binlog\",\"instance\":\"main\"}", 409, "busy");
	err_set(&d.instances.v[0]->binlog.why, ERR_FAILED, "no thread");
	refused("POST", "/v1/jobs", "{\"type\":\"binlog\",\"instance\":\"main\"}", 500, "failed");
}
END_TEST

START_TEST(wrong_method_says_what_is_allowed)
{
	struct api_reply reply;
	json_decref(ask("PUT", "/v1/jobs", "", true, &reply));
	ck_assert_int_eq(reply.status, 405);
	ck_assert_str_eq(reply.allow, "GET, HEAD, POST");
}
END_TEST

START_TEST(a_body_that_is_too_large)
{
	char *body = mem_zalloc(API_BODY_MAX + 2);
	memset(body, ' ', API_BODY_MAX + 1);
	refused("POST", "/v1/jobs", body, 413, "usage");
	free(body);
}
END_TEST

START_TEST(readers_do_not_control)
{
	struct api_reply reply;
	json_decref(ask("POST", "/v1/jobs", "{\"type\":\"full\"}", false, &reply));
	ck_assert_int_eq(reply.status, 403);
	json_decref(ask("DELETE", "/v1/jobs/1", "", false, &reply));
	ck_assert_int_eq(reply.status, 403);
	json_decref(ask("POST", "/v1/reload", "", false, &reply));
	ck_assert_int_eq(reply.status, 403);
	json_decref(ask("GET", "/v1/status", "", false, &reply));
	ck_assert_int_eq(reply.status, 200);
	ck_assert_uint_eq(d.jobs.all.n, 0);
}
END_TEST

START_TEST(a_job_is_queued_shown_and_refused_twice)
{
	struct api_reply reply;
	json_t *j = ask("POST", "/v1/jobs", "{\"type\":\"full\"}", true, &reply);
	ck_assert_int_eq(reply.status, 202);
	ck_assert_int_eq(json_integer_value(json_object_get(j, "id")), 17);
	json_decref(j);
	j = ask("GET", "/v1/jobs/17", "", true, &reply);
	ck_assert_str_eq(json_string_value(json_object_get(j, "state")), "queued");
	ck_assert_str_eq(json_string_value(json_object_get(j, "instance")), "main");
	ck_assert(json_is_null(json_object_get(j, "error")));
	json_decref(j);
	j = ask("POST", "/v1/jobs", "{\"type\":\"full\",\"instance\":\"main\"}", true, &reply);
	ck_assert_int_eq(reply.status, 409);
	json_t *e = json_object_get(j, "error");
	ck_assert_int_eq(json_integer_value(json_object_get(e, "id")), 17);
	json_decref(j);
}
END_TEST

START_TEST(a_path_may_be_escaped)
{
	struct api_reply reply;
	json_t *j = ask("GET", "/v1/instances/m%61in/backups", "", true, &reply);
	ck_assert_int_eq(reply.status, 200);
	ck_assert(json_is_array(j));
	json_decref(j);
}
END_TEST

START_TEST(status_before_anything_is_known)
{
	struct api_reply reply;
	json_t *j = ask("GET", "/v1/status", "", true, &reply);
	json_t *one = json_array_get(json_object_get(j, "instances"), 0);
	ck_assert_str_eq(json_string_value(json_object_get(one, "name")), "main");
	ck_assert(json_is_null(json_object_get(one, "last_full")));
	ck_assert(json_is_null(json_object_get(one, "next_full")));
	json_decref(j);
	j = ask("GET", "/v1/check", "", true, &reply);
	ck_assert(json_is_null(json_object_get(j, "checked")));
	json_decref(j);
}
END_TEST

static char *metrics(const char *accept, const char **ret_type)
{
	struct api_request rq = {.method = "GET", .path = "/metrics", .body = "", .accept = accept};
	struct api_reply reply;
	api_handle(&d, &rq, &reply);
	ck_assert_int_eq(reply.status, 200);
	*ret_type = reply.type;
	return reply.body;
}

/* The level of what one look says of a stream, and the text until the next; NULL: nothing. */
static const char *stream_says(double behind_s, const char **ret_text)
{
	static json_t *list;
	struct stream_status st = {.state = STREAM_RUNNING, .file = "binlog.000007"};
	int64_t now = clock_wall_us();
	json_decref(list);
	list = json_array();
	st.current_us = behind_s < 0 ? 0 : now - (int64_t)(behind_s * 1e6);
	status_stream_line(list, "main", &st, -behind_s, false);
	json_t *one = json_array_get(list, 0);
	*ret_text = one ? json_string_value(json_object_get(one, "text")) : NULL;
	return one ? json_string_value(json_object_get(one, "level")) : NULL;
}

START_TEST(a_stream_that_is_late_is_told)
{
	const char *text;
	ck_assert_ptr_null(stream_says(50, &text));
	ck_assert_str_eq(stream_says(70, &text), "warning");
	ck_assert_ptr_nonnull(strstr(text, "binlog.000007"));
	ck_assert_str_eq(stream_says(5 * 3600, &text), "critical");
	/* Not caught up since the start of the daemon, so long ago. */
	ck_assert_ptr_null(stream_says(-50, &text));
	ck_assert_str_eq(stream_says(-70, &text), "warning");
	ck_assert_ptr_nonnull(strstr(text, "not caught up"));
	ck_assert_str_eq(stream_says(-5 * 3600, &text), "critical");
}
END_TEST

START_TEST(without_a_binlog_nothing_is_late)
{
	struct stream_status st = {.state = STREAM_WAITING, .current_us = 1, .lag_bytes = 5};
	json_t *list = json_array();
	ck_assert(binlog_lag_seconds(&st, 1000000) > 0);
	st.why = (struct err){.kind = ERR_REFUSED, .sys = STREAM_NO_BINLOG};
	ck_assert(binlog_lag_seconds(&st, 1000000) < 0);
	status_stream_line(list, "main", &st, 1e6, true);
	ck_assert_uint_eq(json_array_size(list), 0);
	json_decref(list);
}
END_TEST

/* Whether the binlog arrives is told by the stream: a wait that failed is over. */
START_TEST(a_failed_wait_for_the_stream_is_no_lasting_problem)
{
	struct api_reply reply;
	const char *type;
	d.instances.v[0]->last[JOB_BINLOG].failed = true;
	json_t *j = ask("GET", "/v1/status", "", true, &reply);
	ck_assert_uint_eq(json_array_size(json_object_get(j, "problems")), 0);
	json_decref(j);
	char *text = metrics(NULL, &type);
	ck_assert_ptr_null(strstr(text, "last_error_status{instance=\"main\",type=\"binlog\"} 1"));
	free(text);
	d.instances.v[0]->last[JOB_VERIFY].failed = true;
	j = ask("GET", "/v1/status", "", true, &reply);
	ck_assert_uint_eq(json_array_size(json_object_get(j, "problems")), 1);
	json_decref(j);
}
END_TEST

START_TEST(metrics_in_both_formats)
{
	const char *type;
	char *text = metrics(NULL, &type);
	ck_assert_ptr_nonnull(strstr(type, "version=0.0.4"));
	ck_assert_ptr_nonnull(strstr(text, "\n# TYPE mybak_page_reread_total counter\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nmybak_up 1\n"));
	free(text);
	text = metrics("application/openmetrics-text; version=1.0.0", &type);
	ck_assert_ptr_nonnull(strstr(type, "openmetrics"));
	ck_assert_ptr_nonnull(strstr(text, "\n# TYPE mybak_page_reread counter\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nmybak_page_reread_total{instance=\"main\"} 0\n"));
	ck_assert_str_eq(text + strlen(text) - 6, "# EOF\n");
	free(text);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("daemon api");
	TCase *c = tcase_create("routes");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, bad_requests_get_a_reason);
	tcase_add_test(c, during_the_start_nobody_is_sent_to_the_policy);
	tcase_add_test(c, wrong_method_says_what_is_allowed);
	tcase_add_test(c, a_body_that_is_too_large);
	tcase_add_test(c, readers_do_not_control);
	tcase_add_test(c, a_job_is_queued_shown_and_refused_twice);
	tcase_add_test(c, a_path_may_be_escaped);
	tcase_add_test(c, status_before_anything_is_known);
	tcase_add_test(c, metrics_in_both_formats);
	tcase_add_test(c, a_stream_that_is_late_is_told);
	tcase_add_test(c, without_a_binlog_nothing_is_late);
	tcase_add_test(c, a_failed_wait_for_the_stream_is_no_lasting_problem);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
