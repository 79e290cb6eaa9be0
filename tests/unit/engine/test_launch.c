/* Steps that ask for a user, limits or no new privileges, by way of tappet-exec. As root both halves run: the second in
 * a child that has become nobody. */
#include "unit/engine/support_engine.h"

#include <grp.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "model/workflow.h"

#define NOBODY 65534

/* The rig's folder is $ROOT for all steps, and others may pass through it. */
static int setup(void **state)
{
	static struct engine_env env[1];
	struct rig *r;

	(void)rig_setup(state);
	r = *state;
	assert_int_equal(chmod(r->folder, 0711), 0);
	env[0] = (struct engine_env){"ROOT", r->folder};
	r->options.env = env;
	r->options.env_count = 1;
	r->options.launch_helper = LAUNCH_HELPER;
	rig_up(r);
	return 0;
}

static int teardown(void **state)
{
	rig_down(*state, 0);
	return rig_teardown(state);
}

static struct json *run_to_end(struct rig *r, const char *definition, char id[static ID_SIZE])
{
	(void)rig_define(r, "test", definition);
	rig_run(r, "test", NULL, id);
	return rig_wait(r, id, NULL);
}

static void assert_message(const struct json *document, const char *message)
{
	assert_string_equal(json_get_str(rig_step(document, "a"), "message"), message);
}

static void need_root(void)
{
	if (geteuid() != 0) {
		print_message("only root can become another user\n");
		skip();
	}
}

/* ---- As root -------------------------------------------------------------------------------------------------- */

static void a_step_runs_as_its_user_in_files_of_its_own(void **state)
{
	char id[ID_SIZE], *text, expected[256];
	struct json *d;

	need_root();
	d = run_to_end(
		*state,
		"{\"steps\":[{\"id\":\"a\",\"user\":\"nobody\",\"script\":\"id -un; id -G; echo $HOME $USER $LOGNAME "
		"$SHELL; grep -c '^{' $TAPPET_INPUT; touch mine; stat -c '%U %a' . $TAPPET_INPUT $TAPPET_OUTPUT "
		"$0; echo said > /dev/stderr; echo k=v >> $TAPPET_OUTPUT; env | grep -c ^TAPPET_RUN=\"}]}",
		id);
	assert_status(d, "completed");
	assert_string_equal(json_get_str(json_get(rig_step(d, "a"), "outputs"), "k"), "v");
	text = rig_log(*state, id, 0, 'o');
	(void)snprintf(expected, sizeof(expected),
		       "nobody\n%d\n/nonexistent nobody nobody /usr/sbin/nologin\n1\nnobody 700\nnobody 600\nnobody "
		       "600\nnobody 700\n1\n",
		       NOBODY);
	assert_string_equal(text, expected);
	free(text);
	text = rig_log(*state, id, 0, 'e');
	assert_string_equal(text, "said\n");
	free(text);
	json_free(d);
}

static void a_user_may_be_a_number_and_the_step_may_say_where_its_home_is(void **state)
{
	char id[ID_SIZE], *text;
	struct json *d;

	need_root();
	d = run_to_end(
		*state,
		"{\"steps\":[{\"id\":\"a\",\"user\":\"4242\",\"env\":{\"HOME\":\"/tmp\"},\"script\":\"id -u; id -g; id "
		"-G; echo $HOME $USER\"}]}",
		id);
	assert_status(d, "completed");
	text = rig_log(*state, id, 0, 'o');
	assert_string_equal(text, "4242\n4242\n4242\n/tmp 4242\n");
	free(text);
	json_free(d);
}

static void the_scratch_folder_goes_from_user_to_user(void **state)
{
	char id[ID_SIZE];
	struct json *d;

	need_root();
	d = run_to_end(
		*state,
		"{\"steps\":[{\"id\":\"a\",\"script\":\"mkdir sub; echo 1 > sub/f; echo 0 > $ROOT/other; chmod 600 "
		"$ROOT/other; ln $ROOT/other linked; ln -s $ROOT/other pointed\"},"
		"{\"id\":\"b\",\"user\":\"nobody\",\"script\":\"grep 1 sub/f && echo 2 >> sub/f && echo 3 > sub/g && ! "
		"cat linked && ! cat pointed\"},"
		"{\"id\":\"c\",\"script\":\"[ $(stat -c %U .) = root ] && echo 4 > sub/h\"},"
		"{\"id\":\"d\",\"user\":\"nobody\",\"script\":\"cat sub/f sub/g sub/h\"}]}",
		id);
	assert_status(d, "completed");
	json_free(d);
}

static void a_user_that_may_not_reach_the_folder_is_told_which_one_bars_the_way(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE], expected[512];
	struct json *d;

	need_root();
	assert_int_equal(chmod(r->folder, 0700), 0);
	d = run_to_end(r, "{\"steps\":[{\"id\":\"a\",\"user\":\"nobody\",\"run\":[\"true\"]}]}", id);
	assert_status(d, "failure");
	(void)snprintf(expected, sizeof(expected),
		       "user nobody may not enter %s/scratch/%s: others may not pass through %s (chmod o+x)", r->folder,
		       id, r->folder);
	assert_message(d, expected);
	json_free(d);
}

static void what_a_user_may_not_execute_fails_the_start(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE], path[128], definition[256], expected[256];
	struct json *d;
	FILE *f;

	need_root();
	rig_path(r, "private", path);
	f = fopen(path, "we");
	assert_non_null(f);
	(void)fputs("#!/bin/sh\n", f);
	(void)fclose(f);
	assert_int_equal(chmod(path, 0700), 0);
	(void)snprintf(definition, sizeof(definition),
		       "{\"steps\":[{\"id\":\"a\",\"user\":\"nobody\",\"run\":[\"%s\"]}]}", path);
	(void)snprintf(expected, sizeof(expected), "cannot start %s as user nobody: Permission denied", path);
	d = run_to_end(r, definition, id);
	assert_status(d, "failure");
	assert_message(d, expected);
	json_free(d);
}

static void the_environment_of_a_step_does_not_reach_the_helper(void **state)
{
	char id[ID_SIZE], *text, *first;
	struct json *d = run_to_end(
		*state,
		"{\"steps\":[{\"id\":\"a\",\"noNewPrivileges\":true,\"env\":{\"LD_PRELOAD\":\"/no/such.so\"},"
		"\"run\":[\"true\"]}]}",
		id);

	assert_status(d, "completed");
	text = rig_log(*state, id, 0, 'e');
	first = strstr(text, "/no/such.so");
	assert_non_null(first);
	assert_null(strstr(first + 1, "/no/such.so"));
	free(text);
	json_free(d);
}

static void cancelling_ends_a_step_of_another_user(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE], path[128];
	struct json *d;
	pid_t pid;

	need_root();
	rig_path(r, "pid", path);
	(void)fclose(fopen(path, "we"));
	assert_int_equal(chmod(path, 0666), 0);
	(void)rig_define(
		r, "test",
		"{\"steps\":[{\"id\":\"a\",\"user\":\"nobody\",\"script\":\"echo $$ > $ROOT/pid; exec sleep 600\"}]}");
	rig_run(r, "test", NULL, id);
	pid = rig_pid(r, "pid");
	assert_int_equal(getpgid(pid), pid);
	assert_int_equal(rig_cancel(r, id), 0);
	rig_wait_gone(r, pid);
	d = rig_document(r, id);
	assert_status(rig_step(d, "a"), "cancelled");
	json_free(d);
}

/* ---- As anybody ----------------------------------------------------------------------------------------------- */

static void a_user_that_does_not_exist_fails_the_start(void **state)
{
	char id[ID_SIZE];
	struct json *d =
		run_to_end(*state, "{\"steps\":[{\"id\":\"a\",\"user\":\"no-such-user\",\"run\":[\"true\"]}]}", id);

	assert_status(d, "failure");
	assert_message(d, "user \"no-such-user\" does not exist");
	json_free(d);
}

static void limits_are_those_of_the_process(void **state)
{
	char id[ID_SIZE], *text;
	struct json *d = run_to_end(
		*state,
		"{\"steps\":[{\"id\":\"a\",\"limits\":{\"cpuTime\":\"2500ms\",\"memory\":\"512MiB\",\"fileSize\":"
		"\"1MiB\",\"files\":20,\"processes\":500},\"script\":\"grep -E '^Max "
		"(cpu|address|file size|open|processes)' /proc/self/limits | tr -s ' ' | cut -d' ' "
		"-f3-5\"}]}",
		id);

	assert_status(d, "completed");
	text = rig_log(*state, id, 0, 'o');
	assert_string_equal(text, "time 3 5\nsize 1048576 1048576\n500 500 processes\nfiles 20 20\nspace 536870912 "
				  "536870912\n");
	free(text);
	json_free(d);
}

static void a_limit_that_was_met_is_named_in_the_message(void **state)
{
	static const struct {
		const char *step, *message;
	} cases[] = {
		{"\"limits\":{\"cpuTime\":\"1s\"},\"script\":\"while :; do :; done\"",
		 "killed by signal 24 (CPU time limit exceeded): it used more CPU time than limits.cpuTime (1s)"},
		{"\"limits\":{\"fileSize\":\"8KiB\"},\"script\":\"head -c 9000 /dev/zero > big\"",
		 "exited with code 153: it wrote a file larger than limits.fileSize (8KiB): File size limit exceeded"},
		{"\"limits\":{\"memory\":\"64MiB\"},\"script\":\"head -c 200000000 /dev/zero | tail -c 150000000\"",
		 "exited with code 1 (limits.memory is 64MiB): tail: memory exhausted"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char definition[512], id[ID_SIZE];
		struct json *d;

		(void)snprintf(definition, sizeof(definition), "{\"steps\":[{\"id\":\"a\",%s}]}", cases[i].step);
		d = run_to_end(*state, definition, id);
		assert_status(d, "failure");
		assert_message(d, cases[i].message);
		json_free(d);
	}
}

static void no_privileges_are_gained(void **state)
{
	char id[ID_SIZE], *text;
	struct json *d = run_to_end(*state,
				    "{\"steps\":[{\"id\":\"a\",\"noNewPrivileges\":true,\"run\":[\"grep\","
				    "\"NoNewPrivs\",\"/proc/self/status\"]}]}",
				    id);

	text = rig_log(*state, id, 0, 'o');
	assert_string_equal(text, "NoNewPrivs:\t1\n");
	free(text);
	json_free(d);
}

static void only_three_descriptors_reach_the_command(void **state)
{
	char id[ID_SIZE], *text;
	struct json *d = run_to_end(*state,
				    "{\"steps\":[{\"id\":\"a\",\"noNewPrivileges\":true,\"stdin\":\"x\",\"run\":["
				    "\"ls\",\"/proc/self/fd\"]}]}",
				    id);

	text = rig_log(*state, id, 0, 'o');
	/* 3 is the folder that ls reads. */
	assert_string_equal(text, "0\n1\n2\n3\n");
	free(text);
	json_free(d);
}

static void the_working_folder_and_its_absence_are_as_without_the_helper(void **state)
{
	char id[ID_SIZE], *text;
	struct json *d = run_to_end(
		*state, "{\"steps\":[{\"id\":\"a\",\"noNewPrivileges\":true,\"cwd\":\"/usr\",\"run\":[\"pwd\"]}]}", id);

	text = rig_log(*state, id, 0, 'o');
	assert_string_equal(text, "/usr\n");
	free(text);
	json_free(d);
	d = run_to_end(*state,
		       "{\"steps\":[{\"id\":\"a\",\"noNewPrivileges\":true,\"cwd\":\"/no/such\",\"run\":[\"pwd\"]}]}",
		       id);
	assert_status(d, "failure");
	assert_message(d, "cannot enter /no/such: No such file or directory");
	json_free(d);
}

static void without_the_helper_the_step_fails_and_says_so(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	rig_down(r, 0);
	r->options.launch_helper = "/no/such/tappet-exec";
	rig_up(r);
	d = run_to_end(r, "{\"steps\":[{\"id\":\"a\",\"noNewPrivileges\":true,\"run\":[\"true\"]}]}", id);
	assert_status(d, "failure");
	assert_message(d, "the program tappet-exec, which sets user and limits, cannot be found: /no/such/tappet-exec");
	json_free(d);
}

/* ---- As nobody in particular ---------------------------------------------------------------------------------- */

static void need_no_root(void)
{
	if (geteuid() == 0) {
		print_message("root may do all this\n");
		skip();
	}
}

static void becoming_another_user_needs_root(void **state)
{
	char id[ID_SIZE];
	struct json *d;

	need_no_root();
	d = run_to_end(*state, "{\"steps\":[{\"id\":\"a\",\"user\":\"root\",\"run\":[\"true\"]}]}", id);
	assert_status(d, "failure");
	assert_message(d, "may not become user root: the daemon does not run as root");
	json_free(d);
}

static void the_own_user_needs_no_root(void **state)
{
	char id[ID_SIZE], *text, definition[256], expected[64];
	struct json *d;

	need_no_root();
	(void)snprintf(definition, sizeof(definition),
		       "{\"steps\":[{\"id\":\"a\",\"user\":\"%u\",\"run\":[\"id\",\"-u\"]}]}", geteuid());
	(void)snprintf(expected, sizeof(expected), "%u\n", geteuid());
	d = run_to_end(*state, definition, id);
	assert_status(d, "completed");
	text = rig_log(*state, id, 0, 'o');
	assert_string_equal(text, expected);
	free(text);
	json_free(d);
}

static void a_limit_that_may_not_be_raised_fails_the_start(void **state)
{
	char id[ID_SIZE];
	const char *message;
	struct json *d;

	need_no_root();
	d = run_to_end(*state, "{\"steps\":[{\"id\":\"a\",\"limits\":{\"files\":1000000},\"run\":[\"true\"]}]}", id);
	assert_status(d, "failure");
	message = json_get_str(rig_step(d, "a"), "message");
	assert_non_null(strstr(message, "limits.files may not be raised to 1000000: the daemon itself may have "));
	json_free(d);
}

static int run_all(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_step_runs_as_its_user_in_files_of_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(a_user_may_be_a_number_and_the_step_may_say_where_its_home_is, setup,
						teardown),
		cmocka_unit_test_setup_teardown(the_scratch_folder_goes_from_user_to_user, setup, teardown),
		cmocka_unit_test_setup_teardown(a_user_that_may_not_reach_the_folder_is_told_which_one_bars_the_way,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_user_may_not_execute_fails_the_start, setup, teardown),
		cmocka_unit_test_setup_teardown(the_environment_of_a_step_does_not_reach_the_helper, setup, teardown),
		cmocka_unit_test_setup_teardown(cancelling_ends_a_step_of_another_user, setup, teardown),
		cmocka_unit_test_setup_teardown(a_user_that_does_not_exist_fails_the_start, setup, teardown),
		cmocka_unit_test_setup_teardown(limits_are_those_of_the_process, setup, teardown),
		cmocka_unit_test_setup_teardown(a_limit_that_was_met_is_named_in_the_message, setup, teardown),
		cmocka_unit_test_setup_teardown(no_privileges_are_gained, setup, teardown),
		cmocka_unit_test_setup_teardown(only_three_descriptors_reach_the_command, setup, teardown),
		cmocka_unit_test_setup_teardown(the_working_folder_and_its_absence_are_as_without_the_helper, setup,
						teardown),
		cmocka_unit_test_setup_teardown(without_the_helper_the_step_fails_and_says_so, setup, teardown),
		cmocka_unit_test_setup_teardown(becoming_another_user_needs_root, setup, teardown),
		cmocka_unit_test_setup_teardown(the_own_user_needs_no_root, setup, teardown),
		cmocka_unit_test_setup_teardown(a_limit_that_may_not_be_raised_fails_the_start, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Where it may not even reach the helper, there is nothing to be tried. */
static int run_as_nobody(void)
{
	const struct rlimit few = {.rlim_cur = 1024, .rlim_max = 4096};

	if (setrlimit(RLIMIT_NOFILE, &few) < 0)
		return 1;
	if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		return 1;
	if (access(LAUNCH_HELPER, X_OK) < 0) {
		print_message("nobody may not execute " LAUNCH_HELPER ": skipped\n");
		return 0;
	}
	return run_all();
}

int main(void)
{
	/* Which no step may keep. */
	const gid_t extra = 4711;
	int failed, status = 0;
	pid_t child = geteuid() == 0 ? fork() : -1;

	if (child == 0)
		_exit(run_as_nobody());
	if (child > 0 && setgroups(1, &extra) < 0)
		return 1;
	failed = child > 0 && (waitpid(child, &status, 0) < 0 || status != 0);
	return run_all() + failed;
}
