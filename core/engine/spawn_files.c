/* The files of one attempt. They lie beside the activity's folder, not in it: that one is the steps' own. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/spawn.h"

#define OUTPUTS_MAX ((size_t)256 * 1024)
#define INPUT_MAX ((size_t)512 * 1024 * 1024)

int spawn_paths(struct spawn *s, const char *activity_id)
{
	const char *root = s->options->scratch;

	s->folder = text_printf("%s/%s", root, activity_id);
	s->input_path = text_printf("%s/%s.%u.%u.input", root, activity_id, s->order, s->attempt);
	s->output_path = text_printf("%s/%s.%u.%u.output", root, activity_id, s->order, s->attempt);
	s->pid_path = text_printf("%s/%s.%u.%u.pid", root, activity_id, s->order, s->attempt);
	if (s->def->kind == STEP_SCRIPT)
		s->script_path = text_printf("%s/%s.%u.%u.script", root, activity_id, s->order, s->attempt);
	if (!s->folder || !s->input_path || !s->output_path || !s->pid_path ||
	    (s->def->kind == STEP_SCRIPT && !s->script_path))
		return -ENOMEM;
	return 0;
}

int spawn_write_file(const char *path, const char *text, size_t len, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode);
	int r = 0;

	if (fd < 0)
		return -errno;
	while (len > 0 && r == 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = -errno;
			break;
		}
		text += n;
		len -= (size_t)n;
	}
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

static void write_steps(struct spawn *s, struct buf *b)
{
	const struct workflow *w = s->values.workflow;

	jsonw_key(b, "steps");
	jsonw_open(b, '{');
	for (size_t i = 0; s->values.outputs && i < w->step_count; i++) {
		const char *outputs = s->values.outputs[i];

		if (!outputs)
			continue;
		jsonw_key(b, w->steps[i].id);
		jsonw_open(b, '{');
		jsonw_key(b, "outputs");
		jsonw_raw(b, outputs, strlen(outputs));
		jsonw_close(b, '}');
	}
	jsonw_close(b, '}');
}

static void write_raw(struct buf *b, const char *key, const char *text, size_t len)
{
	jsonw_key(b, key);
	if (len > 0)
		jsonw_raw(b, text, len);
	else
		jsonw_null(b);
}

int spawn_write_input(struct spawn *s)
{
	const struct values *v = &s->values;
	struct buf b;
	int r;

	buf_init(&b, INPUT_MAX);
	jsonw_open(&b, '{');
	jsonw_key(&b, "activity");
	jsonw_str(&b, v->activity_id);
	jsonw_key(&b, "workflow");
	jsonw_str(&b, v->workflow->slug);
	jsonw_key(&b, "workflowId");
	jsonw_str(&b, s->workflow_id);
	jsonw_key(&b, "trigger");
	jsonw_str(&b, v->trigger);
	jsonw_key(&b, "triggerId");
	jsonw_str(&b, v->trigger_id);
	write_raw(&b, "params", v->params, v->params_len);
	write_raw(&b, "payload", v->payload, v->payload_len);
	write_raw(&b, "cause", v->cause, v->cause_len);
	write_steps(s, &b);
	jsonw_close(&b, '}');
	r = buf_error(&b);
	if (r == 0)
		r = spawn_write_file(s->input_path, buf_cstr(&b), b.len, 0600);
	buf_release(&b);
	return r;
}

/* ---- After the end -------------------------------------------------------------------------------------------- */

/* The step may have put anything in its place: no link is followed, no pipe waited for. */
static int open_outputs(const char *path, size_t *ret_size)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		(void)close(fd);
		return -EINVAL;
	}
	*ret_size = (size_t)st.st_size;
	return fd;
}

static int parse_outputs(struct spawn *s, int fd, size_t size)
{
	char *text = malloc(size);
	struct buf json;
	size_t len = 0;
	int r = -ENOMEM;

	buf_init(&json, 8 * OUTPUTS_MAX);
	if (!text)
		goto cleanup;
	r = file_read(fd, text, size, &len);
	if (r == 0)
		r = outputs_parse(text, len, &json, s->message, sizeof(s->message));
	if (r == 0) {
		s->outputs = buf_detach(&json, NULL);
		r = s->outputs ? 0 : -ENOMEM;
	}
cleanup:
	free(text);
	buf_release(&json);
	return r;
}

static int read_outputs(struct spawn *s)
{
	size_t size = 0;
	int fd = open_outputs(s->output_path, &size), r;

	if (fd == -ENOENT)
		return 0; /* taken away by the step: it has none */
	if (fd < 0)
		return fd;
	if (size > OUTPUTS_MAX) {
		(void)snprintf(s->message, sizeof(s->message), "the outputs are larger than %zu bytes", OUTPUTS_MAX);
		r = -E2BIG;
	} else {
		r = size > 0 ? parse_outputs(s, fd, size) : 0;
	}
	(void)close(fd);
	return r;
}

/* Or the folder that the step has put in its place. */
static void remove_file(const char *path)
{
	if (unlink(path) < 0 && errno == EISDIR)
		(void)scratch_remove_tree(path);
}

void spawn_finish(struct spawn *s, bool want_outputs)
{
	if (want_outputs) {
		s->message[0] = '\0';
		s->error = read_outputs(s);
		if (s->error < 0 && s->message[0] == '\0')
			(void)snprintf(s->message, sizeof(s->message), "the outputs cannot be read: %s",
				       strerror(-s->error));
	}
	remove_file(s->input_path);
	remove_file(s->output_path);
	remove_file(s->pid_path);
	if (s->script_path)
		remove_file(s->script_path);
}

void spawn_release(struct spawn *s)
{
	values_release(&s->values);
	spawn_user_release(&s->user);
	mask_wipe(&s->mask);
	free(s->folder);
	free(s->input_path);
	free(s->output_path);
	free(s->script_path);
	free(s->pid_path);
	free(s->outputs);
	s->folder = s->input_path = s->output_path = s->script_path = s->pid_path = s->outputs = NULL;
}
