/* Ids of activities, workflows and revisions: 24 lower-case hex digits that sort by time of their making:
 * 12 digits of UTC milliseconds, 4 of node, 8 of counter. The time never goes back: it is max(now, last), also
 * across restarts when the source is seeded with the newest id in the store. One source belongs to one thread. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include <stdint.h>

#define ID_LEN 24
#define ID_SIZE (ID_LEN + 1)

struct id_source {
	int64_t last_ms;
	uint32_t counter;
	uint16_t node;
};

void id_source_init(struct id_source *source, uint16_t node);
/* Ids made from now on sort behind `id`. Ignores what is not an id. */
void id_source_seed(struct id_source *source, const char *id);
/* Makes an id and keeps the `reserve` ids behind it free, for id_sibling. */
void id_next(struct id_source *source, int64_t now_ms, uint32_t reserve, char ret_id[static ID_SIZE]);
/* The id `offset` behind `id`: an activity's steps are its siblings 1, 2, ... */
void id_sibling(const char *id, uint32_t offset, char ret_id[static ID_SIZE]);
bool id_valid(const char *id);

#endif
