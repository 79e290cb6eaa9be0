/* What verifier_sign makes for any body passes, and nothing near to it does. */
#include <openssl/rand.h>
#include "verify_kit.h"

#define ROUNDS 60
#define BODY_MAX 600
#define NOW_MS INT64_C(1700000000123)
#define PEM                                                                                                            \
	"-----BEGIN PRIVATE KEY-----\\nMC4CAQAwBQYDK2VwBCIEIMWqjfQ/n4N77bdELzHct7Fm04U1B28JS4XOOi4LRFj3\\n-----END "   \
	"PRIVATE KEY-----\\n"

static const char *const signatures[] = {
	"{\"preset\":\"github\",\"secret\":\"s\"}",
	"{\"preset\":\"bitbucket\",\"secret\":\"s\"}",
	"{\"preset\":\"gitlab\",\"secret\":\"s\"}",
	"{\"preset\":\"gitlab\",\"secret\":\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}",
	"{\"preset\":\"stripe\",\"secret\":\"s\"}",
	"{\"preset\":\"slack\",\"secret\":\"s\"}",
	"{\"preset\":\"shopify\",\"secret\":\"s\"}",
	"{\"preset\":\"standard-webhooks\",\"secret\":\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}",
	"{\"preset\":\"standard-webhooks\",\"secret\":\"whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk=\"}",
	"{\"preset\":\"dockerhub\",\"secret\":\"s\"}",
	"{\"preset\":\"twilio\",\"secret\":\"s\"}",
	"{\"preset\":\"discord\",\"secret\":\"" PEM "\"}",
	"{\"preset\":\"linear\",\"secret\":\"s\"}",
	"{\"header\":\"X\",\"secret\":\"s\",\"prefix\":\"v=\",\"encoding\":\"base64url\",\"algorithm\":\"sha512\"}",
	"{\"header\":\"X\",\"secret\":\"s\",\"parse\":\"a:{signature}|b:<{timestamp}>\",\"separator\":\"|\","
	"\"timestampUnit\":\"ms\",\"signed\":\"{id}{method}{path}{timestamp}{url}{body}\",\"idHeader\":\"I\"}",
	"{\"header\":\"X\",\"secret\":\"" PEM "\",\"algorithm\":\"ed25519\",\"encoding\":\"base64\"}",
};

static struct sent sent;
static char path_query[64];

/* A secret in the query becomes one, as it would with a sender. */
static void add(void *arg, const char *name, const char *value)
{
	if (name[0] != '?') {
		sent_add(arg, name, value);
		return;
	}
	snprintf(path_query, sizeof(path_query), "/webhook/in/w?%s=%s", name + 1, value);
	sent.request.path_query = tappet_cstr(path_query);
}

/* Any bytes; for Linear a JSON body, since it has its timestamp in there. */
static tappet_str random_body(const char *signature, unsigned char *out)
{
	unsigned char random[BODY_MAX / 4];
	size_t len;
	assert_int_equal(RAND_bytes((unsigned char *)&len, sizeof(len)), 1);
	len %= sizeof(random);
	assert_int_equal(RAND_bytes(random, sizeof(random)), 1);
	if (!strstr(signature, "linear")) {
		memcpy(out, random, len);
		return tappet_strn((char *)out, len);
	}
	int at = snprintf((char *)out, BODY_MAX, "{\"webhookTimestamp\":%lld,\"a\":\"", (long long)NOW_MS);
	for (size_t i = 0; i < len; i++)
		at += snprintf((char *)out + at, (size_t)(BODY_MAX - at), "%02x", random[i]);
	snprintf((char *)out + at, (size_t)(BODY_MAX - at), "\"}");
	return tappet_cstr((char *)out);
}

static void sign_and_check(const struct verifier *v, const char *signature, unsigned char *body)
{
	sent_init(&sent, random_body(signature, body), NOW_MS);
	sent.request.url = tappet_cstr("https://example.org/webhook/in/w");
	assert_int_equal(verifier_sign(v, &sent.request, add, &sent), TAPPET_OK);
	assert_string_equal(checked(v, &sent).detail, "");
	assert_true(checked(v, &sent).ok);
	assert_int_equal(checked(v, &sent).secret, 0);
}

static void any_body_that_is_signed_passes(void **state)
{
	(void)state;
	unsigned char body[BODY_MAX];
	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
		struct verifier *v = verifier_of(signatures[i], NULL);
		for (int round = 0; round < ROUNDS; round++)
			sign_and_check(v, signatures[i], body);
		verifier_free(v);
	}
}

static bool protects_body(const char *signature)
{
	return !strstr(signature, "dockerhub") && !strstr(signature, "\"gitlab\",\"secret\":\"s\"");
}

static void a_body_that_was_changed_on_its_way_does_not_pass(void **state)
{
	(void)state;
	unsigned char body[BODY_MAX];
	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
		struct verifier *v = verifier_of(signatures[i], NULL);
		for (int round = 0; round < ROUNDS && protects_body(signatures[i]); round++) {
			sign_and_check(v, signatures[i], body);
			size_t len = sent.request.body.len;
			if (len == 0)
				continue;
			/* Of a form some spellings mean the same: a digit for another one changes it surely. */
			body[len / 2] = body[len / 2] == '1' ? '2' : '1';
			assert_false(checked(v, &sent).ok);
		}
		verifier_free(v);
	}
}

static void who_has_another_secret_signs_something_else(void **state)
{
	(void)state;
	struct verifier *mine = verifier_of("{\"preset\":\"slack\",\"secret\":\"s\"}", NULL);
	struct verifier *other = verifier_of("{\"preset\":\"slack\",\"secret\":\"S\"}", NULL);
	unsigned char body[BODY_MAX];
	sign_and_check(other, "slack", body);
	expect_refused(mine, &sent, MISMATCH_DETAIL);
	verifier_free(mine);
	verifier_free(other);
}

static void credentials_are_made_as_well(void **state)
{
	(void)state;
	static const char *const auths[] = {
		"{\"bearer\":[\"b\",\"c\"]}",
		"{\"basic\":{\"user\":\"u\",\"password\":\"p:\\u00e4\"}}",
		"{\"header\":{\"name\":\"X-Key\",\"value\":\"v\"}}",
		("{\"jwt\":{\"algorithm\":\"HS256\",\"key\":\"0123456789abcdef0123456789abcdef\",\"issuer\":\"i\","
		 "\"audience\":\"a\",\"subject\":\"s\"}}"),
	};
	for (size_t i = 0; i < sizeof(auths) / sizeof(auths[0]); i++) {
		struct verifier *v = verifier_of("{\"preset\":\"github\",\"secret\":\"s\"}", auths[i]);
		sent_init(&sent, tappet_cstr("body"), NOW_MS);
		assert_int_equal(verifier_sign(v, &sent.request, sent_add, &sent), TAPPET_OK);
		assert_int_equal(sent.count, 2);
		assert_string_equal(checked(v, &sent).detail, "");
		verifier_free(v);
	}
}

static void a_public_key_alone_signs_nothing(void **state)
{
	(void)state;
	struct verifier *v = verifier_of("{\"preset\":\"discord\",\"secret\":"
					 "\"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025\"}",
					 NULL);
	sent_init(&sent, tappet_cstr("body"), NOW_MS);
	assert_int_equal(verifier_sign(v, &sent.request, sent_add, &sent), TAPPET_ENOTSUP);
	assert_int_equal(sent.count, 0);
	verifier_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_body_that_is_signed_passes),
		cmocka_unit_test(a_body_that_was_changed_on_its_way_does_not_pass),
		cmocka_unit_test(who_has_another_secret_signs_something_else),
		cmocka_unit_test(credentials_are_made_as_well),
		cmocka_unit_test(a_public_key_alone_signs_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
