/* emit by WebSocket: a token with a scope `action:…` is enough. */
#include "base/json.h"
#include "cli/acted.h"
#include "cli/socket.h"
#include "cli/socket_link.h"

/* A daemon that is busy is asked again. */
#define TRIES_MAX 5
/* For a daemon that went away before it answered. */
#define PATIENCE_MS 60000

struct emitter {
	struct link link;
	const char *topic;
	const struct buf *data;
	char key[256];
	unsigned tries;
	uv_timer_t timer;
};

static int code_of(int32_t error)
{
	switch (error) {
	case TAPPET_OK:
		return CLI_OK;
	case TAPPET_EUNKNOWN:
	case TAPPET_ECANCELED:
		return CLI_UNKNOWN;
	case TAPPET_EIO:
		return CLI_FAILED;
	case TAPPET_ETOOBIG:
		return CLI_USAGE;
	default:
		return CLI_REFUSED;
	}
}

static void print(const struct emitter *e, const tappet_client_ack *ack)
{
	struct json *answer = NULL;
	if (e->link.c->json) {
		fwrite(ack->json.ptr, 1, ack->json.len, stdout);
		putchar('\n');
	} else if (json_parse(ack->json.ptr, ack->json.len, &answer, NULL) == 0) {
		acted_print(e->link.c, e->topic, answer);
		json_free(answer);
	}
}

static void act(uv_timer_t *timer);

static void on_ack(void *arg, const tappet_client_ack *ack)
{
	struct emitter *e = arg;
	const bool is_final = ack->json.len > 0 || ack->error == TAPPET_ETOOBIG;
	/* Sent again it has to have the key that it had. */
	snprintf(e->key, sizeof(e->key), "%.*s", (int)ack->key.len, ack->key.ptr);
	/* Without a connection there is none; why, is told by who has it. */
	if (!is_final)
		return;
	link_answered(&e->link);
	if (ack->error == TAPPET_EBUSY && ++e->tries < TRIES_MAX) {
		uv_timer_start(&e->timer, act, ack->retry_after_ms > 0 ? (uint64_t)ack->retry_after_ms : 1000, 0);
		return;
	}
	if (ack->json.len > 0 && (ack->error == TAPPET_OK || ack->match_count > 0))
		print(e, ack);
	if (ack->error)
		cli_error("%.*s", (int)ack->message.len, ack->message.len ? ack->message.ptr : "");
	link_end(&e->link, code_of(ack->error));
}

static void act(uv_timer_t *timer)
{
	struct emitter *e = timer->data;
	const tappet_str data = tappet_strn(buf_cstr(e->data), e->data->len);
	int32_t error = tappet_client_action(e->link.client, e->topic, data, e->key[0] ? e->key : NULL, on_ack, e);
	e->link.unanswered = true;
	if (!error)
		return;
	cli_error("%s", error == TAPPET_ETOOBIG ? "the data are too large" : "the topic or the key cannot be used");
	link_end(&e->link, CLI_USAGE);
}

int socket_emit(struct cli *c, const char *topic, const struct buf *data, const char *key)
{
	struct emitter e = {.topic = topic, .data = data};
	int code = link_open(&e.link, c, PATIENCE_MS);
	if (code != CLI_OK)
		return code;
	snprintf(e.key, sizeof(e.key), "%s", key ? key : "");
	uv_timer_init(&e.link.loop, &e.timer);
	e.timer.data = &e;
	e.link.timer = &e.timer;
	act(&e.timer);
	return link_run(&e.link);
}
