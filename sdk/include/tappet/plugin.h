/* SPDX-License-Identifier: MIT
 *
 * The plugin ABI of Tappet, major version 1. This header is all that a plugin needs; optional capabilities have one
 * header each beside it (tappet/http.h, tappet/auth.h, tappet/activity.h, tappet/events.h,
 * tappet/ws.h).
 *
 * A plugin is a shared object that turns something from outside into *emissions*; the host commits each of them to disk
 * as an *activity* (or records why not) and then tells the plugin. A plugin exports exactly one function,
 * tappet_plugin_v1, and links against nothing of the host: all it may call are the functions of the table that `create`
 * hands to it.
 *
 * Rules that hold for every function here, unless its comment says otherwise:
 *  - Threads: callbacks run on the host's loop thread and return within about 10 ms; the host names who does not.
 *    `log` and `post` may be called from any thread, everything else only from the loop thread.
 *  - Memory: no pointer changes owner. What is passed in is copied or used during the call only; what a callback is
 *    handed is valid until it returns.
 *  - Errors: negative TAPPET_E* values, see tappet_strerror.
 *  - Text is UTF-8; times are milliseconds since 1970-01-01T00:00:00Z, durations milliseconds.
 */
#ifndef TAPPET_PLUGIN_H
#define TAPPET_PLUGIN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The major version; it is in the name of tappet_plugin_v1, too. */
#define TAPPET_ABI_MAJOR 1
/* The minor version of this header: what a plugin that is built with it writes into `abi_minor`. */
#define TAPPET_ABI_MINOR 4

#if defined(__GNUC__)
/* Makes tappet_plugin_v1 visible where everything else is hidden (as tappet_add_plugin() has it). */
#define TAPPET_EXPORT __attribute__((visibility("default")))
#else
#define TAPPET_EXPORT
#endif

/* ---- Values ------------------------------------------------------------------------------------------------ */

/* Bytes, not NUL-terminated unless said otherwise. ptr may be NULL when len is 0. */
typedef struct tappet_str {
	const char
		*ptr; /* the first byte; NULL is allowed when len is 0, and means "there is none" where that differs */
	size_t len;   /* in bytes, without a NUL behind the text */
} tappet_str;

/* A view of `len` bytes at `ptr`; nothing is copied: it is valid as long as they are. Any thread. */
static inline tappet_str tappet_strn(const char *ptr, size_t len)
{
	tappet_str s;
	s.ptr = ptr;
	s.len = len;
	return s;
}

/* A view of a text that ends with a NUL; of NULL it is empty. It is valid as long as the text is. Any thread. */
static inline tappet_str tappet_cstr(const char *text)
{
	return tappet_strn(text, text ? strlen(text) : 0);
}

/* Results. What is not in this list is to be treated as an error without a name: the list only grows. */
enum {
	TAPPET_OK = 0,         /* it is done, or it will be */
	TAPPET_EINVAL = -1,    /* an argument is wrong; final */
	TAPPET_ENOMEM = -2,    /* out of memory */
	TAPPET_EBUSY = -3,     /* no credit, or a queue is full; try again after `resume` */
	TAPPET_ETOOBIG = -4,   /* larger than a limit; final */
	TAPPET_ENOTFOUND = -5, /* no such thing */
	TAPPET_EDUP = -6,      /* the dedup key is known: nothing new was started */
	TAPPET_ECONFLICT = -7, /* the dedup key is known, with another payload */
	TAPPET_EREFUSED = -8,  /* turned down; the reason is with it */
	TAPPET_ECANCELED = -9, /* surely not stored; may be tried again */
	TAPPET_EUNKNOWN = -10, /* stored or not, nobody knows; try again with the same dedup key */
	TAPPET_ENOTSUP = -11,  /* this host does not offer it */
	TAPPET_ESTATE = -12,   /* not allowed now (before start, after stop, after trigger_remove) */
	TAPPET_EDENIED = -13,  /* token missing, unknown, expired, or without the scope */
	TAPPET_EGONE = -14,    /* the other side has left */
	TAPPET_EIO = -15,      /* the system failed */
	TAPPET_EEXIST = -16    /* taken already */
};

/* A short text for an error; never NULL. It is a constant, valid for ever. Any thread. */
static inline const char *tappet_strerror(int32_t error)
{
	switch (error) {
	case TAPPET_OK:
		return "ok";
	case TAPPET_EINVAL:
		return "invalid argument";
	case TAPPET_ENOMEM:
		return "out of memory";
	case TAPPET_EBUSY:
		return "busy";
	case TAPPET_ETOOBIG:
		return "too large";
	case TAPPET_ENOTFOUND:
		return "not found";
	case TAPPET_EDUP:
		return "duplicate";
	case TAPPET_ECONFLICT:
		return "same key, other payload";
	case TAPPET_EREFUSED:
		return "refused";
	case TAPPET_ECANCELED:
		return "cancelled, not stored";
	case TAPPET_EUNKNOWN:
		return "outcome unknown";
	case TAPPET_ENOTSUP:
		return "not supported by this host";
	case TAPPET_ESTATE:
		return "not allowed in this state";
	case TAPPET_EDENIED:
		return "denied";
	case TAPPET_EGONE:
		return "gone";
	case TAPPET_EIO:
		return "input/output error";
	case TAPPET_EEXIST:
		return "exists already";
	default:
		return "unknown error";
	}
}

/* Why an emission was refused. The list only grows. */
enum {
	TAPPET_REASON_NONE = 0,         /* it was not refused */
	TAPPET_REASON_FILTER = 1,       /* the trigger's `when` said no */
	TAPPET_REASON_RATE = 2,         /* more often than allowed */
	TAPPET_REASON_OVERLAP = 3,      /* another activity of the workflow still runs */
	TAPPET_REASON_DISABLED = 4,     /* workflow or trigger is switched off */
	TAPPET_REASON_PARAMETERS = 5,   /* a parameter is unknown, missing or of the wrong type; `detail` names it */
	TAPPET_REASON_QUEUE_FULL = 6,   /* too many activities wait already */
	TAPPET_REASON_TOKEN = 7,        /* no token, or an unknown, expired or revoked one */
	TAPPET_REASON_SCOPE = 8,        /* the token does not cover this */
	TAPPET_REASON_SIGNATURE = 9,    /* the sender's signature does not verify */
	TAPPET_REASON_MALFORMED = 10,   /* what came could not be understood */
	TAPPET_REASON_TOO_LARGE = 11,   /* beyond a limit on size */
	TAPPET_REASON_PLUGIN_DOWN = 12, /* the plugin is stopping or dead */
	TAPPET_REASON_INVALID = 13,     /* the workflow's definition cannot run */
	TAPPET_REASON_STORE = 14,       /* the store could not commit (disk full); not final */
	TAPPET_REASON_DUPLICATE = 15,   /* the dedup key is known */
	TAPPET_REASON_OTHER = 16        /* `detail` says it */
};

/* ---- Option tables ------------------------------------------------------------------------------------------ */

/* The type of an option. */
enum {
	TAPPET_STRING = 1,   /* a text; config_str */
	TAPPET_INTEGER = 2,  /* a whole number, 64 bits with sign; config_int */
	TAPPET_BOOLEAN = 3,  /* true or false; config_bool */
	TAPPET_DURATION = 4, /* "250ms", "10s", "5m", "2h", "30d"; read as milliseconds */
	TAPPET_SIZE = 5,     /* "64KiB", "1MiB" or a number; read as bytes */
	TAPPET_OBJECT = 6,   /* any JSON object; read as JSON text */
	TAPPET_JSON = 7,     /* any JSON value; read as JSON text */
	/* ABI 1.4: the path of a file or folder, never empty; config_str gives it as an absolute one. What is relative is
	 * below the folder of tappet.json; "~" is not expanded, ".." and symbolic links are left as they are. Nothing
	 * needs to be there. */
	TAPPET_PATH = 8
};

/* Flags of an option, added up. */
enum {
	TAPPET_REQUIRED = 1, /* it has to be set */
	TAPPET_SECRET = 2,   /* must be written as {"env": "NAME"} or {"file": "PATH"}; masked wherever it is shown */
	TAPPET_MULTI = 4     /* one value or a list of values */
};

/* One option of the plugin (tappet.json, plugins.NAME or plugins.NAME.with) or of its triggers (the `with` of a
 * trigger). The table is the one declaration from which validation, `tappet plugins show` and the docs are made. */
typedef struct tappet_option {
	const char *key;           /* as it is written in the file */
	int32_t type;              /* TAPPET_STRING and so on */
	int32_t flags;             /* TAPPET_REQUIRED and so on, added up; 0: none */
	const char *default_value; /* as it would be written, without quotes; NULL: none */
	const char *help;          /* one sentence */
	const char *replaced_by;   /* NULL, or the key that replaces this deprecated one */
} tappet_option;

/* ---- Handles ------------------------------------------------------------------------------------------------- */

typedef struct tappet_instance tappet_instance; /* this plugin, as the host sees it */
typedef struct tappet_trigger tappet_trigger;   /* one trigger, as the host sees it */
typedef struct tappet_config tappet_config;     /* validated options */
typedef struct tappet_timer tappet_timer;       /* a timer that was started */
typedef struct tappet_fd tappet_fd;             /* a watched descriptor */
typedef struct tappet_metric tappet_metric;     /* a metric of the plugin; it is never freed by the plugin */

/* ---- Emissions ----------------------------------------------------------------------------------------------- */

/* A piece of state that is committed together with an activity: a cursor can neither lead nor lag. Frozen. */
typedef struct tappet_checkpoint {
	tappet_str key;   /* at most 255 bytes */
	tappet_str value; /* at most 64 KiB; empty removes the key */
} tappet_checkpoint;

/* What a trigger hands over when something has happened: one activity is to come of it. */
typedef struct tappet_emission {
	size_t struct_size;    /* sizeof(tappet_emission) */
	tappet_str payload;    /* JSON; empty means null */
	tappet_str parameters; /* JSON object; empty means none */
	tappet_str cause;      /* JSON object that says who and what: {"remote":"192.0.2.1"}; may be empty */
	tappet_str dedup_key;  /* may be empty; at most 255 bytes */
	int64_t occurred_ms;   /* when it happened outside; 0 = now */
	const tappet_checkpoint *checkpoints; /* committed with it, or not at all; NULL when there are none */
	size_t checkpoint_count;              /* how many; at most 256 */
	size_t checkpoint_size;               /* sizeof(tappet_checkpoint) */
	/* ABI 1.2: through an open trigger, the id of what it stands for ("5dd74d0976df2d000110e52a"): the activity, the
	 * dedup key and a refusal carry it in place of the trigger's. [a-z0-9_-], at most 64 bytes; empty: the
	 * trigger itself. TAPPET_EINVAL through any other trigger. */
	tappet_str subject;
} tappet_emission;

/* What became of an emission. It is valid until the callback returns. */
typedef struct tappet_result {
	size_t struct_size;
	int32_t outcome;         /* TAPPET_OK, EDUP, ECONFLICT, EREFUSED, ECANCELED or EUNKNOWN */
	int32_t reason;          /* TAPPET_REASON_*, with EREFUSED and ECANCELED */
	const char *activity_id; /* 24 hex digits with OK, EDUP and ECONFLICT, else "" */
	tappet_str dedup_key;    /* the emission's own, or the one that the host made */
	tappet_str detail;       /* plain words, such as the name of the wrong parameter; may be empty */
} tappet_result;

/* Fires exactly once for each `emit` that returned 0: later, on the loop thread, never from inside `emit`, after the
 * commit that settles it. */
typedef void (*tappet_emit_cb)(void *arg, const tappet_result *result);

/* What became of expected occurrences that start nothing (a schedule's missed or skipped fires). */
enum {
	TAPPET_ACCOUNT_MISSED = 1,  /* nobody was there: the daemon was down */
	TAPPET_ACCOUNT_SKIPPED = 2, /* left out on purpose, by the options of the trigger */
	TAPPET_ACCOUNT_PAUSED = 3,  /* it fell into a pause */
	TAPPET_ACCOUNT_DROPPED = 4  /* given up: it could not be handed over */
};

/* Expected occurrences of a trigger that had the same outcome. */
typedef struct tappet_account {
	size_t struct_size;
	int64_t first_ms, last_ms;            /* a range is one row; equal for one instant */
	int64_t count;                        /* how many occurrences */
	int32_t outcome;                      /* TAPPET_ACCOUNT_* */
	const tappet_checkpoint *checkpoints; /* committed with it, or not at all; NULL when there are none */
	size_t checkpoint_count;              /* how many; at most 256 */
	size_t checkpoint_size;               /* sizeof(tappet_checkpoint) */
	tappet_str subject;                   /* ABI 1.2: as in tappet_emission */
} tappet_account;

/* Fires exactly once for each call that took it and returned 0: later, on the loop thread. `result` is 0 or a
 * negative TAPPET_E*. */
typedef void (*tappet_done_cb)(void *arg, int32_t result);

/* ---- The host's functions ------------------------------------------------------------------------------------ */

/* The level of a line of the log. */
enum {
	TAPPET_LOG_DEBUG = 0, /* for those who look for a mistake */
	TAPPET_LOG_INFO = 1,  /* what happens now and then */
	TAPPET_LOG_WARN = 2,  /* somebody may have to look at it */
	TAPPET_LOG_ERROR = 3  /* something does not work */
};

/* What varies in a line of the log. Frozen. */
typedef struct tappet_field {
	const char *key;  /* one word: "path" */
	tappet_str value; /* any text; the host escapes it */
} tappet_field;

/* What a watched descriptor is ready for, added up. */
enum {
	TAPPET_READABLE = 1,   /* read() will not wait */
	TAPPET_WRITABLE = 2,   /* write() will not wait */
	TAPPET_DISCONNECT = 4, /* the other side has closed its end */
	TAPPET_PRIORITIZED = 8 /* out-of-band data, or a file of sysfs has changed (POLLPRI) */
};

/* How a plugin or a trigger is. */
enum {
	TAPPET_HEALTH_RUNNING = 0,     /* as it should be */
	TAPPET_HEALTH_DEGRADED = 1,    /* it works, but not as it should */
	TAPPET_HEALTH_BACKING_OFF = 2, /* it waits before it tries again */
	TAPPET_HEALTH_DEAD = 3         /* it will not work again by itself */
};

/* The kind of a metric. */
enum {
	TAPPET_COUNTER = 1,  /* only grows */
	TAPPET_GAUGE = 2,    /* goes up and down */
	TAPPET_HISTOGRAM = 3 /* durations in seconds */
};

/* All that a plugin may call. It stays valid until `destroy` returns. */
typedef struct tappet_host {
	size_t struct_size;
	uint32_t abi_major; /* of the host: TAPPET_ABI_MAJOR */
	uint32_t abi_minor; /* of the host; may be older or newer than the plugin's */

	/* Any thread. `message` is short and constant, what varies goes into fields. Never a secret. */
	void (*log)(tappet_instance *self, int32_t level, const char *message, const tappet_field *fields,
		    size_t field_count);

	/* Options are read in `create` and `trigger_add` only. An option that is not set has its default. For options
	 * without TAPPET_MULTI the index is 0. Secrets are resolved. */

	/* How many values an option has; 0 when it is not set and has no default, or is not in the table. */
	size_t (*config_count)(const tappet_config *config, const char *key);
	/* A TAPPET_STRING, an absolute TAPPET_PATH, or the JSON text of a TAPPET_OBJECT or TAPPET_JSON; valid until the callback returns.
	 * Errors: TAPPET_ENOTFOUND (not set and no default, or no such index), TAPPET_EINVAL (another type). `ret` is
	 * untouched then. */
	int32_t (*config_str)(const tappet_config *config, const char *key, size_t index, tappet_str *ret);
	/* A TAPPET_INTEGER, a TAPPET_DURATION in milliseconds, or a TAPPET_SIZE in bytes. Errors: as config_str. */
	int32_t (*config_int)(const tappet_config *config, const char *key, size_t index, int64_t *ret);
	/* A TAPPET_BOOLEAN as 1 or 0. Errors: as config_str. */
	int32_t (*config_bool)(const tappet_config *config, const char *key, int32_t *ret);

	/* Hands an emission over. 0: everything was copied, `cb` will fire exactly once. Errors (`cb` never fires):
	 * TAPPET_EBUSY (no credit now, wait for `resume`), TAPPET_ETOOBIG, TAPPET_EINVAL (not JSON, wrong sizes),
	 * TAPPET_ESTATE (before `start`, after `trigger_remove` or `stop`), TAPPET_ENOMEM. Emissions of one trigger are
	 * decided and committed in the order of their calls. */
	int32_t (*emit)(tappet_trigger *trigger, const tappet_emission *emission, tappet_emit_cb cb, void *arg);
	/* How many emissions, and how many bytes, this trigger could hand over now. Either pointer may be NULL. */
	void (*credit)(tappet_trigger *trigger, uint64_t *ret_emissions, uint64_t *ret_bytes);
	/* Records what became of expected occurrences and commits the checkpoints with it. `cb` fires exactly once
	 * after the commit. Errors: as emit; then `cb` never fires. */
	int32_t (*account)(tappet_trigger *trigger, const tappet_account *account, tappet_done_cb cb, void *arg);
	/* Counts and records something that the plugin itself turned down. `trigger` may be NULL (nobody's: an
	 * unknown token, say). `detail` is plain words without secrets; a few are kept as samples. */
	void (*refuse)(tappet_instance *self, tappet_trigger *trigger, int32_t reason, tappet_str detail);

	/* Calls cb(arg) after delay_ms of monotonic time, then each repeat_ms (0: once, and the timer is gone after
	 * its callback returned). `ret` may be NULL when it does not repeat; the handle is valid until timer_stop,
	 * or until the only callback returns. Errors: TAPPET_EINVAL (negative times, no `cb`), TAPPET_ESTATE,
	 * TAPPET_ENOMEM. */
	int32_t (*timer_start)(tappet_instance *self, int64_t delay_ms, int64_t repeat_ms, void (*cb)(void *arg),
			       void *arg, tappet_timer **ret);
	/* The callback will not fire again. NULL is allowed. */
	void (*timer_stop)(tappet_timer *timer);
	/* Milliseconds since 1970-01-01T00:00:00Z. It jumps when the clock is set: clock_set tells. */
	int64_t (*wall_ms)(tappet_instance *self);
	/* Milliseconds since some instant; it only goes forwards, and is what timers go by. */
	int64_t (*mono_ms)(tappet_instance *self);

	/* Calls cb(arg, events) when the descriptor is ready (level-triggered); `error` is 0 or negative. The
	 * descriptor is made non-blocking, stays the plugin's and is closed by it after fd_unwatch; `ret` is valid
	 * until then. Errors: TAPPET_EINVAL (no events, no `cb`, or nothing that can be watched, as a file
	 * on disk), TAPPET_EEXIST (it is watched already), TAPPET_ESTATE, TAPPET_ENOMEM. */
	int32_t (*fd_watch)(tappet_instance *self, int fd, int32_t events,
			    void (*cb)(void *arg, int32_t events, int32_t error), void *arg, tappet_fd **ret);
	/* The callback will not fire again; the handle is gone. NULL is allowed. */
	void (*fd_unwatch)(tappet_fd *watch);

	/* Durable state by key (at most 255 bytes), for the plugin (`trigger` NULL) or for one trigger. An empty
	 * value removes the key. The callback fires once, after the commit; with TAPPET_ECANCELED when surely
	 * nothing was stored, TAPPET_EUNKNOWN when nobody knows. Checkpoints are state of a trigger, too. Errors
	 * (`cb` never fires): TAPPET_EBUSY (too many under way), TAPPET_ETOOBIG (a value of more than 1 MiB, a long
	 * key), TAPPET_EINVAL, TAPPET_ESTATE, TAPPET_ENOMEM. */
	int32_t (*kv_put)(tappet_instance *self, tappet_trigger *trigger, tappet_str key, tappet_str value,
			  tappet_done_cb cb, void *arg);
	/* Reads what kv_put or a checkpoint has committed. The callback fires once, later; with TAPPET_ENOTFOUND
	 * when the key is not there. `value` is valid until it returns. Errors (`cb` never fires): as kv_put. */
	int32_t (*kv_get)(tappet_instance *self, tappet_trigger *trigger, tappet_str key,
			  void (*cb)(void *arg, int32_t result, tappet_str value), void *arg);

	/* A metric of the plugin, shown as tappet_plugin_NAME... with the label plugin. The same name gives the same
	 * metric. It is valid until `destroy`. NULL when out of memory or when the limit of 100 is reached;
	 * metric_add and so on accept NULL. */
	tappet_metric *(*metric)(tappet_instance *self, int32_t kind, const char *name, const char *help);
	/* Adds to a counter or a gauge, in the unit that its name says. */
	void (*metric_add)(tappet_metric *metric, double amount);
	/* Sets a gauge, in the unit that its name says. */
	void (*metric_set)(tappet_metric *metric, double value);
	/* Observes a duration with a histogram, in seconds. */
	void (*metric_observe)(tappet_metric *metric, double value);

	/* Any thread: fn(arg) runs once on the loop thread, later, in the order of the calls. Errors (`fn` never
	 * runs): TAPPET_ESTATE (after `stopped`), TAPPET_EINVAL, TAPPET_ENOMEM. */
	int32_t (*post)(tappet_instance *self, void (*fn)(void *arg), void *arg);
	/* work(arg) runs on a thread of the pool, then done(arg, result) on the loop thread; result is 0, or
	 * TAPPET_ECANCELED when `work` never ran. Errors (neither runs): TAPPET_EBUSY (too many under way),
	 * TAPPET_EINVAL, TAPPET_ESTATE, TAPPET_ENOMEM. */
	int32_t (*work)(tappet_instance *self, void (*work)(void *arg), tappet_done_cb done, void *arg);

	/* How the plugin (`trigger` NULL) or one trigger is: `reason` in plain words, `until_ms` (wall clock) with
	 * TAPPET_HEALTH_BACKING_OFF. */
	void (*health)(tappet_instance *self, tappet_trigger *trigger, int32_t state, const char *reason,
		       int64_t until_ms);
	/* The plugin's answer to `stop`: it holds no work any more. */
	void (*stopped)(tappet_instance *self);

	/* The table of an optional capability ("tappet.http/1"), valid until `destroy`, or NULL. Only what the
	 * descriptor names in `needs`, or what the host happens to have. */
	const void *(*capability)(tappet_instance *self, const char *name);

	/* ABI 1.2: look at struct_size (TAPPET_HOST_SIZE_1_1) first where an older host will do. */
	/* Reads what kv_put or checkpoints have committed, in pages: the first `limit` keys (1 to 1000) behind `after`
	 * (empty: from the first) in the order of their bytes, of the plugin (`trigger` NULL) or of one trigger. The
	 * callback fires once, later; `rows` are valid until it returns. They may be fewer than `limit`: a page ends
	 * when it has 4 MiB. None, which is TAPPET_OK as well, means that there are no more. Errors (`cb` never fires): as kv_get; TAPPET_EINVAL for another `limit`. */
	int32_t (*kv_list)(tappet_instance *self, tappet_trigger *trigger, tappet_str after, size_t limit,
			   void (*cb)(void *arg, int32_t result, const tappet_checkpoint *rows, size_t count),
			   void *arg);
} tappet_host;

/* The size of the table in ABI 1.0 and 1.1. */
#define TAPPET_HOST_SIZE_1_1 offsetof(tappet_host, kv_list)

/* ---- Checking options (ABI 1.1) -------------------------------------------------------------------------------- */

/* One check of one object of options. Valid until the function that it was handed to returns. */
typedef struct tappet_check tappet_check;

/* What a plugin finds in its options that their table cannot say: a pattern that does not parse, keys that exclude each
 * other, what is inside of an object. `tappet check`, a reload and a PUT of a definition ask for it before anything of
 * it is applied, and show each mistake at its place in the file. */
typedef struct tappet_checker {
	size_t struct_size;
	/* As in tappet_host: how many values an option has. Secrets are not there while a definition is checked: a
	 * secret string is empty, and inside of objects the reference to it ({"env": "NAME"}) stands where the secret
	 * will be. */
	size_t (*config_count)(const tappet_config *config, const char *key);
	/* As in tappet_host. *ret is valid during the call. Errors: TAPPET_ENOTFOUND, TAPPET_EINVAL. */
	int32_t (*config_str)(const tappet_config *config, const char *key, size_t index, tappet_str *ret);
	/* As in tappet_host, durations in milliseconds, sizes in bytes. Errors: TAPPET_ENOTFOUND, TAPPET_EINVAL. */
	int32_t (*config_int)(const tappet_config *config, const char *key, size_t index, int64_t *ret);
	/* As in tappet_host. Errors: TAPPET_ENOTFOUND, TAPPET_EINVAL. */
	int32_t (*config_bool)(const tappet_config *config, const char *key, int32_t *ret);
	/* A mistake in the index-th value of the option `key`; NULL: in the options as a whole. `pointer` says where
	 * inside of that value, as a JSON Pointer (RFC 6901: "/headers/0"); "" or NULL: the value itself. `message` is
	 * what was expected and what was found, in plain words without secrets. */
	void (*mistake)(tappet_check *check, const char *key, size_t index, const char *pointer, const char *message);
	/* The trigger wants something for itself alone ("path /github"): another trigger of the same plugin that claims
	 * the same text is a mistake that names both. At most 255 bytes; the place is as above. */
	void (*claim)(tappet_check *check, const char *key, size_t index, const char *pointer, const char *what);
} tappet_checker;

/* ---- The plugin's side --------------------------------------------------------------------------------------- */

/* A trigger of a workflow, for `trigger_add`. All of it is valid until that returns. */
typedef struct tappet_trigger_info {
	size_t struct_size;
	const char *trigger_id;               /* within the workflow: "push" */
	const char *workflow_id;              /* 24 hex digits */
	const char *workflow_slug;            /* "deploy-site" */
	const char *workflow_name;            /* for people; the slug when it has none */
	const char *team;                     /* "" when it belongs to none */
	const tappet_config *config;          /* its `with`, for config_str and so on */
	const tappet_checkpoint *checkpoints; /* as committed last */
	size_t checkpoint_count;              /* how many */
	size_t checkpoint_size;               /* sizeof(tappet_checkpoint) of the host: what to walk by */
} tappet_trigger_info;

/* The descriptor. All of it is constant and stays valid for the life of the process. */
typedef struct tappet_plugin {
	size_t struct_size;                   /* sizeof(tappet_plugin) */
	uint32_t abi_minor;                   /* TAPPET_ABI_MINOR it was built against */
	uint32_t abi_minor_needed;            /* the oldest minor version that it runs with */
	const char *name;                     /* [a-z][a-z0-9-]*, at most 32; the plugin's name wherever it is shown */
	const char *version;                  /* of the plugin: "1.2.0" */
	const char *license;                  /* SPDX: "MIT" */
	const char *summary;                  /* one sentence */
	const tappet_option *options;         /* of the plugin; NULL when there are none */
	size_t option_count;                  /* how many */
	const tappet_option *trigger_options; /* of each of its triggers; NULL when there are none */
	size_t trigger_option_count;          /* how many */
	size_t option_size;                   /* sizeof(tappet_option) */
	const char *sample;                   /* an example of the payload that it emits, as JSON */
	const char *const *needs;             /* names of capabilities, NULL at the end; may be NULL */

	/* Called in this order: create, trigger_add*, start, (pause, resume, trigger_add, trigger_remove)*, stop,
	 * destroy. Those marked (optional) may be NULL. */

	/* Makes the instance, from options that were validated. `ret_state` is what all others get as `state`; the
	 * plugin owns it until `destroy`. Errors: a negative TAPPET_E* keeps the daemon from starting. */
	int32_t (*create)(const tappet_host *host, tappet_instance *self, const tappet_config *config,
			  void **ret_state);
	/* Takes a trigger on, before or after `start`. `ret_trigger_state` is what stands for it from now on; the
	 * plugin owns it until `trigger_free`. Errors: a negative TAPPET_E* makes that one trigger dead. */
	int32_t (*trigger_add)(void *state, tappet_trigger *trigger, const tappet_trigger_info *info,
			       void **ret_trigger_state);
	/* No more emissions through this trigger. Callbacks of emissions under way still fire. From inside of it, and only
	 * there, kv_put may still be called for the trigger (ABI 1.2): what is put is there for its successor. Not once
	 * `stopped` was said (TAPPET_ESTATE): what is to outlive the daemon is put before that. */
	void (*trigger_remove)(void *state, void *trigger_state);
	/* The last callback of a removed trigger has fired: free its state. */
	void (*trigger_free)(void *state, void *trigger_state);
	/* From now on it may emit. Errors: a negative TAPPET_E* keeps the daemon from starting; `destroy` is called. */
	int32_t (*start)(void *state);
	void (*pause)(void *state);  /* (optional) credit runs out: take nothing new */
	void (*resume)(void *state); /* (optional) there is credit again */
	/* Take nothing new, finish what is under way, then call host->stopped, at the latest after deadline_ms. It
	 * may be called from inside `stop`. Triggers are still there: each gets trigger_remove and trigger_free
	 * after `stopped`. */
	void (*stop)(void *state, int64_t deadline_ms);
	/* Nothing of the host may be used any more; free everything. Also called after a failed `start`. */
	void (*destroy)(void *state);
	void (*clock_set)(void *state); /* (optional) the wall clock was set */

	/* (optional; ABI 1.1) Checks the plugin's options. It may be called at any time, also without `create`, and only
	 * looks at what it is handed. What it finds a mistake is never handed to `create`. */
	void (*check_options)(const tappet_checker *checker, tappet_check *check, const tappet_config *config);
	/* (optional; ABI 1.1) Checks the options of one trigger in the same way, before `trigger_add`. */
	void (*check_trigger)(const tappet_checker *checker, tappet_check *check, const tappet_config *config);

	/* ABI 1.2. Not 0: each workflow that is switched on has one more trigger of this plugin, the *open* one, whether or
	 * not its definition names the plugin: for what people and programs add to it by the plugin's own API. It comes by
	 * `trigger_add` like any other, with "+" and the plugin's name as its id, with no options set (none of
	 * `trigger_options` may be TAPPET_REQUIRED) and without checkpoints, since there may be many: read them by kv_list.
	 * Options of it are not checked. */
	int32_t open_trigger;

	/* ABI 1.4. Not 0: `trigger_add` gets no checkpoints, since there may be many (a journal of a million files): the
	 * plugin reads them by kv_list. It holds for all of its triggers. Older hosts hand them over: a plugin that cannot
	 * do with that says 4 in `abi_minor_needed`. */
	int32_t list_checkpoints;
} tappet_plugin;

/* The one exported function: pure, without side effects; may be called without anything being started. The
 * descriptor is constant, valid for ever. */
TAPPET_EXPORT const tappet_plugin *tappet_plugin_v1(void);

#ifdef __cplusplus
}
#endif
#endif
