/* CloudEvents 1.0: the JSON event format, and the HTTP protocol binding: binary (headers), structured (one JSON object) and
 * batch (a list of them). */
#ifndef COMMON_CLOUDEVENTS_H
#define COMMON_CLOUDEVENTS_H

#include "tappet/http.h"
#include "text.h"

enum cloud_mode { CLOUD_NONE, CLOUD_BINARY, CLOUD_STRUCTURED, CLOUD_BATCH, CLOUD_MALFORMED };
struct cloud_event {
	struct text attributes; /* JSON: an object */
	bool data_in_body;      /* of the request, as in any other */
	bool data_is_base64;    /* a text of it */
	struct text data;       /* JSON: the value; empty: none */
	char key[256];          /* source and id as a dedup key */
	char type[256];         /* "": longer than that */
};
void cloud_event_release(struct cloud_event *e);
/* The events of a request: *ret has *ret_count of them, each to be released, and is freed with free(). *ret_problem is a
 * constant text with CLOUD_MALFORMED. */
enum cloud_mode cloud_read(const tappet_http1 *http, tappet_request *request, struct cloud_event **ret,
			   size_t *ret_count, const char **ret_problem);
/* One event in the JSON format. *ret is to be released in any case. NULL, or what is wrong with it, as a constant text. */
const char *cloud_read_event(tappet_str text, struct cloud_event *ret);

#endif
