/* When each secret was used last: durable, written now and then, told apart wherever the secret stands. */
#include <cjson/cJSON.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include "webhook_kit.h"

#define SALT_KEY "secrets/salt"
#define TICK_MS 10000
#define WRITE_EVERY_MS 60000
#define BODY "{\"a\":1}"
#define SECRETS "/api/v1/plugins/webhook/secrets/" TESTKIT_WORKFLOW

static testkit *open_kit(void)
{
	setenv("FIRST", "first secret", 1);
	setenv("SECOND", "second secret", 1);
	testkit *kit = testkit_open(tappet_plugin_v1());
	testkit_create(kit, NULL);
	assert_int_equal(testkit_start(kit), TAPPET_OK);
	return kit;
}

static tappet_trigger *add(testkit *kit, const char *id, const char *one, const char *other)
{
	char options[256];
	snprintf(options, sizeof(options),
		 "{\"signature\":{\"preset\":\"github\",\"secret\":[{\"env\":\"%s\"},{\"env\":\"%s\"}]}}", one, other);
	tappet_trigger *trigger = testkit_trigger_add(kit, id, options);
	assert_non_null(trigger);
	return trigger;
}

static void send_signed(testkit *kit, const char *secret)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	char header[128] = "X-Hub-Signature-256: sha256=";
	HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)BODY, sizeof(BODY) - 1, mac, &len);
	for (unsigned i = 0; i < len; i++)
		snprintf(header + strlen(header), 3, "%02x", mac[i]);
	testkit_exchange *x = testkit_http(kit, "POST", "/webhook/in/" TESTKIT_WORKFLOW, header, tappet_cstr(BODY));
	testkit_run(kit);
	assert_int_equal(testkit_http_status(x), 200);
}

static cJSON *secrets_of(testkit *kit, const char *target)
{
	testkit_exchange *x = testkit_http(kit, "GET", target, NULL, tappet_cstr(""));
	testkit_run(kit);
	assert_int_equal(testkit_http_status(x), 200);
	cJSON *tree = cJSON_Parse(testkit_http_body(x).ptr);
	assert_non_null(tree);
	assert_null(strstr(testkit_http_body(x).ptr, "secret\":\""));
	return tree;
}

static const cJSON *at(const cJSON *tree, int index, const char *key)
{
	const cJSON *item = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(tree, "secrets"), index);
	return cJSON_GetObjectItemCaseSensitive(item, key);
}

static void each_secret_has_its_own_last_use(void **state)
{
	(void)state;
	testkit *kit = open_kit();
	add(kit, "in", "FIRST", "SECOND");
	send_signed(kit, "second secret");
	testkit_advance(kit, 5000);
	send_signed(kit, "second secret");
	cJSON *tree = secrets_of(kit, SECRETS);
	assert_null(at(tree, 0, "lastUsed"));
	assert_int_equal(at(tree, 0, "usesSinceStart")->valueint, 0);
	assert_string_equal(at(tree, 1, "firstSeen")->valuestring, "2020-01-01T00:00:00.000Z");
	assert_string_equal(at(tree, 1, "lastUsed")->valuestring, "2020-01-01T00:00:05.000Z");
	assert_int_equal(at(tree, 1, "usesSinceStart")->valueint, 2);
	assert_int_equal(at(tree, 1, "position")->valueint, 2);
	assert_string_equal(at(tree, 1, "kind")->valuestring, "signature");
	cJSON_Delete(tree);
	testkit_close(kit);
}

static void what_is_known_survives_a_swap_of_places_and_a_restart(void **state)
{
	(void)state;
	char salt[64], stored[256];
	testkit *kit = open_kit();
	tappet_trigger *trigger = add(kit, "in", "FIRST", "SECOND");
	send_signed(kit, "second secret");
	testkit_trigger_remove(kit, trigger);
	add(kit, "in", "SECOND", "FIRST");
	cJSON *tree = secrets_of(kit, SECRETS "/in");
	assert_non_null(at(tree, 0, "lastUsed"));
	assert_null(at(tree, 1, "lastUsed"));
	cJSON_Delete(tree);
	/* It stops before it was due to be written. */
	testkit_stop(kit, 1000);
	snprintf(salt, sizeof(salt), "%s", testkit_kv(kit, NULL, SALT_KEY).ptr);
	snprintf(stored, sizeof(stored), "%s", testkit_kv(kit, NULL, "secrets/" TESTKIT_WORKFLOW "/in").ptr);
	testkit_close(kit);
	kit = open_kit();
	testkit_kv_set(kit, NULL, SALT_KEY, salt);
	testkit_kv_set(kit, NULL, "secrets/" TESTKIT_WORKFLOW "/in", stored);
	add(kit, "in", "FIRST", "SECOND");
	testkit_advance(kit, 1000);
	tree = secrets_of(kit, SECRETS);
	assert_null(at(tree, 0, "lastUsed"));
	assert_string_equal(at(tree, 1, "lastUsed")->valuestring, "2020-01-01T00:00:00.000Z");
	assert_int_equal(at(tree, 1, "usesSinceStart")->valueint, 0);
	cJSON_Delete(tree);
	/* A new use goes on from there. */
	send_signed(kit, "second secret");
	tree = secrets_of(kit, SECRETS);
	assert_string_equal(at(tree, 1, "firstSeen")->valuestring, "2020-01-01T00:00:00.000Z");
	assert_string_equal(at(tree, 1, "lastUsed")->valuestring, "2020-01-01T00:00:01.000Z");
	cJSON_Delete(tree);
	testkit_close(kit);
}

static void many_uses_are_written_once_a_minute(void **state)
{
	(void)state;
	char stored[256];
	testkit *kit = open_kit();
	add(kit, "in", "FIRST", "SECOND");
	send_signed(kit, "first secret");
	assert_null(testkit_kv(kit, NULL, "secrets/" TESTKIT_WORKFLOW "/in").ptr); /* not on the way of the request */
	testkit_advance(kit, TICK_MS);
	assert_non_null(testkit_kv(kit, NULL, "secrets/" TESTKIT_WORKFLOW "/in").ptr);
	snprintf(stored, sizeof(stored), "%s", testkit_kv(kit, NULL, "secrets/" TESTKIT_WORKFLOW "/in").ptr);
	for (int i = 0; i < 4; i++) {
		send_signed(kit, "first secret");
		testkit_advance(kit, TICK_MS);
		assert_string_equal(testkit_kv(kit, NULL, "secrets/" TESTKIT_WORKFLOW "/in").ptr, stored);
	}
	testkit_advance(kit, WRITE_EVERY_MS);
	assert_string_not_equal(testkit_kv(kit, NULL, "secrets/" TESTKIT_WORKFLOW "/in").ptr, stored);
	assert_int_equal(testkit_timer_count(kit), 0); /* nothing is left to be written */
	testkit_close(kit);
}

static void nothing_that_is_stored_or_shown_is_a_secret_or_its_hash(void **state)
{
	(void)state;
	testkit *kit = open_kit();
	add(kit, "in", "FIRST", "SECOND");
	send_signed(kit, "first secret");
	testkit_advance(kit, TICK_MS);
	const char *stored = testkit_kv(kit, NULL, "secrets/" TESTKIT_WORKFLOW "/in").ptr;
	assert_null(strstr(stored, "first secret"));
	const cJSON *item;
	cJSON *tree = cJSON_Parse(stored);
	cJSON_ArrayForEach(item, tree) assert_int_equal(
		strlen(cJSON_GetObjectItemCaseSensitive(item, "id")->valuestring), FINGERPRINT_SIZE - 1);
	cJSON_Delete(tree);
	assert_int_equal(testkit_kv(kit, NULL, SALT_KEY).len, 2 * SALT_LEN);
	testkit_close(kit);
}

static void no_fault_of_the_store_is_in_the_way_of_a_request(void **state)
{
	(void)state;
	static const int32_t errors[] = {TAPPET_EBUSY, TAPPET_ENOMEM};
	for (size_t e = 0; e < 2; e++) {
		for (size_t nth = 1, more = 1; more; nth++) {
			testkit *kit = open_kit();
			add(kit, "in", "FIRST", "SECOND");
			send_signed(kit, "first secret");
			testkit_fail(kit, nth, errors[e]);
			testkit_advance(kit, TICK_MS);
			more = testkit_has_failed(kit) == 1;
			testkit_fail(kit, 0, 0);
			send_signed(kit, "first secret");
			testkit_advance(kit, WRITE_EVERY_MS + 2 * TICK_MS);
			assert_non_null(testkit_kv(kit, NULL, "secrets/" TESTKIT_WORKFLOW "/in").ptr);
			testkit_close(kit);
		}
	}
}

static void the_trigger_has_no_state_of_its_own(void **state)
{
	(void)state;
	testkit *kit = open_kit();
	add(kit, "in", "FIRST", "SECOND");
	send_signed(kit, "first secret");
	testkit_advance(kit, TICK_MS);
	assert_null(testkit_kv(kit, "in", "secrets/" TESTKIT_WORKFLOW "/in").ptr);
	assert_int_equal(testkit_emission_last(kit)->checkpoint_count, 0);
	testkit_close(kit);
}

static void who_asks_for_a_trigger_that_is_not_there_is_told(void **state)
{
	(void)state;
	testkit *kit = open_kit();
	add(kit, "in", "FIRST", "SECOND");
	testkit_exchange *x = testkit_http(kit, "GET", SECRETS "/out", NULL, tappet_cstr(""));
	assert_int_equal(testkit_http_status(x), 404);
	testkit_close(kit);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_secret_has_its_own_last_use),
		cmocka_unit_test(what_is_known_survives_a_swap_of_places_and_a_restart),
		cmocka_unit_test(many_uses_are_written_once_a_minute),
		cmocka_unit_test(nothing_that_is_stored_or_shown_is_a_secret_or_its_hash),
		cmocka_unit_test(no_fault_of_the_store_is_in_the_way_of_a_request),
		cmocka_unit_test(the_trigger_has_no_state_of_its_own),
		cmocka_unit_test(who_asks_for_a_trigger_that_is_not_there_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
