/* What the helper process does with libjq, without the process. */
#include "support_expr.h"

#include <errno.h>
#include "expr/helper/evaluate.h"
#include "expr/helper/message.h"
#include "expr/helper/programs.c"

static void out_of_memory(void *arg)
{
	(void)arg;
	abort();
}

static jq_state *get(struct programs *p, const char *text)
{
	struct buf message;
	jq_state *jq = NULL;

	buf_init(&message, 1000);
	assert_int_equal(programs_get(p, text, strlen(text), &message, &jq), 0);
	assert_int_equal(message.len, 0);
	buf_release(&message);
	return jq;
}

static void programs_are_kept_by_their_text(void **state)
{
	struct programs p;
	jq_state *one, *two;

	(void)state;
	programs_init(&p, 2, out_of_memory, NULL);
	one = get(&p, ".a");
	two = get(&p, ".b");
	assert_ptr_not_equal(one, two);
	assert_ptr_equal(get(&p, ".a"), one);
	assert_ptr_equal(get(&p, ".b"), two);
	assert_int_equal(p.count, 2);
	programs_release(&p);
	assert_int_equal(p.count, 0);
}

static bool is_kept(const struct programs *p, const char *text)
{
	return find(p, hash_of(text, strlen(text)), text, strlen(text)) != NULL;
}

static void the_one_not_used_for_longest_goes(void **state)
{
	struct programs p;

	(void)state;
	programs_init(&p, 2, out_of_memory, NULL);
	(void)get(&p, ".a");
	(void)get(&p, ".b");
	(void)get(&p, ".a");
	(void)get(&p, ".c");
	assert_int_equal(p.count, 2);
	assert_true(is_kept(&p, ".a"));
	assert_false(is_kept(&p, ".b"));
	assert_true(is_kept(&p, ".c"));
	programs_release(&p);
}

static void what_does_not_compile_is_not_kept(void **state)
{
	struct programs p;
	struct buf message;
	jq_state *jq;

	(void)state;
	programs_init(&p, 2, out_of_memory, NULL);
	buf_init(&message, 1000);
	assert_int_equal(programs_get(&p, "}", 1, &message, &jq), -EINVAL);
	assert_int_equal(p.count, 0);
	buf_clear(&message);
	assert_int_equal(programs_get(&p, ".\0.", 3, &message, &jq), -EINVAL);
	assert_string_equal(buf_cstr(&message), "a NUL character in the program");
	assert_int_equal(p.count, 0);
	buf_release(&message);
	programs_release(&p);
}

static void expect_run(jq_state *jq, const char *input, int status, const char *text)
{
	struct buf out;

	buf_init(&out, 10000);
	assert_int_equal(evaluate(jq, evaluate_parse(input, strlen(input)), 100, &out), status);
	assert_string_equal(buf_cstr(&out), text);
	buf_release(&out);
}

/* However the last run ended. */
static void a_program_runs_again_and_again(void **state)
{
	struct programs p;
	jq_state *jq;

	(void)state;
	programs_init(&p, 2, out_of_memory, NULL);
	jq = get(&p, "if . == 0 then halt elif . == 1 then error(\"x\") elif . == 2 then empty elif . == 3 then"
		     " [range(100)] else (., 7) end");
	for (int i = 0; i < 3; i++) {
		expect_run(jq, "4", 0, "4");
		expect_run(jq, "0", -EINVAL, "it called halt");
		expect_run(jq, "1", -EINVAL, "x");
		expect_run(jq, "2", -ENODATA, "");
		expect_run(jq, "3", -E2BIG, "its result has 291 bytes, at most 100 are taken");
		expect_run(jq, "{", -EINVAL, "the input is not JSON: Unfinished JSON term at EOF at line 1, column 1");
	}
	programs_release(&p);
}

static void long_messages_are_cut_between_characters(void **state)
{
	struct buf out;
	char text[2 * MESSAGE_MAX];

	(void)state;
	for (size_t i = 0; i < MESSAGE_MAX; i++)
		memcpy(text + 2 * i, "\xc3\xa9", 2);
	for (size_t skip = 0; skip < 2; skip++) {
		buf_init(&out, 10000);
		text[1] = 'x';
		message_plain(&out, text + skip, sizeof(text) - skip);
		assert_true(out.len <= 503);
		assert_string_equal(out.data + out.len - 5, "\xc3\xa9...");
		buf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_are_kept_by_their_text),
		cmocka_unit_test(the_one_not_used_for_longest_goes),
		cmocka_unit_test(what_does_not_compile_is_not_kept),
		cmocka_unit_test(a_program_runs_again_and_again),
		cmocka_unit_test(long_messages_are_cut_between_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
