#include "daemon/daemon.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/digest.h"
#include "base/log.h"
#include "daemon/internal.h"
#include "version.h"

#define POOL_THREADS "8"

static int fail(const char *what, int error)
{
	log_error(what, log_errno(error), LOG_END);
	return error;
}

/* ---- Configuration --------------------------------------------------------------------------------------------------- */

static void print_mistakes(const struct diag *diag)
{
	struct buf out;
	buf_init(&out, 1024 * 1024);
	diag_print(diag, &out);
	fputs(buf_cstr(&out), stderr);
	buf_release(&out);
}

int daemon_report(int r, struct diag *diag)
{
	if (diag->count > 0)
		print_mistakes(diag);
	diag_release(diag);
	return r;
}

/* --plugin replaces the list of the file; the options of those it names still come from there. */
static int select_plugins(struct config *c, const char *const *names, size_t count)
{
	struct plugin_config *chosen = calloc(count, sizeof(*chosen));
	if (!chosen)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		bool is_path = strchr(names[i], '/') != NULL;
		for (size_t k = 0; !is_path && k < c->plugin_count; k++) {
			if (!c->plugins[k].name || strcmp(c->plugins[k].name, names[i]) != 0)
				continue;
			chosen[i] = c->plugins[k];
			c->plugins[k] = (struct plugin_config){0};
		}
		if (chosen[i].name)
			continue;
		if (is_path)
			chosen[i].load = realpath(names[i], NULL);
		else
			chosen[i].name = strdup(names[i]);
		if (is_path && !chosen[i].load)
			chosen[i].load = strdup(names[i]); /* the loader says what is wrong with it */
	}
	for (size_t k = 0; k < c->plugin_count; k++) {
		free(c->plugins[k].name);
		free(c->plugins[k].load);
	}
	free(c->plugins);
	c->plugins = chosen;
	c->plugin_count = count;
	return 0;
}

static int load_config(struct daemon *d)
{
	struct diag diag;
	diag_init(&diag);
	const char *path = d->options->config_path;
	int r = config_read(path, &diag, &d->config);
	if (r == -ENOENT) {
		diag_release(&diag);
		diag_init(&diag);
		diag_add(&diag, path, 0, 0, "no such file ('tappet init' makes one)");
	}
	if (r < 0 && diag.count == 0)
		diag_add(&diag, path, 0, 0, "%s", log_strerror(r));
	r = daemon_report(r, &diag);
	if (r == 0 && d->options->plugin_count > 0)
		r = select_plugins(d->config, d->options->plugins, d->options->plugin_count);
	return r;
}

/* Before anything is started: with mistakes in them nothing is. */
static int load_certificates(struct daemon *d)
{
	struct certificates *found = &d->certificates.found;
	int r = certificates_read(d->config, found);
	if (r < 0)
		print_mistakes(&found->mistakes);
	return r;
}

/* ---- The process ------------------------------------------------------------------------------------------------------- */

static void raise_file_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static void prepare_process(const struct serve_options *options)
{
	log_setup(options->log_level, options->log_json);
	umask(077);
	raise_file_limit();
	/* Must be said before libuv's pool starts: definitions, steps and plugins share it. */
	setenv("UV_THREADPOOL_SIZE", POOL_THREADS, 0);
	crash_report_install();
	/* libcrypto sets itself up at its first use, and gives back what it then made for its thread only when that is
	 * the main one. */
	uint8_t unused[DIGEST_SIZE];
	digest_sha256("", 0, unused);
}

/* ---- The start, step by step ------------------------------------------------------------------------------------------- */

static void on_ready(void *arg, int status)
{
	struct daemon *d = arg;
	if (d->stopping)
		return;
	if (status < 0) {
		fail("cannot take up the activities", status);
		daemon_stop(d, CLI_FAILED);
		return;
	}
	d->ready = true;
	health_set(d->health, "daemon", HEALTH_OK, NULL);
	api_ready(d->api, true);
	systemd_ready(d);
	log_info("ready", log_str("version", TAPPET_VERSION), log_int("ms", clock_mono_ms() - d->started_ms), LOG_END);
	signals_retry(d);
}

static void on_triggers_settled(void *arg)
{
	struct daemon *d = arg;
	if (d->stopping)
		return;
	struct diag diag;
	diag_init(&diag);
	int r = daemon_report(host_start(d->host, &diag), &diag);
	if (r == 0)
		r = listen_open_api(d);
	if (r == 0)
		r = listen_open(d);
	if (r == 0)
		r = engine_start(d->engine, on_ready, d);
	if (r < 0)
		daemon_stop(d, CLI_FAILED);
}

static void on_definitions(void *arg, int status, const char *mistakes)
{
	(void)mistakes;
	struct daemon *d = arg;
	if (d->stopping)
		return;
	if (status < 0) {
		fail("cannot load the definitions", status);
		daemon_stop(d, CLI_FAILED);
		return;
	}
	d->settle = (struct host_settle){.done = on_triggers_settled, .arg = d};
	host_settle(d->host, &d->settle);
}

static void on_programs_known(void *arg, int status)
{
	struct daemon *d = arg;
	if (d->stopping)
		return;
	int r = status < 0 ? status : definitions_load(d, true, on_definitions, d);
	if (r < 0) {
		fail("cannot load the workflows", r);
		daemon_stop(d, CLI_FAILED);
	}
}

static void on_engine_loaded(void *arg, int status)
{
	struct daemon *d = arg;
	if (d->stopping)
		return;
	int r = status < 0 ? status : programs_load(d, on_programs_known, d);
	if (r < 0) {
		fail("cannot load the workflows", r);
		daemon_stop(d, CLI_FAILED);
	}
}

/* ---- The end ----------------------------------------------------------------------------------------------------------- */

/* What daemon_stop leaves: nothing calls back any more. Also after a start that failed half-way. */
static void release(struct daemon *d)
{
	uv_close((uv_handle_t *)&d->watchdog, NULL);
	uv_close((uv_handle_t *)&d->stop_timer, NULL);
	signals_close(d);
	loop_watch_close(&d->loop_watch);
	certificates_stop(d);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	int r = uv_loop_close(&d->loop);
	if (r < 0)
		log_warn("handles were left open", log_errno(r), LOG_END);
	/* Ends the pool's threads before OpenSSL cleans up behind main: each has state of its own there. */
	uv_library_shutdown();
	systemd_drop_sockets(d); /* when the start did not get to the listeners */
	certificates_free(d);
	bus_free(d->bus);
	health_free(d->health);
	metrics_free(d->metrics);
	config_free(d->config);
	free(d->env);
	free(d->scratch);
	free(d->jq_helper);
	map_release(&d->programs);
	free(d->launch_helper);
	free(d->plugin_folder);
}

int daemon_serve(const struct serve_options *options)
{
	struct daemon d = {.options = options, .started_ms = clock_mono_ms()};
	prepare_process(options);
	if (load_config(&d) < 0 || load_certificates(&d) < 0) {
		certificates_release(&d.certificates.found);
		config_free(d.config);
		return CLI_USAGE;
	}
	int r = systemd_take_sockets(&d);
	if (r < 0)
		log_warn("cannot take the sockets that were passed", log_errno(r), LOG_END);
	uv_loop_init(&d.loop);
	uv_timer_init(&d.loop, &d.watchdog);
	uv_timer_init(&d.loop, &d.stop_timer);
	uv_unref((uv_handle_t *)&d.watchdog);
	map_init(&d.programs);
	signals_open(&d);
	r = cli_plugin_folder(&d.plugin_folder);
	if (r == 0)
		r = parts_open(&d);
	if (r == 0)
		health_set(d.health, "daemon", HEALTH_STARTING, "loading definitions");
	if (r == 0)
		r = engine_load(d.engine, on_engine_loaded, &d);
	if (r < 0)
		daemon_stop(&d, CLI_FAILED);
	uv_run(&d.loop, UV_RUN_DEFAULT);
	release(&d);
	return d.exit_status;
}
