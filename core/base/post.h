/* The way from any thread to the loop thread: functions queued here run on the loop, in the order of their posting.
 * One uv_async_send may stand for many posts (it coalesces), so the whole queue is drained at each wake-up. */
#ifndef BASE_POST_H
#define BASE_POST_H

#include <uv.h>

struct post;

int post_open(uv_loop_t *loop, struct post **ret);
/* Any thread. `fn(arg)` runs once, on the loop thread. 0 or -ENOMEM. */
int post_send(struct post *p, void (*fn)(void *arg), void *arg);
/* Loop thread; runs what is still queued, then frees `p` (at a later turn of the loop). No post_send may be under way. */
void post_close(struct post *p);

#endif
