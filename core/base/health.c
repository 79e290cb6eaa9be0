#include "base/health.h"

#include <errno.h>
#include "base/list.h"
#include "base/log.h"

/* A handful of parts: a list in the order of their first word. */
struct part {
	struct list node;
	enum health_state state;
	char *reason; /* or NULL */
	char name[];
};

enum { STATES = HEALTH_DOWN + 1 };

struct health {
	struct list parts;
	struct metric *counts[STATES];
};

int health_open(struct health **ret)
{
	struct health *h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	list_init(&h->parts);
	*ret = h;
	return 0;
}

static void part_free(struct part *p)
{
	list_remove(&p->node);
	free(p->reason);
	free(p);
}

void health_free(struct health *h)
{
	if (!h)
		return;
	list_each_safe (pos, &h->parts)
		part_free(list_entry(pos, struct part, node));
	free(h);
}

static struct part *find(const struct health *h, const char *name)
{
	list_each (pos, &h->parts) {
		struct part *p = list_entry(pos, struct part, node);
		if (strcmp(p->name, name) == 0)
			return p;
	}
	return NULL;
}

static struct part *find_or_make(struct health *h, const char *name)
{
	struct part *p = find(h, name);
	if (p)
		return p;
	size_t len = strlen(name);
	p = calloc(1, sizeof(*p) + len + 1);
	if (!p)
		return NULL;
	memcpy(p->name, name, len);
	list_append(&h->parts, &p->node);
	return p;
}

const char *health_state_name(enum health_state state)
{
	static const char *const names[] = {"ok", "starting", "degraded", "down"};
	return names[state];
}

/* By state, not by part: parts come and go with triggers. */
static void show(const struct health *h)
{
	size_t counts[STATES] = {0};
	list_each (pos, &h->parts)
		counts[list_entry(pos, struct part, node)->state]++;
	for (size_t i = 0; i < STATES; i++)
		metric_set(h->counts[i], (double)counts[i]);
}

void health_show(struct health *h, struct metrics *m)
{
	for (int i = 0; i < STATES; i++) {
		struct buf labels;
		buf_init(&labels, 100);
		metrics_label(&labels, "state", health_state_name((enum health_state)i));
		if (!buf_error(&labels))
			h->counts[i] = metrics_gauge(m, "tappet_health_parts", "Parts that /healthz lists, by state.",
						     buf_cstr(&labels));
		buf_release(&labels);
	}
	show(h);
}

static void log_change(const struct part *p)
{
	const char *reason = p->reason ? p->reason : "";
	if (p->state >= HEALTH_DEGRADED)
		log_warn("health changed", log_str("part", p->name), log_str("state", health_state_name(p->state)),
			 log_str("reason", reason), LOG_END);
	else
		log_info("health changed", log_str("part", p->name), log_str("state", health_state_name(p->state)),
			 LOG_END);
}

void health_set(struct health *h, const char *part, enum health_state state, const char *reason)
{
	if (!h)
		return;
	bool known = find(h, part) != NULL;
	struct part *p = find_or_make(h, part);
	if (!p)
		return;
	bool same_reason = strcmp(p->reason ? p->reason : "", reason ? reason : "") == 0;
	bool changed = p->state != state || (state != HEALTH_OK && !same_reason);
	if (!same_reason) {
		free(p->reason);
		p->reason = reason ? strdup(reason) : NULL;
	}
	p->state = state;
	show(h);
	/* A part that begins well is no news. */
	if (changed || (!known && state != HEALTH_OK))
		log_change(p);
}

void health_forget(struct health *h, const char *part)
{
	struct part *p = h ? find(h, part) : NULL;
	if (!p)
		return;
	part_free(p);
	show(h);
}

enum health_state health_worst(const struct health *h)
{
	enum health_state worst = HEALTH_OK;
	list_each (pos, &h->parts) {
		const struct part *p = list_entry(pos, struct part, node);
		if (p->state > worst)
			worst = p->state;
	}
	return worst;
}

void health_each(const struct health *h,
		 void (*visit)(void *arg, const char *part, enum health_state state, const char *reason), void *arg)
{
	list_each (pos, &h->parts) {
		const struct part *p = list_entry(pos, struct part, node);
		visit(arg, p->name, p->state, p->reason);
	}
}
