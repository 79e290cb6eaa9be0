/* subscribe by WebSocket: a token with the scope `subscribe` is enough. */
#include "cli/events.h"
#include "cli/socket.h"
#include "cli/socket_link.h"

struct follower {
	struct link link;
	struct events *events;
};

/* As the daemon writes it by HTTP. */
static struct json *rebuild(const tappet_client_event *event)
{
	struct json *rebuilt = NULL;
	struct buf b;
	buf_init(&b, (size_t)64 * 1024 * 1024);
	jsonw_open(&b, '{');
	jsonw_key(&b, "seq");
	jsonw_int(&b, (int64_t)event->seq);
	jsonw_key(&b, "event");
	jsonw_strn(&b, event->event.ptr, event->event.len);
	jsonw_key(&b, "time");
	jsonw_strn(&b, event->time.ptr, event->time.len);
	if (event->workflow.len > 0) {
		jsonw_key(&b, "workflow");
		jsonw_strn(&b, event->workflow.ptr, event->workflow.len);
	}
	if (event->activity_id.len > 0) {
		jsonw_key(&b, "activityId");
		jsonw_strn(&b, event->activity_id.ptr, event->activity_id.len);
	}
	jsonw_key(&b, "data");
	jsonw_raw(&b, event->data.ptr, event->data.len);
	if (event->too_large) {
		jsonw_key(&b, "tooLarge");
		jsonw_bool(&b, true);
	}
	jsonw_close(&b, '}');
	(void)json_parse(buf_cstr(&b), b.len, &rebuilt, NULL);
	buf_release(&b);
	return rebuilt;
}

static void on_event(void *arg, tappet_subscription *subscription, const tappet_client_event *event)
{
	struct follower *f = arg;
	struct json *rebuilt = rebuild(event);
	(void)subscription;
	events_take(f->events, rebuilt);
	json_free(rebuilt);
	if (f->events->over)
		link_end(&f->link, CLI_OK);
}

static void on_gap(void *arg, tappet_subscription *subscription, uint64_t from, uint64_t to)
{
	struct follower *f = arg;
	(void)subscription;
	events_gap(f->events, (int64_t)from, (int64_t)to);
}

static void on_begun(void *arg, tappet_subscription *subscription, uint64_t seq)
{
	struct follower *f = arg;
	(void)subscription;
	events_begin(f->events, (int64_t)seq);
}

static void on_ended(void *arg, tappet_subscription *subscription, int32_t error, tappet_str message)
{
	struct follower *f = arg;
	(void)subscription;
	cli_error("%.*s", (int)message.len, message.len ? message.ptr : "");
	link_end(&f->link, error == TAPPET_ENOTFOUND ? CLI_NOT_FOUND : CLI_REFUSED);
}

int socket_follow(struct cli *c, struct events *e)
{
	static const tappet_client_follower follower = {.struct_size = sizeof(follower),
							.event = on_event,
							.gap = on_gap,
							.begun = on_begun,
							.ended = on_ended};
	const tappet_client_filter filter = {
		.struct_size = sizeof(filter),
		.workflow = e->workflow,
		.team = e->team,
		.types = e->types,
		.activity = e->activity,
		.replay = e->replay,
		.since = (uint64_t)e->position,
	};
	struct follower f = {.events = e};
	tappet_subscription *subscription;
	int code = link_open(&f.link, c, 0);
	if (code != CLI_OK)
		return code;
	if (tappet_client_subscribe(f.link.client, &filter, &follower, &f, &subscription) < 0) {
		cli_error("the filter is too long");
		link_end(&f.link, CLI_USAGE);
	}
	return link_run(&f.link);
}
