/* What triggers want for themselves alone (`claim` of a plugin's check_trigger): a path, a port, a name. Kept of the
 * triggers that were handed to their plugins, so that a definition that wants the same is found wrong before it is
 * applied. It refuses nothing by itself. Nothing outside host/ includes this. */
#ifndef HOST_CLAIMS_H
#define HOST_CLAIMS_H

#include "base/map.h"

struct tappet_trigger;
struct tappet_instance;

struct claim {
	struct claim *next_same; /* by another trigger: two can hold one for a moment, while definitions change */
	struct claim *next_held; /* of the same trigger */
	const struct tappet_trigger *holder;
	char key[]; /* "PLUGIN WHAT" */
};

struct claims {
	struct map by_key;    /* the text of the claim -> the first struct claim */
	struct map by_holder; /* the trigger's address -> the first of its claims */
};

void claims_init(struct claims *c);
void claims_release(struct claims *c);
/* "PLUGIN WHAT", to be freed; NULL: no memory. */
char *claim_key(const struct tappet_instance *p, const char *what);
/* 0 or -ENOMEM. Once for each claim of a trigger, however often it is made. */
int claims_add(struct claims *c, const struct tappet_trigger *t, const char *key);
/* All of the trigger's. */
void claims_forget(struct claims *c, const struct tappet_trigger *t);
/* The first of those who hold it, or NULL. */
const struct claim *claims_find(const struct claims *c, const char *key);

#endif
