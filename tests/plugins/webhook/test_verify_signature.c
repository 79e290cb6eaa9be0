/* Signatures beyond the documented examples: two live secrets, odd headers, templates, and senders that do not sign. */
#include "verify_kit.h"

#define GITHUB "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
#define DIGEST "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
#define SECRET "It's a Secret to Everybody"
#define BODY "Hello, World!"

static struct sent sent;

static void send_header(const char *name, const char *value)
{
	sent_init(&sent, tappet_cstr(BODY), 1000);
	sent_add(&sent, name, value);
}

static void the_old_secret_passes_and_is_told(void **state)
{
	(void)state;
	struct verifier *v = verifier_of("{\"preset\":\"github\",\"secret\":[\"new\",\"" SECRET "\"]}", NULL);
	send_header("X-Hub-Signature-256", GITHUB);
	assert_true(checked(v, &sent).ok);
	assert_int_equal(checked(v, &sent).secret, 1);
	verifier_free(v);
	v = verifier_of("{\"preset\":\"github\",\"secret\":[\"" SECRET "\",\"old\"]}", NULL);
	assert_int_equal(checked(v, &sent).secret, 0);
	verifier_free(v);
	v = verifier_of("{\"preset\":\"github\",\"secret\":[\"new\",\"old\"]}", NULL);
	expect_refused(v, &sent, MISMATCH_DETAIL);
	assert_int_equal(checked(v, &sent).secret, -1);
	verifier_free(v);
}

static void odd_headers_are_refused(void **state)
{
	(void)state;
	static const char *const unreadable[] = {"",     "sha256",         "sha256=",  "sha1=" DIGEST,
						 DIGEST, "SHA256=" DIGEST, " " GITHUB, "sha256:" DIGEST};
	static const char *const mismatch[] = {"sha256=00",     "sha256= " DIGEST,    GITHUB "00",  GITHUB " ",
					       GITHUB "\xff",   "sha256=" GITHUB,     "sha256=zz",  "sha256=\xc3\xa9",
					       "sha256=7571\n", GITHUB ",v1=" DIGEST, "sha256=%00", "sha256=null"};
	struct verifier *v = verifier_of("{\"preset\":\"github\",\"secret\":\"" SECRET "\"}", NULL);
	for (size_t i = 0; i < sizeof(unreadable) / sizeof(unreadable[0]); i++) {
		send_header("X-Hub-Signature-256", unreadable[i]);
		expect_refused(v, &sent, UNREADABLE_DETAIL);
	}
	for (size_t i = 0; i < sizeof(mismatch) / sizeof(mismatch[0]); i++) {
		send_header("X-Hub-Signature-256", mismatch[i]);
		struct verify_result result = checked(v, &sent);
		assert_false(result.ok);
		assert_int_equal(result.reason, TAPPET_REASON_SIGNATURE);
	}
	send_header("X-Hub-Signature", GITHUB);
	expect_refused(v, &sent, "There is no header x-hub-signature-256.");
	verifier_free(v);
}

static void digits_of_either_case_are_the_same(void **state)
{
	(void)state;
	struct verifier *v = verifier_of("{\"preset\":\"github\",\"secret\":\"" SECRET "\"}", NULL);
	send_header("X-Hub-Signature-256", GITHUB);
	for (char *c = sent.values[0] + 7; *c; c++)
		*c = *c >= 'a' ? (char)(*c - 'a' + 'A') : *c;
	assert_true(checked(v, &sent).ok);
	verifier_free(v);
}

static void a_huge_header_is_refused(void **state)
{
	(void)state;
	static char value[SENT_TEXT_MAX - 1];
	struct verifier *v = verifier_of("{\"preset\":\"stripe\",\"secret\":\"s\"}", NULL);
	memset(value, 'a', sizeof(value) - 1);
	send_header("Stripe-Signature", value);
	expect_refused(v, &sent, UNREADABLE_DETAIL);
	value[8000] = '\0';
	for (size_t i = 0; i + 5 < 8000; i += 5)
		memcpy(value + i, ",v1=a", 5);
	send_header("Stripe-Signature", value);
	expect_refused(v, &sent, UNREADABLE_DETAIL);
	verifier_free(v);
}

static void unknown_items_are_passed_over_and_a_second_timestamp_is_not(void **state)
{
	(void)state;
	static const char right[] = "88a022085c6bdb887b02cb26ff76dd681234d9675c0f22844059f55552a8883a";
	struct verifier *v = verifier_of("{\"preset\":\"stripe\",\"secret\":\"whsec_test_secret\"}", NULL);
	static const struct {
		const char *format;
		bool ok;
	} values[] = {
		{"t=1492774577,v1=%s", true},
		{"v1=%s,t=1492774577", true},
		{"t=1492774577, v1=00,v1=%s", true},
		{"t=1492774577,v0=00,,x,v1=%s,v2=1", true},
		{"t=1492774577,t=1492774577,v1=%s", false},
		{"v1=%s", false},
		{"t=1492774577,v0=%s", false},
		{"t=1492774577,V1=%s", false},
		{"t=1492774577;v1=%s", false},
	};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char value[256];
		snprintf(value, sizeof(value), values[i].format, right);
		sent_init(&sent, tappet_cstr("{\"id\":\"evt_test_webhook\",\"object\":\"event\"}"),
			  INT64_C(1492774577000));
		sent_add(&sent, "Stripe-Signature", value);
		assert_int_equal(checked(v, &sent).ok, values[i].ok);
	}
	verifier_free(v);
}

static void one_of_several_signatures_of_standard_webhooks_will_do(void **state)
{
	(void)state;
	struct verifier *v = verifier_of(
		"{\"preset\":\"standard-webhooks\",\"secret\":[\"whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=\","
		"\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]}",
		NULL);
	static const char symmetric[] = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
	static const char asymmetric[] =
		"v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
	static const struct {
		const char *first, *second;
		int secret;
	} values[] = {
		{symmetric, "", 1},     {asymmetric, "", 0},     {"v2,AAAA", symmetric, 1}, {"v1,AAAA", asymmetric, 0},
		{"v1a,", symmetric, 1}, {"v1a,AAAA", "v1,", -1}, {"v2,g0hM", "", -1},
	};
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char value[512];
		snprintf(value, sizeof(value), "%s %s", values[i].first, values[i].second);
		sent_init(&sent, tappet_cstr("{\"test\": 2432232314}"), INT64_C(1614265330000));
		sent_add(&sent, "webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek");
		sent_add(&sent, "webhook-timestamp", "1614265330");
		sent_add(&sent, "webhook-signature", value);
		assert_int_equal(checked(v, &sent).secret, values[i].secret);
		assert_int_equal(checked(v, &sent).ok, values[i].secret >= 0);
	}
	verifier_free(v);
}

/* The digest is by Python's hmac. */
static void a_template_can_use_all_that_there_is(void **state)
{
	(void)state;
	struct verifier *v =
		verifier_of("{\"header\":\"X-Sig\",\"parse\":\"ts:{timestamp};sig:<{signature}>\","
			    "\"separator\":\";\",\"signed\":\"{method} {path} {url} {id} {timestamp} {body}\","
			    "\"idHeader\":\"X-Id\",\"encoding\":\"base64url\",\"timestampUnit\":\"ms\","
			    "\"tolerance\":\"10s\",\"secret\":\"key\"}",
			    NULL);
	sent_init(&sent, tappet_cstr(BODY), INT64_C(1700000000000));
	sent.request.url = tappet_cstr("https://h/p?q=1");
	sent.request.path_query = tappet_cstr("/p?q=1");
	sent_add(&sent, "X-Id", "7");
	sent_add(&sent, "X-Sig", "ts:1700000009999;sig:<0oWRkDZn_InMdZG9Q-n-ZkN5EkgvCbCnzzhIQlzAx60>");
	assert_string_equal(checked(v, &sent).detail, "");
	sent.request.now_ms -= 2;
	expect_refused(v, &sent, STALE_DETAIL);
	sent.request.now_ms += 2;
	sent.request.method = tappet_cstr("PUT");
	expect_refused(v, &sent, MISMATCH_DETAIL);
	sent.request.method = tappet_cstr("POST");
	sent.request.url = tappet_cstr("");
	assert_int_equal(checked(v, &sent).status, 500);
	assert_string_equal(checked(v, &sent).type, "public-url");
	verifier_free(v);
}

static void timestamps_that_are_no_numbers_are_refused(void **state)
{
	(void)state;
	static const char *const timestamps[] = {"-1", "1e3", "0x10", "99999999999999999999", "1 ", "2020-01-01"};
	struct verifier *v = verifier_of("{\"header\":\"S\",\"timestampHeader\":\"T\",\"signed\":\"{timestamp}{body}\","
					 "\"secret\":\"key\"}",
					 NULL);
	for (size_t i = 0; i < sizeof(timestamps) / sizeof(timestamps[0]); i++) {
		sent_init(&sent, tappet_cstr(BODY), 1000);
		sent_add(&sent, "T", timestamps[i]);
		sent_add(&sent, "S", "00");
		assert_false(checked(v, &sent).ok);
	}
	verifier_free(v);
}

static void what_a_gitlab_of_old_sends_is_compared_as_it_is(void **state)
{
	(void)state;
	struct verifier *v = verifier_of("{\"preset\":\"gitlab\",\"secret\":[\"new token\",\"token\"]}", NULL);
	send_header("X-Gitlab-Token", "token");
	assert_int_equal(checked(v, &sent).secret, 1);
	send_header("X-Gitlab-Token", "toke");
	expect_refused(v, &sent, MISMATCH_DETAIL);
	send_header("X-Gitlab-Token", "");
	expect_refused(v, &sent, UNREADABLE_DETAIL);
	send_header("X-Other", "token");
	expect_refused(v, &sent, "There is no header x-gitlab-token.");
	verifier_free(v);
}

static void a_gitlab_with_a_signing_token_signs_as_standard_webhooks_say(void **state)
{
	(void)state;
	struct verifier *v =
		verifier_of("{\"preset\":\"gitlab\",\"secret\":\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}", NULL);
	sent_init(&sent, tappet_cstr("{\"test\": 2432232314}"), INT64_C(1614265330000));
	sent_add(&sent, "webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek");
	sent_add(&sent, "webhook-timestamp", "1614265330");
	sent_add(&sent, "webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
	assert_true(checked(v, &sent).ok);
	sent.request.now_ms += 400000;
	expect_refused(v, &sent, STALE_DETAIL);
	verifier_free(v);
}

static void docker_hub_shows_its_secret_in_the_query(void **state)
{
	(void)state;
	static const struct {
		const char *path_query, *detail;
	} values[] = {
		{"/webhook/in/w?secret=a+b%26c", ""},
		{"/webhook/in/w?x=1&secret=a%20b%26c&y", ""},
		{"/webhook/in/w?secret=a", MISMATCH_DETAIL},
		{"/webhook/in/w?secret=", MISMATCH_DETAIL},
		{"/webhook/in/w?secret", MISMATCH_DETAIL},
		{"/webhook/in/w?Secret=a+b%26c", "There is no \"secret\" in the query."},
		{"/webhook/in/w", "There is no \"secret\" in the query."},
	};
	struct verifier *v = verifier_of("{\"preset\":\"dockerhub\",\"secret\":\"a b&c\"}", NULL);
	assert_string_equal(verifier_secret_query(v), "secret");
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		sent_init(&sent, tappet_cstr(BODY), 1000);
		sent.request.path_query = tappet_cstr(values[i].path_query);
		assert_string_equal(checked(v, &sent).detail, values[i].detail);
	}
	verifier_free(v);
}

static void send_twilio(const char *url, const char *signature)
{
	sent_init(&sent,
		  tappet_cstr("CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&"
			      "To=%2B18005551212"),
		  1000);
	sent.request.url = tappet_cstr(url);
	sent_add(&sent, "X-Twilio-Signature", signature);
}

/* The digests are those of twilio-python's test of ports. */
static void twilio_may_sign_the_address_with_its_port_or_without(void **state)
{
	(void)state;
	struct verifier *v = verifier_of("{\"preset\":\"twilio\",\"secret\":\"12345\"}", NULL);
	static const char plain[] = "RSOYDt4T1cUTdK1PDd93/VVr8B8=", port[] = "kvajT1Ptam85bY51eRf/AJRuM3w=";
	send_twilio("https://mycompany.com/myapp.php?foo=1&bar=2", plain);
	assert_true(checked(v, &sent).ok);
	send_twilio("https://mycompany.com:1234/myapp.php?foo=1&bar=2", plain);
	assert_true(checked(v, &sent).ok);
	send_twilio("https://mycompany.com/myapp.php?foo=1&bar=2", port);
	assert_true(checked(v, &sent).ok);
	send_twilio("https://mycompany.com:443/myapp.php?foo=1&bar=2", port);
	assert_true(checked(v, &sent).ok);
	send_twilio("https://mycompany.com:444/myapp.php?foo=1&bar=2", port);
	expect_refused(v, &sent, MISMATCH_DETAIL);
	send_twilio("https://other.com/myapp.php?foo=1&bar=2", plain);
	expect_refused(v, &sent, MISMATCH_DETAIL);
	verifier_free(v);
}

static void twilio_needs_the_public_address(void **state)
{
	(void)state;
	struct verifier *v = verifier_of("{\"preset\":\"twilio\",\"secret\":\"12345\"}", NULL);
	send_twilio("", "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
	struct verify_result result = checked(v, &sent);
	assert_int_equal(result.status, 500);
	assert_string_equal(result.detail,
			    "This sender signs the address: set \"publicUrl\" in tappet.json to the one it was given.");
	verifier_free(v);
}

static void what_a_preset_says_beside_its_signature(void **state)
{
	(void)state;
	struct verifier *v = verifier_of("{\"preset\":\"github\",\"secret\":\"s\"}", "{\"bearer\":\"b\"}");
	assert_string_equal(verifier_headers(v)[0], "x-github-event");
	assert_string_equal(verifier_dedup_header(v), "x-github-delivery");
	assert_null(verifier_dedup_field(v));
	assert_string_equal(verifier_secret_headers(v)[0], "x-hub-signature-256");
	assert_string_equal(verifier_secret_headers(v)[1], "x-hub-signature");
	assert_string_equal(verifier_secret_headers(v)[2], "authorization");
	assert_null(verifier_secret_headers(v)[3]);
	assert_null(verifier_handshake(v));
	verifier_free(v);
	v = verifier_of("{\"preset\":\"stripe\",\"secret\":\"s\"}", NULL);
	assert_string_equal(verifier_dedup_field(v), "id");
	assert_null(verifier_headers(v)[0]);
	verifier_free(v);
	v = verifier_of(NULL, NULL);
	assert_null(verifier_headers(v)[0]);
	assert_null(verifier_secret_headers(v)[0]);
	assert_null(verifier_signature_header(v));
	verifier_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_old_secret_passes_and_is_told),
		cmocka_unit_test(odd_headers_are_refused),
		cmocka_unit_test(digits_of_either_case_are_the_same),
		cmocka_unit_test(a_huge_header_is_refused),
		cmocka_unit_test(unknown_items_are_passed_over_and_a_second_timestamp_is_not),
		cmocka_unit_test(one_of_several_signatures_of_standard_webhooks_will_do),
		cmocka_unit_test(a_template_can_use_all_that_there_is),
		cmocka_unit_test(timestamps_that_are_no_numbers_are_refused),
		cmocka_unit_test(what_a_gitlab_of_old_sends_is_compared_as_it_is),
		cmocka_unit_test(a_gitlab_with_a_signing_token_signs_as_standard_webhooks_say),
		cmocka_unit_test(docker_hub_shows_its_secret_in_the_query),
		cmocka_unit_test(twilio_may_sign_the_address_with_its_port_or_without),
		cmocka_unit_test(twilio_needs_the_public_address),
		cmocka_unit_test(what_a_preset_says_beside_its_signature),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
