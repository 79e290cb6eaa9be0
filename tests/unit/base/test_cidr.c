#include "base/cidr.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static bool covers(const char *range, const char *address)
{
	struct cidr cidr;
	uint8_t bytes[CIDR_ADDRESS_SIZE];
	const char *problem;
	assert_int_equal(cidr_parse(range, &cidr, &problem), 0);
	assert_int_equal(cidr_address(address, strlen(address), bytes), 0);
	return cidr_match(&cidr, bytes);
}

static void a_range_covers_its_first_and_last_address_and_not_their_neighbours(void **state)
{
	static const struct {
		const char *range, *before, *first, *last, *behind;
	} cases[] = {
		{"10.0.0.0/8", "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"},
		{"192.0.2.64/26", "192.0.2.63", "192.0.2.64", "192.0.2.127", "192.0.2.128"},
		{"192.0.2.7", "192.0.2.6", "192.0.2.7", "192.0.2.7", "192.0.2.8"},
		{"192.0.2.6/31", "192.0.2.5", "192.0.2.6", "192.0.2.7", "192.0.2.8"},
		{"fd00::/8", "fcff:ffff::", "fd00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe00::"},
		{"2001:db8:0:4000::/51", "2001:db8:0:3fff::", "2001:db8:0:4000::", "2001:db8:0:5fff::1",
		 "2001:db8:0:6000::"},
		{"::1", "::", "::1", "::1", "::2"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(covers(cases[i].range, cases[i].before));
		assert_true(covers(cases[i].range, cases[i].first));
		assert_true(covers(cases[i].range, cases[i].last));
		assert_false(covers(cases[i].range, cases[i].behind));
	}
}

static void ipv4_is_the_same_however_it_is_shown(void **state)
{
	(void)state;
	assert_true(covers("10.0.0.0/8", "::ffff:10.1.2.3"));
	assert_true(covers("::ffff:10.0.0.0/104", "10.1.2.3"));
	assert_false(covers("10.0.0.0/8", "::10.1.2.3"));
	assert_true(covers("0.0.0.0/0", "203.0.113.1"));
	assert_false(covers("0.0.0.0/0", "2001:db8::1"));
	assert_true(covers("::/0", "2001:db8::1"));
	assert_true(covers("::/0", "203.0.113.1"));
}

static void what_is_no_range_is_refused_in_words(void **state)
{
	static const struct {
		const char *text, *problem;
	} cases[] = {
		{"", "expected an IP address"},          {"localhost", "expected an IP address"},
		{"10.0.0", "expected an IP address"},    {"10.0.0.0.0/8", "expected an IP address"},
		{"010.0.0.1", "expected an IP address"}, {"fe80::1%eth0", "expected an IP address"},
		{"/8", "expected an IP address"},        {"10.0.0.0/", "expected 0 to 32"},
		{"10.0.0.0/33", "expected 0 to 32"},     {"10.0.0.0/-1", "expected 0 to 32"},
		{"10.0.0.0/08", "expected 0 to 32"},     {"10.0.0.0/8 ", "expected 0 to 32"},
		{"10.0.0.0/8/8", "expected 0 to 32"},    {"::/129", "expected 0 to 128"},
		{"10.1.0.0/8", "has bits behind"},       {"fd00::1/64", "has bits behind"},
		{"10.0.0.1/0", "has bits behind"},
	};
	struct cidr cidr = {.bits = 77};
	const char *problem;
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(cidr_parse(cases[i].text, &cidr, &problem), -EINVAL);
		assert_ptr_equal(strstr(problem, cases[i].problem), problem);
		assert_int_equal(cidr.bits, 77);
	}
}

static void an_address_is_written_as_people_write_it(void **state)
{
	static const char *const cases[][2] = {{"192.0.2.1", "192.0.2.1"},
					       {"::ffff:192.0.2.1", "192.0.2.1"},
					       {"2001:DB8:0:0::1", "2001:db8::1"},
					       {"::", "::"}};
	uint8_t bytes[CIDR_ADDRESS_SIZE];
	char text[CIDR_TEXT_SIZE];
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(cidr_address(cases[i][0], strlen(cases[i][0]), bytes), 0);
		cidr_text(bytes, text);
		assert_string_equal(text, cases[i][1]);
	}
	assert_int_equal(cidr_address("192.0.2.1:80", 9, bytes), 0);
	assert_int_equal(cidr_address("192.0.2.1\0x", 11, bytes), -EINVAL);
	assert_int_equal(cidr_address("192.0.2.1\0x", 10, bytes), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_range_covers_its_first_and_last_address_and_not_their_neighbours),
		cmocka_unit_test(ipv4_is_the_same_however_it_is_shown),
		cmocka_unit_test(what_is_no_range_is_refused_in_words),
		cmocka_unit_test(an_address_is_written_as_people_write_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
