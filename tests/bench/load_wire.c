#include "load_wire.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAYLOAD 200
/* Of each event that a daemon tells, batched or not, this stands there once. */
#define EVENT_MARK "\"seq\":"

void wire_fail(const char *what)
{
	fprintf(stderr, "ws_load: %s (%s)\n", what, strerror(errno));
	exit(1);
}

/* ---- Set-up, blocking ---- */

static int dial(const struct wire_target *t)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)t->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	const struct timeval patience = {.tv_sec = 10};
	const int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		wire_fail("cannot connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

static void say(int fd, const char *bytes, size_t len)
{
	if (write(fd, bytes, len) != (ssize_t)len)
		wire_fail("cannot write");
}

static void hear(int fd, char *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		const ssize_t n = read(fd, bytes + at, len - at);
		if (n <= 0)
			wire_fail("no answer while connecting");
		at += (size_t)n;
	}
}

/* Byte by byte, since what follows belongs to somebody else. */
static void hear_until(int fd, const char *end, char *text, size_t size)
{
	size_t len = 0;
	do {
		if (len + 1 >= size)
			wire_fail("an answer that is too long");
		hear(fd, text + len, 1);
		text[++len] = '\0';
	} while (len < strlen(end) || strcmp(text + len - strlen(end), end) != 0);
}

static int ready(int fd)
{
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return fd;
}

/* ---- nats-server ---- */

static int nats_open(const struct wire_target *t, bool subscriber)
{
	static const char greeting[] = "CONNECT {\"verbose\":false,\"pedantic\":false,\"name\":\"load\"}\r\n";
	char text[4096];
	const int fd = dial(t);
	hear_until(fd, "\r\n", text, sizeof(text));
	say(fd, greeting, strlen(greeting));
	if (subscriber)
		say(fd, "SUB load 1\r\n", 12);
	say(fd, "PING\r\n", 6);
	hear_until(fd, "PONG\r\n", text, sizeof(text));
	return ready(fd);
}

static size_t nats_publish(const struct wire_target *t, int slot, char *out)
{
	(void)t;
	(void)slot;
	const int len = sprintf(out, "PUB load %d\r\n", PAYLOAD);
	memset(out + len, 'x', PAYLOAD);
	out[len + PAYLOAD] = '\r';
	out[len + PAYLOAD + 1] = '\n';
	return (size_t)len + PAYLOAD + 2;
}

static size_t nats_next(const char *bytes, size_t len, struct wire_found *ret)
{
	const char *end = memchr(bytes, '\n', len);
	if (!end)
		return 0;
	const size_t line = (size_t)(end - bytes) + 1;
	if (bytes[0] == '-')
		wire_fail("nats-server says -ERR");
	if (bytes[0] != 'M')
		return line;
	const char *number = end;
	while (number[-1] != ' ')
		number--;
	const size_t whole = line + strtoul(number, NULL, 10) + 2;
	if (whole > len)
		return 0;
	ret->events = 1;
	return whole;
}

/* ---- mosquitto: MQTT 3.1.1, quality of service 0 ---- */

static int mqtt_open(const struct wire_target *t, bool subscriber)
{
	/* A clean session without a name of its own, no keep-alive. */
	static const char greeting[] = {0x10, 12, 0, 4, 'M', 'Q', 'T', 'T', 4, 2, 0, 0, 0, 0};
	static const char subscribe[] = {(char)0x82, 9, 0, 1, 0, 4, 'l', 'o', 'a', 'd', 0};
	char answer[5];
	const int fd = dial(t);
	say(fd, greeting, sizeof(greeting));
	hear(fd, answer, 4);
	if (answer[3] != 0)
		wire_fail("mosquitto refuses");
	if (subscriber) {
		say(fd, subscribe, sizeof(subscribe));
		hear(fd, answer, 5);
	}
	return ready(fd);
}

static size_t mqtt_publish(const struct wire_target *t, int slot, char *out)
{
	static const char head[] = {0x30, (char)((PAYLOAD + 6) % 128 + 128), (PAYLOAD + 6) / 128, 0, 4, 'l', 'o', 'a',
				    'd'};
	(void)t;
	(void)slot;
	memcpy(out, head, sizeof(head));
	memset(out + sizeof(head), 'x', PAYLOAD);
	return sizeof(head) + PAYLOAD;
}

static size_t mqtt_next(const char *bytes, size_t len, struct wire_found *ret)
{
	size_t size = 0, at = 1;
	for (unsigned shift = 0; at < len; shift += 7) {
		const unsigned char byte = (unsigned char)bytes[at++];
		size |= (size_t)(byte & 127) << shift;
		if (byte < 128) {
			ret->events = (bytes[0] & 0xf0) == 0x30 && at + size <= len;
			return at + size <= len ? at + size : 0;
		}
	}
	return 0;
}

/* ---- A daemon: tappet.v1 over WebSocket ---- */

/* Frames of clients are masked; any key will do for one who has no secrets. */
static size_t ws_frame(int opcode, const char *payload, size_t len, char *out)
{
	static const char key[4] = {0x12, 0x34, 0x56, 0x78};
	size_t head = 2;
	out[0] = (char)(0x80 | opcode);
	if (len < 126) {
		out[1] = (char)(0x80 | len);
	} else {
		out[1] = (char)(0x80 | 126);
		out[2] = (char)(len >> 8);
		out[3] = (char)len;
		head = 4;
	}
	memcpy(out + head, key, sizeof(key));
	head += sizeof(key);
	for (size_t i = 0; i < len; i++)
		out[head + i] = (char)(payload[i] ^ key[i % 4]);
	return head + len;
}

/* The size of the first frame, of which *ret_head are before its payload; 0: not all of it is there. */
static size_t ws_measure(const char *bytes, size_t len, size_t *ret_head)
{
	const unsigned char *b = (const unsigned char *)bytes;
	uint64_t size = len >= 2 ? b[1] & 127 : 0;
	const size_t more = size == 127 ? 8 : size == 126 ? 2 : 0;
	*ret_head = 2 + more;
	if (len < *ret_head)
		return 0;
	if (more) {
		size = 0;
		for (size_t i = 0; i < more; i++)
			size = size << 8 | b[2 + i];
	}
	return *ret_head + size <= len ? *ret_head + (size_t)size : 0;
}

static void ws_hear(int fd, char *text, size_t size)
{
	size_t head = 0, len = 0;
	while (!ws_measure(text, len, &head)) {
		if (len + 1 >= size)
			wire_fail("an answer that is too long");
		hear(fd, text + len++, 1);
	}
	memmove(text, text + head, len - head);
	text[len - head] = '\0';
}

static int ws_open(const struct wire_target *t, bool subscriber)
{
	const bool batch = strcmp(t->wire->name, "batch") == 0;
	char text[4096], frame[WIRE_MESSAGE_MAX];
	const int fd = dial(t);
	const int len =
		snprintf(text, sizeof(text),
			 "GET /action HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
			 "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
			 "Sec-WebSocket-Protocol: tappet.v1\r\nAuthorization: Bearer %s\r\n\r\n",
			 t->port, t->token);
	say(fd, text, (size_t)len);
	hear_until(fd, "\r\n\r\n", text, sizeof(text));
	if (strncmp(text, "HTTP/1.1 101 ", 13) != 0)
		wire_fail(text);
	if (subscriber) {
		const int size = snprintf(
			text, sizeof(text),
			"{\"type\":\"subscribe\",\"id\":\"s1\",\"filter\":{\"types\":[\"activity.accepted\"]}%s}",
			batch ? ",\"batch\":true" : "");
		say(fd, frame, ws_frame(1, text, (size_t)size, frame));
		ws_hear(fd, text, sizeof(text));
		if (!strstr(text, "\"subscribed\""))
			wire_fail(text);
	}
	return ready(fd);
}

static size_t ws_publish(const struct wire_target *t, int slot, char *out)
{
	char text[WIRE_MESSAGE_MAX / 2];
	(void)t;
	const int len =
		snprintf(text, sizeof(text),
			 "{\"type\":\"action\",\"id\":\"%d\",\"topic\":\"load.made\",\"data\":{\"n\":%d}}", slot, slot);
	return ws_frame(1, text, (size_t)len, out);
}

static int count_of(const char *text, size_t len, const char *mark)
{
	const size_t mark_len = strlen(mark);
	const char *end = text + len;
	int count = 0;
	while ((text = memmem(text, (size_t)(end - text), mark, mark_len))) {
		text += mark_len;
		count++;
	}
	return count;
}

static bool starts(const char *text, size_t len, const char *with)
{
	return len >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

static int slot_of(const char *text, size_t len)
{
	const char *id = memmem(text, len, "\"id\":\"", 6);
	if (!id)
		wire_fail("an acknowledgement without its id");
	return atoi(id + 6);
}

static void ws_text(const char *text, size_t len, struct wire_found *ret)
{
	if (starts(text, len, "{\"type\":\"event")) {
		ret->events = count_of(text, len, EVENT_MARK);
	} else if (starts(text, len, "{\"type\":\"ack\"")) {
		ret->slot = slot_of(text, len);
		if (!memmem(text, len, "\"activityId\":\"", 14))
			wire_fail("an action that started nothing");
	} else if (starts(text, len, "{\"type\":\"error\"") && memmem(text, len, "\"busy\"", 6)) {
		ret->slot = slot_of(text, len);
		ret->busy = 1;
	} else if (!starts(text, len, "{\"type\":\"position\"")) {
		fprintf(stderr, "ws_load: %.*s\n", (int)len, text);
		wire_fail("an unexpected answer");
	}
}

static size_t ws_next(const char *bytes, size_t len, struct wire_found *ret)
{
	size_t head = 0;
	const size_t whole = ws_measure(bytes, len, &head);
	if (!whole)
		return 0;
	const int opcode = bytes[0] & 15;
	if (opcode == 1)
		ws_text(bytes + head, whole - head, ret);
	else if (opcode == 9)
		ret->pong_len = ws_frame(10, bytes + head, whole - head, ret->pong);
	else if (opcode == 8)
		wire_fail("the daemon closes");
	return whole;
}

static const struct wire wires[] = {{"tappet", ws_open, ws_publish, ws_next},
				    {"batch", ws_open, ws_publish, ws_next},
				    {"nats", nats_open, nats_publish, nats_next},
				    {"mqtt", mqtt_open, mqtt_publish, mqtt_next}};

const struct wire *wire_named(const char *name)
{
	for (size_t i = 0; i < sizeof(wires) / sizeof(wires[0]); i++)
		if (strcmp(wires[i].name, name) == 0)
			return &wires[i];
	return NULL;
}
