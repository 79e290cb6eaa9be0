/* Listening: addresses, UNIX sockets and their files, what a listener says of its requests. */
#include "support_gateway.h"

#include <arpa/inet.h>
#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct place {
	char folder[64];
	char path[96];
};

static void place_make(struct place *p)
{
	snprintf(p->folder, sizeof(p->folder), "/tmp/tappet-test-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	snprintf(p->path, sizeof(p->path), "%s/http.sock", p->folder);
}

static void place_remove(struct place *p)
{
	unlink(p->path);
	assert_int_equal(rmdir(p->folder), 0);
}

static void open_default(struct fixture *f)
{
	struct gateway_options options;
	fixture_options(f, &options);
	fixture_open(f, &options);
}

static int listen_unix(struct fixture *f, const char *path)
{
	struct listener_options options = {
		.address = path, .is_unix = true, .mode = 0640, .surfaces = 3, .control = true};
	return gateway_listen(f->gateway, &options, NULL);
}

static int listen_tcp(struct fixture *f, const char *address, char **ret)
{
	struct listener_options options = {.address = address, .surfaces = 4};
	return gateway_listen(f->gateway, &options, ret);
}

static void show_origin(void *arg, struct http_request *r)
{
	char text[80];
	(void)arg;
	int len = snprintf(text, sizeof(text), "%s %d %d", http_remote(r), http_is_control(r), http_is_loopback(r));
	http_respond(r, 200, NULL, 0, text, (size_t)len);
}

static void a_unix_socket_serves_with_its_mode_and_goes_away(void **state)
{
	struct fixture f;
	struct place p;
	struct client c;
	struct stat st;
	size_t len;
	(void)state;
	open_default(&f);
	place_make(&p);
	fixture_route(&f, "GET", "/origin", show_origin);
	assert_int_equal(listen_unix(&f, p.path), 0);
	assert_int_equal(lstat(p.path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0640);
	client_open_unix(&c, &f, p.path);
	client_say(&c, "GET /origin HTTP/1.1\r\n" HOST "\r\n");
	client_wait(&c, 1);
	assert_memory_equal(client_body(&c, 0, &len), "unix 1 1", 8);
	client_close(&c);
	fixture_close(&f);
	assert_int_equal(lstat(p.path, &st), -1);
	place_remove(&p);
}

static void the_group_of_a_socket_is_set_or_the_error_is_told(void **state)
{
	struct fixture f;
	struct place p;
	struct stat st;
	(void)state;
	open_default(&f);
	place_make(&p);
	const struct group *group = getgrgid(getegid());
	struct listener_options options = {.address = p.path, .is_unix = true, .mode = 0660, .surfaces = 1};
	options.group = "no-such-group-here";
	assert_int_equal(gateway_listen(f.gateway, &options, NULL), -ENOENT);
	assert_int_equal(lstat(p.path, &st), -1);
	options.group = group ? group->gr_name : NULL;
	assert_int_equal(gateway_listen(f.gateway, &options, NULL), 0);
	assert_int_equal(lstat(p.path, &st), 0);
	assert_int_equal(st.st_gid, getegid());
	fixture_close(&f);
	place_remove(&p);
}

/* As it is left behind by a process that was killed. */
static void leave_stale(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	close(fd);
}

static void a_stale_socket_is_replaced(void **state)
{
	struct fixture f;
	struct place p;
	struct client c;
	(void)state;
	open_default(&f);
	place_make(&p);
	leave_stale(p.path);
	assert_int_equal(listen_unix(&f, p.path), 0);
	client_open_unix(&c, &f, p.path);
	client_say(&c, "GET /ok HTTP/1.1\r\n" HOST "\r\n");
	client_wait(&c, 1);
	client_close(&c);
	fixture_close(&f);
	place_remove(&p);
}

static void a_socket_that_somebody_serves_is_left_alone(void **state)
{
	struct fixture f;
	struct place p;
	struct client c;
	(void)state;
	open_default(&f);
	place_make(&p);
	assert_int_equal(listen_unix(&f, p.path), 0);
	assert_int_equal(listen_unix(&f, p.path), -EADDRINUSE);
	client_open_unix(&c, &f, p.path);
	client_say(&c, "GET /ok HTTP/1.1\r\n" HOST "\r\n");
	client_wait(&c, 1);
	client_close(&c);
	fixture_close(&f);
	place_remove(&p);
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
	struct fixture f;
	struct place p;
	struct stat st;
	(void)state;
	open_default(&f);
	place_make(&p);
	FILE *file = fopen(p.path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(listen_unix(&f, p.path), -EEXIST);
	assert_int_equal(lstat(p.path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	fixture_close(&f);
	place_remove(&p);
}

static void a_socket_that_is_somebody_elses_by_now_is_not_removed(void **state)
{
	struct fixture f;
	struct place p;
	struct stat st;
	(void)state;
	open_default(&f);
	place_make(&p);
	assert_int_equal(listen_unix(&f, p.path), 0);
	char aside[128];
	snprintf(aside, sizeof(aside), "%s.old", p.path);
	assert_int_equal(rename(p.path, aside), 0);
	leave_stale(p.path);
	fixture_close(&f);
	assert_int_equal(lstat(p.path, &st), 0);
	unlink(aside);
	place_remove(&p);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
	struct fixture f;
	char path[200];
	(void)state;
	open_default(&f);
	memset(path, 'x', sizeof(path));
	memcpy(path, "/tmp/", 5);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(listen_unix(&f, path), -ENAMETOOLONG);
	assert_int_equal(listen_unix(&f, ""), -EINVAL);
	assert_int_equal(listen_unix(&f, "/no-such-folder/x.sock"), -ENOENT);
	fixture_close(&f);
}

static void an_address_in_use_is_told(void **state)
{
	struct fixture f;
	(void)state;
	open_default(&f);
	assert_int_equal(listen_tcp(&f, f.address, NULL), -EADDRINUSE);
	assert_still_serves(&f);
	fixture_close(&f);
}

static void malformed_addresses_are_refused(void **state)
{
	static const char *const bad[] = {
		"",     "127.0.0.1", ":80",   "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",   "127.0.0.1:80x",
		"x:80", "::1:80",    "[::1]", "[::1:80",    "[]:80",           "[127.0.0.1]:80", "1.2.3.4.5:80"};
	struct fixture f;
	(void)state;
	open_default(&f);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(listen_tcp(&f, bad[i], NULL), -EINVAL);
	fixture_close(&f);
}

static void the_bound_address_is_given_back(void **state)
{
	struct fixture f;
	struct place p;
	char *address = NULL, expected[128];
	(void)state;
	open_default(&f);
	assert_int_equal(strncmp(f.address, "127.0.0.1:", 10), 0);
	int r = listen_tcp(&f, "[::1]:0", &address);
	if (r == 0) { /* there may be no IPv6 where this runs */
		assert_int_equal(strncmp(address, "[::1]:", 6), 0);
		assert_int_not_equal(strtol(address + 6, NULL, 10), 0);
		free(address);
	}
	place_make(&p);
	struct listener_options options = {.address = p.path, .is_unix = true, .mode = 0600, .surfaces = 1};
	assert_int_equal(gateway_listen(f.gateway, &options, &address), 0);
	snprintf(expected, sizeof(expected), "unix:%s", p.path);
	assert_string_equal(address, expected);
	free(address);
	fixture_close(&f);
	place_remove(&p);
}

static void public_is_what_is_served_off_loopback(void **state)
{
	struct fixture f;
	(void)state;
	open_default(&f);
	assert_false(gateway_is_public(f.gateway, ~0u));
	assert_int_equal(listen_tcp(&f, "127.1.2.3:0", NULL), 0);
	assert_false(gateway_is_public(f.gateway, ~0u));
	assert_int_equal(listen_tcp(&f, "0.0.0.0:0", NULL), 0);
	assert_true(gateway_is_public(f.gateway, 4));
	assert_true(gateway_is_public(f.gateway, 12));
	assert_false(gateway_is_public(f.gateway, 3));
	fixture_close(&f);
}

/* ---- sockets that somebody else has made ----------------------------------------------------------------------- */

static int open_tcp(const char *address, int *ret_port)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	socklen_t size = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(inet_pton(AF_INET, address, &in.sin_addr), 1);
	assert_int_equal(bind(fd, (const struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &size), 0);
	*ret_port = ntohs(in.sin_port);
	return fd;
}

static int open_path(const char *path, mode_t mode)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path, path, strlen(path) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(chmod(path, mode), 0);
	assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static bool fits(int fd, const char *host, int port)
{
	char address[64];
	snprintf(address, sizeof(address), "%s:%d", host, port);
	return gateway_fits(fd, &(struct listener_options){.address = address});
}

static void a_socket_fits_the_listener_with_its_address_and_no_other(void **state)
{
	int port;
	(void)state;
	int fd = open_tcp("127.0.0.1", &port);
	assert_false(fits(fd, "127.0.0.1", port)); /* it does not listen yet */
	assert_int_equal(listen(fd, 1), 0);
	assert_true(fits(fd, "127.0.0.1", port));
	assert_true(fits(fd, "127.0.0.1", 0));
	assert_false(fits(fd, "127.0.0.1", port == 1 ? 2 : port - 1));
	assert_false(fits(fd, "127.0.0.2", port));
	assert_false(fits(fd, "0.0.0.0", port));
	assert_false(fits(fd, "[::1]", port));
	assert_false(fits(fd, "nonsense", port));
	assert_false(gateway_fits(fd, &(struct listener_options){.address = "/run/x.sock", .is_unix = true}));
	close(fd);
	assert_false(fits(fd, "127.0.0.1", port));
}

static void a_socket_that_was_passed_is_served_and_its_file_left(void **state)
{
	struct fixture f;
	struct place p;
	struct client c;
	struct stat st;
	(void)state;
	open_default(&f);
	place_make(&p);
	struct listener_options options = {.address = p.path, .is_unix = true, .mode = 0600, .surfaces = 1};
	options.passed = true;
	options.fd = open_path(p.path, 0666);
	assert_true(gateway_fits(options.fd, &options));
	assert_int_equal(gateway_listen(f.gateway, &options, NULL), 0);
	client_open_unix(&c, &f, p.path);
	client_say(&c, "GET /ok HTTP/1.1\r\n" HOST "\r\n");
	client_wait(&c, 1);
	client_close(&c);
	fixture_close(&f);
	assert_int_equal(lstat(p.path, &st), 0);
	place_remove(&p);
}

static void a_control_socket_that_is_open_to_others_is_refused(void **state)
{
	static const struct {
		mode_t mode;
		unsigned allowed;
		const char *group;
		int result;
	} cases[] = {
		{0666, 0600, NULL, -EACCES},     {0620, 0600, NULL, -EACCES},
		{0602, 0600, NULL, -EACCES},     {0600, 0600, NULL, 0},
		{0660, 0660, NULL, 0}, /* of one's own group */
		{0660, 0660, "daemon", -EACCES}, {0660, 0660, "no such group", -EACCES},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;
		struct place p;
		open_default(&f);
		place_make(&p);
		struct listener_options options = {.address = p.path,
						   .is_unix = true,
						   .mode = cases[i].allowed,
						   .group = cases[i].group,
						   .surfaces = 1};
		options.control = options.passed = true;
		options.fd = open_path(p.path, cases[i].mode);
		assert_int_equal(gateway_listen(f.gateway, &options, NULL), cases[i].result);
		fixture_close(&f);
		place_remove(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_unix_socket_serves_with_its_mode_and_goes_away),
		cmocka_unit_test(the_group_of_a_socket_is_set_or_the_error_is_told),
		cmocka_unit_test(a_stale_socket_is_replaced),
		cmocka_unit_test(a_socket_that_somebody_serves_is_left_alone),
		cmocka_unit_test(a_file_that_is_no_socket_is_left_alone),
		cmocka_unit_test(a_socket_that_is_somebody_elses_by_now_is_not_removed),
		cmocka_unit_test(a_path_that_is_too_long_is_refused),
		cmocka_unit_test(an_address_in_use_is_told),
		cmocka_unit_test(malformed_addresses_are_refused),
		cmocka_unit_test(the_bound_address_is_given_back),
		cmocka_unit_test(public_is_what_is_served_off_loopback),
		cmocka_unit_test(a_socket_fits_the_listener_with_its_address_and_no_other),
		cmocka_unit_test(a_socket_that_was_passed_is_served_and_its_file_left),
		cmocka_unit_test(a_control_socket_that_is_open_to_others_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
