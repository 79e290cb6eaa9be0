/* What the commands of webhooks share: which trigger, and the paths of the plugin's API. */
#ifndef CLI_WEBHOOK_H
#define CLI_WEBHOOK_H

#include "cli/client.h"

/* Begins a path: /plugins/NAME/WHAT/WORKFLOW[/TRIGGER], of the first argument, WORKFLOW[/TRIGGER]. */
void webhook_path(const struct cli *c, const char *what, struct buf *path);

/* ---- webhook_url.c ---- */

/* Where webhooks are sent to: "http://127.0.0.1:8080", and the socket to go through or NULL. Both to be freed.
 * `public_url`: what the daemon is known as, or "". CLI_OK, or it has been told why not. */
int webhook_listener(const struct cli *c, const char *public_url, char **ret_url, char **ret_socket);

/* ---- webhook_send.c ---- */

struct webhook_request {
	const char *method;
	struct buf url;
	const char *socket; /* or NULL */
	struct buf body;
	const char *body_path; /* what it was read from, or NULL */
	char **headers;        /* "Name: value" */
	char **shown; /* the same as a word for a shell, which fills the secret in; NULL: there is none in it */
	size_t header_count;
	const char *shown_url; /* the same of the URL */
	long timeout_ms;
};
/* False: no memory, told. */
bool webhook_add_header(struct webhook_request *r, const char *name, const char *value);
/* The same of a secret, behind what may be seen of the value ("Bearer "). `word` gives the secret to a shell. */
bool webhook_add_secret(struct webhook_request *r, const char *name, const char *scheme, const char *secret,
			const char *word);
/* Appends a text as a word for a shell, to which nothing in it means anything. */
void webhook_quote(struct buf *out, const char *text);
/* Whether a header is there already. */
bool webhook_has_header(const struct webhook_request *r, const char *name);
void webhook_request_release(struct webhook_request *r);
/* Sends it and prints what came back; the exit code. */
int webhook_send(struct cli *c, const struct webhook_request *r);
/* Prints a line for a shell that does the same. */
int webhook_print_curl(const struct webhook_request *r);

#endif
