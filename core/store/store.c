#include "store/internal.h"

#include <errno.h>

static void on_wake(uv_async_t *handle)
{
	deliver_all(handle->data);
}

static void free_store(struct store *s)
{
	uv_cond_destroy(&s->checkpoint_in);
	uv_cond_destroy(&s->requests_in);
	uv_cond_destroy(&s->work);
	uv_mutex_destroy(&s->mutex);
	free(s);
}

static void on_closed(uv_handle_t *handle)
{
	struct store *s = handle->data;
	if (--s->handles_open == 0)
		free_store(s);
}

static void close_handle(uv_handle_t *handle)
{
	uv_close(handle, on_closed);
}

static void close_handles(struct store *s)
{
	s->handles_open = 3;
	close_handle((uv_handle_t *)&s->wake);
	submit_close(s, close_handle);
}

static int make_store(const struct store_options *options, struct store **ret)
{
	struct store *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	if (uv_mutex_init(&s->mutex) < 0 || uv_cond_init(&s->work) < 0 || uv_cond_init(&s->requests_in) < 0 ||
	    uv_cond_init(&s->checkpoint_in) < 0) {
		free(s);
		return -ENOMEM;
	}
	list_init(&s->fresh);
	list_init(&s->queue);
	list_init(&s->held);
	list_init(&s->results);
	list_init(&s->requests);
	list_init(&s->answers);
	list_init(&s->writer.settled);
	s->driver = &sqlite_driver;
	s->health = options->health;
	/* So that the first delivery says that all is well. */
	s->told_disk = DISK_FAILING;
	s->wake.data = s;
	*ret = s;
	return 0;
}

static int open_backend(struct store *s, const struct store_options *options)
{
	int r = s->driver->open(options, &s->backend, &s->facts);
	for (unsigned i = 0; i < READER_COUNT && r == 0; i++) {
		s->readers[i].store = s;
		r = s->driver->reader_open(s->backend, &s->readers[i].reader);
	}
	s->writer.room_missing = s->facts.room_missing;
	return r;
}

static void close_backend(struct store *s)
{
	for (unsigned i = 0; i < READER_COUNT; i++)
		if (s->readers[i].reader)
			s->driver->reader_close(s->readers[i].reader);
	if (s->backend)
		s->driver->close(s->backend);
	s->backend = NULL;
}

static int start_thread(struct store *s, void (*run)(void *arg), void *arg)
{
	int r = uv_thread_create(&s->threads[s->threads_started], run, arg);
	if (r == 0)
		s->threads_started++;
	return r;
}

static int start_threads(struct store *s)
{
	int r = start_thread(s, worker_main, s);
	if (r == 0)
		r = start_thread(s, checkpoint_main, s);
	for (unsigned i = 0; i < READER_COUNT && r == 0; i++)
		r = start_thread(s, reader_main, &s->readers[i]);
	return r;
}

static void stop_threads(struct store *s)
{
	uv_mutex_lock(&s->mutex);
	s->stopping = true;
	uv_cond_broadcast(&s->work);
	uv_cond_broadcast(&s->checkpoint_in);
	uv_cond_broadcast(&s->requests_in);
	uv_mutex_unlock(&s->mutex);
	for (unsigned i = 0; i < s->threads_started; i++)
		uv_thread_join(&s->threads[i]);
}

int store_open(const struct store_options *options, struct store **ret)
{
	struct store *s;
	int r = make_store(options, &s);
	if (r < 0)
		return r;
	r = open_backend(s, options);
	if (r < 0)
		goto fail;
	r = uv_async_init(options->loop, &s->wake, on_wake);
	if (r < 0)
		goto fail;
	submit_open(s, options->loop);
	metrics_begin(s, options->metrics);
	r = start_threads(s);
	if (r < 0) {
		stop_threads(s);
		close_backend(s);
		close_handles(s);
		return r;
	}
	deliver_all(s);
	*ret = s;
	return 0;
fail:
	close_backend(s);
	free_store(s);
	return r;
}

static void cancel_requests(struct store *s)
{
	list_each (node, &s->requests)
		list_entry(node, struct store_request, node)->status = -ECANCELED;
	list_splice(&s->answers, &s->requests);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	submit_flush(s);
	s->closing = true;
	stop_threads(s);
	while (!list_empty(&s->results) || !list_empty(&s->answers) || !list_empty(&s->requests) || s->backup) {
		cancel_requests(s);
		deliver_all(s);
	}
	close_backend(s);
	close_handles(s);
}

const char *store_identity(const struct store *s)
{
	return s->facts.identity;
}

const char *store_newest_id(const struct store *s)
{
	return s->facts.newest_id;
}

uint64_t store_newest_event(const struct store *s)
{
	return s->facts.newest_event;
}

uint64_t store_epoch(const struct store *s)
{
	return s->facts.epoch;
}

bool store_is_full(const struct store *s)
{
	return atomic_load(&s->full);
}

void store_events_free(struct event *events, size_t count)
{
	for (size_t i = 0; i < count; i++)
		event_release(&events[i]);
	free(events);
}
