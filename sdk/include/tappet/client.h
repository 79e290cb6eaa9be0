/* SPDX-License-Identifier: MIT
 *
 * A client of the daemon, for programs of any kind: it sends actions and follows events over one WebSocket (protocol
 * tappet.v1, docs/actions.md), connects again by itself, sends again what was not acknowledged, and takes events up where it
 * stopped, without gap or double. It lives on the program's own loop of libuv. Link with libtappet-client.
 *
 * Threads: everything is for the thread that runs the loop; callbacks fire there, and never from inside of a function of this
 * header. All functions may be called in callbacks. Memory: arguments are copied; what a callback is handed is valid until it
 * returns. Errors: results are TAPPET_E* of tappet/plugin.h, negative.
 *
 * It stands on libwebsockets, which needs its plugin for libuv (Debian: libwebsockets-evlib-uv) when it runs, ignores SIGPIPE
 * in the whole process, and has one level of log for the process: it is silenced with the first connection. */
#ifndef TAPPET_CLIENT_H
#define TAPPET_CLIENT_H

#include "tappet/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

struct uv_loop_s;

/* One connection to a daemon, with all its further attempts; valid until tappet_client_close. */
typedef struct tappet_client tappet_client;

/* Events that are followed; valid until tappet_client_unsubscribe, its `ended`, or tappet_client_close. */
typedef struct tappet_subscription tappet_subscription;

/* Where the connection is. */
enum {
	TAPPET_CLIENT_OPEN = 1,    /* connected: what waits is being sent */
	TAPPET_CLIENT_WAITING = 2, /* not connected; another attempt follows */
	TAPPET_CLIENT_OVER = 3     /* not connected, and no attempt follows: only tappet_client_close is left */
};

/* What `changed` tells. It is valid until the callback returns. */
typedef struct tappet_client_state {
	size_t struct_size;
	int32_t state; /* TAPPET_CLIENT_* */
	/* Why it is not connected: TAPPET_EDENIED (the token is not taken, or not any more), TAPPET_EREFUSED (the server
	 * answered something else than an upgrade), TAPPET_EIO (name, network, TLS), TAPPET_EGONE (no sign of life),
	 * TAPPET_EINVAL (the CA file). 0: the daemon closed it, or it is connected. */
	int32_t error;
	int32_t code;      /* of the close (docs/actions.md); 1006: there was none */
	tappet_str detail; /* in plain words; may be empty */
	int64_t retry_ms;  /* the next attempt begins after so many milliseconds; 0: there is none */
} tappet_client_state;

/* Where to connect to, for tappet_client_open. It is copied. */
typedef struct tappet_client_options {
	size_t struct_size;
	const char *url;      /* wss://host[:port]/action, or ws:// */
	const char *token;    /* NULL: none is sent, and the daemon will not let it in */
	const char *ca_file;  /* PEM: who may have signed the server's certificate; NULL: whom the system trusts */
	const char *proxy;    /* "http://[user:password@]host:port": by CONNECT; NULL: none */
	int64_t retry_min_ms; /* pause before the first further attempt; it doubles, with jitter. 0: 500 ms */
	int64_t retry_max_ms; /* up to this; 0: 30 s */
	int32_t one_attempt;  /* not 0: there are no further attempts after the first end */
	/* (optional) Called each time that the connection has come about, has ended, or could not be made. With
	 * TAPPET_CLIENT_OVER it is called once, for the last time. */
	void (*changed)(void *arg, tappet_client *client, const tappet_client_state *state);
	void *arg; /* handed to `changed` */
} tappet_client_options;

/* Begins to connect; `changed` fires later. Actions and subscriptions may be asked for at once, they wait for the connection.
 * *ret is valid until tappet_client_close. Errors: TAPPET_EINVAL (no address, no proxy), TAPPET_ENOMEM. */
TAPPET_EXPORT int32_t tappet_client_open(struct uv_loop_s *loop, const tappet_client_options *options,
					 tappet_client **ret);
/* Ends it: what waits to be sent goes out first, for a few seconds at most. The callbacks of actions without an answer fire
 * with TAPPET_ECANCELED, `changed` fires no more. `closed` (may be NULL) is called once, later, when nothing of it is on
 * the loop any more; the handle and its subscriptions are gone from now on. NULL is allowed, and calls nothing. */
TAPPET_EXPORT void tappet_client_close(tappet_client *client, void (*closed)(void *arg), void *arg);

/* ---- Actions ----------------------------------------------------------------------------------------------------- */

/* What an action did for one trigger that matches it. */
typedef struct tappet_client_match {
	size_t struct_size;
	tappet_str workflow;    /* its slug */
	tappet_str trigger;     /* its id in the workflow */
	tappet_str activity_id; /* of the activity that was started, or had been under this key; empty: none */
	int32_t duplicate;      /* not 0: the key was known */
	tappet_str reason;      /* why nothing was started ("filter", "rate", ...); empty: something was */
	tappet_str detail;      /* more words on the reason; may be empty */
} tappet_client_match;

/* The answer to an action. It is valid until the callback returns. */
typedef struct tappet_client_ack {
	size_t struct_size;
	/* 0: all of it is committed. TAPPET_EBUSY: not all was taken, send it again after retry_after_ms; TAPPET_EUNKNOWN: it
	 * may have been done, send it again; both with the same key. TAPPET_EDENIED: the token is not for this topic, or is
	 * none any more. TAPPET_EREFUSED: too many triggers match. TAPPET_EINVAL: topic or data. TAPPET_ETOOBIG: the daemon
	 * closed the connection for it, as larger than what it takes. TAPPET_ECANCELED: the client was closed, or cannot
	 * connect any more, before an answer came. TAPPET_EIO: the daemon failed. */
	int32_t error;
	tappet_str code;        /* the daemon's word for the error (docs/actions.md); empty when there is none */
	tappet_str message;     /* in plain words; empty when there is no error */
	int64_t retry_after_ms; /* with TAPPET_EBUSY */
	tappet_str key;         /* under which it was sent */
	int64_t matched_count;  /* triggers that match */
	int64_t released_count; /* steps of the kind `wait` that went on */
	const char *matches;    /* match_count of tappet_client_match, each match_size bytes from the one before */
	size_t match_count;     /* how many: those that were started come first */
	size_t match_size;      /* as this library has it; newer ones may have more members */
	tappet_str json;        /* the whole message, as it came; empty when none did */
} tappet_client_ack;

/* Called once for each action, when its answer has come or none will. */
typedef void (*tappet_client_ack_cb)(void *arg, const tappet_client_ack *ack);

/* Sends an action: `data` is JSON (empty: {}), `key`, of up to 255 bytes, makes it unique (NULL: the library makes one up).
 * When the connection breaks before the answer has come, it is sent again with the same key, so that nothing is started
 * twice. `cb` (may be NULL) fires once, later. Errors: TAPPET_EINVAL (no topic, no JSON), TAPPET_ETOOBIG (more than 1 MiB,
 * with all that is sent besides the data), TAPPET_EBUSY (4,096 actions or 16 MiB of them have no answer yet), TAPPET_ESTATE
 * (the client is over), TAPPET_ENOMEM. */
TAPPET_EXPORT int32_t tappet_client_action(tappet_client *client, const char *topic, tappet_str data, const char *key,
					   tappet_client_ack_cb cb, void *arg);
/* How many actions have no answer yet. */
TAPPET_EXPORT size_t tappet_client_pending(const tappet_client *client);

/* ---- Events ------------------------------------------------------------------------------------------------------ */

/* One event. It is valid until the callback returns. */
typedef struct tappet_client_event {
	size_t struct_size;
	uint64_t seq;           /* its number; they only grow */
	tappet_str event;       /* "activity.completed" */
	tappet_str time;        /* RFC 3339, UTC */
	tappet_str workflow;    /* a slug; empty: it is of none */
	tappet_str activity_id; /* empty: it is of none */
	tappet_str data;        /* a JSON object */
	int32_t too_large;      /* not 0: the data were too large to be sent; they stand in the API */
} tappet_client_event;

/* What to follow, for tappet_client_subscribe. It is copied. */
typedef struct tappet_client_filter {
	size_t struct_size;
	const char *workflow;     /* a slug or id; NULL: all that the token covers */
	const char *team;         /* of the workflow; NULL: all */
	const char *const *types; /* "activity.*", "step.ended", ...; NULL at the end; NULL: all usual ones */
	const char *activity;     /* an id; NULL: all */
	int32_t replay;           /* not 0: begins behind `since`, else with what comes next */
	uint64_t since;           /* number of the last event that was dealt with; 0: from the first that is kept */
} tappet_client_filter;

/* What a subscription tells. It is copied. `arg` is that of tappet_client_subscribe. */
typedef struct tappet_client_follower {
	size_t struct_size;
	/* Each event once, in order. */
	void (*event)(void *arg, tappet_subscription *subscription, const tappet_client_event *event);
	/* (optional) Some of the events from `from_seq` to `to_seq` are not kept any more. What follows is behind them. */
	void (*gap)(void *arg, tappet_subscription *subscription, uint64_t from_seq, uint64_t to_seq);
	/* (optional) It has come about, on this connection: events follow behind the number `seq`. */
	void (*begun)(void *arg, tappet_subscription *subscription, uint64_t seq);
	/* (optional) The daemon does not serve it: TAPPET_EDENIED, TAPPET_ENOTFOUND, TAPPET_EINVAL, TAPPET_EREFUSED (too
	 * many) or TAPPET_EIO, with words. Called once, for the last time; the handle is gone when it returns. */
	void (*ended)(void *arg, tappet_subscription *subscription, int32_t error, tappet_str message);
} tappet_client_follower;

/* Follows events, from one connection to the next behind the last that was handed over. The follower's functions are called
 * later. *ret is valid as said at tappet_subscription. Errors: TAPPET_EINVAL (no `event`, a filter that is too long),
 * TAPPET_EBUSY (64 subscriptions are there), TAPPET_ESTATE (the client is over), TAPPET_ENOMEM. */
TAPPET_EXPORT int32_t tappet_client_subscribe(tappet_client *client, const tappet_client_filter *filter,
					      const tappet_client_follower *follower, void *arg,
					      tappet_subscription **ret);
/* Nothing of it is called any more. The handle is gone. NULL is allowed. */
TAPPET_EXPORT void tappet_client_unsubscribe(tappet_subscription *subscription);
/* The number up to which everything was handed over, or was nothing for this filter: `since` for the next time. 0: nothing is
 * known yet. */
TAPPET_EXPORT uint64_t tappet_client_position(const tappet_subscription *subscription);

#ifdef __cplusplus
}
#endif
#endif
