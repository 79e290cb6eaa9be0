/* The jq programs of definitions: those that this store has seen good are taken as good, the others are compiled in a
 * helper process, on the pool. */
#include <errno.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/log.h"
#include "daemon/internal.h"

struct program_job {
	uv_work_t work;
	struct daemon *daemon;
	struct programs *list;
	int status;
	program_job_done done;
	void *arg;
};

/* ---- What is known ----------------------------------------------------------------------------------------------------- */

static void know(struct daemon *d, const uint8_t *digest)
{
	/* Without memory it is compiled once more. */
	(void)map_put(&d->programs, digest, DIGEST_SIZE, d, NULL);
}

struct loading {
	struct daemon *daemon;
	void (*done)(void *arg, int status);
	void *arg;
};

static void loaded(void *arg, int status, const uint8_t (*digests)[DIGEST_SIZE], size_t count)
{
	struct loading *l = arg;
	for (size_t i = 0; status == 0 && i < count; i++)
		know(l->daemon, digests[i]);
	l->done(l->arg, status);
	free(l);
}

int programs_load(struct daemon *d, void (*done)(void *arg, int status), void *arg)
{
	struct loading *l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	*l = (struct loading){.daemon = d, .done = done, .arg = arg};
	int r = store_list_programs(d->store, loaded, l);
	if (r < 0)
		free(l);
	return r;
}

/* ---- What is not ------------------------------------------------------------------------------------------------------- */

struct remember {
	struct store_programs op;
	uint8_t digests[][DIGEST_SIZE];
};

static void remembered(struct store_op *op)
{
	if (op->status < 0 && op->status != -ECANCELED)
		log_warn("jq programs will be compiled again at the next start", log_errno(op->status), LOG_END);
	free(list_entry(op, struct remember, op.op));
}

static void remember(struct daemon *d, const struct programs *list)
{
	struct remember *r = calloc(1, sizeof(*r) + list->count * sizeof(r->digests[0]));
	if (!r)
		return;
	for (size_t i = 0; i < list->count; i++) {
		if (list->items[i].status < 0)
			continue;
		memcpy(r->digests[r->op.count++], list->digests[i], DIGEST_SIZE);
		know(d, list->digests[i]);
	}
	r->op.op = (struct store_op){.kind = STORE_PROGRAMS, .done = remembered};
	r->op.hashes = (const uint8_t(*)[DIGEST_SIZE])r->digests;
	r->op.now_ms = clock_wall_ms();
	if (r->op.count > 0)
		store_submit(d->store, &r->op.op);
	else
		free(r);
}

static void check(uv_work_t *work)
{
	struct program_job *job = work->data;
	job->status = programs_check(job->list, job->daemon->jq_helper);
}

static void checked(uv_work_t *work, int status)
{
	struct program_job *job = work->data;
	struct daemon *d = job->daemon;
	if (status == 0)
		status = job->status;
	if (status == 0 && d->stopping)
		status = -ECANCELED;
	if (status == 0)
		remember(d, job->list);
	job->done(job->arg, status);
	free(job);
}

int programs_run(struct daemon *d, struct programs *list, program_job_done done, void *arg)
{
	if (list->error < 0)
		return list->error;
	if (list->count == 0)
		return 1;
	struct program_job *job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	*job = (struct program_job){.daemon = d, .list = list, .done = done, .arg = arg, .work.data = job};
	int r = uv_queue_work(&d->loop, &job->work, check, checked);
	if (r < 0)
		free(job);
	return r;
}
