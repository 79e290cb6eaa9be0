/* Messages of a connection on their way into the store, in the order in which they came.
 *
 *   WAITING --emit--> UNDER WAY --settled--> (answered, gone)
 *      ^---------- not stored --'
 *
 * When one was not stored, those behind it are not either; all of them wait for a while, and are handed over again. */
#include <stdlib.h>
#include <string.h>
#include "connect_parts.h"
#include "connect_path.h"
#include "scan.h"

#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 30000

struct flight {
	struct flight *next;
	struct connect *connect;
	struct text payload;
	size_t data_at, data_len; /* the message, within the payload */
	struct text cursor;       /* JSON; empty: it has none */
	uint64_t generation;
	bool under_way;
	size_t key_len;
	char key[DEDUP_KEY_MAX];
};

static tappet_str as_str(const struct text *t)
{
	return tappet_strn(t->bytes, t->len);
}

static void flight_free(struct flight *f)
{
	text_release(&f->payload);
	text_release(&f->cursor);
	free(f);
}

/* Takes it out of the window. */
static void flight_end(struct flight *f)
{
	struct connect *c = f->connect;
	struct flight **at = &c->first;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	if (c->last == &f->next)
		c->last = at;
	c->window_count--;
	c->window_bytes -= f->payload.len;
	flight_free(f);
}

/* The host is told only when it changes. */
static void update_pause(struct connect *c)
{
	const bool full = c->window_count >= WINDOW_COUNT || c->window_bytes >= WINDOW_BYTES;
	const bool paused = full || c->blocked || c->holding;
	if (paused == c->paused || !c->socket)
		return;
	c->paused = paused;
	c->owner->ws->pause(c->socket, paused);
	/* It could not be heard, so its silence begins now. */
	if (!paused)
		c->heard_ms = c->owner->host->mono_ms(c->owner->self);
}

static void refuse(struct connect *c, int32_t reason, const char *detail)
{
	c->owner->host->refuse(c->owner->self, c->trigger, reason, tappet_cstr(detail));
}

/* ---- What becomes of one --------------------------------------------------------------------------------------- */

static tappet_str outcome_of(int32_t outcome)
{
	if (outcome == TAPPET_OK)
		return tappet_cstr("\"accepted\"");
	if (outcome == TAPPET_ECONFLICT)
		return tappet_cstr("\"conflict\"");
	return tappet_cstr(outcome == TAPPET_EREFUSED ? "\"refused\"" : "\"duplicate\"");
}

static void answer(const struct flight *f, const tappet_result *result)
{
	struct connect *c = f->connect;
	struct text id = {0};
	if (!c->spec.reply.template.ptr || !c->open || f->generation != c->generation)
		return;
	if (result->activity_id[0])
		text_json(&id, tappet_cstr(result->activity_id));
	const struct template_values values = {
		.cursor = as_str(&f->cursor),
		.message = tappet_strn(f->payload.bytes + f->data_at, f->data_len),
		.activity_id = as_str(&id),
		.outcome = outcome_of(result->outcome),
	};
	(void)connect_say(c, &c->spec.reply, &values);
	text_release(&id);
}

static bool is_settled(const tappet_result *result)
{
	switch (result->outcome) {
	case TAPPET_OK:
	case TAPPET_EDUP:
	case TAPPET_ECONFLICT:
		return true;
	case TAPPET_EREFUSED:
		return result->reason != TAPPET_REASON_QUEUE_FULL && result->reason != TAPPET_REASON_STORE;
	default:
		return false;
	}
}

static void retry_now(void *arg)
{
	struct connect *c = arg;
	c->retry = NULL;
	c->holding = false;
	flow_pump(c);
}

/* Only when all are back is it known where to begin again. */
static void retry_later(struct connect *c)
{
	const tappet_host *host = c->owner->host;
	if (!c->holding || c->in_flight > 0 || c->retry || c->stopping)
		return;
	c->retry_ms = c->retry_ms == 0 ? RETRY_MIN_MS : c->retry_ms < RETRY_MAX_MS / 2 ? 2 * c->retry_ms : RETRY_MAX_MS;
	if (host->timer_start(c->owner->self, c->retry_ms, 0, retry_now, c, &c->retry) < 0)
		c->retry = NULL;
}

static void settle(struct flight *f, const tappet_result *result)
{
	struct connect *c = f->connect;
	f->under_way = false;
	if (is_settled(result)) {
		c->retry_ms = 0;
		answer(f, result);
		flight_end(f);
		return;
	}
	/* What may have been stored must not be stored twice. */
	if (result->outcome == TAPPET_EUNKNOWN && result->dedup_key.len <= sizeof(f->key)) {
		f->key_len = result->dedup_key.len;
		memcpy(f->key, result->dedup_key.ptr, f->key_len);
	}
	c->holding = true;
}

static void on_settled(void *arg, const tappet_result *result)
{
	struct flight *f = arg;
	struct connect *c = f->connect;
	const struct connect_owner *owner = c->owner;
	c->in_flight--;
	settle(f, result);
	if (c->stopping && c->in_flight == 0)
		flow_stop(c);
	retry_later(c);
	flow_pump(c);
	connect_unref(c);
	owner->end(owner->arg);
}

/* ---- Handing over ---------------------------------------------------------------------------------------------- */

static int32_t hand_over(struct flight *f)
{
	struct connect *c = f->connect;
	struct text cause = {0};
	const tappet_checkpoint checkpoint = {tappet_cstr(CURSOR_KEY), as_str(&f->cursor)};
	text_cstr(&cause, "{");
	text_member(&cause, "url", tappet_cstr(c->spec.where));
	text_cstr(&cause, "}");
	tappet_emission emission = {
		.struct_size = sizeof(emission),
		.payload = as_str(&f->payload),
		.cause = as_str(&cause),
		.dedup_key = tappet_strn(f->key, f->key_len),
		.checkpoints = &checkpoint,
		.checkpoint_count = f->cursor.len > 0 ? 1 : 0,
		.checkpoint_size = sizeof(checkpoint),
	};
	const int32_t r = cause.failed ? TAPPET_ENOMEM : c->owner->host->emit(c->trigger, &emission, on_settled, f);
	text_release(&cause);
	if (r < 0)
		return r;
	f->under_way = true;
	c->in_flight++;
	c->refs++;
	c->owner->begin(c->owner->arg);
	return TAPPET_OK;
}

static struct flight *next_to_go(const struct connect *c)
{
	struct flight *f = c->first;
	while (f && f->under_way)
		f = f->next;
	return f;
}

/* Whether the next one may be looked at. */
static bool go(struct flight *f)
{
	struct connect *c = f->connect;
	switch (hand_over(f)) {
	case TAPPET_OK:
		return true;
	case TAPPET_EBUSY:
		c->blocked = true;
		return false;
	case TAPPET_ETOOBIG:
		refuse(c, TAPPET_REASON_TOO_LARGE, "a message is larger than the host takes");
		flight_end(f);
		return true;
	case TAPPET_EINVAL:
		refuse(c, TAPPET_REASON_MALFORMED, "a message that cannot be handed over");
		flight_end(f);
		return true;
	default:
		c->holding = true;
		retry_later(c);
		return false;
	}
}

void flow_pump(struct connect *c)
{
	struct flight *f;
	while (c->trigger && !c->stopping && !c->holding && !c->blocked && (f = next_to_go(c)) != NULL && go(f))
		continue;
	update_pause(c);
}

/* ---- What comes ------------------------------------------------------------------------------------------------ */

static bool is_number(tappet_str value)
{
	return (*value.ptr >= '0' && *value.ptr <= '9') || *value.ptr == '-';
}

static void warn(const struct connect *c, const char *message)
{
	const tappet_field url = {"url", tappet_cstr(c->spec.where)};
	c->owner->host->log(c->owner->self, TAPPET_LOG_WARN, message, &url, 1);
}

/* A number or a text may be a key; it stands there as it is written. */
static void read_key(struct flight *f, tappet_str data)
{
	tappet_str value;
	char room[DEDUP_KEY_MAX + 1];
	if (!f->connect->spec.key.len || !path_find(data, f->connect->spec.key, &value))
		return;
	if (scan_string(value, room, sizeof(room), &f->key_len)) {
		memcpy(f->key, room, f->key_len);
	} else if (is_number(value) && value.len <= sizeof(f->key)) {
		f->key_len = value.len;
		memcpy(f->key, value.ptr, value.len);
	} else {
		f->key_len = 0;
		warn(f->connect, "a message has no key that can be used: no text or number of at most 255 bytes");
	}
}

static void read_cursor(struct flight *f, tappet_str data)
{
	struct connect *c = f->connect;
	tappet_str value;
	if (!c->spec.cursor.len || !path_find(data, c->spec.cursor, &value) || *value.ptr == 'n')
		return;
	if (value.len > CURSOR_MAX) {
		warn(c, "a cursor is longer than 64 KiB, and is not kept");
		return;
	}
	text_bytes(&f->cursor, value.ptr, value.len);
	text_release(&c->cursor);
	c->cursor = (struct text){0};
	text_bytes(&c->cursor, value.ptr, value.len);
}

static tappet_str trim(tappet_str text)
{
	static const char space[] = " \t\r\n";
	while (text.len > 0 && memchr(space, *text.ptr, sizeof(space) - 1)) {
		text.ptr++;
		text.len--;
	}
	while (text.len > 0 && memchr(space, text.ptr[text.len - 1], sizeof(space) - 1))
		text.len--;
	return text;
}

static struct flight *flight_new(struct connect *c, tappet_str bytes)
{
	struct flight *f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->connect = c;
	f->generation = c->generation;
	text_cstr(&f->payload, "{\"data\":");
	f->data_at = f->payload.len;
	const tappet_str json = trim(bytes);
	if (scan_is_value(json))
		text_bytes(&f->payload, json.ptr, json.len);
	else
		text_json(&f->payload, bytes);
	f->data_len = f->payload.len - f->data_at;
	text_member(&f->payload, "url", tappet_cstr(c->spec.where));
	text_cstr(&f->payload, "}");
	if (!f->payload.failed) {
		const tappet_str data = tappet_strn(f->payload.bytes + f->data_at, f->data_len);
		read_key(f, data);
		read_cursor(f, data);
	}
	if (!f->payload.failed && !f->cursor.failed)
		return f;
	flight_free(f);
	return NULL;
}

void flow_take(struct connect *c, int32_t kind, tappet_str bytes)
{
	if (!c->trigger || c->stopping)
		return;
	if (kind != TAPPET_WS_TEXT) {
		refuse(c, TAPPET_REASON_MALFORMED, "a binary message");
		return;
	}
	struct flight *f = flight_new(c, bytes);
	if (!f) {
		refuse(c, TAPPET_REASON_OTHER, "out of memory");
		return;
	}
	*c->last = f;
	c->last = &f->next;
	c->window_count++;
	c->window_bytes += f->payload.len;
	flow_pump(c);
}

/* Those that have a cursor are sent again by the server; of the others it is recorded that they got lost. */
void flow_stop(struct connect *c)
{
	const tappet_host *host = c->owner->host;
	host->timer_stop(c->retry);
	c->retry = NULL;
	for (struct flight *f = next_to_go(c); f; f = next_to_go(c)) {
		if (c->trigger && f->cursor.len == 0)
			refuse(c, TAPPET_REASON_PLUGIN_DOWN, "received, and not stored before the stop");
		flight_end(f);
	}
}
