#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include "base/log.h"
#include "base/program.h"
#include "daemon/internal.h"
#include "version.h"

#define BALLAST (64 * 1024 * 1024)
/* Descriptors of the store, the loop, the helpers and the plugins, and of connections beyond the limit; and of a step that
 * runs: its pipes and its process. */
#define OTHER_FILES (128 + GATEWAY_BEYOND)
#define FILES_PER_STEP 4

static int fail(const char *what, int error)
{
	log_error(what, log_errno(error), LOG_END);
	return error;
}

static int make_folders(struct daemon *d)
{
	const char *slash = strrchr(d->config->store_path, '/');
	char *folder = strndup(d->config->store_path, slash ? (size_t)(slash - d->config->store_path) : 0);
	if (!folder || asprintf(&d->scratch, "%s/scratch", *folder ? folder : ".") < 0) {
		free(folder);
		return -ENOMEM;
	}
	int r = *folder && mkdir(folder, 0700) < 0 && errno != EEXIST ? -errno : 0;
	if (r < 0)
		log_error("cannot make the folder of the store", log_str("path", folder), log_errno(r), LOG_END);
	free(folder);
	return r;
}

static int open_store(struct daemon *d)
{
	const struct config *c = d->config;
	struct store_options options = {
		.path = c->store_path,
		.loop = &d->loop,
		.metrics = d->metrics,
		.health = d->health,
		.queue_max = c->queue_max,
		.log_max = c->log_max,
		.ballast = BALLAST,
		.retention_activities_ms = c->retention_activities_ms,
		.retention_events_ms = c->retention_events_ms,
		.retention_activities_max = c->retention_activities_max,
		.retention_events_max = c->retention_events_max,
	};
	int r = make_folders(d);
	if (r < 0)
		return r;
	r = store_open(&options, &d->store);
	if (r == 0)
		bus_set_newest(d->bus, store_newest_event(d->store));
	else if (r == -EBUSY)
		log_error("another daemon uses this store", log_str("path", c->store_path), LOG_END);
	else if (r == -EPROTO)
		log_error("the store was made by a newer version", log_str("path", c->store_path), LOG_END);
	else
		log_error("cannot open the store", log_str("path", c->store_path), log_errno(r), LOG_END);
	return r;
}

/* Strangers' connections must not take the descriptors that steps and the store need. */
static size_t connections_max(const struct config *c)
{
	struct rlimit limit;
	size_t others = OTHER_FILES + FILES_PER_STEP * c->concurrency;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || c->connections_max + others <= limit.rlim_cur)
		return c->connections_max;
	size_t max = limit.rlim_cur > 2 * others ? limit.rlim_cur - others : limit.rlim_cur / 2;
	log_warn("limits.connections is more than the limit of open files allows",
		 log_int("connections", c->connections_max), log_int("files", limit.rlim_cur), log_int("taken", max),
		 LOG_END);
	return max;
}

static int open_gateway(struct daemon *d)
{
	struct gateway_options options;
	gateway_defaults(&options);
	options.loop = &d->loop;
	options.metrics = d->metrics;
	options.trusted = d->config->trusted;
	options.trusted_count = d->config->trusted_count;
	options.trust_unix = d->config->trust_unix;
	options.body_max = d->config->body_max;
	/* A body that may come has to fit in; buffers grow by doubling. */
	options.memory_max =
		d->config->memory_max > 2 * options.body_max ? d->config->memory_max : 2 * options.body_max;
	options.connections_max = connections_max(d->config);
	options.connections_per_address_max = d->config->connections_per_address_max;
	return gateway_open(&options, &d->gateway);
}

/* What the plugins connect out by. */
static int open_ws_client(struct daemon *d)
{
	const struct ws_client_options options = {.loop = &d->loop, .metrics = d->metrics};
	return ws_client_open(&options, &d->ws_client);
}

static int open_expr(struct daemon *d)
{
	int r = expr_helper_path(&d->jq_helper);
	if (r < 0)
		return r;
	const struct expr_options options = {.loop = &d->loop, .helper = d->jq_helper, .metrics = d->metrics};
	return expr_open(&options, &d->expr);
}

static int open_engine(struct daemon *d)
{
	const struct config *c = d->config;
	d->env = calloc(c->default_env_count + 1, sizeof(*d->env));
	if (!d->env)
		return -ENOMEM;
	for (size_t i = 0; i < c->default_env_count; i++)
		d->env[i] = (struct engine_env){c->default_env[i].name, c->default_env[i].value};
	static const char *const places[] = {"tappet-exec", TAPPET_HELPERS_FROM_PROGRAM "/tappet-exec"};
	int r = program_find(places, sizeof(places) / sizeof(places[0]), &d->launch_helper);
	if (r < 0)
		return r;
	struct engine_options options = {
		.loop = &d->loop,
		.store = d->store,
		.bus = d->bus,
		.metrics = d->metrics,
		.health = d->health,
		.concurrency = c->concurrency,
		.scratch = d->scratch,
		.folder = c->folder,
		.default_timeout_ms = c->default_timeout_ms,
		.log_max = c->log_max,
		.expr = d->expr,
		.env = d->env,
		.env_count = c->default_env_count,
		.launch_helper = d->launch_helper,
	};
	return engine_open(&options, &d->engine);
}

/* The API is opened last, and closed first. */
static bool is_admin(void *arg, struct http_request *request)
{
	struct daemon *d = arg;
	if (d->api)
		return api_admits(d->api, request);
	http_problem(request, 503, "unavailable", "The daemon is starting or stopping.", 1);
	return false;
}

static int open_host(struct daemon *d)
{
	struct host_options options = {
		.loop = &d->loop,
		.post = d->post,
		.store = d->store,
		.engine = d->engine,
		.bus = d->bus,
		.gateway = d->gateway,
		.ws_client = d->ws_client,
		.metrics = d->metrics,
		.health = d->health,
		.plugin_folder = d->plugin_folder,
		.folder = d->config->folder,
		.public_url = d->config->public_url,
		.admin = is_admin,
		.admin_arg = d,
		.payload_max = d->config->body_max,
	};
	int r = host_open(&options, &d->host);
	if (r < 0)
		return r;
	struct diag diag;
	diag_init(&diag);
	for (size_t i = 0; i < d->config->plugin_count; i++) {
		int loaded = host_load(d->host, &d->config->plugins[i], d->config->file, &diag);
		r = r < 0 ? r : loaded;
	}
	if (r == 0)
		r = host_create(d->host, &diag);
	return daemon_report(r, &diag);
}

int parts_open(struct daemon *d)
{
	int r;
	if ((r = post_open(&d->loop, &d->post)) < 0 || (r = metrics_open(&d->metrics)) < 0 ||
	    (r = health_open(&d->health)) < 0 || (r = bus_open(&d->bus)) < 0)
		return fail("cannot start", r);
	health_show(d->health, d->metrics);
	loop_watch_open(&d->loop_watch, &d->loop, d->metrics);
	r = certificates_open(d, &d->certificates.found);
	certificates_release(&d->certificates.found);
	if (r < 0)
		return fail("cannot take the certificates", r);
	if ((r = open_store(d)) < 0)
		return r;
	if ((r = open_gateway(d)) < 0)
		return fail("cannot start the gateway", r);
	if ((r = open_ws_client(d)) < 0)
		return fail("cannot start outgoing connections", r);
	if ((r = open_expr(d)) < 0)
		return fail("cannot start the filters", r);
	if ((r = open_engine(d)) < 0)
		return fail("cannot start the engine", r);
	if ((r = open_host(d)) < 0)
		return fail("cannot start the plugins", r);
	return 0;
}
