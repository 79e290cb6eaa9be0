/* The parts of the schedule plugin and what they share. rules/ says what fires when; here it is waited for, handed over and
 * accounted for.
 *
 *   plugin.c    descriptor and lifecycle
 *   spec.c      options: of a trigger in a definition, or of a schedule that was made by API
 *   unit.c      one schedule under watch; state.c: what of it is kept in the store
 *   heap.c      which of them is due next
 *   clock.c     the timer, the clock's jumps, and the queue of those that are due
 *   fire.c      what to do with the instants that are due: one after the other, each with its cursor as checkpoint
 *   emit.c      the emission of a fire
 *   binding.c   triggers of the host: one schedule each, and the open one of a workflow with all that were made by API
 *   objects.c   those made by API: kept in the store, found by id
 *   backfill.c  fires of a range of the past
 *   control.c   pause, resume, run now, skip the next one
 *   tzdata.c    notices that the rules of the zones have changed on disk
 *   api*.c      the routes
 *
 * Every expected instant ends as exactly one of: an emission that was decided (fired, late, or refused by the engine), or an
 * account (missed, skipped, paused, dropped). A schedule's cursor is the last instant that ended so; it is committed with
 * it, and so neither loses nor doubles one. Loop thread only. Times are milliseconds since 1970. */
#ifndef SCHEDULE_PLUGIN_H
#define SCHEDULE_PLUGIN_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include "rules/schedule.h"
#include "tappet/activity.h"
#include "tappet/http.h"
#include "tappet/plugin.h"

#define ID_BYTES 12
#define ID_LEN 24
#define STATE_MAX 256
#define KEY_SIZE 32
/* How far the clock may be set back without anything firing again. */
#define SET_BACK_MAX_MS INT64_C(10800000)

/* ---- Options ---- */

enum misfire { MISFIRE_SKIP, MISFIRE_ONCE, MISFIRE_ALL };

/* What becomes of instants that are late. Most schedules share the default. */
struct policy {
	enum misfire misfire;
	int64_t window_ms, grace_ms, max;
};
extern const struct policy policy_default;

/* Options as they were read; the texts are those of the object that was read. */
struct spec {
	struct schedule_options rules;
	struct policy policy;
	const char *name, *description;
	const cJSON *labels, *params;
	bool paused;
};

/* What is wrong with them: in which option, and the how manieth value of it. */
struct spec_error {
	const char *key; /* a constant */
	size_t index;
	char message[256];
};

/* With the option in front, unless the message begins with it. Returns `text`. */
const char *spec_error_text(const struct spec_error *e, char *text, size_t size);
/* `id` is what `H` and jitter are hashed from. 0, or -EINVAL with *ret_error filled, or -ENOMEM. */
int spec_read(const cJSON *object, const char *id, struct spec *ret, struct spec_error *ret_error);
void spec_release(struct spec *s);
/* The options of a trigger as an object, to be freed with cJSON_Delete; NULL: no memory. */
struct option_reader {
	size_t (*count)(const tappet_config *config, const char *key);
	int32_t (*str)(const tappet_config *config, const char *key, size_t index, tappet_str *ret);
	int32_t (*integer)(const tappet_config *config, const char *key, size_t index, int64_t *ret);
	int32_t (*boolean)(const tappet_config *config, const char *key, int32_t *ret);
};
cJSON *spec_of_config(const struct option_reader *reader, const tappet_config *config);
/* Of those that decide what fires when: another one starts the cursor anew. */
uint64_t spec_fingerprint(const struct spec *s, const char *default_zone);
/* Compiles them. Errors as spec_read. */
int spec_compile(const struct spec *s, const char *default_zone, struct zones *zones, struct schedule **ret,
		 struct spec_error *ret_error);
#define SPEC_OPTIONS 24
extern const tappet_option spec_options[SPEC_OPTIONS];

/* ---- A schedule under watch ---- */

struct plugin;
struct binding;
struct backfill;

/* A million of them are kept in memory. */
struct unit {
	struct binding *binding;
	struct schedule *schedule;
	const struct policy *policy;
	struct backfill *backfill; /* under way, or NULL */
	struct unit *next;         /* in a queue */
	char *words;               /* members of a JSON object for people: "name":…, "labels":…; or NULL */
	char *params;              /* a JSON object, or NULL */
	int64_t cursor_ms;         /* all instants up to it have ended */
	int64_t skip_ms;           /* the instant that will be left out; 0: none */
	int64_t paused_ms;         /* since when it is paused or held */
	int64_t quiet_ms;          /* instants up to this one fell into a pause; 0: none */
	uint64_t fingerprint;
	uint32_t heap_at; /* its place + 1; 0: it is not in the heap */
	uint32_t jitter_ms;
	uint32_t missed; /* what the next late fire says */
	uint8_t id[ID_BYTES];
	bool object : 1;     /* made by API */
	bool completed : 1;  /* it has no further instant */
	bool queued : 1;     /* in the queue of those that are due */
	bool busy : 1;       /* something of it is on its way to the store */
	bool gone : 1;       /* deleted; it is freed when it is neither busy nor queued any more */
	bool paused : 1;     /* by people */
	bool held : 1;       /* by its definition, as it is kept */
	bool own_paused : 1; /* by its definition, as it is now */
	bool reboot : 1;     /* @reboot, and the daemon has just started */
	bool own_policy : 1;
	bool in_time : 1;  /* it fell due while somebody was there, who could not store it */
	bool changing : 1; /* a call that changes or deletes it is under way */
	bool unsaved : 1;  /* its state has to be put into the store */
};
_Static_assert(sizeof(struct unit) <= 128, "a million of them are kept in memory");

/* From options; the cursor is at `since_ms`, and an interval counts from there. It is in no heap, queue or table yet. 0,
 * -EINVAL with *ret_error filled, -ENOMEM. */
int unit_new(struct plugin *p, const cJSON *options, const char *id, int64_t since_ms, struct unit **ret,
	     struct spec_error *ret_error);
void unit_free(struct unit *u);
/* What is no mistake of an option but would not do what is meant: a jitter as long as the time between two fires. */
bool unit_is_sound(const struct unit *u, struct spec_error *ret_error);
/* Other options in place; cursor, pause and the rest stay as long as the rules do. Errors as unit_new; then nothing has
 * changed. */
int unit_change(struct plugin *p, struct unit *u, const cJSON *options, int64_t since_ms, struct spec_error *ret_error);
/* What unit_find finds it by. Returns `name`. */
#define UNIT_NAME_SIZE 112
char *unit_name(const struct unit *u, char name[static UNIT_NAME_SIZE]);
/* An id as hex digits. Returns `text`. */
char *id_format(const uint8_t id[static ID_BYTES], char text[static ID_LEN + 1]);
/* Of a trigger: its id; else its own, as hex digits. Returns `text`. */
#define UNIT_ID_SIZE 80
char *unit_id(const struct unit *u, char text[static UNIT_ID_SIZE]);
static inline bool unit_is_paused(const struct unit *u)
{
	return u->paused || u->held;
}

/* ---- What is kept of it ---- */

/* What changes in it with an operation; what it is otherwise is the unit's. */
struct state_change {
	int64_t cursor_ms;
	uint32_t missed;
};
/* The state as text. Returns its length. */
size_t state_write(const struct unit *u, const struct state_change *change, char text[static STATE_MAX]);
/* Takes over what was kept, unless the rules have changed since. False: nothing was taken over. */
bool state_read(struct unit *u, tappet_str text);
/* The key under which it is kept, in the scope of the binding's trigger. Returns `key`. */
char *state_key(const struct unit *u, char key[static KEY_SIZE]);
/* A number of what is kept; 0: it is not there. */
int64_t state_number(const cJSON *state, const char *key);
/* Commits the state as it is now. Errors: as kv_put of the host; then `done` never fires. */
int32_t state_put(struct unit *u, tappet_done_cb done, void *arg);

/* ---- Which is due next ---- */

struct heap_entry {
	int64_t due_ms;
	struct unit *unit;
};
struct heap {
	struct heap_entry *entries;
	uint32_t count, room;
};
/* Puts it in, or moves it. 0 or -ENOMEM. */
int heap_put(struct heap *h, struct unit *u, int64_t due_ms);
void heap_remove(struct heap *h, struct unit *u);
static inline const struct heap_entry *heap_top(const struct heap *h)
{
	return h->count > 0 ? &h->entries[0] : NULL;
}
void heap_release(struct heap *h);

/* ---- The plugin ---- */

struct queue {
	struct unit *first, **last;
	size_t count;
};

struct table {
	struct unit **slots;
	size_t count, room; /* room is a power of two, or 0 */
};

#define ROUTES_MAX 24

struct plugin {
	const tappet_host *host;
	tappet_instance *self;
	const tappet_http1 *http;
	const tappet_activity1 *activity; /* or NULL */
	tappet_route *routes[ROUTES_MAX];
	struct zones *zones;
	char *timezone;      /* by default */
	int64_t objects_max; /* how many may be made by API */
	uint64_t moves;      /* of units in the table: whoever walks it begins anew */
	struct heap heap;
	struct queue ready; /* due, each once */
	struct queue retry; /* the store could not take them: again after a while */
	size_t gone;        /* how many in these two were forgotten */
	struct table objects;
	struct binding *bindings; /* all of them */
	size_t trigger_units;
	size_t unloaded;           /* open triggers whose schedules are still being read */
	struct binding *last_open; /* that was asked for: most ask for the same one again */
	tappet_timer *timer;       /* for the top of the heap */
	tappet_timer *turn_timer;  /* goes on with the queue */
	tappet_timer *retry_timer;
	tappet_timer *sweep_timer; /* all of them are computed anew, slice by slice */
	int64_t timer_due_ms;
	int64_t wall_ms, mono_ms; /* when the clock was looked at last */
	int64_t started_ms;
	size_t sweep_slot;
	uint64_t sweep_moves; /* of the table when the sweep began */
	bool sweeping;
	int inotify;
	tappet_fd *watch;
	tappet_timer *tzdata_timer;
	size_t busy; /* operations whose callback is to come */
	bool starting_timers, load_again;
	bool started, stopping, stopped, blocked; /* blocked: no credit until `resume` */
	tappet_metric *fired, *late, *accounted, *retried, *watched, *lateness;
};

int64_t plugin_now(const struct plugin *p);
void plugin_begin(struct plugin *p);
void plugin_end(struct plugin *p);
/* Puts a value (NULL: takes the key away) that nobody waits for. Errors: as kv_put of the host. */
int32_t plugin_put(struct plugin *p, tappet_trigger *trigger, const char *key, const char *value);
/* For those that are put so. `arg` is the plugin. */
void plugin_was_put(void *arg, int32_t result);
void plugin_log(const struct plugin *p, int32_t level, const char *message, const char *key, const char *value);

/* ---- Triggers of the host ---- */

struct binding {
	struct binding *next, **back; /* of the plugin's */
	struct plugin *plugin;
	tappet_trigger *trigger;
	struct unit *unit; /* of a trigger in a definition */
	char workflow_id[ID_LEN + 1];
	char *slug, *trigger_id;
	size_t object_count;
	char loaded_until[KEY_SIZE]; /* an open trigger: as far as its schedules are loaded */
	struct unit *loading;        /* the one whose state is still to come */
	int64_t off_ms;              /* since when it was switched off */
	bool open, reading, loaded, at_start, removed;
};

/* Takes up what was kept of it. `off_ms`: since when its trigger was switched off; 0: it was not. */
void unit_restore(struct unit *u, tappet_str state, int64_t off_ms, int64_t now_ms);
int32_t binding_add(struct plugin *p, tappet_trigger *trigger, const tappet_trigger_info *info, struct binding **ret);
void binding_remove(struct binding *b);
void binding_free(struct binding *b);
/* By id or slug: the open trigger of a workflow, or NULL. */
struct binding *binding_open(struct plugin *p, const char *workflow);
/* "WORKFLOW/TRIGGER" or the id of an object. */
struct unit *unit_find(const struct plugin *p, const char *name);

/* ---- Schedules that were made by API ---- */

/* Reads those of an open trigger, page by page. */
void objects_load(struct binding *b);
/* They are no longer there; since `off_ms` they are switched off (0: the daemon stops). */
void objects_unload(struct binding *b, int64_t off_ms);
struct unit *objects_find(const struct plugin *p, const char *id);
/* Takes a schedule in. 0 or -ENOMEM. */
int objects_put(struct plugin *p, struct unit *u);
/* Takes it out and forgets it. */
void objects_remove(struct plugin *p, struct unit *u);
void objects_release(struct plugin *p);
/* A new id; they sort by time. False: the kernel has no random bytes. */
bool object_id(const struct plugin *p, uint8_t ret[static ID_BYTES]);
/* What is kept of a definition, to be freed with free(); NULL: no memory. `since_ms` is when its rules came to be. */
char *object_write(const cJSON *options, int64_t created_ms, int64_t since_ms);

enum step {
	STEP_IDLE,    /* nothing is due */
	STEP_BUSY,    /* something is on its way; its callback goes on */
	STEP_BLOCKED, /* there is no credit: again after `resume` */
	STEP_RETRY,   /* again after a while */
};

/* ---- Backfills ---- */

#define BACKFILL_MAX 10000

/* Fires of a range of the past: each waits for the end of the activity before it, and it goes on after a restart. */
struct backfill {
	char id[ID_LEN + 1];
	int64_t cursor_ms, until_ms; /* what is left: (cursor_ms, until_ms] */
	int64_t total, done, refused;
	bool waiting; /* for the end of the activity that it has started */
};
/* The next step of one that is under way. */
enum step backfill_step(struct unit *u);
/* How many instants there are in [from_ms, until_ms]; one more than BACKFILL_MAX when there are more. */
int64_t backfill_count(const struct unit *u, int64_t from_ms, int64_t until_ms);
/* The key under which it is kept. Returns `key`. */
char *backfill_key(const struct unit *u, char key[static KEY_SIZE]);
size_t backfill_write(const struct backfill *b, char text[static STATE_MAX]);
/* Takes one up again. */
void backfill_read(struct unit *u, tappet_str text);

/* ---- Time ---- */

/* Computes when it is due next and puts it into the heap; or completes it. */
void clock_arm(struct plugin *p, struct unit *u);
/* A cursor that is far ahead was committed by a clock that went wrong: nothing would fire until it is reached. It is set to
 * now. */
void clock_check_cursor(const struct plugin *p, struct unit *u, int64_t now_ms);
/* Puts it into the queue of those for which something is to be done, once. */
void clock_ready(struct plugin *p, struct unit *u);
/* Again after a while. */
void clock_retry(struct plugin *p, struct unit *u);
/* It is to be forgotten. Frees it, now or when nothing of it is on its way any more. */
void clock_forget(struct plugin *p, struct unit *u);
/* Frees one that is gone, unless something still knows it. */
void clock_bury(struct unit *u);
/* How much later than its next instant it will fire. */
void clock_spread(struct unit *u);
/* Schedules of an open trigger could not be read: again after a while. */
void clock_load_again(struct plugin *p);
void clock_start(struct plugin *p);
void clock_stop(struct plugin *p);
/* Credit is back, or something has ended: goes on with the queue. */
void clock_pump(struct plugin *p);
void clock_was_set(struct plugin *p);
/* Computes all of them anew. */
void clock_sweep(struct plugin *p);

/* ---- Firing ---- */

/* Takes the next step of a schedule that is due: hands one fire over, or accounts for what does not fire. */
enum step fire_step(struct unit *u);
/* An operation of `u` begins. */
void unit_begin(struct unit *u);
/* Its callback has come: goes on with what is due, or after a while when nothing came of it. Frees `u` if it was deleted
 * meanwhile. */
void unit_settle(struct unit *u, bool settled);
/* What an error of the host's means for the step. */
enum step step_of_error(int32_t error);

/* What an emission says of itself. */
struct shot {
	int64_t at_ms; /* the instant */
	int64_t fired_ms;
	uint32_t missed;
	bool late, manual;
	const char *backfill; /* the id of a backfill, or NULL */
};
/* Hands it over with these checkpoints. Errors: as `emit` of the host. */
int32_t emit_fire(struct unit *u, const struct shot *shot, const tappet_checkpoint *checkpoints, size_t count,
		  tappet_emit_cb cb, void *arg);
/* Whether the outcome settles the instant: it will not be tried again. */
bool emit_is_final(const tappet_result *result);
/* ---- What people do ---- */

/* Each calls `done` once, after the commit, with 0 or a negative TAPPET_E*, unless it returns a negative number itself:
 * TAPPET_ESTATE (it is so already, or is not to be done now), or those of kv_put. */
int32_t control_pause(struct unit *u, tappet_done_cb done, void *arg);
int32_t control_resume(struct unit *u, tappet_done_cb done, void *arg);
/* Leaves out the next instant, or takes that back. */
int32_t control_skip(struct unit *u, bool skip, tappet_done_cb done, void *arg);
/* An activity now, whether or not it is paused; its cursor stays. Errors: as `emit` of the host. */
int32_t control_run(struct unit *u, tappet_emit_cb cb, void *arg);
int32_t control_backfill(struct unit *u, int64_t from_ms, int64_t until_ms, tappet_done_cb done, void *arg);
/* Ends it; what was handed over stays. TAPPET_ESTATE: there is none. */
int32_t control_backfill_end(struct unit *u, tappet_done_cb done, void *arg);

/* ---- tzdata ---- */

/* Watches for changes of the zones' rules on disk, and computes everything anew. */
void tzdata_watch(struct plugin *p);
void tzdata_unwatch(struct plugin *p);

/* ---- The API ---- */

int32_t api_open(struct plugin *p);
void api_close(struct plugin *p);

/* 2026-11-28T08:00:00Z, with milliseconds where there are any. Returns `text`. */
char *utc_format(int64_t ms, char text[static INSTANT_TEXT_MAX]);
/* In the schedule's zone. Returns `text`. */
char *local_time(const struct unit *u, int64_t ms, char text[static INSTANT_TEXT_MAX]);

#endif
