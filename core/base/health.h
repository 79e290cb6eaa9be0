/* What is well and what is not, by name of the part ("store", "definitions", "plugin webhook"): each part tells its own
 * state, /healthz and /readyz read them all. Loop thread only. */
#ifndef BASE_HEALTH_H
#define BASE_HEALTH_H

#include <stdbool.h>
#include "base/metrics.h"

enum health_state { HEALTH_OK, HEALTH_STARTING, HEALTH_DEGRADED, HEALTH_DOWN };

struct health;

int health_open(struct health **ret);
void health_free(struct health *h);
/* From now on tappet_health_parts tells how many parts are in which state. `m` has to outlive the last change. */
void health_show(struct health *h, struct metrics *m);
/* `reason` is plain words for people, copied; NULL with HEALTH_OK. A change is logged once. */
void health_set(struct health *h, const char *part, enum health_state state, const char *reason);
void health_forget(struct health *h, const char *part);
/* The worst state of all parts. */
enum health_state health_worst(const struct health *h);
const char *health_state_name(enum health_state state);
void health_each(const struct health *h,
		 void (*visit)(void *arg, const char *part, enum health_state state, const char *reason), void *arg);

#endif
