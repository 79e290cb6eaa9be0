/* What is kept of a schedule: its cursor, and what people have done to it. Committed with each fire, so it is short. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "schedule.h"

/* An interval without an anchor of its own counts from when it was made. */
static size_t write_rest(const struct unit *u, const struct state_change *change, char *text, size_t size)
{
	const int64_t values[] = {schedule_anchor(u->schedule) == INT64_MIN ? 0 : schedule_anchor(u->schedule),
				  u->skip_ms > change->cursor_ms ? u->skip_ms : 0,
				  u->paused ? u->paused_ms : 0,
				  u->held ? u->paused_ms : 0,
				  u->quiet_ms > change->cursor_ms ? u->quiet_ms : 0,
				  change->missed};
	static const char *const keys[] = {"anchor", "skip", "paused", "held", "quiet", "missed"};
	size_t len = 0;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (values[i] != 0)
			len += (size_t)snprintf(text + len, size - len, ",\"%s\":%" PRId64, keys[i], values[i]);
	return len;
}

size_t state_write(const struct unit *u, const struct state_change *change, char text[static STATE_MAX])
{
	size_t len = (size_t)snprintf(text, STATE_MAX, "{\"cursor\":%" PRId64 ",\"rules\":\"%016" PRIx64 "\"",
				      change->cursor_ms, u->fingerprint);
	len += write_rest(u, change, text + len, STATE_MAX - len);
	return len + (size_t)snprintf(text + len, STATE_MAX - len, "}");
}

int64_t state_number(const cJSON *state, const char *key)
{
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(state, key);
	return cJSON_IsNumber(value) ? (int64_t)value->valuedouble : 0;
}

static bool same_rules(const struct unit *u, const cJSON *state)
{
	char rules[24];
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(state, "rules");
	snprintf(rules, sizeof(rules), "%016" PRIx64, u->fingerprint);
	return cJSON_IsString(value) && strcmp(value->valuestring, rules) == 0;
}

bool state_read(struct unit *u, tappet_str text)
{
	cJSON *state = cJSON_ParseWithLength(text.ptr, text.len);
	const bool same = state && same_rules(u, state);
	/* A pause is somebody's decision about the trigger, whatever its rules. */
	if (state) {
		u->paused = state_number(state, "paused") != 0;
		u->held = state_number(state, "held") != 0;
		u->paused_ms = u->paused ? state_number(state, "paused") : state_number(state, "held");
	}
	if (same) {
		/* An object's rules may have come back: what they were before its last change is past. */
		if (!u->object || state_number(state, "cursor") > u->cursor_ms)
			u->cursor_ms = state_number(state, "cursor");
		u->skip_ms = state_number(state, "skip");
		u->quiet_ms = state_number(state, "quiet");
		u->missed = (uint32_t)state_number(state, "missed");
		if (state_number(state, "anchor") != 0)
			schedule_set_anchor(u->schedule, state_number(state, "anchor"));
	}
	cJSON_Delete(state);
	return same;
}

char *state_key(const struct unit *u, char key[static KEY_SIZE])
{
	char id[UNIT_ID_SIZE];
	if (u->object)
		snprintf(key, KEY_SIZE, "%.24s+", unit_id(u, id));
	else
		snprintf(key, KEY_SIZE, "state");
	return key;
}

int32_t state_put(struct unit *u, tappet_done_cb done, void *arg)
{
	const struct plugin *p = u->binding->plugin;
	const struct state_change change = {.cursor_ms = u->cursor_ms, .missed = u->missed};
	char text[STATE_MAX], key[KEY_SIZE];
	const size_t len = state_write(u, &change, text);
	return p->host->kv_put(p->self, u->binding->trigger, tappet_cstr(state_key(u, key)), tappet_strn(text, len),
			       done, arg);
}
