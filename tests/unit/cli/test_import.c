/* Hooks of adnanh/webhook as workflows: what is written, what is told, and that nothing is let in that was kept out. */
#include "support_cli.h"
#include <sys/stat.h>
#include <unistd.h>
#include "base/json.h"

static char *folder; /* of tappet.json; the working folder */

static int set_up(void **state)
{
	int r = folder_open(state);
	folder = *state;
	write_file(folder, "tappet.json", "{}");
	return r;
}

static char *config_path(void)
{
	static char path[512];
	snprintf(path, sizeof(path), "%s/tappet.json", folder);
	return path;
}

static char *path_of(const char *name)
{
	static char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static struct result import(const char *hooks)
{
	char path[512];
	write_file(folder, "hooks", hooks);
	snprintf(path, sizeof(path), "%s/hooks", folder);
	return RUN("import", path, "-c", config_path());
}

static struct json_file *workflow(const char *name)
{
	char file[128];
	struct json_file *f = NULL;
	struct diag d;
	diag_init(&d);
	snprintf(file, sizeof(file), "workflows/%s.json", name);
	assert_int_equal(json_file_read(path_of(file), 1 << 20, &d, &f), 0);
	diag_release(&d);
	return f;
}

static void expect_at(const struct json_file *f, const char *pointer, const char *json)
{
	struct buf text;
	buf_init(&text, 1 << 20);
	json_print(json_pointer(f->root, pointer), &text);
	assert_string_equal(buf_cstr(&text), json);
	buf_release(&text);
}

#define HOOK(more) "[{\"id\": \"deploy\", \"execute-command\": \"/bin/deploy\"" more "}]"
#define RULE(rule) HOOK(", \"trigger-rule\": " rule)
#define VALUE                                                                                                          \
	"{\"match\": {\"type\": \"value\", \"value\": \"v\", \"parameter\": {\"source\": \"url\", \"name\": \"q\"}}}"
#define HMAC(secret)                                                                                                   \
	"{\"match\": {\"type\": \"payload-hmac-sha256\", \"secret\": \"" secret                                        \
	"\", \"parameter\": {\"source\": \"header\", \"name\": \"X-Sign\"}}}"

static void a_hook_answers_at_its_url_as_it_did(void **state)
{
	(void)state;
	struct result r = import(HOOK(", \"response-message\": \"Hi $(x)\", \"success-http-response-code\": 201, "
				      "\"http-methods\": [\"PUT\"]"));
	assert_int_equal(r.code, 0);
	assert_string_equal(r.err, "");
	result_release(&r);
	struct json_file *f = workflow("deploy");
	expect_at(f, "/triggers/0/with/path", "\"/hooks/deploy\"");
	expect_at(f, "/triggers/0/with/methods", "[\"PUT\"]");
	expect_at(f, "/triggers/0/with/auth", "\"none\"");
	expect_at(f, "/triggers/0/with/reply", "{\"status\":201,\"body\":\"Hi $$(x)\"}");
	expect_at(f, "/steps/0/run", "[\"/bin/deploy\"]");
	json_file_free(f);
}

static void arguments_come_from_where_they_came(void **state)
{
	(void)state;
	struct result r = import(
		HOOK(", \"pass-arguments-to-command\": ["
		     "{\"source\": \"payload\", \"name\": \"a.0.b\"}, {\"source\": \"header\", \"name\": \"X-Y\"},"
		     "{\"source\": \"string\", \"name\": \"$(z)\"}, {\"source\": \"entire-payload\"}]"));
	assert_int_equal(r.code, 0);
	result_release(&r);
	struct json_file *f = workflow("deploy");
	expect_at(f, "/steps/0/run",
		  "[\"/bin/deploy\",\"$(params.arg1)\",\"$(params.arg2)\",\"$$(z)\",\"$(params.arg4)\"]");
	expect_at(f, "/triggers/0/params/arg2",
		  "\"(.headers[\\\"x-y\\\"]) | if . == null then \\\"\\\" else tostring end\"");
	json_file_free(f);
}

static void a_secret_goes_into_a_file_for_its_owner(void **state)
{
	struct stat st;
	char text[32] = "";
	(void)state;
	struct result r = import(RULE("{\"and\": [" HMAC("s3cret") ", " VALUE "]}"));
	assert_int_equal(r.code, 0);
	assert_null(strstr(r.out, "s3cret"));
	result_release(&r);
	struct json_file *f = workflow("deploy");
	expect_at(f, "/triggers/0/with/signature",
		  "{\"header\":\"X-Sign\",\"algorithm\":\"sha256\",\"encoding\":\"hex\","
		  "\"secret\":{\"file\":\"secrets/deploy\"}}");
	assert_non_null(strstr(json_get_str(json_at(json_get(f->root, "triggers"), 0), "when"), ".query[\"q\"]"));
	json_file_free(f);
	assert_int_equal(stat(path_of("secrets/deploy"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	FILE *in = fopen(path_of("secrets/deploy"), "r");
	assert_non_null(in);
	assert_non_null(fgets(text, sizeof(text), in));
	fclose(in);
	assert_string_equal(text, "s3cret");
}

static void two_secrets_in_use_stay_two(void **state)
{
	(void)state;
	struct result r = import(RULE("{\"or\": [" HMAC("new") ", " HMAC("{{ getenv \\\"OLD\\\" | js }}") "]}"));
	assert_int_equal(r.code, 0);
	result_release(&r);
	struct json_file *f = workflow("deploy");
	expect_at(f, "/triggers/0/with/signature/secret", "[{\"file\":\"secrets/deploy\"},{\"env\":\"OLD\"}]");
	json_file_free(f);
}

/* Each of these would let in what was kept out. */
static void a_check_that_is_lost_switches_the_trigger_off(void **state)
{
	static const char *const rules[] = {
		RULE("{\"or\": [" HMAC("s") ", " VALUE "]}"),
		RULE("{\"not\": " HMAC("s") "}"),
		RULE("{\"match\": {\"type\": \"scalr-signature\", \"secret\": \"s\"}}"),
		RULE("{\"or\": [{\"match\": {\"type\": \"ip-whitelist\", \"ip-range\": \"10.0.0.0/8\"}}, " VALUE "]}"),
		RULE("{\"match\": {\"type\": \"value\", \"value\": \"v\", \"parameter\": {\"source\": \"context\"}}}"),
		RULE("{\"xor\": []}"),
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct result r = import(rules[i]);
		assert_int_equal(r.code, 0);
		if (!strstr(r.err, "hooks:1:") || !strstr(r.err, "switched off"))
			fail_msg("%s: %s", rules[i], r.err);
		result_release(&r);
		struct json_file *f = workflow("deploy");
		expect_at(f, "/triggers/0/enabled", "false");
		json_file_free(f);
		unlink(path_of("workflows/deploy.json"));
	}
}

static void what_has_no_place_here_is_told_with_its_place(void **state)
{
	(void)state;
	struct result r =
		import("[{\"id\": \"a\", \"execute-command\": \"x\",\n \"trigger-signature-soft-failures\": true}]");
	assert_int_equal(r.code, 0);
	assert_non_null(strstr(r.err, "hooks:2:"));
	assert_non_null(strstr(r.err, "hook a: \"trigger-signature-soft-failures\" is not carried over"));
	result_release(&r);
}

static void yaml_does_as_well(void **state)
{
	(void)state;
	struct result r =
		import("- id: My_Hook\n  execute-command: /bin/true\n  include-command-output-in-response: true\n");
	assert_int_equal(r.code, 0);
	result_release(&r);
	struct json_file *f = workflow("my-hook");
	expect_at(f, "/triggers/0/with/path", "\"/hooks/My_Hook\"");
	expect_at(f, "/triggers/0/with/reply/body", "\"$(steps.command.outputs.output)\"");
	json_file_free(f);
}

static void nothing_is_overwritten_and_nothing_half_made_stays(void **state)
{
	(void)state;
	struct result r = import(HOOK(""));
	assert_int_equal(r.code, 0);
	result_release(&r);
	r = import("[{\"id\": \"other\", \"execute-command\": \"x\", \"trigger-rule\": " HMAC(
		"s") "},"
		     "{\"id\": \"deploy\", \"execute-command\": \"x\"}]");
	assert_int_equal(r.code, CLI_REFUSED);
	assert_non_null(strstr(r.err, "nothing is overwritten"));
	result_release(&r);
	assert_int_equal(access(path_of("workflows/other.json"), F_OK), -1);
	assert_int_equal(access(path_of("secrets/other"), F_OK), -1);
	assert_int_equal(access(path_of("workflows/deploy.json"), F_OK), 0);
}

static void what_is_no_list_of_hooks_is_refused(void **state)
{
	static const char *const texts[] = {"{}",
					    "[]",
					    "[{\"id\": \"a\"}]",
					    "[{\"execute-command\": \"x\"}]",
					    "[7]",
					    "[{\"id\": \"--\", \"execute-command\": \"x\"}]",
					    "a: [",
					    ""};
	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct result r = import(texts[i]);
		if (r.code != CLI_FAILED)
			fail_msg("%s: %d %s", texts[i], r.code, r.err);
		assert_true(strlen(r.err) > 0);
		result_release(&r);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, folder_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_hook_answers_at_its_url_as_it_did),
		TEST(arguments_come_from_where_they_came),
		TEST(a_secret_goes_into_a_file_for_its_owner),
		TEST(two_secrets_in_use_stay_two),
		TEST(a_check_that_is_lost_switches_the_trigger_off),
		TEST(what_has_no_place_here_is_told_with_its_place),
		TEST(yaml_does_as_well),
		TEST(nothing_is_overwritten_and_nothing_half_made_stays),
		TEST(what_is_no_list_of_hooks_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
