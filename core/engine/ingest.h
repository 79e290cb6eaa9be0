/* One emission on its way to the store. */
#ifndef ENGINE_INGEST_H
#define ENGINE_INGEST_H

#include "engine/internal.h"

#define INGEST_KEY_MAX 255

struct ingest {
	struct store_admit admit;
	struct engine *engine;
	struct list node;
	struct catalog_trigger *order;
	struct activity_texts texts;
	char workflow_id[ID_SIZE], revision_id[ID_SIZE];
	engine_emit_cb cb;
	void *arg;
	bool again; /* the key was made by the host: it is looked up */
	char key[INGEST_KEY_MAX + 1];
	size_t key_len;
	char detail[ENGINE_MESSAGE_MAX];
	struct store_checkpoint *checkpoints; /* one block */
};

/* ingest.c: hands it to the store, in the order of its trigger, and answers after the commit. */
void ingest_dispatch(struct ingest *i);
void ingest_decided(struct store_op *op);

#endif
