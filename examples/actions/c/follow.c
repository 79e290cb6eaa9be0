/* SPDX-License-Identifier: MIT
 *
 * follow URL [TOPIC [JSON]]: sends one action, prints what it did, and follows events from then on. The number of the last one
 * is kept in the file `position`, and the next run goes on behind it. The token is in TAPPET_TOKEN. Ctrl-C ends it. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <tappet/client.h>
#include <uv.h>

#define POSITION_FILE "position"

struct program {
	tappet_client *client;
	uv_signal_t interrupt;
	int status;
};

/* ---- The number of the last event -------------------------------------------------------------------------------- */

/* Not 0: there is one. */
static int read_position(uint64_t *ret)
{
	FILE *file = fopen(POSITION_FILE, "r");
	int found = file && fscanf(file, "%" SCNu64, ret) == 1;
	if (file)
		fclose(file);
	return found;
}

/* A program that does something with its events keeps the number together with what it did. */
static void keep_position(uint64_t seq)
{
	FILE *file = fopen(POSITION_FILE, "w");
	if (!file)
		return;
	fprintf(file, "%" PRIu64 "\n", seq);
	fclose(file);
}

/* ---- What comes -------------------------------------------------------------------------------------------------- */

static void print(const char *name, tappet_str text)
{
	if (text.len > 0)
		printf(" %s=%.*s", name, (int)text.len, text.ptr);
}

static void on_event(void *arg, tappet_subscription *subscription, const tappet_client_event *event)
{
	(void)arg;
	(void)subscription;
	printf("event %" PRIu64 " %.*s", event->seq, (int)event->event.len, event->event.ptr);
	print("workflow", event->workflow);
	print("activity", event->activity_id);
	printf("\n");
	fflush(stdout);
	keep_position(event->seq);
}

static void on_gap(void *arg, tappet_subscription *subscription, uint64_t from_seq, uint64_t to_seq)
{
	(void)arg;
	(void)subscription;
	printf("gap %" PRIu64 " %" PRIu64 "\n", from_seq, to_seq);
}

static void on_ack(void *arg, const tappet_client_ack *ack)
{
	(void)arg;
	if (ack->error)
		printf("ack error %.*s %.*s\n", (int)ack->code.len, ack->code.ptr, (int)ack->message.len,
		       ack->message.ptr);
	else
		printf("ack matched=%" PRId64 "\n", ack->matched_count);
	for (size_t i = 0; i < ack->match_count; i++) {
		/* Newer libraries may have larger ones. */
		const tappet_client_match *match = (const void *)(ack->matches + i * ack->match_size);
		printf(" ");
		print("workflow", match->workflow);
		print("activity", match->activity_id);
		print("refused", match->reason);
		printf("\n");
	}
	fflush(stdout);
}

/* ---- The connection ---------------------------------------------------------------------------------------------- */

static void end(struct program *p, int status)
{
	p->status = status;
	tappet_client_close(p->client, NULL, NULL);
	p->client = NULL;
	if (!uv_is_closing((uv_handle_t *)&p->interrupt))
		uv_close((uv_handle_t *)&p->interrupt, NULL);
}

static void on_changed(void *arg, tappet_client *client, const tappet_client_state *state)
{
	struct program *p = arg;
	(void)client;
	if (state->state == TAPPET_CLIENT_OPEN) {
		fprintf(stderr, "connected\n");
		return;
	}
	fprintf(stderr, "not connected: %.*s\n", (int)state->detail.len, state->detail.ptr);
	if (state->state == TAPPET_CLIENT_OVER)
		end(p, 1);
}

static void on_interrupt(uv_signal_t *interrupt, int number)
{
	(void)number;
	end(interrupt->data, 0);
}

static int32_t begin(struct program *p, const char *topic, const char *data)
{
	tappet_subscription *subscription;
	tappet_client_filter filter = {.struct_size = sizeof(filter)};
	const tappet_client_follower follower = {.struct_size = sizeof(follower), .event = on_event, .gap = on_gap};
	filter.replay = read_position(&filter.since);
	int32_t error = tappet_client_subscribe(p->client, &filter, &follower, p, &subscription);
	if (!error && topic)
		error = tappet_client_action(p->client, topic, tappet_cstr(data), NULL, on_ack, p);
	return error;
}

int main(int argc, char **argv)
{
	struct program p = {0};
	if (argc < 2 || argc > 4) {
		fprintf(stderr, "usage: follow URL [TOPIC [JSON]]\n");
		return 2;
	}
	const tappet_client_options options = {
		.struct_size = sizeof(options),
		.url = argv[1],
		.token = getenv("TAPPET_TOKEN"),
		.changed = on_changed,
		.arg = &p,
	};
	uv_loop_t *loop = uv_default_loop();
	int32_t error = tappet_client_open(loop, &options, &p.client);
	uv_signal_init(loop, &p.interrupt);
	p.interrupt.data = &p;
	uv_signal_start(&p.interrupt, on_interrupt, SIGINT);
	if (!error)
		error = begin(&p, argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : "{}");
	if (error) {
		fprintf(stderr, "the address, the topic or the data cannot be used (%d)\n", (int)error);
		end(&p, 2);
	}
	uv_run(loop, UV_RUN_DEFAULT);
	uv_loop_close(loop);
	return p.status;
}
