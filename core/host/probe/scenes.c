#include "host/probe/scenes.h"
#include <malloc.h>
#include <poll.h>
#include "host/probe/fake.h"
#include "host/probe/object.h"
#include "host/probe/values.h"

#define STOP_MS 5000
#define YEAR_MS (INT64_C(365) * 24 * 3600 * 1000)
#define ROUNDS 1000
#define LIVES 20
#define EVENTS_EACH 10 /* step of time: more than one batch */
#define GROWTH_EACH 16 /* bytes a round that are no leak but the allocator's */
#define EMISSIONS_AFTER_JUMP 5000
#define STORM 100
#define PEER_ROUNDS 4
#define ENTRIES_WAIT_MS 500

struct stage {
	struct fake f;
	struct tappet_instance loaded; /* for descriptor and tables */
	const struct play *play;
	enum values_kind kind;
	enum rule stop_rule; /* that a missing `stopped` breaks */
};

static const tappet_plugin *desc(const struct stage *s)
{
	return &s->loaded.desc;
}

static bool stage_open(struct stage *s, const struct play *play)
{
	*s = (struct stage){.play = play, .stop_rule = LIFE_STOP};
	return object_load(play->board, play->path, &s->loaded) && fake_open(&s->f, play->board, &s->loaded.desc) == 0;
}

static const tappet_config *lend_config(struct stage *s, const struct option_values *values)
{
	const struct fake_config config = {.config.values = values, .f = &s->f};
	return &((const struct fake_config *)fake_lend(&s->f, &config, sizeof(config)))->config;
}

/* ---- One instance ---- */

/* As the daemon does before it hands options over: by the table, then by the plugin. NULL with a message. */
static struct option_values *make_values(struct stage *s, bool of_trigger, char *ret_message, size_t room)
{
	struct option_values *values = NULL;
	const struct option *table = of_trigger ? s->loaded.trigger_options : s->loaded.options;
	const size_t count = of_trigger ? desc(s)->trigger_option_count : desc(s)->option_count;
	if (values_make(table, count, of_trigger ? s->play->trigger : s->play->with, s->kind, &values, ret_message,
			room) < 0)
		return NULL;
	if (fake_check(&s->f, of_trigger, values, ret_message, room))
		return values;
	option_values_free(values);
	return NULL;
}

static struct fake_instance *create(struct stage *s, const char *name, int32_t *ret_error)
{
	char message[200];
	struct option_values *values = make_values(s, false, message, sizeof(message));
	*ret_error = TAPPET_EINVAL;
	if (!values) {
		if (s->kind == VALUES_PLAUSIBLE)
			board_broken(s->play->board, LIFE_CREATE, "the options do not fit (see --with): %s", message);
		return NULL;
	}
	struct fake_instance *i = fake_alloc(&s->f, sizeof(*i));
	*i = (struct fake_instance){.f = &s->f, .name = name};
	list_init(&i->triggers);
	fake_enter(&s->f, i, "create");
	*ret_error = desc(s)->create(&fake_host, (tappet_instance *)(void *)i, lend_config(s, values), &i->state);
	fake_leave(&s->f);
	option_values_free(values);
	return *ret_error < 0 ? NULL : i;
}

/* `values` are freed. */
static struct fake_trigger *add_with(struct stage *s, struct fake_instance *i, bool open, struct option_values *values)
{
	char id[64];
	struct fake *f = &s->f;
	struct fake_trigger *t = fake_alloc(f, sizeof(*t));
	*t = (struct fake_trigger){.instance = i, .number = f->trigger_number++, .scope = t, .open = open};
	if (!open && i->gone) {
		t->number = i->gone->number;
		t->scope = i->gone->scope;
		i->gone = NULL;
	}
	if (open)
		snprintf(id, sizeof(id), "+%s", i->name);
	else
		snprintf(id, sizeof(id), "trigger-%zu", t->number);
	fake_enter(f, i, "trigger_add");
	const tappet_trigger_info info = {.struct_size = sizeof(info),
					  .trigger_id = fake_lend(f, id, strlen(id)),
					  .workflow_id = fake_lend(f, "0123456789abcdef01234567", 24),
					  .workflow_slug = fake_lend(f, "probe", 5),
					  .workflow_name = fake_lend(f, "Probe", 5),
					  .team = fake_lend(f, "team", 4),
					  .config = lend_config(s, values),
					  .checkpoint_size = sizeof(tappet_checkpoint)};
	f->adding = t;
	const int32_t r = desc(s)->trigger_add(i->state, (tappet_trigger *)(void *)t, fake_lend(f, &info, sizeof(info)),
					       &t->state);
	f->adding = NULL;
	fake_leave(f);
	option_values_free(values);
	if (r < 0) {
		if (s->kind == VALUES_PLAUSIBLE)
			board_broken(f->board, LIFE_CREATE, "trigger_add failed: %s (other options: --trigger)",
				     tappet_strerror(r));
		t->removed = t->freed = true;
		return NULL;
	}
	t->live = true;
	list_append(&i->triggers, &t->node);
	return t;
}

static struct fake_trigger *add(struct stage *s, struct fake_instance *i)
{
	char message[200];
	struct option_values *values = make_values(s, true, message, sizeof(message));
	if (values)
		return add_with(s, i, false, values);
	if (s->kind == VALUES_PLAUSIBLE)
		board_broken(s->f.board, LIFE_CREATE, "the trigger's options do not fit (see --trigger): %s", message);
	return NULL;
}

/* NULL: the plugin has none. No option of it is set, and nobody is asked. */
static struct fake_trigger *add_open(struct stage *s, struct fake_instance *i)
{
	char message[200];
	struct option_values *values = NULL;
	if (!desc(s)->open_trigger || values_make(s->loaded.trigger_options, desc(s)->trigger_option_count, NULL,
						  VALUES_PLAUSIBLE, &values, message, sizeof(message)) < 0)
		return NULL;
	return add_with(s, i, true, values);
}

static void remove_trigger(struct stage *s, struct fake_trigger *t)
{
	if (!t || t->removed)
		return;
	t->removed = true;
	s->f.removing = t;
	fake_enter(&s->f, t->instance, "trigger_remove");
	desc(s)->trigger_remove(t->instance->state, t->state);
	fake_leave(&s->f);
	s->f.removing = NULL;
}

/* Those that are removed, and whose callbacks have all fired. */
static void free_removed(struct stage *s, struct fake_instance *i)
{
	list_each_safe (node, &i->triggers) {
		struct fake_trigger *t = list_entry(node, struct fake_trigger, node);
		if (!t->removed || t->pending)
			continue;
		list_remove(node);
		t->freed = true;
		if (s->f.succession && desc(s)->list_checkpoints && !t->open)
			i->gone = t;
		fake_enter(&s->f, i, "trigger_free");
		desc(s)->trigger_free(i->state, t->state);
		fake_leave(&s->f);
	}
}

static int32_t start(struct stage *s, struct fake_instance *i)
{
	i->phase = FAKE_STARTED;
	fake_enter(&s->f, i, "start");
	const int32_t r = desc(s)->start(i->state);
	fake_leave(&s->f);
	if (r < 0)
		i->phase = FAKE_STOPPED;
	return r;
}

static void pause_instance(struct stage *s, struct fake_instance *i, bool on)
{
	void (*call)(void *state) = on ? desc(s)->pause : desc(s)->resume;
	s->f.paused = on;
	if (!call)
		return;
	fake_enter(&s->f, i, on ? "pause" : "resume");
	call(i->state);
	fake_leave(&s->f);
}

/* ---- Its end ---- */

static void stop(struct stage *s, struct fake_instance *i)
{
	i->phase = FAKE_STOPPING;
	fake_enter(&s->f, i, "stop");
	desc(s)->stop(i->state, STOP_MS);
	fake_leave(&s->f);
}

static bool has_stopped(struct stage *s, struct fake_instance *i)
{
	fake_settle(&s->f, true);
	for (int64_t ms = 0; ms < STOP_MS && i->phase != FAKE_STOPPED; ms += STOP_MS / 50) {
		fake_advance(&s->f, STOP_MS / 50);
		fake_settle(&s->f, true);
	}
	if (i->phase != FAKE_STOPPED)
		board_broken(s->f.board, s->f.board->rules[LIFE_STOP].state == PROBE_BROKEN ? LIFE_STOP : s->stop_rule,
			     "`stopped` was not said within %d ms of stop", STOP_MS);
	return i->phase == FAKE_STOPPED;
}

static void destroy(struct stage *s, struct fake_instance *i)
{
	fake_enter(&s->f, i, "destroy");
	desc(s)->destroy(i->state);
	fake_leave(&s->f);
	i->phase = FAKE_DESTROYED;
}

/* After `stop`: what the host does with whoever has said `stopped`. */
static void finish(struct stage *s, struct fake_instance *i)
{
	if (s->f.storm || !has_stopped(s, i))
		return;
	list_each (node, &i->triggers)
		remove_trigger(s, list_entry(node, struct fake_trigger, node));
	fake_settle(&s->f, true);
	free_removed(s, i);
	fake_check_left(&s->f, i);
	destroy(s, i);
}

static void end(struct stage *s, struct fake_instance *i)
{
	if (i->phase == FAKE_STARTED)
		stop(s, i);
	finish(s, i);
}

/* An instance with some triggers that has been started; NULL: it did not come so far, which has been told. */
static struct fake_instance *begin(struct stage *s, size_t triggers)
{
	int32_t r;
	struct fake_instance *i = create(s, "probe", &r);
	if (!i && s->kind == VALUES_PLAUSIBLE)
		board_broken(s->f.board, LIFE_CREATE, "create failed: %s (other options: --with)", tappet_strerror(r));
	if (!i)
		return NULL;
	for (size_t k = 0; k < triggers; k++)
		add(s, i);
	add_open(s, i);
	r = start(s, i);
	if (r == TAPPET_OK)
		return i;
	if (s->kind == VALUES_PLAUSIBLE)
		board_broken(s->f.board, LIFE_CREATE, "start failed: %s (other options: --with)", tappet_strerror(r));
	finish(s, i);
	return NULL;
}

static void drive(struct stage *s)
{
	static const int64_t steps_ms[] = {0, 1, 1000, 10000, 60000, 3600000};
	fake_requests(&s->f, false);
	for (size_t i = 0; i < sizeof(steps_ms) / sizeof(steps_ms[0]); i++) {
		fake_events_commit(&s->f, EVENTS_EACH);
		fake_peers(&s->f);
		fake_advance(&s->f, steps_ms[i]);
	}
}

/* ---- The scenarios ---- */

static void describe(const struct play *play)
{
	struct tappet_instance p;
	if (!object_check_links(play->board, play->path))
		return;
	object_check_pure(play->board, play->path);
	if (!object_load(play->board, play->path, &p))
		return;
	object_check_describe(play->board, play->path, &p);
	object_check_options(play->board, p.options, p.desc.option_count);
	object_check_options(play->board, p.trigger_options, p.desc.trigger_option_count);
}

/* Threads end, and descriptors close, in their own time. */
static bool falls_back(const char *folder, size_t before)
{
	for (int ms = 0; ms < ENTRIES_WAIT_MS && count_entries(folder) > before; ms += 10)
		poll(NULL, 0, 10);
	return count_entries(folder) <= before;
}

static void life(const struct play *play)
{
	static const enum rule rules[] = {LIFE_CREATE, LIFE_STOP,  LIFE_STOPPED, LIFE_LEFTOVER,
					  LIFE_HANDLE, LIFE_AFTER, THREAD_LOOP,  THREAD_SLOW,
					  THREAD_LEFT, MEM_KEPT,   MEM_FDS};
	struct stage s;
	if (!stage_open(&s, play))
		return;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		board_applies(play->board, rules[i]);
	const size_t files = count_entries("/proc/self/fd"), threads = count_entries("/proc/self/task");
	s.f.timed = true;
	struct fake_instance *i = begin(&s, 2);
	if (!i)
		return;
	drive(&s);
	if (!list_empty(&s.f.routes))
		board_applies(play->board, HTTP_COMMIT);
	end(&s, i);
	if (i->phase != FAKE_DESTROYED)
		return;
	if (!falls_back("/proc/self/task", threads))
		board_broken(play->board, THREAD_LEFT, "%zu threads were left after destroy",
			     count_entries("/proc/self/task") - threads);
	if (!falls_back("/proc/self/fd", files))
		board_broken(play->board, MEM_FDS, "%zu descriptors were left open after destroy",
			     count_entries("/proc/self/fd") - files);
}

static void storms(struct stage *s, struct fake_instance *i)
{
	for (int n = 0; n < STORM; n++) {
		pause_instance(s, i, true);
		pause_instance(s, i, false);
	}
	pause_instance(s, i, true);
	drive(s);
	remove_trigger(s, add(s, i));
	free_removed(s, i);
}

static void order(const struct play *play)
{
	struct stage s;
	int32_t r;
	if (!stage_open(&s, play))
		return;
	s.f.hard = true;
	s.f.succession = true;
	s.f.plan = PLAN_ROTATE;
	struct fake_instance *i = create(&s, "probe", &r);
	if (!i)
		return;
	struct fake_trigger *first = add(&s, i);
	remove_trigger(&s, first);
	free_removed(&s, i);
	first = add(&s, i);
	struct fake_trigger *second = add(&s, i), *open = add_open(&s, i);
	if (start(&s, i) < 0)
		return;
	drive(&s);
	s.f.plan = PLAN_HOLD;
	drive(&s);
	remove_trigger(&s, first);
	remove_trigger(&s, open);
	add(&s, i);
	s.f.plan = PLAN_ROTATE;
	fake_settle(&s.f, true);
	free_removed(&s, i);
	add_open(&s, i);
	storms(&s, i);
	pause_instance(&s, i, false);
	drive(&s);
	remove_trigger(&s, second);
	pause_instance(&s, i, true);
	end(&s, i);
}

/* The callbacks come after stop, and even after the deadline. */
static void late(const struct play *play)
{
	struct stage s;
	struct fake_instance *i = stage_open(&s, play) ? begin(&s, 2) : NULL;
	if (!i)
		return;
	s.f.plan = PLAN_HOLD;
	drive(&s);
	s.f.plan = PLAN_ROTATE;
	stop(&s, i);
	fake_advance(&s.f, STOP_MS + 1000);
	finish(&s, i);
}

static void unknown(const struct play *play)
{
	struct stage s;
	struct fake_instance *i = stage_open(&s, play) ? begin(&s, 1) : NULL;
	if (!i)
		return;
	s.f.plan = PLAN_UNKNOWN;
	drive(&s);
	s.f.plan = PLAN_OK;
	end(&s, i);
}

static void options(const struct play *play)
{
	for (int kind = VALUES_EMPTY; kind < VALUES_KINDS; kind++) {
		struct stage s;
		if (!stage_open(&s, play))
			return;
		s.kind = (enum values_kind)kind;
		struct fake_instance *i = begin(&s, 1);
		if (i) {
			fake_advance(&s.f, 1000);
			end(&s, i);
		}
	}
}

static void twice(const struct play *play)
{
	struct stage s;
	int32_t r;
	if (!stage_open(&s, play))
		return;
	s.stop_rule = LIFE_TWICE;
	struct fake_instance *a = create(&s, "first", &r);
	struct fake_instance *b = a ? create(&s, "second", &r) : NULL;
	if (!b) /* it may refuse, where there is one of something */
		return;
	add(&s, a);
	add(&s, b);
	add_open(&s, a);
	add_open(&s, b);
	if (start(&s, a) < 0 || start(&s, b) < 0)
		return;
	drive(&s);
	end(&s, a);
	drive(&s);
	end(&s, b);
}

static void set_clock(struct stage *s, struct fake_instance *i, int64_t wall_ms)
{
	s->f.wall_ms = wall_ms;
	if (desc(s)->clock_set) {
		fake_enter(&s->f, i, "clock_set");
		desc(s)->clock_set(i->state);
		fake_leave(&s->f);
	}
	fake_advance(&s->f, 1000);
}

static void jumps(const struct play *play)
{
	struct stage s;
	struct fake_instance *i = stage_open(&s, play) ? begin(&s, 1) : NULL;
	if (!i)
		return;
	fake_advance(&s.f, 1000);
	const size_t before = s.f.emitted;
	set_clock(&s, i, s.f.wall_ms + YEAR_MS);
	set_clock(&s, i, s.f.wall_ms - 2 * YEAR_MS);
	set_clock(&s, i, 0);
	set_clock(&s, i, s.f.wall_ms + 100 * YEAR_MS);
	if (s.f.emitted - before > EMISSIONS_AFTER_JUMP)
		board_broken(play->board, TIME_JUMP, "the clock was set, and it emitted %zu times",
			     s.f.emitted - before);
	end(&s, i);
}

static void requests(const struct play *play)
{
	struct stage s;
	struct fake_instance *i = stage_open(&s, play) ? begin(&s, 2) : NULL;
	if (!i)
		return;
	if (list_empty(&s.f.routes))
		play->board->rules[HTTP_ODD].state = PROBE_NOT_APPLICABLE;
	s.f.plan = PLAN_ROTATE;
	fake_requests(&s.f, true);
	fake_advance(&s.f, 3600000);
	end(&s, i);
}

static void events(const struct play *play)
{
	struct stage s;
	struct fake_instance *i = stage_open(&s, play) ? begin(&s, 1) : NULL;
	if (!i)
		return;
	if (list_empty(&s.f.readers))
		play->board->rules[EVENTS_ODD].state = PROBE_NOT_APPLICABLE;
	s.f.odd_events = true;
	drive(&s);
	drive(&s);
	end(&s, i);
}

static void peers(const struct play *play)
{
	struct stage s;
	struct fake_instance *i = stage_open(&s, play) ? begin(&s, 2) : NULL;
	if (!i)
		return;
	s.f.odd_peers = true;
	s.f.plan = PLAN_ROTATE;
	for (int n = 0; n < PEER_ROUNDS; n++)
		drive(&s);
	if (s.f.sockets_made == 0)
		play->board->rules[WS_ODD].state = PROBE_NOT_APPLICABLE;
	end(&s, i);
}

/* ---- Memory ---- */

extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t allocated(void)
{
	if (__sanitizer_get_current_allocated_bytes)
		return __sanitizer_get_current_allocated_bytes();
	const struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

static void check_growth(struct board *b, enum rule rule, size_t before, size_t rounds, const char *what)
{
	const size_t now = allocated();
	if (now > before + rounds * GROWTH_EACH)
		board_broken(b, rule, "%zu bytes more after %zu %s", now - before, rounds, what);
}

static void rounds(const struct play *play)
{
	struct stage s;
	struct fake_instance *i = stage_open(&s, play) ? begin(&s, 1) : NULL;
	size_t before = 0;
	if (!i)
		return;
	for (size_t n = 0; n < 2 * ROUNDS; n++) {
		if (n == ROUNDS)
			before = allocated();
		remove_trigger(&s, add(&s, i));
		free_removed(&s, i);
		if (n % 100 == 99)
			fake_settle(&s.f, true);
	}
	check_growth(play->board, MEM_TRIGGERS, before, ROUNDS, "triggers that came and went");
	end(&s, i);
}

static void lives(const struct play *play)
{
	struct stage s;
	size_t before = 0;
	/* Threads that go on keep their memory. */
	if (play->board->rules[THREAD_LEFT].state == PROBE_BROKEN || !stage_open(&s, play))
		return;
	const size_t threads = count_entries("/proc/self/task");
	for (size_t n = 0; n < 2 * LIVES; n++) {
		/* Threads that end in their own time have memory until then. */
		falls_back("/proc/self/task", threads);
		if (n == LIVES)
			before = allocated();
		struct fake_instance *i = begin(&s, 1);
		if (!i)
			return;
		end(&s, i);
		if (i->phase != FAKE_DESTROYED)
			return;
	}
	falls_back("/proc/self/task", threads);
	check_growth(play->board, MEM_INSTANCE, before, LIVES, "lives");
}

const struct scene scenes[] = {
	{"description", LIFE_CRASH, describe},
	{"a life", LIFE_CRASH, life},
	{"hostile orders", LIFE_ORDER, order},
	{"callbacks after stop", LIFE_ORDER, late},
	{"unknown outcomes", LIFE_ORDER, unknown},
	{"absurd options", LIFE_OPTIONS, options},
	{"two instances", LIFE_TWICE, twice},
	{"clock jumps", TIME_JUMP, jumps},
	{"odd requests", HTTP_ODD, requests},
	{"odd events", EVENTS_ODD, events},
	{"odd peers", WS_ODD, peers},
	{"triggers that come and go", MEM_TRIGGERS, rounds},
	{"many lives", MEM_INSTANCE, lives},
};
const size_t scene_count = sizeof(scenes) / sizeof(scenes[0]);
