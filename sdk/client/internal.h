/* What the files of the client library share. It is built of the daemon's own parts for the client's side of WebSocket and for
 * JSON (core/gateway/ws_client*.c, core/base), none of which its header shows. */
#ifndef CLIENT_INTERNAL_H
#define CLIENT_INTERNAL_H

#include <stdbool.h>
#include <string.h>
#include <uv.h>
#include "base/buf.h"
#include "base/json.h"
#include "base/list.h"
#include "base/map.h"
#include "gateway/websocket.h"
#include "tappet/client.h"

#define DATA_MAX ((size_t)1 << 20)
#define ACTIONS_MAX 4096
#define ACTIONS_BYTES_MAX ((size_t)16 << 20)
#define SUBSCRIPTIONS_MAX 64
#define FILTER_MAX ((size_t)16 * 1024)
#define MESSAGE_MAX ((size_t)16 << 20)
#define QUEUE_MAX ((size_t)2 << 20)
/* Answers of the daemon that are not an error of this connection, but an end of it. */
#define CLOSE_UNAUTHORIZED 4401
#define CLOSE_TOO_BIG 1009

struct tappet_client {
	struct ws_client *ws;
	struct websocket *socket; /* NULL: it is over */
	uv_timer_t timer;         /* for subscriptions that a busy daemon has put off */
	void (*changed)(void *arg, tappet_client *client, const tappet_client_state *state);
	void *arg;
	bool open, over, closing;
	unsigned inside; /* of callbacks: subscriptions that go stay in memory until it is left */
	uint64_t last_id;
	struct list actions; /* in the order they were asked for */
	struct map action_ids;
	size_t action_count, action_bytes;
	struct list subscriptions;
	size_t subscription_count;
	void (*closed)(void *arg);
	void *closed_arg;
};

struct action {
	struct list node;
	tappet_client_ack_cb cb;
	void *arg;
	bool sent; /* on this connection */
	char id[24];
	char key[256];
	size_t len;
	char message[]; /* as it is sent */
};

struct tappet_subscription {
	struct list node;
	tappet_client *client;
	tappet_client_follower follower;
	void *arg;
	bool replay; /* `position` is where to begin */
	bool gone;   /* only its memory is left */
	bool begun;  /* on this connection */
	bool asked;  /* on this connection */
	uint64_t position;
	char id[24];
	char *filter; /* JSON */
};

/* client.c. A text that goes out at once; false: it has to wait for room, or for the connection. */
bool client_say(tappet_client *c, const char *text, size_t len);
/* Around callbacks. */
void client_enter(tappet_client *c);
void client_leave(tappet_client *c);
void client_next_id(tappet_client *c, char prefix, char ret[static 24]);

/* action.c: sends what has not been sent on this connection, as far as there is room. */
void actions_send(tappet_client *c);
/* What was sent on a connection that is gone is to be sent again. */
void actions_unsend(tappet_client *c);
/* No answer will come to any of them. */
void actions_fail(tappet_client *c, int32_t error, const char *message);
/* The connection was closed for a message that is too large: sent again, the action would end each further one too. */
void actions_fail_largest(tappet_client *c);
/* False: it is not about an action that is known. */
bool actions_answer(tappet_client *c, const struct json *message, tappet_str text);
/* The result that a code of the daemon stands for. */
int32_t error_of_code(const char *code);

/* subscription.c */
void subscriptions_send(tappet_client *c);
void subscriptions_unsend(tappet_client *c);
void subscriptions_take(tappet_client *c, const char *type, const struct json *message);
bool subscriptions_error(tappet_client *c, const struct json *message);
void client_ask_again(tappet_client *c, int64_t after_ms);
void subscriptions_sweep(tappet_client *c);
void subscriptions_free(tappet_client *c);

#endif
