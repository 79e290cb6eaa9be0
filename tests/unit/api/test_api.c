#include "support_api.h"

static void assert_problem(const struct reply *r, int status, const char *type, const char *word)
{
	char whole[64];
	snprintf(whole, sizeof(whole), "tappet:%s", type);
	assert_int_equal(r->status, status);
	assert_string_equal(json_get_str(r->json, "type"), whole);
	assert_non_null(strstr(json_get_str(r->json, "detail"), word));
	assert_true(strncmp(reply_header(r, "Content-Type"), "application/problem+json", 24) == 0);
}

static void expect_problem(struct fixture *f, const char *method, const char *path, const char *body, int status,
			   const char *type, const char *word)
{
	struct reply r = call(f, method, path, body);
	assert_problem(&r, status, type, word);
	reply_release(&r);
}

static const struct json *find_workflow(const struct reply *r, const char *slug)
{
	for (const struct json *w = json_first(json_get(r->json, "workflows")); w; w = json_next(w))
		if (strcmp(json_get_str(w, "slug"), slug) == 0)
			return w;
	fail_msg("no workflow %s", slug);
	return NULL;
}

static void lists_workflows_with_their_triggers(void **state)
{
	struct reply r = call(*state, "GET", "/api/v1/workflows", NULL);
	assert_int_equal(r.status, 200);
	const struct json *hello = find_workflow(&r, "hello");
	assert_int_equal(json_count(json_get(r.json, "workflows")), 3);
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

static void makes_shows_renews_and_ends_tokens(void **state)
{
	struct fixture *f = *state;
	char id[25], secret[64], path[64];
	struct reply r = call(
		f, "POST", "/api/v1/tokens",
		"{\"workflow\":\"hello\",\"label\":\"ci\",\"scopes\":[\"trigger\",\"status\"],\"expires\":\"30d\"}");
	assert_int_equal(r.status, 201);
	assert_non_null(reply_header(&r, "Cache-Control"));
	snprintf(id, sizeof(id), "%s", json_get_str(r.json, "id"));
	snprintf(secret, sizeof(secret), "%s", json_get_str(r.json, "token"));
	assert_non_null(access_check(f->engine, secret, strlen(secret)));
	assert_string_equal(json_str(json_first(json_get(r.json, "workflows"))), "hello");
	assert_int_equal(json_count(json_get(r.json, "scopes")), 2);
	assert_true(json_is_string(json_get(r.json, "expiresAt")));
	reply_release(&r);
	r = call(f, "GET", "/api/v1/tokens?workflow=hello", NULL);
	assert_int_equal(json_count(json_get(r.json, "tokens")), 1);
	assert_null(strstr(r.body, secret));
	reply_release(&r);
	r = call(f, "GET", "/api/v1/tokens?workflow=slow", NULL);
	assert_int_equal(json_count(json_get(r.json, "tokens")), 0);
	reply_release(&r);
	snprintf(path, sizeof(path), "/api/v1/tokens/%s/renew", id);
	r = call(f, "POST", path, "{\"expires\":\"never\"}");
	assert_int_equal(r.status, 200);
	assert_string_not_equal(json_get_str(r.json, "token"), secret);
	assert_null(access_check(f->engine, secret, strlen(secret)));
	assert_true(json_is_null(json_get(r.json, "expiresAt")));
	reply_release(&r);
	snprintf(path, sizeof(path), "/api/v1/tokens/%s", id);
	r = call(f, "DELETE", path, NULL);
	assert_int_equal(r.status, 204);
	reply_release(&r);
	expect_problem(f, "DELETE", path, NULL, 404, "not-found", "token");
}

static void refuses_tokens_that_make_no_sense(void **state)
{
	const char *path = "/api/v1/tokens";
	expect_problem(*state, "POST", path, "{}", 422, "invalid-value", "workflow");
	expect_problem(*state, "POST", path, "{\"workflow\":\"hello\",\"team\":\"Tests\"}", 422, "invalid-value",
		       "one of");
	expect_problem(*state, "POST", path, "{\"workflows\":[\"hello\",\"nobody\"]}", 422, "unknown-workflow",
		       "nobody");
	expect_problem(*state, "POST", path, "{\"workflow\":\"hello\",\"expires\":\"2001-01-01\"}", 422,
		       "invalid-value", "expires");
	expect_problem(*state, "POST", path, "{\"workflow\":\"hello\",\"scopes\":\"everything\"}", 422, "invalid-value",
		       "scopes");
	expect_problem(*state, "POST", path, "{\"workflow\":\"hello\",\"lable\":\"x\"}", 422, "unknown-key", "lable");
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

static void expect_tcp(struct fixture *f, const char *path, const char *host, const char *headers, int status)
{
	struct reply r = call_tcp(f, "GET", path, host, headers);
	assert_int_equal(r.status, status);
	if (status == 401)
		assert_true(strncmp(reply_header(&r, "WWW-Authenticate"), "Bearer", 6) == 0);
	reply_release(&r);
}

#define AUTH "Authorization: Bearer " ADMIN_TOKEN "\r\n"

static void tcp_needs_the_admin_token(void **state)
{
	expect_tcp(*state, "/api/v1/workflows", "localhost", "", 401);
	expect_tcp(*state, "/api/v1/workflows", "localhost", "Authorization: Bearer wrong\r\n", 401);
	expect_tcp(*state, "/api/v1/workflows", "localhost", "Authorization: Bearer " ADMIN_TOKEN "x\r\n", 401);
	expect_tcp(*state, "/api/v1/workflows", "localhost", "Authorization: Basic " ADMIN_TOKEN "\r\n", 401);
	expect_tcp(*state, "/api/v1/workflows", "localhost", AUTH, 200);
	expect_tcp(*state, "/api/v1/workflows", "localhost", "Authorization: bearer " ADMIN_TOKEN "\r\n", 200);
	expect_tcp(*state, "/healthz", "localhost", "", 200);
	expect_tcp(*state, "/readyz", "pod.example", "", 200);
	expect_tcp(*state, "/metrics", "localhost", "", 200);
}

static void loopback_is_no_way_in_for_other_names(void **state)
{
	const char *path = "/api/v1/workflows";
	expect_tcp(*state, path, "evil.example", AUTH, 403);
	expect_tcp(*state, path, "localhost.evil.example", AUTH, 403);
	expect_tcp(*state, "/metrics", "evil.example", "", 403);
	expect_tcp(*state, path, "127.0.0.1:8080", AUTH, 200);
	expect_tcp(*state, path, "[::1]:8080", AUTH, 200);
	expect_tcp(*state, path, "HOOKS.example.org", AUTH, 200);
	expect_tcp(*state, path, "localhost", AUTH "Origin: http://evil.example\r\n", 403);
	expect_tcp(*state, path, "localhost", AUTH "Origin: null\r\n", 403);
	expect_tcp(*state, path, "localhost:80", AUTH "Origin: http://localhost:81\r\n", 403);
	expect_tcp(*state, path, "localhost", AUTH "Origin: http://localhost\r\n", 200);
	expect_tcp(*state, path, "localhost", AUTH "Origin: https://hooks.example.org\r\n", 200);
}

static bool is_admitted(void *arg)
{
	struct fixture *f = arg;
	return bus_newest(f->bus) > 0;
}

static bool got_event(void *arg)
{
	uint64_t *before = ((void **)arg)[1];
	return bus_newest(((struct fixture *)((void **)arg)[0])->bus) > *before;
}

/* Also the other way round: the answer is the one of the commit, whatever comes in between. */
static void requests_in_flight_outlive_the_api(void **state)
{
	struct fixture *f = *state;
	assert_true(is_admitted(f));
	uint64_t before = bus_newest(f->bus);
	void *both[] = {f, &before};
	struct exchange *run = exchange_start(f, "POST", "/api/v1/workflows/slow/run", "{}");
	turn_until(f, got_event, both);
	struct exchange *late[5];
	for (size_t i = 0; i < 5; i++)
		late[i] = exchange_start(f, "POST", "/api/v1/workflows/slow/run", "{}");
	for (size_t i = 0; i < 6; i++)
		uv_run(&f->loop, UV_RUN_NOWAIT);
	api_free(f->api);
	f->api = NULL;
	struct reply r = exchange_end(run);
	assert_int_equal(r.status, 200);
	reply_release(&r);
	for (size_t i = 0; i < 5; i++) {
		r = exchange_end(late[i]);
		assert_true(r.status == 200 || r.status == 404);
		reply_release(&r);
	}
}

static void before_it_was_ready_it_says_so(void **state)
{
	struct fixture *f = *state;
	const struct api_options options = {.gateway = f->gateway,
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
	expect_tcp(f, "/api/v1/workflows", "localhost", AUTH, 401);
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
		API_TEST(makes_shows_renews_and_ends_tokens),
		API_TEST(refuses_tokens_that_make_no_sense),
		API_TEST(pages_through_events),
		API_TEST(tells_how_it_is),
		API_TEST(reload_tells_every_mistake),
		API_TEST(tcp_needs_the_admin_token),
		API_TEST(loopback_is_no_way_in_for_other_names),
		API_TEST(requests_in_flight_outlive_the_api),
		API_TEST(before_it_was_ready_it_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
