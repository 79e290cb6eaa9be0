#include "unit/engine/support_engine.h"

#include <errno.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/* The rig's folder is $ROOT for all steps. */
static int setup(void **state)
{
	static struct engine_env env[1];
	struct rig *r;

	(void)rig_setup(state);
	r = *state;
	env[0] = (struct engine_env){"ROOT", r->folder};
	r->options.env = env;
	r->options.env_count = 1;
	rig_up(r);
	return 0;
}

static int teardown(void **state)
{
	rig_down(*state, 0);
	return rig_teardown(state);
}

static struct json *run_to_end(struct rig *r, const char *definition, const char *params, char id[static ID_SIZE])
{
	(void)rig_define(r, "test", definition);
	rig_run(r, "test", params, id);
	return rig_wait(r, id, NULL);
}

static void assert_message(const struct json *value, const char *message)
{
	assert_string_equal(json_get_str(value, "message"), message);
}

static void a_process_runs_and_its_output_is_its_log(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE], *text;
	struct json *d =
		run_to_end(r, "{\"steps\":[{\"id\":\"a\",\"script\":\"echo hello; echo bad >&2; exit 0\"}]}", NULL, id);

	assert_status(d, "completed");
	assert_status(rig_step(d, "a"), "completed");
	assert_int_equal((int)json_number(json_get(rig_step(d, "a"), "exitCode")), 0);
	text = rig_log(r, id, 0, 'o');
	assert_string_equal(text, "hello\n");
	free(text);
	text = rig_log(r, id, 0, 'e');
	assert_string_equal(text, "bad\n");
	free(text);
	json_free(d);
}

static void outputs_reach_later_steps(void **state)
{
	char id[ID_SIZE], *text;
	struct json *d = run_to_end(
		*state,
		"{\"params\":{\"who\":{\"type\":\"string\",\"default\":\"a b\"}},\"steps\":["
		"{\"id\":\"a\",\"script\":\"echo tag=v1 >> $TAPPET_OUTPUT\\nprintf 'long<<E\\\\n1\\\\n2\\\\nE\\\\n' >> "
		"$TAPPET_OUTPUT\"},"
		"{\"id\":\"b\",\"run\":[\"/bin/sh\",\"-c\",\"echo $1; cat "
		"$TAPPET_INPUT\",\"x\",\"$(steps.a.outputs.tag) "
		"$(params.who)\"]}]}",
		NULL, id);
	const struct json *outputs = json_get(rig_step(d, "a"), "outputs");

	assert_status(d, "completed");
	assert_string_equal(json_get_str(outputs, "tag"), "v1");
	assert_string_equal(json_get_str(outputs, "long"), "1\n2");
	text = rig_log(*state, id, 1, 'o');
	assert_non_null(strstr(text, "v1 a b\n"));
	assert_non_null(strstr(text, "\"steps\":{\"a\":{\"outputs\":{\"tag\":\"v1\""));
	assert_non_null(strstr(text, "\"params\":{\"who\":\"a b\"}"));
	free(text);
	json_free(d);
}

static void a_bad_line_of_outputs_fails_the_step(void **state)
{
	char id[ID_SIZE];
	struct json *d = run_to_end(
		*state,
		"{\"steps\":[{\"id\":\"a\",\"script\":\"echo ok=1 > $TAPPET_OUTPUT; echo wrong >> $TAPPET_OUTPUT\"}]}",
		NULL, id);

	assert_status(d, "failure");
	assert_message(rig_step(d, "a"), "line 2 of the outputs is neither name=value nor name<<END");
	json_free(d);
}

static void a_nul_byte_in_outputs_fails_the_step(void **state)
{
	char id[ID_SIZE];
	struct json *d = run_to_end(
		*state,
		"{\"steps\":[{\"id\":\"a\",\"script\":\"printf 'ok=1\\\\nx=a\\\\000b\\\\n' > $TAPPET_OUTPUT\"}]}", NULL,
		id);

	assert_status(d, "failure");
	assert_message(rig_step(d, "a"), "line 2 of the outputs contains a NUL byte");
	json_free(d);
}

static bool nothing_is_left(void *arg)
{
	char path[128];
	DIR *folder;
	int count = 0;

	rig_path(arg, "scratch", path);
	folder = opendir(path);
	assert_non_null(folder);
	while (readdir(folder))
		count++;
	(void)closedir(folder);
	return count == 2;
}

static void what_a_step_puts_in_place_of_its_outputs_is_not_left_behind(void **state)
{
	char id[ID_SIZE];
	struct json *d = run_to_end(*state,
				    "{\"steps\":[{\"id\":\"a\",\"script\":\"rm $TAPPET_OUTPUT; mkdir -p "
				    "$TAPPET_OUTPUT/deep; touch $TAPPET_OUTPUT/deep/file\"}]}",
				    NULL, id);

	assert_status(d, "failure");
	assert_message(rig_step(d, "a"), "the outputs cannot be read: Invalid argument");
	json_free(d);
	rig_until(*state, nothing_is_left, *state);
}

static void too_many_outputs_fail_the_step(void **state)
{
	char id[ID_SIZE];
	struct json *d = run_to_end(
		*state,
		"{\"steps\":[{\"id\":\"a\",\"script\":\"head -c 300000 /dev/zero | tr '\\\\0' x > $TAPPET_OUTPUT\"}]}",
		NULL, id);

	assert_status(d, "failure");
	assert_message(rig_step(d, "a"), "the outputs are larger than 262144 bytes");
	json_free(d);
}

static void the_message_says_why_a_step_failed(void **state)
{
	static const struct {
		const char *step, *message;
	} cases[] = {
		{"\"script\":\"exit 3\"", "exited with code 3"},
		{"\"script\":\"echo out; exit 3\"", "exited with code 3: out"},
		{"\"script\":\"echo out; printf 'bad\\\\nworse' >&2; exit 3\"", "exited with code 3: bad | worse"},
		{"\"script\":\"echo bad; kill -9 $$\"", "killed by signal 9 (Killed): bad"},
		{"\"script\":\"echo slow; exec sleep 60\",\"timeout\":\"500ms\"", "timed out after 500ms: slow"},
		{"\"script\":\"kill -9 $$\"", "killed by signal 9 (Killed)"},
		{"\"run\":[\"no-such-program\"]", "cannot start no-such-program: No such file or directory"},
		{"\"run\":[\"/bin/true\"],\"cwd\":\"/no/such/folder\"",
		 "cannot enter /no/such/folder: No such file or directory"},
		{"\"run\":[\"/bin/sleep\",\"60\"],\"timeout\":\"100ms\"", "timed out after 100ms"},
		{"\"run\":[\"/bin/true\"],\"env\":{\"S\":{\"file\":\"no-such-file\"}}",
		 "the secret for S cannot be read: no-such-file: No such file or directory"},
		{"\"run\":[\"/bin/true\"],\"env\":{\"S\":{\"env\":\"NO_SUCH_VARIABLE\"}}",
		 "the secret for S cannot be read: the daemon's environment has no NO_SUCH_VARIABLE"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char definition[512], message[512], id[ID_SIZE];
		struct json *d;

		(void)snprintf(definition, sizeof(definition), "{\"steps\":[{\"id\":\"a\",%s}]}", cases[i].step);
		(void)snprintf(message, sizeof(message), "step a: %s", cases[i].message);
		d = run_to_end(*state, definition, NULL, id);
		assert_status(d, "failure");
		assert_message(rig_step(d, "a"), cases[i].message);
		assert_message(d, message);
		json_free(d);
	}
}

static void a_failure_skips_what_needs_it_and_spares_what_says_always(void **state)
{
	char id[ID_SIZE];
	struct json *d =
		run_to_end(*state,
			   "{\"steps\":[{\"id\":\"a\",\"run\":[\"/bin/false\"]},{\"id\":\"b\",\"run\":[\"/bin/true\"]},"
			   "{\"id\":\"c\",\"needs\":[\"b\"],\"always\":true,\"run\":[\"/bin/true\"]}]}",
			   NULL, id);

	assert_status(d, "failure");
	assert_status(rig_step(d, "a"), "failure");
	assert_status(rig_step(d, "b"), "skipped");
	assert_status(rig_step(d, "c"), "completed");
	json_free(d);
}

static void steps_without_needs_run_at_the_same_time(void **state)
{
	char id[ID_SIZE];
	/* Each waits for the other: one after the other would never end. */
	struct json *d = run_to_end(
		*state,
		"{\"steps\":[{\"id\":\"a\",\"needs\":[],\"timeout\":\"20s\",\"script\":\"touch $ROOT/a; until [ "
		"-e $ROOT/b ]; do sleep 0.01; done\"},{\"id\":\"b\",\"needs\":[],\"timeout\":\"20s\",\"script\":"
		"\"touch $ROOT/b; until [ -e $ROOT/a ]; do sleep 0.01; done\"},"
		"{\"id\":\"c\",\"needs\":[\"a\",\"b\"],\"run\":[\"/bin/true\"]}]}",
		NULL, id);

	assert_status(d, "completed");
	json_free(d);
}

static void a_retry_runs_the_step_again_until_it_works(void **state)
{
	char id[ID_SIZE];
	struct json *d = run_to_end(
		*state,
		"{\"steps\":[{\"id\":\"a\",\"retry\":{\"attempts\":3,\"backoff\":\"20ms\"},\"script\":\"echo "
		"$TAPPET_ATTEMPT >> $ROOT/tries; [ $TAPPET_ATTEMPT = 3 ]\"}]}",
		NULL, id);
	char *tries = rig_read(*state, "tries");

	assert_status(d, "completed");
	assert_string_equal(tries, "1\n2\n3\n");
	assert_int_equal((int)json_number(json_get(rig_step(d, "a"), "attempt")), 3);
	assert_null(json_get(rig_step(d, "a"), "message"));
	free(tries);
	json_free(d);
}

static void retries_come_to_an_end(void **state)
{
	char id[ID_SIZE];
	struct json *d =
		run_to_end(*state,
			   "{\"steps\":[{\"id\":\"a\",\"retry\":{\"attempts\":2,\"backoff\":\"1ms\"},\"run\":[\"/bin/"
			   "false\"]}]}",
			   NULL, id);

	assert_status(d, "failure");
	assert_int_equal((int)json_number(json_get(rig_step(d, "a"), "attempt")), 2);
	json_free(d);
}

static void a_timeout_ends_the_whole_group_even_when_it_ignores_sigterm(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;
	pid_t pid;

	(void)rig_define(
		r, "test",
		"{\"steps\":[{\"id\":\"a\",\"timeout\":\"300ms\",\"script\":\"(trap '' TERM; sh -c 'echo $PPID > "
		"$ROOT/pid'; while :; do sleep 0.1; done) & wait\"}]}");
	rig_run(r, "test", NULL, id);
	pid = rig_pid(r, "pid");
	d = rig_wait(r, id, "failure");
	assert_message(rig_step(d, "a"), "timed out after 300ms");
	rig_wait_gone(r, pid);
	json_free(d);
}

static void what_a_step_leaves_in_its_group_is_ended_with_it(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d = run_to_end(
		r, "{\"steps\":[{\"id\":\"a\",\"script\":\"sleep 600 & echo $! > $ROOT/pid; exit 0\"}]}", NULL, id);

	assert_status(d, "completed");
	rig_wait_gone(r, rig_pid(r, "pid"));
	json_free(d);
}

/* It left the group and keeps the pipe open: the step must not wait for it. */
static void a_daemon_that_a_step_starts_does_not_hold_it(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d = run_to_end(
		r,
		"{\"steps\":[{\"id\":\"a\",\"timeout\":\"20s\",\"script\":\"setsid sh -c 'echo $$ > $ROOT/pid; "
		"exec sleep 600' & until [ -s $ROOT/pid ]; do sleep 0.01; done; echo said\"}]}",
		NULL, id);
	char *text = rig_log(r, id, 0, 'o');
	pid_t pid = rig_pid(r, "pid");

	assert_status(d, "completed");
	assert_string_equal(text, "said\n");
	assert_int_equal(kill(pid, SIGKILL), 0);
	free(text);
	json_free(d);
}

static void cancelling_ends_what_runs(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;
	pid_t pid;

	(void)rig_define(
		r, "test",
		"{\"steps\":[{\"id\":\"a\",\"script\":\"echo $$ > $ROOT/pid; exec sleep 600\"},{\"id\":\"b\",\"run\":["
		"\"/bin/true\"]}]}");
	rig_run(r, "test", NULL, id);
	pid = rig_pid(r, "pid");
	assert_int_equal(rig_cancel(r, id), 0);
	rig_wait_gone(r, pid);
	d = rig_document(r, id);
	assert_status(d, "cancelled");
	assert_status(rig_step(d, "a"), "cancelled");
	assert_status(rig_step(d, "b"), "cancelled");
	assert_int_equal(rig_cancel(r, id), -EALREADY);
	json_free(d);
}

static void an_activity_has_a_timeout_of_its_own(void **state)
{
	char id[ID_SIZE];
	struct json *d =
		run_to_end(*state,
			   "{\"timeout\":\"200ms\",\"steps\":[{\"id\":\"a\",\"run\":[\"/bin/sleep\",\"60\"]},{\"id\":"
			   "\"b\",\"run\":[\"/bin/true\"]}]}",
			   NULL, id);

	assert_status(d, "failure");
	assert_message(d, "timed out after 200ms");
	assert_status(rig_step(d, "a"), "cancelled");
	json_free(d);
}

static void the_environment_is_clean(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE], *text, mark[256], secret[128];
	struct json *d;
	FILE *f;

	rig_path(r, "secret", secret);
	f = fopen(secret, "we");
	assert_non_null(f);
	(void)fputs("s3cret\n", f);
	(void)fclose(f);
	assert_int_equal(setenv("NOT_FOR_STEPS", "1", 1), 0);
	d = run_to_end(r,
		       "{\"params\":{\"a_b\":{\"type\":\"string\",\"default\":\"x "
		       "y\"},\"n\":{\"type\":\"number\",\"default\":3}},"
		       "\"steps\":[{\"id\":\"a\",\"env\":{\"MINE\":\"$(params.n)\",\"S\":{\"file\":"
		       "\"secret\"}},\"run\":[\"env\"]}]}",
		       NULL, id);
	assert_status(d, "completed");
	text = rig_log(r, id, 0, 'o');
	assert_null(strstr(text, "NOT_FOR_STEPS"));
	assert_non_null(strstr(text, "TAPPET_PARAM_A_B=x y\n"));
	assert_non_null(strstr(text, "TAPPET_PARAM_N=3\n"));
	assert_non_null(strstr(text, "MINE=3\n"));
	/* It is there, and masked. */
	assert_non_null(strstr(text, "\nS=***\n"));
	(void)snprintf(mark, sizeof(mark), "TAPPET_RUN=%s/%s.1/1\n", store_identity(r->store), id);
	assert_non_null(strstr(text, mark));
	free(text);
	json_free(d);
}

static void a_parameter_too_large_for_the_environment_is_in_the_input(void **state)
{
	const size_t len = 200000;
	char *params = malloc(len + 64), id[ID_SIZE];
	size_t head;
	struct json *d;

	assert_non_null(params);
	head = (size_t)snprintf(params, 64, "{\"big\":\"");
	memset(params + head, 'x', len);
	memcpy(params + head + len, "\"}", 3);
	d = run_to_end(*state,
		       "{\"params\":{\"big\":{\"type\":\"string\"}},\"steps\":[{\"id\":\"a\",\"script\":\"[ -z "
		       "\\\"$TAPPET_PARAM_BIG\\\" ] && [ $(wc -c < $TAPPET_INPUT) -gt 200000 ]\"}]}",
		       params, id);
	assert_status(d, "completed");
	free(params);
	json_free(d);
}

static void only_three_descriptors_reach_a_step(void **state)
{
	char id[ID_SIZE], *text;
	int leaking = dup(0); /* not close-on-exec, as a library's might be */
	struct json *d;

	assert_true(leaking >= 3);
	d = run_to_end(*state, "{\"steps\":[{\"id\":\"a\",\"run\":[\"/bin/ls\",\"/proc/self/fd\"]}]}", NULL, id);
	assert_status(d, "completed");
	text = rig_log(*state, id, 0, 'o');
	/* 3 is the folder that ls reads. */
	assert_string_equal(text, "0\n1\n2\n3\n");
	(void)close(leaking);
	free(text);
	json_free(d);
}

static void stdin_is_the_given_text(void **state)
{
	char id[ID_SIZE], *text;
	struct json *d =
		run_to_end(*state, "{\"steps\":[{\"id\":\"a\",\"stdin\":\"given\",\"run\":[\"cat\"]}]}", NULL, id);

	text = rig_log(*state, id, 0, 'o');
	assert_string_equal(text, "given");
	free(text);
	json_free(d);
}

static bool scratch_empty(void *arg)
{
	struct rig *r = arg;
	char path[128];

	rig_path(r, "scratch", path);
	/* rmdir succeeds on an empty folder only. */
	return rmdir(path) == 0;
}

static void steps_share_a_scratch_folder_that_goes_with_the_activity(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d =
		run_to_end(r,
			   "{\"steps\":[{\"id\":\"a\",\"script\":\"mkdir -p x/y; echo 1 > x/y/z; chmod 555 x/y; ln -s "
			   "$ROOT link\"},{\"id\":\"b\",\"script\":\"test -f x/y/z && ls -A > $ROOT/names\"}]}",
			   NULL, id);
	char *names;

	assert_status(d, "completed");
	names = rig_read(r, "names");
	assert_string_equal(names, "link\nx\n");
	rig_until(r, scratch_empty, r);
	assert_true(rig_exists(r, "store.db"));
	free(names);
	json_free(d);
}

static void a_flood_of_output_is_cut_and_the_step_goes_on(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE], *text;
	struct json *d =
		run_to_end(r,
			   "{\"steps\":[{\"id\":\"a\",\"timeout\":\"60s\",\"script\":\"head -c 20000000 /dev/zero | tr "
			   "'\\\\0' x; touch $ROOT/done\"}]}",
			   NULL, id);

	assert_status(d, "completed");
	assert_true(rig_exists(r, "done"));
	text = rig_log(r, id, 0, 'o');
	assert_int_equal(strlen(text), 1024 * 1024);
	free(text);
	json_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_process_runs_and_its_output_is_its_log, setup, teardown),
		cmocka_unit_test_setup_teardown(outputs_reach_later_steps, setup, teardown),
		cmocka_unit_test_setup_teardown(a_bad_line_of_outputs_fails_the_step, setup, teardown),
		cmocka_unit_test_setup_teardown(a_nul_byte_in_outputs_fails_the_step, setup, teardown),
		cmocka_unit_test_setup_teardown(what_a_step_puts_in_place_of_its_outputs_is_not_left_behind, setup,
						teardown),
		cmocka_unit_test_setup_teardown(too_many_outputs_fail_the_step, setup, teardown),
		cmocka_unit_test_setup_teardown(the_message_says_why_a_step_failed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failure_skips_what_needs_it_and_spares_what_says_always, setup,
						teardown),
		cmocka_unit_test_setup_teardown(steps_without_needs_run_at_the_same_time, setup, teardown),
		cmocka_unit_test_setup_teardown(a_retry_runs_the_step_again_until_it_works, setup, teardown),
		cmocka_unit_test_setup_teardown(retries_come_to_an_end, setup, teardown),
		cmocka_unit_test_setup_teardown(a_timeout_ends_the_whole_group_even_when_it_ignores_sigterm, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_a_step_leaves_in_its_group_is_ended_with_it, setup, teardown),
		cmocka_unit_test_setup_teardown(a_daemon_that_a_step_starts_does_not_hold_it, setup, teardown),
		cmocka_unit_test_setup_teardown(cancelling_ends_what_runs, setup, teardown),
		cmocka_unit_test_setup_teardown(an_activity_has_a_timeout_of_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(the_environment_is_clean, setup, teardown),
		cmocka_unit_test_setup_teardown(a_parameter_too_large_for_the_environment_is_in_the_input, setup,
						teardown),
		cmocka_unit_test_setup_teardown(stdin_is_the_given_text, setup, teardown),
		cmocka_unit_test_setup_teardown(only_three_descriptors_reach_a_step, setup, teardown),
		cmocka_unit_test_setup_teardown(steps_share_a_scratch_folder_that_goes_with_the_activity, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_flood_of_output_is_cut_and_the_step_goes_on, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
