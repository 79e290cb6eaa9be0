/* Requests that a trigger keeps: what is in them and what is not, which ones stay, and that keeping them is in nobody's way. */
#include <cjson/cJSON.h>
#include <string.h>
#include "webhook_kit.h"

#define HOOK "/webhook/in/" TESTKIT_WORKFLOW
#define API "/api/v1/plugins/webhook/requests/" TESTKIT_WORKFLOW
#define LIST_KEY "requests/" TESTKIT_WORKFLOW "/in"
#define JSON_TYPE "Content-Type: application/json"
#define MINUTE_MS 60000

static testkit *open_with(const char *options)
{
	setenv("KEEP_SECRET", "hidden-secret", 1);
	testkit *kit = testkit_open(tappet_plugin_v1());
	testkit_create(kit, NULL);
	assert_int_equal(testkit_start(kit), TAPPET_OK);
	if (!testkit_trigger_add(kit, "in", options))
		fail_msg("%s", testkit_error(kit));
	return kit;
}

static int32_t send(testkit *kit, const char *query, const char *headers, const char *body)
{
	char target[256];
	snprintf(target, sizeof(target), HOOK "/in%s", query);
	testkit_exchange *x = testkit_http(kit, "POST", target, headers, tappet_cstr(body));
	testkit_run(kit);
	return testkit_http_status(x);
}

static testkit_exchange *call(testkit *kit, const char *method, const char *path)
{
	char target[256];
	snprintf(target, sizeof(target), API "%s", path);
	testkit_exchange *x = testkit_http(kit, method, target, NULL, tappet_cstr(""));
	testkit_run(kit);
	return x;
}

static cJSON *list(testkit *kit)
{
	testkit_exchange *x = call(kit, "GET", "/in");
	assert_int_equal(testkit_http_status(x), 200);
	cJSON *tree = cJSON_Parse(testkit_http_body(x).ptr);
	assert_non_null(tree);
	return tree;
}

static const cJSON *entry(const cJSON *tree, int index)
{
	return cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(tree, "requests"), index);
}

static const char *text(const cJSON *item, const char *key)
{
	const char *value = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, key));
	return value ? value : "";
}

static int count(const cJSON *tree)
{
	return cJSON_GetArraySize(cJSON_GetObjectItemCaseSensitive(tree, "requests"));
}

static const char *show(testkit *kit, const char *id)
{
	char path[64];
	snprintf(path, sizeof(path), "/in/%s", id);
	testkit_exchange *x = call(kit, "GET", path);
	assert_int_equal(testkit_http_status(x), 200);
	return testkit_http_body(x).ptr;
}

static testkit_exchange *replay(testkit *kit, const char *id)
{
	char path[64];
	snprintf(path, sizeof(path), "/in/%s/replay", id);
	return call(kit, "POST", path);
}

static void nothing_is_kept_unless_the_trigger_says_so(void **state)
{
	(void)state;
	testkit *kit = open_with("{\"auth\":\"none\"}");
	send(kit, "", JSON_TYPE, "{}");
	cJSON *tree = list(kit);
	assert_int_equal(count(tree), 0);
	assert_null(testkit_kv(kit, NULL, LIST_KEY).ptr);
	cJSON_Delete(tree);
	testkit_close(kit);
}

static void the_last_ones_are_kept_with_what_became_of_them(void **state)
{
	(void)state;
	testkit *kit = open_with("{\"auth\":\"none\",\"keep\":{\"requests\":3}}");
	for (int i = 0; i < 5; i++) {
		testkit_advance(kit, 1000);
		if (i == 3)
			testkit_outcome(kit, TAPPET_EREFUSED, TAPPET_REASON_FILTER, NULL);
		assert_int_equal(send(kit, "?n=1", "Idempotency-Key: same\nContent-Type: application/json", "{}"), 200);
	}
	cJSON *tree = list(kit);
	assert_int_equal(count(tree), 3);
	assert_string_equal(text(entry(tree, 0), "outcome"), "duplicate");
	assert_string_equal(text(entry(tree, 1), "outcome"), "refused");
	assert_string_equal(text(entry(tree, 1), "reason"), "filter");
	assert_string_equal(text(entry(tree, 2), "outcome"), "duplicate");
	assert_string_equal(text(entry(tree, 0), "receivedAt"), "2020-01-01T00:00:05.000Z");
	assert_string_equal(text(entry(tree, 0), "activityId"), testkit_emission_at(kit, 0)->activity_id);
	cJSON_Delete(tree);
	testkit_close(kit);
}

static void nothing_is_kept_before_its_outcome_is_known(void **state)
{
	(void)state;
	testkit *kit = open_with("{\"auth\":\"none\",\"keep\":{}}");
	testkit_hold(kit, 1);
	assert_int_equal(send(kit, "", JSON_TYPE, "{}"), 0);
	cJSON *tree = list(kit);
	assert_int_equal(count(tree), 0);
	cJSON_Delete(tree);
	testkit_settle(kit, 0, TAPPET_EUNKNOWN, 0, NULL);
	testkit_run(kit);
	tree = list(kit);
	assert_string_equal(text(entry(tree, 0), "outcome"), "unknown");
	cJSON_Delete(tree);
	testkit_hold(kit, 0);
	testkit_close(kit);
}

static void nothing_secret_is_kept(void **state)
{
	(void)state;
	static const char headers[] = "Authorization: Bearer hidden-secret\nCookie: hidden-cookie\nX-Shown: yes\n"
				      "Content-Type: application/x-www-form-urlencoded";
	testkit *kit = open_with("{\"auth\":{\"bearer\":{\"env\":\"KEEP_SECRET\"}},\"headers\":\"*\",\"keep\":{}}");
	assert_int_equal(send(kit, "?token=hidden-token&a=1", headers, "token=hidden-form&b=2"), 200);
	cJSON *tree = list(kit);
	const char *record = show(kit, text(entry(tree, 0), "id"));
	assert_null(strstr(record, "hidden"));
	assert_non_null(strstr(record, "\"x-shown\":\"yes\""));
	assert_non_null(strstr(record, "\"b\":\"2\""));
	cJSON_Delete(tree);
	testkit_close(kit);
}

static void of_a_refused_one_less_is_kept(void **state)
{
	(void)state;
	static const char headers[] =
		"X-Gitlab-Token: hidden-header\nX-Other: hidden-too\nContent-Type: application/json";
	testkit *kit = open_with("{\"signature\":{\"preset\":\"github\",\"secret\":{\"env\":\"KEEP_SECRET\"}},"
				 "\"headers\":\"*\",\"keep\":{}}");
	assert_int_equal(send(kit, "?secret=hidden-query", headers, "{\"token\":\"hidden-token\",\"a\":1}"), 401);
	testkit_advance(kit, 1000);
	assert_int_equal(send(kit, "", headers, "{\"token\":\"hidden-token\","), 401);
	cJSON *tree = list(kit);
	assert_int_equal(count(tree), 2);
	assert_true(cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(entry(tree, 1), "verified")));
	assert_string_equal(text(entry(tree, 1), "reason"), "signature");
	const char *record = show(kit, text(entry(tree, 1), "id"));
	assert_null(strstr(record, "hidden"));
	assert_non_null(strstr(record, "\"headerNames\":[\"X-Gitlab-Token\",\"X-Other\",\"Content-Type\"]"));
	assert_non_null(strstr(record, "There is no header x-hub-signature-256."));
	assert_null(strstr(record, "\"body\""));
	assert_non_null(strstr(record, "\"content-type\":\"application/json\""));
	record = show(kit, text(entry(tree, 0), "id"));
	assert_null(strstr(record, "hidden"));
	assert_non_null(strstr(record, "bodySha256"));
	testkit_exchange *x = replay(kit, text(entry(tree, 0), "id"));
	assert_int_equal(testkit_http_status(x), 409);
	assert_string_equal(testkit_http_problem(x), "not-verified");
	assert_int_equal(testkit_emission_count(kit), 0);
	cJSON_Delete(tree);
	testkit_close(kit);
}

/* Whatever it is called, and however it is written: nothing of the body is there, and the record is JSON. */
static void no_body_of_a_refused_one_is_kept(void **state)
{
	(void)state;
	static const struct {
		const char *type, *body;
	} cases[] = {
		{"application/json", "{\"secret\":\"hidden\"}"},
		{"application/json", "{\"a\":{\"access_token\":\"hidden\"}}"},
		{"application/x-www-form-urlencoded", "payload=%7B%22token%22%3A%22hidden%22%7D&access_token=hidden"},
		{"application/json", "{\"hidden\":01}"},
		{"application/json", "{\"a\":\"hidden\n\xff\"}"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char headers[80];
		testkit *kit = open_with("{\"auth\":{\"bearer\":{\"env\":\"KEEP_SECRET\"}},\"keep\":{}}");
		snprintf(headers, sizeof(headers), "Content-Type: %s", cases[i].type);
		assert_int_equal(send(kit, "", headers, cases[i].body), 401);
		cJSON *tree = list(kit);
		const char *record = show(kit, text(entry(tree, 0), "id"));
		assert_null(strstr(record, "hidden"));
		cJSON *parsed = cJSON_Parse(record);
		const cJSON *request = cJSON_GetObjectItemCaseSensitive(parsed, "request");
		assert_null(cJSON_GetObjectItemCaseSensitive(request, "body"));
		assert_int_equal(strlen(text(request, "bodySha256")), 64);
		cJSON_Delete(parsed);
		cJSON_Delete(tree);
		testkit_close(kit);
	}
}

static void who_was_allowed_in_is_not_among_the_refused(void **state)
{
	(void)state;
	testkit *kit = open_with("{\"auth\":{\"bearer\":{\"env\":\"KEEP_SECRET\"}},\"body\":\"json\",\"keep\":{}}");
	assert_int_equal(send(kit, "", "Authorization: Bearer hidden-secret", "no json"), 400);
	assert_int_equal(send(kit, "?wait=soon", "Authorization: Bearer hidden-secret", "{}"), 400);
	testkit_outcome(kit, TAPPET_EBUSY, 0, NULL);
	assert_int_equal(send(kit, "", "Authorization: Bearer hidden-secret", "{}"), 503);
	assert_int_equal(send(kit, "", "Authorization: Bearer other", "{}"), 401);
	cJSON *tree = list(kit);
	assert_int_equal(count(tree), 1);
	assert_string_equal(text(entry(tree, 0), "reason"), "token");
	cJSON_Delete(tree);
	testkit_close(kit);
}

static void a_flood_of_refused_ones_displaces_no_verified_one(void **state)
{
	(void)state;
	testkit *kit = open_with("{\"auth\":{\"bearer\":{\"env\":\"KEEP_SECRET\"}},\"keep\":{\"requests\":2}}");
	assert_int_equal(send(kit, "", "Authorization: Bearer hidden-secret", "{}"), 200);
	testkit_advance(kit, 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(send(kit, "", "Authorization: Bearer wrong", "{}"), 401);
	cJSON *tree = list(kit);
	assert_int_equal(count(tree), 6);
	assert_string_equal(text(entry(tree, 5), "outcome"), "accepted");
	cJSON_Delete(tree);
	for (int i = 0; i < 20; i++) {
		testkit_advance(kit, MINUTE_MS);
		assert_int_equal(send(kit, "", "Authorization: Bearer wrong", "{}"), 401);
	}
	tree = list(kit);
	assert_int_equal(count(tree), 11);
	cJSON_Delete(tree);
	testkit_close(kit);
}

static void of_more_than_the_store_can_take_the_last_ones_are_kept(void **state)
{
	(void)state;
	char body[32];
	testkit *kit = open_with("{\"auth\":\"none\",\"keep\":{\"requests\":5}}");
	testkit_credit(kit, 4096, 64 << 20);
	testkit_hold(kit, 1);
	for (int i = 0; i < 300; i++) {
		snprintf(body, sizeof(body), "{\"n\":%d}", i);
		testkit_http(kit, "POST", HOOK "/in", JSON_TYPE, tappet_cstr(body));
	}
	/* All are settled before anything is written. */
	testkit_hold(kit, 0);
	testkit_run(kit);
	cJSON *tree = list(kit);
	assert_int_equal(count(tree), 5);
	for (int i = 0; i < 5; i++) {
		snprintf(body, sizeof(body), "{\"n\":%d}", 299 - i);
		assert_non_null(strstr(show(kit, text(entry(tree, i), "id")), body));
	}
	assert_true(testkit_metric(kit, "requests_not_kept_total") == 0);
	cJSON_Delete(tree);
	testkit_close(kit);
}

static void a_large_body_is_cut_and_cannot_be_replayed(void **state)
{
	(void)state;
	char body[3000];
	memset(body, 'x', sizeof(body) - 1);
	body[sizeof(body) - 1] = '\0';
	testkit *kit = open_with("{\"auth\":\"none\",\"keep\":{\"maxBody\":\"1KiB\"}}");
	assert_int_equal(send(kit, "", "Content-Type: text/plain", body), 200);
	cJSON *tree = list(kit);
	const char *id = text(entry(tree, 0), "id");
	assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(entry(tree, 0), "cut")));
	const char *record = show(kit, id);
	assert_true(strlen(record) < 2000);
	cJSON *parsed = cJSON_Parse(record);
	assert_int_equal(strlen(text(parsed, "text")), 1024);
	cJSON_Delete(parsed);
	testkit_exchange *x = replay(kit, id);
	assert_int_equal(testkit_http_status(x), 409);
	assert_string_equal(testkit_http_problem(x), "cut");
	cJSON_Delete(tree);
	testkit_close(kit);
}

static void a_replay_emits_the_same_and_says_what_it_repeats(void **state)
{
	(void)state;
	char expected[512];
	testkit *kit = open_with("{\"auth\":\"none\",\"keep\":{}}");
	assert_int_equal(send(kit, "", "Content-Type: application/json\nIdempotency-Key: k",
			      "{\"big\":9007199254740993,\"text\":\",\\\"request\\\":{\"}"),
			 200);
	cJSON *tree = list(kit);
	const char *id = text(entry(tree, 0), "id");
	testkit_advance(kit, 1);
	testkit_exchange *x = replay(kit, id);
	assert_int_equal(testkit_http_status(x), 200);
	assert_int_equal(testkit_emission_count(kit), 2);
	const testkit_emission *first = testkit_emission_at(kit, 0), *again = testkit_emission_at(kit, 1);
	snprintf(expected, sizeof(expected), "{\"replayOf\":\"%s\",%s", id, first->payload.ptr + 1);
	assert_string_equal(again->payload.ptr, expected);
	assert_non_null(strstr(again->cause.ptr, id));
	assert_string_not_equal(again->dedup_key.ptr, first->dedup_key.ptr);
	assert_string_not_equal(again->activity_id, first->activity_id);
	assert_non_null(strstr(testkit_http_body(x).ptr, again->activity_id));
	assert_int_equal(testkit_log_find(kit, "a request was replayed"), 1);
	/* A replay is no request of the sender's. */
	cJSON *after = list(kit);
	assert_int_equal(count(after), 1);
	cJSON_Delete(after);
	cJSON_Delete(tree);
	testkit_close(kit);
}

static void a_replay_is_answered_as_it_was_decided(void **state)
{
	(void)state;
	static const struct {
		int32_t outcome, reason, status;
		const char *type;
	} cases[] = {
		{TAPPET_EREFUSED, TAPPET_REASON_FILTER, 409, "filter"},
		{TAPPET_EREFUSED, TAPPET_REASON_OVERLAP, 409, "overlap"},
		{TAPPET_ECANCELED, TAPPET_REASON_STORE, 503, "store"},
		{TAPPET_EUNKNOWN, 0, 500, "outcome-unknown"},
		{TAPPET_EBUSY, 0, 503, "busy"},
	};
	testkit *kit = open_with("{\"auth\":\"none\",\"keep\":{}}");
	send(kit, "", JSON_TYPE, "{}");
	cJSON *tree = list(kit);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		testkit_outcome(kit, cases[i].outcome, cases[i].reason, NULL);
		testkit_exchange *x = replay(kit, text(entry(tree, 0), "id"));
		assert_int_equal(testkit_http_status(x), cases[i].status);
		assert_string_equal(testkit_http_problem(x), cases[i].type);
	}
	cJSON_Delete(tree);
	testkit_close(kit);
}

static void the_parameters_of_a_token_s_call_are_replayed_with_it(void **state)
{
	(void)state;
	testkit *kit = open_with("{\"keep\":{}}");
	testkit_token(kit, "T", ALL_SCOPES, TESTKIT_WORKFLOW);
	webhook_post(kit, NULL, GOOD_BODY);
	testkit_run(kit);
	cJSON *tree = list(kit);
	assert_null(strstr(show(kit, text(entry(tree, 0), "id")), "\"T\""));
	assert_int_equal(testkit_http_status(replay(kit, text(entry(tree, 0), "id"))), 200);
	assert_string_equal(testkit_emission_last(kit)->parameters.ptr, "{\"k\":\"v\"}");
	cJSON_Delete(tree);
	testkit_close(kit);
}

static void what_is_kept_outlives_its_trigger(void **state)
{
	(void)state;
	testkit *kit = open_with("{\"auth\":\"none\",\"keep\":{\"requests\":4}}");
	for (int i = 0; i < 4; i++)
		send(kit, "", JSON_TYPE, "{}");
	testkit_trigger_remove(kit, testkit_emission_at(kit, 0)->trigger);
	assert_int_equal(testkit_http_status(call(kit, "GET", "/out")), 404);
	cJSON *tree = list(kit);
	assert_int_equal(count(tree), 4);
	testkit_exchange *x = replay(kit, text(entry(tree, 0), "id"));
	assert_string_equal(testkit_http_problem(x), "not-running");
	cJSON_Delete(tree);
	/* Fewer than before: those beyond go with the next request. */
	testkit_trigger_add(kit, "in", "{\"auth\":\"none\",\"keep\":{\"requests\":2}}");
	tree = list(kit);
	assert_int_equal(count(tree), 4);
	cJSON_Delete(tree);
	send(kit, "", JSON_TYPE, "{}");
	tree = list(kit);
	assert_int_equal(count(tree), 2);
	cJSON_Delete(tree);
	assert_null(testkit_kv(kit, NULL, LIST_KEY "/3").ptr);
	assert_non_null(testkit_kv(kit, NULL, LIST_KEY "/1").ptr);
	testkit_close(kit);
}

static void what_is_deleted_is_gone_from_the_store(void **state)
{
	(void)state;
	char path[64];
	testkit *kit = open_with("{\"auth\":\"none\",\"keep\":{}}");
	for (int i = 0; i < 3; i++)
		send(kit, "", JSON_TYPE, "{}");
	cJSON *tree = list(kit);
	snprintf(path, sizeof(path), "/in/%s", text(entry(tree, 1), "id"));
	assert_int_equal(testkit_http_status(call(kit, "DELETE", path)), 204);
	assert_int_equal(testkit_http_status(call(kit, "DELETE", path)), 404);
	assert_int_equal(testkit_http_status(call(kit, "GET", path)), 404);
	assert_null(testkit_kv(kit, NULL, LIST_KEY "/1").ptr);
	cJSON_Delete(tree);
	tree = list(kit);
	assert_int_equal(count(tree), 2);
	cJSON_Delete(tree);
	assert_int_equal(testkit_http_status(call(kit, "DELETE", "/in")), 204);
	assert_null(testkit_kv(kit, NULL, LIST_KEY).ptr);
	assert_null(testkit_kv(kit, NULL, LIST_KEY "/0").ptr);
	tree = list(kit);
	assert_int_equal(count(tree), 0);
	cJSON_Delete(tree);
	testkit_close(kit);
}

/* The slot is that of the one that is deleted, and the write of the new one is under way. */
static void what_comes_while_its_slot_is_deleted_is_kept(void **state)
{
	(void)state;
	char path[160];
	testkit *kit = open_with("{\"auth\":\"none\",\"keep\":{\"requests\":1}}");
	send(kit, "", JSON_TYPE, "{\"n\":1}");
	cJSON *tree = list(kit);
	snprintf(path, sizeof(path), API "/in/%s", text(entry(tree, 0), "id"));
	cJSON_Delete(tree);
	testkit_hold(kit, 1);
	send(kit, "", JSON_TYPE, "{\"n\":2}");
	testkit_settle(kit, 1, TAPPET_OK, 0, NULL);
	testkit_exchange *x = testkit_http(kit, "DELETE", path, NULL, tappet_cstr(""));
	testkit_run(kit);
	assert_int_equal(testkit_http_status(x), 204);
	tree = list(kit);
	assert_int_equal(count(tree), 1);
	assert_non_null(strstr(show(kit, text(entry(tree, 0), "id")), "\"n\":2"));
	cJSON_Delete(tree);
	testkit_hold(kit, 0);
	testkit_close(kit);
}

/* 204 says that all of it is gone; after anything else it can be deleted again. */
static void what_cannot_be_deleted_is_not_said_to_be(void **state)
{
	(void)state;
	char path[64];
	bool more = true;
	for (size_t nth = 1; more; nth++) {
		testkit *kit = open_with("{\"auth\":\"none\",\"keep\":{}}");
		send(kit, "", JSON_TYPE, "{}");
		cJSON *tree = list(kit);
		snprintf(path, sizeof(path), "/in/%s", text(entry(tree, 0), "id"));
		cJSON_Delete(tree);
		testkit_fail(kit, nth, TAPPET_EBUSY);
		const int32_t status = testkit_http_status(call(kit, "DELETE", path));
		more = testkit_has_failed(kit) == 1;
		testkit_fail(kit, 0, 0);
		assert_int_equal(status, more ? 503 : 204);
		if (testkit_kv(kit, NULL, LIST_KEY "/0").ptr)
			assert_int_equal(testkit_http_status(call(kit, "DELETE", path)), 204);
		assert_null(testkit_kv(kit, NULL, LIST_KEY "/0").ptr);
		testkit_close(kit);
	}
}

static void what_another_has_taken_the_place_of_is_not_shown_as_it(void **state)
{
	(void)state;
	testkit *kit = open_with("{\"auth\":\"none\",\"keep\":{}}");
	send(kit, "", JSON_TYPE, "{}");
	cJSON *tree = list(kit);
	char path[64];
	/* As after a kill between the slot and the list. */
	testkit_kv_set(kit, NULL, LIST_KEY "/0", "{\"id\":\"000000000000\",\"request\":{}}");
	snprintf(path, sizeof(path), "/in/%s", text(entry(tree, 0), "id"));
	assert_int_equal(testkit_http_status(call(kit, "GET", path)), 404);
	assert_int_equal(testkit_http_status(replay(kit, text(entry(tree, 0), "id"))), 404);
	assert_int_equal(testkit_emission_count(kit), 1);
	cJSON_Delete(tree);
	testkit_close(kit);
}

static void what_cannot_be_stored_is_counted_and_the_delivery_goes_on(void **state)
{
	(void)state;
	size_t lost = 0;
	for (size_t nth = 1, more = 1; more; nth++) {
		testkit *kit = open_with("{\"auth\":\"none\",\"keep\":{}}");
		testkit_hold(kit, 1);
		testkit_exchange *x = testkit_http(kit, "POST", HOOK, JSON_TYPE, tappet_cstr("{}"));
		testkit_fail(kit, nth, TAPPET_EBUSY);
		testkit_hold(kit, 0);
		testkit_run(kit);
		more = testkit_has_failed(kit) == 1;
		testkit_fail(kit, 0, 0);
		assert_int_equal(testkit_http_status(x), 200);
		if (more)
			lost += testkit_metric(kit, "requests_not_kept_total") >= 1 ||
				testkit_log_find(kit, "could not be kept");
		/* The next one is kept again. */
		send(kit, "", JSON_TYPE, "{}");
		cJSON *tree = list(kit);
		assert_true(count(tree) >= 1);
		cJSON_Delete(tree);
		testkit_close(kit);
	}
	assert_true(lost >= 3);
}

static void an_option_that_is_wrong_is_told_with_what_was_expected(void **state)
{
	(void)state;
	static const struct {
		const char *keep, *error;
	} cases[] = {
		{"{\"requests\":101}", "from 0 to 100"},
		{"{\"requests\":\"20\"}", "from 0 to 100"},
		{"{\"maxBody\":\"1MiB\"}", "at most 256KiB"},
		{"{\"maxBody\":\"x\"}", "\"64KiB\""},
		{"{\"request\":1}", "expected requests or maxBody"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char options[128];
		testkit *kit = testkit_open(tappet_plugin_v1());
		testkit_create(kit, NULL);
		snprintf(options, sizeof(options), "{\"keep\":%s}", cases[i].keep);
		assert_null(testkit_trigger_add(kit, "in", options));
		assert_non_null(strstr(testkit_error(kit), cases[i].error));
		testkit_close(kit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_kept_unless_the_trigger_says_so),
		cmocka_unit_test(the_last_ones_are_kept_with_what_became_of_them),
		cmocka_unit_test(nothing_is_kept_before_its_outcome_is_known),
		cmocka_unit_test(nothing_secret_is_kept),
		cmocka_unit_test(of_a_refused_one_less_is_kept),
		cmocka_unit_test(no_body_of_a_refused_one_is_kept),
		cmocka_unit_test(who_was_allowed_in_is_not_among_the_refused),
		cmocka_unit_test(a_flood_of_refused_ones_displaces_no_verified_one),
		cmocka_unit_test(of_more_than_the_store_can_take_the_last_ones_are_kept),
		cmocka_unit_test(a_large_body_is_cut_and_cannot_be_replayed),
		cmocka_unit_test(a_replay_emits_the_same_and_says_what_it_repeats),
		cmocka_unit_test(a_replay_is_answered_as_it_was_decided),
		cmocka_unit_test(the_parameters_of_a_token_s_call_are_replayed_with_it),
		cmocka_unit_test(what_is_kept_outlives_its_trigger),
		cmocka_unit_test(what_is_deleted_is_gone_from_the_store),
		cmocka_unit_test(what_comes_while_its_slot_is_deleted_is_kept),
		cmocka_unit_test(what_cannot_be_deleted_is_not_said_to_be),
		cmocka_unit_test(what_another_has_taken_the_place_of_is_not_shown_as_it),
		cmocka_unit_test(what_cannot_be_stored_is_counted_and_the_delivery_goes_on),
		cmocka_unit_test(an_option_that_is_wrong_is_told_with_what_was_expected),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
