/* Secrets reach the step, and nobody who reads its log, its message or its parameters. */
#include "unit/engine/support_engine.h"

#include <stdio.h>

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

static void write_file(struct rig *r, const char *name, const char *text)
{
	char path[128];
	FILE *f;

	rig_path(r, name, path);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static struct json *run_to_end(struct rig *r, const char *definition, const char *params, char id[static ID_SIZE])
{
	(void)rig_define(r, "test", definition);
	rig_run(r, "test", params, id);
	return rig_wait(r, id, NULL);
}

static void assert_log(struct rig *r, const char *id, char stream, const char *expected)
{
	char *text = rig_log(r, id, 0, stream);

	assert_string_equal(text, expected);
	free(text);
}

static const char *message_of(const struct json *document)
{
	return json_get_str(rig_step(document, "a"), "message");
}

static void a_secret_is_masked_in_both_streams_and_in_the_message(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	write_file(r, "token", "s3cret-token\n");
	assert_int_equal(setenv("SITE_PASSWORD", "pa$$word", 1), 0);
	d = run_to_end(
		r,
		"{\"steps\":[{\"id\":\"a\",\"env\":{\"T\":{\"file\":\"token\"},\"P\":{\"env\":\"SITE_PASSWORD\"}},"
		"\"script\":\"echo $T:$P; echo refused $P by $T >&2; [ $T = s3cret-token ] && exit 4\"}]}",
		NULL, id);
	assert_log(r, id, 'o', "***:***\n");
	assert_log(r, id, 'e', "refused *** by ***\n");
	assert_string_equal(message_of(d), "exited with code 4: refused *** by ***");
	json_free(d);
}

/* Each half has been read, and shown, before the other is written. */
static void a_secret_that_is_written_in_halves_is_masked(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	write_file(r, "token", "s3cret-token\n");
	(void)rig_define(
		r, "test",
		"{\"steps\":[{\"id\":\"a\",\"env\":{\"T\":{\"file\":\"token\"}},\"script\":\"printf 's3cret-'; echo > "
		"$ROOT/half; until [ -e $ROOT/go ]; do sleep 0.01; done; echo token and s3cret-; echo "
		"\\\"$(head -c 40000 /dev/zero | tr '\\\\0' x)\\\"s3cret-token\"}]}");
	rig_run(r, "test", NULL, id);
	rig_wait_file(r, "half");
	for (int i = 0; i < 10; i++)
		rig_turn(r);
	write_file(r, "go", "\n");
	d = rig_wait(r, id, "completed");
	{
		char *text = rig_log(r, id, 0, 'o'), head[] = "*** and s3cret-\nxxx";
		size_t len = strlen(text);

		assert_int_equal(len, sizeof(head) - 4 + 40000 + 4);
		assert_memory_equal(text, head, sizeof(head) - 1);
		assert_string_equal(text + len - 7, "xxx***\n");
		free(text);
	}
	json_free(d);
}

static void what_only_began_like_a_secret_is_in_the_log(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	write_file(r, "token", "s3cret-token\n");
	d = run_to_end(r,
		       "{\"steps\":[{\"id\":\"a\",\"env\":{\"T\":{\"file\":\"token\"}},\"run\":[\"printf\",\"see "
		       "s3cret-\"]}]}",
		       NULL, id);
	assert_log(r, id, 'o', "see s3cret-");
	json_free(d);
}

static void the_values_of_an_env_file_are_secrets_and_env_comes_after_it(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE];
	struct json *d;

	write_file(r, "site.env", "# for the site\nexport KEY='key-in-file'\nMODE=from-file\n");
	d = run_to_end(
		r,
		"{\"steps\":[{\"id\":\"a\",\"envFile\":\"site.env\",\"env\":{\"MODE\":\"from-step\"},\"script\":\"echo "
		"$KEY $MODE; [ $KEY = key-in-file ]\"}]}",
		NULL, id);
	assert_status(d, "completed");
	assert_log(r, id, 'o', "*** from-step\n");
	json_free(d);
}

static void a_mistake_in_an_env_file_fails_the_start_with_its_line(void **state)
{
	struct rig *r = *state;
	const char *definition = "{\"steps\":[{\"id\":\"a\",\"envFile\":\"site.env\",\"run\":[\"true\"]}]}";
	char id[ID_SIZE];
	struct json *d = run_to_end(r, definition, NULL, id);

	assert_string_equal(message_of(d), "the envFile site.env cannot be read: No such file or directory");
	json_free(d);
	write_file(r, "site.env", "A=1\ns3cret\n");
	d = run_to_end(r, definition, NULL, id);
	assert_string_equal(message_of(d), "site.env:2: expected NAME=VALUE, with a name of letters, digits and _");
	json_free(d);
}

static void a_secret_parameter_reaches_the_step_and_no_document(void **state)
{
	struct rig *r = *state;
	char id[ID_SIZE], *input;
	const struct json *params;
	struct json *d = run_to_end(
		r,
		"{\"params\":{\"key\":{\"type\":\"secret\"},\"who\":{},\"none\":{\"type\":\"secret\"}},\"steps\":[{"
		"\"id\":\"a\","
		"\"run\":[\"sh\",\"-c\",\"cat $TAPPET_INPUT > $ROOT/input; echo $1 $TAPPET_PARAM_KEY\",\"x\","
		"\"$(params.key)\"]}]}",
		"{\"key\":\"hush-hush\",\"who\":\"me\"}", id);

	assert_status(d, "completed");
	assert_log(r, id, 'o', "*** ***\n");
	params = json_get(d, "params");
	assert_string_equal(json_get_str(params, "key"), "***");
	assert_string_equal(json_get_str(params, "who"), "me");
	assert_null(json_get(params, "none"));
	input = rig_read(r, "input");
	assert_non_null(strstr(input, "\"key\":\"hush-hush\""));
	free(input);
	json_free(d);
}

static void a_start_that_fails_does_not_show_a_secret(void **state)
{
	char id[ID_SIZE];
	struct json *d = run_to_end(
		*state,
		"{\"params\":{\"key\":{\"type\":\"secret\"}},\"steps\":[{\"id\":\"a\",\"run\":[\"$(params.key)\"]}]}",
		"{\"key\":\"hush-hush\"}", id);

	assert_string_equal(message_of(d), "cannot start ***: No such file or directory");
	json_free(d);
}

static void outputs_stay_what_they_are(void **state)
{
	char id[ID_SIZE];
	struct json *d =
		run_to_end(*state,
			   "{\"params\":{\"key\":{\"type\":\"secret\"}},\"steps\":[{\"id\":\"a\",\"script\":\"echo "
			   "k=$TAPPET_PARAM_KEY > $TAPPET_OUTPUT\"}]}",
			   "{\"key\":\"hush-hush\"}", id);

	assert_string_equal(json_get_str(json_get(rig_step(d, "a"), "outputs"), "k"), "hush-hush");
	json_free(d);
}

static void secrets_beyond_the_bound_fail_the_start(void **state)
{
	const size_t len = 600000;
	char *params = malloc(len + 64), id[ID_SIZE];
	size_t head;
	struct json *d;

	assert_non_null(params);
	head = (size_t)snprintf(params, 64, "{\"key\":\"");
	memset(params + head, 'x', len);
	memcpy(params + head + len, "\"}", 3);
	d = run_to_end(*state,
		       "{\"params\":{\"key\":{\"type\":\"secret\"}},\"steps\":[{\"id\":\"a\",\"run\":[\"true\"]}]}",
		       params, id);
	assert_string_equal(message_of(d), "its secrets are too large to be masked in its log: more than 524288 bytes");
	free(params);
	json_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_secret_is_masked_in_both_streams_and_in_the_message, setup, teardown),
		cmocka_unit_test_setup_teardown(a_secret_that_is_written_in_halves_is_masked, setup, teardown),
		cmocka_unit_test_setup_teardown(what_only_began_like_a_secret_is_in_the_log, setup, teardown),
		cmocka_unit_test_setup_teardown(the_values_of_an_env_file_are_secrets_and_env_comes_after_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_mistake_in_an_env_file_fails_the_start_with_its_line, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_secret_parameter_reaches_the_step_and_no_document, setup, teardown),
		cmocka_unit_test_setup_teardown(a_start_that_fails_does_not_show_a_secret, setup, teardown),
		cmocka_unit_test_setup_teardown(outputs_stay_what_they_are, setup, teardown),
		cmocka_unit_test_setup_teardown(secrets_beyond_the_bound_fail_the_start, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
