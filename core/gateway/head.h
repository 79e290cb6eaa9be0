/* The head of a request: found in the input, checked, parsed by http-parser, and laid out in the request as texts. It
 * knows no connection. The checks here are those that http-parser leaves out (RFC 9112): anything that two servers may
 * read differently is refused, so that no request can hide in another. */
#ifndef GATEWAY_HEAD_H
#define GATEWAY_HEAD_H

#include <stddef.h>
#include <sys/types.h>

struct http_request;

struct head_problem {
	int status;
	const char *type, *detail;
};

/* Looks for the end of the head at `bytes`. *scanned and *line are where it was before, 0 at first. Returns its length,
 * 0 when it is not complete, -EBADMSG for a line that does not end by CRLF, -E2BIG for more than `max` bytes (in the
 * request line when *line is 0). What it says does not depend on the pieces in which the bytes come. */
ssize_t head_find(const char *bytes, size_t len, size_t max, size_t *scanned, size_t *line);
/* Reads the complete head of `len` bytes into the request. Negative, with *ret_problem filled, when it is refused. */
int head_read(struct http_request *r, const char *bytes, size_t len, struct head_problem *ret_problem);

#endif
