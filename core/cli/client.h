/* Talking to the daemon: finds it, sends one request at a time by libcurl, reads the answer as JSON. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "base/buf.h"
#include "base/json.h"
#include "cli/command.h"

/* The daemon of the system, where nothing says which one is meant. */
#define CLIENT_SYSTEM_SOCKET "/run/tappet/tappet.sock"

struct client;

struct answer {
	long status;
	struct buf body;
	struct json *json; /* NULL when the body is empty or no JSON */
};

void client_free(struct client *client);
void answer_release(struct answer *a);

/* Sends a request; `body` NULL: none. CLI_OK with *ret (to be released) when the daemon answered 2xx; everything
 * else has been told on stderr, and *ret is untouched. */
int client_call(struct cli *c, const char *method, const char *path, const struct buf *body, struct answer *ret);
/* The same with a path that was put together; it is released. */
int client_call_path(struct cli *c, const char *method, struct buf *path, const struct buf *body, struct answer *ret);
/* The same for what may take as long as it likes. */
int client_call_long(struct cli *c, const char *method, const char *path, const struct buf *body, struct answer *ret);
/* The same, but an unreachable daemon is not told: for those who try again. */
int client_try(struct cli *c, const char *method, const char *path, const struct buf *body, struct answer *ret);
/* POST to what may not be there: a 404 is not told. `header` is one more line, or NULL. */
int client_offer(struct cli *c, const char *path, const char *header, const struct buf *body, struct answer *ret);
/* A CURL of its own that will get this path, for answers that go on (stream.c); `take` as CURLOPT_WRITEFUNCTION. */
int client_dup(struct cli *c, const char *path, size_t (*take)(char *bytes, size_t size, size_t count, void *arg),
	       void *arg, void **ret_curl);
/* The answer's body as it came, when --json asks for it. */
void client_print_json(const struct answer *a);

/* Appends `text` as one segment of a path, or as a value of a query. */
void client_escape(struct buf *path, const char *text);
/* "&key=value" or "?key=value"; nothing when value is NULL. */
void client_query(struct buf *path, const char *key, const char *value);

/* Where the daemon is: an URL to put before paths, and the socket to go through or NULL. Both to be freed. */
int find_daemon(const struct cli *c, char **ret_url, char **ret_socket);

#endif
