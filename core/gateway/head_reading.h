/* The reading of one head: what head.c has found when head_meaning.c says how the message is framed. */
#ifndef GATEWAY_HEAD_READING_H
#define GATEWAY_HEAD_READING_H

#include "gateway/head.h"
#include "gateway/internal.h"

/* The fields that say something to the gateway itself: how often they are there, and the last of each. */
struct reading {
	struct http_request *r;
	struct head_problem problem;
	size_t hosts, lengths, codings;
	const char *host, *length, *coding, *expect;
	size_t host_len, length_len, coding_len, expect_len;
	bool keep_alive;
};

/* Both give -1, for returning. */
int head_refuse(struct reading *reading, int status, const char *type, const char *detail);
int head_bad(struct reading *reading, const char *detail);

/* Host, Content-Length, Transfer-Encoding, Expect. 0, or -1 with the problem. */
int head_check_meaning(struct reading *reading);

#endif
