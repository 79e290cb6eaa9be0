#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/config.h"
#include "model/workflow.h"
#include "support_folder.h"

#define STEPS "\"steps\":[{\"id\":\"a\",\"run\":[\"true\"]}]}"

static void below(const char *folder, const char *name, char path[static 4096])
{
	(void)snprintf(path, 4096, "%s/%s", folder, name);
}

static int read_folder(char *folder, struct diag *d, struct definitions *ret)
{
	const struct config c = {.workflows = folder};

	return definitions_read(&c, d, ret);
}

static void all_json_files_of_the_folder_are_read_in_the_order_of_their_slugs(void **state)
{
	struct definitions defs;
	char path[4096];
	struct diag d;

	diag_init(&d);
	(void)folder_write(*state, "b.json", "{" STEPS);
	(void)folder_write(*state, "a.json", "{\"slug\":\"z\"," STEPS);
	(void)folder_write(*state, "c.json", "{" STEPS);
	(void)folder_write(*state, ".hidden.json", "{");
	(void)folder_write(*state, "notes.txt", "{");
	(void)folder_write(*state, ".json", "{");
	below(*state, "folder.json", path);
	assert_int_equal(mkdir(path, 0700), 0);
	below(*state, "deeper", path);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)folder_write(path, "x.json", "{");
	assert_int_equal(read_folder(*state, &d, &defs), 0);
	assert_int_equal(d.count, 0);
	assert_false(defs.broken);
	assert_int_equal(defs.count, 3);
	assert_string_equal(defs.items[0].slug, "b");
	assert_string_equal(defs.items[1].slug, "c");
	assert_string_equal(defs.items[2].slug, "z");
	assert_string_equal(defs.items[2].workflow->slug, "z");
	below(*state, "a.json", path);
	assert_string_equal(defs.items[2].path, path);
	assert_non_null(defs.items[2].file);
	definitions_release(&defs);
	diag_release(&d);
}

static void a_broken_file_is_in_the_list_without_a_workflow(void **state)
{
	struct definitions defs;
	char path[4096];
	struct diag d;

	diag_init(&d);
	(void)folder_write(*state, "good.json", "{" STEPS);
	(void)folder_write(*state, "syntax.json", "{");
	(void)folder_write(*state, "wrong.json", "{\"slug\":\"known\",\"tmeout\":\"1s\"," STEPS);
	below(*state, "link.json", path);
	assert_int_equal(symlink("/nonexistent", path), 0);
	assert_int_equal(read_folder(*state, &d, &defs), 0);
	assert_true(defs.broken);
	assert_int_equal(d.count, 3);
	assert_int_equal(defs.count, 4);
	assert_string_equal(defs.items[0].slug, "good");
	assert_non_null(defs.items[0].workflow);
	/* The slug that the file says, so that its last good revision can be found. */
	assert_string_equal(defs.items[1].slug, "known");
	assert_null(defs.items[1].workflow);
	assert_string_equal(defs.items[2].slug, "link");
	assert_string_equal(defs.items[3].slug, "syntax");
	assert_null(defs.items[3].file);
	definitions_release(&defs);
	diag_release(&d);
}

static void the_second_file_with_a_slug_or_an_id_is_the_mistaken_one(void **state)
{
	struct definitions defs;
	struct diag d;

	diag_init(&d);
	(void)folder_write(*state, "a.json", "{\"id\":\"5dd74d0976df2d000110e52a\"," STEPS);
	(void)folder_write(*state, "b.json", "{\"slug\":\"a\"," STEPS);
	(void)folder_write(*state, "c.json", "{\"id\":\"5dd74d0976df2d000110e52a\"," STEPS);
	assert_int_equal(read_folder(*state, &d, &defs), 0);
	assert_int_equal(defs.count, 3);
	assert_non_null(defs.items[0].workflow);
	assert_null(defs.items[1].workflow);
	assert_null(defs.items[2].workflow);
	assert_int_equal(d.count, 2);
	assert_non_null(strstr(d.items[0].file, "b.json"));
	assert_int_equal(d.items[0].column, 9);
	assert_non_null(strstr(d.items[0].message, "the slug \"a\" is that of"));
	assert_non_null(strstr(d.items[1].file, "c.json"));
	assert_non_null(strstr(d.items[1].message, "the id \"5dd74d0976df2d000110e52a\" is that of"));
	definitions_release(&defs);
	diag_release(&d);
}

static void scripts_are_read_from_beside_their_definition(void **state)
{
	struct definitions defs;
	char path[4096];
	struct diag d;

	diag_init(&d);
	below(*state, "bin", path);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)folder_write(*state, "bin/stamp.sh", "#!/bin/sh\necho hi\n");
	(void)folder_write(*state, "good.json", "{\"steps\":[{\"id\":\"a\",\"script\":{\"file\":\"bin/stamp.sh\"}}]}");
	(void)folder_write(*state, "folder.json", "{\"steps\":[{\"id\":\"a\",\"script\":{\"file\":\"bin\"}}]}");
	(void)folder_write(*state, "none.json", "{\"steps\":[{\"id\":\"a\",\"script\":{\"file\":\"none.sh\"}}]}");
	assert_int_equal(read_folder(*state, &d, &defs), 0);
	assert_int_equal(d.count, 2);
	assert_non_null(strstr(d.items[0].message, "Is a directory"));
	assert_non_null(strstr(d.items[1].message, "No such file"));
	assert_string_equal(defs.items[1].workflow->steps[0].script, "#!/bin/sh\necho hi\n");
	definitions_release(&defs);
	diag_release(&d);
}

static void an_empty_folder_has_no_definitions_and_a_missing_one_is_an_error(void **state)
{
	struct definitions defs = {.count = 77};
	struct diag d;

	diag_init(&d);
	assert_int_equal(read_folder((char[]){"/nonexistent"}, &d, &defs), -ENOENT);
	assert_int_equal(defs.count, 77);
	assert_int_equal(read_folder(*state, &d, &defs), 0);
	assert_int_equal(defs.count, 0);
	assert_false(defs.broken);
	definitions_release(&defs);
	diag_release(&d);
}

static void a_file_that_is_too_large_is_a_mistake(void **state)
{
	struct definitions defs;
	char *text = malloc(WORKFLOW_SIZE_MAX + 2);
	struct diag d;

	diag_init(&d);
	assert_non_null(text);
	memset(text, ' ', WORKFLOW_SIZE_MAX + 1);
	(void)folder_write_bytes(*state, "large.json", text, WORKFLOW_SIZE_MAX + 1);
	assert_int_equal(read_folder(*state, &d, &defs), 0);
	assert_true(defs.broken);
	assert_int_equal(d.count, 1);
	definitions_release(&defs);
	diag_release(&d);
	free(text);
}

static const struct definition *find(const struct definitions *defs, const char *slug)
{
	for (size_t i = 0; i < defs->count; i++)
		if (strcmp(defs->items[i].slug, slug) == 0)
			return &defs->items[i];
	return NULL;
}

static void the_default_of_on_failure_is_part_of_the_definitions_without_one(void **state)
{
	struct config *c = NULL;
	struct definitions defs;
	struct diag d;
	char folder[4096];

	diag_init(&d);
	assert_int_equal(
		config_read(folder_write(*state, "tappet.json",
					 "{\"defaults\":{\"onFailure\":{\"id\":\"alarm\",\"run\":[\"mail\"]}}}"),
			    &d, &c),
		0);
	below(*state, "workflows", folder);
	assert_int_equal(mkdir(folder, 0700), 0);
	(void)folder_write(folder, "a.json", "{" STEPS);
	(void)folder_write(folder, "b.json", "{\"onFailure\":null," STEPS);
	(void)folder_write(folder, "c.json", "{\"onFailure\":{\"id\":\"own\",\"run\":[\"x\"]}," STEPS);
	(void)folder_write(folder, "d.json", "{\"steps\":[\n{\"id\":\"alarm\",\"run\":[\"x\"]}]}");
	assert_int_equal(definitions_read(c, &d, &defs), 0);
	assert_string_equal(find(&defs, "a")->workflow->steps[1].id, "alarm");
	assert_non_null(strstr(find(&defs, "a")->workflow->canonical, "\"onFailure\":{\"id\":\"alarm\""));
	assert_int_equal(find(&defs, "b")->workflow->step_count, 1);
	assert_string_equal(find(&defs, "c")->workflow->steps[1].id, "own");
	/* Its mistake is told where the definition can be changed. */
	assert_null(find(&defs, "d")->workflow);
	assert_int_equal(d.count, 1);
	assert_int_equal(d.items[0].line, 2);
	assert_int_equal(d.items[0].column, 7);
	assert_non_null(strstr(d.items[0].message, "the id \"alarm\" is that of \"onFailure\" in the \"defaults\""));
	definitions_release(&defs);
	config_free(c);
	diag_release(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_json_files_of_the_folder_are_read_in_the_order_of_their_slugs,
						folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(a_broken_file_is_in_the_list_without_a_workflow, folder_setup,
						folder_teardown),
		cmocka_unit_test_setup_teardown(the_second_file_with_a_slug_or_an_id_is_the_mistaken_one, folder_setup,
						folder_teardown),
		cmocka_unit_test_setup_teardown(scripts_are_read_from_beside_their_definition, folder_setup,
						folder_teardown),
		cmocka_unit_test_setup_teardown(an_empty_folder_has_no_definitions_and_a_missing_one_is_an_error,
						folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(a_file_that_is_too_large_is_a_mistake, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(the_default_of_on_failure_is_part_of_the_definitions_without_one,
						folder_setup, folder_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
