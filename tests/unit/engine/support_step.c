#include "unit/engine/support_step.h"

#include <stdio.h>

#include "base/clock.h"
#include "engine/internal.h"

static struct engine_env root;

int step_setup(void **state)
{
	struct rig *r;

	(void)rig_setup(state);
	r = *state;
	root = (struct engine_env){"ROOT", r->folder};
	r->options.env = &root;
	r->options.env_count = 1;
	return 0;
}

void step_define(struct rig *r, const char *slug, const char *definition)
{
	char *text = strdup(definition);

	assert_non_null(text);
	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	(void)rig_define(r, slug, text);
	free(text);
}

void step_start(struct rig *r, const char *definition, const char *params, char ret_id[static ID_SIZE])
{
	step_define(r, "test", definition);
	rig_run(r, "test", params, ret_id);
}

struct json *step_run_through(struct rig *r, const char *definition, const char *params)
{
	char id[ID_SIZE];

	step_start(r, definition, params, id);
	return rig_wait(r, id, NULL);
}

void assert_step(const struct json *document, const char *step, const char *status)
{
	const struct json *s = rig_step(document, step);
	const char *message = json_get_str(s, "message");

	if (strcmp(json_get_str(s, "status"), status) != 0)
		fail_msg("step %s is %s and not %s: %s", step, json_get_str(s, "status"), status,
			 message ? message : "");
}

void assert_output(const struct json *document, const char *step, const char *name, const char *value)
{
	const char *found = json_get_str(json_get(rig_step(document, step), "outputs"), name);

	if (!found)
		fail_msg("step %s has no output %s", step, name);
	assert_string_equal(found, value);
}

void assert_no_output(const struct json *document, const char *step, const char *name)
{
	assert_null(json_get(json_get(rig_step(document, step), "outputs"), name));
}

void assert_message(const struct json *document, const char *step, const char *part)
{
	const char *message = json_get_str(step ? rig_step(document, step) : document, "message");

	if (!message || !strstr(message, part))
		fail_msg("\"%s\" does not contain \"%s\"", message ? message : "", part);
}

int step_attempt(const struct json *document, const char *step)
{
	return (int)json_number(json_get(rig_step(document, step), "attempt"));
}

void step_wait_for(struct rig *r, const char *id, const char *step, const char *status)
{
	int64_t end_ms = clock_mono_ms() + WAIT_MS;

	for (;;) {
		struct json *d = rig_document(r, id);
		bool there = strcmp(json_get_str(rig_step(d, step), "status"), status) == 0;

		if (!there && json_get_str(d, "endedAt"))
			fail_msg("the activity has ended, step %s is %s", step,
				 json_get_str(rig_step(d, step), "status"));
		json_free(d);
		if (there)
			return;
		if (clock_mono_ms() > end_ms)
			fail_msg("waited for step %s to be %s", step, status);
		rig_turn(r);
	}
}

struct wanted {
	struct rig *rig;
	size_t count;
};

static bool is_active(void *arg)
{
	const struct wanted *w = arg;

	return w->rig->engine->scheduler.active_count == w->count;
}

void wait_active(struct rig *r, size_t count)
{
	struct wanted w = {r, count};

	rig_until(r, is_active, &w);
}

void restart(struct rig *r)
{
	rig_down(r, 0);
	rig_up(r);
}

struct done {
	bool here;
	int status;
	size_t released;
};

static bool is_done(void *arg)
{
	return ((struct done *)arg)->here;
}

static void note(void *arg, int status)
{
	struct done *d = arg;

	assert_false(d->here);
	*d = (struct done){.here = true, .status = status};
}

int approve(struct rig *r, const char *id, const char *step, bool approved, const char *comment)
{
	struct done d = {0};
	int error = engine_approve(r->engine, id, step, approved, "ann", comment, note, &d);

	if (error < 0)
		return error;
	rig_until(r, is_done, &d);
	return d.status;
}

static void on_action(void *arg, int status, uint64_t seq, size_t released)
{
	struct done *d = arg;

	assert_false(d->here);
	assert_true(seq > 0);
	*d = (struct done){.here = true, .status = status, .released = released};
}

size_t act(struct rig *r, const char *topic, const char *data)
{
	return act_by(r, NULL, topic, data);
}

size_t act_by(struct rig *r, const struct access_token *token, const char *topic, const char *data)
{
	const struct engine_action action = {
		.topic = topic, .data = data, .len = strlen(data), .by = "a test", .token = token};
	struct done d = {0};

	assert_int_equal(engine_action(r->engine, &action, on_action, &d), 0);
	rig_until(r, is_done, &d);
	assert_int_equal(d.status, 0);
	return d.released;
}
