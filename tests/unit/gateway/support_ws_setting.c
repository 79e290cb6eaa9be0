#include "support_ws_setting.h"

#include <stdio.h>

void begin(struct setting *s, peer_script script)
{
	memset(s, 0, sizeof(*s));
	peer_open(&s->peer, script, NULL);
	world_open(&s->world);
	snprintf(s->url, sizeof(s->url), "ws://127.0.0.1:%d/chat?room=1", s->peer.port);
	connect_options(&s->options, s->url);
}

void finish(struct setting *s)
{
	world_close(&s->world);
	outgoing_release(&s->out);
	peer_close(&s->peer);
}

void connect_and_wait_end(struct setting *s)
{
	outgoing_connect(&s->out, &s->world, &s->options);
	world_wait(&s->world, s->out.end_count == 1);
}

void echo(struct peer *p, unsigned index)
{
	static char payload[1 << 20];
	unsigned first;
	size_t len;
	(void)index;
	if (!peer_upgrade(p))
		return;
	while (peer_read_frame(p, &first, payload, sizeof(payload), &len)) {
		if (first == CLOSE) {
			peer_frame(p, CLOSE, payload, len);
			return;
		}
		peer_frame(p, first == PING ? PONG : first, payload, len);
	}
}

void say_of_length(struct setting *s, size_t len, bool is_text)
{
	char *bytes = malloc(len + 1);
	unsigned before = s->out.messages;
	assert_non_null(bytes);
	for (size_t i = 0; i < len; i++)
		bytes[i] = (char)('a' + (i * i + i / 7) % 26);
	const struct websocket_part parts[] = {{bytes, len / 2}, {"", 0}, {bytes + len / 2, len - len / 2}};
	assert_int_equal(websocket_send(s->out.socket, is_text, parts, 3), 0);
	world_wait(&s->world, s->out.messages == before + 1);
	assert_int_equal(s->out.is_text, is_text);
	assert_int_equal(s->out.last.len, len);
	assert_memory_equal(buf_cstr(&s->out.last), bytes, len);
	free(bytes);
}

void silent(struct peer *p, unsigned index)
{
	(void)index;
	peer_wait_end(p);
}

void upgrade_and_say_nothing(struct peer *p, unsigned index)
{
	(void)index;
	if (peer_upgrade(p))
		peer_wait_end(p);
}

void upgrade_and_cut(struct peer *p, unsigned index)
{
	(void)index;
	peer_upgrade(p);
}
