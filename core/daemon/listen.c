#include <errno.h>
#include <stdlib.h>
#include "base/log.h"
#include "daemon/internal.h"

static void plugins_json(void *arg, struct buf *out)
{
	struct daemon *d = arg;
	jsonw_open(out, '[');
	for (size_t i = 0; i < host_count(d->host); i++)
		host_describe(d->host, i, out);
	jsonw_close(out, ']');
}

static void config_schema_json(void *arg, struct buf *out)
{
	(void)arg;
	config_schema(out);
}

static void trigger_health_json(void *arg, const char *workflow_id, const char *trigger_id, struct buf *out)
{
	struct daemon *d = arg;
	host_trigger_health(d->host, workflow_id, trigger_id, out);
}

static void reload_by_api(void *arg, void (*done)(void *done_arg, int status, const char *mistakes), void *done_arg)
{
	struct daemon *d = arg;
	int r = d->ready ? definitions_load(d, false, done, done_arg) : -EBUSY;
	if (r < 0)
		done(done_arg, r, "");
}

static int define_by_api(void *arg, const struct api_definition *definition,
			 void (*done)(void *done_arg, int status, const struct diag *mistakes), void *done_arg)
{
	struct daemon *d = arg;
	if (!d->ready)
		return -EBUSY;
	return definition->text ? definition_put(d, definition, done, done_arg)
				: definition_remove(d, definition, done, done_arg);
}

struct switching {
	struct host_settle settle;
	void (*done)(void *arg);
	void *arg;
};

static void on_switched(void *arg)
{
	struct switching *s = arg;
	s->done(s->arg);
	free(s);
}

/* Whoever asked may count on the triggers, or on their absence, as soon as he has the answer. */
static void on_switch(void *arg, const char *workflow_id, void (*done)(void *done_arg), void *done_arg)
{
	struct daemon *d = arg;
	const struct catalog_entry *entry = engine_find(d->engine, workflow_id);
	struct switching *s = d->stopping ? NULL : calloc(1, sizeof(*s));
	if (entry)
		host_sync(d->host, entry);
	if (!s) {
		done(done_arg);
		return;
	}
	*s = (struct switching){.settle = {.done = on_switched, .arg = s}, .done = done, .arg = done_arg};
	host_settle(d->host, &s->settle);
}

int listen_open_api(struct daemon *d)
{
	char *token = NULL;
	int r = admin_token_load(d->config->admin_token_file, &token);
	if (r < 0) {
		log_error(r == -EINVAL ? "the admin token is shorter than 16 characters"
				       : "cannot read the admin token",
			  log_str("path", d->config->admin_token_file), log_errno(r), LOG_END);
		return r;
	}
	struct api_options options = {
		.loop = &d->loop,
		.gateway = d->gateway,
		.engine = d->engine,
		.store = d->store,
		.bus = d->bus,
		.metrics = d->metrics,
		.health = d->health,
		.admin_token = token,
		.public_url = d->config->public_url,
		.folder = d->config->folder,
		.body_max = d->config->body_max,
		.arg = d,
		.plugins = plugins_json,
		.config_schema = config_schema_json,
		.trigger_health = trigger_health_json,
		.reload = reload_by_api,
		.enabled = on_switch,
		.define = define_by_api,
	};
	r = api_open(&options, &d->api);
	free(token);
	return r;
}

static int listen_on(struct daemon *d, struct listener_options *options)
{
	char *address = NULL;
	systemd_find_socket(d, options);
	int r = gateway_listen(d->gateway, options, &address);
	if (r == -EACCES && options->passed && options->control)
		log_error("the control socket that was passed lets in more users than control.mode",
			  log_str("path", options->address), LOG_END);
	else if (r < 0)
		log_error("cannot listen", log_str("address", options->address), log_errno(r), LOG_END);
	else
		log_info("listening", log_str("address", address),
			 log_str("for", options->control ? "control" : "requests"),
			 log_str("socket", options->passed ? "passed" : "own"), LOG_END);
	free(address);
	return r;
}

int listen_open(struct daemon *d)
{
	const struct config *c = d->config;
	struct listener_options control = {
		.address = c->control_path,
		.is_unix = true,
		.mode = c->control_mode,
		.group = c->control_group,
		.surfaces = SURFACE_API | SURFACE_METRICS | SURFACE_HEALTH,
		.control = true,
	};
	int r = listen_on(d, &control);
	for (size_t i = 0; r == 0 && i < c->listen_count; i++) {
		struct listener_options options = {
			.address = c->listen[i].address,
			.is_unix = c->listen[i].is_unix,
			.mode = 0660,
			.surfaces = c->listen[i].serve,
			.tls = i < d->certificates.count ? d->certificates.all[i] : NULL,
		};
		r = listen_on(d, &options);
	}
	systemd_drop_sockets(d);
	return r;
}
