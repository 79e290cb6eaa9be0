/* Written against ABI 1.2, in what C99, C17 and C++17 have in common: each workflow has an open trigger that emits by a timer
 * for one subject after the other, with a count in its state, which it reads in pages first and puts once more when it is
 * removed. */
#include <stdio.h>
#include <stdlib.h>
#include <tappet/plugin.h>

#define PAGE 10

struct book {
	const tappet_host *host;
	tappet_instance *self;
};

struct binding {
	struct book *book;
	tappet_trigger *handle;
	tappet_timer *timer;
	char last[32]; /* key */
	size_t rows;
	unsigned long turn;
	int is_open;
};

static void settled(void *arg, const tappet_result *result)
{
	struct binding *b = (struct binding *)arg;

	if (result->outcome == TAPPET_OK)
		b->turn++;
}

static void fire(void *arg)
{
	struct binding *b = (struct binding *)arg;
	char subject[32], count[32];
	tappet_checkpoint checkpoint;
	tappet_emission emission;

	snprintf(subject, sizeof(subject), "entry-%lu", b->turn % 100);
	snprintf(count, sizeof(count), "%lu", b->turn);
	checkpoint.key = tappet_cstr(subject);
	checkpoint.value = tappet_cstr(count);
	memset(&emission, 0, sizeof(emission));
	emission.struct_size = sizeof(emission);
	emission.payload = tappet_cstr("{\"entry\":true}");
	emission.occurred_ms = b->book->host->wall_ms(b->book->self);
	emission.checkpoints = &checkpoint;
	emission.checkpoint_count = 1;
	emission.checkpoint_size = sizeof(checkpoint);
	if (b->is_open)
		emission.subject = checkpoint.key;
	b->book->host->emit(b->handle, &emission, settled, b);
}

static void read_page(struct binding *b);

static void on_page(void *arg, int32_t result, const tappet_checkpoint *rows, size_t count)
{
	struct binding *b = (struct binding *)arg;

	if (result != TAPPET_OK)
		return;
	b->rows += count;
	if (count < PAGE)
		return;
	if (rows[count - 1].key.len >= sizeof(b->last))
		return;
	memcpy(b->last, rows[count - 1].key.ptr, rows[count - 1].key.len);
	b->last[rows[count - 1].key.len] = '\0';
	read_page(b);
}

static void read_page(struct binding *b)
{
	/* What a callback asks for behind trigger_remove is turned down, and there is nothing to be done about it. */
	(void)b->book->host->kv_list(b->book->self, b->handle, tappet_cstr(b->last), PAGE, on_page, b);
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	struct book *book = (struct book *)calloc(1, sizeof(*book));

	(void)config;
	if (!book)
		return TAPPET_ENOMEM;
	book->host = host;
	book->self = self;
	*ret_state = book;
	return TAPPET_OK;
}

static int32_t trigger_add(void *state, tappet_trigger *handle, const tappet_trigger_info *info, void **ret_state)
{
	struct binding *b = (struct binding *)calloc(1, sizeof(*b));
	int32_t r;

	if (!b)
		return TAPPET_ENOMEM;
	b->book = (struct book *)state;
	b->handle = handle;
	b->is_open = info->trigger_id[0] == '+';
	r = b->book->host->timer_start(b->book->self, 10, 10, fire, b, &b->timer);
	if (r != TAPPET_OK) {
		free(b);
		return r;
	}
	read_page(b);
	*ret_state = b;
	return TAPPET_OK;
}

static void put(void *arg, int32_t result)
{
	(void)arg;
	(void)result;
}

static void trigger_remove(void *state, void *trigger_state)
{
	struct book *book = (struct book *)state;
	struct binding *b = (struct binding *)trigger_state;

	book->host->timer_stop(b->timer);
	book->host->kv_put(book->self, b->handle, tappet_cstr("removed"), tappet_cstr("1"), put, b);
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
	struct book *book = (struct book *)state;

	(void)deadline_ms;
	book->host->stopped(book->self);
}

static const tappet_plugin plugin = {
	sizeof(tappet_plugin),
	TAPPET_ABI_MINOR,
	2,
	"abi-1-2-book",
	"1.2",
	"MIT",
	"Emits for what it has in its book.",
	NULL,
	0,
	NULL,
	0,
	sizeof(tappet_option),
	"{\"entry\":true}",
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
	NULL,
	1,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &plugin;
}
