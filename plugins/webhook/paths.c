/* Paths of triggers' own. A path is one route; of two triggers that want it the older one has it, and the other takes over when
 * that goes: while definitions change, the new one is sometimes there before the old one has left. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "webhook.h"

/* All, since methods are the trigger's matter, who answers the others itself. */
#define METHODS "GET,POST,PUT,PATCH,DELETE,OPTIONS"

/* Looks through all triggers: it is rare that two want the same. */
static const struct path *find_holder(const struct webhook *w, const struct path *p)
{
	const struct name_table *all = &w->triggers.by[BY_ID];
	for (size_t i = 0; i < all->bucket_count; i++)
		for (const struct binding *b = all->buckets[i]; b; b = b->next[BY_ID])
			for (const struct path *other = b->paths; other; other = other->next_of)
				if (other != p && other->route && strcmp(other->text, p->text) == 0)
					return other;
	return NULL;
}

static void tell_taken(const struct path *p, const struct path *holder)
{
	char reason[400];
	if (holder)
		snprintf(reason, sizeof(reason), "the path %s is taken by trigger %s of %s", p->text,
			 holder->binding->trigger_id, holder->binding->slug);
	else
		snprintf(reason, sizeof(reason), "the path %s is taken by another plugin", p->text);
	p->webhook->host->health(p->webhook->self, p->binding->trigger, TAPPET_HEALTH_DEGRADED, reason, 0);
}

static int32_t open_path(struct path *p)
{
	struct webhook *w = p->webhook;
	return w->http->route_add(w->self, METHODS, p->text, in_path_request, p, &p->route);
}

/* Behind the others: the oldest comes first. */
static void wait_for_path(struct path *p)
{
	struct path **at = &p->webhook->waiting_paths;
	while (*at)
		at = &(*at)->next;
	*at = p;
	tell_taken(p, find_holder(p->webhook, p));
}

static void stop_waiting(struct path *p)
{
	struct path **at = &p->webhook->waiting_paths;
	while (*at && *at != p)
		at = &(*at)->next;
	if (*at)
		*at = p->next;
	p->next = NULL;
}

static void hand_on(struct webhook *w, const char *text)
{
	struct path *p = w->waiting_paths;
	while (p && strcmp(p->text, text) != 0)
		p = p->next;
	if (!p || open_path(p) != TAPPET_OK)
		return;
	stop_waiting(p);
	w->host->health(w->self, p->binding->trigger, TAPPET_HEALTH_RUNNING, NULL, 0);
}

void paths_remove(struct webhook *w, struct binding *b)
{
	while (b->paths) {
		struct path *p = b->paths;
		b->paths = p->next_of;
		if (p->route) {
			w->http->route_remove(p->route);
			if (!w->stopping)
				hand_on(w, p->text);
		} else {
			stop_waiting(p);
		}
		free(p);
	}
}

int32_t paths_add(struct webhook *w, struct binding *b)
{
	for (char **text = b->settings->paths; text && *text; text++) {
		struct path *p = calloc(1, sizeof(*p) + strlen(*text) + 1);
		if (!p)
			return TAPPET_ENOMEM;
		p->webhook = w;
		p->binding = b;
		memcpy(p->text, *text, strlen(*text) + 1);
		p->next_of = b->paths;
		b->paths = p;
		const int32_t r = open_path(p);
		if (r == TAPPET_EEXIST)
			wait_for_path(p);
		else if (r < 0)
			return r;
	}
	return TAPPET_OK;
}
