/* The router alone: what wins, what is refused, what is left when routes are taken away. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "gateway/router.h"

static void handler(void *arg, struct http_request *request)
{
	(void)arg;
	(void)request;
}

static int add(struct router *router, unsigned surfaces, const char *methods, const char *pattern, struct route **ret)
{
	struct route *route;
	return router_add(router, surfaces, methods, pattern, handler, NULL, ret ? ret : &route);
}

static void match(const struct router *router, unsigned surfaces, enum http_verb verb, const char *path,
		  struct router_match *ret)
{
	static char text[512];
	struct segment segments[PATH_SEGMENTS_MAX];
	size_t count = 0;
	snprintf(text, sizeof(text), "%s", path + 1);
	for (char *at = text;; at++) {
		size_t len = strcspn(at, "/");
		segments[count++] = (struct segment){.text = at, .len = len};
		at += len;
		if (*at == '\0')
			break;
		*at = '\0';
	}
	router_match(router, surfaces, verb, segments, count, ret);
}

static struct route *find(const struct router *router, enum http_verb verb, const char *path)
{
	struct router_match m;
	match(router, 1, verb, path, &m);
	return m.route;
}

static void literals_win_over_names_and_names_over_the_rest(void **state)
{
	struct router router = {0};
	struct route *literal, *one, *rest, *deep, *root;
	(void)state;
	assert_int_equal(add(&router, 1, "GET", "/a/{rest...}", &rest), 0);
	assert_int_equal(add(&router, 1, "GET", "/a/{x}", &one), 0);
	assert_int_equal(add(&router, 1, "GET", "/a/b", &literal), 0);
	assert_int_equal(add(&router, 1, "GET", "/a/{y}/c", &deep), 0);
	assert_int_equal(add(&router, 1, "GET", "/", &root), 0);
	assert_ptr_equal(find(&router, VERB_GET, "/a/b"), literal);
	assert_ptr_equal(find(&router, VERB_GET, "/a/z"), one);
	assert_ptr_equal(find(&router, VERB_GET, "/a/b/c"), deep);
	assert_ptr_equal(find(&router, VERB_GET, "/a/z/c"), deep);
	assert_ptr_equal(find(&router, VERB_GET, "/a/b/d"), rest);
	assert_ptr_equal(find(&router, VERB_GET, "/a/"), rest);
	assert_ptr_equal(find(&router, VERB_GET, "/a/z/c/d"), rest);
	assert_ptr_equal(find(&router, VERB_GET, "/"), root);
	assert_null(find(&router, VERB_GET, "/a"));
	assert_null(find(&router, VERB_GET, "/b"));
	assert_null(find(&router, VERB_GET, "/A/b"));
	router_release(&router);
}

static void a_parameter_is_the_segment_where_it_stands(void **state)
{
	struct router router = {0};
	struct router_match m;
	(void)state;
	assert_int_equal(add(&router, 1, "GET", "/a/{x}/b/{y}/{z...}", NULL), 0);
	/* A blind alley before the right way. */
	assert_int_equal(add(&router, 1, "GET", "/a/{x}/{q}/c/d", NULL), 0);
	match(&router, 1, VERB_GET, "/a/1/b/2/3/4", &m);
	assert_non_null(m.route);
	assert_int_equal(route_param_count(m.route), 3);
	assert_string_equal(route_param_name(m.route, 1), "y");
	assert_true(route_takes_rest(m.route));
	assert_int_equal(m.starts[0], 1);
	assert_int_equal(m.starts[1], 3);
	assert_int_equal(m.starts[2], 4);
	match(&router, 1, VERB_GET, "/a/1/b/c/d", &m);
	assert_int_equal(m.starts[0], 1);
	assert_true(route_takes_rest(m.route));
	router_release(&router);
}

static void an_empty_segment_is_no_parameter(void **state)
{
	struct router router = {0};
	(void)state;
	assert_int_equal(add(&router, 1, "GET", "/a/{x}", NULL), 0);
	assert_null(find(&router, VERB_GET, "/a/"));
	router_release(&router);
}

static void the_best_pattern_that_has_the_method_is_taken(void **state)
{
	struct router router = {0};
	struct route *get, *post;
	struct router_match m;
	(void)state;
	assert_int_equal(add(&router, 1, "GET", "/a/b", &get), 0);
	assert_int_equal(add(&router, 1, "POST", "/a/{x}", &post), 0);
	assert_ptr_equal(find(&router, VERB_GET, "/a/b"), get);
	assert_ptr_equal(find(&router, VERB_HEAD, "/a/b"), get);
	assert_ptr_equal(find(&router, VERB_POST, "/a/b"), post);
	match(&router, 1, VERB_DELETE, "/a/b", &m);
	assert_null(m.route);
	assert_int_equal(m.allow, 1u << VERB_GET | 1u << VERB_HEAD | 1u << VERB_POST);
	router_release(&router);
}

static void a_route_is_only_there_on_its_surfaces(void **state)
{
	struct router router = {0};
	struct router_match m;
	(void)state;
	assert_int_equal(add(&router, 1, "GET", "/a", NULL), 0);
	assert_int_equal(add(&router, 6, "GET", "/a", NULL), 0);
	assert_int_equal(add(&router, 4, "GET", "/a", NULL), -EEXIST);
	match(&router, 8, VERB_GET, "/a", &m);
	assert_null(m.route);
	assert_int_equal(m.allow, 0);
	match(&router, 12, VERB_GET, "/a", &m);
	assert_non_null(m.route);
	router_release(&router);
}

static void a_pattern_that_is_taken_is_refused(void **state)
{
	struct router router = {0};
	(void)state;
	assert_int_equal(add(&router, 1, "GET,POST", "/a/{x}", NULL), 0);
	assert_int_equal(add(&router, 1, "POST", "/a/{other}", NULL), -EEXIST);
	assert_int_equal(add(&router, 1, "HEAD", "/a/{x}", NULL), -EEXIST);
	assert_int_equal(add(&router, 1, "DELETE", "/a/{other}", NULL), 0);
	router_release(&router);
}

static void malformed_patterns_and_methods_are_refused(void **state)
{
	static const char *const patterns[] = {
		"",      "a",      "/{",        "/}",       "/{}",
		"/{x",   "/{...}", "/{x...}/b", "/{x...}/", "/a{x}",
		"/{x}a", "/{a-b}", "/{x}/{x}",  "/{1}",     "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}"};
	static const char *const methods[] = {"", "get", "GET,", ",GET", "GET, POST", "FROB", "TRACE"};
	struct router router = {0};
	(void)state;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
		assert_int_equal(add(&router, 1, "GET", patterns[i], NULL), -EINVAL);
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		assert_int_equal(add(&router, 1, methods[i], "/a", NULL), -EINVAL);
	/* And left nothing behind. */
	assert_null(router.root);
	router_release(&router);
}

static void thousands_of_routes_come_and_go(void **state)
{
	enum { COUNT = 5000 };
	static struct route *routes[COUNT];
	struct router router = {0};
	char path[64];
	(void)state;
	for (int i = 0; i < COUNT; i++) {
		snprintf(path, sizeof(path), "/hook/%d/{x}/end%d", i % 100, i);
		assert_int_equal(add(&router, 1, "POST", path, &routes[i]), 0);
	}
	for (int i = 0; i < COUNT; i++) {
		snprintf(path, sizeof(path), "/hook/%d/any/end%d", i % 100, i);
		assert_ptr_equal(find(&router, VERB_POST, path), routes[i]);
	}
	for (int i = 0; i < COUNT; i++)
		if (i % 100 != 7)
			router_remove(routes[i]);
	assert_null(find(&router, VERB_POST, "/hook/8/any/end8"));
	assert_ptr_equal(find(&router, VERB_POST, "/hook/7/any/end107"), routes[107]);
	for (int i = 7; i < COUNT; i += 100)
		router_remove(routes[i]);
	assert_null(router.root);
	router_release(&router);
}

static void a_route_that_is_referred_to_outlives_its_removal(void **state)
{
	struct router router = {0};
	struct route *route;
	(void)state;
	assert_int_equal(add(&router, 1, "GET", "/a/{x}", &route), 0);
	route_ref(route);
	assert_true(route_is_served(route));
	router_remove(route);
	assert_false(route_is_served(route));
	assert_string_equal(route_param_name(route, 0), "x");
	route_unref(route);
	router_release(&router);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals_win_over_names_and_names_over_the_rest),
		cmocka_unit_test(a_parameter_is_the_segment_where_it_stands),
		cmocka_unit_test(an_empty_segment_is_no_parameter),
		cmocka_unit_test(the_best_pattern_that_has_the_method_is_taken),
		cmocka_unit_test(a_route_is_only_there_on_its_surfaces),
		cmocka_unit_test(a_pattern_that_is_taken_is_refused),
		cmocka_unit_test(malformed_patterns_and_methods_are_refused),
		cmocka_unit_test(thousands_of_routes_come_and_go),
		cmocka_unit_test(a_route_that_is_referred_to_outlives_its_removal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
