/* The REST interface /api/v1, /healthz, /readyz and /metrics: routes of the gateway over engine, store and bus. It
 * knows no libwebsockets and no plugin. On the control socket every request is admin; over TCP it needs the admin
 * token, and Host and Origin are checked against DNS rebinding. Called by daemon/ only. Loop thread only. */
#ifndef API_API_H
#define API_API_H

#include "base/diag.h"
#include "base/health.h"
#include "base/metrics.h"
#include "bus/bus.h"
#include "engine/engine.h"
#include "gateway/gateway.h"
#include "store/store.h"

struct api;

/* A workflow that is put or removed by the interface. */
struct api_definition {
	const char *slug;
	const char *text; /* JSON, comments allowed; NULL to remove it */
	size_t len;
	const char *by;
	const char *expected; /* the revision id that has to be the latest; "": it must not be there; NULL: any */
};

struct api_options {
	uv_loop_t *loop;
	struct gateway *gateway;
	struct engine *engine;
	struct store *store;
	struct bus *bus;
	struct metrics *metrics;
	struct health *health;
	const char *admin_token; /* copied; its hash is kept */
	const char *public_url;  /* or NULL; its host is accepted in Host and Origin */
	const char *folder;      /* of the configuration, which paths are relative to; stays */
	size_t body_max;         /* 0: as the gateway */
	/* The parts that only the composition root has. */
	void *arg;
	void (*plugins)(void *arg, struct buf *out);       /* a JSON array */
	void (*config_schema)(void *arg, struct buf *out); /* of tappet.json, as JSON Schema */
	void (*trigger_health)(void *arg, const char *workflow_id, const char *trigger_id, struct buf *out);
	/* Reload definitions: done(done_arg, status, mistakes as text). */
	void (*reload)(void *arg, void (*done)(void *done_arg, int status, const char *mistakes), void *done_arg);
	/* A switch was thrown: brings the triggers in line and calls done(done_arg) once when they are. */
	void (*enabled)(void *arg, const char *workflow_id, void (*done)(void *done_arg), void *done_arg);
	/* Takes a definition in, or removes it when it has no text: 0 and later done(done_arg, status, mistakes), with -EINVAL and
	 * the mistakes, -EPERM (it is the folder's), -ESTALE, -EEXIST, -ENOENT, or what the store says; or one of these at
	 * once, without `done`. The triggers are live when it is done. */
	int (*define)(void *arg, const struct api_definition *definition,
		      void (*done)(void *done_arg, int status, const struct diag *mistakes), void *done_arg);
};

int api_open(const struct api_options *options, struct api **ret);
/* Ready to serve: /readyz answers 200 from now on, until it is called with false. Before the first time, everything
 * under /api answers 503: the definitions are not in yet. False ends the answers that go on. */
void api_ready(struct api *a, bool ready);
/* Whether who sends this may use the API; else it has been answered 401 or 403. For routes under /api that are not the API's
 * own. */
bool api_admits(struct api *a, struct http_request *r);
/* Takes the routes away; requests in flight are still answered, as long as gateway, engine and store are there. None
 * of the functions above is called any more. */
void api_free(struct api *a);

#endif
