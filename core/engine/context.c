/* What the jq programs of a step see: {"params", "steps": {ID: {"status", "outputs", "message"}}, "trigger": {"plugin", "id",
 * "payload", "cause"}, "activity": {"id", "createdAt"}}, and in onFailure "failure": {"step", "message"}. */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

int activity_failure(const struct activity *a, const char **ret_step, char **ret_message)
{
	char text[CLOCK_TEXT_MAX];
	const struct step *s;
	size_t failed = 0;
	char *message;

	if (!run_is_decided(&a->run) || run_outcome(&a->run, &failed) != STATUS_FAILURE)
		return -ENODATA;
	s = &a->steps[failed];
	if (a->timed_out)
		message = text_printf("timed out after %s", duration_text(a->workflow->timeout_ms, text, sizeof(text)));
	else
		message = strdup(s->message && s->message[0] ? s->message : status_name(s->status));
	if (!message)
		return -ENOMEM;
	*ret_step = a->timed_out ? "" : a->workflow->steps[failed].id;
	*ret_message = message;
	return 0;
}

static void put_raw(struct buf *b, const char *key, const char *json, size_t len)
{
	jsonw_key(b, key);
	if (json && len > 0)
		jsonw_raw(b, json, len);
	else
		jsonw_null(b);
}

static void put_str(struct buf *b, const char *key, const char *text)
{
	jsonw_key(b, key);
	jsonw_str(b, text);
}

/* Outputs are there when the step has ended: until then they may be of an earlier attempt. */
static void put_step(struct buf *b, const struct step *s)
{
	bool final = status_is_final(s->status);

	jsonw_key(b, step_def_of(s)->id);
	jsonw_open(b, '{');
	put_str(b, "status", status_name(s->status));
	jsonw_key(b, "outputs");
	if (final && s->outputs)
		jsonw_raw(b, s->outputs, strlen(s->outputs));
	else
		jsonw_raw(b, "{}", 2);
	if (final && s->message && s->message[0])
		put_str(b, "message", s->message);
	jsonw_close(b, '}');
}

static void put_trigger(struct buf *b, const struct activity_texts *t)
{
	jsonw_key(b, "trigger");
	jsonw_open(b, '{');
	put_str(b, "plugin", t->trigger);
	put_str(b, "id", t->trigger_id);
	put_raw(b, "payload", t->payload, t->payload_len);
	put_raw(b, "cause", t->cause, t->cause_len);
	jsonw_close(b, '}');
}

static void put_failure(struct buf *b, const struct activity *a)
{
	const char *step;
	char *message = NULL;

	if (activity_failure(a, &step, &message) < 0)
		return;
	jsonw_key(b, "failure");
	jsonw_open(b, '{');
	put_str(b, "step", step);
	put_str(b, "message", message);
	jsonw_close(b, '}');
	free(message);
}

void context_put(struct buf *out, const struct activity *a, bool on_failure)
{
	jsonw_open(out, '{');
	put_raw(out, "params", a->texts.params, a->texts.params_len);
	jsonw_key(out, "steps");
	jsonw_open(out, '{');
	for (size_t i = 0; i < a->workflow->step_count; i++)
		put_step(out, &a->steps[i]);
	jsonw_close(out, '}');
	put_trigger(out, &a->texts);
	jsonw_key(out, "activity");
	jsonw_open(out, '{');
	put_str(out, "id", a->id);
	jsonw_key(out, "createdAt");
	jsonw_time(out, a->created_ms);
	jsonw_close(out, '}');
	if (on_failure)
		put_failure(out, a);
	jsonw_close(out, '}');
}
