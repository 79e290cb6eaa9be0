/* What has to be looked at now and then: tokens that have expired or were revoked, and clients that are too slow. */
#include <inttypes.h>
#include <stdio.h>
#include "action.h"

#define EVERY_MS 1000
#define CHECK_AGAIN_MS 25000 /* with what a round leaves over it is never more than 30 s */
#define ROUNDS 4
#define CLOSE_TOO_SLOW 4408

/* Whose token was looked at longest ago comes first. Enough of them for all to have their turn in time. */
static void check_tokens(struct plugin *p, int64_t now_ms)
{
	size_t left = p->connection_count / ROUNDS + 64;
	while (p->connections && left-- > 0) {
		struct connection *c = p->connections;
		if (now_ms - c->checked_ms < CHECK_AGAIN_MS)
			return;
		if (c->token_id[0] && !c->closing)
			(void)connection_is_good(c);
		connection_look_later(c, now_ms);
	}
}

static void cut_if_slow(struct connection *c, int64_t now_ms)
{
	char reason[48];
	if (c->blocked_ms == 0 || c->closing || now_ms - c->blocked_ms < c->plugin->limits.slow_ms)
		return;
	if (c->subscriptions)
		snprintf(reason, sizeof(reason), "last %" PRIu64, subscriptions_too_slow(c));
	else
		snprintf(reason, sizeof(reason), "answers are not read");
	plugin_count(c->plugin, COUNT_SLOW, 1);
	connection_close(c, CLOSE_TOO_SLOW, reason);
}

static void look(void *arg)
{
	struct plugin *p = arg;
	const int64_t now_ms = p->host->mono_ms(p->self);
	check_tokens(p, now_ms);
	for (struct connection *c = p->connections; c; c = c->next)
		cut_if_slow(c, now_ms);
}

void watch_start(struct plugin *p)
{
	if (!p->watch && p->host->timer_start(p->self, EVERY_MS, EVERY_MS, look, p, &p->watch) < 0)
		p->watch = NULL;
}

void watch_stop(struct plugin *p)
{
	p->host->timer_stop(p->watch);
	p->watch = NULL;
}
