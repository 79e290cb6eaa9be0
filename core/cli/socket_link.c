#include "cli/socket_link.h"

#include "cli/socket.h"

void link_end(struct link *l, int code)
{
	if (!l->client)
		return;
	l->code = code;
	tappet_client_close(l->client, NULL, NULL);
	l->client = NULL;
	if (l->timer)
		uv_close((uv_handle_t *)l->timer, NULL);
	l->timer = NULL;
}

void link_answered(struct link *l)
{
	l->unanswered = false;
	l->lost = 0;
}

static int code_of(int32_t error)
{
	switch (error) {
	case TAPPET_EDENIED:
	case TAPPET_EREFUSED:
		return CLI_REFUSED;
	case TAPPET_EINVAL:
		return CLI_USAGE;
	default:
		return CLI_UNREACHABLE;
	}
}

/* False: that was long enough. */
static bool wait_for_it(struct link *l, const tappet_client_state *state)
{
	const uint64_t now = uv_now(&l->loop);
	const int len = (int)state->detail.len;
	if (!l->told)
		fprintf(stderr, "tappet: the connection is gone%s%.*s%s; waiting for the daemon\n", len > 0 ? " (" : "",
			len, len > 0 ? state->detail.ptr : "", len > 0 ? ")" : "");
	l->told = true;
	if (l->lost == 0)
		l->lost = now;
	return l->patience_ms == 0 || now - l->lost < (uint64_t)l->patience_ms;
}

static void tell_why(const tappet_client_state *state)
{
	if (state->error == TAPPET_EDENIED && !getenv("TAPPET_TOKEN"))
		cli_error("a token is needed: put it into TAPPET_TOKEN");
	else if (state->error == TAPPET_EDENIED)
		cli_error("the daemon does not take the token of TAPPET_TOKEN");
	else
		cli_error("%.*s", (int)state->detail.len, state->detail.len ? state->detail.ptr : "");
}

/* The first connection has to come about; later ones are waited for. */
static void on_changed(void *arg, tappet_client *client, const tappet_client_state *state)
{
	struct link *l = arg;
	(void)client;
	if (state->state == TAPPET_CLIENT_OPEN) {
		l->was_open = true;
		l->told = false;
		return;
	}
	const bool was_there = state->state == TAPPET_CLIENT_WAITING && l->was_open;
	if (was_there && wait_for_it(l, state))
		return;
	tell_why(state);
	/* What was sent may have been taken, whatever the daemon says now. */
	link_end(l, was_there || (l->was_open && l->unanswered) ? CLI_UNKNOWN : code_of(state->error));
}

int link_open(struct link *l, struct cli *c, int64_t patience_ms)
{
	char *url = socket_url(c);
	*l = (struct link){.c = c, .patience_ms = patience_ms};
	if (!url || uv_loop_init(&l->loop) < 0) {
		free(url);
		return CLI_FAILED;
	}
	const tappet_client_options options = {
		.struct_size = sizeof(options),
		.url = url,
		.token = getenv("TAPPET_TOKEN"),
		.changed = on_changed,
		.arg = l,
	};
	int32_t error = tappet_client_open(&l->loop, &options, &l->client);
	if (error)
		cli_error("%s: %s", url, error == TAPPET_EINVAL ? "no address of a daemon" : "out of memory");
	free(url);
	if (!error)
		return CLI_OK;
	l->client = NULL;
	(void)link_run(l);
	return error == TAPPET_EINVAL ? CLI_USAGE : CLI_FAILED;
}

int link_run(struct link *l)
{
	uv_run(&l->loop, UV_RUN_DEFAULT);
	uv_loop_close(&l->loop);
	return l->code;
}
