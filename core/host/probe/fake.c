/* The table of functions, and what is the same for all calls: where they come from, and what is lent to callbacks. */
#include "host/probe/fake.h"
#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/clock.h"

#define ARENA_SIZE ((size_t)4 << 30)
#define LENT_SIZE ((size_t)1 << 30)
#define LENT_ONCE ((size_t)64 << 20) /* at most, in one callback */
#define PAGE ((size_t)4096)
#define SLOW_US 10000
#define WALL_START_MS INT64_C(1800000000000)

static int64_t usage_us(const struct rusage *u)
{
	return ((int64_t)u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1000000 + u->ru_utime.tv_usec + u->ru_stime.tv_usec;
}

/* A signal handler has no other way to it. One per process: the child of a scenario. */
static struct fake *watched;

/* What was lent is unreadable by now: whoever looks at it has kept the pointer. */
static void on_fault(int number, siginfo_t *info, void *context)
{
	const char *address = info->si_addr;
	(void)context;
	if (watched && address >= watched->lent && address < watched->lent + LENT_SIZE) {
		board_broken(watched->board, MEM_KEPT, "in %s it used memory that was lent to an earlier call",
			     watched->board->where);
		_exit(FAKE_EXIT_TOLD);
	}
	signal(number, SIG_DFL);
}

int fake_open(struct fake *f, struct board *board, const tappet_plugin *desc)
{
	struct list *lists[] = {&f->calls,   &f->timers,   &f->watches, &f->routes, &f->readers, &f->endpoints,
				&f->sockets, &f->requests, &f->values,  &f->posts,  &f->unknown};
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	*f = (struct fake){.board = board, .desc = desc, .loop = pthread_self(), .wall_ms = WALL_START_MS};
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		list_init(lists[i]);
	f->mono_ms = 1000;
	pthread_mutex_init(&f->lock, NULL);
	watched = f;
	sigaction(SIGSEGV, &(struct sigaction){.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO}, NULL);
	f->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	f->arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);
	f->lent = mmap(NULL, LENT_SIZE, PROT_NONE, flags, -1, 0);
	return f->wake < 0 || f->arena == MAP_FAILED || f->lent == MAP_FAILED ? -ENOMEM : 0;
}

void *fake_alloc(struct fake *f, size_t size)
{
	size = (size + 15) & ~(size_t)15;
	if (size > ARENA_SIZE - f->arena_used)
		abort();
	void *room = f->arena + f->arena_used;
	f->arena_used += size;
	return room;
}

tappet_str fake_copy(struct fake *f, tappet_str text)
{
	char *copy = fake_alloc(f, text.len + 1);
	if (text.len)
		memcpy(copy, text.ptr, text.len);
	return tappet_strn(copy, text.len);
}

/* ---- Callbacks ---- */

void fake_enter(struct fake *f, struct fake_instance *i, const char *callback)
{
	f->current = i;
	f->callback = callback;
	f->busy_in_callback = 0;
	snprintf(f->board->where, sizeof(f->board->where), "%s", callback);
	if (f->lent_from + LENT_ONCE > LENT_SIZE)
		f->lent_from = 0;
	f->lent_used = 0;
	getrusage(RUSAGE_THREAD, &f->begin_usage);
	f->begin_us = clock_mono_ns() / 1000;
}

/* Slow is who computes or sleeps; what other programs take of the machine is not counted. */
static void check_time(struct fake *f)
{
	struct rusage now;
	const int64_t took_us = clock_mono_ns() / 1000 - f->begin_us;
	getrusage(RUSAGE_THREAD, &now);
	const bool computed = usage_us(&now) - usage_us(&f->begin_usage) > SLOW_US;
	if (took_us > SLOW_US && (computed || now.ru_nvcsw != f->begin_usage.ru_nvcsw))
		board_broken(f->board, THREAD_SLOW, "%s took %lld ms", f->callback, (long long)took_us / 1000);
}

void fake_leave(struct fake *f)
{
	if (f->timed)
		check_time(f);
	const size_t used = (f->lent_used + PAGE - 1) & ~(PAGE - 1);
	if (used) {
		madvise(f->lent + f->lent_from, used, MADV_DONTNEED);
		mprotect(f->lent + f->lent_from, used, PROT_NONE);
		f->lent_from += used;
		f->lent_used = 0;
	}
	f->current = NULL;
	f->board->where[0] = '\0';
}

void *fake_lend(struct fake *f, const void *bytes, size_t len)
{
	const size_t begin = (f->lent_used + 15) & ~(size_t)15;
	const size_t mapped = (f->lent_used + PAGE - 1) & ~(PAGE - 1), end = begin + len + 1;
	if (end > LENT_ONCE)
		abort();
	char *base = f->lent + f->lent_from;
	if (end > mapped && mprotect(base + mapped, ((end + PAGE - 1) & ~(PAGE - 1)) - mapped, PROT_READ | PROT_WRITE))
		abort();
	f->lent_used = end;
	if (len)
		memcpy(base + begin, bytes, len);
	base[begin + len] = '\0';
	return base + begin;
}

tappet_str fake_lend_str(struct fake *f, tappet_str text)
{
	return tappet_strn(fake_lend(f, text.ptr, text.len), text.len);
}

/* ---- Calls ---- */

bool fake_on_loop(struct fake *f, const char *function)
{
	if (pthread_equal(pthread_self(), f->loop))
		return true;
	board_broken(f->board, THREAD_LOOP, "%s was called from another thread", function);
	return false;
}

bool fake_allowed(struct fake_instance *i, const char *function)
{
	if (!i)
		return false;
	struct fake *f = i->f;
	if (i->phase == FAKE_DESTROYED) {
		board_broken(f->board, LIFE_AFTER, "%s was called after destroy", function);
		return false;
	}
	if (!fake_on_loop(f, function))
		return false;
	if (f->checking)
		board_broken(f->board, DESC_CHECK, "in %s it called %s", f->callback, function);
	if (f->current && f->current != i)
		board_broken(f->board, LIFE_TWICE, "in %s of the instance \"%s\" it called %s for the instance \"%s\"",
			     f->callback, f->current->name, function, i->name);
	return true;
}

struct fake_handle *fake_handle_new(struct fake_instance *i, struct list *list, const char *what)
{
	struct fake_handle *h = fake_alloc(i->f, sizeof(*h));
	*h = (struct fake_handle){.instance = i, .what = what, .fd = -1};
	list_append(list, &h->node);
	return h;
}

void fake_handle_end(struct fake_handle *h, const char *function)
{
	if (!h || !fake_allowed(h->instance, function))
		return;
	if (h->gone)
		board_broken(h->instance->f->board, LIFE_HANDLE, "%s was called for a %s that is gone", function,
			     h->what);
	h->gone = true;
	list_remove(&h->node);
}

struct fake_call *fake_call_new(struct fake_instance *i, const char *what,
				void (*run)(struct fake *f, struct fake_call *c))
{
	struct fake_call *c = fake_alloc(i->f, sizeof(*c));
	*c = (struct fake_call){.instance = i, .what = what, .run = run};
	list_append(&i->f->calls, &c->node);
	return c;
}

void fake_check_left(struct fake *f, const struct fake_instance *i)
{
	struct list *const lists[] = {&f->timers, &f->watches, &f->routes, &f->readers, &f->endpoints, &f->sockets};
	for (size_t k = 0; k < sizeof(lists) / sizeof(lists[0]); k++) {
		list_each_safe (node, lists[k]) {
			struct fake_handle *h = list_entry(node, struct fake_handle, node);
			if (h->instance != i)
				continue;
			board_broken(f->board, LIFE_LEFTOVER, "a %s was left behind when it had stopped", h->what);
			h->gone = true;
			list_remove(node);
		}
	}
	if (fake_unanswered(f, false))
		board_broken(f->board, HTTP_ANSWER, "%zu requests were not answered when it had stopped",
			     fake_unanswered(f, false));
	if (fake_unanswered(f, true))
		board_broken(f->board, WS_ANSWER, "%zu upgrades were not answered when it had stopped",
			     fake_unanswered(f, true));
	list_init(&f->requests);
}

/* ---- The small ones ---- */

static struct fake_instance *instance_of(tappet_instance *self)
{
	return (struct fake_instance *)(void *)self;
}

/* Any thread. */
static void fake_log(tappet_instance *self, int32_t level, const char *message, const tappet_field *fields,
		     size_t field_count)
{
	struct fake_instance *i = instance_of(self);
	(void)level;
	(void)message;
	(void)fields;
	(void)field_count;
	if (!i)
		return;
	if (i->phase == FAKE_DESTROYED)
		board_broken(i->f->board, LIFE_AFTER, "log was called after destroy");
	else if (pthread_equal(pthread_self(), i->f->loop) && i->f->checking)
		board_broken(i->f->board, DESC_CHECK, "in %s it called log", i->f->callback);
}

static int32_t fake_config_str(const tappet_config *config, const char *key, size_t index, tappet_str *ret)
{
	tappet_str value;
	int32_t r = table_config_str(config, key, index, &value);
	if (r == TAPPET_OK && ret)
		*ret = fake_lend_str(((const struct fake_config *)(const void *)config)->f, value);
	return r;
}

static int64_t fake_wall_ms(tappet_instance *self)
{
	return fake_allowed(instance_of(self), "wall_ms") ? instance_of(self)->f->wall_ms : 0;
}

static int64_t fake_mono_ms(tappet_instance *self)
{
	return fake_allowed(instance_of(self), "mono_ms") ? instance_of(self)->f->mono_ms : 0;
}

static tappet_metric *fake_metric(tappet_instance *self, int32_t kind, const char *name, const char *help)
{
	(void)kind;
	(void)name;
	(void)help;
	return fake_allowed(instance_of(self), "metric") ? (tappet_metric *)(void *)self : NULL;
}

static void fake_metric_value(tappet_metric *metric, double value)
{
	(void)value;
	if (metric)
		fake_allowed((struct fake_instance *)(void *)metric, "a function of metrics");
}

static void fake_health(tappet_instance *self, tappet_trigger *trigger, int32_t state, const char *reason,
			int64_t until_ms)
{
	(void)trigger;
	(void)state;
	(void)reason;
	(void)until_ms;
	fake_allowed(instance_of(self), "health");
}

static void fake_refuse(tappet_instance *self, tappet_trigger *trigger, int32_t reason, tappet_str detail)
{
	(void)trigger;
	(void)reason;
	(void)detail;
	fake_allowed(instance_of(self), "refuse");
}

static void fake_stopped(tappet_instance *self)
{
	struct fake_instance *i = instance_of(self);
	if (!fake_allowed(i, "stopped"))
		return;
	if (i->phase == FAKE_STOPPING)
		i->phase = FAKE_STOPPED;
	else
		board_broken(i->f->board, LIFE_STOPPED, "`stopped` was said %s",
			     i->phase == FAKE_STOPPED ? "twice" : "without being asked to stop");
}

static const void *fake_capability(tappet_instance *self, const char *name)
{
	static const struct {
		const char *name;
		const void *table;
	} all[] = {{TAPPET_HTTP_1, &fake_http},
		   {TAPPET_AUTH_1, &fake_auth},
		   {TAPPET_ACTIVITY_1, &fake_activity},
		   {TAPPET_EVENTS_1, &fake_events},
		   {TAPPET_WS_1, &fake_ws}};
	if (!fake_allowed(instance_of(self), "capability"))
		return NULL;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (name && strcmp(all[i].name, name) == 0)
			return all[i].table;
	return NULL;
}

const tappet_host fake_host = {
	.struct_size = sizeof(tappet_host),
	.abi_major = TAPPET_ABI_MAJOR,
	.abi_minor = TAPPET_ABI_MINOR,
	.log = fake_log,
	.config_count = table_config_count,
	.config_str = fake_config_str,
	.config_int = table_config_int,
	.config_bool = table_config_bool,
	.emit = fake_emit,
	.credit = fake_credit,
	.account = fake_account,
	.refuse = fake_refuse,
	.timer_start = fake_timer_start,
	.timer_stop = fake_timer_stop,
	.wall_ms = fake_wall_ms,
	.mono_ms = fake_mono_ms,
	.fd_watch = fake_fd_watch,
	.fd_unwatch = fake_fd_unwatch,
	.kv_put = fake_kv_put,
	.kv_get = fake_kv_get,
	.metric = fake_metric,
	.metric_add = fake_metric_value,
	.metric_set = fake_metric_value,
	.metric_observe = fake_metric_value,
	.post = fake_post,
	.work = fake_work,
	.health = fake_health,
	.stopped = fake_stopped,
	.capability = fake_capability,
	.kv_list = fake_kv_list,
};
