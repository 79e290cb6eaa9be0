/* Whom connections trust, read on the pool and kept: parsing all that the system trusts takes ten milliseconds and more, which
 * the loop must not wait for, and memory, which connections share. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/certificate.h"
#include "gateway/ws_client_internal.h"

/* What the system trusts is looked at anew after this: it has no one file that would show a change. */
#define SYSTEM_FRESH_MS ((uint64_t)60 * 60 * 1000)

struct ws_reading {
	uv_work_t work;
	struct ws_client *client;
	char *path;
	struct ws_authority *known; /* in use; NULL: none */
	struct timespec changed;    /* of what is known, then of the file */
	SSL_CTX *ctx;               /* NULL: what is known holds, or there was a problem */
	char problem[WS_DETAIL_MAX];
	ws_authority_done done; /* NULL: nobody waits any more */
	void *arg;
};

/* ---- on the pool ------------------------------------------------------------------------------------------------- */

static SSL_CTX *make_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx)
		return NULL;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ctx;
}

static bool add_all(SSL_CTX *ctx, STACK_OF(X509) * all)
{
	for (int i = 0; i < sk_X509_num(all); i++)
		if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), sk_X509_value(all, i)) != 1)
			return false;
	/* One that is named is trusted, also when it is not the root of its own chain. */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx), X509_V_FLAG_PARTIAL_CHAIN);
	return true;
}

static void read_file(struct ws_reading *r)
{
	struct certificate_problem problem;
	STACK_OF(X509) *all = NULL;
	int error = certificate_load_all(r->path, &all, &problem);
	if (error < 0) {
		snprintf(r->problem, sizeof(r->problem), "%s", error == -ENOMEM ? "out of memory" : problem.text);
		return;
	}
	r->ctx = make_context();
	if (!r->ctx || !add_all(r->ctx, all)) {
		snprintf(r->problem, sizeof(r->problem), "%s: its certificates cannot be used", r->path);
		SSL_CTX_free(r->ctx);
		r->ctx = NULL;
	}
	certificate_free_all(all);
}

static void read_system(struct ws_reading *r)
{
	r->ctx = make_context();
	if (r->ctx && SSL_CTX_set_default_verify_paths(r->ctx) == 1)
		return;
	snprintf(r->problem, sizeof(r->problem), "the certificates that the system trusts cannot be read");
	SSL_CTX_free(r->ctx);
	r->ctx = NULL;
}

static void read_on_pool(uv_work_t *work)
{
	struct ws_reading *r = work->data;
	struct stat file;
	if (!r->path) {
		read_system(r);
	} else if (stat(r->path, &file) < 0) {
		snprintf(r->problem, sizeof(r->problem), "cannot read %s: %s", r->path, strerrordesc_np(errno));
	} else if (!r->known || file.st_mtim.tv_sec != r->changed.tv_sec ||
		   file.st_mtim.tv_nsec != r->changed.tv_nsec) {
		r->changed = file.st_mtim;
		read_file(r);
	}
	ERR_clear_error();
}

static void do_nothing(uv_work_t *work)
{
	(void)work;
}

/* ---- on the loop ------------------------------------------------------------------------------------------------- */

static bool is_of(const struct ws_authority *a, const char *path)
{
	if (!a->path || !path)
		return !a->path && !path;
	return strcmp(a->path, path) == 0;
}

static struct ws_authority *find(const struct ws_client *c, const char *path)
{
	list_each (node, &c->authorities) {
		struct ws_authority *a = list_entry(node, struct ws_authority, node);
		if (!a->stale && is_of(a, path))
			return a;
	}
	return NULL;
}

static void free_authority(struct ws_authority *a)
{
	list_remove(&a->node);
	SSL_CTX_free(a->ctx);
	free(a->path);
	free(a);
}

void ws_authority_unuse(struct ws_authority *a)
{
	if (!a)
		return;
	a->used--;
	/* Its last link needs a few turns to be gone. */
	if (a->used == 0 && a->stale)
		ws_client_sweep_later(a->client);
}

void ws_authority_sweep(struct ws_client *c)
{
	list_each_safe (node, &c->authorities) {
		struct ws_authority *a = list_entry(node, struct ws_authority, node);
		if (!a->stale || a->used > 0)
			continue;
		ws_link_vhost_free(a->vhost);
		free_authority(a);
	}
}

void ws_authority_free_all(struct ws_client *c)
{
	list_each_safe (node, &c->authorities)
		free_authority(list_entry(node, struct ws_authority, node));
}

static struct ws_authority *make_authority(struct ws_reading *r)
{
	struct ws_client *c = r->client;
	struct ws_authority *before = find(c, r->path), *a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->vhost = ws_link_vhost(c, r->ctx);
	if (!a->vhost) {
		free(a);
		return NULL;
	}
	a->client = c;
	a->ctx = r->ctx;
	a->path = r->path;
	a->changed = r->changed;
	a->read_at = uv_now(c->loop);
	r->ctx = NULL;
	r->path = NULL;
	if (before) {
		before->stale = true;
		if (before->used == 0)
			ws_client_sweep_later(c);
	}
	list_append(&c->authorities, &a->node);
	return a;
}

static void free_reading(struct ws_reading *r)
{
	SSL_CTX_free(r->ctx);
	free(r->path);
	free(r);
}

static void on_read(uv_work_t *work, int status)
{
	struct ws_reading *r = work->data;
	struct ws_client *c = r->client;
	struct ws_authority *a = r->known;
	(void)status;
	if (r->problem[0])
		a = NULL;
	else if (r->ctx && r->done)
		a = make_authority(r);
	if (a)
		a->used++;
	if (r->done)
		r->done(r->arg, a, r->problem[0] ? r->problem : "out of memory");
	else
		ws_authority_unuse(a);
	ws_authority_unuse(r->known);
	free_reading(r);
	ws_client_unhold(c);
}

int ws_authority_read(struct ws_client *c, const char *path, ws_authority_done done, void *arg, struct ws_reading **ret)
{
	struct ws_reading *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->known = find(c, path);
	if (!path && r->known && uv_now(c->loop) - r->known->read_at > SYSTEM_FRESH_MS)
		r->known = NULL;
	r->path = path ? strdup(path) : NULL;
	if (path && !r->path) {
		free(r);
		return -ENOMEM;
	}
	r->client = c;
	r->done = done;
	r->arg = arg;
	r->work.data = r;
	if (r->known) {
		r->known->used++;
		r->changed = r->known->changed;
	}
	/* Also when nothing is to be read, so that the answer always comes at a later turn. */
	uv_queue_work(c->loop, &r->work, !path && r->known ? do_nothing : read_on_pool, on_read);
	ws_client_hold(c);
	*ret = r;
	return 0;
}

void ws_authority_forget(struct ws_reading *reading)
{
	if (reading)
		reading->done = NULL;
}
