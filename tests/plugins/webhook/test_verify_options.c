/* Mistakes in the options are told at their place, all of them at once, and without any secret. */
#include "verify_kit.h"

struct told {
	char mistakes[2048], warnings[2048];
};

static void told_warning(void *arg, const char *key, size_t index, const char *pointer, const char *message)
{
	struct told *told = arg;
	told_mistake(told->warnings, key, index, pointer, message);
}

static void told_both(void *arg, const char *key, size_t index, const char *pointer, const char *message)
{
	struct told *told = arg;
	told_mistake(told->mistakes, key, index, pointer, message);
}

static int32_t read_options(const struct verify_options *options, struct told *told)
{
	struct verifier *v = NULL;
	memset(told, 0, sizeof(*told));
	struct verify_mistakes mistakes = {.mistake = told_both, .warning = told_warning, .arg = told};
	int32_t r = verifier_new(options, &mistakes, &v);
	assert_true((r == TAPPET_OK) == (v != NULL));
	verifier_free(v);
	return r;
}

static void expect_signature(const char *signature, const char *mistakes)
{
	struct told told;
	struct verify_options options = {.signature = tappet_cstr(signature), .secrets_resolved = true};
	int32_t r = read_options(&options, &told);
	assert_string_equal(told.mistakes, mistakes);
	assert_int_equal(r, mistakes[0] ? TAPPET_EINVAL : TAPPET_OK);
}

static void expect_auth(const char *auth, const char *mistakes)
{
	struct told told;
	struct verify_options options = {.auth = tappet_cstr(auth), .secrets_resolved = true};
	int32_t r = read_options(&options, &told);
	assert_string_equal(told.mistakes, mistakes);
	assert_int_equal(r, mistakes[0] ? TAPPET_EINVAL : TAPPET_OK);
}

static void an_unknown_preset_is_told_with_the_nearest_one(void **state)
{
	(void)state;
	expect_signature("{\"preset\":\"githb\",\"secret\":\"s\"}",
			 "signature[0]/preset: unknown preset \"githb\": did you mean \"github\"?\n");
	expect_signature(
		"{\"preset\":\"standard-webhook\",\"secret\":\"s\"}",
		"signature[0]/preset: unknown preset \"standard-webhook\": did you mean \"standard-webhooks\"?\n");
	expect_signature(
		"{\"preset\":\"acme\",\"secret\":\"s\"}",
		"signature[0]/preset: unknown preset \"acme\": there are bitbucket, discord, dockerhub, github, "
		"gitlab, linear, shopify, slack, standard-webhooks, stripe and twilio\n");
}

static void unknown_keys_are_told_with_their_pointer(void **state)
{
	(void)state;
	expect_signature("{\"preset\":\"github\",\"secrets\":\"s\",\"secret\":\"s\"}",
			 "signature[0]/secrets: unknown key \"secrets\": did you mean \"secret\"?\n");
	expect_signature("{\"preset\":\"github\",\"a/b~c\":1,\"secret\":\"s\"}",
			 "signature[0]/a~1b~0c: unknown key \"a/b~c\"\n");
	expect_signature("{\"preset\":\"github\",\"header\":\"X\",\"secret\":\"s\"}",
			 "signature[0]/header: unknown key \"header\"\n");
	expect_auth("{\"basic\":{\"user\":\"u\",\"pasword\":\"p\",\"password\":\"p\"}}",
		    "auth[0]/basic/pasword: unknown key \"pasword\": did you mean \"password\"?\n");
}

static void secrets_are_told_by_their_place_and_never_shown(void **state)
{
	(void)state;
	expect_signature("{\"preset\":\"github\"}", "signature[0]: \"secret\" is missing\n");
	expect_signature("{\"preset\":\"github\",\"secret\":\"\"}", "signature[0]/secret: the secret is empty\n");
	expect_signature("{\"preset\":\"github\",\"secret\":[\"a\",7]}",
			 "signature[0]/secret/1: expected a secret: {\"env\": \"NAME\"} or {\"file\": \"PATH\"}\n");
	expect_signature("{\"preset\":\"github\",\"secret\":[]}",
			 "signature[0]/secret: expected one secret or two (the old and the new one), found 0\n");
	expect_signature("{\"preset\":\"github\",\"secret\":[\"a\",\"b\",\"c\"]}",
			 "signature[0]/secret: expected one secret or two (the old and the new one), found 3\n");
	expect_signature("{\"preset\":\"discord\",\"secret\":[\"hush hush\"]}",
			 "signature[0]/secret/0: expected an Ed25519 key: 64 hex digits, base64 of 32 bytes, or PEM\n");
	expect_signature("{\"preset\":\"standard-webhooks\",\"secret\":\"whsec_hush!\"}",
			 "signature[0]/secret: expected \"whsec_\" and base64 behind it, or a key \"whpk_...\" or "
			 "\"whsk_...\"\n");
	expect_signature("{\"preset\":\"standard-webhooks\",\"secret\":\"whpk_aHVzaA==\"}",
			 "signature[0]/secret: expected an Ed25519 key: 64 hex digits, base64 of 32 bytes, or PEM\n");
}

static void a_tolerance_needs_a_timestamp(void **state)
{
	(void)state;
	expect_signature("{\"preset\":\"stripe\",\"secret\":\"s\",\"tolerance\":\"10m\"}", "");
	expect_signature("{\"preset\":\"stripe\",\"secret\":\"s\",\"tolerance\":\"soon\"}",
			 "signature[0]/tolerance: expected a duration from \"1s\" to \"30d\", found \"soon\"\n");
	expect_signature("{\"preset\":\"stripe\",\"secret\":\"s\",\"tolerance\":\"0s\"}",
			 "signature[0]/tolerance: expected a duration from \"1s\" to \"30d\", found \"0s\"\n");
	expect_signature("{\"preset\":\"stripe\",\"secret\":\"s\",\"tolerance\":300}",
			 "signature[0]/tolerance: expected a text that is not empty\n");
	expect_signature(
		"{\"preset\":\"github\",\"secret\":\"s\",\"tolerance\":\"10m\"}",
		"signature[0]/tolerance: this sender signs no timestamp, so that there is nothing to compare\n");
}

static void a_template_that_protects_nothing_is_a_mistake(void **state)
{
	(void)state;
	expect_signature("{\"header\":\"X\",\"secret\":\"s\"}", "");
	expect_signature("{\"secret\":\"s\"}", "signature[0]: expected \"preset\", or \"header\" with the name of the "
					       "signature's header\n");
	expect_signature(
		"{\"header\":\"X\",\"secret\":\"s\",\"signed\":\"{timestamp}\",\"timestampHeader\":\"T\"}",
		"signature[0]/signed: expected {body} (or {form}) in it, or the body would not be protected\n");
	expect_signature("{\"header\":\"X\",\"secret\":\"s\",\"timestampHeader\":\"T\"}",
			 "signature[0]/signed: expected {timestamp} in it, or anybody could change the timestamp\n");
	expect_signature("{\"header\":\"X\",\"secret\":\"s\",\"signed\":\"{timestamp}.{body}\"}",
			 "signature[0]/signed: {timestamp} has to come from \"parse\" or \"timestampHeader\"\n");
	expect_signature("{\"header\":\"X\",\"secret\":\"s\",\"signed\":\"{id}.{body}\"}",
			 "signature[0]/signed: {id} in \"signed\" and \"idHeader\" go together\n");
	expect_signature("{\"header\":\"X\",\"secret\":\"s\",\"parse\":\"t={timestamp},v1={signature}\","
			 "\"timestampHeader\":\"T\",\"signed\":\"{timestamp}{body}\"}",
			 "signature[0]: the timestamp comes from one of \"parse\", \"timestampHeader\" and "
			 "\"timestampField\", not from several\n");
}

static void a_pattern_that_cannot_be_read_is_a_mistake(void **state)
{
	(void)state;
	expect_signature("{\"header\":\"X\",\"secret\":\"s\",\"signed\":\"{body\"}",
			 "signature[0]/signed: a brace has no other one\n");
	expect_signature(
		"{\"header\":\"X\",\"secret\":\"s\",\"signed\":\"{bdy}\"}",
		"signature[0]/signed: expected {body}, {timestamp}, {id}, {method}, {url}, {path} or {form} in "
		"braces\n");
	expect_signature("{\"header\":\"X\",\"secret\":\"s\",\"parse\":\"v1=\"}",
			 "signature[0]/parse: expected {timestamp} or {signature} in each item\n");
	expect_signature("{\"header\":\"X\",\"secret\":\"s\",\"parse\":\"{signature}{signature}\"}",
			 "signature[0]/parse: expected one placeholder in each item\n");
	expect_signature("{\"header\":\"X\",\"secret\":\"s\",\"parse\":\"t={timestamp}\",\"signed\":"
			 "\"{timestamp}{body}\"}",
			 "signature[0]/parse: expected {signature} in it\n");
	expect_signature("{\"header\":\"X\",\"secret\":\"s\",\"parse\":\"v={signature}\",\"prefix\":\"v=\"}",
			 "signature[0]/prefix: \"parse\" says already what stands before the signature\n");
	expect_signature("{\"header\":\"X\",\"secret\":\"s\",\"separator\":\", \"}",
			 "signature[0]/separator: expected one character, found \", \"\n");
}

static void wrong_words_are_told_with_the_right_ones(void **state)
{
	(void)state;
	expect_signature("{\"header\":\"X\",\"secret\":\"s\",\"algorithm\":\"md5\",\"encoding\":\"HEX\"}",
			 "signature[0]/algorithm: expected one of \"sha256\", \"sha512\", \"sha1\", \"ed25519\", found "
			 "\"md5\"\n"
			 "signature[0]/encoding: expected one of \"hex\", \"base64\", \"base64url\", found \"HEX\"\n");
	expect_signature("[]", "signature[0]: expected an object: {\"preset\": \"github\", \"secret\": {\"env\": "
			       "\"NAME\"}}\n");
	expect_signature("{\"preset\":7,\"secret\":\"s\"}", "signature[0]/preset: expected a text that is not empty\n");
}

static void auth_is_one_thing(void **state)
{
	(void)state;
	static const char expected[] = "auth[0]: expected \"token\", \"none\", or an object with one of \"bearer\", "
				       "\"basic\", \"jwt\", \"clientSubject\" and \"header\"\n";
	expect_auth("none", "");
	expect_auth("\"token\"", "");
	expect_auth("nobody", expected);
	expect_auth("\"nobody\"", expected);
	expect_auth("{}",
		    "auth[0]: expected one of \"bearer\", \"basic\", \"jwt\", \"clientSubject\" and \"header\"\n");
	expect_auth("{\"bearer\":\"a\",\"clientSubject\":\"CN=a\"}",
		    "auth[0]: expected one of \"bearer\", \"basic\", \"jwt\", \"clientSubject\" and \"header\"\n");
	expect_auth("{\"clientSubject\":[]}",
		    "auth[0]/clientSubject: expected a subject (\"CN=ada,O=Example\") or a list of them\n");
	expect_auth("{\"basic\":{\"user\":\"a:b\",\"password\":\"p\"}}",
		    "auth[0]/basic/user: a user's name cannot have a ':' (RFC 7617)\n");
	expect_auth("{\"header\":{\"value\":\"v\"}}", "auth[0]/header: \"name\" is missing\n");
}

static void a_jwt_needs_its_algorithm_and_the_right_kind_of_key(void **state)
{
	(void)state;
	expect_auth("{\"jwt\":{\"key\":\"k\"}}", "auth[0]/jwt: \"algorithm\" is missing: \"HS256\", \"RS256\" or "
						 "\"ES256\"\n");
	expect_auth("{\"jwt\":{\"algorithm\":\"none\",\"key\":\"k\"}}",
		    "auth[0]/jwt/algorithm: expected one of \"HS256\", \"RS256\", \"ES256\", found \"none\"\n");
	expect_auth(
		"{\"jwt\":{\"algorithm\":\"RS256\",\"key\":[\"k\"]}}",
		"auth[0]/jwt/key/0: expected a public key in PEM (-----BEGIN PUBLIC KEY-----), RSA of at least 2048 "
		"bits\n");
	expect_auth("{\"jwt\":{\"algorithm\":\"ES256\",\"key\":\"k\"}}",
		    "auth[0]/jwt/key: expected a public key in PEM (-----BEGIN PUBLIC KEY-----), of the curve P-256\n");
}

static void weak_things_are_a_warning(void **state)
{
	(void)state;
	struct told told;
	struct verify_options options = {
		.signature = tappet_cstr("{\"header\":\"X\",\"algorithm\":\"sha1\",\"secret\":\"s\"}"),
		.auth = tappet_cstr("{\"jwt\":{\"algorithm\":\"HS256\",\"key\":\"short\"}}"),
		.secrets_resolved = true};
	assert_int_equal(read_options(&options, &told), TAPPET_OK);
	assert_string_equal(told.warnings, "signature[0]/algorithm: SHA-1 is weak: use \"sha256\" if the sender can\n"
					   "auth[0]/jwt/key: HS256 wants a key of at least 32 bytes (RFC 7518)\n");
}

static void references_to_secrets_will_do_while_a_definition_is_checked(void **state)
{
	(void)state;
	struct told told;
	struct verifier *v = NULL;
	struct verify_options options = {
		.signature = tappet_cstr("{\"preset\":\"slack\",\"secret\":[{\"env\":\"A\"},{\"file\":\"/b\"}]}"),
		.auth = tappet_cstr("{\"bearer\":{\"env\":\"C\"}}")};
	assert_int_equal(read_options(&options, &told), TAPPET_OK);
	assert_int_equal(verifier_new(&options, NULL, &v), TAPPET_OK);
	assert_string_equal(verifier_handshake(v), "slack");
	assert_string_equal(verifier_signature_header(v), "x-slack-signature");
	static struct sent sent;
	sent_init(&sent, tappet_cstr("b"), 1000);
	struct verify_result result = checked(v, &sent);
	assert_false(result.ok);
	assert_int_equal(result.status, 500);
	assert_int_equal(verifier_sign(v, &sent.request, sent_add, &sent), TAPPET_ESTATE);
	verifier_free(v);
	options.secrets_resolved = true;
	assert_int_equal(read_options(&options, &told), TAPPET_EINVAL);
}

static void allow_tells_which_value_is_wrong(void **state)
{
	(void)state;
	struct told told;
	const tappet_str allow[] = {tappet_cstr("10.0.0.0/8"), tappet_cstr("10.0.0.1/8"), tappet_cstr("::1/129"),
				    tappet_cstr("example.org")};
	struct verify_options options = {.allow = allow, .allow_count = 4};
	assert_int_equal(read_options(&options, &told), TAPPET_EINVAL);
	assert_string_equal(
		told.mistakes,
		"allow[1]: the address has bits behind its first 8: write the network, or the address alone\n"
		"allow[2]: expected a number from 0 to 128 behind the '/', found \"129\"\n"
		"allow[3]: expected an address, a network (192.0.2.0/24) or \"unix\", found \"example.org\"\n");
}

/* As a definition is checked: references are still there, and only in the place of a secret is one taken. */
static void a_reference_stands_for_secrets_only(void **state)
{
	(void)state;
	static const char told_at[] = ": expected a text in place: only a secret is read from a variable or a file\n";
	static const struct {
		const char *signature, *auth, *place; /* NULL: it is in its place */
	} cases[] = {
		{"{\"preset\":\"github\",\"secret\":{\"env\":\"E\"}}", "", NULL},
		{"{\"preset\":{\"env\":\"E\"},\"secret\":{\"env\":\"E\"}}", "", "signature[0]/preset"},
		{"{\"preset\":\"stripe\",\"tolerance\":{\"file\":\"f\"},\"secret\":{\"env\":\"E\"}}", "",
		 "signature[0]/tolerance"},
		{"{\"header\":\"X\",\"prefix\":{\"env\":\"E\"},\"secret\":{\"env\":\"E\"}}", "", "signature[0]/prefix"},
		{"", "{\"basic\":{\"user\":\"u\",\"password\":{\"file\":\"f\"}}}", NULL},
		{"", "{\"basic\":{\"user\":{\"env\":\"E\"},\"password\":{\"env\":\"E\"}}}", "auth[0]/basic/user"},
		{"", "{\"header\":{\"name\":{\"env\":\"E\"},\"value\":{\"env\":\"E\"}}}", "auth[0]/header/name"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct told told;
		char expected[160] = "";
		const struct verify_options options = {.signature = tappet_cstr(cases[i].signature),
						       .auth = tappet_cstr(cases[i].auth)};
		(void)read_options(&options, &told);
		if (cases[i].place)
			snprintf(expected, sizeof(expected), "%s%s", cases[i].place, told_at);
		assert_string_equal(told.mistakes, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reference_stands_for_secrets_only),
		cmocka_unit_test(an_unknown_preset_is_told_with_the_nearest_one),
		cmocka_unit_test(unknown_keys_are_told_with_their_pointer),
		cmocka_unit_test(secrets_are_told_by_their_place_and_never_shown),
		cmocka_unit_test(a_tolerance_needs_a_timestamp),
		cmocka_unit_test(a_template_that_protects_nothing_is_a_mistake),
		cmocka_unit_test(a_pattern_that_cannot_be_read_is_a_mistake),
		cmocka_unit_test(wrong_words_are_told_with_the_right_ones),
		cmocka_unit_test(auth_is_one_thing),
		cmocka_unit_test(a_jwt_needs_its_algorithm_and_the_right_kind_of_key),
		cmocka_unit_test(weak_things_are_a_warning),
		cmocka_unit_test(references_to_secrets_will_do_while_a_definition_is_checked),
		cmocka_unit_test(allow_tells_which_value_is_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
