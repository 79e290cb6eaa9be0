/* The certificates of the listeners: read as a whole on any thread, and taken in on the loop when nothing was wrong
 * with them. A reload does so, and once a minute a look at the files: whoever renews certificates need not tell. */
#ifndef DAEMON_CERTIFICATES_H
#define DAEMON_CERTIFICATES_H

#include <uv.h>
#include "base/digest.h"
#include "base/metrics.h"
#include "config/config.h"
#include "gateway/tls.h"

struct daemon;

/* What was found in the files. */
struct certificates {
	struct diag mistakes, warnings;
	struct tls_identity **identities; /* by the index of the listener; NULL: it has no TLS */
	int64_t **expires_s;              /* likewise, of its certificates */
	size_t count;
	int error;                  /* what certificates_read returned: only with 0 they may be taken */
	uint8_t state[DIGEST_SIZE]; /* of the files, before they were read */
};

/* The daemon's. */
struct certificate_watch {
	struct tls **all; /* by the index of the listener; NULL: it has no TLS */
	size_t count;     /* 0: no listener has */
	uint8_t state[DIGEST_SIZE];
	uv_timer_t timer;
	uv_work_t work;
	struct certificates found;
	bool open, busy;
};

/* Any thread. -EINVAL: there are mistakes. To be released in any case. */
int certificates_read(const struct config *c, struct certificates *ret);
void certificates_release(struct certificates *found);
/* Logs what is doubtful or wrong in them. */
void certificates_tell(const struct certificates *found);
/* The first ones, before the listeners; begins to look once a minute. */
int certificates_open(struct daemon *d, struct certificates *found);
/* New connections get these from now on. */
void certificates_take(struct daemon *d, struct certificates *found);
/* They had mistakes: those that are in use stay, and the health says so. */
void certificates_refuse(struct daemon *d, const struct certificates *found);
/* Stops looking, before the loop's last turn; the TLS itself is freed after it, when the gateway is gone. Both are
 * allowed when nothing was opened. */
void certificates_stop(struct daemon *d);
void certificates_free(struct daemon *d);

#endif
