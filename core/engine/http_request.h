/* What an `http` step sends, made on a pool thread: secrets are read from files. Nothing here is shared with the loop
 * meanwhile. */
#ifndef ENGINE_HTTP_REQUEST_H
#define ENGINE_HTTP_REQUEST_H

#include <curl/curl.h>
#include "engine/internal.h"

struct http_request {
	/* What it reads; stays unchanged as long as the activity is in memory. */
	const struct engine_options *options;
	const struct step_def *def;
	struct values values;
	char key[ID_SIZE + 16]; /* Idempotency-Key */
	/* What it makes. */
	char *url, *shown;          /* without secrets, for people */
	struct curl_slist *headers; /* all of them */
	struct curl_slist *plain;   /* without those made of secrets: for another server */
	char *ca_file;
	char *body;
	size_t body_len;
	/* What came of it. */
	int error;
	char message[ENGINE_MESSAGE_MAX];
};

void http_request_make(struct http_request *r);
void http_request_release(struct http_request *r);
/* The address as it may be shown: without user and password. The caller frees it. */
char *http_shown(const char *url);

/* http_head.c: what comes back. */
#define HTTP_HEAD_MAX ((size_t)256 * 1024)
void http_head_add(struct buf *lines, const char *line, size_t len);
void http_head_put(const struct buf *lines, struct buf *out);

#endif
