/* The last requests of a trigger in the state of the plugin: one key for each slot, and one for the list of them. A slot is
 * written first and listed when that is committed; the next request takes the slot of the oldest one. So nothing is left
 * behind that no list knows, whenever the daemon is killed; and what a list names that has just been written over is told
 * by its id. */
#include "ring_parts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "webhook.h"

#define UNDER_WAY_MAX 8 /* of one ring */
#define BYTES_MAX ((size_t)32 << 20)
#define TELL_EVERY_MS 60000

static const char *const names[RING_KINDS] = {"requests", "refused"};

struct ring *ring_of(struct history *h, enum ring_kind kind)
{
	if (!h->rings[kind])
		h->rings[kind] = calloc(1, sizeof(struct ring));
	return h->rings[kind];
}

void ring_free(struct ring *r)
{
	if (r)
		free(r->entries);
	free(r);
}

static void list_key(const struct history *h, enum ring_kind kind, char out[static RING_KEY_MAX])
{
	snprintf(out, RING_KEY_MAX, "%s/%s", names[kind], h->key);
}

void ring_slot_key(const struct history *h, enum ring_kind kind, unsigned slot, char out[static RING_KEY_MAX])
{
	snprintf(out, RING_KEY_MAX, "%s/%s/%u", names[kind], h->key, slot);
}

const struct ring_entry *ring_at(const struct ring *r, size_t index)
{
	return index < r->count ? &r->entries[r->count - 1 - index] : NULL;
}

const struct ring_entry *ring_find(const struct ring *r, const char *id)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->entries[i].id, id) == 0)
			return &r->entries[i];
	return NULL;
}

void ring_lost(struct webhook *w, const char *why)
{
	struct histories *all = &w->histories;
	const int64_t now_ms = w->host->mono_ms(w->self);
	const tappet_field field = {"reason", tappet_cstr(why)};
	w->host->metric_add(all->lost, 1);
	if (all->lost_told_ms && now_ms - all->lost_told_ms < TELL_EVERY_MS)
		return;
	all->lost_told_ms = now_ms;
	w->host->log(w->self, TAPPET_LOG_WARN, "a request could not be kept", &field, 1);
}

/* ---- Calls of the host ---- */

struct job {
	struct job *next; /* that waits */
	struct webhook *w;
	struct history *history;
	enum ring_kind kind;
	size_t max, len;
	struct ring_entry entry;
	char *text;
	tappet_done_cb cb; /* of who asked, or NULL */
	void *arg;
	struct job *removal; /* that a slot is emptied for, or NULL */
	size_t writes;       /* of a removal: how many have not ended */
	int32_t result;      /* of them: the first error */
};

static struct job *job_new(struct webhook *w, struct history *h, enum ring_kind kind)
{
	struct job *j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	j->w = w;
	j->history = history_ref(h);
	j->kind = kind;
	webhook_begin(w);
	return j;
}

static void job_end(struct job *j, int32_t result)
{
	struct webhook *w = j->w;
	if (j->cb)
		j->cb(j->arg, result);
	w->histories.bytes_under_way -= j->len;
	history_unref(w, j->history);
	free(j->text);
	free(j);
	webhook_end(w);
}

static struct ring *ring_of_job(const struct job *j)
{
	return j->history->rings[j->kind];
}

/* ---- Writing the list ---- */

static int32_t put_list(struct job *j, tappet_done_cb cb)
{
	struct text out = {0};
	char key[RING_KEY_MAX];
	int32_t r = TAPPET_ENOMEM;
	list_key(j->history, j->kind, key);
	ring_write_list(ring_of_job(j), &out);
	if (!out.failed)
		r = j->w->host->kv_put(j->w->self, NULL, tappet_cstr(key), tappet_strn(out.bytes, out.len), cb, j);
	text_release(&out);
	return r;
}

static void list_changed(struct webhook *w, struct history *h, enum ring_kind kind);

static void list_put(void *arg, int32_t result)
{
	struct job *j = arg;
	struct ring *r = ring_of_job(j);
	r->writing = false;
	if (result < 0)
		ring_lost(j->w, tappet_strerror(result));
	if (r->dirty)
		list_changed(j->w, j->history, j->kind);
	job_end(j, result);
}

static void list_changed(struct webhook *w, struct history *h, enum ring_kind kind)
{
	struct ring *r = h->rings[kind];
	r->dirty = true;
	if (r->writing)
		return;
	struct job *j = job_new(w, h, kind);
	const int32_t error = j ? put_list(j, list_put) : TAPPET_ENOMEM;
	/* What is listed in memory comes into the store with the next one. */
	if (error < 0) {
		ring_lost(w, tappet_strerror(error));
		if (j)
			job_end(j, error);
		return;
	}
	r->writing = true;
	r->dirty = false;
}

/* ---- Reading ---- */

static void list_read(void *arg, int32_t result, tappet_str value)
{
	struct job *j = arg;
	struct ring *r = ring_of_job(j);
	if (result == TAPPET_ENOTFOUND)
		result = TAPPET_OK;
	if (result == TAPPET_OK && !r->loaded) {
		ring_take_list(r, value);
		r->loaded = true;
	}
	job_end(j, result);
}

void ring_load(struct webhook *w, struct history *h, enum ring_kind kind, tappet_done_cb cb, void *arg)
{
	const struct ring *r = ring_of(h, kind);
	char key[RING_KEY_MAX];
	if (!r || r->loaded) {
		cb(arg, r ? TAPPET_OK : TAPPET_ENOMEM);
		return;
	}
	struct job *j = job_new(w, h, kind);
	if (!j) {
		cb(arg, TAPPET_ENOMEM);
		return;
	}
	j->cb = cb;
	j->arg = arg;
	list_key(h, kind, key);
	const int32_t error = w->host->kv_get(w->self, NULL, tappet_cstr(key), list_read, j);
	if (error < 0)
		job_end(j, error);
}

/* ---- Adding ---- */

static void take_out(struct ring *r, size_t index)
{
	memmove(&r->entries[index], &r->entries[index + 1], (r->count - index - 1) * sizeof(r->entries[0]));
	r->count--;
}

static int32_t empty_slot(struct webhook *w, struct history *h, enum ring_kind kind, unsigned slot,
			  struct job *removal);

/* What stood in its slot is gone, and so is what lies beyond a maximum that was larger once. */
static void list_entry(struct job *j)
{
	struct ring *r = ring_of_job(j);
	for (size_t i = r->count; i-- > 0;) {
		const unsigned slot = r->entries[i].slot;
		if (slot != j->entry.slot && slot < j->max)
			continue;
		take_out(r, i);
		if (slot >= j->max)
			(void)empty_slot(j->w, j->history, j->kind, slot, NULL);
	}
	if (r->count == RING_MAX)
		take_out(r, 0);
	if (ring_make_room(r))
		r->entries[r->count++] = j->entry;
	else
		ring_lost(j->w, "out of memory");
}

static void put_slot(void *arg, int32_t result);

static void start(struct job *j)
{
	ring_of_job(j)->under_way++;
	ring_load(j->w, j->history, j->kind, put_slot, j);
}

static struct job *take_waiting(struct ring *r)
{
	struct job *j = r->first;
	if (!j)
		return NULL;
	r->first = j->next;
	if (!r->first)
		r->last = NULL;
	r->waiting--;
	return j;
}

/* One of the ring's writes has ended. */
static void end_add(struct job *j, int32_t result)
{
	struct ring *r = ring_of_job(j);
	struct job *next = take_waiting(r);
	r->under_way--;
	if (next)
		start(next);
	if (result < 0)
		ring_lost(j->w, tappet_strerror(result));
	job_end(j, result);
}

static bool has_slot(const struct ring *r, unsigned slot)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->entries[i].slot == slot)
			return true;
	return false;
}

static void slot_put(void *arg, int32_t result)
{
	struct job *j = arg;
	struct ring *r = ring_of_job(j);
	r->writes[j->entry.slot]--;
	if (result == TAPPET_OK) {
		list_entry(j);
		list_changed(j->w, j->history, j->kind);
	} else if (!has_slot(r, j->entry.slot)) {
		/* What this was to be written over may have been removed meanwhile. */
		(void)empty_slot(j->w, j->history, j->kind, j->entry.slot, NULL);
	}
	end_add(j, result);
}

static void put_slot(void *arg, int32_t result)
{
	struct job *j = arg;
	struct webhook *w = j->w;
	struct ring *r = ring_of_job(j);
	char key[RING_KEY_MAX];
	if (result == TAPPET_OK) {
		j->entry.slot = r->next_slot % (unsigned)j->max;
		r->next_slot = (j->entry.slot + 1) % (unsigned)j->max;
		ring_slot_key(j->history, j->kind, j->entry.slot, key);
		result = w->host->kv_put(w->self, NULL, tappet_cstr(key), tappet_strn(j->text, j->len), slot_put, j);
		if (result >= 0)
			r->writes[j->entry.slot]++;
	}
	if (result < 0)
		end_add(j, result);
}

/* When they come faster than the store writes, those that the ones behind them would displace anyway are not written. */
static void queue_up(struct ring *r, struct job *j)
{
	if (r->last)
		r->last->next = j;
	else
		r->first = j;
	r->last = j;
	if (++r->waiting > j->max)
		job_end(take_waiting(r), TAPPET_ECANCELED);
}

void ring_add(struct webhook *w, struct history *h, enum ring_kind kind, size_t max, const struct ring_entry *entry,
	      char *text, size_t len)
{
	const bool room = w->histories.bytes_under_way + len <= BYTES_MAX;
	struct ring *r = text && room ? ring_of(h, kind) : NULL;
	struct job *j = r ? job_new(w, h, kind) : NULL;
	if (!j) {
		ring_lost(w, room ? "out of memory" : "more come than the store takes");
		free(text);
		return;
	}
	j->entry = *entry;
	j->max = max;
	j->text = text;
	j->len = len;
	w->histories.bytes_under_way += len;
	if (r->under_way < UNDER_WAY_MAX)
		start(j);
	else
		queue_up(r, j);
}

/* ---- Removing ---- */

/* One of the writes of a removal has ended, and with the last of them the removal. */
static void removal_ended(struct job *removal, int32_t result)
{
	if (result < 0 && removal->result == TAPPET_OK)
		removal->result = result;
	if (--removal->writes == 0)
		job_end(removal, removal->result);
}

static void slot_emptied(void *arg, int32_t result)
{
	struct job *j = arg, *removal = j->removal;
	if (removal)
		removal_ended(removal, result);
	else if (result < 0)
		ring_lost(j->w, tappet_strerror(result));
	job_end(j, result);
}

/* A slot that is being written over is left to that: emptied behind it, the new request would be lost. */
static int32_t empty_slot(struct webhook *w, struct history *h, enum ring_kind kind, unsigned slot, struct job *removal)
{
	char key[RING_KEY_MAX];
	if (slot < RING_MAX && h->rings[kind]->writes[slot] > 0)
		return TAPPET_OK;
	struct job *j = job_new(w, h, kind);
	if (!j)
		return TAPPET_ENOMEM;
	j->removal = removal;
	if (removal)
		removal->writes++;
	ring_slot_key(h, kind, slot, key);
	const int32_t error = w->host->kv_put(w->self, NULL, tappet_cstr(key), tappet_cstr(""), slot_emptied, j);
	if (error < 0)
		slot_emptied(j, error);
	return error;
}

static void removed(void *arg, int32_t result)
{
	removal_ended(arg, result);
}

/* What cannot be emptied stays in the list, so that it can be removed again. */
void ring_remove(struct webhook *w, struct history *h, enum ring_kind kind, const char *id, tappet_done_cb cb,
		 void *arg)
{
	struct ring *r = h->rings[kind];
	struct job *j = job_new(w, h, kind);
	if (!j) {
		cb(arg, TAPPET_ENOMEM);
		return;
	}
	j->cb = cb;
	j->arg = arg;
	j->writes = 1; /* the list's */
	for (size_t i = r->count; i-- > 0;) {
		if (id && strcmp(r->entries[i].id, id) != 0)
			continue;
		const int32_t error = empty_slot(w, h, kind, r->entries[i].slot, j);
		if (error == TAPPET_OK)
			take_out(r, i);
		else if (j->result == TAPPET_OK)
			j->result = error;
	}
	const int32_t error = put_list(j, removed);
	if (error < 0)
		removal_ended(j, error);
}
