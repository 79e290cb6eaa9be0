/* Single definitions that come by the interface: read on the pool, checked like those of the folder, committed, and their
 * triggers brought in line before the answer. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "daemon/internal.h"

struct define {
	uv_work_t work;
	struct daemon *daemon;
	char *slug, *text, *by, *expected;
	size_t len;
	struct diag diag;
	struct json_file *file;
	struct workflow *workflow;
	struct programs programs;
	struct host_settle settle;
	int status;
	void (*done)(void *arg, int status, const struct diag *mistakes);
	void *arg;
};

static void define_free(struct define *f)
{
	programs_release(&f->programs);
	workflow_unref(f->workflow);
	json_file_free(f->file);
	diag_release(&f->diag);
	free(f->slug);
	free(f->text);
	free(f->by);
	free(f->expected);
	free(f);
}

static void finish(struct define *f, int status)
{
	f->done(f->arg, status, &f->diag);
	define_free(f);
}

static void settled(void *arg)
{
	finish(arg, 0);
}

static void changed(void *arg, const struct catalog_entry *entry, struct workflow *before)
{
	struct define *f = arg;
	(void)before;
	if (f->daemon->host && !f->daemon->stopping)
		host_sync(f->daemon->host, entry);
}

static void applied(void *arg, int status)
{
	struct define *f = arg;
	if (status < 0 || f->daemon->stopping)
		finish(f, status);
	else
		host_settle(f->daemon->host, &f->settle);
}

static void apply(struct define *f)
{
	const struct engine_apply request = {
		.workflows = &f->workflow,
		.count = 1,
		.by = f->by,
		.expected = f->expected,
		.changed = changed,
		.done = applied,
		.arg = f,
	};
	int r = engine_apply(f->daemon->engine, &request);
	if (r < 0)
		finish(f, r);
}

static void bad_program(void *arg, const struct program_place *place, const char *message)
{
	struct define *f = arg;
	program_mistake(place, message, &f->diag);
}

static void programs_checked(void *arg, int status)
{
	struct define *f = arg;
	if (status == 0)
		programs_each_bad(&f->programs, bad_program, f);
	if (status < 0 || f->diag.count > 0)
		finish(f, status < 0 ? status : -EINVAL);
	else
		apply(f);
}

/* Back on the loop: what needs the plugins' tables. */
static void was_read(uv_work_t *work, int status)
{
	struct define *f = work->data;
	struct daemon *d = f->daemon;
	if (status == 0)
		status = d->stopping ? -ECANCELED : f->status;
	if (status < 0 && (status != -EINVAL || !f->file)) {
		finish(f, status);
		return;
	}
	struct host_check *check;
	status = host_check_begin(d->host, false, &check);
	if (status < 0) {
		finish(f, status);
		return;
	}
	host_check_triggers(check, f->workflow, f->file, &f->diag);
	host_check_end(check);
	programs_init(&f->programs, &d->programs);
	programs_add(&f->programs, f->file, f->file->root, 0);
	int r = programs_run(d, &f->programs, programs_checked, f);
	if (r != 0)
		programs_checked(f, r < 0 ? r : 0);
}

static void check_slug(struct define *f)
{
	const struct json *slug = json_get(f->file->root, "slug");
	if (json_str(slug) && strcmp(json_str(slug), f->slug) != 0)
		json_file_mistake(f->file, &f->diag, slug, false, "\"slug\": the workflow is put as \"%s\"", f->slug);
}

static void read_text(uv_work_t *work)
{
	struct define *f = work->data;
	f->status = json_file_parse(f->slug, f->text, f->len, &f->diag, &f->file);
	if (f->status < 0)
		return;
	check_slug(f);
	const struct workflow_options options = {.on_failure = f->daemon->config->default_on_failure};
	f->status = workflow_parse(f->file, f->slug, &options, &f->diag, &f->workflow);
	if (f->status == 0 && f->diag.count > 0)
		f->status = -EINVAL;
}

static int copy_request(struct define *f, const struct api_definition *definition)
{
	f->slug = strdup(definition->slug);
	/* Not strndup: a NUL in it is a mistake to be found, not its end. */
	f->text = malloc(definition->len + 1);
	if (f->text)
		memcpy(f->text, definition->text, definition->len);
	f->len = definition->len;
	f->by = strdup(definition->by);
	if (definition->expected)
		f->expected = strdup(definition->expected);
	return f->slug && f->text && f->by && (f->expected || !definition->expected) ? 0 : -ENOMEM;
}

int definition_put(struct daemon *d, const struct api_definition *definition,
		   void (*done)(void *arg, int status, const struct diag *mistakes), void *arg)
{
	struct define *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->daemon = d;
	f->done = done;
	f->arg = arg;
	f->settle = (struct host_settle){.done = settled, .arg = f};
	f->work.data = f;
	diag_init(&f->diag);
	programs_init(&f->programs, NULL);
	int r = copy_request(f, definition);
	if (r == 0)
		r = uv_queue_work(&d->loop, &f->work, read_text, was_read);
	if (r < 0)
		define_free(f);
	return r;
}

int definition_remove(struct daemon *d, const struct api_definition *definition,
		      void (*done)(void *arg, int status, const struct diag *mistakes), void *arg)
{
	const struct catalog_entry *entry = engine_find(d->engine, definition->slug);
	struct define *f = entry ? calloc(1, sizeof(*f)) : NULL;
	if (!f)
		return entry ? -ENOMEM : -ENOENT;
	f->daemon = d;
	f->done = done;
	f->arg = arg;
	f->settle = (struct host_settle){.done = settled, .arg = f};
	diag_init(&f->diag);
	programs_init(&f->programs, NULL);
	int r = engine_remove(d->engine, entry->id,
			      &(struct engine_apply){
				      .by = definition->by,
				      .expected = definition->expected,
				      .changed = changed,
				      .done = applied,
				      .arg = f,
			      });
	if (r < 0)
		define_free(f);
	return r;
}
