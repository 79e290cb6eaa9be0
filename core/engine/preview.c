#include "engine/preview.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/filter.h"
#include "engine/internal.h"

#define PREVIEW_MAX ((size_t)64 * 1024 * 1024)

/* One trigger, or a run by hand (def NULL). */
struct case_of {
	struct filter filter;
	struct preview *preview;
};

struct preview {
	struct workflow *workflow;
	char *payload, *params, *cause;
	struct case_of *cases;
	size_t case_count, open;
	int status;
	preview_done done;
	void *arg;
};

static void preview_free(struct preview *p)
{
	for (size_t i = 0; i < p->case_count; i++)
		filter_release(&p->cases[i].filter);
	free(p->cases);
	free(p->payload);
	free(p->params);
	free(p->cause);
	workflow_unref(p->workflow);
	free(p);
}

/* ---- Writing --------------------------------------------------------------------------------------------------- */

static void put_str(struct buf *b, const char *key, const char *text)
{
	jsonw_key(b, key);
	jsonw_str(b, text);
}

static void put_case(struct buf *b, const struct workflow *w, const struct case_of *c)
{
	const struct filter *f = &c->filter;

	jsonw_open(b, '{');
	put_str(b, "id", f->trigger_id);
	put_str(b, "plugin", f->trigger);
	jsonw_key(b, "matches");
	jsonw_bool(b, f->reason == 0);
	if (f->reason) {
		put_str(b, "reason", reason_name(f->reason));
		put_str(b, "detail", f->detail);
	}
	document_put_params(b, f->complete, w);
	put_str(b, "dedup", f->key);
	if (f->has_lane && !f->reason) {
		put_str(b, "lane", f->lane ? f->lane : "");
		jsonw_key(b, "limit");
		jsonw_int(b, w->concurrency.limit);
	}
	jsonw_close(b, '}');
}

/* A text that has no value is told in its place. */
static void put_subst(struct buf *b, struct values *v, const struct subst *s)
{
	char message[FILTER_DETAIL_MAX] = "";
	struct buf text;

	buf_init(&text, PREVIEW_MAX);
	if (values_expand(v, s, &text, message, sizeof(message)) == 0) {
		jsonw_str(b, buf_cstr(&text));
	} else {
		jsonw_open(b, '{');
		put_str(b, "error", message);
		jsonw_close(b, '}');
	}
	buf_release(&text);
}

static void put_template(struct buf *b, struct values *v, const struct template *t)
{
	char message[FILTER_DETAIL_MAX] = "";
	struct buf json;

	buf_init(&json, PREVIEW_MAX);
	if (values_template(v, t, false, &json, message, sizeof(message)) == 0) {
		jsonw_raw(b, buf_cstr(&json), json.len);
	} else {
		jsonw_open(b, '{');
		put_str(b, "error", message);
		jsonw_close(b, '}');
	}
	buf_release(&json);
}

static void put_env(struct buf *b, struct values *v, const char *key, const struct env_def *env, size_t count)
{
	if (count == 0)
		return;
	jsonw_key(b, key);
	jsonw_open(b, '{');
	for (size_t i = 0; i < count; i++) {
		jsonw_key(b, env[i].name);
		if (env[i].secret_env || env[i].secret_file)
			jsonw_str(b, "***");
		else
			put_subst(b, v, &env[i].value);
	}
	jsonw_close(b, '}');
}

static void put_http(struct buf *b, struct values *v, const struct http_def *http)
{
	jsonw_key(b, "http");
	jsonw_open(b, '{');
	put_str(b, "method", http->method);
	jsonw_key(b, "url");
	put_subst(b, v, &http->url);
	put_env(b, v, "headers", http->headers, http->header_count);
	if (http->body) {
		jsonw_key(b, "body");
		put_template(b, v, http->body);
	}
	jsonw_close(b, '}');
}

static void put_call(struct buf *b, struct values *v, const struct call_def *call)
{
	jsonw_key(b, "workflow");
	jsonw_open(b, '{');
	put_str(b, "name", call->slug);
	if (call->params) {
		jsonw_key(b, "params");
		put_template(b, v, call->params);
	}
	jsonw_close(b, '}');
}

static void put_set(struct buf *b, struct values *v, const struct step_def *def)
{
	jsonw_key(b, "set");
	jsonw_open(b, '{');
	for (size_t i = 0; i < def->set_count; i++) {
		jsonw_key(b, def->set[i].name);
		if (def->set[i].program)
			jsonw_str(b, def->set[i].program);
		else
			put_subst(b, v, &def->set[i].text);
	}
	jsonw_close(b, '}');
}

static void put_action(struct buf *b, struct values *v, const struct step_def *def)
{
	switch (def->kind) {
	case STEP_RUN:
		jsonw_key(b, "run");
		jsonw_open(b, '[');
		for (size_t i = 0; i < def->argc; i++)
			put_subst(b, v, &def->argv[i]);
		jsonw_close(b, ']');
		break;
	case STEP_SCRIPT:
		put_str(b, "script", def->script);
		break;
	case STEP_SLEEP:
		jsonw_key(b, "sleep");
		put_subst(b, v, &def->sleep);
		break;
	case STEP_HTTP:
		put_http(b, v, def->http);
		break;
	case STEP_WORKFLOW:
		put_call(b, v, def->call);
		break;
	case STEP_WAIT:
		jsonw_key(b, "wait");
		put_subst(b, v, &def->wait->topic);
		break;
	case STEP_APPROVE:
		jsonw_key(b, "approve");
		put_subst(b, v, &def->approve->message);
		break;
	case STEP_SET:
		put_set(b, v, def);
		break;
	}
}

static void put_step(struct buf *b, struct values *v, const struct step_def *def)
{
	jsonw_open(b, '{');
	put_str(b, "id", def->id);
	put_str(b, "kind", step_kind_name(def->kind));
	if (def->when)
		put_str(b, "when", def->when);
	put_action(b, v, def);
	put_env(b, v, "env", def->env, def->env_count);
	if (def->has_cwd) {
		jsonw_key(b, "cwd");
		put_subst(b, v, &def->cwd);
	}
	jsonw_close(b, '}');
}

static void put_steps(struct buf *b, const struct preview *p, const struct case_of *c)
{
	const struct filter *f = &c->filter;
	struct values v = {
		.trigger = f->trigger,
		.trigger_id = f->trigger_id,
		.params = f->complete,
		.params_len = f->complete_len,
		.payload = f->payload,
		.payload_len = f->payload_len,
		.cause = f->cause,
		.cause_len = f->cause_len,
		.workflow = p->workflow,
		.mask = true,
		.open = true,
	};

	put_str(b, "trigger", f->trigger_id);
	jsonw_key(b, "steps");
	jsonw_open(b, '[');
	for (size_t i = 0; i < p->workflow->step_count; i++)
		put_step(b, &v, &p->workflow->steps[i]);
	jsonw_close(b, ']');
	values_release(&v);
}

static const struct case_of *first_match(const struct preview *p)
{
	for (size_t i = 0; i < p->case_count; i++)
		if (p->cases[i].filter.reason == 0)
			return &p->cases[i];
	return NULL;
}

static void put_all(struct buf *b, const struct preview *p)
{
	const struct case_of *match = first_match(p);

	jsonw_open(b, '{');
	put_str(b, "workflow", p->workflow->slug);
	jsonw_key(b, "triggers");
	jsonw_open(b, '[');
	for (size_t i = 0; i < p->case_count; i++)
		put_case(b, p->workflow, &p->cases[i]);
	jsonw_close(b, ']');
	if (match)
		put_steps(b, p, match);
	jsonw_close(b, '}');
}

/* ---- Asking ---------------------------------------------------------------------------------------------------- */

static void finish(struct preview *p)
{
	struct buf out;
	int r = p->status;

	buf_init(&out, PREVIEW_MAX);
	if (r == 0) {
		put_all(&out, p);
		r = buf_error(&out);
	}
	p->done(p->arg, r, buf_cstr(&out), out.len);
	buf_release(&out);
	preview_free(p);
}

static void case_done(struct filter *f, int status)
{
	struct preview *p = list_entry(f, struct case_of, filter)->preview;

	if (status < 0)
		p->status = status;
	if (--p->open == 0)
		finish(p);
}

static void add_case(struct preview *p, const struct preview_options *o, const struct trigger_def *def)
{
	struct case_of *c = &p->cases[p->case_count++];

	c->preview = p;
	c->filter = (struct filter){
		.expr = o->expr,
		.workflow = p->workflow,
		.def = def,
		.trigger = def ? def->plugin : "manual",
		.trigger_id = def ? def->id : "manual",
		.payload = p->payload,
		.cause = p->cause,
		.params = p->params,
		.payload_len = p->payload ? strlen(p->payload) : 0,
		.cause_len = p->cause ? strlen(p->cause) : 0,
		.params_len = p->params ? strlen(p->params) : 0,
		.done = case_done,
	};
}

static int add_cases(struct preview *p, const struct preview_options *o)
{
	const struct workflow *w = p->workflow;
	bool by_hand = o->trigger_id ? strcmp(o->trigger_id, "manual") == 0 : w->trigger_count == 0;

	p->cases = calloc(w->trigger_count + 1, sizeof(*p->cases));
	if (!p->cases)
		return -ENOMEM;
	if (by_hand)
		add_case(p, o, NULL);
	for (size_t i = 0; !by_hand && i < w->trigger_count; i++)
		if (!o->trigger_id || strcmp(o->trigger_id, w->triggers[i].id) == 0)
			add_case(p, o, &w->triggers[i]);
	return p->case_count > 0 ? 0 : -ENOENT;
}

static int copy_text(char **to, const char *from)
{
	if (!from)
		return 0;
	if (json_check(from, strlen(from), NULL) < 0)
		return -EINVAL;
	*to = strdup(from);
	return *to ? 0 : -ENOMEM;
}

static int copy_options(struct preview *p, const struct preview_options *o)
{
	int r = copy_text(&p->payload, o->payload);

	if (r == 0)
		r = copy_text(&p->params, o->params);
	return r < 0 ? r : copy_text(&p->cause, o->cause);
}

/* The preview itself counts as one that is open, so that it does not end before all have begun. */
static void start(struct preview *p)
{
	p->open = 1 + p->case_count;
	for (size_t i = 0; i < p->case_count; i++) {
		int r = filter_start(&p->cases[i].filter);

		if (r != 0)
			p->open--;
		if (r < 0)
			p->status = r;
	}
	if (--p->open == 0)
		finish(p);
}

int preview(const struct preview_options *o, preview_done done, void *arg)
{
	struct preview *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return -ENOMEM;
	p->workflow = workflow_ref(o->workflow);
	p->done = done;
	p->arg = arg;
	r = copy_options(p, o);
	if (r == 0)
		r = add_cases(p, o);
	if (r < 0) {
		preview_free(p);
		return r;
	}
	start(p);
	return 0;
}
