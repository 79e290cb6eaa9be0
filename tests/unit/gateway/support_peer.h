/* The server's end of a WebSocket connection as the test wants it, right or wrong: a thread that follows a script with plain
 * calls, one connection after the other. What does not go as the script has it is noted, and fails the test at the end. */
#ifndef SUPPORT_PEER_H
#define SUPPORT_PEER_H

#include <openssl/ssl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/buf.h"
#include "base/certificate.h"

struct peer;
/* `index`: the how-manyth connection it is. */
typedef void (*peer_script)(struct peer *p, unsigned index);

struct peer {
	pthread_t thread;
	int listener, fd;
	int port;
	peer_script script;
	void *arg; /* of the test */
	SSL_CTX *ctx;
	SSL *ssl;
	size_t piece;     /* bytes that are written at a time */
	struct buf head;  /* of the request */
	const char *more; /* fields of the answer */
	unsigned connections;
	const char *wrong;
	bool stop;
};

/* `certificate` NULL: without TLS. */
void peer_open(struct peer *p, peer_script script, const struct certificate *certificate);
void peer_open_at(struct peer *p, const char *address, peer_script script, const struct certificate *certificate);
/* Waits for the end of the script. */
void peer_close(struct peer *p);

/* The script's side. False: the connection has ended. */
bool peer_accept_tls(struct peer *p);
bool peer_write(struct peer *p, const void *bytes, size_t len);
bool peer_say(struct peer *p, const char *text);
bool peer_read(struct peer *p, void *bytes, size_t len);
/* The head of a request, into p->head. */
bool peer_read_head(struct peer *p);
/* Reads the request and answers 101. */
bool peer_upgrade(struct peer *p);
bool peer_frame(struct peer *p, unsigned first, const void *payload, size_t len);
bool peer_close_frame(struct peer *p, int code, const char *reason);
/* Reads a frame, unmasked; `payload` has room for `size`. *ret_len; false also when it is not masked. */
bool peer_read_frame(struct peer *p, unsigned *ret_first, char *payload, size_t size, size_t *ret_len);
/* Until the client has gone. */
void peer_wait_end(struct peer *p);
#define peer_check(p, condition)                                                                                       \
	do {                                                                                                           \
		if (!(condition) && !(p)->wrong)                                                                       \
			(p)->wrong = #condition;                                                                       \
	} while (0)

/* Signed by itself; `names` such as "DNS:a.test,IP:127.0.0.1"; valid from now + from_s until now + to_s. */
struct certificate peer_certificate(const char *names, long from_s, long to_s);
/* Into a file of that path. */
void peer_write_certificate(const struct certificate *c, const char *path);

#endif
