/* One emission on its way to the store.
 *
 *   TAKEN --> FILTERED (filter.c) --no key of the host's--> READY --in order--> the store
 *                  '-------- "auto/…" --> LOOKED UP -----------^
 *
 * Filters of several emissions run at the same time; READY ones of one trigger are handed to the store in the order in
 * which they were emitted, and so is one that has failed on the way: its successors must not overtake it. */
#ifndef ENGINE_INGEST_H
#define ENGINE_INGEST_H

#include "engine/filter.h"
#include "engine/internal.h"

struct ingest {
	struct store_admit admit;
	struct filter filter;
	struct engine *engine;
	struct list node; /* of its order's queue */
	struct catalog_trigger *order;
	struct metric_source *source;
	struct workflow *workflow;   /* a reference; NULL when it cannot be read */
	struct activity_texts texts; /* as they came; with the complete parameters when it is handed over */
	char workflow_id[ID_SIZE], revision_id[ID_SIZE];
	engine_emit_cb cb;
	void *arg;
	bool ready;
	enum engine_outcome failed; /* ENGINE_OK: it has not; else the store only keeps its place in the order */
	const char *why_failed;
	bool again; /* the key was made by the host: it is looked up */
	char key[FILTER_KEY_MAX + 1];
	size_t key_len;
	struct store_lane lane;
	struct store_checkpoint *checkpoints; /* one block */
	char *open;                           /* through an open trigger: ID NUL SCOPE */
	bool has_subject;                     /* it is texts.trigger_id */
};

/* ingest.c: its order, the store, the answer. */
/* Takes its place in its order. */
void ingest_enter(struct ingest *i);
/* Its filter is done. */
void ingest_filtered(struct ingest *i, int status);
void ingest_free(struct ingest *i);

/* ingest_take.c */
/* The dedup key and the id; `len` 0: the host makes a key. */
void ingest_set_identity(struct ingest *i, const char *key, size_t len);

#endif
