/* What the loader refuses, in which words, and what it reads right although it was built differently. */
#include "host/support_host.h"
#include "host/internal.h"
#include <errno.h>

static struct host *host;
static struct diag diag;

static int open_host(void **state)
{
	const struct host_options options = {.plugin_folder = TEST_PLUGIN_DIR};
	(void)state;
	diag_init(&diag);
	return host_open(&options, &host);
}

static int close_host(void **state)
{
	(void)state;
	host_free(host);
	diag_release(&diag);
	return 0;
}

static int load_as(const char *name, const char *object)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s.so", TEST_PLUGIN_DIR, object);
	const struct plugin_config config = {.name = (char *)(uintptr_t)name, .load = path};
	return host_load(host, &config, NULL, &diag);
}

static void refused(const char *object, int error, const char *words)
{
	assert_int_equal(load_as("it", object), error);
	assert_int_equal(diag.count, 1);
	if (!diag_says(&diag, words))
		fail_msg("\"%s\" is not in: %s", words, diag.items[0].message);
	assert_true(diag_says(&diag, "plugin it"));
	assert_int_equal(host_count(host), 0);
}

static void a_good_plugin_is_loaded_by_its_name(void **state)
{
	const struct plugin_config config = {.name = (char *)(uintptr_t) "good"};
	(void)state;
	assert_int_equal(host_load(host, &config, NULL, &diag), 0);
	assert_int_equal(host_count(host), 1);
	assert_int_equal(host_find(host, "good"), 0);
	assert_int_equal(host_find(host, "other"), -1);
	assert_int_equal(diag.count, 0);
}

static void one_shared_object_serves_under_several_names(void **state)
{
	(void)state;
	assert_int_equal(load_as("first", "good"), 0);
	assert_int_equal(load_as("second", "good"), 0);
	assert_int_equal(host_find(host, "second"), 1);
}

static void a_taken_name_is_refused(void **state)
{
	(void)state;
	assert_int_equal(load_as("it", "good"), 0);
	assert_int_equal(load_as("it", "probe"), -EEXIST);
	assert_true(diag_says(&diag, "taken"));
	assert_int_equal(host_count(host), 1);
}

static void a_file_that_calls_itself_otherwise_has_to_be_named_in_load(void **state)
{
	const struct plugin_config config = {.name = (char *)(uintptr_t) "misnamed"};
	(void)state;
	assert_int_equal(host_load(host, &config, NULL, &diag), -EINVAL);
	assert_true(diag_says(&diag, "calls itself other-name"));
	assert_int_equal(load_as("misnamed", "misnamed"), 0);
}

static void a_missing_file_is_refused(void **state)
{
	(void)state;
	refused("there_is_none", -ENOENT, "there is no file");
}

static void a_shared_object_without_the_symbol_is_refused(void **state)
{
	(void)state;
	refused("no_symbol", -EINVAL, "does not export tappet_plugin_v1");
}

static void another_major_version_is_named(void **state)
{
	(void)state;
	refused("other_major", -EINVAL, "other major version");
	assert_true(diag_says(&diag, "major version 2"));
}

static void an_open_trigger_cannot_have_a_required_option(void **state)
{
	(void)state;
	refused("open_required", -EINVAL, "requires the option path");
	assert_int_equal(load_as("it", "open"), 0);
}

static void a_newer_minor_version_is_refused_with_both_numbers(void **state)
{
	(void)state;
	refused("newer_minor", -EINVAL, "needs ABI 1.7, this host has 1.4");
}

static void one_built_with_a_newer_version_but_content_with_this_one_is_loaded(void **state)
{
	(void)state;
	assert_int_equal(load_as("it", "older_need"), 0);
}

/* The size of the descriptor is the same in both. */
static void what_was_padding_in_its_version_is_not_read(void **state)
{
	(void)state;
	assert_int_equal(load_as("it", "padding"), 0);
	assert_int_equal(host_instance(host, "it")->desc.list_checkpoints, 0);
	assert_int_equal(load_as("listing", "listing"), 0);
	assert_int_equal(host_instance(host, "listing")->desc.list_checkpoints, 1);
}

static void a_short_descriptor_is_refused(void **state)
{
	(void)state;
	refused("short_struct", -EINVAL, "its descriptor has");
}

static void a_malformed_name_is_refused(void **state)
{
	(void)state;
	refused("bad_name", -EINVAL, "Bad Name");
}

static void a_missing_name_is_refused(void **state)
{
	(void)state;
	refused("no_name", -EINVAL, "its name");
}

static void a_malformed_name_in_the_configuration_is_refused(void **state)
{
	(void)state;
	assert_int_equal(load_as("Bad Name", "good"), -EINVAL);
	assert_true(diag_says(&diag, "a plugin's name is"));
}

static void a_missing_capability_is_named(void **state)
{
	(void)state;
	refused("no_capability", -EINVAL, "tappet.teleport/3");
}

static void a_missing_function_is_named(void **state)
{
	(void)state;
	refused("null_function", -EINVAL, "lacks the function start");
}

static void a_sample_that_is_not_json_is_refused(void **state)
{
	(void)state;
	refused("bad_sample", -EINVAL, "sample is not JSON");
}

static void an_option_of_an_unknown_type_is_refused(void **state)
{
	(void)state;
	refused("bad_option", -EINVAL, "unknown type 99");
}

static void an_option_that_stands_twice_is_refused(void **state)
{
	(void)state;
	refused("double_option", -EINVAL, "stands twice");
}

static void options_shorter_than_those_of_1_0_are_refused(void **state)
{
	(void)state;
	refused("short_option", -EINVAL, "its options have 8 bytes");
}

static void a_missing_reference_shows_at_load(void **state)
{
	(void)state;
	refused("missing_reference", -EINVAL, "nobody_defines_this");
}

static void a_null_descriptor_is_refused(void **state)
{
	(void)state;
	refused("null_descriptor", -EINVAL, "no descriptor");
}

static void grown_descriptors_and_options_are_read_by_their_own_size(void **state)
{
	struct buf out;
	(void)state;
	assert_int_equal(load_as("it", "longer"), 0);
	buf_init(&out, 65536);
	host_describe(host, 0, &out);
	assert_non_null(strstr(buf_cstr(&out), "\"key\":\"second\",\"type\":\"boolean\""));
	assert_non_null(strstr(buf_cstr(&out), "\"key\":\"third\",\"type\":\"duration\""));
	buf_release(&out);
}

static void mistakes_in_options_are_shown_at_their_place(void **state)
{
	static const char text[] = "{\n  \"plugins\": {\n    \"good\": {\"with\": {\"greting\": \"x\"}}\n  }\n}";
	struct json_file *file = NULL;
	(void)state;
	assert_int_equal(json_file_parse("tappet.json", text, strlen(text), &diag, &file), 0);
	const struct json *with = json_get(json_get(json_get(file->root, "plugins"), "good"), "with");
	const struct plugin_config config = {.name = (char *)(uintptr_t) "good", .with = with};
	assert_int_equal(host_load(host, &config, file, &diag), -EINVAL);
	assert_int_equal(diag.count, 1);
	assert_string_equal(diag.items[0].file, "tappet.json");
	assert_int_equal(diag.items[0].line, 3);
	assert_true(diag_says(&diag, "greeting"));
	json_file_free(file);
}

static void check_triggers(const char *definition, int expected, unsigned line, const char *words)
{
	struct json_file *file = NULL;
	struct workflow *w = NULL;
	assert_int_equal(json_file_parse("w.json", definition, strlen(definition), &diag, &file), 0);
	assert_int_equal(workflow_parse(file, "w", NULL, &diag, &w), 0);
	struct host_check *check;
	assert_int_equal(host_check_begin(host, true, &check), 0);
	assert_int_equal(host_check_triggers(check, w, file, &diag), expected);
	host_check_end(check);
	if (expected < 0) {
		assert_int_equal(diag.count, 1);
		assert_int_equal(diag.items[0].line, line);
		if (!diag_says(&diag, words))
			fail_msg("\"%s\" is not in: %s", words, diag.items[0].message);
	}
	workflow_unref(w);
	json_file_free(file);
}

#define STEPS "\"steps\": [{\"id\": \"a\", \"run\": [\"true\"]}]"

static void a_trigger_with_right_options_passes(void **state)
{
	(void)state;
	assert_int_equal(load_as("good", "good"), 0);
	check_triggers("{\"triggers\": [{\"plugin\": \"good\", \"with\": {\"path\": \"/x\"}}],\n" STEPS "}", 0, 0,
		       NULL);
}

static void a_trigger_with_a_wrong_option_is_shown_at_its_place(void **state)
{
	(void)state;
	assert_int_equal(load_as("good", "good"), 0);
	check_triggers("{" STEPS ",\n\"triggers\": [\n{\"plugin\": \"good\",\n \"with\": {\"path\": 7}}]}", -EINVAL, 4,
		       "string");
}

static void a_trigger_that_lacks_a_required_option_is_shown(void **state)
{
	(void)state;
	assert_int_equal(load_as("good", "good"), 0);
	check_triggers("{" STEPS ",\n\"triggers\": [\n{\"plugin\": \"good\", \"with\": {}}]}", -EINVAL, 3, "path");
}

static void a_trigger_of_a_plugin_that_is_not_loaded_is_shown(void **state)
{
	(void)state;
	check_triggers("{" STEPS ",\n\"triggers\": [\n{\"plugin\": \"mqtt\"}]}", -EINVAL, 3,
		       "plugin mqtt is not loaded");
}

static void the_page_of_a_plugin_names_its_options(void **state)
{
	struct buf out;
	(void)state;
	assert_int_equal(load_as("it", "good"), 0);
	buf_init(&out, 65536);
	host_document(host, 0, &out);
	assert_non_null(strstr(buf_cstr(&out), "greeting"));
	assert_non_null(strstr(buf_cstr(&out), "path"));
	assert_non_null(strstr(buf_cstr(&out), "Does nothing."));
	buf_release(&out);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_host, close_host)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_good_plugin_is_loaded_by_its_name),
		CASE(one_shared_object_serves_under_several_names),
		CASE(a_taken_name_is_refused),
		CASE(a_file_that_calls_itself_otherwise_has_to_be_named_in_load),
		CASE(a_missing_file_is_refused),
		CASE(a_shared_object_without_the_symbol_is_refused),
		CASE(another_major_version_is_named),
		CASE(an_open_trigger_cannot_have_a_required_option),
		CASE(a_newer_minor_version_is_refused_with_both_numbers),
		CASE(one_built_with_a_newer_version_but_content_with_this_one_is_loaded),
		CASE(what_was_padding_in_its_version_is_not_read),
		CASE(a_short_descriptor_is_refused),
		CASE(a_malformed_name_is_refused),
		CASE(a_missing_name_is_refused),
		CASE(a_malformed_name_in_the_configuration_is_refused),
		CASE(a_missing_capability_is_named),
		CASE(a_missing_function_is_named),
		CASE(a_sample_that_is_not_json_is_refused),
		CASE(an_option_of_an_unknown_type_is_refused),
		CASE(an_option_that_stands_twice_is_refused),
		CASE(options_shorter_than_those_of_1_0_are_refused),
		CASE(a_missing_reference_shows_at_load),
		CASE(a_null_descriptor_is_refused),
		CASE(grown_descriptors_and_options_are_read_by_their_own_size),
		CASE(mistakes_in_options_are_shown_at_their_place),
		CASE(a_trigger_with_right_options_passes),
		CASE(a_trigger_with_a_wrong_option_is_shown_at_its_place),
		CASE(a_trigger_that_lacks_a_required_option_is_shown),
		CASE(a_trigger_of_a_plugin_that_is_not_loaded_is_shown),
		CASE(the_page_of_a_plugin_names_its_options),
	};
	return cmocka_run_group_tests_name("host/loader", tests, NULL, NULL);
}
