/* Secrets in what leaves the process: each occurrence of a value becomes `***`, in a text or in a stream that comes in
 * pieces of any size.
 *
 * All values are looked for at once (Aho and Corasick, 1975), a byte costs the same however many there are, and of a stream
 * only what may be the beginning of a value is held back. Where values overlap all that they cover is masked, as one.
 * Of a value of several lines each line counts as well: a program that prints a key prints it line by line.
 *
 * Values of fewer than MASK_MIN bytes are not masked: they would be found all over ordinary text, and the asterisks would
 * tell what they are. Nor is a value that has been encoded (base64, JSON escapes, split by a line break).
 *
 *   mask_init, mask_add..., mask_seal, then any number of mask_text and streams, mask_wipe
 *
 * Used by steps of all kinds. Any thread, one at a time until mask_seal; from then on it does not change. */
#ifndef ENGINE_MASK_H
#define ENGINE_MASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"

#define MASK_MIN 4
/* Of all values together; a node of the automaton takes 24 bytes. */
#define MASK_BYTES_MAX ((size_t)512 * 1024)

struct mask_node;

struct mask {
	struct mask_node *nodes; /* NULL: there is nothing to mask */
	uint32_t count, cap;
	uint32_t first[256]; /* of the root */
	size_t longest;
	bool sealed;
};

void mask_init(struct mask *m);
/* Overwrites what it knew; may be used again after mask_init. */
void mask_wipe(struct mask *m);
/* -E2BIG when the values are more than MASK_BYTES_MAX. */
int mask_add(struct mask *m, const char *value, size_t len);
int mask_seal(struct mask *m);
static inline bool mask_empty(const struct mask *m)
{
	return m->longest == 0;
}

/* Appends the masked text. */
int mask_text(const struct mask *m, const char *text, size_t len, struct buf *out);

typedef void (*mask_sink)(void *arg, const char *text, size_t len);

struct mask_stream {
	const struct mask *mask;
	mask_sink sink;
	void *arg;
	char *held;     /* the bytes that are not decided yet, then room for the next */
	int32_t *edges; /* by byte of `held`: matches that begin there, less those that have ended before it */
	size_t count;
	uint32_t node;
	int32_t open; /* matches that reach into the first byte held */
	bool masked;  /* the last byte that went out was masked */
};

/* -ENOMEM. With an empty mask everything goes to the sink as it comes. */
int mask_stream_open(struct mask_stream *s, const struct mask *m, mask_sink sink, void *arg);
void mask_stream_put(struct mask_stream *s, const char *text, size_t len);
/* Gives out what was held back; the next put begins anew. */
void mask_stream_end(struct mask_stream *s);
void mask_stream_close(struct mask_stream *s);

#endif
