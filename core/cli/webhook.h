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
	char **shown;          /* the same for people: a secret stands there as what gives it to a shell, or NULL */
	size_t header_count;
	const char *shown_url; /* the same of the URL, or NULL */
	long timeout_ms;
};
/* False: no memory, told. `shown` NULL: it is no secret. */
bool webhook_add_header(struct webhook_request *r, const char *name, const char *value, const char *shown);
/* Whether a header is there already. */
bool webhook_has_header(const struct webhook_request *r, const char *name);
void webhook_request_release(struct webhook_request *r);
/* Sends it and prints what came back; the exit code. */
int webhook_send(struct cli *c, const struct webhook_request *r);
/* Prints a line for a shell that does the same. */
int webhook_print_curl(const struct webhook_request *r);

#endif
