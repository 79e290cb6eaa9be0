/* The stream between a socket and a connection that speaks TLS: pieces, back-pressure, ends, and what it keeps. */
#include "gateway/tls_stream.c"

#include "gateway/internal.h"
#include "support_gateway.h"
#include "support_tls.h"

struct fixture_tls {
	struct certificate server;
	struct tls *tls;
	struct wire wire;
	struct tls_client client;
	struct owner owner;
	struct stream *stream;
	struct buf got; /* by the client */
};

static void set_up_stream(struct fixture_tls *f)
{
	*f = (struct fixture_tls){.server = certificate_make("localhost")};
	tls_setup(&f->tls, &f->server, NULL);
	wire_open(&f->wire);
	buf_init(&f->owner.in, (size_t)64 << 20);
	buf_init(&f->got, (size_t)64 << 20);
	assert_int_equal(tls_stream_open(f->tls, &f->wire.base, &f->stream), 0);
	f->stream->callbacks = &owner_callbacks;
	f->stream->owner = &f->owner;
	tls_client_open(&f->client, NULL);
}

static void open_stream(struct fixture_tls *f, size_t piece)
{
	set_up_stream(f);
	assert_int_equal(f->stream->ops->start(f->stream), 0);
	wire_handshake(&f->wire, &f->client, piece);
	assert_false(f->stream->opening);
}

static void close_stream_tls(struct fixture_tls *f)
{
	wire_close(&f->wire, f->stream);
	assert_true(f->owner.closed);
	tls_client_close(&f->client);
	tls_free(f->tls);
	certificate_release(&f->server);
	buf_release(&f->owner.in);
	buf_release(&f->got);
}

static void client_says(struct fixture_tls *f, const char *text, size_t piece)
{
	assert_int_equal(SSL_write(f->client.ssl, text, (int)strlen(text)), (int)strlen(text));
	wire_feed(&f->wire, &f->client, piece);
}

/* Whatever is under way goes out, and the client reads it. False: up to its close_notify. */
static bool settle(struct fixture_tls *f)
{
	while (f->wire.later_len > 0)
		wire_written(&f->wire);
	wire_deliver(&f->wire, &f->client);
	return tls_client_read(&f->client, &f->got);
}

static void bytes_come_as_they_were_sent_whatever_the_pieces(void **state)
{
	static const size_t pieces[] = {1, 2, 5, 7, 1000, 65536};
	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct fixture_tls f;
		open_stream(&f, pieces[i]);
		client_says(&f, "one ", pieces[i]);
		client_says(&f, "two", pieces[i]);
		assert_string_equal(buf_cstr(&f.owner.in), "one two");
		assert_int_equal(f.owner.ends, 0);
		close_stream_tls(&f);
	}
}

static void what_the_owner_does_not_want_waits(void **state)
{
	struct fixture_tls f;
	(void)state;
	open_stream(&f, 65536);
	f.owner.stop_at_read = f.stream;
	SSL_write(f.client.ssl, "one ", 4);
	SSL_write(f.client.ssl, "two ", 4);
	client_says(&f, "three", 65536);
	assert_string_equal(buf_cstr(&f.owner.in), "one ");
	assert_false(f.wire.reading);
	f.stream->ops->start(f.stream);
	assert_string_equal(buf_cstr(&f.owner.in), "one two ");
	assert_false(f.wire.reading);
	f.owner.stop_at_read = NULL;
	f.stream->ops->start(f.stream);
	assert_string_equal(buf_cstr(&f.owner.in), "one two three");
	assert_true(f.wire.reading);
	close_stream_tls(&f);
}

static void a_write_before_the_handshake_waits_for_it(void **state)
{
	struct fixture_tls f;
	(void)state;
	set_up_stream(&f);
	assert_int_equal(f.stream->ops->try_write(f.stream, "early", 5), 0);
	assert_int_equal(f.stream->ops->write(f.stream, "early", 5), 0);
	assert_int_equal(f.stream->ops->unsent(f.stream), 5);
	f.stream->ops->start(f.stream);
	wire_handshake(&f.wire, &f.client, 65536);
	settle(&f);
	assert_int_equal(f.owner.written, 1);
	assert_int_equal(f.stream->ops->unsent(f.stream), 0);
	assert_string_equal(buf_cstr(&f.got), "early");
	close_stream_tls(&f);
}

/* As a connection does it: what try_write leaves goes to write. */
static void send_all(struct fixture_tls *f, const char *bytes, size_t len)
{
	ssize_t taken = f->stream->ops->try_write(f->stream, bytes, len);
	unsigned before = f->owner.written;
	assert_true(taken >= 0);
	if ((size_t)taken == len)
		return;
	assert_int_equal(f->stream->ops->write(f->stream, bytes + taken, len - (size_t)taken), 0);
	assert_int_equal(f->owner.written, before); /* never from inside a call */
	assert_true(f->stream->ops->unsent(f->stream) > 0);
	settle(f);
	assert_int_equal(f->owner.written, before + 1);
	assert_int_equal(f->stream->ops->unsent(f->stream), 0);
}

static void all_bytes_go_out_once_however_little_the_socket_takes(void **state)
{
	static const size_t windows[] = {0, 1, 21, 22, 16384, 70000, 200000, SIZE_MAX};
	const size_t len = 300000;
	char *bytes = malloc(len);
	(void)state;
	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		struct fixture_tls f;
		open_stream(&f, 65536);
		f.wire.window = windows[i];
		send_all(&f, bytes, len);
		send_all(&f, bytes, 10);
		settle(&f);
		assert_int_equal(f.got.len, len + 10);
		assert_memory_equal(f.got.data, bytes, len);
		assert_memory_equal(f.got.data + len, bytes, 10);
		close_stream_tls(&f);
	}
	free(bytes);
}

static void a_bounded_part_of_a_write_is_encrypted_at_a_time(void **state)
{
	struct fixture_tls f;
	const size_t len = (size_t)4 << 20;
	char *bytes = calloc(1, len);
	(void)state;
	open_stream(&f, 65536);
	f.wire.window = 0;
	assert_int_equal(f.stream->ops->try_write(f.stream, bytes, len), 0);
	assert_int_equal(f.stream->ops->write(f.stream, bytes, len), 0);
	for (; f.wire.later_len > 0; wire_written(&f.wire)) {
		struct tls_stream *t = from_base(f.stream);
		assert_true(t->out.len + t->sending.len < CHUNK + 1024);
	}
	free(bytes);
	close_stream_tls(&f);
}

static void the_end_of_the_client_is_told_from_a_cut(void **state)
{
	struct fixture_tls f;
	(void)state;
	open_stream(&f, 65536);
	SSL_shutdown(f.client.ssl);
	wire_feed(&f.wire, &f.client, 65536);
	assert_int_equal(f.owner.ends, 1);
	assert_int_equal(f.owner.end_error, 0);
	send_all(&f, "answer", 6); /* it may still read */
	settle(&f);
	assert_string_equal(buf_cstr(&f.got), "answer");
	close_stream_tls(&f);

	open_stream(&f, 65536);
	f.wire.base.callbacks->on_end(f.wire.base.owner, 0);
	assert_int_equal(f.owner.ends, 1);
	assert_true(f.owner.end_error < 0);
	close_stream_tls(&f);
}

static void an_end_goes_behind_all_that_was_written(void **state)
{
	static const size_t windows[] = {0, 3, SIZE_MAX};
	(void)state;
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		struct fixture_tls f;
		open_stream(&f, 65536);
		f.wire.window = windows[i];
		send_all(&f, "last words", 10);
		assert_int_equal(f.stream->ops->shutdown(f.stream), 0);
		assert_int_equal(f.wire.shut, windows[i] == SIZE_MAX);
		assert_false(settle(&f));
		assert_true(f.wire.shut);
		assert_string_equal(buf_cstr(&f.got), "last words");
		client_says(&f, "more", 65536); /* it is read until the client ends, too */
		assert_string_equal(buf_cstr(&f.owner.in), "more");
		close_stream_tls(&f);
	}
}

static void nothing_is_written_behind_an_end_amid_the_handshake(void **state)
{
	struct fixture_tls f;
	(void)state;
	set_up_stream(&f);
	f.stream->ops->start(f.stream);
	SSL_do_handshake(f.client.ssl);
	wire_feed(&f.wire, &f.client, 65536);
	wire_deliver(&f.wire, &f.client);
	assert_int_equal(f.stream->ops->shutdown(f.stream), 0);
	assert_true(f.wire.shut);
	/* The client's last word of the handshake: the server's answer would be tickets. */
	assert_int_equal(SSL_do_handshake(f.client.ssl), 1);
	wire_feed(&f.wire, &f.client, 65536);
	assert_int_equal(f.wire.out.len, 0);
	assert_true(f.stream->opening);
	close_stream_tls(&f);
}

static void a_client_that_speaks_no_tls_is_told_and_not_heard(void **state)
{
	struct fixture_tls f;
	(void)state;
	set_up_stream(&f);
	f.stream->ops->start(f.stream);
	for (const char *at = "GET / HTTP/1.1\r\n\r\n"; *at; at++)
		f.wire.base.callbacks->on_read(f.wire.base.owner, at, 1);
	assert_non_null(strstr(buf_cstr(&f.wire.out), "HTTP/1.1 400 Bad Request"));
	assert_true(f.wire.shut);
	assert_true(f.stream->opening);
	assert_int_equal(f.owner.reads + f.owner.ends, 0);
	f.wire.base.callbacks->on_end(f.wire.base.owner, 0);
	assert_int_equal(f.owner.ends, 1);
	close_stream_tls(&f);
}

static void an_idle_stream_keeps_no_buffers(void **state)
{
	struct fixture_tls f;
	(void)state;
	open_stream(&f, 1000);
	client_says(&f, "question", 3);
	f.wire.window = 10;
	send_all(&f, "answer", 6);
	const struct tls_stream *t = from_base(f.stream);
	assert_null(t->held.data);
	assert_null(t->out.data);
	assert_null(t->sending.data);
	close_stream_tls(&f);
}

/* ---- sessions -------------------------------------------------------------------------------------------------- */

/* A new connection that shows the ticket of an earlier one. */
static bool is_resumed(struct tls *tls, SSL_SESSION *session)
{
	struct wire wire;
	struct tls_client client;
	struct owner owner = {.reads = 0};
	struct stream *stream;
	wire_open(&wire);
	tls_client_open(&client, NULL);
	assert_int_equal(SSL_set_session(client.ssl, session), 1);
	assert_int_equal(tls_stream_open(tls, &wire.base, &stream), 0);
	stream->callbacks = &owner_callbacks;
	stream->owner = &owner;
	stream->ops->start(stream);
	wire_handshake(&wire, &client, 65536);
	bool resumed = SSL_session_reused(client.ssl);
	/* A session whose connection was cut is one that OpenSSL does not use again. */
	SSL_set_shutdown(client.ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	wire_close(&wire, stream);
	tls_client_close(&client);
	return resumed;
}

static void a_ticket_is_taken_until_its_key_was_renewed_twice(void **state)
{
	const int64_t seven_hours = (int64_t)7 * 3600 * 1000;
	struct fixture_tls f;
	(void)state;
	open_stream(&f, 65536);
	settle(&f);
	SSL_SESSION *session = SSL_get1_session(f.client.ssl);
	assert_true(is_resumed(f.tls, session));
	f.tls->tickets.made_ms -= seven_hours;
	assert_true(is_resumed(f.tls, session));
	f.tls->tickets.made_ms -= seven_hours;
	assert_false(is_resumed(f.tls, session));
	SSL_SESSION_free(session);
	close_stream_tls(&f);
}

/* ---- what handlers are told ------------------------------------------------------------------------------------ */

static void tell_who(void *arg, struct http_request *r)
{
	(void)arg;
	const char *subject = http_client_subject(r);
	char text[200];
	int len = snprintf(text, sizeof(text), "%s %s", http_scheme(r), subject ? subject : "nobody");
	http_respond(r, 200, NULL, 0, text, (size_t)len);
}

static void ask_who(struct fixture *f, struct tls *tls, const struct certificate *own, const char *expected)
{
	static const char request[] = "GET /who HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n";
	struct wire wire;
	struct tls_client client;
	struct stream *stream;
	struct buf got;
	struct peer peer = {.text = "192.0.2.1"};
	wire_open(&wire);
	buf_init(&got, 100000);
	tls_client_open(&client, own);
	assert_null(gateway_admit(f->gateway, &peer, false));
	assert_int_equal(tls_stream_open(tls, &wire.base, &stream), 0);
	assert_int_equal(connection_open(f->gateway, stream, &peer, 1, false, NULL), 0);
	gateway_flush(f->gateway);
	wire_handshake(&wire, &client, 65536);
	assert_true(SSL_write(client.ssl, request, sizeof(request) - 1) > 0);
	wire_feed(&wire, &client, 65536);
	gateway_flush(f->gateway);
	wire_deliver(&wire, &client);
	assert_false(tls_client_read(&client, &got));
	assert_non_null(strstr(buf_cstr(&got), expected));
	wire.base.callbacks->on_end(wire.base.owner, 0);
	wire_close(&wire, stream);
	tls_client_close(&client);
	buf_release(&got);
}

static void a_handler_is_told_the_scheme_and_who_the_client_is(void **state)
{
	struct fixture f;
	struct gateway_options options;
	struct tls *tls;
	struct client plain;
	size_t len;
	struct certificate server = certificate_make("localhost"), own = certificate_make("build");
	(void)state;
	fixture_options(&f, &options);
	fixture_open(&f, &options);
	fixture_route(&f, "GET", "/who", tell_who);
	tls_setup(&tls, &server, &own);
	ask_who(&f, tls, &own, "https CN=build,O=Example\\, Inc");
	ask_who(&f, tls, NULL, "https nobody");
	client_open(&plain, &f);
	client_say(&plain, "GET /who HTTP/1.1\r\n" HOST "\r\n");
	client_wait(&plain, 1);
	assert_string_equal(client_body(&plain, 0, &len), "http nobody");
	client_close(&plain);
	fixture_close(&f);
	tls_free(tls);
	certificate_release(&server);
	certificate_release(&own);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_come_as_they_were_sent_whatever_the_pieces),
		cmocka_unit_test(what_the_owner_does_not_want_waits),
		cmocka_unit_test(a_write_before_the_handshake_waits_for_it),
		cmocka_unit_test(all_bytes_go_out_once_however_little_the_socket_takes),
		cmocka_unit_test(a_bounded_part_of_a_write_is_encrypted_at_a_time),
		cmocka_unit_test(the_end_of_the_client_is_told_from_a_cut),
		cmocka_unit_test(an_end_goes_behind_all_that_was_written),
		cmocka_unit_test(nothing_is_written_behind_an_end_amid_the_handshake),
		cmocka_unit_test(a_client_that_speaks_no_tls_is_told_and_not_heard),
		cmocka_unit_test(an_idle_stream_keeps_no_buffers),
		cmocka_unit_test(a_ticket_is_taken_until_its_key_was_renewed_twice),
		cmocka_unit_test(a_handler_is_told_the_scheme_and_who_the_client_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
