#include "support_api.h"

static const struct json *find_workflow(const struct reply *r, const char *slug)
{
	for (const struct json *w = json_first(json_get(r->json, "workflows")); w; w = json_next(w))
		if (strcmp(json_get_str(w, "slug"), slug) == 0)
			return w;
	fail_msg("no workflow %s", slug);
	return NULL;
}

static bool is_switching(void *arg)
{
	const struct fixture *f = arg;
	return f->in_line != NULL;
}

static void lists_workflows_with_their_triggers(void **state)
{
	struct reply r = call(*state, "GET", "/api/v1/workflows", NULL);
	assert_int_equal(r.status, 200);
	const struct json *hello = find_workflow(&r, "hello");
	assert_int_equal(json_count(json_get(r.json, "workflows")), 5);
	assert_string_equal(json_get_str(hello, "name"), "Hello");
	assert_string_equal(json_get_str(hello, "team"), "Tests");
	assert_true(json_bool(json_get(hello, "enabled")));
	assert_true(json_number(json_get(hello, "revision")) == 1);
	assert_int_equal(strlen(json_get_str(hello, "revisionId")), 24);
	const struct json *trigger = json_first(json_get(hello, "triggers"));
	assert_string_equal(json_get_str(trigger, "id"), "push");
	assert_string_equal(json_get_str(trigger, "plugin"), "webhook");
	assert_string_equal(json_get_str(json_get(trigger, "health"), "state"), "running");
	reply_release(&r);
}

static void shows_a_workflow_whole(void **state)
{
	struct reply r = call(*state, "GET", "/api/v1/workflows/hello", NULL);
	assert_int_equal(r.status, 200);
	assert_string_equal(json_get_str(json_first(json_get(r.json, "params")), "default"), "world");
	const struct json *greet = json_first(json_get(r.json, "steps"));
	assert_string_equal(json_get_str(greet, "kind"), "script");
	assert_int_equal(strlen(json_get_str(greet, "taskId")), 36);
	assert_string_equal(json_str(json_first(json_get(json_next(greet), "needs"))), "greet");
	assert_true(json_is_object(json_get(r.json, "definition")));
	reply_release(&r);
	expect_problem(*state, "GET", "/api/v1/workflows/nobody", NULL, 404, "not-found", "nobody");
}

static void runs_a_workflow_and_tells_what_became_of_it(void **state)
{
	struct fixture *f = *state;
	char path[128], id[25];
	struct reply r =
		call(f, "POST", "/api/v1/workflows/hello/run", "{\"params\":{\"name\":\"You\"},\"payload\":[1]}");
	assert_int_equal(r.status, 200);
	snprintf(id, sizeof(id), "%s", json_get_str(r.json, "activityId"));
	reply_release(&r);
	await_status(f, id, "completed");
	snprintf(path, sizeof(path), "/api/v1/activities/%s", id);
	r = call(f, "GET", path, NULL);
	assert_string_equal(json_get_str(r.json, "trigger"), "manual");
	assert_string_equal(json_get_str(json_get(r.json, "cause"), "via"), "control");
	const struct json *greet = json_first(json_get(r.json, "steps"));
	assert_string_equal(json_get_str(json_get(greet, "outputs"), "greeting"), "hi");
	reply_release(&r);
	snprintf(path, sizeof(path), "/api/v1/activities/%s/logs?step=greet", id);
	r = call(f, "GET", path, NULL);
	const struct json *record = json_first(json_get(r.json, "records"));
	assert_string_equal(json_get_str(record, "text"), "hello You\n");
	assert_string_equal(json_get_str(record, "step"), "greet");
	assert_string_equal(json_get_str(record, "stream"), "stdout");
	assert_false(json_bool(json_get(r.json, "ended")));
	snprintf(path, sizeof(path), "/api/v1/activities/%s/logs?after=%.0f", id,
		 json_number(json_get(r.json, "next")));
	reply_release(&r);
	r = call(f, "GET", path, NULL);
	assert_int_equal(json_count(json_get(r.json, "records")), 0);
	assert_true(json_bool(json_get(r.json, "ended")));
	reply_release(&r);
	snprintf(path, sizeof(path), "/api/v1/activities/%s/logs?step=nothing", id);
	expect_problem(f, "GET", path, NULL, 404, "not-found", "nothing");
}

static void names_the_parameter_that_is_wrong(void **state)
{
	expect_problem(*state, "POST", "/api/v1/workflows/hello/run", "{\"params\":{\"nome\":\"x\"}}", 422,
		       "parameters", "nome");
}

static void refuses_what_it_does_not_understand(void **state)
{
	const char *run = "/api/v1/workflows/hello/run";
	expect_problem(*state, "POST", run, "{\"parms\":{}}", 422, "unknown-key", "parms");
	expect_problem(*state, "POST", run, "{\"params\":[]}", 422, "invalid-value", "params");
	expect_problem(*state, "POST", run, "[]", 400, "invalid-json", "object");
	expect_problem(*state, "POST", run, "{\"params\":", 400, "invalid-json", "JSON");
	expect_problem(*state, "GET", "/api/v1/activities?statsu=x", NULL, 400, "unknown-key", "statsu");
	expect_problem(*state, "GET", "/api/v1/activities?status=x", NULL, 400, "invalid-value", "status");
	expect_problem(*state, "GET", "/api/v1/activities?limit=0", NULL, 400, "invalid-value", "limit");
	expect_problem(*state, "GET", "/api/v1/activities?since=yesterday", NULL, 400, "invalid-value", "since");
	expect_problem(*state, "GET", "/api/v1/activities?before=1", NULL, 400, "invalid-value", "before");
	expect_problem(*state, "GET", "/api/v1/activities?workflow=x", NULL, 404, "not-found", "\"x\"");
	expect_problem(*state, "GET", "/api/v1/events?since=-1", NULL, 400, "invalid-value", "since");
	expect_problem(*state, "POST", "/api/v1/workflows/hello/enable", "{\"x\":1}", 422, "unknown-key", "x");
}

static void does_not_run_what_is_switched_off(void **state)
{
	struct fixture *f = *state;
	struct reply r = call(f, "POST", "/api/v1/workflows/hello/disable", NULL);
	assert_int_equal(r.status, 200);
	assert_false(json_bool(json_get(r.json, "enabled")));
	assert_int_equal(f->switched, 1);
	reply_release(&r);
	expect_problem(f, "POST", "/api/v1/workflows/hello/run", NULL, 409, "disabled", "off");
	expect_problem(f, "POST", "/api/v1/workflows/locked/run", NULL, 409, "disabled", "by hand");
	r = call(f, "POST", "/api/v1/workflows/hello/enable", NULL);
	assert_true(json_bool(json_get(r.json, "enabled")));
	reply_release(&r);
	r = call(f, "GET", "/api/v1/refusals?workflow=locked", NULL);
	const struct json *refusal = json_first(json_get(r.json, "refusals"));
	assert_string_equal(json_get_str(refusal, "reason"), "disabled");
	assert_string_equal(json_get_str(refusal, "workflow"), "locked");
	reply_release(&r);
}

static void switches_one_trigger(void **state)
{
	struct fixture *f = *state;
	struct reply r = call(f, "POST", "/api/v1/workflows/hello/triggers/push/disable", NULL);
	assert_int_equal(r.status, 200);
	assert_true(json_bool(json_get(r.json, "enabled")));
	assert_false(json_bool(json_get(json_first(json_get(r.json, "triggers")), "enabled")));
	reply_release(&r);
	r = call(f, "POST", "/api/v1/workflows/hello/triggers/push/enable", NULL);
	assert_true(json_bool(json_get(json_first(json_get(r.json, "triggers")), "enabled")));
	reply_release(&r);
	expect_problem(f, "POST", "/api/v1/workflows/hello/triggers/pull/enable", NULL, 404, "not-found", "pull");
}

static void pages_through_activities(void **state)
{
	struct fixture *f = *state;
	char ids[3][25], path[128];
	for (size_t i = 0; i < 3; i++)
		run_workflow(f, "slow", ids[i]);
	struct reply r = call(f, "GET", "/api/v1/activities?workflow=slow&limit=2&since=1h", NULL);
	const struct json *first = json_first(json_get(r.json, "activities"));
	assert_string_equal(json_get_str(first, "id"), ids[2]);
	assert_string_equal(json_get_str(json_next(first), "id"), ids[1]);
	assert_string_equal(json_get_str(r.json, "next"), ids[1]);
	reply_release(&r);
	snprintf(path, sizeof(path), "/api/v1/activities?workflow=slow&limit=2&before=%s", ids[1]);
	r = call(f, "GET", path, NULL);
	assert_int_equal(json_count(json_get(r.json, "activities")), 1);
	assert_true(json_is_null(json_get(r.json, "next")));
	reply_release(&r);
	r = call(f, "GET", "/api/v1/activities?workflow=slow&status=completed", NULL);
	assert_int_equal(json_count(json_get(r.json, "activities")), 0);
	reply_release(&r);
}

static void cancels_an_activity_once(void **state)
{
	struct fixture *f = *state;
	char id[25], path[64];
	run_workflow(f, "slow", id);
	snprintf(path, sizeof(path), "/api/v1/activities/%s/cancel", id);
	struct reply r = call(f, "POST", path, NULL);
	assert_int_equal(r.status, 200);
	reply_release(&r);
	await_status(f, id, "cancelled");
	expect_problem(f, "POST", path, NULL, 409, "ended", "ended");
	expect_problem(f, "POST", "/api/v1/activities/0123456789abcdef01234567/cancel", NULL, 404, "not-found",
		       "activity");
	expect_problem(f, "POST", "/api/v1/activities/x/cancel", NULL, 404, "not-found", "activity");
	expect_problem(f, "GET", "/api/v1/activities/0123456789abcdef01234567", NULL, 404, "not-found", "activity");
	expect_problem(f, "GET", "/api/v1/activities/0123456789abcdef01234567/logs", NULL, 404, "not-found",
		       "activity");
}

static void pages_through_events(void **state)
{
	struct fixture *f = *state;
	char id[25], path[64];
	run_workflow(f, "slow", id);
	struct reply r = call(f, "GET", "/api/v1/events?limit=1", NULL);
	const struct json *event = json_first(json_get(r.json, "events"));
	assert_int_equal(json_count(json_get(r.json, "events")), 1);
	assert_true(json_number(json_get(event, "seq")) == json_number(json_get(r.json, "next")));
	snprintf(path, sizeof(path), "/api/v1/events?since=%.0f", json_number(json_get(r.json, "next")));
	reply_release(&r);
	r = call(f, "GET", path, NULL);
	bool found = false;
	for (event = json_first(json_get(r.json, "events")); event; event = json_next(event))
		found = found || (strcmp(json_get_str(event, "event"), "activity.accepted") == 0 &&
				  strcmp(json_get_str(event, "activityId"), id) == 0 &&
				  strcmp(json_get_str(event, "workflow"), "slow") == 0);
	assert_true(found);
	reply_release(&r);
}

static void lists_triggers_by_workflow_plugin_and_state(void **state)
{
	struct fixture *f = *state;
	static const char *const none[] = {"workflow=slow", "plugin=schedule", "state=dead"};
	static const char *const one[] = {"", "workflow=hello", "plugin=webhook&state=running"};
	char path[96];
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "/api/v1/triggers?%s", one[i]);
		struct reply r = call(f, "GET", path, NULL);
		const struct json *trigger = json_first(json_get(r.json, "triggers"));
		assert_string_equal(json_get_str(trigger, "id"), "push");
		assert_string_equal(json_get_str(trigger, "workflow"), "hello");
		assert_string_equal(json_get_str(json_get(trigger, "health"), "state"), "running");
		assert_true(json_bool(json_get(trigger, "enabled")));
		reply_release(&r);
		snprintf(path, sizeof(path), "/api/v1/triggers?%s", none[i]);
		r = call(f, "GET", path, NULL);
		assert_int_equal(r.status, 200);
		assert_int_equal(json_count(json_get(r.json, "triggers")), 0);
		reply_release(&r);
	}
	struct reply r = call(f, "GET", "/api/v1/workflows/hello/triggers/push", NULL);
	assert_string_equal(json_get_str(r.json, "plugin"), "webhook");
	assert_true(json_is_object(json_get(r.json, "with")));
	reply_release(&r);
	expect_problem(f, "GET", "/api/v1/workflows/hello/triggers/pull", NULL, 404, "not-found", "pull");
	expect_problem(f, "GET", "/api/v1/triggers?state=well", NULL, 400, "invalid-value", "state");
	expect_problem(f, "GET", "/api/v1/triggers?workflow=x", NULL, 404, "not-found", "\"x\"");
}

static void a_workflow_that_is_known_is_not_sent_again(void **state)
{
	struct fixture *f = *state;
	char header[256], tag[96];
	struct reply r = call(f, "GET", "/api/v1/workflows/hello", NULL);
	assert_int_equal(sscanf(reply_header(&r, "ETag"), "W/%90s", tag), 1);
	reply_release(&r);
	snprintf(header, sizeof(header), "If-None-Match: \"other\", W/%s\r\n", tag);
	r = exchange_end(exchange_start_with(f, "GET", "/api/v1/workflows/hello", header, NULL));
	assert_int_equal(r.status, 304);
	assert_string_equal(r.body, "");
	assert_non_null(reply_header(&r, "ETag"));
	reply_release(&r);
	r = exchange_end(exchange_start_with(f, "GET", "/api/v1/workflows/slow", header, NULL));
	assert_int_equal(r.status, 200);
	reply_release(&r);
	r = call(f, "POST", "/api/v1/workflows/hello/triggers/push/disable", "{}");
	reply_release(&r);
	r = exchange_end(exchange_start_with(f, "GET", "/api/v1/workflows/hello", header, NULL));
	assert_int_equal(r.status, 200);
	reply_release(&r);
}

static void metrics_are_there_for_the_admin_too(void **state)
{
	struct reply r = call(*state, "GET", "/api/v1/metrics", NULL);
	assert_int_equal(r.status, 200);
	assert_non_null(strstr(r.body, "# TYPE tappet_api_streams gauge"));
	reply_release(&r);
	r = call_tcp(*state, "GET", "/api/v1/metrics", "localhost", "");
	assert_int_equal(r.status, 401);
	reply_release(&r);
}

static void a_switch_is_answered_when_the_triggers_are_in_line(void **state)
{
	struct fixture *f = *state;
	f->hold_switch = true;
	struct exchange *x = exchange_start(f, "POST", "/api/v1/workflows/hello/disable", "{}");
	turn_until(f, is_switching, f);
	struct reply r = call(f, "GET", "/api/v1/workflows/hello", NULL);
	assert_false(json_bool(json_get(r.json, "enabled")));
	reply_release(&r);
	assert_string_equal(exchange_so_far(x), "");
	f->in_line(f->in_line_arg);
	r = exchange_end(x);
	assert_int_equal(r.status, 200);
	reply_release(&r);
}

static void tells_how_it_is(void **state)
{
	struct fixture *f = *state;
	struct reply r = call(f, "GET", "/healthz", NULL);
	assert_int_equal(r.status, 200);
	assert_string_equal(json_get_str(r.json, "status"), "ok");
	reply_release(&r);
	health_set(f->health, "store", HEALTH_DOWN, "broken");
	r = call(f, "GET", "/healthz", NULL);
	assert_int_equal(r.status, 503);
	assert_non_null(strstr(r.body, "broken"));
	reply_release(&r);
	r = call(f, "GET", "/readyz", NULL);
	assert_int_equal(r.status, 503);
	reply_release(&r);
	health_set(f->health, "store", HEALTH_OK, NULL);
	r = call(f, "GET", "/readyz", NULL);
	assert_int_equal(r.status, 200);
	reply_release(&r);
	api_ready(f->api, false);
	r = call(f, "GET", "/readyz", NULL);
	assert_int_equal(r.status, 503);
	reply_release(&r);
	r = call(f, "GET", "/metrics", NULL);
	assert_int_equal(r.status, 200);
	assert_true(strncmp(reply_header(&r, "Content-Type"), "text/plain; version=0.0.4", 25) == 0);
	assert_non_null(strstr(r.body, "# TYPE tappet_api_unauthorized_total counter"));
	reply_release(&r);
	r = call(f, "GET", "/api/v1/plugins", NULL);
	assert_string_equal(json_get_str(json_first(json_get(r.json, "plugins")), "name"), "webhook");
	reply_release(&r);
}

static void reload_tells_every_mistake(void **state)
{
	struct fixture *f = *state;
	struct reply r = call(f, "POST", "/api/v1/reload", NULL);
	assert_int_equal(r.status, 200);
	reply_release(&r);
	f->reload_status = -22;
	f->reload_mistakes = "a.json:1:2: wrong\nb.json:3:4: wrong too\n";
	r = call(f, "POST", "/api/v1/reload", NULL);
	assert_problem(&r, 422, "invalid-definitions", "nothing was changed");
	const struct json *mistakes = json_get(r.json, "mistakes");
	assert_int_equal(json_count(mistakes), 2);
	assert_string_equal(json_str(json_next(json_first(mistakes))), "b.json:3:4: wrong too");
	reply_release(&r);
}

static bool is_held(void *arg)
{
	const struct fixture *f = arg;
	return f->held != NULL;
}

static void a_request_in_flight_outlives_the_api(void **state)
{
	struct fixture *f = *state;
	f->hold_reload = true;
	struct exchange *reload = exchange_start(f, "POST", "/api/v1/reload", "{}");
	turn_until(f, is_held, f);
	api_free(f->api);
	f->api = NULL;
	struct reply r = call(f, "GET", "/api/v1/workflows", NULL);
	assert_int_equal(r.status, 404);
	reply_release(&r);
	f->held(f->held_arg, 0, "");
	r = exchange_end(reload);
	assert_int_equal(r.status, 200);
	reply_release(&r);
}

/* Whether a run is told as started or not, it is so in the store: api_free in between changes nothing. */
static void runs_in_flight_are_answered_after_the_api_is_gone(void **state)
{
	struct fixture *f = *state;
	struct exchange *runs[8];
	size_t started = 0;
	for (size_t i = 0; i < 8; i++)
		runs[i] = exchange_start(f, "POST", "/api/v1/workflows/slow/run", "{}");
	for (size_t i = 0; i < 8; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
	api_free(f->api);
	f->api = NULL;
	for (size_t i = 0; i < 8; i++) {
		struct reply r = exchange_end(runs[i]);
		assert_true(r.status == 200 || r.status == 404);
		started += r.status == 200;
		reply_release(&r);
	}
	open_api(f);
	api_ready(f->api, true);
	struct reply r = call(f, "GET", "/api/v1/activities?workflow=slow", NULL);
	assert_int_equal(json_count(json_get(r.json, "activities")), started);
	reply_release(&r);
}

static void before_it_was_ready_it_says_so(void **state)
{
	struct fixture *f = *state;
	const struct api_options options = {.loop = &f->loop,
					    .gateway = f->gateway,
					    .engine = f->engine,
					    .store = f->store,
					    .bus = f->bus,
					    .metrics = f->metrics,
					    .health = f->health,
					    .arg = f};
	api_free(f->api);
	assert_int_equal(api_open(&options, &f->api), 0);
	expect_problem(f, "GET", "/api/v1/workflows", NULL, 503, "starting", "starting");
	api_ready(f->api, true);
	struct reply r = call(f, "GET", "/api/v1", NULL);
	assert_int_equal(r.status, 200);
	assert_true(json_bool(json_get(r.json, "ready")));
	reply_release(&r);
}

#define API_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		API_TEST(lists_workflows_with_their_triggers),
		API_TEST(shows_a_workflow_whole),
		API_TEST(runs_a_workflow_and_tells_what_became_of_it),
		API_TEST(names_the_parameter_that_is_wrong),
		API_TEST(refuses_what_it_does_not_understand),
		API_TEST(does_not_run_what_is_switched_off),
		API_TEST(switches_one_trigger),
		API_TEST(pages_through_activities),
		API_TEST(cancels_an_activity_once),
		API_TEST(pages_through_events),
		API_TEST(lists_triggers_by_workflow_plugin_and_state),
		API_TEST(a_workflow_that_is_known_is_not_sent_again),
		API_TEST(metrics_are_there_for_the_admin_too),
		API_TEST(a_switch_is_answered_when_the_triggers_are_in_line),
		API_TEST(tells_how_it_is),
		API_TEST(reload_tells_every_mistake),
		API_TEST(a_request_in_flight_outlives_the_api),
		API_TEST(runs_in_flight_are_answered_after_the_api_is_gone),
		API_TEST(before_it_was_ready_it_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
