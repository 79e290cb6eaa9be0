/* What the files of daemon/ share. */
#ifndef DAEMON_INTERNAL_H
#define DAEMON_INTERNAL_H

#include <uv.h>
#include "api/api.h"
#include "base/post.h"
#include "config/config.h"
#include "daemon/certificates.h"
#include "daemon/daemon.h"
#include "expr/programs.h"
#include "gateway/gateway.h"
#include "gateway/websocket.h"
#include "host/host.h"

struct reload {
	uv_work_t work; /* reads the folder on the pool */
	struct diag diag;
	struct definitions definitions;
	struct certificates certificates; /* not at the start, when they were read before */
	struct workflow **workflows;      /* what is applied: the good ones, and the last good revision of the others */
	size_t workflow_count;
	struct programs programs;
	bool busy, at_start;
	struct host_settle settle; /* committed; triggers are on their way to their plugins */
	bool unreadable;           /* the folder itself: what is in it is not known */
	void (*done)(void *arg, int status, const char *mistakes);
	void *arg;
};

struct loop_watch {
	uv_prepare_t prepare;
	struct metric *seconds;
	uint64_t since_ns, idle_ns; /* as of the last poll; 0: none yet */
	bool open;
};

struct daemon {
	const struct serve_options *options;
	uv_loop_t loop;
	struct config *config;
	struct post *post;
	struct metrics *metrics;
	struct health *health;
	struct bus *bus;
	struct store *store;
	struct gateway *gateway;
	struct ws_client *ws_client;
	struct expr *expr;
	struct engine *engine;
	struct host *host;
	struct api *api;
	struct reload reload;
	struct certificate_watch certificates;
	struct passed_sockets {
		int *fds; /* -1: taken */
		char **names;
		size_t count;
	} passed;
	struct host_settle settle; /* at the start */
	struct map programs;       /* by digest: jq programs that are known to be good */
	char *plugin_folder, *scratch, *jq_helper, *launch_helper;
	struct engine_env *env;
	uv_signal_t sigterm, sigint, sighup;
	uv_timer_t watchdog, stop_timer;
	struct loop_watch loop_watch;
	int64_t started_ms; /* monotonic */
	bool stopping, ready;
	bool reload_again; /* a SIGHUP came before the start was over, or while files were being read already */
	int exit_status;
};

/* definitions.c: reads the folder on the pool, checks it, commits it as a whole and brings the triggers in line. Only one at a time:
 * -EBUSY. At start a bad file is set aside; later one bad file refuses all: `done` gets -EINVAL and the mistakes. */
int definitions_load(struct daemon *d, bool at_start, void (*done)(void *arg, int status, const char *mistakes),
		     void *arg);

/* define.c: one definition by the interface. `done` gets what engine_apply and engine_remove say, or -EINVAL with the mistakes.
 * Negative: it is not called. */
int definition_put(struct daemon *d, const struct api_definition *definition,
		   void (*done)(void *arg, int status, const struct diag *mistakes), void *arg);
int definition_remove(struct daemon *d, const struct api_definition *definition,
		      void (*done)(void *arg, int status, const struct diag *mistakes), void *arg);

/* programs.c */
int programs_load(struct daemon *d, void (*done)(void *arg, int status), void *arg);
typedef void (*program_job_done)(void *arg, int status);
/* Checks the list on the pool, and remembers what is good; the list stays until `done`. 1: there is nothing to check, and `done` is
 * not called; negative likewise. */
int programs_run(struct daemon *d, struct programs *list, program_job_done done, void *arg);

/* parts.c: makes the parts from the configuration, in the order of who uses whom. What it made before it failed is in `d`. */
int parts_open(struct daemon *d);

/* loop_watch.c: tappet_loop_turn_seconds. Before the loop runs first. Closing is allowed when it was never opened. */
void loop_watch_open(struct loop_watch *w, uv_loop_t *loop, struct metrics *metrics);
void loop_watch_close(struct loop_watch *w);

/* listen.c: the REST interface with what only the composition root knows, and the listeners. */
int listen_open_api(struct daemon *d);
int listen_open(struct daemon *d);

/* daemon.c: shows mistakes in files to the person who started the daemon; releases `diag`, returns `r`. */
int daemon_report(int r, struct diag *diag);

/* signals.c */
int signals_open(struct daemon *d);
void signals_close(struct daemon *d);
/* Does what a SIGHUP asked for when it could not be done at once. */
void signals_retry(struct daemon *d);

/* stop.c: begins the ordered stop; a second call cuts it short. */
void daemon_stop(struct daemon *d, int exit_status);

/* systemd.c: the sockets that were passed to the daemon, before any child is started. */
int systemd_take_sockets(struct daemon *d);
/* The one that listens at the address of `options`, as `passed` and `fd` in it. */
void systemd_find_socket(struct daemon *d, struct listener_options *options);
/* Closes those that nobody has found. */
void systemd_drop_sockets(struct daemon *d);
/* Readiness, state and watchdog (sd_notify(3)); all without effect outside systemd. */
void systemd_ready(struct daemon *d);
void systemd_reloading(bool done);
void systemd_stopping(void);

/* admin_token.c: the token of /api/v1 over TCP: read from its file, which is made (0600) at the first start. *ret is freed. */
int admin_token_load(const char *path, char **ret);

/* crash.c: on a fatal signal writes which plugin's callback the loop was in, then dies of that signal. */
void crash_report_install(void);

#endif
