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
	bool is_endpoint; /* the begin of a tappet_ws_endpoint */
};

struct tappet_request {
	struct handle handle;     /* ends with the answer */
	struct list node;         /* in kit->requests until then */
	struct tappet_ws *socket; /* of an upgrade; else NULL */
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

/* A request that has not come yet; further headers may be set. The arguments as those of testkit_http. */
testkit_exchange *exchange_new(testkit *kit, const char *method, const char *target, const char *headers,
			       tappet_str body);
struct tappet_request *exchange_request(testkit_exchange *exchange);
void exchange_request_header(struct tappet_request *r, const char *name, const char *value);
/* The value of a header of the request, or NULL. */
const char *exchange_header_of(const struct tappet_request *r, const char *name);
/* It comes: it is answered by the host, or by the plugin. */
void exchange_run(struct tappet_request *r);
/* Whether it may be answered; a second answer breaks a rule. */
bool exchange_answerable(struct tappet_request *r, const char *call);
/* It is over. Errors: TAPPET_EGONE: the client has left. */
int32_t exchange_end(struct tappet_request *r);
/* Serves a pattern with what `route` says; false after its end, with *ret_error. */
bool route_serve(testkit *kit, struct tappet_route *route, unsigned surfaces, const char *methods, const char *pattern,
		 int32_t *ret_error);

/* What the daemon's own answers and `problem` write. */
void exchange_problem(struct tappet_request *r, int32_t status, const char *type, const char *detail,
		      int32_t retry_after_s);
/* Takes one more header into the answer. */
void exchange_header(struct tappet_request *r, tappet_str name, tappet_str value);
void exchange_body(struct tappet_request *r, tappet_str body);

#endif
