#include <errno.h>
#include "base/log.h"
#include "daemon/internal.h"

static void finish(struct daemon *d, int status)
{
	struct reload *r = &d->reload;
	struct buf mistakes;
	buf_init(&mistakes, 64 * 1024);
	if (status < 0) {
		diag_print(&r->certificates.mistakes, &mistakes);
		diag_print(&r->diag, &mistakes);
	}
	for (size_t i = 0; i < r->workflow_count; i++)
		workflow_unref(r->workflows[i]);
	free(r->workflows);
	programs_release(&r->programs);
	definitions_release(&r->definitions);
	diag_release(&r->diag);
	certificates_release(&r->certificates);
	r->workflows = NULL;
	r->workflow_count = 0;
	r->busy = false;
	r->done(r->arg, status, buf_cstr(&mistakes));
	buf_release(&mistakes);
	signals_retry(d);
}

static void on_changed(void *arg, const struct catalog_entry *entry, struct workflow *before)
{
	(void)before;
	struct daemon *d = arg;
	/* A stop does not wait for a commit under way: the plugins may be gone when it comes back. */
	if (d->host)
		host_sync(d->host, entry);
}

static void sync_entry(void *arg, const struct catalog_entry *entry)
{
	struct daemon *d = arg;
	if (d->host)
		host_sync(d->host, entry);
}

static void on_settled(void *arg)
{
	finish(arg, 0);
}

static void on_applied(void *arg, int status)
{
	struct daemon *d = arg;
	/* At start nobody has been told of anything yet, changed or not. */
	if (status == 0 && d->reload.at_start)
		engine_each(d->engine, sync_entry, d);
	if (status == 0 && !d->reload.at_start) {
		health_set(d->health, "definitions", HEALTH_OK, NULL);
		certificates_take(d, &d->reload.certificates);
	}
	if (status == 0)
		log_info("definitions loaded", log_int("workflows", d->reload.workflow_count), LOG_END);
	if (status < 0 || d->reload.at_start || d->stopping) {
		finish(d, status);
		return;
	}
	/* Whoever asked may call the new triggers as soon as he has the answer. */
	d->reload.settle = (struct host_settle){.done = on_settled, .arg = d};
	host_settle(d->host, &d->reload.settle);
}

/* Whether another file stands for the same workflow: a good one, or the first of several bad ones. */
static bool is_covered(const struct definitions *all, size_t index)
{
	for (size_t i = 0; i < all->count; i++)
		if (i != index && strcmp(all->items[i].slug, all->items[index].slug) == 0 &&
		    (all->items[i].workflow || i < index))
			return true;
	return false;
}

/* A bad file at start: its last good revision, if there is one, stays as it was. */
static struct workflow *choose(struct daemon *d, size_t index)
{
	const struct definition *definition = &d->reload.definitions.items[index];
	if (definition->workflow)
		return workflow_ref(definition->workflow);
	if (is_covered(&d->reload.definitions, index))
		return NULL;
	const struct catalog_entry *entry = engine_find(d->engine, definition->slug);
	return entry && entry->workflow && !entry->removed ? workflow_ref(entry->workflow) : NULL;
}

static void tell_mistakes(struct daemon *d)
{
	const struct diag *diag = &d->reload.diag;
	for (size_t i = 0; i < diag->count; i++)
		log_error("mistake in a definition", log_str("file", diag->items[i].file),
			  log_int("line", diag->items[i].line), log_int("column", diag->items[i].column),
			  log_str("what", diag->items[i].message), LOG_END);
	char reason[128];
	snprintf(reason, sizeof(reason), "%zu mistake%s in the workflow files%s; see `tappet check`", diag->count,
		 diag->count == 1 ? "" : "s", d->reload.at_start ? "" : ", so they were not reloaded");
	health_set(d->health, "definitions", HEALTH_DEGRADED, reason);
}

static int gather(struct daemon *d)
{
	struct reload *r = &d->reload;
	r->workflows = calloc(r->definitions.count + 1, sizeof(*r->workflows));
	if (!r->workflows)
		return -ENOMEM;
	for (size_t i = 0; i < r->definitions.count; i++) {
		struct workflow *w = choose(d, i);
		if (w)
			r->workflows[r->workflow_count++] = w;
	}
	return 0;
}

static int apply(struct daemon *d)
{
	struct reload *r = &d->reload;
	int error = gather(d);
	if (error < 0)
		return error;
	return engine_apply(d->engine, &(struct engine_apply){
					       .workflows = r->workflows,
					       .count = r->workflow_count,
					       .complete = true,
					       .from_folder = true,
					       .by = "folder",
					       .changed = r->at_start ? NULL : on_changed,
					       .done = on_applied,
					       .arg = d,
				       });
}

/* Everything has been looked at. */
static void decide(struct daemon *d)
{
	struct reload *r = &d->reload;
	if (r->diag.count > 0)
		tell_mistakes(d);
	bool bad_certificates = r->certificates.error < 0;
	if (bad_certificates)
		certificates_refuse(d, &r->certificates);
	if ((r->diag.count > 0 || bad_certificates) && !r->at_start) {
		finish(d, -EINVAL);
		return;
	}
	/* At start: a folder that is not there today says nothing of the workflows, which would count as removed. */
	if (r->unreadable) {
		engine_each(d->engine, sync_entry, d);
		finish(d, 0);
		return;
	}
	int error = apply(d);
	if (error < 0)
		finish(d, error);
}

static void on_bad_program(void *arg, const struct program_place *place, const char *message)
{
	struct daemon *d = arg;
	struct definition *definition = &d->reload.definitions.items[place->owner];
	program_mistake(place, message, &d->reload.diag);
	/* It is set aside like any other file with a mistake. */
	workflow_unref(definition->workflow);
	definition->workflow = NULL;
}

static void on_programs(void *arg, int status)
{
	struct daemon *d = arg;
	if (d->stopping) {
		finish(d, -ECANCELED);
		return;
	}
	if (status < 0)
		diag_add(&d->reload.diag, d->config->workflows, 0, 0, "jq programs cannot be checked: %s",
			 log_strerror(status));
	else
		programs_each_bad(&d->reload.programs, on_bad_program, d);
	decide(d);
}

/* Back on the loop: what needs the plugins' tables, then the jq programs; then all goes into one commit. */
static void on_read(uv_work_t *work, int status)
{
	struct daemon *d = work->data;
	struct reload *r = &d->reload;
	if (status < 0 || d->stopping) {
		finish(d, -ECANCELED);
		return;
	}
	struct host_check *check;
	if (host_check_begin(d->host, true, &check) < 0) {
		finish(d, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < r->definitions.count; i++) {
		const struct definition *definition = &r->definitions.items[i];
		if (!definition->file)
			continue;
		host_check_triggers(check, definition->workflow, definition->file, &r->diag);
		programs_add(&r->programs, definition->file, definition->file->root, i);
	}
	host_check_end(check);
	int error = programs_run(d, &r->programs, on_programs, d);
	if (error != 0)
		on_programs(d, error < 0 ? error : 0);
}

static void read_folder(uv_work_t *work)
{
	struct daemon *d = work->data;
	int r = definitions_read(d->config, &d->reload.diag, &d->reload.definitions);
	d->reload.unreadable = r < 0;
	if (!d->reload.at_start)
		(void)certificates_read(d->config, &d->reload.certificates);
	if (r < 0)
		diag_add(&d->reload.diag, d->config->workflows, 0, 0, "cannot read the folder: %s", log_strerror(r));
}

int definitions_load(struct daemon *d, bool at_start, void (*done)(void *arg, int status, const char *mistakes),
		     void *arg)
{
	struct reload *r = &d->reload;
	if (r->busy)
		return -EBUSY;
	diag_init(&r->diag);
	memset(&r->definitions, 0, sizeof(r->definitions));
	memset(&r->certificates, 0, sizeof(r->certificates));
	programs_init(&r->programs, &d->programs);
	r->busy = true;
	r->at_start = at_start;
	r->done = done;
	r->arg = arg;
	r->work.data = d;
	int queued = uv_queue_work(&d->loop, &r->work, read_folder, on_read);
	if (queued < 0)
		r->busy = false;
	return queued;
}
