/* `script`: a text, a list of lines, or a file that becomes part of the definition. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "model/workflow_reader.h"

static char *join_lines(struct reader *r, const struct json *v)
{
	struct buf text;
	char *joined;

	buf_init(&text, WORKFLOW_SIZE_MAX);
	for (const struct json *line = json_first(v); line; line = json_next(line)) {
		if (!json_is_string(line)) {
			reader_expected(r, line, "a line as a string");
			continue;
		}
		(void)buf_str(&text, json_str(line));
		(void)buf_char(&text, '\n');
	}
	joined = buf_detach(&text, NULL);
	buf_release(&text);
	if (!joined)
		r->error = -ENOMEM;
	return joined;
}

/* Whether the text is the same after it went through JSON: UTF-8 without NUL. Only such a script can become part of a
 * revision. */
static bool is_text(const char *text, size_t len)
{
	struct json *value = NULL;
	struct buf out;
	bool same = false;

	buf_init(&out, 6 * len + 16);
	jsonw_strn(&out, text, len);
	if (buf_error(&out) == 0 && json_parse(out.data, out.len, &value, NULL) == 0)
		same = strlen(json_str(value)) == len && memcmp(json_str(value), text, len) == 0;
	json_free(value);
	buf_release(&out);
	return same;
}

static char *read_script_file(struct reader *r, const struct json *v)
{
	struct workflow_reader *wr = workflow_reader_of(r);
	const struct json *member = json_first(v);
	char *text = NULL;
	size_t len = 0;
	int error;

	if (!member || json_next(member) || strcmp(json_key(member), "file") != 0 || !json_is_string(member)) {
		reader_mistake(r, v, false, "expected {\"file\": \"PATH\"}");
		return NULL;
	}
	if (wr->foreign || !wr->options->read_file) {
		reader_mistake(r, v, false, "a script from a file is not possible here: write its text");
		return NULL;
	}
	error = wr->options->read_file(wr->options->arg, json_str(member), &text, &len);
	if (error < 0) {
		reader_mistake(r, member, false, "cannot read \"%.200s\": %s", json_str(member),
			       error == -ENOBUFS ? "it is too large" : log_strerror(error));
		return NULL;
	}
	if (is_text(text, len))
		return text;
	reader_mistake(r, member, false, "\"%.200s\" is not a text in UTF-8", json_str(member));
	free(text);
	return NULL;
}

void workflow_read_script(struct reader *r, void *into, const struct json *v)
{
	struct step_def *def = into;

	workflow_set_action(r, def, STEP_SCRIPT, v);
	free(def->script);
	def->script = NULL;
	if (json_is_string(v))
		def->script = reader_strdup(r, json_str(v));
	else if (json_is_array(v))
		def->script = join_lines(r, v);
	else if (json_is_object(v))
		def->script = read_script_file(r, v);
	else
		reader_expected(r, v, "a text, a list of lines or {\"file\": \"PATH\"}");
	if (def->script && !*def->script)
		reader_mistake(r, v, false, "\"script\" is empty");
}
