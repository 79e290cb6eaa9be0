/* Reads: queued by the loop thread, answered by the reader threads. */
#include "store/internal.h"

#include <errno.h>

#define PAGE_MAX 1000

void *rows_add(struct rows *rows)
{
	if (rows->count == rows->cap) {
		size_t cap = rows->cap ? 2 * rows->cap : 16;
		void *data = reallocarray(rows->data, cap, rows->size);
		if (!data)
			return NULL;
		rows->data = data;
		rows->cap = cap;
	}
	void *row = (char *)rows->data + rows->count++ * rows->size;
	memset(row, 0, rows->size);
	return row;
}

void store_request_free(struct store_request *request)
{
	if (!request)
		return;
	free(request->scopes);
	free(request->rows.data);
	arena_release(&request->arena);
	free(request);
}

void reader_main(void *arg)
{
	struct reader_start *start = arg;
	struct store *s = start->store;

	uv_mutex_lock(&s->mutex);
	while (!s->stopping) {
		struct list *node = list_first(&s->requests);
		if (!node) {
			uv_cond_wait(&s->requests_in, &s->mutex);
			continue;
		}
		struct store_request *request = list_entry(node, struct store_request, node);
		list_remove(node);
		uv_mutex_unlock(&s->mutex);
		request->status = s->driver->read(start->reader, request);
		uv_mutex_lock(&s->mutex);
		list_append(&s->answers, node);
		uv_async_send(&s->wake);
	}
	uv_mutex_unlock(&s->mutex);
}

static struct store_request *make_request(enum request_kind kind, size_t row_size, void *arg)
{
	struct store_request *request = calloc(1, sizeof(*request));
	if (!request)
		return NULL;
	request->kind = kind;
	request->rows.size = row_size;
	request->step = -1;
	request->arg = arg;
	return request;
}

static int queue_request(struct store *s, struct store_request *request)
{
	uv_mutex_lock(&s->mutex);
	list_append(&s->requests, &request->node);
	uv_cond_signal(&s->requests_in);
	uv_mutex_unlock(&s->mutex);
	return 0;
}

/* What is no id finds nothing. */
static void set_id(char to[static ID_SIZE], const char *id)
{
	if (!id)
		id = "";
	snprintf(to, ID_SIZE, "%s", strlen(id) <= ID_LEN ? id : "?");
}

static size_t page(size_t limit)
{
	return limit < PAGE_MAX ? limit : PAGE_MAX;
}

int store_get_activity(struct store *s, const char *id, store_activity_cb cb, void *arg)
{
	struct store_request *request = make_request(REQUEST_ACTIVITY, sizeof(struct store_step_row), arg);
	if (!request)
		return -ENOMEM;
	set_id(request->id, id);
	request->cb.activity = cb;
	return queue_request(s, request);
}

static int copy_text(struct store_request *request, const char *text, char **ret)
{
	if (!text)
		return 0;
	*ret = arena_copy(&request->arena, text, strlen(text));
	return *ret ? 0 : -ENOMEM;
}

int store_list_activities(struct store *s, const struct store_activity_filter *filter, store_activities_cb cb,
			  void *arg)
{
	struct store_request *request = make_request(REQUEST_ACTIVITIES, sizeof(struct store_activity_row), arg);
	if (!request)
		return -ENOMEM;
	set_id(request->id, filter->workflow_id);
	set_id(request->cursor, filter->before);
	request->statuses = filter->statuses;
	request->causes = filter->causes && filter->workflow_id;
	request->since_ms = filter->since_ms;
	request->until_ms = filter->until_ms;
	request->limit = page(filter->limit);
	if (copy_text(request, filter->workflow_ids, &request->workflow_ids) < 0 ||
	    copy_text(request, filter->trigger, &request->trigger) < 0) {
		store_request_free(request);
		return -ENOMEM;
	}
	request->cb.activities = cb;
	return queue_request(s, request);
}

static int list_open(struct store *s, enum request_kind kind, const char *workflow_id, const char *after, size_t limit,
		     store_activities_cb cb, void *arg)
{
	struct store_request *request = make_request(kind, sizeof(struct store_activity_row), arg);
	if (!request)
		return -ENOMEM;
	set_id(request->id, workflow_id);
	set_id(request->cursor, after);
	request->limit = limit;
	request->cb.activities = cb;
	return queue_request(s, request);
}

int store_list_runnable(struct store *s, const char *workflow_id, const char *after, size_t limit,
			store_activities_cb cb, void *arg)
{
	return list_open(s, REQUEST_RUNNABLE, workflow_id, after, limit, cb, arg);
}

int store_list_runnable_workflows(struct store *s, store_ids_cb cb, void *arg)
{
	struct store_request *request = make_request(REQUEST_RUNNABLE_WORKFLOWS, ID_SIZE, arg);
	if (!request)
		return -ENOMEM;
	request->cb.ids = cb;
	return queue_request(s, request);
}

int store_list_interrupted(struct store *s, const char *after, size_t limit, store_activities_cb cb, void *arg)
{
	return list_open(s, REQUEST_INTERRUPTED, NULL, after, limit, cb, arg);
}

int store_list_workflows(struct store *s, store_workflows_cb cb, void *arg)
{
	struct store_request *request = make_request(REQUEST_WORKFLOWS, sizeof(struct store_workflow_row), arg);
	if (!request)
		return -ENOMEM;
	request->cb.workflows = cb;
	return queue_request(s, request);
}

int store_get_revision(struct store *s, const char *revision_id, store_revision_cb cb, void *arg)
{
	struct store_request *request = make_request(REQUEST_REVISION, 1, arg);
	if (!request)
		return -ENOMEM;
	set_id(request->id, revision_id);
	request->cb.revision = cb;
	return queue_request(s, request);
}

int store_list_revisions(struct store *s, const char *workflow_id, uint32_t before, size_t limit, store_revisions_cb cb,
			 void *arg)
{
	struct store_request *request = make_request(REQUEST_REVISIONS, sizeof(struct store_revision_row), arg);
	if (!request)
		return -ENOMEM;
	set_id(request->id, workflow_id);
	request->after = before;
	request->limit = page(limit);
	request->cb.revisions = cb;
	return queue_request(s, request);
}

int store_list_programs(struct store *s, store_programs_cb cb, void *arg)
{
	struct store_request *request = make_request(REQUEST_PROGRAMS, STORE_HASH_SIZE, arg);
	if (!request)
		return -ENOMEM;
	request->cb.programs = cb;
	return queue_request(s, request);
}

int store_list_actions(struct store *s, const char *topic, bool exact, int64_t since_ms, uint64_t after, size_t limit,
		       store_actions_cb cb, void *arg)
{
	struct store_request *request = make_request(REQUEST_ACTIONS, sizeof(struct store_action_row), arg);
	if (!request)
		return -ENOMEM;
	request->scope = arena_copy(&request->arena, topic, strlen(topic));
	if (!request->scope) {
		store_request_free(request);
		return -ENOMEM;
	}
	request->exact = exact;
	request->since_ms = since_ms;
	request->after = after;
	request->limit = limit;
	request->cb.actions = cb;
	return queue_request(s, request);
}

int store_list_tokens(struct store *s, store_tokens_cb cb, void *arg)
{
	struct store_request *request = make_request(REQUEST_TOKENS, sizeof(struct store_token_record), arg);
	if (!request)
		return -ENOMEM;
	request->cb.tokens = cb;
	return queue_request(s, request);
}

int store_read_logs(struct store *s, const char *id, int step, uint64_t after, size_t limit, store_logs_cb cb,
		    void *arg)
{
	struct store_request *request = make_request(REQUEST_LOGS, sizeof(struct store_log_row), arg);
	if (!request)
		return -ENOMEM;
	set_id(request->id, id);
	request->step = step;
	request->after = after;
	request->limit = limit;
	request->cb.logs = cb;
	return queue_request(s, request);
}

int store_read_events(struct store *s, uint64_t after, size_t limit, bool logs, store_read_events_cb cb, void *arg)
{
	struct store_request *request = make_request(REQUEST_EVENTS, sizeof(struct event), arg);
	if (!request)
		return -ENOMEM;
	request->after = after;
	request->logs = logs;
	request->limit = limit;
	request->cb.events = cb;
	return queue_request(s, request);
}

int store_get_kv(struct store *s, const char *scope, const char *key, size_t key_len, store_kv_cb cb, void *arg)
{
	struct store_request *request = make_request(REQUEST_KV, sizeof(struct store_checkpoint), arg);
	if (!request)
		return -ENOMEM;
	request->scope = arena_copy(&request->arena, scope, strlen(scope));
	if (key)
		request->key = arena_copy(&request->arena, key, key_len);
	if (!request->scope || (key && !request->key)) {
		store_request_free(request);
		return -ENOMEM;
	}
	request->key_len = key_len;
	request->cb.kv = cb;
	return queue_request(s, request);
}

int store_page_kv(struct store *s, const char *scope, const void *after, size_t after_len, size_t limit, store_kv_cb cb,
		  void *arg)
{
	struct store_request *request = make_request(REQUEST_KV_PAGE, sizeof(struct store_checkpoint), arg);
	if (!request)
		return -ENOMEM;
	request->scope = arena_copy(&request->arena, scope, strlen(scope));
	request->key = arena_copy(&request->arena, after_len ? after : "", after_len);
	if (!request->scope || !request->key) {
		store_request_free(request);
		return -ENOMEM;
	}
	request->key_len = after_len;
	request->limit = page(limit);
	request->cb.kv = cb;
	return queue_request(s, request);
}

static bool keep_scopes(struct store_request *request, const char *const *scopes, size_t count)
{
	request->wanted = arena_alloc(&request->arena, count * sizeof(*request->wanted));
	for (size_t i = 0; request->wanted && i < count; i++) {
		request->wanted[i] = arena_copy(&request->arena, scopes[i], strlen(scopes[i]));
		if (!request->wanted[i])
			return false;
	}
	request->wanted_count = count;
	return request->wanted != NULL;
}

int store_list_kv(struct store *s, const char *const *scopes, size_t count, store_kv_each_cb cb, void *arg)
{
	struct store_request *request = make_request(REQUEST_KV_SCOPES, sizeof(struct store_checkpoint), arg);
	if (!request)
		return -ENOMEM;
	if (!keep_scopes(request, scopes, count)) {
		store_request_free(request);
		return -ENOMEM;
	}
	request->cb.kv_each = cb;
	return queue_request(s, request);
}

int store_list_refusals(struct store *s, const char *workflow_id, int64_t since_ms, int64_t until_ms, size_t limit,
			store_refusals_cb cb, void *arg)
{
	struct store_request *request = make_request(REQUEST_REFUSALS, sizeof(struct store_refusal), arg);
	if (!request)
		return -ENOMEM;
	set_id(request->id, workflow_id);
	request->since_ms = since_ms;
	request->until_ms = until_ms;
	request->limit = limit;
	request->cb.refusals = cb;
	return queue_request(s, request);
}

int store_list_accounts(struct store *s, const char *workflow_id, int64_t since_ms, int64_t until_ms, size_t limit,
			store_accounts_cb cb, void *arg)
{
	struct store_request *request = make_request(REQUEST_ACCOUNTS, sizeof(struct store_account_row), arg);
	if (!request)
		return -ENOMEM;
	set_id(request->id, workflow_id);
	request->since_ms = since_ms;
	request->until_ms = until_ms;
	request->limit = limit;
	request->cb.accounts = cb;
	return queue_request(s, request);
}

int store_list_switches(struct store *s, const char *workflow_id, int64_t since_ms, int64_t until_ms, size_t limit,
			store_switches_cb cb, void *arg)
{
	struct store_request *request = make_request(REQUEST_SWITCHES, sizeof(struct event), arg);
	if (!request)
		return -ENOMEM;
	set_id(request->id, workflow_id);
	request->since_ms = since_ms;
	request->until_ms = until_ms;
	request->limit = limit;
	request->cb.switches = cb;
	return queue_request(s, request);
}
