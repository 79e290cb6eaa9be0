/* Emissions under way. They are decided in their order; one whose outcome is not final is sent again as it was, and what
 * follows it waits, so that the journal in the store neither leads nor lags. */
#include "filewatch.h"
#include <stdlib.h>
#include <string.h>

#define FLIGHTS_MAX 512
/* One round of looking may bring so many. */
#define FLIGHTS_ROOM 256
#define FLIGHT_BYTES_MAX ((size_t)16 * 1024 * 1024)
#define RETRY_MIN_MS 250
#define RETRY_MAX_MS 30000

bool flights_have_room(const struct tree *t)
{
	return t->flight_count + FLIGHTS_ROOM <= FLIGHTS_MAX && t->flight_bytes < FLIGHT_BYTES_MAX;
}

void flight_free(struct flight *f)
{
	if (!f)
		return;
	for (size_t i = 0; f->checkpoints && i < f->page_count; i++)
		free((char *)(uintptr_t)f->checkpoints[i].key.ptr);
	free(f->checkpoints);
	free(f->pages);
	free(f->payload);
	free(f->cause);
	free((char *)(uintptr_t)f->key.ptr);
	free(f);
}

void flights_release(struct tree *t)
{
	while (t->flights) {
		struct flight *f = t->flights;
		t->flights = f->next;
		flight_free(f);
	}
}

static size_t flight_size(const struct flight *f)
{
	size_t size = f->payload_len + f->cause_len;
	for (size_t i = 0; i < f->page_count; i++)
		size += f->checkpoints[i].value.len + PAGE_KEY_SIZE;
	return size;
}

static void forget(struct tree *t, struct flight *f)
{
	struct flight **at = &t->flights;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	if (t->flights_last == &f->next)
		t->flights_last = at;
	t->flight_count--;
	t->flight_bytes -= flight_size(f);
	flight_free(f);
}

static bool is_final(const tappet_result *result)
{
	switch (result->outcome) {
	case TAPPET_OK:
	case TAPPET_EDUP:
	case TAPPET_ECONFLICT:
		return true;
	case TAPPET_EREFUSED:
		return result->reason != TAPPET_REASON_QUEUE_FULL && result->reason != TAPPET_REASON_STORE &&
		       result->reason != TAPPET_REASON_PLUGIN_DOWN;
	default:
		return false;
	}
}

/* Its checkpoints were not committed although it is settled. */
static void keep_pages(struct tree *t, const struct flight *f)
{
	for (size_t i = 0; i < f->page_count; i++) {
		struct dir *d = dir_by_id(t, f->pages[i].dir);
		struct page *p = d ? journal_page(d, f->pages[i].page) : NULL;
		if (p)
			page_lost(d, p);
		else
			(void)page_list_add(&t->backlog, &t->backlog_count, &t->backlog_room, f->pages[i]);
	}
}

static void remember_key(struct flight *f, tappet_str key)
{
	if (f->key.len > 0 || key.len == 0)
		return;
	char *copy = malloc(key.len);
	if (!copy)
		return;
	memcpy(copy, key.ptr, key.len);
	f->key = tappet_strn(copy, key.len);
}

static void on_retry(void *arg)
{
	struct tree *t = arg;
	t->retry_timer = NULL;
	tree_pump(t);
	health_update(t);
}

static void retry_later(struct tree *t)
{
	const struct plugin *p = t->plugin;
	/* All that were under way fail together. */
	if (t->retry_timer || t->removed)
		return;
	t->retry_ms = t->retry_ms == 0 ? RETRY_MIN_MS : t->retry_ms < RETRY_MAX_MS / 2 ? 2 * t->retry_ms : RETRY_MAX_MS;
	(void)p->host->timer_start(p->self, t->retry_ms, 0, on_retry, t, &t->retry_timer);
	health_update(t);
}

static void settled(struct flight *f, const tappet_result *result)
{
	struct tree *t = f->tree;
	t->retry_ms = 0;
	if (result->outcome == TAPPET_ECONFLICT)
		keep_pages(t, f);
	t->plugin->host->metric_add(t->plugin->metric.changes, (double)f->changes);
	forget(t, f);
}

static void on_result(void *arg, const tappet_result *result)
{
	struct flight *f = arg;
	struct tree *t = f->tree;
	struct plugin *p = t->plugin;
	t->outstanding--;
	f->sent = false;
	if (is_final(result)) {
		settled(f, result);
	} else {
		remember_key(f, result->dedup_key);
		p->host->metric_add(p->metric.retries, 1);
		if (!p->stopping)
			retry_later(t);
	}
	if (t->outstanding == 0 || flights_have_room(t))
		tree_pump(t);
	plugin_end(p);
}

/* What is too large for this host will be so for ever: it is recorded as refused. */
static void give_up(struct tree *t, struct flight *f, int32_t error)
{
	const struct plugin *p = t->plugin;
	p->host->refuse(p->self, t->trigger, error == TAPPET_ETOOBIG ? TAPPET_REASON_TOO_LARGE : TAPPET_REASON_OTHER,
			tappet_cstr(tappet_strerror(error)));
	keep_pages(t, f);
	forget(t, f);
}

static int32_t send(struct tree *t, struct flight *f)
{
	const tappet_emission emission = {
		.struct_size = sizeof(emission),
		.payload = tappet_strn(f->payload, f->payload_len),
		.cause = tappet_strn(f->cause, f->cause_len),
		.dedup_key = f->key,
		.occurred_ms = f->occurred_ms,
		.checkpoints = f->checkpoints,
		.checkpoint_count = f->page_count,
		.checkpoint_size = sizeof(*f->checkpoints),
	};
	return t->plugin->host->emit(t->trigger, &emission, on_result, f);
}

/* What was sent, and failed, goes first: all that follows it has come back, too. */
void flights_pump(struct tree *t)
{
	struct flight *next;
	if (t->removed || t->plugin->stopping || t->puts > 0 || t->retry_timer)
		return;
	if (t->flights && !t->flights->sent && t->outstanding > 0)
		return;
	for (struct flight *f = t->flights; f; f = next) {
		next = f->next;
		if (f->sent)
			continue;
		const int32_t r = send(t, f);
		if (r == TAPPET_ETOOBIG || r == TAPPET_EINVAL) {
			give_up(t, f, r);
			continue;
		}
		if (r != TAPPET_OK) {
			tree_pump_later(t);
			return;
		}
		f->sent = true;
		t->outstanding++;
		plugin_begin(t->plugin);
	}
}

void flight_begin(struct tree *t, struct flight *f)
{
	*t->flights_last = f;
	t->flights_last = &f->next;
	t->flight_count++;
	t->flight_bytes += flight_size(f);
	flights_pump(t);
}
