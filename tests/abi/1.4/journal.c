/* Written against ABI 1.4, in what C99, C17 and C++17 have in common: each trigger emits by a timer what it would have found
 * below its path, once it has listed its journal, which is not handed over, and takes each of them down there. What is not as
 * it should be is counted. */
#include <stdio.h>
#include <stdlib.h>
#include <tappet/plugin.h>

#define PAGE 5

struct journal {
	const tappet_host *host;
	tappet_instance *self;
	tappet_metric *wrong;
	unsigned long entries; /* committed by any trigger of the plugin so far */
};

struct binding {
	struct journal *journal;
	tappet_trigger *handle;
	tappet_timer *timer;
	char last[32]; /* key */
	unsigned long rows, next;
};

static void settled(void *arg, const tappet_result *result)
{
	struct journal *journal = (struct journal *)arg;

	if (result->outcome == TAPPET_OK)
		journal->entries++;
}

static void fire(void *arg)
{
	struct binding *b = (struct binding *)arg;
	char key[32];
	tappet_checkpoint checkpoint;
	tappet_emission emission;

	snprintf(key, sizeof(key), "%010lu", b->next++);
	checkpoint.key = tappet_cstr(key);
	checkpoint.value = tappet_cstr("1");
	memset(&emission, 0, sizeof(emission));
	emission.struct_size = sizeof(emission);
	emission.payload = tappet_cstr("{\"entry\":true}");
	emission.checkpoints = &checkpoint;
	emission.checkpoint_count = 1;
	emission.checkpoint_size = sizeof(checkpoint);
	b->journal->host->emit(b->handle, &emission, settled, b->journal);
}

static void read_page(struct binding *b);

/* The last page: what is new comes behind all that is there. */
static void on_listed(struct binding *b)
{
	if (b->rows < b->journal->entries)
		b->journal->host->metric_add(b->journal->wrong, 1);
	b->next = strtoul(b->last, NULL, 10) + 1;
	if (b->journal->host->timer_start(b->journal->self, 5, 5, fire, b, &b->timer) != TAPPET_OK)
		b->timer = NULL;
}

static void on_page(void *arg, int32_t result, const tappet_checkpoint *rows, size_t count)
{
	struct binding *b = (struct binding *)arg;

	if (result != TAPPET_OK || !b->handle)
		return;
	if (count == 0) {
		on_listed(b);
		return;
	}
	if (rows[count - 1].key.len >= sizeof(b->last))
		return;
	memcpy(b->last, rows[count - 1].key.ptr, rows[count - 1].key.len);
	b->last[rows[count - 1].key.len] = '\0';
	b->rows += (unsigned long)count;
	read_page(b);
}

static void read_page(struct binding *b)
{
	(void)b->journal->host->kv_list(b->journal->self, b->handle, tappet_cstr(b->last), PAGE, on_page, b);
}

static int32_t create(const tappet_host *host, tappet_instance *self, const tappet_config *config, void **ret_state)
{
	struct journal *journal = (struct journal *)calloc(1, sizeof(*journal));

	(void)config;
	if (!journal)
		return TAPPET_ENOMEM;
	journal->host = host;
	journal->self = self;
	journal->wrong = host->metric(self, TAPPET_COUNTER, "wrong", "What was not as it should be.");
	*ret_state = journal;
	return TAPPET_OK;
}

static int32_t trigger_add(void *state, tappet_trigger *handle, const tappet_trigger_info *info, void **ret_state)
{
	struct journal *journal = (struct journal *)state;
	struct binding *b = (struct binding *)calloc(1, sizeof(*b));
	tappet_str path;

	if (!b)
		return TAPPET_ENOMEM;
	b->journal = journal;
	b->handle = handle;
	if (journal->host->config_str(info->config, "path", 0, &path) != TAPPET_OK || path.ptr[0] != '/')
		journal->host->metric_add(journal->wrong, 1);
	if (info->checkpoint_count)
		journal->host->metric_add(journal->wrong, 1);
	read_page(b);
	*ret_state = b;
	return TAPPET_OK;
}

static void trigger_remove(void *state, void *trigger_state)
{
	struct journal *journal = (struct journal *)state;
	struct binding *b = (struct binding *)trigger_state;

	journal->host->timer_stop(b->timer);
	b->timer = NULL;
	b->handle = NULL;
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
	struct journal *journal = (struct journal *)state;

	(void)deadline_ms;
	journal->host->stopped(journal->self);
}

static const tappet_option trigger_options[] = {
	{"path", TAPPET_PATH, TAPPET_MULTI, ".", "What is looked at.", NULL},
};

static const tappet_plugin plugin = {
	sizeof(tappet_plugin),
	TAPPET_ABI_MINOR,
	4,
	"abi-1-4-journal",
	"1.4",
	"MIT",
	"Takes down what it has emitted.",
	NULL,
	0,
	trigger_options,
	1,
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
	0,
	1,
};

const tappet_plugin *tappet_plugin_v1(void)
{
	return &plugin;
}
