/* How a trigger's sender would send: what the daemon says of it, and the secret of who tests. */
#ifndef CLI_WEBHOOK_PLAN_H
#define CLI_WEBHOOK_PLAN_H

#include "cli/webhook.h"

struct plan {
	struct answer answer; /* of the daemon; the texts below lie in it, or are constants */
	const char *path, *method, *public_url;
	const char *preset;    /* of the trigger, or NULL */
	const char *sender;    /* who signs: none, daemon, secret, key */
	const char *auth;      /* what the caller shows: none, token, bearer, basic, jwt, clientSubject, header */
	const char *auth_name; /* the user of basic, the header of header, or NULL */
	char *secret;          /* what --secret-env, --secret-file or --key gave, or NULL */
	char *secret_shown;    /* the word that gives it to a shell: "$NAME" or "$(cat 'FILE')" */
	char *socket;          /* of the listener, or NULL */
	char *url_shown;       /* the URL as a word with secret_shown in it, or NULL */
};

/* Asks the daemon and reads the secret. plan_release in any case. */
int plan_read(struct cli *c, struct plan *p);
/* The URL, with ?wait. */
int plan_address(struct cli *c, struct plan *p, struct webhook_request *r);
/* What the caller shows, where the secret is that. */
int plan_show(struct cli *c, struct plan *p, struct webhook_request *r);
/* The signature. */
int plan_sign(struct cli *c, struct plan *p, struct webhook_request *r);
void plan_release(struct plan *p);

#endif
