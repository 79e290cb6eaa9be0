/* The end of a definition. */
#include <stdlib.h>

#include "model/workflow_reader.h"

static void mapping_release(struct mapping *m)
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->items[i].name);
		free(m->items[i].program);
	}
	free(m->items);
}

static void param_release(struct param_def *p)
{
	for (size_t i = 0; i < p->choice_count; i++)
		free(p->choices[i]);
	free(p->choices);
	free(p->name);
	free(p->default_json);
	free(p->description);
}

static void trigger_release(struct trigger_def *t)
{
	free(t->id);
	free(t->plugin);
	free(t->with_json);
	free(t->when);
	free(t->dedup);
	mapping_release(&t->params);
}

static void texts_free(struct env_def *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(texts[i].name);
		subst_release(&texts[i].value);
		free(texts[i].secret_env);
		free(texts[i].secret_file);
	}
	free(texts);
}

static void http_free(struct http_def *h)
{
	if (!h)
		return;
	free(h->method);
	subst_release(&h->url);
	texts_free(h->headers, h->header_count);
	template_free(h->body);
	free(h->expect);
	mapping_release(&h->outputs);
	free(h->ca_file);
	free(h);
}

static void call_free(struct call_def *c)
{
	if (!c)
		return;
	free(c->slug);
	template_free(c->params);
	mapping_release(&c->outputs);
	free(c);
}

static void wait_free(struct wait_def *w)
{
	if (!w)
		return;
	subst_release(&w->topic);
	free(w->match);
	mapping_release(&w->outputs);
	free(w);
}

static void approve_free(struct approve_def *a)
{
	if (a)
		subst_release(&a->message);
	free(a);
}

static void set_free(struct set_def *set, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(set[i].name);
		subst_release(&set[i].text);
		free(set[i].program);
	}
	free(set);
}

static void action_release(struct step_def *s)
{
	for (size_t i = 0; i < s->argc; i++)
		subst_release(&s->argv[i]);
	free(s->argv);
	free(s->script);
	subst_release(&s->sleep);
	http_free(s->http);
	call_free(s->call);
	wait_free(s->wait);
	approve_free(s->approve);
	set_free(s->set, s->set_count);
}

static void step_release(struct step_def *s)
{
	action_release(s);
	free(s->id);
	free(s->name);
	free(s->when);
	texts_free(s->env, s->env_count);
	free(s->env_file);
	free(s->limits.user);
	subst_release(&s->cwd);
	free(s->stdin_text);
	free(s->retry.on);
	free(s->needs);
}

void workflow_release_parts(struct workflow *w)
{
	for (size_t i = 0; i < w->param_count; i++)
		param_release(&w->params[i]);
	for (size_t i = 0; i < w->trigger_count; i++)
		trigger_release(&w->triggers[i]);
	for (size_t i = 0; i < w->step_count; i++)
		step_release(&w->steps[i]);
	free(w->params);
	free(w->triggers);
	free(w->steps);
	free(w->concurrency.key);
}
