/* The emission of a fire. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "schedule.h"

#define PAYLOAD_FIXED 512

char *utc_format(int64_t ms, char text[static INSTANT_TEXT_MAX])
{
	char whole[INSTANT_TEXT_MAX];
	const int64_t rest = (ms % 1000 + 1000) % 1000;
	instant_format((ms - rest) / 1000, 0, whole);
	/* The rules write an offset of zero as +00:00. */
	whole[19] = '\0';
	if (rest)
		snprintf(text, INSTANT_TEXT_MAX, "%.19s.%03dZ", whole, (int)rest);
	else
		snprintf(text, INSTANT_TEXT_MAX, "%.19sZ", whole);
	return text;
}

char *local_time(const struct unit *u, int64_t ms, char text[static INSTANT_TEXT_MAX])
{
	struct zone_interval i;
	char whole[INSTANT_TEXT_MAX];
	const int64_t rest = (ms % 1000 + 1000) % 1000, s = (ms - rest) / 1000;
	zone_at(schedule_zone(u->schedule), s, &i);
	instant_format(s, i.offset, whole);
	if (rest)
		snprintf(text, INSTANT_TEXT_MAX, "%.19s.%03d%.6s", whole, (int)rest, whole + 19);
	else
		memcpy(text, whole, sizeof(whole));
	return text;
}

/* "scheduledAt":…,"firedAt":… and what else there is to say, without braces. */
static size_t write_times(const struct unit *u, const struct shot *shot, char *text, size_t size)
{
	char at[INSTANT_TEXT_MAX], fired[INSTANT_TEXT_MAX];
	size_t len = (size_t)snprintf(text, size, "\"scheduledAt\":\"%s\",\"firedAt\":\"%s\"",
				      local_time(u, shot->at_ms, at), utc_format(shot->fired_ms, fired));
	if (shot->late)
		len += (size_t)snprintf(text + len, size - len, ",\"late\":true");
	if (shot->missed)
		len += (size_t)snprintf(text + len, size - len, ",\"missedCount\":%" PRIu32, shot->missed);
	if (shot->manual)
		len += (size_t)snprintf(text + len, size - len, ",\"manual\":true");
	if (shot->backfill)
		len += (size_t)snprintf(text + len, size - len, ",\"backfill\":\"%s\"", shot->backfill);
	return len;
}

/* The names of zones and ids are of letters that JSON takes as they are. */
static char *make_payload(const struct unit *u, const char *times, size_t *ret_len)
{
	char id[UNIT_ID_SIZE];
	const size_t size = PAYLOAD_FIXED + (u->words ? strlen(u->words) : 0);
	char *text = malloc(size);
	if (!text)
		return NULL;
	*ret_len = (size_t)snprintf(text, size, "{%s,\"timezone\":\"%s\",\"schedule\":\"%s\"%s%s}", times,
				    zone_name(schedule_zone(u->schedule)), unit_id(u, id), u->words ? "," : "",
				    u->words ? u->words : "");
	return text;
}

static void make_key(const struct unit *u, const struct shot *shot, char *key, size_t size)
{
	char id[UNIT_ID_SIZE], at[INSTANT_TEXT_MAX];
	unit_id(u, id);
	utc_format(shot->at_ms, at);
	uint8_t random[ID_BYTES];
	if (shot->manual && object_id(u->binding->plugin, random))
		snprintf(key, size, "schedule/%s/run/%s/%02x%02x%02x%02x", id, at, random[4], random[5], random[6],
			 random[7]);
	else if (shot->backfill)
		snprintf(key, size, "schedule/%s/backfill/%s/%s", id, shot->backfill, at);
	else
		snprintf(key, size, "schedule/%s/%s", id, at);
}

int32_t emit_fire(struct unit *u, const struct shot *shot, const tappet_checkpoint *checkpoints, size_t count,
		  tappet_emit_cb cb, void *arg)
{
	const struct binding *b = u->binding;
	const struct plugin *p = b->plugin;
	char times[256], cause[264], key[200], id[UNIT_ID_SIZE];
	size_t len = 0;
	write_times(u, shot, times, sizeof(times));
	snprintf(cause, sizeof(cause), "{%s}", times);
	make_key(u, shot, key, sizeof(key));
	char *payload = make_payload(u, times, &len);
	if (!payload)
		return TAPPET_ENOMEM;
	const tappet_emission emission = {
		.struct_size = sizeof(emission),
		.payload = tappet_strn(payload, len),
		.parameters = tappet_cstr(u->params),
		.cause = tappet_cstr(cause),
		.dedup_key = tappet_cstr(key),
		.occurred_ms = shot->at_ms,
		.checkpoints = checkpoints,
		.checkpoint_count = count,
		.checkpoint_size = sizeof(*checkpoints),
		.subject = tappet_cstr(u->object ? unit_id(u, id) : NULL),
	};
	const int32_t r = p->host->emit(b->trigger, &emission, cb, arg);
	free(payload);
	return r;
}

bool emit_is_final(const tappet_result *result)
{
	switch (result->outcome) {
	case TAPPET_OK:
	case TAPPET_EDUP:
	/* It was stored at a first try whose outcome was unknown, when it said another firedAt. */
	case TAPPET_ECONFLICT:
		return true;
	case TAPPET_EREFUSED:
		return result->reason != TAPPET_REASON_QUEUE_FULL && result->reason != TAPPET_REASON_STORE &&
		       result->reason != TAPPET_REASON_PLUGIN_DOWN;
	default:
		return false;
	}
}
