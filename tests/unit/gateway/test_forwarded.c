/* What handlers are told of a client behind a proxy, and that nobody else can tell them so. */
#include "support_gateway.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/cidr.h"
#include "gateway/internal.h"

static void tell_who(void *arg, struct http_request *r)
{
	(void)arg;
	static const char *const peers[] = {"network", "loopback", "unix"};
	char text[200];
	int len = snprintf(text, sizeof(text), "%s %s %s%s", http_remote(r), http_scheme(r), peers[http_peer(r)],
			   http_is_loopback(r) ? " here" : "");
	http_respond(r, 200, NULL, 0, text, (size_t)len);
}

struct world {
	struct fixture f;
	struct cidr trusted[4];
	char folder[32], path[64], control[64];
};

static void open_world(struct world *w, const char *const *ranges, bool trust_unix)
{
	struct gateway_options options;
	const char *problem;
	fixture_options(&w->f, &options);
	options.trusted = w->trusted;
	options.trust_unix = trust_unix;
	for (; ranges[options.trusted_count]; options.trusted_count++)
		assert_int_equal(
			cidr_parse(ranges[options.trusted_count], &w->trusted[options.trusted_count], &problem), 0);
	fixture_open(&w->f, &options);
	fixture_route(&w->f, "GET", "/who", tell_who);
	snprintf(w->folder, sizeof(w->folder), "/tmp/forwarded-XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	snprintf(w->path, sizeof(w->path), "%s/http.sock", w->folder);
	snprintf(w->control, sizeof(w->control), "%s/control.sock", w->folder);
	struct listener_options listener = {.address = w->path, .is_unix = true, .mode = 0600, .surfaces = 1};
	assert_int_equal(gateway_listen(w->f.gateway, &listener, NULL), 0);
	listener.address = w->control;
	listener.control = true;
	assert_int_equal(gateway_listen(w->f.gateway, &listener, NULL), 0);
}

static void close_world(struct world *w)
{
	fixture_close(&w->f);
	assert_int_equal(rmdir(w->folder), 0);
}

/* By TCP where `path` is NULL. */
static void assert_told(struct world *w, const char *path, const char *fields, const char *expected)
{
	struct client c;
	size_t len;
	char request[4096];
	snprintf(request, sizeof(request), "GET /who HTTP/1.1\r\n" HOST "%s\r\n", fields);
	if (path)
		client_open_unix(&c, &w->f, path);
	else
		client_open(&c, &w->f);
	client_say(&c, request);
	client_wait(&c, 1);
	if (strcmp(client_body(&c, 0, &len), expected) != 0)
		print_error("for %s", fields);
	assert_string_equal(client_body(&c, 0, &len), expected);
	client_close(&c);
}

static const char *const ours[] = {"127.0.0.1", "10.0.0.0/8", "2001:db8:5::/48", NULL};
static const char *const nobody[] = {NULL};

static void the_last_address_that_is_no_proxys_is_the_clients(void **state)
{
	static const struct {
		const char *fields, *expected;
	} cases[] = {
		{"", "127.0.0.1 http loopback here"},
		{"X-Forwarded-For: 203.0.113.5\r\n", "203.0.113.5 http loopback"},
		{"X-Forwarded-For: 203.0.113.5\r\nX-Forwarded-Proto: https\r\n", "203.0.113.5 https loopback"},
		{"X-Forwarded-Proto: HTTPS\r\n", "127.0.0.1 https loopback"},
		{"X-Forwarded-Proto: http, https\r\n", "127.0.0.1 https loopback"},
		{"X-Forwarded-Proto: gopher\r\n", "127.0.0.1 http loopback"},
		/* What the client has written itself comes first. */
		{"X-Forwarded-For: 1.2.3.4, 203.0.113.5\r\n", "203.0.113.5 http loopback"},
		{"X-Forwarded-For: nonsense, 203.0.113.5, 10.1.1.1\r\n", "203.0.113.5 http loopback"},
		{"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 203.0.113.5,10.0.0.9\r\n", "203.0.113.5 http loopback"},
		{"X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n", "10.0.0.1 http loopback"},
		{"X-Forwarded-For: 203.0.113.5:4711\r\n", "203.0.113.5 http loopback"},
		{"X-Forwarded-For: [2001:DB8::9]:80, 2001:db8:5::1\r\n", "2001:db8::9 http loopback"},
		{"X-Forwarded-For: ::ffff:203.0.113.5\r\n", "203.0.113.5 http loopback"},
		{"Forwarded: for=203.0.113.5\r\n", "203.0.113.5 http loopback"},
		{"Forwarded: For=\"[2001:db8::9]:4711\";proto=https;by=10.0.0.1\r\n", "2001:db8::9 https loopback"},
		{"Forwarded: for=1.2.3.4, for=203.0.113.5 ; proto=https , for=10.1.1.1;proto=http\r\n",
		 "203.0.113.5 https loopback"},
		{"Forwarded: for=1.2.3.4\r\nForwarded: by=\"_a,b\\\"c\";for=203.0.113.5:80\r\n",
		 "203.0.113.5 http loopback"},
		/* Forwarded wins, and what stands beside it does not mix with it. */
		{"X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nForwarded: for=203.0.113.5\r\n",
		 "203.0.113.5 http loopback"},
	};
	struct world w;
	(void)state;
	open_world(&w, ours, false);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_told(&w, NULL, cases[i].fields, cases[i].expected);
	close_world(&w);
}

static void where_they_are_malformed_the_proxys_own_address_stays(void **state)
{
	static const char *const cases[] = {
		"X-Forwarded-For: unknown\r\n",
		"X-Forwarded-For:\r\n",
		"X-Forwarded-For: 203.0.113.5,\r\n",
		"X-Forwarded-For: 203.0.113.5, nonsense, 10.0.0.1\r\n",
		"X-Forwarded-For: 203.0.113.5 203.0.113.6\r\n",
		"X-Forwarded-For: [203.0.113.5]\r\n",
		"X-Forwarded-For: [2001:db8::9\r\n",
		"X-Forwarded-For: 203.0.113.500\r\n",
		"Forwarded: for=_hidden\r\n",
		"Forwarded: for=unknown;proto=https\r\n",
		"Forwarded: proto=https\r\n",
		"Forwarded: for=203.0.113.5;\"\r\n",
		"Forwarded: for=\"203.0.113.5\r\n",
		"Forwarded: for=\"203.0.113.5\\\r\n",
		"Forwarded: for=\r\n",
		"Forwarded: for\r\n",
		"Forwarded: for =203.0.113.5\r\n",
		"Forwarded: for=203.0.113.5 proto=https\r\n",
		/* A quote that the client leaves open does not make what follows its own. */
		"Forwarded: for=\"1.2.3.4, for=203.0.113.5\r\n",
		"Forwarded: for=\"1.2.3.4, for=\"[2001:db8::9]\"\r\n",
		("Forwarded: "
		 "for=\"203.0.113.5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"\r\n"),
		"Forwarded: nonsense\r\nX-Forwarded-For: 203.0.113.5\r\n",
	};
	struct world w;
	(void)state;
	open_world(&w, ours, false);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_told(&w, NULL, cases[i], "127.0.0.1 http loopback");
	close_world(&w);
}

static void of_many_hops_the_last_ones_count(void **state)
{
	struct world w;
	char fields[2000] = "X-Forwarded-For: 1.2.3.4, 203.0.113.5";
	(void)state;
	open_world(&w, ours, false);
	for (int i = 0; i < 31; i++)
		snprintf(fields + strlen(fields), sizeof(fields) - strlen(fields), ", 10.0.0.%d", i);
	snprintf(fields + strlen(fields), sizeof(fields) - strlen(fields), "\r\n");
	assert_told(&w, NULL, fields, "203.0.113.5 http loopback");
	close_world(&w);
}

static void who_is_not_named_is_not_believed(void **state)
{
	static const char all[] =
		"Forwarded: for=203.0.113.5;proto=https\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n";
	struct world w;
	(void)state;
	open_world(&w, nobody, true);
	assert_told(&w, NULL, all, "127.0.0.1 http loopback");
	assert_told(&w, w.path, all, "203.0.113.5 https unix");
	close_world(&w);
	open_world(&w, ours, false);
	assert_told(&w, w.path, all, "unix http unix");
	close_world(&w);
}

static void the_control_socket_never_looks_at_them(void **state)
{
	struct world w;
	(void)state;
	open_world(&w, ours, true);
	assert_told(&w, w.control, "X-Forwarded-For: 203.0.113.5\r\n", "unix http unix here");
	close_world(&w);
}

static void what_came_by_a_proxy_is_not_of_this_machine(void **state)
{
	static const char *const fields[] = {"Forwarded: for=127.0.0.1\r\n", "X-Forwarded-For: 127.0.0.1\r\n",
					     "X-Forwarded-Proto: http\r\n",  "X-Forwarded-Host: localhost\r\n",
					     "X-Real-IP: 127.0.0.1\r\n",     "Via: 1.1 proxy\r\n"};
	struct world w;
	(void)state;
	open_world(&w, nobody, false);
	assert_told(&w, NULL, "", "127.0.0.1 http loopback here");
	assert_told(&w, w.path, "", "unix http unix here");
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		assert_told(&w, NULL, fields[i], "127.0.0.1 http loopback");
		assert_told(&w, w.path, fields[i], "unix http unix");
	}
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_address_that_is_no_proxys_is_the_clients),
		cmocka_unit_test(where_they_are_malformed_the_proxys_own_address_stays),
		cmocka_unit_test(of_many_hops_the_last_ones_count),
		cmocka_unit_test(who_is_not_named_is_not_believed),
		cmocka_unit_test(the_control_socket_never_looks_at_them),
		cmocka_unit_test(what_came_by_a_proxy_is_not_of_this_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
