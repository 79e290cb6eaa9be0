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

#include "config/secret.h"
#include "support_folder.h"

static struct json *parse(const char *text)
{
	struct json *v = NULL;

	assert_int_equal(json_parse(text, strlen(text), &v, NULL), 0);
	return v;
}

static int resolve(const char *text, const char *folder, char **ret, size_t *ret_len)
{
	struct json *v = parse(text);
	int r = secret_resolve(v, folder, ret, ret_len);

	json_free(v);
	return r;
}

static void assert_secret(const char *text, const char *folder, const char *expected)
{
	char *secret = NULL;
	size_t len = 0;

	assert_int_equal(resolve(text, folder, &secret, &len), 0);
	assert_int_equal(len, strlen(expected));
	assert_string_equal(secret, expected);
	secret_free(secret, len);
}

static void only_references_are_secrets(void **state)
{
	static const char *const bad[] = {"\"hunter2\"",      "{}",
					  "{\"env\":\"\"}",   "{\"env\":1}",
					  "{\"name\":\"X\"}", "{\"env\":\"A\",\"file\":\"b\"}",
					  "[\"env\"]",        "null"};
	char message[200];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct json *v = parse(bad[i]);

		assert_int_equal(secret_check(v, message, sizeof(message)), -EINVAL);
		assert_non_null(strstr(message, "never written in place"));
		json_free(v);
	}
	assert_int_equal(secret_check(NULL, NULL, 0), -EINVAL);
}

static void a_variable_of_the_environment_is_read(void **state)
{
	char *secret = NULL;
	size_t len = 77;

	(void)state;
	assert_int_equal(setenv("TAPPET_TEST_SECRET", "s3cret", 1), 0);
	assert_secret("{\"env\":\"TAPPET_TEST_SECRET\"}", "/", "s3cret");
	assert_int_equal(unsetenv("TAPPET_TEST_SECRET"), 0);
	assert_int_equal(resolve("{\"env\":\"TAPPET_TEST_SECRET\"}", "/", &secret, &len), -ENOENT);
	assert_null(secret);
	assert_int_equal(len, 77);
}

static void a_file_is_read_without_its_last_line_end(void **state)
{
	(void)folder_write(*state, "key", "one\ntwo\n\n");
	assert_secret("{\"file\":\"key\"}", *state, "one\ntwo\n");
	(void)folder_write(*state, "key", "plain");
	assert_secret("{\"file\":\"./key\"}", *state, "plain");
	(void)folder_write(*state, "key", "");
	assert_secret("{\"file\":\"key\"}", *state, "");
}

static void bytes_of_a_file_are_kept_as_they_are(void **state)
{
	char *secret = NULL;
	size_t len = 0;

	(void)folder_write_bytes(*state, "key", "a\0\xff", 3);
	assert_int_equal(resolve("{\"file\":\"key\"}", *state, &secret, &len), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(secret, "a\0\xff", 3);
	secret_free(secret, len);
}

static void files_that_cannot_be_secrets_are_refused(void **state)
{
	char path[4096], *secret = NULL;
	size_t len = 0;
	char *large = calloc(1, SECRET_SIZE_MAX + 1);

	assert_int_equal(resolve("{\"file\":\"none\"}", *state, &secret, &len), -ENOENT);
	assert_int_equal(resolve("{\"file\":\"/\"}", *state, &secret, &len), -EISDIR);
	assert_non_null(large);
	(void)folder_write_bytes(*state, "large", large, SECRET_SIZE_MAX + 1);
	assert_int_equal(resolve("{\"file\":\"large\"}", *state, &secret, &len), -EFBIG);
	(void)folder_write_bytes(*state, "large", large, SECRET_SIZE_MAX);
	assert_int_equal(resolve("{\"file\":\"large\"}", *state, &secret, &len), 0);
	assert_int_equal(len, SECRET_SIZE_MAX);
	secret_free(secret, len);
	/* Nobody writes to it: reading must not hang. */
	(void)snprintf(path, sizeof(path), "%s/fifo", (const char *)*state);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(resolve("{\"file\":\"fifo\"}", *state, &secret, &len), 0);
	assert_int_equal(len, 0);
	secret_free(secret, len);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_references_are_secrets),
		cmocka_unit_test(a_variable_of_the_environment_is_read),
		cmocka_unit_test_setup_teardown(a_file_is_read_without_its_last_line_end, folder_setup,
						folder_teardown),
		cmocka_unit_test_setup_teardown(bytes_of_a_file_are_kept_as_they_are, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(files_that_cannot_be_secrets_are_refused, folder_setup,
						folder_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
