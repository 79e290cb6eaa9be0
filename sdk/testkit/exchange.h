/* A request and its answer, shared by the plugin's side (http.c) and the test's (exchange.c). */
#ifndef TESTKIT_EXCHANGE_H
#define TESTKIT_EXCHANGE_H

#include "internal.h"

struct header {
	char *name, *value;
};

struct tappet_route {
	struct handle handle;
	struct route *route; /* of the daemon's own router */
	tappet_http_cb cb;
	void *arg;
};

struct tappet_request {
	struct handle handle; /* ends with the answer */
	struct list node;     /* in kit->requests until then */
	bool gone;
	bool https;
	char *method, *path, *query, *remote, *client_subject, *segments; /* decoded, one behind the other */
	char *params[ROUTE_PARAMS_MAX];
	struct tappet_route *route;
	struct route *matched;
	struct header *headers;
	size_t header_count;
	tappet_str body;
	struct records values; /* of query_value */
	/* The answer. */
	int32_t status;
	struct header *sent;
	size_t sent_count;
	char *sent_body, *problem, *detail;
	size_t sent_len;
};

/* What the daemon's own answers and `problem` write. */
void exchange_problem(struct tappet_request *r, int32_t status, const char *type, const char *detail,
		      int32_t retry_after_s);
/* Takes one more header into the answer. */
void exchange_header(struct tappet_request *r, tappet_str name, tappet_str value);
void exchange_body(struct tappet_request *r, tappet_str body);

#endif
