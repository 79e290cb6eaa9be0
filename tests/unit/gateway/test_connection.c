/* What can only be seen below the sockets: how answers are gathered into writes. */
#include "support_gateway.h"

#include "gateway/internal.h"

struct fake {
	struct stream base;
	unsigned writes;
	size_t window, bytes;
	bool closed;
};

static int do_nothing(struct stream *s)
{
	(void)s;
	return 0;
}

static void stop(struct stream *s)
{
	(void)s;
}

static ssize_t try_write(struct stream *s, const void *bytes, size_t len)
{
	struct fake *f = (struct fake *)s;
	(void)bytes;
	f->writes++;
	len = len < f->window ? len : f->window;
	f->bytes += len;
	return (ssize_t)len;
}

static int write_later(struct stream *s, const void *bytes, size_t len)
{
	(void)s;
	(void)bytes;
	(void)len;
	return 0;
}

static size_t unsent(const struct stream *s)
{
	(void)s;
	return 1;
}

static void note_close(struct stream *s)
{
	struct fake *f = (struct fake *)s;
	f->closed = true;
}

static const struct stream_ops ops = {.start = do_nothing,
				      .stop = stop,
				      .try_write = try_write,
				      .write = write_later,
				      .unsent = unsent,
				      .shutdown = do_nothing,
				      .close = note_close};

static void open_fake(struct fixture *f, struct fake *fake, size_t window)
{
	struct gateway_options options;
	struct peer peer = {.text = "unix"};
	fixture_options(f, &options);
	fixture_open(f, &options);
	*fake = (struct fake){.base.ops = &ops, .window = window};
	assert_null(gateway_admit(f->gateway, &peer, false));
	assert_int_equal(connection_open(f->gateway, &fake->base, &peer, 1, false, NULL), 0);
}

static void say(struct fake *fake, const char *text)
{
	fake->base.callbacks->on_read(fake->base.owner, text, strlen(text));
}

static void close_fake(struct fixture *f, struct fake *fake)
{
	fake->base.callbacks->on_end(fake->base.owner, UV_ECONNRESET);
	assert_true(fake->closed);
	fake->base.callbacks->on_closed(fake->base.owner);
	fixture_close(f);
}

static const char three[] =
	"GET /late/0 HTTP/1.1\r\n" HOST "\r\nGET /late/1 HTTP/1.1\r\n" HOST "\r\nGET /late/2 HTTP/1.1\r\n" HOST "\r\n";

static void answers_of_one_turn_go_out_in_one_write(void **state)
{
	struct fixture f;
	struct fake fake;
	(void)state;
	open_fake(&f, &fake, SIZE_MAX);
	say(&fake, three);
	fixture_answer(&f, 2, "c");
	fixture_answer(&f, 0, "a");
	fixture_answer(&f, 0, "b");
	assert_int_equal(fake.writes, 0);
	gateway_flush(f.gateway);
	assert_int_equal(fake.writes, 1);
	say(&fake, "GET /ok HTTP/1.1\r\n" HOST "\r\nGET /ok HTTP/1.1\r\n" HOST "\r\n");
	gateway_flush(f.gateway);
	assert_int_equal(fake.writes, 2);
	close_fake(&f, &fake);
}

static void answers_wait_while_a_write_is_under_way(void **state)
{
	struct fixture f;
	struct fake fake;
	(void)state;
	open_fake(&f, &fake, 5);
	say(&fake, three);
	fixture_answer(&f, 0, "a");
	gateway_flush(f.gateway);
	assert_int_equal(fake.writes, 1);
	fixture_answer(&f, 0, "b");
	fixture_answer(&f, 0, "c");
	gateway_flush(f.gateway);
	assert_int_equal(fake.writes, 1);
	fake.base.callbacks->on_written(fake.base.owner, 0);
	gateway_flush(f.gateway);
	assert_int_equal(fake.writes, 2);
	close_fake(&f, &fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_of_one_turn_go_out_in_one_write),
		cmocka_unit_test(answers_wait_while_a_write_is_under_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
