/* Written against ABI 1.1, in what C99, C17 and C++17 have in common: as the one of 1.0, and it checks its options. */
#include <stdlib.h>
#include <tappet/plugin.h>

struct ticker {
	const tappet_host *host;
	tappet_instance *self;
};

struct binding {
	struct ticker *ticker;
	tappet_trigger *handle;
	tappet_timer *timer;
	int64_t count;
};

static const tappet_option options[] = {
	{"greeting", TAPPET_STRING, 0, "hello", "What to say.", NULL},
};

static const tappet_option trigger_options[] = {
	{"every", TAPPET_DURATION, 0, "1s", "How often.", NULL},
};

static void settled(void *arg, const tappet_result *result)
{
	struct binding *b = (struct binding *)arg;

	if (result->outcome == TAPPET_OK)
		b->count++;
}

static void fire(void *arg)
{
	struct binding *b = (struct binding *)arg;
	const tappet_checkpoint checkpoint = {tappet_cstr("cursor"), tappet_cstr("1")};
	tappet_emission emission;

	memset(&emission, 0, sizeof(emission));
	emission.struct_size = sizeof(emission);
	emission.payload = tappet_cstr("{\"tick\":true}");
	emission.occurred_ms = b->ticker->host->wall_ms(b->ticker->self);
	emission.checkpoints = &checkpoint;
	emission.checkpoint_count = 1;
	emission.checkpoint_size = sizeof(checkpoint);
	b->ticker->host->emit(b->handle, &emission, settled, b);
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	struct ticker *t = (struct ticker *)calloc(1, sizeof(*t));
	tappet_str greeting;

	if (!t)
		return TAPPET_ENOMEM;
	t->host = host;
	t->self = self;
	if (host->config_str(config, "greeting", 0, &greeting) == TAPPET_OK)
		host->log(self, TAPPET_LOG_DEBUG, "created", NULL, 0);
	*ret_state = t;
	return TAPPET_OK;
}

static int32_t trigger_add(void *state, tappet_trigger *handle, const tappet_trigger_info *info, void **ret_state)
{
	struct binding *b = (struct binding *)calloc(1, sizeof(*b));
	int64_t every = 0;
	int32_t r;

	if (!b)
		return TAPPET_ENOMEM;
	b->ticker = (struct ticker *)state;
	b->handle = handle;
	r = b->ticker->host->config_int(info->config, "every", 0, &every);
	/* A timer that does not repeat is gone when it has fired, and must not be stopped. */
	if (r == TAPPET_OK && every <= 0)
		r = TAPPET_EINVAL;
	if (r == TAPPET_OK)
		r = b->ticker->host->timer_start(b->ticker->self, every, every, fire, b, &b->timer);
	if (r != TAPPET_OK) {
		free(b);
		return r;
	}
	*ret_state = b;
	return TAPPET_OK;
}

static void trigger_remove(void *state, void *trigger_state)
{
	((struct ticker *)state)->host->timer_stop(((struct binding *)trigger_state)->timer);
}

static void trigger_free(void *state, void *trigger_state)
{
	(void)state;
	free(trigger_state);
}

static int32_t start(void *state)
{
	(void)state;
	return TAPPET_OK;
}

static void stop(void *state, int64_t deadline_ms)
{
	struct ticker *t = (struct ticker *)state;

	(void)deadline_ms;
	t->host->stopped(t->self);
}

static void check_trigger(const tappet_checker *checker, tappet_check *check, const tappet_config *config)
{
	int64_t every = 0;

	if (checker->config_int(config, "every", 0, &every) == TAPPET_OK && every <= 0)
		checker->mistake(check, "every", 0, NULL, "expected more than nothing");
	checker->claim(check, "every", 0, NULL, "the only one");
}

static const tappet_plugin plugin = {
	sizeof(tappet_plugin),
	TAPPET_ABI_MINOR,
	0,
	"abi-1-1-ticker",
	"1.1",
	"MIT",
	"Emits by a timer.",
	options,
	1,
	trigger_options,
	1,
	sizeof(tappet_option),
	"{\"tick\":true}",
	NULL,
	create,
	trigger_add,
	trigger_remove,
	trigger_free,
	start,
	NULL,
	NULL,
	stop,
	free,
	NULL,
	NULL,
	check_trigger,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &plugin;
}
