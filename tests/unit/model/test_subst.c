#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "model/subst.h"

/* Shows what was asked for: "<param branch>". */
static int show(void *arg, const struct subst_part *part, struct buf *out)
{
	static const char *const kinds[] = {"text", "param", "output", "activity", "trigger"};
	const char *missing = arg;

	if (missing && strcmp(part->text, missing) == 0)
		return -ENOENT;
	(void)buf_printf(out, "<%s %s%s%s>", kinds[part->kind], part->step ? part->step : "", part->step ? "." : "",
			 part->text);
	return 0;
}

static void assert_expands(const char *text, const char *expected)
{
	struct subst s;
	struct buf out;
	char message[200] = "";

	buf_init(&out, 10000);
	if (subst_parse(text, &s, message, sizeof(message)) < 0)
		fail_msg("%s: %s", text, message);
	assert_int_equal(subst_expand(&s, show, NULL, &out, NULL), 0);
	assert_string_equal(buf_cstr(&out), expected);
	subst_release(&s);
	buf_release(&out);
}

static void assert_refused(const char *text, const char *part_of_message)
{
	struct subst s = {.count = 77};
	char message[200] = "";

	if (subst_parse(text, &s, message, sizeof(message)) != -EINVAL)
		fail_msg("accepted: %s", text);
	if (!strstr(message, part_of_message))
		fail_msg("%s: \"%s\" does not say \"%s\"", text, message, part_of_message);
	assert_int_equal(s.count, 77);
}

static void substitutions_are_replaced_inside_their_argument(void **state)
{
	(void)state;
	assert_expands("", "");
	assert_expands("plain $HOME ${x} 5$", "plain $HOME ${x} 5$");
	assert_expands("$(params.branch)", "<param branch>");
	assert_expands("a$(params.A_1)b$(activity.id)c", "a<param A_1>b<activity id>c");
	assert_expands("$(steps.build-it.outputs.tag.x)", "<output build-it.tag.x>");
	assert_expands("$(trigger.headers.x-github-delivery)", "<trigger headers.x-github-delivery>");
}

static void two_dollars_make_a_plain_parenthesis(void **state)
{
	(void)state;
	assert_expands("$$(date)", "$(date)");
	assert_expands("$$$(date)", "$$(date)");
	assert_expands("$$(params.x)$(params.x)", "$(params.x)<param x>");
}

static void what_is_no_substitution_is_refused_in_words_that_help(void **state)
{
	(void)state;
	assert_refused("echo $(date)", "write $$(");
	assert_refused("$(params.x", "without \")\"");
	assert_refused("$(params.)", "params.NAME");
	assert_refused("$(params.a b)", "params.NAME");
	assert_refused("$(params.1a)", "params.NAME");
	assert_refused("$(steps.x.y)", "steps.ID.outputs.NAME");
	assert_refused("$(steps.X.outputs.y)", "steps.ID.outputs.NAME");
	assert_refused("$(steps.x.outputs.)", "steps.ID.outputs.NAME");
	assert_refused("$(activity.status)", "activity.id");
	assert_refused("$(trigger.)", "trigger.PATH");
	assert_refused("$(trigger.a..b)", "trigger.PATH");
	assert_refused("$()", "expected");
}

static void only_texts_without_substitution_are_literal(void **state)
{
	struct subst s;

	(void)state;
	assert_int_equal(subst_parse("", &s, NULL, 0), 0);
	assert_true(subst_is_literal(&s));
	subst_release(&s);
	assert_int_equal(subst_parse("a $$(b) c", &s, NULL, 0), 0);
	assert_true(subst_is_literal(&s));
	assert_int_equal(s.count, 1);
	subst_release(&s);
	assert_int_equal(subst_parse("$(params.x)", &s, NULL, 0), 0);
	assert_false(subst_is_literal(&s));
	subst_release(&s);
}

static void a_part_without_value_is_named(void **state)
{
	const struct subst_part *missing = NULL;
	char missing_name[] = "b";
	struct subst s;
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(subst_parse("$(params.a)-$(steps.s.outputs.b)", &s, NULL, 0), 0);
	assert_int_equal(subst_expand(&s, show, missing_name, &out, &missing), -ENOENT);
	assert_ptr_equal(missing, &s.parts[2]);
	subst_release(&s);
	buf_release(&out);
}

static void a_value_beyond_the_buffer_is_an_error(void **state)
{
	struct subst s;
	struct buf out;

	(void)state;
	buf_init(&out, 8);
	assert_int_equal(subst_parse("$(params.a_long_name)", &s, NULL, 0), 0);
	assert_int_equal(subst_expand(&s, show, NULL, &out, NULL), -ENOBUFS);
	subst_release(&s);
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(substitutions_are_replaced_inside_their_argument),
		cmocka_unit_test(two_dollars_make_a_plain_parenthesis),
		cmocka_unit_test(what_is_no_substitution_is_refused_in_words_that_help),
		cmocka_unit_test(only_texts_without_substitution_are_literal),
		cmocka_unit_test(a_part_without_value_is_named),
		cmocka_unit_test(a_value_beyond_the_buffer_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
