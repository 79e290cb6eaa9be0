/* The list of a ring, in memory and as the text that is stored. */
#include <stdio.h>
#include <stdlib.h>
#include <cjson/cJSON.h>
#include "ring_parts.h"
#include "common/text.h"

/* Triggers are many, and most of those that keep requests keep a few. */
bool ring_make_room(struct ring *r)
{
	if (r->count < r->room)
		return true;
	const size_t room = r->room ? 2 * r->room : 4;
	struct ring_entry *entries = room <= 2 * RING_MAX ? realloc(r->entries, room * sizeof(*entries)) : NULL;
	if (!entries)
		return false;
	r->entries = entries;
	r->room = room;
	return true;
}

static void take_text(const cJSON *item, const char *key, char *out, size_t size)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, key));
	snprintf(out, size, "%s", text ? text : "");
}

static int64_t take_number(const cJSON *item, const char *key)
{
	const cJSON *number = cJSON_GetObjectItemCaseSensitive(item, key);
	return cJSON_IsNumber(number) ? (int64_t)number->valuedouble : 0;
}

static void take_entry(struct ring *r, const cJSON *item)
{
	if (r->count == RING_MAX || !ring_make_room(r))
		return;
	struct ring_entry *e = &r->entries[r->count];
	*e = (struct ring_entry){
		.slot = (unsigned)take_number(item, "slot"),
		.at_ms = take_number(item, "at"),
		.bytes = take_number(item, "bytes"),
		.outcome = (int32_t)take_number(item, "outcome"),
		.reason = (int32_t)take_number(item, "reason"),
		.status = (int32_t)take_number(item, "status"),
		.cut = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "cut")),
	};
	take_text(item, "id", e->id, sizeof(e->id));
	take_text(item, "activity", e->activity_id, sizeof(e->activity_id));
	if (e->id[0])
		r->count++;
}

void ring_take_list(struct ring *r, tappet_str text)
{
	cJSON *tree = text.len ? cJSON_ParseWithLength(text.ptr, text.len) : NULL;
	const cJSON *item;
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(tree, "entries")) take_entry(r, item);
	r->next_slot = (unsigned)take_number(tree, "next");
	cJSON_Delete(tree);
}

static void add_entry(struct text *out, const struct ring_entry *e)
{
	char line[320];
	snprintf(line, sizeof(line),
		 "%s{\"id\":\"%s\",\"slot\":%u,\"at\":%lld,\"bytes\":%lld,\"outcome\":%d,\"reason\":%d,\"status\":%d,"
		 "\"cut\":%s,\"activity\":\"%s\"}",
		 out->bytes && out->bytes[out->len - 1] == '}' ? "," : "", e->id, e->slot, (long long)e->at_ms,
		 (long long)e->bytes, e->outcome, e->reason, e->status, e->cut ? "true" : "false", e->activity_id);
	text_cstr(out, line);
}

/* Empty when there is nothing to be remembered. */
void ring_write_list(const struct ring *r, struct text *out)
{
	char head[64];
	if (r->count == 0)
		return;
	snprintf(head, sizeof(head), "{\"next\":%u,\"entries\":[", r->next_slot);
	text_cstr(out, head);
	for (size_t i = 0; i < r->count; i++)
		add_entry(out, &r->entries[i]);
	text_cstr(out, "]}");
}
