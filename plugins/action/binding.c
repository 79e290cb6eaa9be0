#include <stdlib.h>
#include <string.h>
#include "action.h"

struct binding *binding_ref(struct binding *b)
{
	b->refs++;
	return b;
}

void binding_unref(struct binding *b)
{
	if (!b || --b->refs > 0)
		return;
	free(b->slug);
	free(b->trigger_id);
	free(b);
}

static struct binding *binding_new(struct plugin *p, tappet_trigger *trigger, const tappet_trigger_info *info,
				   size_t pattern_count)
{
	struct binding *b = calloc(1, sizeof(*b) + pattern_count * sizeof(b->patterns[0]));
	if (!b)
		return NULL;
	b->plugin = p;
	b->trigger = trigger;
	b->refs = 1;
	b->pattern_count = pattern_count;
	memcpy(b->workflow_id, info->workflow_id, strlen(info->workflow_id));
	b->slug = strdup(info->workflow_slug);
	b->trigger_id = strdup(info->trigger_id);
	if (b->slug && b->trigger_id)
		return b;
	binding_unref(b);
	return NULL;
}

static int32_t add_patterns(struct binding *b, const tappet_config *config)
{
	struct plugin *p = b->plugin;
	for (size_t i = 0; i < b->pattern_count; i++) {
		tappet_str pattern;
		int32_t r = p->host->config_str(config, "topic", i, &pattern);
		if (r == TAPPET_OK && pattern_problem(pattern))
			r = TAPPET_EINVAL;
		b->patterns[i].owner = b;
		if (r == TAPPET_OK)
			r = matcher_add(p->matcher, pattern, &b->patterns[i]);
		if (r < 0)
			return r;
	}
	return TAPPET_OK;
}

static int32_t add_connect(struct binding *b, const tappet_trigger_info *info)
{
	struct plugin *p = b->plugin;
	const int32_t r = connect_add(&p->connect_owner, b->trigger, info, &b->connect);
	if (r < 0)
		return r;
	b->next_connect = p->connects;
	b->back_connect = &p->connects;
	if (b->next_connect)
		b->next_connect->back_connect = &b->next_connect;
	p->connects = b;
	if (p->started)
		connect_start(b->connect);
	return TAPPET_OK;
}

static void remove_connect(struct binding *b)
{
	*b->back_connect = b->next_connect;
	if (b->next_connect)
		b->next_connect->back_connect = b->back_connect;
	connect_remove(b->connect);
	b->connect = NULL;
}

void bindings_start(struct plugin *p)
{
	p->started = true;
	for (struct binding *b = p->connects; b; b = b->next_connect)
		connect_start(b->connect);
}

void bindings_resume(struct plugin *p)
{
	for (struct binding *b = p->connects; b; b = b->next_connect)
		connect_resume(b->connect);
}

void bindings_stop(struct plugin *p)
{
	for (struct binding *b = p->connects; b; b = b->next_connect)
		connect_stop(b->connect);
}

int32_t binding_add(struct plugin *p, tappet_trigger *trigger, const tappet_trigger_info *info, struct binding **ret)
{
	const size_t count = p->host->config_count(info->config, "topic");
	const bool connects = p->host->config_count(info->config, "connect") > 0;
	if (connects == (count > 0) || strlen(info->workflow_id) > ID_LEN)
		return TAPPET_EINVAL;
	struct binding *b = binding_new(p, trigger, info, count);
	int32_t r = b ? add_patterns(b, info->config) : TAPPET_ENOMEM;
	if (r == TAPPET_OK && connects)
		r = add_connect(b, info);
	if (r < 0) {
		if (b)
			binding_remove(b);
		binding_unref(b);
		return r;
	}
	*ret = b;
	return TAPPET_OK;
}

void binding_remove(struct binding *b)
{
	b->trigger = NULL;
	if (b->connect)
		remove_connect(b);
	for (size_t i = 0; i < b->pattern_count; i++)
		matcher_remove(b->plugin->matcher, &b->patterns[i]);
}
