/* init, check and plugins: the commands that need no daemon. */
#include "support_cli.h"

#include <sys/stat.h>
#include <unistd.h>
#include "base/json.h"

static struct json *parse(const char *text)
{
	struct json *value = NULL;
	assert_int_equal(json_parse(text, strlen(text), &value, NULL), 0);
	return value;
}

static void init_makes_a_configuration_a_workflow_and_a_token(void **state)
{
	char folder[128], file[160];
	struct stat info;
	snprintf(folder, sizeof(folder), "%s/site", (char *)*state);
	struct result r = RUN("init", folder, "--json", "--listen", "127.0.0.1:18080");
	if (r.code != CLI_OK)
		fail_msg("%s", r.err);
	struct json *made = parse(r.out);
	const char *token = json_get_str(made, "token");
	assert_int_equal(strncmp(token, "tpt_", 4), 0);
	assert_non_null(strstr(json_get_str(made, "curl"), token));
	assert_non_null(strstr(json_get_str(made, "curl"), "http://127.0.0.1:18080/webhook/payload"));
	json_free(made);
	result_release(&r);
	snprintf(file, sizeof(file), "%s/tappet.db", folder);
	assert_int_equal(stat(file, &info), 0);
	assert_int_equal(info.st_mode & 077, 0);
	EXPECT(CLI_REFUSED, "init", folder);
	snprintf(file, sizeof(file), "%s/workflows/hello.json", folder);
	assert_int_equal(access(file, R_OK), 0);
}

static void init_overwrites_nothing_and_leaves_nothing_half_done(void **state)
{
	char folder[128], file[160];
	snprintf(folder, sizeof(folder), "%s/site", (char *)*state);
	snprintf(file, sizeof(file), "%s/workflows", folder);
	mkdir(folder, 0700);
	mkdir(file, 0700);
	write_file(file, "hello.json", "{}");
	EXPECT(CLI_REFUSED, "init", folder);
	snprintf(file, sizeof(file), "%s/tappet.json", folder);
	assert_int_not_equal(access(file, F_OK), 0);
	snprintf(file, sizeof(file), "%s/workflows/hello.json", folder);
	assert_int_equal(access(file, F_OK), 0);
	EXPECT(CLI_USAGE, "init", folder, "--listen", "somewhere");
	EXPECT(CLI_USAGE, "init", folder, "--listen", "a:1\"; rm -rf /");
}

static void check_tells_every_mistake_with_its_place(void **state)
{
	char config[128], workflows[128];
	snprintf(config, sizeof(config), "%s/tappet.json", (char *)*state);
	snprintf(workflows, sizeof(workflows), "%s/workflows", (char *)*state);
	mkdir(workflows, 0700);
	write_file(*state, "tappet.json", "{\"plugins\":{}}");
	write_file(workflows, "good.json", "{\"steps\":[{\"id\":\"a\",\"sleep\":\"1s\"}]}");
	EXPECT(CLI_OK, "check", "-c", config);
	write_file(workflows, "bad.json", "{\n  \"steps\": [ { \"id\": \"a\", \"slep\": \"1s\" } ]\n}");
	write_file(workflows, "worse.json", "{\n  \"steps\": \"none\"\n}");
	struct result r = RUN("check", "-c", config);
	assert_int_equal(r.code, CLI_FAILED);
	assert_non_null(strstr(r.err, "bad.json:2:"));
	assert_non_null(strstr(r.err, "worse.json:2:"));
	result_release(&r);
	r = RUN("check", "-c", config, "--json");
	assert_int_equal(r.code, CLI_FAILED);
	struct json *told = parse(r.out);
	assert_false(json_bool(json_get(told, "ok")));
	assert_true(json_count(json_get(told, "mistakes")) >= 2);
	json_free(told);
	result_release(&r);
}

static void check_of_a_broken_or_missing_configuration_fails(void **state)
{
	char config[128];
	snprintf(config, sizeof(config), "%s/tappet.json", (char *)*state);
	EXPECT(CLI_NOT_FOUND, "check", "-c", config);
	write_file(*state, "tappet.json", "{\n\"lisen\": []\n}");
	struct result r = RUN("check", "-c", config);
	assert_int_equal(r.code, CLI_FAILED);
	assert_non_null(strstr(r.err, "tappet.json:2:"));
	result_release(&r);
	EXPECT(CLI_FAILED, "workflows", "-c", config);
}

static void plugins_are_shown_without_a_daemon(void **state)
{
	char config[128], path[256];
	snprintf(config, sizeof(config), "%s/tappet.json", (char *)*state);
	write_file(*state, "tappet.json", "{\"plugins\":{}}");
	EXPECT(CLI_OK, "plugins", "-c", config);
	EXPECT(CLI_NOT_FOUND, "plugins", "show", "no-such-plugin", "-c", config);
	snprintf(path, sizeof(path), "%s/webhook.so", PLUGIN_DIR);
	if (access(path, R_OK) != 0)
		skip();
	struct result r = RUN("plugins", "show", path, "--json", "-c", config);
	assert_int_equal(r.code, CLI_OK);
	struct json *shown = parse(r.out);
	assert_string_equal(json_get_str(shown, "name"), "webhook");
	json_free(shown);
	result_release(&r);
	EXPECT(CLI_OK, "plugins", "show", path, "-c", config);
}

#define FILES_TEST(name) cmocka_unit_test_setup_teardown(name, folder_open, folder_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILES_TEST(init_makes_a_configuration_a_workflow_and_a_token),
		FILES_TEST(init_overwrites_nothing_and_leaves_nothing_half_done),
		FILES_TEST(check_tells_every_mistake_with_its_place),
		FILES_TEST(check_of_a_broken_or_missing_configuration_fails),
		FILES_TEST(plugins_are_shown_without_a_daemon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
