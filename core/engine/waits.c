/* Who waits for which actions, in memory or parked. What an action has to do with a step is decided by the step itself, from
 * the store; here it is only found whom to wake, without reading anybody from the disk: the topic by a map (those with
 * wildcards are tried one by one), the programs of `match` once for each action, however many wait with the same one. */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "model/names.h"

#define TOPIC_MAX 255
#define DATA_MAX ((size_t)16 * 1024 * 1024)
#define PAGE_ROWS 256

struct topic {
	struct list node; /* in patterns */
	struct list waiters;
	char text[];
};

struct waiter {
	struct list node;
	struct topic *topic;
	struct workflow *workflow; /* a reference */
	const struct catalog_entry *entry;
	int64_t created_ms; /* earlier actions are not for this one */
	char id[ID_SIZE];
	uint32_t step;
	bool released; /* it is on its way */
};

struct key {
	char id[ID_SIZE];
	uint32_t step;
};

void waits_init(struct engine *e)
{
	map_init(&e->waits.by_step);
	map_init(&e->waits.topics);
	list_init(&e->waits.patterns);
}

static struct key key_of(const char *activity_id, uint32_t step)
{
	struct key key;

	memset(&key, 0, sizeof(key));
	memcpy(key.id, activity_id, ID_SIZE);
	key.step = step;
	return key;
}

static void drop_topic(struct engine *e, struct topic *t)
{
	if (!list_empty(&t->waiters))
		return;
	list_remove(&t->node);
	(void)map_remove_str(&e->waits.topics, t->text);
	free(t);
}

static void drop_waiter(struct engine *e, struct waiter *w)
{
	list_remove(&w->node);
	drop_topic(e, w->topic);
	workflow_unref(w->workflow);
	free(w);
}

static int free_waiter(void *arg, const char *key, size_t key_len, void *value)
{
	(void)key;
	(void)key_len;
	drop_waiter(arg, value);
	return 0;
}

void waits_release(struct engine *e)
{
	(void)map_each(&e->waits.by_step, free_waiter, e);
	map_release(&e->waits.by_step);
	map_release(&e->waits.topics);
}

static struct topic *topic_of(struct engine *e, const char *text)
{
	struct topic *t = map_get_str(&e->waits.topics, text);
	size_t len = strlen(text);

	if (t)
		return t;
	t = calloc(1, sizeof(*t) + len + 1);
	if (!t)
		return NULL;
	memcpy(t->text, text, len);
	list_init(&t->node);
	list_init(&t->waiters);
	if (map_put_str(&e->waits.topics, text, t, NULL) < 0) {
		free(t);
		return NULL;
	}
	if (strpbrk(text, "*>"))
		list_append(&e->waits.patterns, &t->node);
	return t;
}

int waits_add(struct engine *e, const struct waits_for *wait, const char *topic, struct workflow *w)
{
	struct key key = key_of(wait->activity_id, wait->step);
	struct waiter *waiter;

	if (map_get(&e->waits.by_step, &key, sizeof(key)))
		return 0;
	waiter = calloc(1, sizeof(*waiter));
	if (!waiter)
		return -ENOMEM;
	waiter->topic = topic_of(e, topic);
	if (!waiter->topic || map_put(&e->waits.by_step, &key, sizeof(key), waiter, NULL) < 0) {
		if (waiter->topic)
			drop_topic(e, waiter->topic);
		free(waiter);
		return -ENOMEM;
	}
	waiter->workflow = workflow_ref(w);
	waiter->entry = engine_find(e, wait->workflow_id);
	waiter->created_ms = wait->created_ms;
	waiter->step = wait->step;
	memcpy(waiter->id, wait->activity_id, ID_SIZE);
	list_append(&waiter->topic->waiters, &waiter->node);
	return 0;
}

void waits_remove(struct engine *e, const char *activity_id, uint32_t step)
{
	struct key key = key_of(activity_id, step);
	struct waiter *w = map_remove(&e->waits.by_step, &key, sizeof(key));

	if (w)
		drop_waiter(e, w);
}

void waits_go_on(struct engine *e, const char *activity_id, uint32_t step)
{
	struct key key = key_of(activity_id, step);
	struct waiter *w = map_get(&e->waits.by_step, &key, sizeof(key));

	if (w)
		w->released = false;
}

static int add_row_step(struct engine *e, const struct store_activity_row *row, struct workflow *w,
			const struct store_step_row *step)
{
	const struct waits_for wait = {row->id, row->workflow_id, step->index, row->created_ms};
	struct json *outputs = NULL;
	const char *topic;
	int r = json_parse(step->outputs, strlen(step->outputs), &outputs, NULL);

	topic = json_get_str(outputs, "topic");
	if (r == 0)
		r = topic ? waits_add(e, &wait, topic, w) : -EINVAL;
	json_free(outputs);
	return r;
}

int waits_add_row(struct engine *e, const struct store_activity_row *row, struct workflow *w)
{
	int r = 0;

	for (size_t i = 0; i < row->step_count && r == 0; i++) {
		const struct store_step_row *step = &row->steps[i];

		if (step->status == STATUS_WAITING && step->index < w->step_count &&
		    w->steps[step->index].kind == STEP_WAIT && step_kind_awaits(STEP_WAIT, step->outputs))
			r = add_row_step(e, row, w, step);
	}
	return r;
}

/* ---- Whom an action wakes ------------------------------------------------------------------------------------- */

/* One action that is offered to those who wait. */
struct offer {
	struct engine *engine;
	char *topic, *data, *covers;
	size_t len;
	int64_t time_ms;
	struct map programs; /* of `match`: index + 1 into `texts` */
	char **texts;
	struct expr_program *asked;
	size_t count, cap;
	void (*done)(void *arg, size_t released);
	void *arg;
};

static void offer_free(struct offer *o)
{
	for (size_t i = 0; i < o->count; i++)
		free(o->texts[i]);
	free(o->texts);
	free(o->asked);
	map_release(&o->programs);
	free(o->topic);
	free(o->data);
	free(o->covers);
	free(o);
}

static void each_waiter(struct offer *o, struct topic *t, void (*visit)(struct offer *o, struct waiter *w, void *arg),
			void *arg)
{
	list_each_safe (node, &t->waiters) {
		struct waiter *w = list_entry(node, struct waiter, node);

		if (w->created_ms <= o->time_ms && access_coverage_has(o->covers, w->entry))
			visit(o, w, arg);
	}
}

static void each_listener(struct offer *o, void (*visit)(struct offer *o, struct waiter *w, void *arg), void *arg)
{
	struct waits *waits = &o->engine->waits;
	struct topic *t = map_get_str(&waits->topics, o->topic);

	if (t)
		each_waiter(o, t, visit, arg);
	list_each (node, &waits->patterns) {
		t = list_entry(node, struct topic, node);
		if (topic_matches(t->text, strlen(t->text), o->topic, strlen(o->topic)))
			each_waiter(o, t, visit, arg);
	}
}

static const char *match_of(const struct waiter *w)
{
	return w->workflow->steps[w->step].wait->match;
}

static int make_room(struct offer *o)
{
	size_t cap = o->cap ? 2 * o->cap : 16;
	char **texts;
	struct expr_program *asked;

	if (o->count < o->cap)
		return 0;
	texts = realloc(o->texts, cap * sizeof(char *));
	if (!texts)
		return -ENOMEM;
	o->texts = texts;
	asked = realloc(o->asked, cap * sizeof(*asked));
	if (!asked)
		return -ENOMEM;
	o->asked = asked;
	o->cap = cap;
	return 0;
}

static void collect(struct offer *o, struct waiter *w, void *arg)
{
	const char *match = match_of(w);
	int *r = arg;
	char *text;

	if (*r < 0 || !match || map_get_str(&o->programs, match))
		return;
	*r = make_room(o);
	text = *r == 0 ? strdup(match) : NULL;
	if (*r == 0)
		*r = text ? map_put_str(&o->programs, match, (void *)(uintptr_t)(o->count + 1), NULL) : -ENOMEM;
	if (*r < 0) {
		free(text);
		return;
	}
	o->texts[o->count] = text;
	o->asked[o->count++] = (struct expr_program){.text = text};
}

struct verdicts {
	const struct expr_result *results; /* NULL: they could not be asked for */
	size_t released;
};

static void wake(struct engine *e, const struct waiter *w)
{
	struct activity *a = map_get_str(&e->scheduler.activities, w->id);

	if (!a)
		(void)parked_wake(e, w->id);
	else if (a->workflow && step_awaits(&a->steps[w->step]))
		wait_await(&a->steps[w->step]);
}

/* Where nobody could say, the step is woken and asks again. A program that fails over this data does not match it. */
static void judge(struct offer *o, struct waiter *w, void *arg)
{
	struct verdicts *v = arg;
	const char *match = match_of(w);
	uintptr_t index = match ? (uintptr_t)map_get_str(&o->programs, match) : 0;
	bool matches = !match;

	if (index > 0 && v->results)
		matches = expr_truth(&v->results[index - 1]);
	if (matches && !w->released)
		v->released++;
	w->released = w->released || matches;
	if (matches || !v->results || step_is_unsure(&v->results[index > 0 ? index - 1 : 0]))
		wake(o->engine, w);
}

static void finish(struct offer *o, const struct expr_result *results)
{
	struct verdicts v = {.results = results};
	struct engine *e = o->engine;

	if (!e->quiet)
		each_listener(o, judge, &v);
	o->done(o->arg, v.released);
	offer_free(o);
	engine_let_go(e);
}

static void judged(void *arg, const struct expr_result *results, size_t count)
{
	(void)count;
	finish(arg, results);
}

/* done(arg, released) follows, perhaps from inside. */
static int offer(struct engine *e, const struct store_action_row *row, void (*done)(void *arg, size_t released),
		 void *arg)
{
	static const struct expr_result none = {.status = -ENODATA, .json = ""};
	struct offer *o = calloc(1, sizeof(*o));
	struct expr_input input = {.json = row->data, .len = row->data_len};
	int r = 0;

	if (!o)
		return -ENOMEM;
	*o = (struct offer){.engine = e, .len = row->data_len, .time_ms = row->time_ms, .done = done, .arg = arg};
	map_init(&o->programs);
	o->topic = strdup(row->topic);
	o->covers = row->covers ? strdup(row->covers) : NULL;
	if (!o->topic || (row->covers && !o->covers)) {
		offer_free(o);
		return -ENOMEM;
	}
	engine_hold(e);
	each_listener(o, collect, &r);
	if (r == 0 && o->count == 0) {
		finish(o, &none);
		return 0;
	}
	if (r == 0)
		r = e->options.expr ? expr_run(e->options.expr, o->asked, o->count, &input, 1, judged, o) : -ENOSYS;
	if (r < 0)
		finish(o, NULL);
	return 0;
}

/* ---- An action that comes ------------------------------------------------------------------------------------- */

struct action {
	struct store_action store;
	struct engine *engine;
	char *topic, *data, *by, *covers;
	engine_action_cb cb;
	void *arg;
};

static void action_free(struct action *a)
{
	free(a->topic);
	free(a->data);
	free(a->by);
	free(a->covers);
	free(a);
}

static void offered(void *arg, size_t released)
{
	struct action *a = arg;

	if (a->cb)
		a->cb(a->arg, 0, a->store.ret_seq, released);
	action_free(a);
}

static void stored(struct store_op *op)
{
	struct action *a = list_entry(op, struct action, store.op);
	struct engine *e = a->engine;
	const struct store_action_row row = {
		.time_ms = a->store.time_ms,
		.topic = a->topic,
		.data = a->data,
		.data_len = a->store.data_len,
		.covers = a->covers,
	};

	if (op->status == 0 && !e->quiet && !e->stopped && offer(e, &row, offered, a) == 0)
		return;
	if (a->cb)
		a->cb(a->arg, op->status, op->status == 0 ? a->store.ret_seq : 0, 0);
	action_free(a);
}

static bool is_topic(const char *topic)
{
	return strlen(topic) <= TOPIC_MAX && !strpbrk(topic, "*>") && name_is_topic_filter(topic);
}

static bool copy_texts(struct action *a, const struct engine_action *given)
{
	a->topic = strdup(given->topic);
	a->data = strndup(given->data, given->len);
	a->by = strdup(given->by ? given->by : "");
	a->covers = given->token ? access_coverage(given->token) : NULL;
	return a->topic && a->data && a->by && (a->covers || !given->token);
}

int engine_action(struct engine *e, const struct engine_action *given, engine_action_cb cb, void *arg)
{
	struct action *a;

	if (e->stopping)
		return -ESHUTDOWN;
	if (given->len > DATA_MAX)
		return -E2BIG;
	if (!is_topic(given->topic) || json_check(given->data, given->len, NULL) < 0)
		return -EINVAL;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->engine = e;
	a->cb = cb;
	a->arg = arg;
	if (!copy_texts(a, given)) {
		action_free(a);
		return -ENOMEM;
	}
	a->store = (struct store_action){
		.op = {.kind = STORE_ACTION, .done = stored},
		.topic = a->topic,
		.data = a->data,
		.data_len = given->len,
		.by = a->by,
		.covers = a->covers,
		.time_ms = clock_wall_ms(),
	};
	store_submit(e->store, &a->store.op);
	return 0;
}

/* ---- At start ------------------------------------------------------------------------------------------------- */

struct catch_up {
	struct engine *engine;
	int64_t since_ms;
	uint64_t after;
	size_t open; /* offers, and one for the page itself */
	bool more;
};

static void next_page(struct catch_up *c);

static void page_part_done(void *arg, size_t released)
{
	struct catch_up *c = arg;
	struct engine *e = c->engine;

	(void)released;
	if (--c->open > 0)
		return;
	if (c->more && !e->stopping) {
		next_page(c);
		return;
	}
	free(c);
	engine_let_go(e);
}

static void page_came(void *arg, int status, const struct store_action_row *rows, size_t count)
{
	struct catch_up *c = arg;

	if (status < 0 && status != -ECANCELED)
		log_error("earlier actions cannot be read: who waits for them learns of them at the next one",
			  log_errno(status), LOG_END);
	c->more = status == 0 && count > 0;
	for (size_t i = 0; status == 0 && i < count && !c->engine->stopping; i++) {
		c->after = rows[i].seq;
		c->open++;
		if (offer(c->engine, &rows[i], page_part_done, c) < 0)
			c->open--;
	}
	page_part_done(c, 0);
}

static void next_page(struct catch_up *c)
{
	c->open = 1;
	c->more = false;
	if (store_list_actions(c->engine->store, "", false, c->since_ms, c->after, PAGE_ROWS, page_came, c) < 0)
		page_part_done(c, 0);
}

static int find_oldest(void *arg, const char *key, size_t key_len, void *value)
{
	const struct waiter *w = value;
	int64_t *oldest_ms = arg;

	(void)key;
	(void)key_len;
	if (w->created_ms < *oldest_ms)
		*oldest_ms = w->created_ms;
	return 0;
}

void waits_catch_up(struct engine *e)
{
	struct catch_up *c;
	int64_t oldest_ms = INT64_MAX;

	(void)map_each(&e->waits.by_step, find_oldest, &oldest_ms);
	if (oldest_ms == INT64_MAX)
		return;
	c = calloc(1, sizeof(*c));
	if (!c)
		return;
	c->engine = e;
	c->since_ms = oldest_ms;
	engine_hold(e);
	next_page(c);
}
