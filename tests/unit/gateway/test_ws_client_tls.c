/* Whom the client's side of WebSocket trusts, and ways through a proxy. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <arpa/inet.h>
#include <unistd.h>
#include "support_peer.h"
#include "support_ws_client.h"

#define TEXT 0x81
#define CLOSE 0x88
#define HOUR 3600L

struct setting {
	struct world world;
	struct peer peer;
	struct outgoing out;
	struct websocket_connect options;
	struct certificate certificate;
	char url[128];
	char folder[32];
	char ca_file[64];
};

static void echo(struct peer *p, unsigned index)
{
	static char payload[1 << 20];
	unsigned first;
	size_t len;
	(void)index;
	if ((p->ctx && !peer_accept_tls(p)) || !peer_upgrade(p))
		return;
	while (peer_read_frame(p, &first, payload, sizeof(payload), &len))
		peer_frame(p, first, payload, len);
}

static void begin_at(struct setting *s, const char *address, const char *host, const char *names, long from_s,
		     long to_s)
{
	memset(s, 0, sizeof(*s));
	s->certificate = peer_certificate(names, from_s, to_s);
	strcpy(s->folder, "/tmp/ws_client_XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->ca_file, sizeof(s->ca_file), "%s/ca.pem", s->folder);
	peer_write_certificate(&s->certificate, s->ca_file);
	peer_open_at(&s->peer, address, echo, &s->certificate);
	world_open(&s->world);
	snprintf(s->url, sizeof(s->url), "wss://%s:%d/", host, s->peer.port);
	connect_options(&s->options, s->url);
	s->options.ca_file = s->ca_file;
}

static void begin(struct setting *s, const char *names)
{
	begin_at(s, "127.0.0.1", "localhost", names, -HOUR, HOUR);
}

static void finish(struct setting *s)
{
	world_close(&s->world);
	outgoing_release(&s->out);
	peer_close(&s->peer);
	certificate_release(&s->certificate);
	unlink(s->ca_file);
	rmdir(s->folder);
}

static void say_and_hear(struct setting *s, size_t len)
{
	char *bytes = malloc(len);
	unsigned before = s->out.messages;
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * i >> 3);
	assert_int_equal(websocket_send(s->out.socket, false, &(struct websocket_part){bytes, len}, 1), 0);
	world_wait(&s->world, s->out.messages == before + 1);
	assert_int_equal(s->out.last.len, len);
	assert_memory_equal(buf_cstr(&s->out.last), bytes, len);
	free(bytes);
}

static void assert_refused(struct setting *s, const char *why)
{
	outgoing_connect(&s->out, &s->world, &s->options);
	world_wait(&s->world, s->out.end_count == 1);
	assert_int_equal(s->out.opened, 0);
	assert_int_equal(s->out.ends[0].error, -EIO);
	if (!strstr(s->out.ends[0].detail, why))
		fail_msg("'%s' does not say '%s'", s->out.ends[0].detail, why);
}

static void assert_taken(struct setting *s)
{
	outgoing_connect(&s->out, &s->world, &s->options);
	world_wait(&s->world, s->out.opened + s->out.end_count > 0);
	if (s->out.opened == 0)
		fail_msg("%s", s->out.ends[0].detail);
}

/* ---- certificates ------------------------------------------------------------------------------------------------ */

static void test_takes_a_server_that_the_file_vouches_for(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, "DNS:localhost");
	assert_taken(&s);
	say_and_hear(&s, 1);
	say_and_hear(&s, 1 << 20);
	say_and_hear(&s, 70000);
	websocket_close(s.out.socket, 1000, "", 0);
	world_wait(&s.world, s.out.end_count == 1);
	assert_int_equal(s.out.ends[0].code, 1000);
	assert_int_equal(s.out.ends[0].error, 0);
	finish(&s);
}

static void test_takes_addresses_that_the_certificate_names(void **state)
{
	struct setting s;
	(void)state;
	begin_at(&s, "127.0.0.1", "127.0.0.1", "IP:127.0.0.1", -HOUR, HOUR);
	assert_taken(&s);
	finish(&s);
	begin_at(&s, "::1", "[::1]", "IP:::1", -HOUR, HOUR);
	assert_taken(&s);
	finish(&s);
}

static void test_refuses_a_server_of_another_name(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, "DNS:other.test");
	assert_refused(&s, "ostname mismatch");
	finish(&s);
	begin_at(&s, "127.0.0.1", "127.0.0.1", "DNS:localhost,IP:127.0.0.2", -HOUR, HOUR);
	assert_refused(&s, "IP address mismatch");
	finish(&s);
	begin_at(&s, "::1", "[::1]", "DNS:localhost,IP:::2", -HOUR, HOUR);
	assert_refused(&s, "IP address mismatch");
	finish(&s);
}

static void test_refuses_certificates_out_of_their_time(void **state)
{
	struct setting s;
	(void)state;
	begin_at(&s, "127.0.0.1", "localhost", "DNS:localhost", -2 * HOUR, -HOUR);
	assert_refused(&s, "certificate has expired");
	finish(&s);
	begin_at(&s, "127.0.0.1", "localhost", "DNS:localhost", HOUR, 2 * HOUR);
	assert_refused(&s, "certificate is not yet valid");
	finish(&s);
}

static void test_refuses_whom_nobody_vouches_for(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, "DNS:localhost");
	s.options.ca_file = NULL;
	assert_refused(&s, "self-signed certificate");
	finish(&s);
	begin(&s, "DNS:localhost");
	struct certificate other = peer_certificate("DNS:localhost", -HOUR, HOUR);
	peer_write_certificate(&other, s.ca_file);
	assert_refused(&s, "the certificate of localhost:");
	certificate_release(&other);
	finish(&s);
}

static void test_says_when_the_file_cannot_be_used(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, "DNS:localhost");
	unlink(s.ca_file);
	outgoing_connect(&s.out, &s.world, &s.options);
	world_wait(&s.world, s.out.end_count == 1);
	assert_int_equal(s.out.ends[0].error, -EINVAL);
	assert_non_null(strstr(s.out.ends[0].detail, "ca.pem"));
	finish(&s);
}

/* The file as it was when an attempt begins is what counts. */
static void test_reads_the_file_anew_when_it_has_changed(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, "DNS:localhost");
	struct certificate other = peer_certificate("DNS:localhost", -HOUR, HOUR);
	peer_write_certificate(&other, s.ca_file);
	s.options.retry_min_ms = s.options.retry_max_ms = 20;
	outgoing_connect(&s.out, &s.world, &s.options);
	world_wait(&s.world, s.out.end_count == 2);
	peer_write_certificate(&s.certificate, s.ca_file);
	world_wait(&s.world, s.out.opened == 1);
	say_and_hear(&s, 10);
	/* Who is connected stays connected. */
	peer_write_certificate(&other, s.ca_file);
	struct outgoing second = {0};
	s.options.retry_min_ms = 0;
	outgoing_connect(&second, &s.world, &s.options);
	say_and_hear(&s, 10);
	websocket_drop(s.out.socket);
	world_wait(&s.world, second.end_count == 1);
	assert_int_equal(second.opened, 0);
	outgoing_release(&second);
	certificate_release(&other);
	finish(&s);
}

static void no_tls(struct peer *p, unsigned index)
{
	(void)index;
	peer_say(p, "HTTP/1.1 400 Bad Request\r\n\r\n");
}

static void test_says_when_the_server_speaks_no_tls(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, "DNS:localhost");
	s.peer.script = no_tls;
	assert_refused(&s, "no connection to localhost:");
	finish(&s);
}

static void pause_many(struct peer *p, unsigned index)
{
	char text[2000];
	(void)index;
	memset(text, 'a', sizeof(text));
	if (!peer_accept_tls(p) || !peer_upgrade(p))
		return;
	for (unsigned i = 0; i < 200; i++)
		peer_frame(p, TEXT, text, i);
	peer_wait_end(p);
}

/* What TLS has decrypted already must not be forgotten. */
static void test_goes_on_after_a_pause(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, "DNS:localhost");
	s.peer.script = pause_many;
	s.out.pause_at_message = true;
	assert_taken(&s);
	for (unsigned i = 1; i <= 200; i++) {
		world_wait(&s.world, s.out.messages == i);
		world_turn(&s.world);
		assert_int_equal(s.out.messages, i);
		assert_int_equal(s.out.last.len, i - 1);
		websocket_pause(s.out.socket, false);
	}
	finish(&s);
}

/* ---- a proxy ----------------------------------------------------------------------------------------------------- */

/* What a proxy is asked for, and what it answers. */
struct proxy {
	struct peer peer;
	char asked[2000];
	const char *answer;
	size_t piece;
	int target;
};

static void pass_on(struct peer *p, int to)
{
	char bytes[4096];
	struct pollfd fds[2] = {{p->fd, POLLIN, 0}, {to, POLLIN, 0}};
	while (poll(fds, 2, 20000) > 0) {
		for (int i = 0; i < 2; i++) {
			if (!(fds[i].revents & (POLLIN | POLLHUP)))
				continue;
			ssize_t len = recv(fds[i].fd, bytes, sizeof(bytes), 0);
			if (len <= 0 || send(fds[1 - i].fd, bytes, (size_t)len, MSG_NOSIGNAL) != len)
				return;
		}
	}
}

static void proxy_script(struct peer *p, unsigned index)
{
	struct proxy *proxy = p->arg;
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
				 .sin_port = htons((uint16_t)proxy->target)};
	(void)index;
	if (!peer_read_head(p))
		return;
	snprintf(proxy->asked, sizeof(proxy->asked), "%s", buf_cstr(&p->head));
	p->piece = proxy->piece;
	peer_say(p, proxy->answer);
	if (strncmp(proxy->answer + 9, "200", 3) != 0)
		return;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		pass_on(p, fd);
	close(fd);
}

static void open_proxy(struct proxy *proxy, struct setting *s, const char *answer, size_t piece)
{
	memset(proxy, 0, sizeof(*proxy));
	proxy->answer = answer;
	proxy->piece = piece;
	proxy->target = s->peer.port;
	proxy->peer.arg = proxy;
	peer_open(&proxy->peer, proxy_script, NULL);
}

static void test_goes_through_a_proxy(void **state)
{
	static const size_t pieces[] = {0, 1, 7};
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct setting s;
		struct proxy proxy;
		char url[100], expected[300];
		/* A name that only the proxy would find. */
		begin_at(&s, "127.0.0.1", "far.invalid", "DNS:far.invalid", -HOUR, HOUR);
		open_proxy(&proxy, &s, "HTTP/1.1 200 Connection established\r\nVia: 1.1 p\r\n\r\n", pieces[i]);
		snprintf(url, sizeof(url), "http://me:a%%3Ab@127.0.0.1:%d", proxy.peer.port);
		s.options.proxy = url;
		assert_taken(&s);
		say_and_hear(&s, 300000);
		snprintf(expected, sizeof(expected),
			 "CONNECT far.invalid:%d HTTP/1.1\r\nHost: far.invalid:%d\r\n"
			 "Proxy-Authorization: Basic bWU6YTpi\r\n\r\n",
			 s.peer.port, s.peer.port);
		assert_string_equal(proxy.asked, expected);
		websocket_close(s.out.socket, 1000, "", 0);
		world_wait(&s.world, s.out.end_count == 1);
		assert_int_equal(s.out.ends[0].error, 0);
		finish(&s);
		peer_close(&proxy.peer);
	}
}

static void test_tells_what_the_proxy_answered(void **state)
{
	static const struct {
		const char *answer, *why;
	} answers[] = {
		{"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n", "(407)"},
		{"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "the proxy answered 502"},
		{"SSH-2.0-OpenSSH_9.2\r\n\r\n", "does not answer as one of HTTP"},
		{"HTTP/1.1 20", "closed the connection"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct setting s;
		struct proxy proxy;
		char url[100];
		begin(&s, "DNS:localhost");
		open_proxy(&proxy, &s, answers[i].answer, 1);
		snprintf(url, sizeof(url), "http://127.0.0.1:%d/", proxy.peer.port);
		s.options.proxy = url;
		assert_refused(&s, answers[i].why);
		finish(&s);
		peer_close(&proxy.peer);
	}
}

static void test_tells_that_there_is_no_proxy(void **state)
{
	struct setting s;
	struct proxy proxy;
	char url[100];
	(void)state;
	begin(&s, "DNS:localhost");
	open_proxy(&proxy, &s, "", 0);
	snprintf(url, sizeof(url), "http://localhost:%d", proxy.peer.port);
	peer_close(&proxy.peer);
	s.options.proxy = url;
	assert_refused(&s, "the proxy cannot be reached");
	finish(&s);
	begin(&s, "DNS:localhost");
	s.options.proxy = "http://no-such-proxy.invalid";
	assert_refused(&s, "the proxy's name cannot be found");
	finish(&s);
}

static void silent_script(struct peer *p, unsigned index)
{
	(void)index;
	peer_wait_end(p);
}

static void test_gives_up_a_proxy_that_does_not_answer(void **state)
{
	struct setting s;
	struct peer proxy = {0};
	char url[100];
	(void)state;
	begin(&s, "DNS:localhost");
	peer_open(&proxy, silent_script, NULL);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", proxy.port);
	s.options.proxy = url;
	s.options.connect_timeout_ms = 60;
	assert_refused(&s, "within 60 ms");
	finish(&s);
	peer_close(&proxy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_takes_a_server_that_the_file_vouches_for),
		cmocka_unit_test(test_takes_addresses_that_the_certificate_names),
		cmocka_unit_test(test_refuses_a_server_of_another_name),
		cmocka_unit_test(test_refuses_certificates_out_of_their_time),
		cmocka_unit_test(test_refuses_whom_nobody_vouches_for),
		cmocka_unit_test(test_says_when_the_file_cannot_be_used),
		cmocka_unit_test(test_reads_the_file_anew_when_it_has_changed),
		cmocka_unit_test(test_says_when_the_server_speaks_no_tls),
		cmocka_unit_test(test_goes_on_after_a_pause),
		cmocka_unit_test(test_goes_through_a_proxy),
		cmocka_unit_test(test_tells_what_the_proxy_answered),
		cmocka_unit_test(test_tells_that_there_is_no_proxy),
		cmocka_unit_test(test_gives_up_a_proxy_that_does_not_answer),
	};
	/* As the daemon does it: a client that has gone is an error, no end. */
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
