/* The host: the plugin side of the core. It loads shared objects (loader.c, the only dlopen), checks their descriptors,
 * hands them the ABI's tables (tappet/plugin.h and the capabilities), adds and removes triggers as definitions change,
 * times every callback and names who blocks, and turns emissions into those of the engine with credit per plugin and
 * trigger.
 *
 * It never trusts a struct's size, never frees what a plugin may still use, never dlcloses. Called by daemon/ and
 * cli/ (descriptors only). Loop thread only, except post and log. */
#ifndef HOST_HOST_H
#define HOST_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>
#include "base/diag.h"
#include "base/health.h"
#include "base/list.h"
#include "base/metrics.h"
#include "base/post.h"
#include "config/config.h"
#include "engine/engine.h"
#include "gateway/gateway.h"

struct host;
struct ws_client;

struct host_options {
	uv_loop_t *loop; /* all below may be NULL when descriptors are only looked at (check, plugins show) */
	struct post *post;
	struct store *store;
	struct engine *engine;
	struct bus *bus;
	struct gateway *gateway;
	struct ws_client *ws_client; /* NULL: plugins connect to nobody */
	struct metrics *metrics;
	struct health *health;
	const char *plugin_folder; /* where NAME.so is looked for */
	const char *folder;        /* of tappet.json: for paths and secrets in options */
	const char *public_url;    /* without a last slash, or NULL */
	/* Whether an administrator asks; otherwise the request has been answered. NULL: plugins get no such routes. */
	bool (*admin)(void *arg, struct http_request *request);
	void *admin_arg;
	size_t payload_max; /* bytes that come from outside in one emission; its envelope may add 64 KiB. 0: no limit */
	uint64_t credit_emissions; /* outstanding per plugin; 0: 1024 */
	uint64_t credit_bytes;     /* outstanding per plugin; 0: 64 MiB */
};

int host_open(const struct host_options *options, struct host **ret);
/* Loads and checks one plugin's shared object and its options. A plugin without a name (by its path alone) is called what it calls
 * itself. `file` (may be NULL) is tappet.json, for messages.
 * Everything wrong goes to `d`: no such file, missing symbol, other major version, newer minor needed (with both
 * numbers), short struct, name taken, missing capability, bad options. -EINVAL, -ENOENT, -EEXIST. */
int host_load(struct host *h, const struct plugin_config *plugin, const struct json_file *file, struct diag *d);
/* Checks triggers of definitions against their plugins; mistakes at their place in `file`. What two of one check claim,
 * or one of it and one that is there already, is a mistake. whole_folder: what is checked takes the place of all that came
 * from the folder; else each workflow takes its own place. Works before host_start. host_check_triggers: 0 or -EINVAL. */
struct host_check;
int host_check_begin(struct host *h, bool whole_folder, struct host_check **ret);
int host_check_triggers(struct host_check *c, const struct workflow *w, const struct json_file *file, struct diag *d);
void host_check_end(struct host_check *c);

/* Calls `create` of each plugin, in the order of loading. */
int host_create(struct host *h, struct diag *d);
/* Brings the triggers of one catalog entry in line with the definition: adds, removes, replaces those whose options
 * changed, leaves the others. A trigger that cannot be added becomes dead with its reason in health. Callback-free.
 * The checkpoints are read from the store. */
void host_sync(struct host *h, const struct catalog_entry *entry);
/* done(arg) is called once, later, when every trigger that host_sync was told of has been handed to its plugin (their
 * checkpoints come from the store), or the host has stopped. The struct is the caller's and stays until then. */
struct host_settle {
	struct list node; /* the host's */
	void (*done)(void *arg);
	void *arg;
};
void host_settle(struct host *h, struct host_settle *settle);
/* Calls `start` of each plugin. */
int host_start(struct host *h, struct diag *d);
/* Stops all plugins and waits for their emissions: `done(arg, late)` once, later, and may
 * call host_free; late: the name of a plugin that did not stop in time, or NULL. */
void host_stop(struct host *h, int64_t deadline_ms, void (*done)(void *arg, const char *late), void *arg);
/* After host_stop, or instead of it when host_start was never reached: destroys the plugins. Handles of the loop
 * close at its next turns, so it has to run once more. A plugin that was late is left as it is, with all that it may
 * still use. NULL is allowed. */
void host_free(struct host *h);

size_t host_count(const struct host *h);
/* One plugin as a JSON object: name, version, license, summary, path, options, triggerOptions, sample, health and
 * triggers. */
void host_describe(const struct host *h, size_t index, struct buf *out);
/* By the name in tappet.json; -1 when there is none. */
int host_find(const struct host *h, const char *name);
/* The plugin's page in Markdown, from its option tables. */
void host_document(const struct host *h, size_t index, struct buf *out);
/* Health of one trigger as JSON ({"state":…,"reason":…}); {"state":"disabled"} and so on where it does not run. */
void host_trigger_health(const struct host *h, const char *workflow_id, const char *trigger_id, struct buf *out);
/* For the report of a fatal signal: which plugin and callback the loop is in, or "". Async-signal-safe. */
const char *host_breadcrumb(void);

#endif
