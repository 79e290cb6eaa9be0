/* `wait`: for an action of a topic, from the activity's creation on. The store is what knows: a step that waits begins by
 * looking there, and looks again when it is told that something has come. */
#include "engine/internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/names.h"

#define TOPIC_MAX ((size_t)255)
#define PAGE_ROWS 64
#define TRY_AGAIN_MS 1000
/* Longer data is no output unless it is asked for. */
#define DATA_OUTPUT_MAX ((size_t)64 * 1024)

/* ---- What is waited for --------------------------------------------------------------------------------------- */

static int expand_topic(struct step *s, struct buf *topic, char *message, size_t size)
{
	struct values values;
	int r = values_init(&values, s->activity);

	if (r == 0)
		r = values_expand(&values, &step_def_of(s)->wait->topic, topic, message, size);
	values_release(&values);
	if (r == 0 && !name_is_topic_filter(buf_cstr(topic))) {
		(void)snprintf(message, size, "\"%.100s\" is no topic", buf_cstr(topic));
		r = -EINVAL;
	}
	return r;
}

static char *topic_outputs(const char *topic)
{
	struct buf out;
	char *text;

	buf_init(&out, 4096);
	jsonw_open(&out, '{');
	jsonw_key(&out, "topic");
	jsonw_str(&out, topic);
	jsonw_close(&out, '}');
	text = buf_detach(&out, NULL);
	buf_release(&out);
	return text;
}

/* A topic that cannot be made fails when it runs. */
void wait_plan(struct step *s, int64_t now_ms)
{
	char message[ENGINE_MESSAGE_MAX];
	struct buf topic;

	s->seen = 0;
	s->look_again = false;
	buf_init(&topic, TOPIC_MAX);
	if (expand_topic(s, &topic, message, sizeof(message)) == 0)
		step_plan_await(s, topic_outputs(buf_cstr(&topic)), now_ms);
	buf_release(&topic);
}

void wait_run(struct step *s)
{
	char message[ENGINE_MESSAGE_MAX] = "no memory";
	struct buf topic;

	buf_init(&topic, TOPIC_MAX);
	(void)expand_topic(s, &topic, message, sizeof(message));
	buf_release(&topic);
	step_failed(s, FAILURE_START, "%s", message);
}

void wait_forget(struct step *s)
{
	waits_remove(s->activity->engine, s->activity->id, s->index);
}

/* ---- A look into the store ------------------------------------------------------------------------------------ */

struct found {
	uint64_t seq;
	int64_t time_ms;
	char *topic, *data;
	size_t len;
};

struct search {
	struct step_job job;
	char *topic;
	struct found *found;
	size_t count;
	uint64_t last; /* the last action of the page */
	bool more;
};

static void search_free(struct search *q)
{
	for (size_t i = 0; i < q->count; i++) {
		free(q->found[i].topic);
		free(q->found[i].data);
	}
	free(q->found);
	free(q->topic);
	free(q);
}

/* Nothing of this page is it. */
static void look_on(struct step *s, const struct search *q)
{
	bool again = q->more || s->look_again;

	s->seen = q->last;
	s->look_again = false;
	if (again) {
		wait_await(s);
		return;
	}
	waits_go_on(s->activity->engine, s->activity->id, s->index);
	activity_advance(s->activity); /* it may leave memory now */
}

static void put_action(struct buf *out, const struct found *f, bool data_is_text)
{
	jsonw_open(out, '{');
	jsonw_key(out, "topic");
	jsonw_str(out, f->topic);
	jsonw_key(out, "time");
	jsonw_time(out, f->time_ms);
	if (!data_is_text || f->len <= DATA_OUTPUT_MAX)
		jsonw_key(out, "data");
	if (!data_is_text)
		jsonw_raw(out, f->data, f->len);
	else if (f->len <= DATA_OUTPUT_MAX)
		jsonw_strn(out, f->data, f->len);
	jsonw_close(out, '}');
}

static void outputs_known(struct step *s, const struct expr_result *results, size_t count)
{
	char message[ENGINE_MESSAGE_MAX] = "";
	struct buf out;
	int r;

	buf_init(&out, ENGINE_OUTPUTS_MAX);
	jsonw_open(&out, '{');
	r = outputs_put_mapping(&out, &step_def_of(s)->wait->outputs, results, count, message, sizeof(message));
	jsonw_close(&out, '}');
	step_completed_with(s, &out, r, message);
}

static void take(struct step *s, const struct found *f)
{
	const struct mapping *m = &step_def_of(s)->wait->outputs;
	struct buf b;

	step_log(s, "action %llu of topic %s", (unsigned long long)f->seq, f->topic);
	buf_init(&b, m->count > 0 ? ENGINE_CONTEXT_MAX : ENGINE_OUTPUTS_MAX);
	put_action(&b, f, m->count == 0);
	if (m->count == 0) {
		step_completed_with(s, &b, 0, NULL);
		return;
	}
	step_ask_mapping(s, m, &b, outputs_known);
	buf_release(&b);
}

bool step_is_unsure(const struct expr_result *result)
{
	return result->status == -EIO || result->status == -ECANCELED;
}

/* A program that fails over one action's data does not match that one. */
static void judge(struct step *s, const struct search *q, const struct expr_result *results)
{
	for (size_t i = 0; i < q->count; i++) {
		if (step_is_unsure(&results[i])) {
			step_look_later(s, TRY_AGAIN_MS);
			return;
		}
		if (expr_truth(&results[i])) {
			take(s, &q->found[i]);
			return;
		}
		if (results[i].status < 0 && results[i].status != -ENODATA)
			step_log(s, "action %llu does not match: %.400s", (unsigned long long)q->found[i].seq,
				 results[i].message ? results[i].message : "");
	}
	look_on(s, q);
}

static void judged(void *arg, const struct expr_result *results, size_t count)
{
	struct search *q = arg;
	struct engine *e = q->job.engine;
	struct step *s = job_end(&q->job);

	(void)count;
	if (s)
		judge(s, q, results);
	search_free(q);
	engine_let_go(e);
}

/* `match` over each of them. */
static int ask(struct search *q, const char *match)
{
	struct expr *expr = q->job.engine->options.expr;
	struct expr_program *programs = calloc(q->count, sizeof(*programs));
	struct expr_input *inputs = calloc(q->count, sizeof(*inputs));
	int r = -ENOMEM;

	for (size_t i = 0; programs && inputs && i < q->count; i++) {
		programs[i] = (struct expr_program){.text = match, .input = i};
		inputs[i] = (struct expr_input){.json = q->found[i].data, .len = q->found[i].len};
	}
	if (programs && inputs)
		r = expr ? expr_run(expr, programs, q->count, inputs, q->count, judged, q) : -ENOSYS;
	free(programs);
	free(inputs);
	return r;
}

/* true: the search goes on. */
static bool look_at(struct step *s, struct search *q)
{
	const char *match = step_def_of(s)->wait->match;
	int r;

	if (q->count == 0) {
		look_on(s, q);
		return false;
	}
	if (!match) {
		take(s, &q->found[0]);
		return false;
	}
	job_begin(&q->job, s);
	r = ask(q, match);
	if (r == 0)
		return true;
	job_abandon(s);
	engine_let_go(q->job.engine);
	if (r == -EBUSY || r == -ENOMEM)
		step_look_later(s, TRY_AGAIN_MS);
	else
		step_failed(s, FAILURE_OUTPUT, "match cannot be asked: %s", log_strerror(r));
	return false;
}

static int copy_row(struct search *q, const struct store_action_row *row)
{
	struct found *f = &q->found[q->count];

	*f = (struct found){.seq = row->seq, .time_ms = row->time_ms, .len = row->data_len};
	f->topic = strdup(row->topic);
	f->data = strndup(row->data, row->data_len);
	q->count++;
	return f->topic && f->data ? 0 : -ENOMEM;
}

static int copy_rows(struct search *q, const struct catalog_entry *entry, const struct store_action_row *rows,
		     size_t count)
{
	int r = 0;

	q->found = calloc(count + 1, sizeof(*q->found));
	if (!q->found)
		return -ENOMEM;
	for (size_t i = 0; i < count && r == 0; i++) {
		q->last = rows[i].seq;
		if (access_coverage_has(rows[i].covers, entry) &&
		    topic_matches(q->topic, strlen(q->topic), rows[i].topic, strlen(rows[i].topic)))
			r = copy_row(q, &rows[i]);
	}
	q->more = count > 0;
	return r;
}

static void page_came(void *arg, int status, const struct store_action_row *rows, size_t count)
{
	struct search *q = arg;
	struct engine *e = q->job.engine;
	struct step *s = job_end(&q->job);
	bool goes_on = false;

	if (s && status == 0)
		status = copy_rows(q, engine_find(e, s->activity->workflow_id), rows, count);
	if (s && status == 0)
		goes_on = look_at(s, q);
	else if (s)
		step_look_later(s, TRY_AGAIN_MS);
	if (!goes_on)
		search_free(q);
	engine_let_go(e);
}

static int search_new(struct step *s, struct search **ret)
{
	struct search *q = calloc(1, sizeof(*q));
	struct json *outputs = NULL;
	const char *topic;

	if (!q)
		return -ENOMEM;
	(void)json_parse(s->outputs, strlen(s->outputs), &outputs, NULL);
	topic = json_get_str(outputs, "topic");
	q->topic = topic ? strdup(topic) : NULL;
	json_free(outputs);
	if (!q->topic) {
		free(q);
		return -ENOMEM;
	}
	q->last = s->seen;
	*ret = q;
	return 0;
}

/* The words before the first that is open. */
static char *prefix_of(const char *topic)
{
	return strndup(topic, strcspn(topic, "*>"));
}

void wait_await(struct step *s)
{
	struct activity *a = s->activity;
	struct engine *e = a->engine;
	const struct waits_for wait = {a->id, a->workflow_id, s->index, a->created_ms};
	struct search *q;
	char *prefix;
	int r;

	if (s->job) {
		s->look_again = true;
		return;
	}
	r = search_new(s, &q);
	if (r < 0) {
		step_look_later(s, TRY_AGAIN_MS);
		return;
	}
	/* First, so that nothing can come between. */
	r = waits_add(e, &wait, q->topic, a->workflow);
	prefix = r == 0 ? prefix_of(q->topic) : NULL;
	if (r == 0 && !prefix)
		r = -ENOMEM;
	job_begin(&q->job, s);
	if (r == 0)
		r = store_list_actions(e->store, prefix, !strpbrk(q->topic, "*>"), a->created_ms, s->seen, PAGE_ROWS,
				       page_came, q);
	free(prefix);
	if (r == 0)
		return;
	job_abandon(s);
	search_free(q);
	step_look_later(s, TRY_AGAIN_MS);
	engine_let_go(e);
}
