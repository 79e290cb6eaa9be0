/* How often an address may call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "../../../plugins/webhook/limit.c"

static void so_many_at_once_and_one_more_with_time(void **state)
{
	struct limit *l = limit_new(3, 60000);
	struct limit_state s;
	(void)state;
	for (int64_t left = 2; left >= 0; left--) {
		assert_true(limit_take(l, tappet_cstr("192.0.2.1"), 1000, &s));
		assert_int_equal(s.remaining, left);
	}
	assert_false(limit_take(l, tappet_cstr("192.0.2.1"), 1000, &s));
	assert_int_equal(s.retry_s, 21);
	assert_false(limit_take(l, tappet_cstr("192.0.2.1"), 1000 + 19999, &s));
	assert_true(limit_take(l, tappet_cstr("192.0.2.1"), 1000 + 20001, &s));
	assert_true(limit_take(l, tappet_cstr("192.0.2.2"), 1000, &s));
	limit_free(l);
}

static void who_calls_most_is_remembered_however_many_others_call(void **state)
{
	struct limit *l = limit_new(5, 60000);
	struct limit_state s;
	char address[32];
	(void)state;
	for (int i = 0; i < 5; i++)
		assert_true(limit_take(l, tappet_cstr("2001:db8::1"), 0, &s));
	for (int i = 0; i < 100000; i++) {
		snprintf(address, sizeof(address), "10.%d.%d.%d", i >> 16, (i >> 8) & 255, i & 255);
		assert_true(limit_take(l, tappet_cstr(address), 0, &s));
	}
	assert_false(limit_take(l, tappet_cstr("2001:db8::1"), 0, &s));
	limit_free(l);
}

static void what_is_no_address_shares_one_place(void **state)
{
	struct limit *l = limit_new(1, 60000);
	struct limit_state s;
	(void)state;
	assert_true(limit_take(l, tappet_cstr(""), 0, &s));
	assert_false(
		limit_take(l, tappet_cstr("0123456789012345678901234567890123456789012345678901234567890"), 0, &s));
	limit_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_at_once_and_one_more_with_time),
		cmocka_unit_test(who_calls_most_is_remembered_however_many_others_call),
		cmocka_unit_test(what_is_no_address_shares_one_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
