/* What senders document, or their own libraries make: each of it passes, and nothing near to it does. */
#include "verify_kit.h"

#define TWILIO_URL "https://mycompany.com/myapp.php?foo=1&bar=2"
#define TWILIO_HASH "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
#define SLACK_BODY                                                                                                     \
	"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&"               \
	"channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url="    \
	"https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id="   \
	"398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"

struct vector {
	const char *source;
	const char *signature;
	const char *body;
	const char *headers[3][2]; /* the first one is the signature */
	size_t signature_at;       /* where a character of the digest stands in it */
	const char *url, *path_query;
	int64_t now_s; /* 0: there is no timestamp */
};

static const struct vector vectors[] = {
	{
		.source = "docs.github.com, Validating webhook deliveries, Testing the webhook payload validation",
		.signature = "{\"preset\":\"github\",\"secret\":\"It's a Secret to Everybody\"}",
		.body = "Hello, World!",
		.headers = {{"X-Hub-Signature-256",
			     "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}},
		.signature_at = 10,
	},
	{
		.source = "support.atlassian.com, Bitbucket Cloud, Manage webhooks, Examples of validating",
		.signature = "{\"preset\":\"bitbucket\",\"secret\":\"It's a Secret to Everybody\"}",
		.body = "Hello World!",
		.headers = {{"X-Hub-Signature",
			     "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"}},
		.signature_at = 10,
	},
	{
		.source = "docs.slack.dev, Verifying requests from Slack, the step by step walk-through",
		.signature = "{\"preset\":\"slack\",\"secret\":\"8f742231b10e8888abcd99yyyzzz85a5\"}",
		.body = SLACK_BODY,
		.headers = {{"X-Slack-Signature",
			     "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"},
			    {"X-Slack-Request-Timestamp", "1531420618"}},
		.signature_at = 10,
		.now_s = 1531420618,
	},
	{
		.source = "stripe-node 23.1.0, webhooks.generateTestHeaderString",
		.signature = "{\"preset\":\"stripe\",\"secret\":\"whsec_test_secret\"}",
		.body = "{\"id\":\"evt_test_webhook\",\"object\":\"event\"}",
		.headers = {{"Stripe-Signature",
			     "t=1492774577,v1=88a022085c6bdb887b02cb26ff76dd681234d9675c0f22844059f55552a8883a,"
			     "v0=6ffbb59b2300aae63f272406069a9788598b792a944a07aba816edb039989a39"}},
		.signature_at = 20,
		.now_s = 1492774577,
	},
	{
		.source = "Standard Webhooks 1.0.0, Signature scheme, the example of the symmetric signature",
		.signature = "{\"preset\":\"standard-webhooks\",\"secret\":\"whsec_plJ3nmyCDGBKInavdOK15jsl\"}",
		.body = "{\"event_type\":\"ping\",\"data\":{\"success\":true}}",
		.headers = {{"webhook-signature", "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="},
			    {"webhook-timestamp", "1731705121"},
			    {"webhook-id", "msg_loFOjxBNrRLzqYUf"}},
		.signature_at = 10,
		.now_s = 1731705121,
	},
	{
		.source = "standard-webhooks/libraries, the test of sign; a secret without its prefix",
		.signature = "{\"preset\":\"standard-webhooks\",\"secret\":\"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}",
		.body = "{\"test\": 2432232314}",
		.headers = {{"webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
			    {"webhook-timestamp", "1614265330"},
			    {"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"}},
		.signature_at = 10,
		.now_s = 1614265330,
	},
	{
		.source = "Standard Webhooks 1.0.0, the example's v1a, which is of svix-webhooks, "
			  "test_asymmetric_key_signing",
		.signature = "{\"preset\":\"standard-webhooks\",\"secret\":"
			     "\"whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=\"}",
		.body = "{\"test\": 2432232314}",
		.headers = {{"webhook-signature",
			     "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdp"
			     "XwVLPo3mNl8EM+m7TBAg=="},
			    {"webhook-timestamp", "1614265330"},
			    {"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"}},
		.signature_at = 10,
		.now_s = 1614265330,
	},
	{
		.source = "standard-webhooks/libraries/go, TestAsymmetricWebhookSign; the private key",
		.signature = "{\"preset\":\"standard-webhooks\",\"secret\":"
			     "\"whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=\"}",
		.body = "{\"test\": 2432232314}",
		.headers = {{"webhook-signature",
			     "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7Ka"
			     "aBRdM5WqyeFiL8Ag=="},
			    {"webhook-timestamp", "1614265330"},
			    {"webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"}},
		.signature_at = 10,
		.now_s = 1614265330,
	},
	{
		.source = "sqlpage, examples of hmac(), Shopify",
		.signature = "{\"preset\":\"shopify\",\"secret\":\"test-webhook-secret\"}",
		.body = "{\"id\":1234567890,\"email\":\"customer@example.com\",\"total_price\":\"123.45\"}",
		.headers = {{"X-Shopify-Hmac-SHA256", "QNyObTlKbMx2qDlPF/ZOZcBqg5OgPg+2oky3zldc0Gw="}},
		.signature_at = 3,
	},
	{
		.source = "twilio-node and its sisters, the test of the request validator",
		.signature = "{\"preset\":\"twilio\",\"secret\":\"12345\"}",
		.body = "Digits=1234&To=%2B18005551212&From=%2B14158675309&Caller=%2B14158675309&CallSid="
			"CA1234567890ABCDE",
		.headers = {{"X-Twilio-Signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8="}},
		.signature_at = 3,
		.url = TWILIO_URL,
		.path_query = "/myapp.php?foo=1&bar=2",
	},
	{
		.source = "www.twilio.com/docs/usage/security, Explore the algorithm yourself",
		.signature = "{\"preset\":\"twilio\",\"secret\":\"12345\"}",
		.body = "CallSid=CA1234567890ABCDE&Caller=%2B12349013030&Digits=1234&From=%2B12349013030&To=%"
			"2B18005551212",
		.headers = {{"X-Twilio-Signature", "0/KCTR6DLpKmkAf8muzZqo1nDgQ="}},
		.signature_at = 3,
		.url = TWILIO_URL,
		.path_query = "/myapp.php?foo=1&bar=2",
	},
	{
		.source = "twilio-python, the test of the request validator, a JSON body",
		.signature = "{\"preset\":\"twilio\",\"secret\":\"12345\"}",
		.body = "{\"property\": \"value\", \"boolean\": true}",
		.headers = {{"X-Twilio-Signature", "a9nBmqA0ju/hNViExpshrM61xv4="}},
		.signature_at = 3,
		.url = TWILIO_URL "&bodySHA256=" TWILIO_HASH,
		.path_query = "/myapp.php?foo=1&bar=2&bodySHA256=" TWILIO_HASH,
	},
	{
		.source = "twilio-go, the test of the request validator, a parameter that comes several times",
		.signature = "{\"preset\":\"twilio\",\"secret\":\"12345\"}",
		.body = "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234",
		.headers = {{"X-Twilio-Signature", "IK+Dwps556ElfBT0I3Rgjkr1wJU="}},
		.signature_at = 3,
		.url = TWILIO_URL,
		.path_query = "/myapp.php?foo=1&bar=2",
	},
	{
		.source = "linear.app/developers/webhooks has no numbers; the digest by Python's hmac",
		.signature = "{\"preset\":\"linear\",\"secret\":\"lin_wh_0123456789abcdef\"}",
		.body = "{\"action\":\"create\",\"type\":\"Issue\",\"webhookTimestamp\":1676056940508}",
		.headers = {{"Linear-Signature", "6d8eb4c3cc78637220f51cc18f9730665c8d031a253ba41f5a3b443e2f1cbdc7"}},
		.signature_at = 3,
		.now_s = 1676056940,
	},
	{
		.source = "discord.com/developers has no numbers; the key of RFC 8032 section 7.1, test 3, signed by "
			  "node:crypto",
		.signature = "{\"preset\":\"discord\",\"secret\":"
			     "\"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025\"}",
		.body = "{\"type\":1,\"id\":\"846462639134605312\"}",
		.headers =
			{{"X-Signature-Ed25519",
			  "f0303f9f6714d496501eddc725a731e03093631c31f41d84ea2122cac36a286cb6d5d5da6536015dcbda97e25c53"
			  "ceffc41ff29447444fcd8674ddfe4a33d204"},
			 {"X-Signature-Timestamp", "1614265330"}},
		.signature_at = 3,
		.now_s = 1614265330,
	},
	{
		.source = "RFC 8032 section 7.1, test 3",
		.signature = "{\"header\":\"X-S\",\"algorithm\":\"ed25519\",\"secret\":"
			     "\"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025\"}",
		.body = "\xaf\x82",
		.headers =
			{{"X-S",
			  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
			  "4dc6594a7c15e9716ed28dc027beceea1ec40a"}},
		.signature_at = 3,
	},
	{
		.source = "RFC 4231 section 4.3, HMAC-SHA-256",
		.signature = "{\"header\":\"X-S\",\"secret\":\"Jefe\"}",
		.body = "what do ya want for nothing?",
		.headers = {{"X-S", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"}},
		.signature_at = 3,
	},
	{
		.source = "RFC 4231 section 4.3, HMAC-SHA-512",
		.signature = "{\"header\":\"X-S\",\"algorithm\":\"sha512\",\"secret\":\"Jefe\"}",
		.body = "what do ya want for nothing?",
		.headers =
			{{"X-S",
			  "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8"
			  "f0e6fdcaeab1a34d4a6b4b636e070a38bce737"}},
		.signature_at = 3,
	},
	{
		.source = "RFC 2202 section 3, test 2, HMAC-SHA-1",
		.signature = "{\"header\":\"X-S\",\"algorithm\":\"sha1\",\"secret\":\"Jefe\"}",
		.body = "what do ya want for nothing?",
		.headers = {{"X-S", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"}},
		.signature_at = 3,
	},
};

#define VECTOR_COUNT (sizeof(vectors) / sizeof(vectors[0]))

static void send_vector(const struct vector *vector, struct sent *sent)
{
	sent_init(sent, tappet_cstr(vector->body), (vector->now_s ? vector->now_s : 1) * 1000);
	for (size_t i = 0; i < 3 && vector->headers[i][0]; i++)
		sent_add(sent, vector->headers[i][0], vector->headers[i][1]);
	if (vector->url)
		sent->request.url = tappet_cstr(vector->url);
	if (vector->path_query)
		sent->request.path_query = tappet_cstr(vector->path_query);
}

/* Runs `test` with each vector, and says with which one it failed. */
static void each_vector(void (*test)(const struct vector *, const struct verifier *, struct sent *))
{
	static struct sent sent;
	for (size_t i = 0; i < VECTOR_COUNT; i++) {
		print_message("  %s\n", vectors[i].source);
		struct verifier *v = verifier_of(vectors[i].signature, NULL);
		send_vector(&vectors[i], &sent);
		test(&vectors[i], v, &sent);
		verifier_free(v);
	}
}

static void passes(const struct vector *vector, const struct verifier *v, struct sent *sent)
{
	(void)vector;
	struct verify_result result = checked(v, sent);
	assert_string_equal(result.detail, "");
	assert_true(result.ok);
	assert_int_equal(result.secret, 0);
	assert_false(result.wants_token);
}

static void documented_examples_pass(void **state)
{
	(void)state;
	each_vector(passes);
}

static void fails_with_another_body(const struct vector *vector, const struct verifier *v, struct sent *sent)
{
	char body[1024];
	size_t len = strlen(vector->body);
	for (size_t i = 0; i < len; i++) {
		memcpy(body, vector->body, len);
		body[i] ^= 1;
		sent->request.body = tappet_strn(body, len);
		assert_false(checked(v, sent).ok);
	}
	sent->request.body = tappet_strn(vector->body, len - 1);
	assert_false(checked(v, sent).ok);
}

static void one_flipped_bit_of_the_body_fails(void **state)
{
	(void)state;
	each_vector(fails_with_another_body);
}

static void fails_with_another_signature(const struct vector *vector, const struct verifier *v, struct sent *sent)
{
	char *value = sent->values[0];
	value[vector->signature_at] ^= 1;
	assert_false(checked(v, sent).ok);
	value[vector->signature_at] ^= 1;
	assert_true(checked(v, sent).ok);
	value[vector->signature_at + 8] = '\0';
	assert_false(checked(v, sent).ok);
}

static void one_flipped_bit_of_the_signature_fails(void **state)
{
	(void)state;
	each_vector(fails_with_another_signature);
}

static void fails_when_one_header_changes(const struct vector *vector, const struct verifier *v, struct sent *sent)
{
	(void)vector;
	for (size_t i = 1; i < sent->count; i++) {
		sent->values[i][strlen(sent->values[i]) - 1] ^= 1;
		expect_refused(v, sent, MISMATCH_DETAIL);
		sent->values[i][strlen(sent->values[i]) - 1] ^= 1;
	}
}

static void one_flipped_bit_of_timestamp_or_id_fails(void **state)
{
	(void)state;
	each_vector(fails_when_one_header_changes);
}

static void fails_when_old(const struct vector *vector, const struct verifier *v, struct sent *sent)
{
	if (!vector->now_s)
		return;
	int64_t then_ms = sent->request.now_ms;
	sent->request.now_ms = then_ms + 301 * 1000;
	expect_refused(v, sent, STALE_DETAIL);
	sent->request.now_ms = then_ms - 301 * 1000;
	expect_refused(v, sent, STALE_DETAIL);
	sent->request.now_ms = then_ms + 59 * 1000;
	assert_true(checked(v, sent).ok);
}

static void an_old_timestamp_fails_and_so_does_one_from_the_future(void **state)
{
	(void)state;
	each_vector(fails_when_old);
}

static void fails_without_a_header(const struct vector *vector, const struct verifier *v, struct sent *sent)
{
	(void)vector;
	for (size_t i = 0; i < sent->count; i++) {
		char first = sent->names[i][0];
		sent->names[i][0] = '!';
		assert_false(checked(v, sent).ok);
		sent->names[i][0] = first;
	}
}

static void a_missing_header_fails(void **state)
{
	(void)state;
	each_vector(fails_without_a_header);
}

static void fails_with_a_header_twice(const struct vector *vector, const struct verifier *v, struct sent *sent)
{
	(void)vector;
	size_t count = sent->count;
	for (size_t i = 0; i < count; i++) {
		sent_add(sent, sent->names[i], sent->values[i]);
		expect_refused(v, sent, TWICE_DETAIL);
		sent->count = count;
	}
}

static void a_header_that_comes_twice_fails(void **state)
{
	(void)state;
	each_vector(fails_with_a_header_twice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documented_examples_pass),
		cmocka_unit_test(one_flipped_bit_of_the_body_fails),
		cmocka_unit_test(one_flipped_bit_of_the_signature_fails),
		cmocka_unit_test(one_flipped_bit_of_timestamp_or_id_fails),
		cmocka_unit_test(an_old_timestamp_fails_and_so_does_one_from_the_future),
		cmocka_unit_test(a_missing_header_fails),
		cmocka_unit_test(a_header_that_comes_twice_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
