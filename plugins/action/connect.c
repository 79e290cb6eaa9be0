#include "connect.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "connect_parts.h"

#define REASON_MAX 300
/* What a server that was given up for its silence is told (RFC 6455 section 7.4.2: private use). */
#define CODE_STALLED 4000

static void begin_again(void *arg);

/* ---- Life ------------------------------------------------------------------------------------------------------ */

void connect_unref(struct connect *c)
{
	if (--c->refs > 0)
		return;
	connect_spec_release(&c->spec);
	text_release(&c->cursor);
	free(c);
}

static void stop_timers(struct connect *c)
{
	const tappet_host *host = c->owner->host;
	host->timer_stop(c->heartbeat);
	host->timer_stop(c->stall);
	c->heartbeat = c->stall = NULL;
}

static void health(const struct connect *c, int32_t state, const char *reason, int64_t until_ms)
{
	if (c->trigger)
		c->owner->host->health(c->owner->self, c->trigger, state, reason, until_ms);
}

/* ---- What is said ---------------------------------------------------------------------------------------------- */

bool connect_say(struct connect *c, const struct connect_message *message, const struct template_values *values)
{
	struct text text = {0};
	template_expand(message->template, message->is_json, values, &text);
	const tappet_str part = tappet_strn(text.bytes, text.len);
	const int32_t r = text.failed ? TAPPET_ENOMEM : c->owner->ws->send(c->socket, TAPPET_WS_TEXT, &part, 1);
	text_release(&text);
	if (r == TAPPET_OK)
		return true;
	/* What is not said would be waited for. The connection is made anew, and everything comes again. */
	c->open = false;
	(void)c->owner->ws->close(c->socket, TAPPET_WS_TRY_LATER, tappet_cstr("cannot answer"));
	return false;
}

static struct template_values values_now(const struct connect *c)
{
	return (struct template_values){.cursor = tappet_strn(c->cursor.bytes, c->cursor.len)};
}

static void beat(void *arg)
{
	struct connect *c = arg;
	const struct template_values values = values_now(c);
	if (c->open)
		(void)connect_say(c, &c->spec.heartbeat, &values);
}

/* ---- Silence --------------------------------------------------------------------------------------------------- */

static void look_for_life(void *arg);

static void watch(struct connect *c, int64_t delay_ms)
{
	if (c->owner->host->timer_start(c->owner->self, delay_ms, 0, look_for_life, c, &c->stall) < 0)
		c->stall = NULL;
}

static void look_for_life(void *arg)
{
	struct connect *c = arg;
	const int64_t quiet_ms = c->owner->host->mono_ms(c->owner->self) - c->heard_ms;
	c->stall = NULL;
	if (!c->open)
		return;
	/* Who is not read cannot be heard. */
	if (c->paused || quiet_ms < c->spec.stall_ms) {
		watch(c, c->paused ? c->spec.stall_ms : c->spec.stall_ms - quiet_ms);
		return;
	}
	c->open = false;
	health(c, TAPPET_HEALTH_BACKING_OFF, "no message for too long (stall)",
	       c->owner->host->wall_ms(c->owner->self));
	(void)c->owner->ws->close(c->socket, CODE_STALLED, tappet_cstr("no message for too long"));
}

/* ---- What the connection tells --------------------------------------------------------------------------------- */

static void on_open(void *arg, tappet_ws *socket)
{
	struct connect *c = arg;
	const tappet_host *host = c->owner->host;
	const struct template_values values = values_now(c);
	(void)socket;
	c->open = true;
	c->generation++;
	c->heard_ms = host->mono_ms(c->owner->self);
	health(c, TAPPET_HEALTH_RUNNING, "", 0);
	for (size_t i = 0; i < c->spec.open_count; i++)
		if (!connect_say(c, &c->spec.open[i], &values))
			return;
	if (c->spec.heartbeat_ms &&
	    host->timer_start(c->owner->self, c->spec.heartbeat_ms, c->spec.heartbeat_ms, beat, c, &c->heartbeat) < 0)
		c->heartbeat = NULL;
	if (c->spec.stall_ms)
		watch(c, c->spec.stall_ms);
	/* Another connection, perhaps by the same handle: it is not held up yet. */
	c->owner->ws->pause(c->socket, 0);
	c->paused = false;
	flow_pump(c);
}

static void on_message(void *arg, tappet_ws *socket, int32_t kind, tappet_str bytes)
{
	struct connect *c = arg;
	(void)socket;
	c->heard_ms = c->owner->host->mono_ms(c->owner->self);
	flow_take(c, kind, bytes);
}

static void say_why(const tappet_ws_end *end, char *reason, size_t size)
{
	if (end->detail.len > 0)
		snprintf(reason, size, "%.*s", (int)(end->detail.len < size ? end->detail.len : size - 1),
			 end->detail.ptr);
	else if (end->reason.len > 0)
		snprintf(reason, size, "closed by the server: %d %.*s", (int)end->code, (int)end->reason.len,
			 end->reason.ptr);
	else
		snprintf(reason, size, "closed by the server: %d", (int)end->code);
}

/* The host tries no more: it was told to close, or it can never work. */
static void ended(struct connect *c, const tappet_ws_end *end, const char *reason)
{
	const tappet_host *host = c->owner->host;
	const struct connect_owner *owner = c->owner;
	c->socket = NULL;
	c->paused = false;
	if (end->error == TAPPET_EINVAL)
		health(c, TAPPET_HEALTH_DEAD, reason, 0);
	else if (c->trigger && !c->stopping &&
		 host->timer_start(owner->self, c->spec.retry_min_ms, 0, begin_again, c, &c->again) < 0)
		health(c, TAPPET_HEALTH_DEAD, "out of memory", 0);
	connect_unref(c);
	owner->end(owner->arg);
}

static void on_closed(void *arg, tappet_ws *socket, const tappet_ws_end *end)
{
	struct connect *c = arg;
	const tappet_host *host = c->owner->host;
	char reason[REASON_MAX];
	(void)socket;
	c->open = false;
	stop_timers(c);
	say_why(end, reason, sizeof(reason));
	if (end->retry_ms == 0)
		ended(c, end, reason);
	else
		health(c, TAPPET_HEALTH_BACKING_OFF, reason, host->wall_ms(c->owner->self) + end->retry_ms);
}

/* ---- Connecting ------------------------------------------------------------------------------------------------ */

static const tappet_ws_handler handler = {
	.struct_size = sizeof(tappet_ws_handler),
	.open = on_open,
	.message = on_message,
	.closed = on_closed,
};

void connect_start(struct connect *c)
{
	const struct connect_spec *s = &c->spec;
	const tappet_ws_connect_options options = {
		.struct_size = sizeof(options),
		.url = s->url,
		.protocols = s->protocols[0] ? s->protocols : NULL,
		.headers = s->headers,
		.header_count = s->header_count,
		.ca_file = s->ca_file,
		.proxy = s->proxy,
		.message_max = (uint64_t)s->message_max,
		.ping_ms = s->ping_ms,
		.timeout_ms = s->timeout_ms,
		.retry_min_ms = s->retry_min_ms,
		.retry_max_ms = s->retry_max_ms,
	};
	if (c->socket || c->stopping || !c->trigger)
		return;
	const int32_t r = c->owner->ws->connect(c->owner->self, &options, &handler, c, &c->socket);
	if (r < 0) {
		health(c, TAPPET_HEALTH_DEAD,
		       r == TAPPET_EINVAL ? "the address, the proxy or a header cannot be used" : tappet_strerror(r),
		       0);
		return;
	}
	c->refs++;
	c->owner->begin(c->owner->arg);
	health(c, TAPPET_HEALTH_BACKING_OFF, "connecting", c->owner->host->wall_ms(c->owner->self));
	flow_pump(c);
}

static void begin_again(void *arg)
{
	struct connect *c = arg;
	c->again = NULL;
	connect_start(c);
}

void connect_resume(struct connect *c)
{
	c->blocked = false;
	flow_pump(c);
}

void connect_stop(struct connect *c)
{
	if (c->stopping)
		return;
	c->stopping = true;
	c->open = false;
	stop_timers(c);
	c->owner->host->timer_stop(c->again);
	c->again = NULL;
	flow_stop(c);
	if (c->socket)
		(void)c->owner->ws->close(c->socket, TAPPET_WS_GOING_AWAY, tappet_cstr(""));
}

void connect_remove(struct connect *c)
{
	connect_stop(c);
	c->trigger = NULL;
	connect_unref(c);
}

static int32_t take_cursor(struct connect *c, const tappet_trigger_info *info)
{
	const char *at = (const char *)info->checkpoints;
	for (size_t i = 0; i < info->checkpoint_count; i++, at += info->checkpoint_size) {
		const tappet_checkpoint *checkpoint = (const tappet_checkpoint *)(const void *)at;
		if (checkpoint->key.len == sizeof(CURSOR_KEY) - 1 &&
		    memcmp(checkpoint->key.ptr, CURSOR_KEY, checkpoint->key.len) == 0)
			text_bytes(&c->cursor, checkpoint->value.ptr, checkpoint->value.len);
	}
	return c->cursor.failed ? TAPPET_ENOMEM : TAPPET_OK;
}

int32_t connect_add(const struct connect_owner *owner, tappet_trigger *trigger, const tappet_trigger_info *info,
		    struct connect **ret)
{
	const tappet_host *host = owner->host;
	const struct option_source source = {
		.config = info->config, .str = host->config_str, .integer = host->config_int};
	struct connect *c = calloc(1, sizeof(*c));
	if (!c)
		return TAPPET_ENOMEM;
	c->owner = owner;
	c->trigger = trigger;
	c->refs = 1;
	c->last = &c->first;
	int32_t r = connect_spec_read(&source, &c->spec);
	if (r == TAPPET_OK)
		r = take_cursor(c, info);
	if (r < 0) {
		connect_unref(c);
		return r;
	}
	*ret = c;
	return TAPPET_OK;
}

/* ---- Checking -------------------------------------------------------------------------------------------------- */

struct checking {
	const tappet_checker *checker;
	tappet_check *check;
};

static void tell_mistake(void *arg, const char *key, size_t index, const char *pointer, const char *message)
{
	const struct checking *c = arg;
	c->checker->mistake(c->check, key, index, pointer, message);
}

void connect_check(const tappet_checker *checker, tappet_check *check, const tappet_config *config)
{
	struct checking checking = {checker, check};
	struct connect_spec spec;
	const struct option_source source = {
		.config = config,
		.str = checker->config_str,
		.integer = checker->config_int,
		.is_check = true,
		.mistake = tell_mistake,
		.arg = &checking,
	};
	(void)connect_spec_read(&source, &spec);
	connect_spec_release(&spec);
}
