/* What `tappet webhook test` signs by itself is what a trigger with the same secret takes; and what the daemon signs for it
 * opens nothing but the one request. */
#include "verify_kit.h"
#include "../../../plugins/webhook/sender.h"

#define NOW_MS INT64_C(1700000000000)
#define BODY "{\"a\": 1, \"webhookTimestamp\": 1700000000000}"

static const struct sender_request request = {
	.method = "POST",
	.url = "",
	.path_query = "/webhook/in/w",
	.body = BODY,
	.body_len = sizeof(BODY) - 1,
	.now_ms = NOW_MS,
};

static void what_is_signed_here_is_taken_there(void **state)
{
	(void)state;
	static const char *const options[] = {
		"{\"preset\":\"github\",\"secret\":\"s\"}",
		"{\"preset\":\"bitbucket\",\"secret\":\"s\"}",
		"{\"preset\":\"stripe\",\"secret\":\"whsec_s\"}",
		"{\"preset\":\"slack\",\"secret\":\"s\"}",
		"{\"preset\":\"shopify\",\"secret\":\"s\"}",
		"{\"preset\":\"linear\",\"secret\":\"s\"}",
		"{\"preset\":\"gitlab\",\"secret\":\"s\"}",
		"{\"preset\":\"standard-webhooks\",\"secret\":\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}",
		"{\"header\":\"X-S\",\"parse\":\"t={timestamp},v1={signature}\",\"signed\":\"{timestamp}.{path}.{body}"
		"\","
		"\"secret\":\"s\"}",
	};
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		char error[SENDER_ERROR_MAX];
		struct sent sent;
		struct verifier *v = verifier_of(options[i], "\"none\"");
		sent_init(&sent, tappet_cstr(BODY), NOW_MS);
		assert_true(sender_sign(options[i], &request, sent_add, &sent, error));
		assert_true(checked(v, &sent).ok);
		verifier_free(v);
	}
}

static void what_is_wrong_is_said_without_the_secret(void **state)
{
	(void)state;
	static const struct {
		const char *options, *error;
	} cases[] = {
		{"{\"preset\":\"githup\",\"secret\":\"hidden\"}",
		 "preset: unknown preset \"githup\": did you mean \"github\"?"},
		{"{\"preset\":\"discord\",\"secret\":"
		 "\"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\"}",
		 "only the private key can sign, and this is the public one"},
		{"{\"preset\":\"standard-webhooks\",\"secret\":\"hidden!\"}", NULL},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char error[SENDER_ERROR_MAX];
		struct sent sent;
		sent_init(&sent, tappet_cstr(BODY), NOW_MS);
		assert_false(sender_sign(cases[i].options, &request, sent_add, &sent, error));
		assert_true(error[0] != '\0');
		assert_null(strstr(error, "hidden"));
		if (cases[i].error)
			assert_string_equal(error, cases[i].error);
	}
}

static void the_daemon_signs_only_what_opens_one_request(void **state)
{
	(void)state;
	static const struct {
		const char *signature, *auth;
		enum verify_sender sender;
	} cases[] = {
		{"{\"preset\":\"github\",\"secret\":\"hidden\"}", "{\"bearer\":\"hidden\"}", SENDER_SIGNS},
		{"{\"preset\":\"gitlab\",\"secret\":\"hidden\"}", "\"none\"", SENDER_SHOWS},
		{"{\"preset\":\"dockerhub\",\"secret\":\"hidden\"}", "\"none\"", SENDER_SHOWS},
		{"{\"preset\":\"discord\",\"secret\":"
		 "\"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\"}",
		 "\"none\"", SENDER_HAS_KEY},
		{"", "{\"header\":{\"name\":\"X-Key\",\"value\":\"hidden\"}}", SENDER_NOTHING},
		{"", "{\"basic\":{\"user\":\"u\",\"password\":\"hidden\"}}", SENDER_NOTHING},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sent sent;
		struct verifier *v = verifier_of(cases[i].signature, cases[i].auth);
		sent_init(&sent, tappet_cstr(BODY), NOW_MS);
		assert_int_equal(verifier_sender(v), cases[i].sender);
		const int32_t r = verifier_sign_once(v, &sent.request, sent_add, &sent);
		assert_int_equal(r, cases[i].sender == SENDER_SIGNS ? TAPPET_OK : TAPPET_ENOTSUP);
		for (size_t n = 0; n < sent.count; n++)
			assert_null(strstr(sent.values[n], "hidden"));
		char *options = verifier_signature_options(v);
		assert_true(!options || !strstr(options, "hidden"));
		free(options);
		verifier_free(v);
	}
}

static void user_and_password_are_one_text(void **state)
{
	(void)state;
	/* RFC 7617 section 2 */
	char *text = sender_basic("Aladdin", "open sesame");
	assert_string_equal(text, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_signed_here_is_taken_there),
		cmocka_unit_test(what_is_wrong_is_said_without_the_secret),
		cmocka_unit_test(the_daemon_signs_only_what_opens_one_request),
		cmocka_unit_test(user_and_password_are_one_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
