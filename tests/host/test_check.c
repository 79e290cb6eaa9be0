/* What plugins find wrong in options, where it is shown, and what two triggers may not have both. */
#include "host/support_host.h"
#include <errno.h>

#define STEPS "\"steps\": [{\"id\": \"a\", \"run\": [\"true\"]}]"
#define WORKFLOW(with) "{\"triggers\": [{\"plugin\": \"checking\", \"with\": " with "}],\n" STEPS "}"

static struct fixture f;

static int open_fixture(void **state)
{
	(void)state;
	memset(&f, 0, sizeof(f));
	fixture_open(&f, true);
	assert_int_equal(fixture_load(&f, "checking", "checking", NULL), 0);
	return 0;
}

static int close_fixture(void **state)
{
	(void)state;
	fixture_close(&f);
	return 0;
}

/* Checks one definition as `slug`.json. */
static int check_one(struct host_check *check, const char *slug, const char *text)
{
	struct json_file *file = NULL;
	struct workflow *w = NULL;
	char name[64];
	snprintf(name, sizeof(name), "%s.json", slug);
	assert_int_equal(json_file_parse(name, text, strlen(text), &f.diag, &file), 0);
	assert_int_equal(workflow_parse(file, slug, NULL, &f.diag, &w), 0);
	int r = host_check_triggers(check, w, file, &f.diag);
	workflow_unref(w);
	json_file_free(file);
	return r;
}

static int check_alone(const char *slug, const char *text, bool whole_folder)
{
	struct host_check *check;
	diag_release(&f.diag);
	assert_int_equal(host_check_begin(f.host, whole_folder, &check), 0);
	int r = check_one(check, slug, text);
	host_check_end(check);
	return r;
}

static void the_only_mistake(unsigned line, unsigned column, const char *message)
{
	assert_int_equal(f.diag.count, 1);
	assert_string_equal(f.diag.items[0].message, message);
	assert_int_equal(f.diag.items[0].line, line);
	assert_int_equal(f.diag.items[0].column, column);
}

static void a_mistake_is_shown_at_the_value_that_it_is_in(void **state)
{
	(void)state;
	assert_int_equal(check_alone("w", WORKFLOW("{\n \"path\": [\"/a\",\n  \"b\"]}"), false), -EINVAL);
	the_only_mistake(3, 3, "expected a path that begins with a slash");
	assert_int_equal(
		check_alone("w", WORKFLOW("{\"path\": \"/a\",\n \"deep\": {\"list\": [\n{\"a/b\": 7}]}}"), false),
		-EINVAL);
	the_only_mistake(3, 9, "expected something less deep");
}

static void a_place_that_is_not_there_gives_the_nearest(void **state)
{
	(void)state;
	assert_int_equal(check_alone("w", WORKFLOW("{\"path\": \"/a\",\n \"deep\": {\"list\": []}}"), false), -EINVAL);
	the_only_mistake(2, 19, "expected something less deep");
	assert_int_equal(check_alone("w", WORKFLOW("{\n \"where\": \"b\"}"), false), -EINVAL);
	the_only_mistake(2, 11, "expected a path that begins with a slash");
	assert_int_equal(check_alone("w", WORKFLOW("\n {}"), false), -EINVAL);
	the_only_mistake(2, 2, "\"path\" is missing");
}

static void right_options_pass(void **state)
{
	(void)state;
	assert_int_equal(check_alone("w", WORKFLOW("{\"path\": [\"/a\", \"/b\"], \"mode\": \"good\"}"), false), 0);
	assert_int_equal(f.diag.count, 0);
}

static void a_claim_that_stands_twice_in_one_check_names_both(void **state)
{
	struct host_check *check;
	(void)state;
	assert_int_equal(host_check_begin(f.host, true, &check), 0);
	assert_int_equal(check_one(check, "first", WORKFLOW("{\"path\": \"/a\"}")), 0);
	assert_int_equal(check_one(check, "second", WORKFLOW("{\"path\": \"/b\"}")), 0);
	assert_int_equal(check_one(check, "third", WORKFLOW("{\n\"path\": [\"/c\", \"/a\"]}")), -EINVAL);
	host_check_end(check);
	the_only_mistake(2, 16, "path /a: trigger \"checking\" of first.json has it already");
	assert_string_equal(f.diag.items[0].file, "third.json");
}

static void a_claim_of_a_trigger_that_runs_is_known_until_it_goes(void **state)
{
	(void)state;
	fixture_start(&f);
	const struct catalog_entry *entry =
		fixture_apply(&f, "{\"slug\": \"running\", \"triggers\": [{\"plugin\": \"checking\", \"with\": "
				  "{\"path\": \"/a\"}}], " STEPS "}");
	assert_int_equal(check_alone("other", WORKFLOW("{\"path\": \"/a\"}"), false), -EINVAL);
	assert_true(diag_says(&f.diag, "path /a: trigger \"checking\" of running has it already"));
	/* A new definition of the same workflow takes its place. */
	assert_int_equal(check_alone("running", WORKFLOW("{\"path\": \"/a\"}"), false), 0);
	fixture_apply(&f, "{\"slug\": \"running\", \"triggers\": [{\"plugin\": \"checking\", \"with\": {\"path\": "
			  "\"/b\"}}], " STEPS "}");
	assert_int_equal(check_alone("other", WORKFLOW("{\"path\": \"/a\"}"), false), 0);
	assert_int_equal(check_alone("other", WORKFLOW("{\"path\": \"/b\"}"), false), -EINVAL);
	assert_non_null(entry);
}

static void a_trigger_whose_options_the_plugin_finds_wrong_is_dead_with_its_words(void **state)
{
	(void)state;
	fixture_start(&f);
	const struct catalog_entry *entry = fixture_apply(
		&f, "{\"slug\": \"w\", \"triggers\": [{\"plugin\": \"checking\", \"with\": {\"path\": \"a\"}}], " STEPS
		    "}");
	char *health = health_of(&f, entry->id, "checking");
	assert_non_null(strstr(health, "\"dead\""));
	assert_non_null(strstr(health, "expected a path that begins with a slash"));
	free(health);
}

static void a_plugin_checks_its_own_options(void **state)
{
	(void)state;
	assert_int_equal(fixture_load(&f, "odd", "checking", "{\"even\": 3}"), -EINVAL);
	assert_true(diag_says(&f.diag, "expected an even number"));
	assert_int_equal(fixture_load(&f, "even", "checking", "{\"even\": 4}"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_mistake_is_shown_at_the_value_that_it_is_in),
		TEST(a_place_that_is_not_there_gives_the_nearest),
		TEST(right_options_pass),
		TEST(a_claim_that_stands_twice_in_one_check_names_both),
		TEST(a_claim_of_a_trigger_that_runs_is_known_until_it_goes),
		TEST(a_trigger_whose_options_the_plugin_finds_wrong_is_dead_with_its_words),
		TEST(a_plugin_checks_its_own_options),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
