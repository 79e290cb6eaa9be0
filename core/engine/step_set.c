/* `set`: outputs made of texts and of jq programs. */
#include "engine/internal.h"

#include <errno.h>
#include <stdlib.h>

static int put_text(struct values *v, const struct set_def *def, struct buf *out, char *message, size_t size)
{
	struct buf text;
	int r;

	buf_init(&text, ENGINE_OUTPUTS_MAX);
	r = values_expand(v, &def->text, &text, message, size);
	if (r == 0) {
		jsonw_key(out, def->name);
		jsonw_strn(out, buf_cstr(&text), text.len);
	}
	buf_release(&text);
	return r;
}

/* All outputs in the order of the file; the results are those of the programs among them. */
static void complete(struct step *s, const struct expr_result *results, size_t count)
{
	const struct step_def *def = step_def_of(s);
	char message[ENGINE_MESSAGE_MAX] = "";
	size_t program = 0;
	struct values values;
	struct buf out;
	int r;

	buf_init(&out, ENGINE_OUTPUTS_MAX);
	jsonw_open(&out, '{');
	r = values_init(&values, s->activity);
	for (size_t i = 0; i < def->set_count && r == 0; i++) {
		const struct set_def *item = &def->set[i];

		if (!item->program) {
			r = put_text(&values, item, &out, message, sizeof(message));
			continue;
		}
		r = outputs_put(&out, item->name, &results[program < count ? program : count - 1], message,
				sizeof(message));
		program++;
	}
	values_release(&values);
	jsonw_close(&out, '}');
	if (r != -ENOENT) {
		step_completed_with(s, &out, r, message);
		return;
	}
	buf_release(&out);
	step_failed(s, FAILURE_START, "%s", message);
}

static void ask(struct step *s, const struct expr_program *programs, size_t count)
{
	struct expr_input input;
	struct buf context;

	buf_init(&context, ENGINE_CONTEXT_MAX);
	context_put(&context, s->activity, step_is_on_failure(s));
	input = (struct expr_input){.json = buf_cstr(&context), .len = context.len};
	step_ask(s, programs, count, &input, buf_error(&context) ? 0 : 1, complete);
	buf_release(&context);
}

void set_run(struct step *s)
{
	const struct step_def *def = step_def_of(s);
	struct expr_program *programs = calloc(def->set_count + 1, sizeof(*programs));
	size_t count = 0;

	for (size_t i = 0; programs && i < def->set_count; i++)
		if (def->set[i].program)
			programs[count++].text = def->set[i].program;
	if (!programs)
		step_failed(s, FAILURE_OTHER, "no memory");
	else if (count > 0)
		ask(s, programs, count);
	else
		complete(s, NULL, 0);
	free(programs);
}
