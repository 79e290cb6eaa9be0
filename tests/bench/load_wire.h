/* What ws_load.c says to each server, and how it reads what it hears. Set-up blocks and ends the program when it fails; what
 * comes afterwards is on non-blocking sockets. */
#ifndef BENCH_LOAD_WIRE_H
#define BENCH_LOAD_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#define WIRE_MESSAGE_MAX 1024

struct wire;

struct wire_target {
	int port; /* on 127.0.0.1 */
	const char *token;
	const struct wire *wire;
};

/* What stands in one message of a server. */
struct wire_found {
	int events;     /* deliveries */
	int slot;       /* of the acknowledgement; -1: it is none */
	int busy;       /* 1: it was refused since there is too much */
	char pong[140]; /* to be sent when pong_len is not 0 */
	size_t pong_len;
};

struct wire {
	const char *name;
	/* A connection that is ready to publish, or one that gets every message. */
	int (*open)(const struct wire_target *t, bool subscriber);
	/* Writes a message of 200 bytes, at most WIRE_MESSAGE_MAX with its frame; gives its size. */
	size_t (*publish)(const struct wire_target *t, int slot, char *out);
	/* The size of the first message when all of it is there, else 0. */
	size_t (*next)(const char *bytes, size_t len, struct wire_found *ret);
};

const struct wire *wire_named(const char *name); /* NULL: nobody's name */
_Noreturn void wire_fail(const char *what);

#endif
