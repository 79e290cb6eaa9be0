/* What is remembered of a trigger beyond its end: when its secrets were used, the requests that it keeps.
 *
 *   history.c   the table of them
 *   usage.c     when each secret was used
 *   requests.h  the requests
 *
 * It is durable in the state of the plugin, not of the trigger: a trigger that has state is handed to its successor by way of
 * the store when definitions change, and requests would find nobody meanwhile. Nothing here is written on the way of a
 * request to its answer. Loop thread only. */
#ifndef WEBHOOK_HISTORY_H
#define WEBHOOK_HISTORY_H

#include <stdbool.h>
#include "tappet/plugin.h"
#include "requests.h"
#include "verify.h"

struct webhook;
struct binding;

#define HISTORY_BUCKETS 1024
#define HISTORY_KEY_MAX 160
#define SALT_LEN 16
#define FINGERPRINT_SIZE 5
#define USES_MAX 8 /* secrets of a trigger that are remembered: the live ones and some that were */

/* What is known of one secret. */
struct secret_use {
	unsigned char digest[32]; /* of one that was seen since the start, or */
	bool has_digest;
	char fingerprint[FINGERPRINT_SIZE]; /* of one that was read from the store */
	int64_t first_ms, last_ms;          /* wall clock */
	uint64_t count;                     /* since the start */
};

struct uses {
	struct secret_use items[USES_MAX];
	size_t count;
	bool loaded, dirty;
	int64_t written_ms; /* monotonic; 0: not since the start */
};

struct history {
	struct history *next;       /* in its bucket */
	struct history *next_dirty; /* whose uses have to be written */
	size_t references;          /* triggers, and calls of the host that are under way */
	struct uses uses;
	struct ring *rings[RING_KINDS]; /* or NULL */
	double refused_left;            /* of those that are refused: how many may still be kept now */
	int64_t refused_ms;             /* since when so many, monotonic; 0: none was kept yet */
	char key[];                     /* WORKFLOW-ID/TRIGGER */
};

struct histories {
	struct history **buckets; /* HISTORY_BUCKETS, or NULL: there is none yet */
	struct history *dirty;
	tappet_timer *timer; /* of usage.c */
	unsigned char salt[SALT_LEN];
	bool salt_known, salt_stored;
	size_t bytes_under_way; /* of requests that are being stored */
	tappet_metric *lost;    /* how many could not be */
	int64_t lost_told_ms;   /* monotonic; 0: never */
};

/* ---- history.c ---- */

/* Of the trigger; made when there is none. NULL: no memory. */
struct history *history_of(struct webhook *w, struct binding *b);
/* The same of a trigger that need not run, by the id of its workflow. Without a reference yet. */
struct history *history_at(struct webhook *w, const char *workflow_id, const char *trigger_id);
struct history *history_ref(struct history *h);
/* It stays as long as it has something to write. */
void history_unref(struct webhook *w, struct history *h);
void histories_release(struct histories *all);
/* 2026-01-31T09:00:00.000Z */
void time_text(int64_t wall_ms, char out[static 32]);

/* ---- usage.c ---- */

/* Some secrets of the trigger have been used now: bits as in verify_result. */
void usage_note(struct webhook *w, struct binding *b, unsigned used);
/* Reads what is stored of the trigger's secrets. Whether `cb` will be called, later and once, with 0 or TAPPET_E*. */
int32_t usage_load(struct webhook *w, struct history *h, tappet_done_cb cb, void *arg);
/* What is known of one secret, once it was loaded, and its fingerprint; NULL: it was not used yet. */
const struct secret_use *usage_find(const struct webhook *w, const struct history *h,
				    const struct verify_secret *secret, char fingerprint[static FINGERPRINT_SIZE]);
/* The plugin stops: what is not written yet is written now. */
void usage_stop(struct webhook *w);

#endif
