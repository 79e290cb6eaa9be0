/* The whole plugin against a host that answers as told: every outcome has its answer, and tokens stay outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "../../../plugins/webhook/answer.c"
#include "../../../plugins/webhook/body.c"
#include "../../../plugins/webhook/caller.c"
#include "../../../plugins/webhook/document.c"
#include "../../../plugins/webhook/payload.c"
#include "../../../plugins/webhook/status.c"
#include "../../../plugins/webhook/token.c"
#include "../../../plugins/webhook/triggers.c"
#include "../../../plugins/webhook/webhook.c"

static const char workflow[] = "5dd74d0976df2d000110e52a";
static const char activity_id[] = "5de81b5fe638b70001fa9d09";

/* What the host does and what it saw. */
static struct fake {
	const char *method, *body, *authorization, *query, *query_token, *key, *param;
	size_t authorizations;
	uint32_t scopes;
	const char *grant_workflow;
	int32_t emit_result;
	tappet_result result;
	int32_t status_result, cancel_result;
	bool covers;
	int32_t trigger_enabled;
	bool hold; /* callbacks wait for `release` */

	tappet_emit_cb emit_cb;
	void *emit_arg;
	int status, retry_after, answers, stops, refused;
	char type[32], sent[1024], payload[512], parameters[256], cause[128], dedup_key[64];
	bool challenged;
	struct {
		tappet_http_cb cb;
		void *arg;
	} routes[2];
	size_t route_count;
} fake;

static void copy(char *out, size_t size, tappet_str text)
{
	snprintf(out, size, "%.*s", (int)text.len, text.ptr ? text.ptr : "");
}

static int32_t fake_route_add(tappet_instance *self, const char *methods, const char *pattern, tappet_http_cb cb,
			      void *arg, tappet_route **ret)
{
	(void)self;
	(void)methods;
	(void)pattern;
	fake.routes[fake.route_count].cb = cb;
	fake.routes[fake.route_count++].arg = arg;
	*ret = NULL;
	return 0;
}

static void fake_route_remove(tappet_route *route)
{
	(void)route;
}

static tappet_str fake_method(tappet_request *request)
{
	(void)request;
	return tappet_cstr(fake.method);
}

static tappet_str fake_query_value(tappet_request *request, const char *key)
{
	(void)request;
	return tappet_cstr(strcmp(key, "token") == 0 ? fake.query_token : NULL);
}

static tappet_str fake_param(tappet_request *request, const char *name)
{
	(void)request;
	assert_string_equal(name, "activityId");
	return tappet_cstr(fake.param);
}

static tappet_str fake_header(tappet_request *request, const char *name)
{
	(void)request;
	return tappet_cstr(strcmp(name, "Authorization") == 0 ? fake.authorization : fake.key);
}

static tappet_str fake_query(tappet_request *request)
{
	(void)request;
	return tappet_cstr(fake.query);
}

/* As often as the test says; nothing else is looked for by place. */
static int32_t fake_header_at(tappet_request *request, size_t index, tappet_http_header *ret)
{
	(void)request;
	if (index >= fake.authorizations)
		return TAPPET_ENOTFOUND;
	ret->name = tappet_cstr("Authorization");
	ret->value = tappet_cstr(fake.authorization);
	return TAPPET_OK;
}

static tappet_str fake_body(tappet_request *request)
{
	(void)request;
	return tappet_cstr(fake.body);
}

static tappet_str fake_remote(tappet_request *request)
{
	(void)request;
	return tappet_cstr("192.0.2.1");
}

static int32_t fake_respond(tappet_request *request, int32_t status, const tappet_http_header *headers, size_t count,
			    tappet_str body)
{
	(void)request;
	fake.answers++;
	fake.status = status;
	copy(fake.sent, sizeof(fake.sent), body);
	for (size_t i = 0; i < count; i++)
		if (strncmp(headers[i].name.ptr, "WWW-Authenticate", headers[i].name.len) == 0)
			fake.challenged = strncmp(headers[i].value.ptr, "Bearer", headers[i].value.len) == 0;
	return 0;
}

static int32_t fake_problem(tappet_request *request, int32_t status, const char *type, const char *detail,
			    int32_t retry_after_s)
{
	(void)request;
	fake.answers++;
	fake.status = status;
	fake.retry_after = retry_after_s;
	snprintf(fake.type, sizeof(fake.type), "%s", type);
	snprintf(fake.sent, sizeof(fake.sent), "%s", detail);
	return 0;
}

static int32_t fake_check(tappet_instance *self, tappet_str token, tappet_grant *ret)
{
	(void)self;
	if (token.len != 1 || token.ptr[0] != 'T')
		return TAPPET_EDENIED;
	snprintf(ret->token_id, sizeof(ret->token_id), "%s", "5dd74d0976df2d000110ffff");
	snprintf(ret->workflow_id, sizeof(ret->workflow_id), "%s", fake.grant_workflow);
	ret->scopes = fake.scopes;
	return 0;
}

static int32_t fake_trigger_enabled(tappet_instance *self, const char *workflow_id)
{
	(void)self;
	(void)workflow_id;
	return fake.trigger_enabled;
}

static int32_t fake_covers(tappet_instance *self, const char *token_id, const char *workflow_id)
{
	(void)self;
	(void)token_id;
	assert_string_equal(workflow_id, workflow);
	return fake.covers;
}

static int32_t fake_status(tappet_instance *self, const char *id, tappet_activity_cb cb, void *arg)
{
	(void)self;
	assert_string_equal(id, activity_id);
	tappet_activity_info info = {sizeof(info), workflow, "completed", tappet_cstr("{\"id\":\"a\"}")};
	cb(arg, fake.status_result, fake.status_result < 0 ? NULL : &info);
	return 0;
}

static int32_t fake_cancel(tappet_instance *self, const char *id, tappet_done_cb cb, void *arg)
{
	(void)self;
	assert_string_equal(id, activity_id);
	cb(arg, fake.cancel_result);
	return 0;
}

static int32_t fake_emit(tappet_trigger *trigger, const tappet_emission *emission, tappet_emit_cb cb, void *arg)
{
	(void)trigger;
	if (fake.emit_result < 0)
		return fake.emit_result;
	copy(fake.payload, sizeof(fake.payload), emission->payload);
	copy(fake.parameters, sizeof(fake.parameters), emission->parameters);
	copy(fake.cause, sizeof(fake.cause), emission->cause);
	copy(fake.dedup_key, sizeof(fake.dedup_key), emission->dedup_key);
	fake.emit_cb = cb;
	fake.emit_arg = arg;
	if (!fake.hold)
		cb(arg, &fake.result);
	return 0;
}

static void fake_refuse(tappet_instance *self, tappet_trigger *trigger, int32_t reason, tappet_str detail)
{
	(void)self;
	(void)trigger;
	assert_true(detail.len > 0);
	fake.refused = reason;
}

static void fake_stopped(tappet_instance *self)
{
	(void)self;
	fake.stops++;
}

static const void *fake_capability(tappet_instance *self, const char *name)
{
	static const tappet_http1 http = {
		.struct_size = sizeof(http),
		.route_add = fake_route_add,
		.route_remove = fake_route_remove,
		.method = fake_method,
		.query = fake_query,
		.query_value = fake_query_value,
		.param = fake_param,
		.header = fake_header,
		.header_at = fake_header_at,
		.body = fake_body,
		.remote = fake_remote,
		.respond = fake_respond,
		.problem = fake_problem,
	};
	static const tappet_auth1 auth = {.struct_size = sizeof(auth),
					  .check = fake_check,
					  .covers = fake_covers,
					  .trigger_enabled = fake_trigger_enabled};
	static const tappet_activity1 activity = {
		.struct_size = sizeof(activity), .status = fake_status, .cancel = fake_cancel};
	(void)self;
	if (strcmp(name, TAPPET_HTTP_1) == 0)
		return &http;
	return strcmp(name, TAPPET_AUTH_1) == 0 ? (const void *)&auth : &activity;
}

static const tappet_host host = {
	.struct_size = sizeof(host),
	.emit = fake_emit,
	.refuse = fake_refuse,
	.stopped = fake_stopped,
	.capability = fake_capability,
};

struct world {
	const tappet_plugin *plugin;
	void *plugin_state, *trigger_state;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	fake = (struct fake){
		.method = "POST",
		.body = "{\"token\":\"T\",\"properties\":{\"k\":\"v\"}}",
		.param = activity_id,
		.scopes = TAPPET_SCOPE_TRIGGER | TAPPET_SCOPE_STATUS | TAPPET_SCOPE_CANCEL,
		.grant_workflow = workflow,
		.covers = true,
		.trigger_enabled = TAPPET_ENOTFOUND,
		.result = {.struct_size = sizeof(tappet_result), .activity_id = activity_id},
	};
	tappet_trigger_info info = {.struct_size = sizeof(info), .trigger_id = "webhook", .workflow_id = workflow};
	world->plugin = tappet_plugin_v1();
	assert_int_equal(world->plugin->create(&host, NULL, NULL, &world->plugin_state), 0);
	assert_int_equal(
		world->plugin->trigger_add(world->plugin_state, (tappet_trigger *)&fake, &info, &world->trigger_state),
		0);
	assert_int_equal(world->plugin->start(world->plugin_state), 0);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;
	world->plugin->stop(world->plugin_state, 1000);
	assert_int_equal(fake.stops, 1);
	world->plugin->trigger_remove(world->plugin_state, world->trigger_state);
	world->plugin->trigger_free(world->plugin_state, world->trigger_state);
	world->plugin->destroy(world->plugin_state);
	free(world);
	return 0;
}

static void request(size_t route)
{
	fake.answers = 0;
	fake.status = fake.retry_after = fake.refused = 0;
	fake.type[0] = fake.sent[0] = '\0';
	fake.routes[route].cb(fake.routes[route].arg, NULL);
}

static void expect_post(int status, const char *type)
{
	request(0);
	assert_int_equal(fake.answers, 1);
	assert_int_equal(fake.status, status);
	assert_string_equal(fake.type, type);
	assert_int_equal(fake.retry_after > 0, status == 503 || status == 429);
}

static void an_accepted_payload_is_answered_with_its_activity(void **state)
{
	(void)state;
	fake.key = "key-1";
	request(0);
	assert_int_equal(fake.status, 200);
	assert_string_equal(fake.sent, "{\"activityId\":\"5de81b5fe638b70001fa9d09\"}");
	assert_string_equal(fake.payload, "{\"body\":{\"properties\":{\"k\":\"v\"}}}");
	assert_string_equal(fake.parameters, "{\"k\":\"v\"}");
	assert_string_equal(fake.cause, "{\"remote\":\"192.0.2.1\"}");
	assert_string_equal(fake.dedup_key, "key-1");
}

static void a_large_payload_arrives_whole(void **state)
{
	(void)state;
	static char body[SCRATCH_SIZE * 2];
	memset(body, ' ', sizeof(body) - 1);
	memcpy(body, "{\"token\":\"T\",", 13);
	body[sizeof(body) - 2] = '}';
	memcpy(body + 100, "\"a\":1", 5);
	fake.body = body;
	request(0);
	assert_int_equal(fake.status, 200);
}

static void a_duplicate_is_answered_with_the_id_that_it_has(void **state)
{
	(void)state;
	fake.result.outcome = TAPPET_EDUP;
	request(0);
	assert_int_equal(fake.status, 200);
	assert_string_equal(fake.sent, "{\"activityId\":\"5de81b5fe638b70001fa9d09\"}");
}

static void every_outcome_has_its_answer(void **state)
{
	(void)state;
	static const struct {
		int32_t outcome, reason;
		int status;
		const char *type;
	} cases[] = {
		{TAPPET_ECONFLICT, 0, 409, "conflict"},
		{TAPPET_EREFUSED, TAPPET_REASON_FILTER, 409, "filter"},
		{TAPPET_EREFUSED, TAPPET_REASON_OVERLAP, 409, "overlap"},
		{TAPPET_EREFUSED, TAPPET_REASON_DISABLED, 409, "disabled"},
		{TAPPET_EREFUSED, TAPPET_REASON_RATE, 429, "rate"},
		{TAPPET_EREFUSED, TAPPET_REASON_QUEUE_FULL, 503, "queue-full"},
		{TAPPET_EREFUSED, TAPPET_REASON_PARAMETERS, 422, "parameters"},
		{TAPPET_EREFUSED, TAPPET_REASON_STORE, 503, "store"},
		{TAPPET_ECANCELED, TAPPET_REASON_STORE, 503, "store"},
		{TAPPET_ECANCELED, TAPPET_REASON_NONE, 503, "not-stored"},
		{TAPPET_EUNKNOWN, 0, 500, "outcome-unknown"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake.result.outcome = cases[i].outcome;
		fake.result.reason = cases[i].reason;
		expect_post(cases[i].status, cases[i].type);
	}
}

static void what_emit_does_not_take_is_answered_and_recorded(void **state)
{
	(void)state;
	static const struct {
		int32_t error;
		int status;
		const char *type;
		int reason;
	} cases[] = {
		{TAPPET_EBUSY, 503, "busy", TAPPET_REASON_QUEUE_FULL},
		{TAPPET_ETOOBIG, 413, "too-large", TAPPET_REASON_TOO_LARGE},
		{TAPPET_EINVAL, 400, "malformed", TAPPET_REASON_MALFORMED},
		{TAPPET_ESTATE, 503, "stopping", TAPPET_REASON_PLUGIN_DOWN},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake.emit_result = cases[i].error;
		expect_post(cases[i].status, cases[i].type);
		assert_int_equal(fake.refused, cases[i].reason);
	}
}

static void the_wrong_parameter_is_named(void **state)
{
	(void)state;
	fake.result.outcome = TAPPET_EREFUSED;
	fake.result.reason = TAPPET_REASON_PARAMETERS;
	fake.result.detail = tappet_cstr("unknown parameter \"k\"");
	expect_post(422, "parameters");
	assert_string_equal(fake.sent, "unknown parameter \"k\"");
}

static void without_a_good_token_nothing_starts(void **state)
{
	(void)state;
	static const char *const bodies[] = {"{}", "", "{\"token\":\"wrong\"}", "{\"token\":7}"};
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		fake.body = bodies[i];
		fake.challenged = false;
		request(0);
		assert_int_equal(fake.status, 401);
		assert_true(fake.challenged);
		assert_int_equal(fake.refused, TAPPET_REASON_TOKEN);
	}
	fake.body = "{\"token\":\"T\"}";
	fake.authorization = "Bearer U";
	expect_post(400, "malformed");
	assert_string_equal(fake.payload, "");
}

static void a_token_that_comes_twice_in_one_place_is_refused(void **state)
{
	(void)state;
	static const char *const doubled[] = {"token=T&token=T", "token=T&a=b&token", "token=T&t%6Fken=U",
					      "token&token="};
	static const char *const single[] = {"", "token=T", "token=T&tokens=U&xtoken=U&toke=n&&=&%74",
					     "token=T&token%=U"};
	for (size_t i = 0; i < sizeof(doubled) / sizeof(doubled[0]); i++)
		assert_true(token_is_doubled(tappet_cstr(doubled[i])));
	for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
		assert_false(token_is_doubled(tappet_cstr(single[i])));
	fake.query = doubled[0];
	expect_post(400, "malformed");
	fake.query = NULL;
	fake.authorization = "Bearer T";
	fake.authorizations = 2;
	expect_post(400, "malformed");
	assert_int_equal(fake.refused, TAPPET_REASON_MALFORMED);
	assert_string_equal(fake.payload, "");
}

static void a_token_that_does_not_fit_is_forbidden(void **state)
{
	(void)state;
	fake.scopes = TAPPET_SCOPE_STATUS;
	expect_post(403, "scope");
	fake.scopes = TAPPET_SCOPE_TRIGGER;
	fake.grant_workflow = "";
	expect_post(403, "scope");
	fake.grant_workflow = "000000000000000000000000";
	expect_post(403, "scope");
	assert_int_equal(fake.refused, TAPPET_REASON_SCOPE);
}

static void a_trigger_that_is_not_here_is_told_apart_from_none(void **state)
{
	(void)state;
	fake.grant_workflow = "000000000000000000000000";
	fake.trigger_enabled = 0;
	expect_post(409, "disabled");
	assert_int_equal(fake.refused, TAPPET_REASON_DISABLED);
	fake.trigger_enabled = 1;
	expect_post(503, "not-running");
	assert_int_equal(fake.refused, TAPPET_REASON_PLUGIN_DOWN);
}

static void an_overlong_idempotency_key_is_refused(void **state)
{
	(void)state;
	static char key[257];
	memset(key, 'k', sizeof(key) - 1);
	fake.key = key;
	expect_post(400, "malformed");
}

static void expect_query(const char *method, int status)
{
	fake.method = method;
	request(1);
	assert_int_equal(fake.answers, 1);
	assert_int_equal(fake.status, status);
}

static void the_status_is_told_to_whom_the_token_covers(void **state)
{
	(void)state;
	expect_query("GET", 200);
	assert_non_null(strstr(fake.sent, "\"id\":\"a\""));
	fake.covers = false;
	expect_query("GET", 404);
	fake.covers = true;
	fake.status_result = TAPPET_ENOTFOUND;
	expect_query("GET", 404);
	fake.status_result = 0;
	fake.param = "../etc/passwd";
	expect_query("GET", 404);
	fake.param = activity_id;
	fake.scopes = TAPPET_SCOPE_TRIGGER;
	expect_query("GET", 403);
	fake.body = "{\"token\":\"T\",\"x\":[}";
	fake.scopes = TAPPET_SCOPE_STATUS;
	expect_query("GET", 400);
}

static void delete_cancels_and_answers_with_the_status(void **state)
{
	(void)state;
	expect_query("DELETE", 200);
	fake.cancel_result = TAPPET_ESTATE;
	expect_query("DELETE", 409);
	fake.cancel_result = TAPPET_EUNKNOWN;
	expect_query("DELETE", 500);
	fake.cancel_result = 0;
	fake.covers = false;
	expect_query("DELETE", 404);
	fake.covers = true;
	fake.scopes = TAPPET_SCOPE_STATUS;
	expect_query("DELETE", 403);
}

static void stopping_waits_for_requests_under_way(void **state)
{
	struct world *world = *state;
	fake.hold = true;
	request(0);
	assert_int_equal(fake.answers, 0);
	world->plugin->stop(world->plugin_state, 1000);
	assert_int_equal(fake.stops, 0);
	expect_post(503, "stopping");
	fake.emit_cb(fake.emit_arg, &fake.result);
	assert_int_equal(fake.status, 200);
	assert_int_equal(fake.stops, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_accepted_payload_is_answered_with_its_activity, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_large_payload_arrives_whole, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_duplicate_is_answered_with_the_id_that_it_has, set_up, tear_down),
		cmocka_unit_test_setup_teardown(every_outcome_has_its_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_emit_does_not_take_is_answered_and_recorded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_wrong_parameter_is_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_a_good_token_nothing_starts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_token_that_comes_twice_in_one_place_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_token_that_does_not_fit_is_forbidden, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_trigger_that_is_not_here_is_told_apart_from_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_overlong_idempotency_key_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_status_is_told_to_whom_the_token_covers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(delete_cancels_and_answers_with_the_status, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stopping_waits_for_requests_under_way, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
