/* libcurl's transfers on the loop: one multi handle, whose sockets and time-outs are libuv's. Nothing blocks: names are
 * resolved on libcurl's own threads. Loop thread only.
 *
 * Called by step_http.c and nobody else; it knows nothing of steps. */
#ifndef ENGINE_CURL_LOOP_H
#define ENGINE_CURL_LOOP_H

#include <curl/curl.h>
#include <uv.h>

struct curl_loop;

struct transfer {
	CURL *easy; /* the caller's; its CURLOPT_PRIVATE is set here */
	/* The transfer is over and its handle out of the loop. It may be added again from here. */
	void (*done)(struct transfer *t, CURLcode result);
};

/* -ENOMEM */
int curl_loop_open(uv_loop_t *loop, struct curl_loop **ret);
/* No transfer is left. `closed` once, at a later turn, when all its handles are. */
void curl_loop_close(struct curl_loop *c, void (*closed)(void *arg), void *arg);
/* Negative: done is not called. */
int curl_loop_add(struct curl_loop *c, struct transfer *t);
/* Ends a transfer at once; done is not called. */
void curl_loop_remove(struct curl_loop *c, struct transfer *t);

#endif
