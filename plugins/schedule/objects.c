/* Schedules that were made by API: those of a workflow are kept in the state of its open trigger, as ID (what it is), ID+ (how
 * it is) and ID+b (its backfill), which is the order in which they are read at the start. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "schedule.h"

#define PAGE 500
#define OFF_KEY "+off"

/* ---- By id ---- */

static size_t slot_of(const struct table *t, const uint8_t id[static ID_BYTES])
{
	uint64_t hash;
	memcpy(&hash, id + ID_BYTES - sizeof(hash), sizeof(hash));
	return (size_t)(hash * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (t->room - 1);
}

static struct unit **find_slot(const struct table *t, const uint8_t id[static ID_BYTES])
{
	size_t at = slot_of(t, id);
	while (t->slots[at] && memcmp(t->slots[at]->id, id, ID_BYTES) != 0)
		at = (at + 1) & (t->room - 1);
	return &t->slots[at];
}

/* All but those of `without` move into a table of this size. */
static int rebuild(struct table *t, size_t room, const struct binding *without)
{
	struct table fresh = {.room = room};
	fresh.slots = calloc(room, sizeof(struct unit *));
	if (!fresh.slots)
		return -ENOMEM;
	for (size_t i = 0; i < t->room; i++) {
		struct unit *u = t->slots[i];
		if (!u || u->binding == without)
			continue;
		*find_slot(&fresh, u->id) = u;
		fresh.count++;
	}
	free(t->slots);
	*t = fresh;
	return 0;
}

static bool id_read(const char *text, uint8_t ret[static ID_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < ID_LEN; i++) {
		const char *digit = text[i] ? strchr(digits, text[i]) : NULL;
		if (!digit)
			return false;
		ret[i / 2] = (uint8_t)(ret[i / 2] << 4 | (digit - digits));
	}
	return true;
}

struct unit *objects_find(const struct plugin *p, const char *id)
{
	uint8_t bytes[ID_BYTES] = {0};
	if (p->objects.room == 0 || strlen(id) != ID_LEN || !id_read(id, bytes))
		return NULL;
	return *find_slot(&p->objects, bytes);
}

int objects_put(struct plugin *p, struct unit *u)
{
	struct table *t = &p->objects;
	const size_t room = t->room;
	if (t->count * 4 >= t->room * 3 && rebuild(t, t->room ? 2 * t->room : 64, NULL) < 0)
		return -ENOMEM;
	*find_slot(t, u->id) = u;
	t->count++;
	p->moves += t->room != room;
	u->binding->object_count++;
	p->host->metric_set(p->watched, (double)(t->count + p->trigger_units));
	return 0;
}

/* The hole is filled with those behind it that would not be found any more. */
static void close_hole(struct table *t, size_t hole)
{
	size_t at = hole;
	for (;;) {
		at = (at + 1) & (t->room - 1);
		struct unit *u = t->slots[at];
		if (!u)
			break;
		const size_t home = slot_of(t, u->id);
		if (((at - home) & (t->room - 1)) >= ((at - hole) & (t->room - 1))) {
			t->slots[hole] = u;
			hole = at;
		}
	}
	t->slots[hole] = NULL;
}

void objects_remove(struct plugin *p, struct unit *u)
{
	struct table *t = &p->objects;
	close_hole(t, (size_t)(find_slot(t, u->id) - t->slots));
	p->moves++;
	t->count--;
	u->binding->object_count--;
	p->host->metric_set(p->watched, (double)(t->count + p->trigger_units));
	clock_forget(p, u);
}

void objects_release(struct plugin *p)
{
	for (size_t i = 0; i < p->objects.room; i++)
		unit_free(p->objects.slots[i]);
	free(p->objects.slots);
	p->objects = (struct table){0};
}

/* Seconds and random bytes. */
bool object_id(const struct plugin *p, uint8_t ret[static ID_BYTES])
{
	const uint64_t s = (uint64_t)(plugin_now(p) / 1000);
	for (size_t i = 0; i < 4; i++)
		ret[i] = (uint8_t)(s >> (24 - 8 * i));
	return getrandom(ret + 4, ID_BYTES - 4, 0) == ID_BYTES - 4;
}

/* ---- Definitions ---- */

char *object_write(const cJSON *options, int64_t created_ms, int64_t since_ms)
{
	char *text = NULL, *inner = cJSON_PrintUnformatted(options);
	const size_t size = inner ? strlen(inner) + 100 : 0;
	if (inner && (text = malloc(size)))
		snprintf(text, size, "{\"created\":%" PRId64 ",\"since\":%" PRId64 ",\"options\":%s}", created_ms,
			 since_ms, inner);
	cJSON_free(inner);
	return text;
}

static struct unit *read_object(struct binding *b, const char *id, tappet_str text)
{
	struct unit *u = NULL;
	struct spec_error error = {.message = "it is not JSON"};
	cJSON *kept = cJSON_ParseWithLength(text.ptr, text.len);
	const cJSON *options = cJSON_GetObjectItemCaseSensitive(kept, "options");
	const double since = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(kept, "since"));
	int r = -EINVAL;
	if (options && since > 0)
		r = unit_new(b->plugin, options, id, (int64_t)since, &u, &error);
	cJSON_Delete(kept);
	if (r < 0) {
		plugin_log(b->plugin, TAPPET_LOG_ERROR, "a schedule cannot be read from the store", "schedule", id);
		return NULL;
	}
	u->object = true;
	u->binding = b;
	(void)id_read(id, u->id);
	return u;
}

/* ---- Loading ---- */

/* All of the one that was begun has been read. */
static void finish_one(struct binding *b, tappet_str state)
{
	struct plugin *p = b->plugin;
	struct unit *u = b->loading;
	if (!u)
		return;
	unit_restore(u, state, b->off_ms, plugin_now(p));
	u->reboot = b->at_start && schedule_kind(u->schedule) == SCHEDULE_REBOOT;
	b->loading = NULL;
	if (objects_put(p, u) < 0)
		unit_free(u);
	else
		clock_ready(p, u);
}

/* Of a schedule that was deleted while something of it was on its way. */
static void remove_stray(const struct binding *b, const char *key)
{
	(void)plugin_put(b->plugin, b->trigger, key, NULL);
}

static bool is_of(const struct unit *u, const char *key)
{
	char id[UNIT_ID_SIZE];
	return u && memcmp(unit_id(u, id), key, ID_LEN) == 0;
}

static void take_row(struct binding *b, const char *key, size_t len, tappet_str value)
{
	if (len == ID_LEN) {
		finish_one(b, tappet_strn(NULL, 0));
		/* It may have been made while they were being read. */
		if (!objects_find(b->plugin, key))
			b->loading = read_object(b, key, value);
	} else if (len == ID_LEN + 1 && is_of(b->loading, key)) {
		finish_one(b, value);
	} else if (len == ID_LEN + 2 || len == ID_LEN + 1) {
		finish_one(b, tappet_strn(NULL, 0));
		char id[ID_LEN + 1];
		snprintf(id, sizeof(id), "%.24s", key);
		struct unit *u = objects_find(b->plugin, id);
		if (!u)
			remove_stray(b, key);
		else if (len == ID_LEN + 2)
			backfill_read(u, value);
	} else if (strcmp(key, OFF_KEY) == 0) {
		b->off_ms = strtoll(value.len ? value.ptr : "0", NULL, 10);
	}
}

static void finish(struct binding *b)
{
	finish_one(b, tappet_strn(NULL, 0));
	b->loaded = true;
	b->plugin->unloaded--;
	if (b->off_ms)
		(void)plugin_put(b->plugin, b->trigger, OFF_KEY, NULL);
}

static void load_page(void *arg, int32_t result, const tappet_checkpoint *rows, size_t count)
{
	struct binding *b = arg;
	char key[KEY_SIZE] = "";
	b->reading = false;
	plugin_end(b->plugin);
	if (b->removed || b->plugin->stopping)
		return;
	for (size_t i = 0; result == TAPPET_OK && i < count; i++) {
		char value[32];
		if (rows[i].key.len >= KEY_SIZE)
			continue;
		snprintf(key, sizeof(key), "%.*s", (int)rows[i].key.len, rows[i].key.ptr);
		snprintf(value, sizeof(value), "%.*s", (int)(rows[i].value.len < 31 ? rows[i].value.len : 31),
			 rows[i].value.ptr);
		take_row(b, key, rows[i].key.len, strcmp(key, OFF_KEY) == 0 ? tappet_cstr(value) : rows[i].value);
	}
	if (key[0])
		memcpy(b->loaded_until, key, sizeof(key));
	if (result != TAPPET_OK)
		clock_load_again(b->plugin);
	else if (count == 0)
		finish(b);
	else
		objects_load(b);
}

void objects_load(struct binding *b)
{
	struct plugin *p = b->plugin;
	const int32_t r = p->host->kv_list(p->self, b->trigger, tappet_cstr(b->loaded_until), PAGE, load_page, b);
	b->reading = r == TAPPET_OK;
	if (b->reading)
		plugin_begin(p);
	else
		clock_load_again(p);
}

/* ---- Taking them away ---- */

void objects_unload(struct binding *b, int64_t off_ms)
{
	struct plugin *p = b->plugin;
	char text[24];
	unit_free(b->loading);
	b->loading = NULL;
	if (p->stopping || b->object_count == 0)
		return;
	snprintf(text, sizeof(text), "%" PRId64, off_ms);
	(void)plugin_put(p, b->trigger, OFF_KEY, text);
	struct table *t = &p->objects;
	for (size_t i = 0; i < t->room; i++)
		if (t->slots[i] && t->slots[i]->binding == b) {
			struct unit *u = t->slots[i];
			t->slots[i] = NULL;
			clock_forget(p, u);
		}
	p->moves++;
	/* Without memory for a smaller one the holes would hide others. */
	if (rebuild(t, t->room, b) < 0)
		plugin_log(p, TAPPET_LOG_ERROR, "no memory: some schedules are not found by id", NULL, NULL);
}
