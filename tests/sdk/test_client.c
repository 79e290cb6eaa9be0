/* The client library against daemons that follow a script. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>
#include "unit/gateway/support_peer.h"
#include <tappet/client.h>

#define WAIT_MS 20000
#define SEEN_MAX 64
#define CLOSE 0x88

struct setting {
	uv_loop_t loop;
	struct peer peer;
	tappet_client *client;
	tappet_client_options options;
	char url[64];
	/* What `changed` told. */
	unsigned opened, waited, overs;
	int32_t error, code;
	char detail[200];
	/* What actions were answered. */
	unsigned acks;
	tappet_client_ack ack; /* the last, without its texts */
	int32_t ack_errors[4];
	char ack_code[64], ack_key[160], first_activity[64], last_reason[64];
	/* What a subscription told. */
	tappet_subscription *subscription;
	uint64_t seqs[SEEN_MAX], gap_from, gap_to, begun;
	unsigned events, gaps, begins, ends;
	int32_t end_error;
	char last_event[64], first_data[200], first_workflow[64];
	unsigned unsubscribe_at;
	bool close_in_event, close_when_over, close_in_ack;
	bool inside, closed;
};

/* ---- the program ------------------------------------------------------------------------------------------------- */

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
}

static void on_tick_closed(uv_handle_t *handle)
{
	free(handle);
}

static void turn(struct setting *s)
{
	uv_timer_t *tick = malloc(sizeof(*tick));
	uv_timer_init(&s->loop, tick);
	uv_timer_start(tick, on_tick, 10, 0);
	uv_run(&s->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)tick, on_tick_closed);
}

#define until(s, condition)                                                                                            \
	do {                                                                                                           \
		uint64_t until_ = uv_hrtime() + WAIT_MS * (uint64_t)1000000;                                           \
		while (!(condition)) {                                                                                 \
			if (uv_hrtime() > until_)                                                                      \
				fail_msg("waited too long for: %s (%s)", #condition,                                   \
					 (s)->peer.wrong ? (s)->peer.wrong : "");                                      \
			turn(s);                                                                                       \
		}                                                                                                      \
	} while (0)

static void copy(char *to, size_t size, tappet_str text)
{
	snprintf(to, size, "%.*s", (int)text.len, text.ptr ? text.ptr : "");
}

static void on_closed(void *arg)
{
	struct setting *s = arg;
	s->closed = true;
}

static void on_changed(void *arg, tappet_client *client, const tappet_client_state *state)
{
	struct setting *s = arg;
	assert_false(s->inside);
	assert_ptr_equal(client, s->client);
	s->opened += state->state == TAPPET_CLIENT_OPEN;
	s->waited += state->state == TAPPET_CLIENT_WAITING;
	s->overs += state->state == TAPPET_CLIENT_OVER;
	s->error = state->error;
	s->code = state->code;
	copy(s->detail, sizeof(s->detail), state->detail);
	assert_int_equal(state->retry_ms > 0, state->state == TAPPET_CLIENT_WAITING);
	if (s->close_when_over && s->overs > 0)
		tappet_client_close(client, on_closed, s);
}

static void on_ack(void *arg, const tappet_client_ack *ack)
{
	struct setting *s = arg;
	assert_false(s->inside);
	s->ack_errors[s->acks++ % 4] = ack->error;
	s->ack = *ack;
	copy(s->ack_code, sizeof(s->ack_code), ack->code);
	copy(s->ack_key, sizeof(s->ack_key), ack->key);
	for (size_t i = 0; i < ack->match_count; i++) {
		const tappet_client_match *m = (const void *)(ack->matches + i * ack->match_size);
		if (i == 0)
			copy(s->first_activity, sizeof(s->first_activity), m->activity_id);
		copy(s->last_reason, sizeof(s->last_reason), m->reason);
	}
	if (s->close_in_ack) {
		s->inside = true;
		tappet_client_close(s->client, on_closed, s);
		s->inside = false;
	}
}

static void on_event(void *arg, tappet_subscription *subscription, const tappet_client_event *event)
{
	struct setting *s = arg;
	assert_false(s->inside);
	assert_ptr_equal(subscription, s->subscription);
	assert_true(s->events < SEEN_MAX);
	assert_int_equal(tappet_client_position(subscription), event->seq);
	s->seqs[s->events++] = event->seq;
	copy(s->last_event, sizeof(s->last_event), event->event);
	if (s->events == 1) {
		copy(s->first_data, sizeof(s->first_data), event->data);
		copy(s->first_workflow, sizeof(s->first_workflow), event->workflow);
	}
	if (s->events == s->unsubscribe_at)
		tappet_client_unsubscribe(subscription);
	if (s->close_in_event)
		tappet_client_close(s->client, on_closed, s);
}

static void on_gap(void *arg, tappet_subscription *subscription, uint64_t from, uint64_t to)
{
	struct setting *s = arg;
	(void)subscription;
	s->gaps++;
	s->gap_from = from;
	s->gap_to = to;
}

static void on_begun(void *arg, tappet_subscription *subscription, uint64_t seq)
{
	struct setting *s = arg;
	(void)subscription;
	s->begins++;
	s->begun = seq;
}

static void on_ended(void *arg, tappet_subscription *subscription, int32_t error, tappet_str message)
{
	struct setting *s = arg;
	(void)subscription;
	(void)message;
	s->ends++;
	s->end_error = error;
}

static const tappet_client_follower follower = {
	.struct_size = sizeof(follower), .event = on_event, .gap = on_gap, .begun = on_begun, .ended = on_ended};

static void begin(struct setting *s, peer_script script)
{
	memset(s, 0, sizeof(*s));
	assert_int_equal(uv_loop_init(&s->loop), 0);
	s->peer.more = "Sec-WebSocket-Protocol: tappet.v1\r\n";
	peer_open(&s->peer, script, NULL);
	snprintf(s->url, sizeof(s->url), "ws://127.0.0.1:%d/action", s->peer.port);
	s->options = (tappet_client_options){.struct_size = sizeof(s->options),
					     .url = s->url,
					     .token = "tpt_x",
					     .retry_min_ms = 5,
					     .retry_max_ms = 10,
					     .changed = on_changed,
					     .arg = s};
}

static void open_client(struct setting *s)
{
	s->inside = true;
	assert_int_equal(tappet_client_open(&s->loop, &s->options, &s->client), 0);
	s->inside = false;
}

static void act(struct setting *s, const char *topic, const char *data, const char *key)
{
	s->inside = true;
	assert_int_equal(tappet_client_action(s->client, topic, tappet_cstr(data), key, on_ack, s), 0);
	s->inside = false;
}

static void follow(struct setting *s, const tappet_client_filter *filter)
{
	s->inside = true;
	assert_int_equal(tappet_client_subscribe(s->client, filter, &follower, s, &s->subscription), 0);
	s->inside = false;
}

static void finish(struct setting *s)
{
	tappet_client_close(s->client, on_closed, s);
	until(s, s->closed);
	uv_run(&s->loop, UV_RUN_NOWAIT);
	assert_int_equal(uv_run(&s->loop, UV_RUN_NOWAIT), 0);
	assert_int_equal(uv_loop_close(&s->loop), 0);
	peer_close(&s->peer);
}

/* ---- the daemon -------------------------------------------------------------------------------------------------- */

/* Reads one message; it has to be this one, or the end when NULL. */
static bool hear(struct peer *p, const char *expected)
{
	static char text[70000];
	unsigned first = 0;
	size_t len = 0;
	if (!peer_read_frame(p, &first, text, sizeof(text) - 1, &len) || first == CLOSE) {
		peer_check(p, !expected);
		return false;
	}
	text[len] = '\0';
	if (!expected || strcmp(text, expected) != 0) {
		fprintf(stderr, "heard %s\n", text);
		peer_check(p, false);
		return false;
	}
	return true;
}

static void say(struct peer *p, const char *text)
{
	peer_frame(p, 0x81, text, strlen(text));
}

static void wait_close(struct peer *p)
{
	char payload[200];
	unsigned first = 0;
	size_t len;
	while (peer_read_frame(p, &first, payload, sizeof(payload), &len))
		if (first == CLOSE) {
			peer_frame(p, CLOSE, payload, len);
			return;
		}
}

/* ---- actions ----------------------------------------------------------------------------------------------------- */

static void acknowledges(struct peer *p, unsigned index)
{
	(void)index;
	if (!peer_upgrade(p))
		return;
	peer_check(p, strstr(buf_cstr(&p->head), "\r\nAuthorization: Bearer tpt_x\r\n"));
	peer_check(p, strstr(buf_cstr(&p->head), "\r\nSec-WebSocket-Protocol: tappet.v1\r\n"));
	if (!hear(p, "{\"type\":\"action\",\"id\":\"a1\",\"topic\":\"orders.new\",\"data\":{\"n\": 1},\"key\":\"k1\"}"))
		return;
	say(p, "{\"type\":\"ack\",\"id\":\"a1\",\"matched\":2,\"activities\":[{\"workflow\":\"w\",\"trigger\":\"t\","
	       "\"activityId\":\"5de81b5fe638b70001fa9d09\",\"duplicate\":true}],\"refused\":[{\"workflow\":\"v\","
	       "\"trigger\":\"u\",\"reason\":\"filter\"}],\"released\":3}");
	wait_close(p);
}

static void test_tells_what_an_action_did(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, acknowledges);
	open_client(&s);
	act(&s, "orders.new", "{\"n\": 1}", "k1");
	assert_int_equal(tappet_client_pending(s.client), 1);
	until(&s, s.acks == 1);
	assert_int_equal(s.opened, 1);
	assert_int_equal(s.ack.error, 0);
	assert_int_equal(s.ack.matched_count, 2);
	assert_int_equal(s.ack.released_count, 3);
	assert_int_equal(s.ack.match_count, 2);
	assert_string_equal(s.first_activity, "5de81b5fe638b70001fa9d09");
	assert_string_equal(s.last_reason, "filter");
	assert_string_equal(s.ack_key, "k1");
	assert_int_equal(tappet_client_pending(s.client), 0);
	finish(&s);
	assert_int_equal(s.acks, 1);
	assert_int_equal(s.overs, 0);
}

static char first_key[64];

/* Cuts the first connection when the action has come, the second before; answers on the third. */
static void answers_late(struct peer *p, unsigned index)
{
	static char text[2][1000];
	unsigned first;
	size_t len;
	if (!peer_upgrade(p) || index == 1)
		return;
	char *to = text[index == 2];
	if (!peer_read_frame(p, &first, to, sizeof(text[0]) - 1, &len))
		return;
	to[len] = '\0';
	if (index == 0)
		return;
	peer_check(p, strcmp(text[0], text[1]) == 0);
	peer_check(p, strstr(text[0], "\"topic\":\"t\",\"key\":\""));
	snprintf(first_key, sizeof(first_key), "%.32s", strstr(text[0], "\"key\":\"") + 7);
	say(p, "{\"type\":\"ack\",\"id\":\"a1\",\"matched\":0,\"activities\":[],\"refused\":[]}");
	wait_close(p);
}

static void test_sends_again_what_was_not_acknowledged(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, answers_late);
	open_client(&s);
	act(&s, "t", "", NULL);
	until(&s, s.acks == 1);
	assert_int_equal(s.ack.error, 0);
	assert_int_equal(s.opened, 3);
	assert_int_equal(s.waited, 2);
	assert_int_equal(strlen(s.ack_key), 32);
	assert_string_equal(s.ack_key, first_key);
	finish(&s);
}

static void refuses(struct peer *p, unsigned index)
{
	(void)index;
	if (!peer_upgrade(p) ||
	    !hear(p, "{\"type\":\"action\",\"id\":\"a1\",\"topic\":\"t\",\"data\":1,\"key\":\"k\"}") ||
	    !hear(p, "{\"type\":\"action\",\"id\":\"a2\",\"topic\":\"t\",\"data\":2,\"key\":\"k\"}"))
		return;
	say(p, "{\"type\":\"error\",\"id\":\"a2\",\"code\":\"forbidden\",\"message\":\"No.\"}");
	say(p, "{\"type\":\"error\",\"id\":\"a9\",\"code\":\"internal\",\"message\":\"Nobody asked.\"}");
	say(p, "{\"type\":\"news\"}");
	say(p, "[]");
	say(p, "nonsense");
	say(p, "{\"type\":\"error\",\"id\":\"a1\",\"code\":\"busy\",\"message\":\"Later.\",\"retryAfterMs\":1000}");
	wait_close(p);
}

static void test_tells_why_an_action_was_not_taken(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, refuses);
	open_client(&s);
	act(&s, "t", "1", "k");
	act(&s, "t", "2", "k");
	until(&s, s.acks == 2);
	assert_int_equal(s.ack_errors[0], TAPPET_EDENIED);
	assert_int_equal(s.ack_errors[1], TAPPET_EBUSY);
	assert_string_equal(s.ack_code, "busy");
	assert_int_equal(s.ack.retry_after_ms, 1000);
	finish(&s);
}

static void counts(struct peer *p, unsigned index)
{
	static char payload[70000];
	char answer[200];
	unsigned first;
	size_t len;
	(void)index;
	if (!peer_upgrade(p))
		return;
	while (peer_read_frame(p, &first, payload, sizeof(payload) - 1, &len)) {
		payload[len] = '\0';
		if (first == CLOSE) {
			peer_frame(p, CLOSE, payload, len);
			return;
		}
		const char *id = strstr(payload, "\"id\":\"") + 6;
		snprintf(answer, sizeof(answer), "{\"type\":\"ack\",\"id\":\"%.*s\",\"matched\":0}",
			 (int)strcspn(id, "\""), id);
		say(p, answer);
	}
}

static void test_bounds_what_waits_for_an_answer(void **state)
{
	static char data[60000];
	struct setting s;
	unsigned count = 0;
	(void)state;
	begin(&s, counts);
	open_client(&s);
	memset(data, '1', sizeof(data) - 1);
	while (tappet_client_action(s.client, "t", tappet_cstr(data), NULL, on_ack, &s) == 0)
		count++;
	assert_in_range(count, 270, 280);
	assert_int_equal(tappet_client_action(s.client, "t", tappet_cstr(data), NULL, on_ack, &s), TAPPET_EBUSY);
	until(&s, s.acks == count);
	assert_int_equal(s.ack.error, 0);
	finish(&s);
}

/* Takes nothing of more than a KiB. */
static void takes_little(struct peer *p, unsigned index)
{
	static char text[70000];
	unsigned first;
	size_t len;
	if (!peer_upgrade(p) ||
	    !hear(p, "{\"type\":\"action\",\"id\":\"a1\",\"topic\":\"t\",\"data\":1,\"key\":\"k\"}"))
		return;
	if (index < 2) {
		/* Of what is there still. */
		for (unsigned i = index; i < 2; i++)
			peer_check(p, peer_read_frame(p, &first, text, sizeof(text), &len));
		peer_close_frame(p, 1009, "");
		return;
	}
	say(p, "{\"type\":\"ack\",\"id\":\"a1\",\"matched\":0}");
	wait_close(p);
}

static void test_gives_up_what_is_too_large_for_the_daemon(void **state)
{
	static char data[40000];
	struct setting s;
	(void)state;
	begin(&s, takes_little);
	open_client(&s);
	memset(data, '1', sizeof(data) - 1);
	act(&s, "t", "1", "k");
	act(&s, "t", data + sizeof(data) - 2000, "k2");
	act(&s, "t", data, "k3");
	until(&s, s.acks == 1);
	assert_int_equal(s.ack.error, TAPPET_ETOOBIG);
	assert_string_equal(s.ack_key, "k3");
	until(&s, s.acks == 2);
	assert_int_equal(s.ack.error, TAPPET_ETOOBIG);
	assert_string_equal(s.ack_key, "k2");
	until(&s, s.acks == 3);
	assert_int_equal(s.ack.error, 0);
	assert_string_equal(s.ack_key, "k");
	finish(&s);
}

static void test_bounds_the_whole_message(void **state)
{
	const size_t most = (size_t)1 << 20;
	const size_t besides = strlen("{\"type\":\"action\",\"id\":\"a1\",\"topic\":\"t\",\"data\":,\"key\":\"k\"}");
	char *data = malloc(most + 1);
	struct setting s;
	(void)state;
	begin(&s, counts);
	peer_close(&s.peer);
	open_client(&s);
	memset(data, '1', most + 1);
	assert_int_equal(tappet_client_action(s.client, "t", tappet_strn(data, most - besides + 1), "k", NULL, NULL),
			 TAPPET_ETOOBIG);
	assert_int_equal(tappet_client_action(s.client, "t", tappet_strn(data, most - besides), "k", NULL, NULL), 0);
	tappet_client_close(s.client, on_closed, &s);
	until(&s, s.closed);
	uv_run(&s.loop, UV_RUN_NOWAIT);
	assert_int_equal(uv_loop_close(&s.loop), 0);
	free(data);
}

/* ---- subscriptions ----------------------------------------------------------------------------------------------- */

static void replays(struct peer *p, unsigned index)
{
	if (!peer_upgrade(p))
		return;
	if (index == 0) {
		if (!hear(p, "{\"type\":\"subscribe\",\"id\":\"s1\",\"filter\":{\"workflow\":\"w\",\"types\":["
			     "\"activity.*\","
			     "\"step.log\"]},\"batch\":true,\"since\":10}"))
			return;
		say(p, "{\"type\":\"subscribed\",\"id\":\"s1\",\"seq\":10}");
		say(p, "{\"type\":\"event\",\"sub\":\"s1\",\"seq\":11,\"event\":\"activity.accepted\",\"time\":\"T\","
		       "\"workflow\":\"w\",\"activityId\":\"a\",\"data\":{\"x\":[1,\"\\u00e4\"]}}");
		say(p, "{\"type\":\"events\",\"sub\":\"s1\",\"events\":[{\"seq\":12,\"event\":\"activity.started\","
		       "\"data\":"
		       "{}},{\"seq\":15,\"event\":\"activity.completed\",\"data\":{}}]}");
		say(p, "{\"type\":\"position\",\"sub\":\"s1\",\"seq\":20}");
		peer_close_frame(p, 4408, "last 20");
		return;
	}
	if (index == 1) {
		if (!hear(p, "{\"type\":\"subscribe\",\"id\":\"s1\",\"filter\":{\"workflow\":\"w\",\"types\":["
			     "\"activity.*\","
			     "\"step.log\"]},\"batch\":true,\"since\":20}"))
			return;
		say(p, "{\"type\":\"subscribed\",\"id\":\"s1\",\"seq\":20}");
		/* What it has seen already is not handed over again. */
		say(p, "{\"type\":\"event\",\"sub\":\"s1\",\"seq\":15,\"event\":\"old\",\"data\":{}}");
		say(p, "{\"type\":\"gap\",\"sub\":\"s1\",\"from\":21,\"to\":40}");
		say(p, "{\"type\":\"event\",\"sub\":\"s1\",\"seq\":41,\"event\":\"activity.failed\",\"data\":{}}");
		say(p, "{\"type\":\"event\",\"sub\":\"s9\",\"seq\":42,\"event\":\"of nobody\",\"data\":{}}");
		return;
	}
	if (hear(p, "{\"type\":\"subscribe\",\"id\":\"s1\",\"filter\":{\"workflow\":\"w\",\"types\":[\"activity.*\","
		    "\"step.log\"]},\"batch\":true,\"since\":41}"))
		wait_close(p);
}

static void test_takes_events_up_where_it_stopped(void **state)
{
	static const char *const types[] = {"activity.*", "step.log", NULL};
	const tappet_client_filter filter = {
		.struct_size = sizeof(filter), .workflow = "w", .types = types, .replay = 1, .since = 10};
	struct setting s;
	(void)state;
	begin(&s, replays);
	open_client(&s);
	follow(&s, &filter);
	assert_int_equal(tappet_client_position(s.subscription), 10);
	until(&s, s.opened == 3);
	assert_string_equal(s.first_data, "{\"x\":[1,\"\xc3\xa4\"]}");
	assert_string_equal(s.first_workflow, "w");
	static const uint64_t expected[] = {11, 12, 15, 41};
	assert_int_equal(s.events, 4);
	assert_memory_equal(s.seqs, expected, sizeof(expected));
	assert_string_equal(s.last_event, "activity.failed");
	assert_int_equal(s.gaps, 1);
	assert_int_equal(s.gap_from, 21);
	assert_int_equal(s.gap_to, 40);
	assert_int_equal(s.begins, 2);
	assert_int_equal(tappet_client_position(s.subscription), 41);
	finish(&s);
}

static void begins_now(struct peer *p, unsigned index)
{
	if (!peer_upgrade(p))
		return;
	if (index == 0 && hear(p, "{\"type\":\"subscribe\",\"id\":\"s1\",\"filter\":{},\"batch\":true}"))
		say(p, "{\"type\":\"subscribed\",\"id\":\"s1\",\"seq\":77}");
	if (index == 1 && hear(p, "{\"type\":\"subscribe\",\"id\":\"s1\",\"filter\":{},\"batch\":true,\"since\":77}"))
		say(p, "{\"type\":\"event\",\"sub\":\"s1\",\"seq\":78,\"event\":\"x\",\"data\":{}}");
	if (index == 1)
		wait_close(p);
}

static void test_begins_with_what_comes_next_and_then_misses_nothing(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, begins_now);
	open_client(&s);
	follow(&s, NULL);
	until(&s, s.events == 1);
	assert_int_equal(s.seqs[0], 78);
	finish(&s);
}

static void turns_down(struct peer *p, unsigned index)
{
	(void)index;
	if (!peer_upgrade(p) || !hear(p, "{\"type\":\"subscribe\",\"id\":\"s1\",\"filter\":{},\"batch\":true}"))
		return;
	say(p, "{\"type\":\"error\",\"id\":\"s1\",\"code\":\"busy\",\"message\":\"Later.\",\"retryAfterMs\":100}");
	if (!hear(p, "{\"type\":\"subscribe\",\"id\":\"s1\",\"filter\":{},\"batch\":true}"))
		return;
	say(p, "{\"type\":\"error\",\"id\":\"s1\",\"code\":\"not-found\",\"message\":\"No such workflow.\"}");
	say(p, "{\"type\":\"event\",\"sub\":\"s1\",\"seq\":1,\"event\":\"x\",\"data\":{}}");
	wait_close(p);
}

static void test_asks_again_when_busy_and_ends_when_refused(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, turns_down);
	open_client(&s);
	follow(&s, NULL);
	until(&s, s.ends == 1);
	assert_int_equal(s.end_error, TAPPET_ENOTFOUND);
	finish(&s);
	assert_int_equal(s.events, 0);
}

static void sends_a_batch(struct peer *p, unsigned index)
{
	(void)index;
	if (!peer_upgrade(p) || !hear(p, "{\"type\":\"subscribe\",\"id\":\"s1\",\"filter\":{},\"batch\":true}"))
		return;
	say(p,
	    "{\"type\":\"events\",\"sub\":\"s1\",\"events\":[{\"seq\":1,\"event\":\"x\"},{\"seq\":2,\"event\":\"x\"},"
	    "{\"seq\":3,\"event\":\"x\"}]}");
	if (p->arg)
		(void)hear(p, "{\"type\":\"unsubscribe\",\"id\":\"s1\"}");
	wait_close(p);
}

static void test_may_be_left_in_the_middle_of_a_batch(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, sends_a_batch);
	s.peer.arg = &s;
	s.unsubscribe_at = 2;
	open_client(&s);
	follow(&s, NULL);
	until(&s, s.events == 2);
	for (int i = 0; i < 5; i++)
		turn(&s);
	assert_int_equal(s.events, 2);
	finish(&s);
	begin(&s, sends_a_batch);
	s.close_in_event = true;
	open_client(&s);
	follow(&s, NULL);
	until(&s, s.closed);
	assert_int_equal(s.events, 1);
	uv_run(&s.loop, UV_RUN_NOWAIT);
	assert_int_equal(uv_loop_close(&s.loop), 0);
	peer_close(&s.peer);
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

static void knows_no_token(struct peer *p, unsigned index)
{
	(void)index;
	if (peer_read_head(p))
		peer_say(p, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
}

static void revokes(struct peer *p, unsigned index)
{
	(void)index;
	if (!peer_upgrade(p))
		return;
	peer_close_frame(p, 4401, "");
	peer_wait_end(p);
}

static void test_is_over_when_the_token_is_not_taken(void **state)
{
	static const peer_script scripts[] = {knows_no_token, revokes};
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct setting s;
		begin(&s, scripts[i]);
		open_client(&s);
		act(&s, "t", "", NULL);
		until(&s, s.overs == 1);
		assert_int_equal(s.error, TAPPET_EDENIED);
		assert_int_equal(s.acks, 1);
		assert_int_equal(s.ack.error, TAPPET_EDENIED);
		assert_int_equal(tappet_client_action(s.client, "t", tappet_cstr(""), NULL, NULL, NULL), TAPPET_ESTATE);
		for (int turns = 0; turns < 5; turns++)
			turn(&s);
		assert_int_equal(s.peer.connections, 1);
		finish(&s);
	}
}

static void test_is_over_after_one_attempt_when_asked_so(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, knows_no_token);
	peer_close(&s.peer);
	s.options.one_attempt = 1;
	open_client(&s);
	act(&s, "t", "", NULL);
	until(&s, s.overs == 1);
	assert_int_equal(s.error, TAPPET_EIO);
	assert_int_equal(s.ack.error, TAPPET_ECANCELED);
	tappet_client_close(s.client, on_closed, &s);
	until(&s, s.closed);
	uv_run(&s.loop, UV_RUN_NOWAIT);
	assert_int_equal(uv_loop_close(&s.loop), 0);
}

static void test_may_be_closed_while_it_tells_that_it_is_over(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct setting s;
		begin(&s, knows_no_token);
		/* Nobody listens any more, or the token is not taken. */
		if (i < 2)
			peer_close(&s.peer);
		s.options.one_attempt = 1;
		s.close_when_over = i != 1;
		s.close_in_ack = i != 0;
		open_client(&s);
		follow(&s, NULL);
		act(&s, "t", "", NULL);
		act(&s, "t", "", NULL);
		until(&s, s.closed);
		assert_int_equal(s.acks, 2);
		assert_int_equal(s.ack.error, i < 2 ? TAPPET_ECANCELED : TAPPET_EDENIED);
		assert_int_equal(s.overs, i == 0);
		uv_run(&s.loop, UV_RUN_NOWAIT);
		assert_int_equal(uv_loop_close(&s.loop), 0);
		if (i == 2)
			peer_close(&s.peer);
	}
}

static void reads_only(struct peer *p, unsigned index)
{
	(void)index;
	if (peer_upgrade(p))
		wait_close(p);
}

static void test_tells_of_actions_without_an_answer_when_it_is_closed(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, reads_only);
	open_client(&s);
	follow(&s, NULL);
	act(&s, "t", "", NULL);
	until(&s, s.opened == 1);
	finish(&s);
	assert_int_equal(s.acks, 1);
	assert_int_equal(s.ack.error, TAPPET_ECANCELED);
	assert_int_equal(s.overs, 0);
	assert_int_equal(s.ends, 0);
}

static void test_refuses_what_is_wrong(void **state)
{
	struct setting s;
	(void)state;
	begin(&s, reads_only);
	s.options.url = "http://h/";
	assert_int_equal(tappet_client_open(&s.loop, &s.options, &s.client), TAPPET_EINVAL);
	s.options.url = s.url;
	s.options.struct_size = 8;
	assert_int_equal(tappet_client_open(&s.loop, &s.options, &s.client), TAPPET_EINVAL);
	s.options.struct_size = sizeof(s.options);
	open_client(&s);
	const tappet_str none = tappet_cstr("");
	assert_int_equal(tappet_client_action(s.client, "", none, NULL, NULL, NULL), TAPPET_EINVAL);
	assert_int_equal(tappet_client_action(s.client, "t", tappet_cstr("{"), NULL, NULL, NULL), TAPPET_EINVAL);
	assert_int_equal(tappet_client_action(s.client, "t", none, "", NULL, NULL), TAPPET_EINVAL);
	tappet_client_follower nothing = {.struct_size = sizeof(nothing)};
	assert_int_equal(tappet_client_subscribe(s.client, NULL, &nothing, NULL, &s.subscription), TAPPET_EINVAL);
	for (int i = 0; i < 64; i++)
		assert_int_equal(tappet_client_subscribe(s.client, NULL, &follower, &s, &s.subscription), 0);
	assert_int_equal(tappet_client_subscribe(s.client, NULL, &follower, &s, &s.subscription), TAPPET_EBUSY);
	tappet_client_unsubscribe(s.subscription);
	assert_int_equal(tappet_client_subscribe(s.client, NULL, &follower, &s, &s.subscription), 0);
	tappet_client_unsubscribe(NULL);
	tappet_client_close(NULL, NULL, NULL);
	finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tells_what_an_action_did),
		cmocka_unit_test(test_sends_again_what_was_not_acknowledged),
		cmocka_unit_test(test_tells_why_an_action_was_not_taken),
		cmocka_unit_test(test_bounds_what_waits_for_an_answer),
		cmocka_unit_test(test_gives_up_what_is_too_large_for_the_daemon),
		cmocka_unit_test(test_bounds_the_whole_message),
		cmocka_unit_test(test_takes_events_up_where_it_stopped),
		cmocka_unit_test(test_begins_with_what_comes_next_and_then_misses_nothing),
		cmocka_unit_test(test_asks_again_when_busy_and_ends_when_refused),
		cmocka_unit_test(test_may_be_left_in_the_middle_of_a_batch),
		cmocka_unit_test(test_is_over_when_the_token_is_not_taken),
		cmocka_unit_test(test_is_over_after_one_attempt_when_asked_so),
		cmocka_unit_test(test_may_be_closed_while_it_tells_that_it_is_over),
		cmocka_unit_test(test_tells_of_actions_without_an_answer_when_it_is_closed),
		cmocka_unit_test(test_refuses_what_is_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
