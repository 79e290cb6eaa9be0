#include "support_ws.h"

#include <stdio.h>

void put_head(struct buf *out, unsigned first, unsigned second, const void *rest, size_t len)
{
	buf_char(out, (char)first);
	buf_char(out, (char)second);
	buf_append(out, rest, len);
}

void put_frame(struct buf *out, unsigned first, const void *payload, size_t len)
{
	static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};
	const unsigned char *bytes = payload;
	buf_char(out, (char)first);
	if (len < 126) {
		buf_char(out, (char)(0x80 | len));
	} else if (len < 65536) {
		buf_char(out, (char)(0x80 | 126));
		buf_char(out, (char)(len >> 8));
		buf_char(out, (char)(len & 255));
	} else {
		buf_char(out, (char)(0x80 | 127));
		for (int shift = 56; shift >= 0; shift -= 8)
			buf_char(out, (char)((uint64_t)len >> shift & 255));
	}
	buf_append(out, mask, 4);
	for (size_t i = 0; i < len; i++)
		buf_char(out, (char)(bytes[i] ^ mask[i % 4]));
}

size_t close_payload(char *out, int code, const char *reason)
{
	size_t len = strlen(reason);
	out[0] = (char)(code >> 8);
	out[1] = (char)(code & 255);
	memcpy(out + 2, reason, len);
	return len + 2;
}

static size_t behind_head(const struct client *c)
{
	const char *end = c->in.len > 0 ? strstr(c->in.data, "\r\n\r\n") : NULL;
	return end ? (size_t)(end - c->in.data) + 4 : 0;
}

bool server_frame(const struct client *c, size_t index, struct server_frame *ret)
{
	const unsigned char *bytes = (const unsigned char *)c->in.data;
	size_t at = behind_head(c);
	for (size_t i = 0; at > 0 && c->in.len - at >= 2; i++) {
		size_t len = bytes[at + 1] & 127, head = 2;
		assert_int_equal(bytes[at + 1] & 128, 0);
		size_t more = len == 126 ? 2 : len == 127 ? 8 : 0;
		if (c->in.len - at < head + more)
			return false;
		if (more)
			len = 0;
		for (size_t j = 0; j < more; j++)
			len = len << 8 | bytes[at + 2 + j];
		head += more;
		if (c->in.len - at - head < len)
			return false;
		if (i == index) {
			*ret = (struct server_frame){bytes[at], c->in.data + at + head, len};
			return true;
		}
		at += head + len;
	}
	return false;
}

struct server_frame wait_frame(struct client *c, size_t index)
{
	struct server_frame frame = {0};
	uint64_t until = uv_hrtime() + WAIT_MS * (uint64_t)1000000;
	while (!server_frame(c, index, &frame)) {
		if (c->ended || c->reset || uv_hrtime() > until)
			fail_msg("there is no frame %zu", index);
		fixture_turn(c->fixture, c);
		client_poll(c);
	}
	return frame;
}

int close_code(const struct server_frame *frame)
{
	const unsigned char *bytes = (const unsigned char *)frame->payload;
	assert_int_equal(frame->first, FIN | CLOSE);
	return frame->len >= 2 ? bytes[0] << 8 | bytes[1] : 1005;
}

void ws_open(struct client *c, struct fixture *f, const char *path, const char *more_headers)
{
	char head[1024];
	client_open(c, f);
	snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\n" HOST UPGRADE_HEAD "%s\r\n", path, more_headers);
	client_say(c, head);
	uint64_t until = uv_hrtime() + WAIT_MS * (uint64_t)1000000;
	while (behind_head(c) == 0) {
		assert_true(!c->ended && !c->reset && uv_hrtime() < until);
		fixture_turn(f, c);
		client_poll(c);
	}
	assert_memory_equal(c->in.data, "HTTP/1.1 101 ", 13);
}

void ws_say(struct client *c, unsigned first, const char *payload)
{
	struct buf out;
	buf_init(&out, 1 << 20);
	put_frame(&out, first, payload, strlen(payload));
	client_send(c, out.data, out.len, out.len);
	buf_release(&out);
}
