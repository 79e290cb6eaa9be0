/* What the page of log records and the stream of them share. The status is read before the records: when it says that
 * the activity has ended, all of its log is there, so no last record is hidden from a reader that follows. */
#ifndef API_LOGS_H
#define API_LOGS_H

#include "api/internal.h"

struct log_view {
	struct json *document; /* of the activity; owned */
	int step;              /* -1: all */
	uint64_t after;        /* the position of the last record that is known */
};

/* The steps of a status document, and the one that the query asks for; false after the request was answered. */
bool log_view_open(struct log_view *view, struct http_request *r, int status, const char *document, size_t len);
void log_view_release(struct log_view *view);
void log_view_write(const struct log_view *view, const struct store_log_row *row, struct buf *out);

/* logs_stream.c */
void api_logs_stream(struct api *a, struct http_request *r);

#endif
