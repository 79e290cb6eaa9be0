/* Where calls may come from. */
#include "verify_kit.h"

static bool allows(const char *network, const char *remote)
{
	const tappet_str allow[] = {tappet_cstr(network)};
	struct verify_options options = {.auth = tappet_cstr("none"), .allow = allow, .allow_count = 1};
	struct verifier *v = NULL;
	assert_int_equal(verifier_new(&options, NULL, &v), TAPPET_OK);
	bool yes = verifier_allows(v, tappet_cstr(remote));
	verifier_free(v);
	return yes;
}

static void a_network_has_its_addresses_and_no_others(void **state)
{
	(void)state;
	assert_true(allows("192.0.2.0/24", "192.0.2.0"));
	assert_true(allows("192.0.2.0/24", "192.0.2.255"));
	assert_false(allows("192.0.2.0/24", "192.0.3.0"));
	assert_false(allows("192.0.2.0/24", "192.0.1.255"));
	assert_true(allows("192.0.2.128/25", "192.0.2.128"));
	assert_false(allows("192.0.2.128/25", "192.0.2.127"));
	assert_true(allows("2001:db8::/33", "2001:db8:7fff::1"));
	assert_false(allows("2001:db8::/33", "2001:db8:8000::1"));
}

static void an_address_alone_is_itself(void **state)
{
	(void)state;
	assert_true(allows("192.0.2.1", "192.0.2.1"));
	assert_false(allows("192.0.2.1", "192.0.2.2"));
	assert_true(allows("2001:db8::1", "2001:0db8:0:0::0001"));
	assert_false(allows("2001:db8::1", "2001:db8::2"));
}

static void an_address_of_ipv4_is_the_same_in_a_dual_socket(void **state)
{
	(void)state;
	assert_true(allows("192.0.2.0/24", "::ffff:192.0.2.7"));
	assert_true(allows("::ffff:192.0.2.0/120", "192.0.2.7"));
	assert_false(allows("::ffff:192.0.2.0/120", "192.0.3.7"));
	assert_true(allows("::ffff:0:0/96", "198.51.100.1"));
}

static void everything_of_one_family_is_not_the_other_one(void **state)
{
	(void)state;
	assert_true(allows("0.0.0.0/0", "203.0.113.9"));
	assert_false(allows("0.0.0.0/0", "2001:db8::1"));
	assert_true(allows("::/0", "2001:db8::1"));
	assert_false(allows("::/0", "203.0.113.9"));
	assert_false(allows("::/0", "::ffff:203.0.113.9"));
}

static void a_unix_socket_is_named(void **state)
{
	(void)state;
	assert_true(allows("unix", "unix"));
	assert_false(allows("unix", "127.0.0.1"));
	assert_false(allows("127.0.0.1", "unix"));
	assert_false(allows("0.0.0.0/0", "unix"));
}

static void a_zone_does_not_count(void **state)
{
	(void)state;
	assert_true(allows("fe80::/10", "fe80::1%eth0"));
}

static void what_is_no_address_is_never_in_a_network(void **state)
{
	(void)state;
	assert_false(allows("0.0.0.0/0", ""));
	assert_false(allows("::/0", "1.2.3"));
	assert_false(allows("::/0", "::1::"));
	assert_false(allows("0.0.0.0/0", "192.0.2.1 "));
	assert_false(allows("0.0.0.0/0", "1111111111111111111111111111111111111111111111111111111111111111111111"));
}

static void one_of_several_will_do_and_others_are_told_so(void **state)
{
	(void)state;
	const tappet_str allow[] = {tappet_cstr("10.0.0.0/8"), tappet_cstr("unix")};
	struct verify_options options = {.auth = tappet_cstr("none"), .allow = allow, .allow_count = 2};
	struct verifier *v = NULL;
	static struct sent sent;
	assert_int_equal(verifier_new(&options, NULL, &v), TAPPET_OK);
	sent_init(&sent, tappet_cstr(""), 1000);
	sent.request.remote = tappet_cstr("unix");
	assert_true(checked(v, &sent).ok);
	sent.request.remote = tappet_cstr("192.0.2.1");
	struct verify_result result = checked(v, &sent);
	assert_false(result.ok);
	assert_int_equal(result.status, 403);
	assert_int_equal(result.reason, TAPPET_REASON_SCOPE);
	verifier_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_network_has_its_addresses_and_no_others),
		cmocka_unit_test(an_address_alone_is_itself),
		cmocka_unit_test(an_address_of_ipv4_is_the_same_in_a_dual_socket),
		cmocka_unit_test(everything_of_one_family_is_not_the_other_one),
		cmocka_unit_test(a_unix_socket_is_named),
		cmocka_unit_test(a_zone_does_not_count),
		cmocka_unit_test(what_is_no_address_is_never_in_a_network),
		cmocka_unit_test(one_of_several_will_do_and_others_are_told_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
