/* What callers show of themselves. The tokens are those of RFC 7515 appendix A, or made by node:crypto. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include "verify_kit.h"

#define RFC_CLAIMS "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
#define RFC_EXPIRES_MS INT64_C(1300819380000)
/* The bytes of the key of appendix A.1, as text in JSON. */
#define HS256_KEY                                                                                                      \
	"\x03#5K+\x0f\xa5\xbc\x83~\x06\x65w{\xa6\x8fZ\xb3(\xe6\xf0T\xc9(\xa9\x0f\x84\xb2\xd2P.\xbf\xd3\xfbZ\x92\xd2"   \
	"\x06G\xef\x96\x8a\xb4\xc3wb=\\\"=.!r\x05.O\x08\xc0\xcd\x9a\xf5g\xd0\x80\xa3"
#define HS256_TOKEN                                                                                                    \
	"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." RFC_CLAIMS ".dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define RS256_KEY                                                                                                      \
	"-----BEGIN PUBLIC KEY-----\\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAofgWCuLjybRlzo0tZWJj\\n"             \
	"NiuSfb4p4fAkd/wWJcyQoTbji9k0l8W26mPddxHmfHQp+Vaw+4qPCJrcS2mJPMEz\\n"                                          \
	"P1Pt0Bm4d4QlL+yRT+SFd2lZS+pCgNMsD1W/YpRPEwOWvG6b32690r2jZ47soMZo\\n"                                          \
	"9wGzjb/7OMg0LOL+bSf63kpaSHSXndS5z5rexMdbBYUsLA9e+KXBdQOS+UTo7WTB\\n"                                          \
	"EMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6/I5IhlJH7aGhyxX\\n"                                          \
	"FvUK+DWNmoudF8NAco9/h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXp\\noQIDAQAB\\n-----END PUBLIC KEY-----\\n"
#define RS256_TOKEN                                                                                                    \
	"eyJhbGciOiJSUzI1NiJ9." RFC_CLAIMS ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4B" \
	"h-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQB" \
	"MHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6" \
	"LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
#define ES256_KEY                                                                                                      \
	"-----BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\\n"             \
	"6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\\n-----END PUBLIC KEY-----\\n"
#define ES256_TOKEN                                                                                                    \
	"eyJhbGciOiJFUzI1NiJ9." RFC_CLAIMS                                                                             \
	".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

static struct sent sent;

static void request_with(const char *authorization, int64_t now_ms)
{
	sent_init(&sent, tappet_cstr("{}"), now_ms);
	if (authorization)
		sent_add(&sent, "Authorization", authorization);
}

static void expect_credentials(const struct verifier *v, const char *authorization, const char *detail)
{
	request_with(authorization, 1000);
	struct verify_result result = checked(v, &sent);
	assert_string_equal(result.detail, detail);
	assert_true(result.ok == (detail[0] == '\0'));
	if (!result.ok) {
		assert_int_equal(result.status, 401);
		assert_int_equal(result.reason, TAPPET_REASON_TOKEN);
		assert_non_null(result.challenge);
	}
}

static void without_auth_the_caller_checks_a_token(void **state)
{
	(void)state;
	struct verifier *v = verifier_of(NULL, NULL);
	request_with(NULL, 1000);
	assert_true(checked(v, &sent).ok);
	assert_true(checked(v, &sent).wants_token);
	verifier_free(v);
	v = verifier_of(NULL, "none");
	assert_false(checked(v, &sent).wants_token);
	verifier_free(v);
}

static void a_token_can_be_asked_for_beside_a_signature(void **state)
{
	(void)state;
	struct verifier *v = verifier_of("{\"preset\":\"gitlab\",\"secret\":\"s\"}", "token");
	request_with(NULL, 1000);
	assert_false(checked(v, &sent).ok);
	sent_add(&sent, "X-Gitlab-Token", "s");
	assert_true(checked(v, &sent).wants_token);
	verifier_free(v);
}

static void with_both_the_secret_of_the_signature_is_told(void **state)
{
	(void)state;
	struct verifier *v = verifier_of("{\"preset\":\"gitlab\",\"secret\":[\"new\",\"old\"]}", "{\"bearer\":\"b\"}");
	request_with("Bearer b", 1000);
	sent_add(&sent, "X-Gitlab-Token", "old");
	assert_true(checked(v, &sent).ok);
	assert_int_equal(checked(v, &sent).secret, 1);
	request_with("Bearer c", 1000);
	sent_add(&sent, "X-Gitlab-Token", "old");
	assert_false(checked(v, &sent).ok);
	verifier_free(v);
}

static void a_bearer_token_is_one_of_the_live_secrets(void **state)
{
	(void)state;
	static const char missing[] = "There is no bearer token in Authorization.";
	static const char wrong[] = "The bearer token is not the right one.";
	struct verifier *v = verifier_of(NULL, "{\"bearer\":[\"new\",\"old\"]}");
	expect_credentials(v, "Bearer new", "");
	assert_int_equal(checked(v, &sent).secret, 0);
	expect_credentials(v, "bearer  old", "");
	assert_int_equal(checked(v, &sent).secret, 1);
	expect_credentials(v, "Bearer ne", wrong);
	expect_credentials(v, "Bearer news", wrong);
	expect_credentials(v, "Bearer New", wrong);
	expect_credentials(v, "Bearer ", wrong);
	expect_credentials(v, "Bearernew", missing);
	expect_credentials(v, "Basic new", missing);
	expect_credentials(v, NULL, missing);
	request_with("Bearer new", 1000);
	sent_add(&sent, "authorization", "Bearer new");
	assert_string_equal(checked(v, &sent).detail, missing);
	verifier_free(v);
}

/* RFC 7617 section 2. */
static void user_and_password_have_to_be_right(void **state)
{
	(void)state;
	static const char missing[] = "There are no user and password in Authorization.";
	static const char wrong[] = "User or password are not the right ones.";
	struct verifier *v = verifier_of(NULL, "{\"basic\":{\"user\":\"Aladdin\",\"password\":\"open sesame\"}}");
	expect_credentials(v, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "");
	expect_credentials(v, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZR==", missing); /* bits that mean nothing */
	expect_credentials(v, "Basic QWxhZGRpbjpvcGVuIHNlc2FtYQ==", wrong);
	expect_credentials(v, "Basic YWxhZGRpbjpvcGVuIHNlc2FtZQ==", wrong);
	expect_credentials(v, "Basic QWxhZGRpbg==", wrong);
	expect_credentials(v, "Basic Og==", wrong);
	expect_credentials(v, "Basic !", missing);
	expect_credentials(v, NULL, missing);
	verifier_free(v);
}

static void a_header_has_to_have_the_secret(void **state)
{
	(void)state;
	struct verifier *v = verifier_of(
		NULL, "{\"header\":{\"name\":\"X-Telegram-Bot-Api-Secret-Token\",\"value\":[\"a\",\"b\"]}}");
	request_with(NULL, 1000);
	expect_refused(v, &sent, "The header with the secret is missing.");
	sent_add(&sent, "x-telegram-bot-api-secret-token", "b");
	assert_int_equal(checked(v, &sent).secret, 1);
	sent_add(&sent, "x-telegram-bot-api-secret-token", "b");
	expect_refused(v, &sent, "The header with the secret comes twice.");
	sent.count = 0;
	sent_add(&sent, "x-telegram-bot-api-secret-token", "c");
	expect_refused(v, &sent, "The header with the secret does not have the right one.");
	verifier_free(v);
}

static void a_certificate_has_to_be_one_of_the_named(void **state)
{
	(void)state;
	struct verifier *v = verifier_of(NULL, "{\"clientSubject\":[\"CN=ada,O=Example\",\"CN=bob\"]}");
	request_with(NULL, 1000);
	assert_int_equal(checked(v, &sent).status, 403);
	sent.request.client_subject = tappet_cstr("CN=bob");
	assert_true(checked(v, &sent).ok);
	sent.request.client_subject = tappet_cstr("CN=bob2");
	assert_int_equal(checked(v, &sent).status, 403);
	sent.request.client_subject = tappet_cstr("cn=bob");
	assert_int_equal(checked(v, &sent).reason, TAPPET_REASON_SCOPE);
	verifier_free(v);
	v = verifier_of(NULL, "{\"clientSubject\":\"CN=ada,O=Example\"}");
	sent.request.client_subject = tappet_cstr("CN=ada,O=Example");
	assert_true(checked(v, &sent).ok);
	verifier_free(v);
}

/* ---- JSON Web Tokens ---- */

static const char bad_signature[] = "The token's signature or algorithm is not the right one.";

static const char *jwt_detail(const struct verifier *v, const char *token, int64_t now_ms)
{
	static char authorization[4096];
	snprintf(authorization, sizeof(authorization), "Bearer %s", token);
	request_with(authorization, now_ms);
	struct verify_result result = checked(v, &sent);
	assert_true(result.ok == (result.detail[0] == '\0'));
	return result.detail;
}

static void expect_only_this_token(const char *auth, const char *token, size_t signature_at)
{
	char copy[2048];
	struct verifier *v = verifier_of(NULL, auth);
	assert_string_equal(jwt_detail(v, token, RFC_EXPIRES_MS - 1), "");
	snprintf(copy, sizeof(copy), "%s", token);
	copy[signature_at] ^= 1;
	assert_string_equal(jwt_detail(v, copy, RFC_EXPIRES_MS - 1), bad_signature);
	copy[signature_at] ^= 1;
	char *claims = strchr(copy, '.') + 12;
	*claims ^= 1;
	assert_string_not_equal(jwt_detail(v, copy, RFC_EXPIRES_MS - 1), "");
	assert_string_equal(jwt_detail(v, token, RFC_EXPIRES_MS + 60000), "The token has expired.");
	assert_string_equal(jwt_detail(v, token, RFC_EXPIRES_MS + 59999), "");
	verifier_free(v);
}

static void the_tokens_of_rfc_7515_pass_and_no_others(void **state)
{
	(void)state;
	size_t at = strlen(HS256_TOKEN) - 20;
	expect_only_this_token("{\"jwt\":{\"algorithm\":\"HS256\",\"key\":\"" HS256_KEY "\"}}", HS256_TOKEN, at);
	at = strlen(RS256_TOKEN) - 20;
	expect_only_this_token("{\"jwt\":{\"algorithm\":\"RS256\",\"key\":\"" RS256_KEY "\"}}", RS256_TOKEN, at);
	at = strlen(ES256_TOKEN) - 20;
	expect_only_this_token("{\"jwt\":{\"algorithm\":\"ES256\",\"key\":\"" ES256_KEY "\"}}", ES256_TOKEN, at);
}

/* Signs claims as an attacker would: with whatever key and algorithm he likes. */
static void make_token(const char *head, const char *claims, const char *key, size_t key_len, char *out, size_t size)
{
	unsigned char digest[EVP_MAX_MD_SIZE], coded[512];
	unsigned int len = 0;
	const char *parts[] = {head, claims};
	out[0] = '\0';
	for (size_t i = 0; i < 3; i++) {
		const unsigned char *bytes = i < 2 ? (const unsigned char *)parts[i] : digest;
		size_t bytes_len = i < 2 ? strlen(parts[i]) : len;
		EVP_EncodeBlock(coded, bytes, (int)bytes_len);
		for (unsigned char *c = coded; *c; c++)
			*c = *c == '+' ? '-' : *c == '/' ? '_' : *c == '=' ? '\0' : *c;
		size_t used = strlen(out);
		snprintf(out + used, size - used, "%s%s", i ? "." : "", (char *)coded);
		if (i == 1)
			HMAC(EVP_sha256(), key, (int)key_len, (unsigned char *)out, strlen(out), digest, &len);
	}
}

#define CLAIMS "{\"exp\":2000,\"iss\":\"i\"}"

static void the_token_does_not_choose_its_algorithm(void **state)
{
	(void)state;
	char token[2048], pem[1024];
	struct verifier *v = verifier_of(NULL, "{\"jwt\":{\"algorithm\":\"RS256\",\"key\":\"" RS256_KEY "\"}}");
	/* Everybody has the public key; as an HMAC's secret it must not pass. */
	size_t len = 0;
	for (const char *c = RS256_KEY; *c; c++)
		pem[len++] = (char)(c[0] == '\\' && c[1] == 'n' ? (c++, '\n') : c[0]);
	make_token("{\"alg\":\"HS256\"}", CLAIMS, pem, len, token, sizeof(token));
	assert_string_equal(jwt_detail(v, token, 1000000), bad_signature);
	assert_string_equal(jwt_detail(v, ES256_TOKEN, RFC_EXPIRES_MS - 1), bad_signature);
	verifier_free(v);
	/* The same token would pass where the trigger wants it: the test above fails for the right reason. */
	char auth[1024];
	snprintf(auth, sizeof(auth), "{\"jwt\":{\"algorithm\":\"HS256\",\"key\":\"%s\"}}", RS256_KEY);
	v = verifier_of(NULL, auth);
	assert_string_equal(jwt_detail(v, token, 1000000), "");
	make_token("{\"alg\":\"none\"}", CLAIMS, pem, len, token, sizeof(token));
	assert_string_equal(jwt_detail(v, token, 1000000), bad_signature);
	strrchr(token, '.')[1] = '\0';
	assert_string_equal(jwt_detail(v, token, 1000000), "The bearer token is not a JSON Web Token.");
	make_token("{\"alg\":\"HS512\"}", CLAIMS, pem, len, token, sizeof(token));
	assert_string_equal(jwt_detail(v, token, 1000000), bad_signature);
	make_token("{\"typ\":\"JWT\"}", CLAIMS, pem, len, token, sizeof(token));
	assert_string_equal(jwt_detail(v, token, 1000000), bad_signature);
	verifier_free(v);
}

#define KEY "0123456789abcdef0123456789abcdef"

static const char *claims_detail(const struct verifier *v, const char *head, const char *claims)
{
	static char token[2048];
	make_token(head, claims, KEY, strlen(KEY), token, sizeof(token));
	return jwt_detail(v, token, 1500000);
}

static void claims_have_to_be_those_of_the_trigger(void **state)
{
	(void)state;
	struct verifier *v = verifier_of(NULL, "{\"jwt\":{\"algorithm\":\"HS256\",\"key\":\"" KEY "\",\"issuer\":\"i\","
					       "\"audience\":\"a\",\"subject\":\"s\",\"leeway\":\"1s\"}}");
	static const char head[] = "{\"alg\":\"HS256\"}";
	static const char *const claims[][2] = {
		{"{\"exp\":2000,\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\"}", ""},
		{"{\"exp\":2000.5,\"iss\":\"i\",\"aud\":[\"x\",\"a\"],\"sub\":\"s\",\"nbf\":1501}", ""},
		{"{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\"}", "The token does not say when it expires (exp)."},
		{"{\"exp\":\"2000\",\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\"}",
		 "The token does not say when it expires (exp)."},
		{"{\"exp\":1499,\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\"}", "The token has expired."},
		{"{\"exp\":2000,\"nbf\":1502,\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\"}",
		 "The token is not valid yet."},
		{"{\"exp\":2000,\"nbf\":\"1\",\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\"}",
		 "The token's nbf is not a number."},
		{"{\"exp\":2000,\"iss\":\"j\",\"aud\":\"a\",\"sub\":\"s\"}", "The token is from another issuer."},
		{"{\"exp\":2000,\"aud\":\"a\",\"sub\":\"s\"}", "The token is from another issuer."},
		{"{\"exp\":2000,\"iss\":\"i\",\"aud\":[\"x\"],\"sub\":\"s\"}", "The token is for another audience."},
		{"{\"exp\":2000,\"iss\":\"i\",\"sub\":\"s\"}", "The token is for another audience."},
		{"{\"exp\":2000,\"iss\":\"i\",\"aud\":\"a\"}", "The token is for another subject."},
	};
	for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++)
		assert_string_equal(claims_detail(v, head, claims[i][0]), claims[i][1]);
	assert_string_equal(claims_detail(v, "{\"alg\":\"HS256\",\"crit\":[\"x\"],\"x\":1}", claims[0][0]),
			    "The token uses an extension that is not known here (crit).");
	verifier_free(v);
}

static void a_second_key_passes_and_is_told(void **state)
{
	(void)state;
	struct verifier *v = verifier_of(NULL, "{\"jwt\":{\"algorithm\":\"HS256\",\"key\":"
					       "[\"ffffffffffffffffffffffffffffffff\",\"" KEY "\"]}}");
	assert_string_equal(claims_detail(v, "{\"alg\":\"HS256\"}", CLAIMS), "");
	assert_int_equal(checked(v, &sent).secret, 1);
	verifier_free(v);
}

static void odd_tokens_are_refused(void **state)
{
	(void)state;
	static const char *const tokens[] = {"",
					     ".",
					     "..",
					     "a.b",
					     "a..c",
					     "a.b.",
					     ".b.c",
					     "a.b.c.d",
					     "a.b.c=",
					     "a b.c.d",
					     "\xff.b.c",
					     "e30.e30.e30",
					     "bnVsbA.bnVsbA.AAAA",
					     "W10.W10.AAAA"};
	struct verifier *v = verifier_of(NULL, "{\"jwt\":{\"algorithm\":\"HS256\",\"key\":\"" KEY "\"}}");
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
		assert_string_not_equal(jwt_detail(v, tokens[i], 1000), "");
	verifier_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_auth_the_caller_checks_a_token),
		cmocka_unit_test(a_token_can_be_asked_for_beside_a_signature),
		cmocka_unit_test(with_both_the_secret_of_the_signature_is_told),
		cmocka_unit_test(a_bearer_token_is_one_of_the_live_secrets),
		cmocka_unit_test(user_and_password_have_to_be_right),
		cmocka_unit_test(a_header_has_to_have_the_secret),
		cmocka_unit_test(a_certificate_has_to_be_one_of_the_named),
		cmocka_unit_test(the_tokens_of_rfc_7515_pass_and_no_others),
		cmocka_unit_test(the_token_does_not_choose_its_algorithm),
		cmocka_unit_test(claims_have_to_be_those_of_the_trigger),
		cmocka_unit_test(a_second_key_passes_and_is_told),
		cmocka_unit_test(odd_tokens_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
