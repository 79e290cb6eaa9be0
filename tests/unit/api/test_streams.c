#include "support_api.h"

#include <unistd.h>
#include "api/stream.h"
#include "base/clock.h"
#include "model/reason.h"

/* ---- Reading a stream while it goes on ------------------------------------------------------------------------- */

struct expectation {
	struct exchange *x;
	const char *text;
	size_t count;
};

static size_t count_in(const char *text, const char *word)
{
	size_t count = 0;
	for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
		count++;
	return count;
}

static bool has_come(void *arg)
{
	const struct expectation *e = arg;
	return count_in(exchange_so_far(e->x), e->text) >= e->count;
}

static void await_text(struct fixture *f, struct exchange *x, const char *text, size_t count)
{
	struct expectation e = {.x = x, .text = text, .count = count};
	turn_until(f, has_come, &e);
}

static struct exchange *follow(struct fixture *f, const char *path)
{
	struct exchange *x = exchange_start(f, "GET", path, NULL);
	await_text(f, x, "\r\n\r\n", 1);
	return x;
}

static void expect_end(struct exchange *x, const char *last)
{
	struct reply r = exchange_end(x);
	assert_int_equal(r.status, 200);
	assert_non_null(strstr(r.body, last));
	/* In order: with the last chunk. */
	const size_t len = strlen(r.text);
	assert_string_equal(r.text + len - 5, "0\r\n\r\n");
	reply_release(&r);
}

static unsigned long long newest(struct fixture *f)
{
	return (unsigned long long)bus_newest(f->bus);
}

/* ---- Events ---------------------------------------------------------------------------------------------------- */

static void follows_events_from_now_on(void **state)
{
	struct fixture *f = *state;
	char id[25], text[128];
	const unsigned long long before = newest(f);
	struct exchange *x = follow(f, "/api/v1/events?stream=true");
	snprintf(text, sizeof(text), "id: %llu\nevent: position\ndata: {\"seq\":%llu}\n\n", before, before);
	await_text(f, x, text, 1);
	run_workflow(f, "hello", id);
	await_text(f, x, "event: activity.completed\n", 1);
	snprintf(text, sizeof(text), "id: %llu\nevent: activity.accepted\ndata: {\"seq\":%llu,", before + 1,
		 before + 1);
	assert_non_null(strstr(exchange_so_far(x), text));
	assert_non_null(strcasestr(exchange_so_far(x), "Content-Type: text/event-stream"));
	api_ready(f->api, false);
	expect_end(x, id);
	expect_problem(f, "GET", "/api/v1/events?stream=true", NULL, 503, "stopping", "stopping");
}

struct completion {
	struct fixture *f;
	char path[96];
	unsigned long long seq;
};

static bool is_told(void *arg)
{
	struct completion *c = arg;
	struct reply r = call(c->f, "GET", c->path, NULL);
	const struct json *event = json_first(json_get(r.json, "events"));
	c->seq = event ? (unsigned long long)json_number(json_get(event, "seq")) : 0;
	reply_release(&r);
	return event && newest(c->f) >= c->seq;
}

/* Its number; the bus knows it by then. */
static unsigned long long await_completion(struct fixture *f, const char *id)
{
	struct completion c = {.f = f};
	snprintf(c.path, sizeof(c.path), "/api/v1/events?types=activity.completed&activity=%s", id);
	turn_until(f, is_told, &c);
	return c.seq;
}

static void a_stream_goes_on_behind_the_last_id(void **state)
{
	struct fixture *f = *state;
	char id[25], path[96], text[64], header[64];
	run_workflow(f, "hello", id);
	const unsigned long long end = await_completion(f, id);
	snprintf(path, sizeof(path), "/api/v1/events?stream=true&since=%llu", end - 2);
	struct exchange *x = follow(f, path);
	snprintf(text, sizeof(text), "\nid: %llu\nevent: activity.completed\n", end);
	await_text(f, x, text, 1);
	assert_int_equal(count_in(exchange_so_far(x), "\nid: "), 3);
	exchange_abandon(x);
	/* The header wins, for the URL of an EventSource stays what it was. */
	snprintf(header, sizeof(header), "Accept: text/event-stream\r\nLast-Event-ID: %llu\r\n", end - 1);
	x = exchange_start_with(f, "GET", "/api/v1/events?since=1", header, NULL);
	await_text(f, x, text, 1);
	assert_int_equal(count_in(exchange_so_far(x), "event: "), 2);
	exchange_abandon(x);
}

static void a_filter_leaves_events_out(void **state)
{
	struct fixture *f = *state;
	char id[25], other[25], path[160];
	run_workflow(f, "hello", id);
	run_workflow(f, "slow", other);
	await_status(f, id, "completed");
	struct exchange *x = follow(f, "/api/v1/events?stream=true&since=0&workflow=hello&types=activity.*,step.ended");
	await_text(f, x, "event: activity.completed\n", 1);
	assert_int_equal(count_in(exchange_so_far(x), "event: step.ended\n"), 2);
	assert_int_equal(count_in(exchange_so_far(x), "step.started"), 0);
	assert_int_equal(count_in(exchange_so_far(x), other), 0);
	exchange_abandon(x);
	x = follow(f, "/api/v1/events?stream=true&since=0&team=Tests&types=activity.completed");
	await_text(f, x, id, 1);
	assert_int_equal(count_in(exchange_so_far(x), "event: "), 2);
	exchange_abandon(x);
	snprintf(path, sizeof(path), "/api/v1/events?activity=%s&types=activity.accepted", other);
	struct reply r = call(f, "GET", path, NULL);
	assert_int_equal(json_count(json_get(r.json, "events")), 1);
	assert_true(json_number(json_get(r.json, "newest")) == (double)newest(f));
	assert_true(json_number(json_get(r.json, "next")) == (double)newest(f));
	reply_release(&r);
	expect_problem(f, "GET", "/api/v1/events?types=step.endet", NULL, 400, "invalid-value", "step.endet");
	expect_problem(f, "GET", "/api/v1/events?types=step*", NULL, 400, "invalid-value", "step*");
	expect_problem(f, "GET", "/api/v1/events?stream=true&types=", NULL, 400, "invalid-value", "types");
	expect_problem(f, "GET", "/api/v1/events?stream=yes", NULL, 400, "invalid-value", "stream");
	expect_problem(f, "GET", "/api/v1/events?stream=true&activity=x", NULL, 400, "invalid-value", "activity");
	expect_problem(f, "GET", "/api/v1/events?stream=true&workflow=x", NULL, 404, "not-found", "\"x\"");
}

static void a_filtered_page_has_no_more_than_asked_for_and_goes_on(void **state)
{
	struct fixture *f = *state;
	char ids[5][25], path[128];
	unsigned long long next = 0;
	for (size_t i = 0; i < 5; i++)
		run_workflow(f, "hello", ids[i]);
	await_status(f, ids[4], "completed");
	for (size_t i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "/api/v1/events?types=activity.accepted&limit=1&since=%llu", next);
		struct reply r = call(f, "GET", path, NULL);
		const struct json *event = json_first(json_get(r.json, "events"));
		assert_int_equal(json_count(json_get(r.json, "events")), 1);
		assert_string_equal(json_get_str(event, "activityId"), ids[i]);
		next = (unsigned long long)json_number(json_get(r.json, "next"));
		reply_release(&r);
	}
}

/* The place behind `word` in what has come behind `at`; it must be there once. */
static const char *once(const char *at, const char *word)
{
	at = strstr(at, word);
	assert_non_null(at);
	assert_null(strstr(at + 2, word));
	return at + 2;
}

/* Everything that the page has, in the same order, once each, while activities come and go. */
static void nothing_is_missed_or_doubled_under_load(void **state)
{
	struct fixture *f = *state;
	char id[25], word[64];
	const unsigned long long begin = newest(f);
	struct exchange *live = follow(f, "/api/v1/events?stream=true");
	struct exchange *late = NULL;
	for (size_t i = 0; i < 200; i++) {
		run_workflow(f, i % 2 ? "quick" : "hello", id);
		if (i == 100)
			late = follow(f, "/api/v1/events?stream=true&since=1");
	}
	/* Others may still be under way: what comes after this is nobody's business here. */
	const unsigned long long end = await_completion(f, id);
	snprintf(word, sizeof(word), "\nid: %llu\n", end);
	await_text(f, live, word, 1);
	await_text(f, late, word, 1);
	const char *at = exchange_so_far(live), *at_late = exchange_so_far(late);
	size_t seen = 0;
	for (unsigned long long next = begin; next < end;) {
		snprintf(word, sizeof(word), "/api/v1/events?limit=1000&since=%llu", next);
		struct reply r = call(f, "GET", word, NULL);
		for (const struct json *e = json_first(json_get(r.json, "events")); e; e = json_next(e)) {
			next = (unsigned long long)json_number(json_get(e, "seq"));
			if (next > end)
				break;
			snprintf(word, sizeof(word), "\nid: %llu\n", next);
			at = once(at, word);
			at_late = once(at_late, word);
			seen++;
		}
		reply_release(&r);
	}
	assert_true(seen > 1000);
	exchange_abandon(live);
	exchange_abandon(late);
}

static const char *const on_request[] = {"step.log", "trigger.refused"};

static void log_lines_come_to_those_who_name_them(void **state)
{
	struct fixture *f = *state;
	char id[25];
	struct exchange *plain = follow(f, "/api/v1/events?stream=true");
	struct exchange *prefix = follow(f, "/api/v1/events?stream=true&types=step.*,*");
	struct exchange *named = follow(f, "/api/v1/events?stream=true&types=step.log,activity.completed");
	run_workflow(f, "hello", id);
	await_text(f, named, "event: activity.completed\n", 1);
	await_text(f, plain, "event: activity.completed\n", 1);
	await_text(f, prefix, "event: activity.completed\n", 1);
	assert_non_null(strstr(exchange_so_far(named), "event: step.log\n"));
	assert_non_null(strstr(exchange_so_far(named), "\"stream\":\"stdout\""));
	assert_non_null(strstr(exchange_so_far(named), "hello"));
	for (size_t i = 0; i < 2; i++) {
		assert_null(strstr(exchange_so_far(plain), on_request[i]));
		assert_null(strstr(exchange_so_far(prefix), on_request[i]));
	}
	/* Read again, it is what it was when it came. */
	struct exchange *again = follow(f, "/api/v1/events?stream=true&since=0&types=activity.completed,step.log");
	await_text(f, again, "event: activity.completed\n", 1);
	const char *line = strstr(exchange_so_far(named), "event: step.log\n");
	char *copy = strndup(line, strcspn(line, "}"));
	assert_non_null(strstr(exchange_so_far(again), copy));
	free(copy);
	struct reply page = call(f, "GET", "/api/v1/events?types=step.log", NULL);
	assert_true(json_count(json_get(page.json, "events")) >= 1);
	const struct json *event = json_first(json_get(page.json, "events"));
	assert_string_equal(json_get_str(event, "event"), "step.log");
	assert_non_null(json_get_str(json_get(event, "data"), "text"));
	reply_release(&page);
	page = call(f, "GET", "/api/v1/events?types=step.*", NULL);
	assert_null(strstr(page.text, "step.log"));
	reply_release(&page);
	exchange_abandon(plain);
	exchange_abandon(prefix);
	exchange_abandon(named);
	exchange_abandon(again);
}

static void refusals_come_to_those_who_name_them(void **state)
{
	struct fixture *f = *state;
	char id[25];
	struct exchange *plain = follow(f, "/api/v1/events?stream=true");
	struct exchange *named = follow(f, "/api/v1/events?stream=true&types=trigger.refused,activity.*");
	const struct catalog_entry *entry = engine_find(f->engine, "hello");
	for (int i = 0; i < 3; i++)
		engine_refuse(f->engine, entry->id, "hook", "webhook", REASON_SIGNATURE, "the signature is wrong");
	engine_refuse(f->engine, NULL, NULL, "webhook", REASON_TOKEN, "");
	await_text(f, named, "event: trigger.refused\n", 2);
	assert_non_null(
		strstr(exchange_so_far(named),
		       "\"data\":{\"trigger\":\"hook\",\"plugin\":\"webhook\",\"reason\":\"signature\",\"count\":3,"
		       "\"sample\":\"the signature is wrong\"}"));
	assert_non_null(
		strstr(exchange_so_far(named), "\"data\":{\"plugin\":\"webhook\",\"reason\":\"token\",\"count\":1}"));
	run_workflow(f, "hello", id);
	await_text(f, plain, "event: activity.completed\n", 1);
	assert_null(strstr(exchange_so_far(plain), "trigger.refused"));
	exchange_abandon(plain);
	exchange_abandon(named);
}

static bool is_forgotten(void *arg)
{
	struct fixture *f = arg;
	struct reply r = call(f, "GET", "/api/v1/events", NULL);
	const bool gone = json_number(json_get(r.json, "oldest")) > (double)newest(f);
	reply_release(&r);
	return gone;
}

static void a_gap_is_told(void **state)
{
	struct fixture *f = *state;
	char id[25], word[96];
	run_workflow(f, "hello", id);
	await_status(f, id, "completed");
	turn_until(f, is_forgotten, f);
	const unsigned long long end = newest(f);
	struct exchange *x = follow(f, "/api/v1/events?stream=true&since=1");
	snprintf(word, sizeof(word), "id: %llu\nevent: gap\ndata: {\"from\":2,\"to\":%llu}\n\n", end, end);
	await_text(f, x, word, 1);
	exchange_abandon(x);
	struct reply r = call(f, "GET", "/api/v1/events?since=1&types=step.*", NULL);
	assert_true(json_number(json_get(json_get(r.json, "gap"), "from")) == 2);
	assert_true(json_number(json_get(json_get(r.json, "gap"), "to")) == (double)end);
	assert_true(json_number(json_get(r.json, "next")) == (double)end);
	reply_release(&r);
}

static void too_many_streams_are_refused_and_one_that_leaves_makes_room(void **state)
{
	struct fixture *f = *state;
	struct exchange *streams[256];
	for (size_t i = 0; i < 256; i++)
		streams[i] = follow(f, "/api/v1/events?stream=true");
	struct reply r = call(f, "GET", "/api/v1/events?stream=true", NULL);
	assert_problem(&r, 503, "too-many-streams", "already");
	assert_non_null(reply_header(&r, "Retry-After"));
	reply_release(&r);
	exchange_abandon(streams[0]);
	const int64_t end_ms = clock_mono_ms() + 20000;
	bool begun = false;
	while (!begun && clock_mono_ms() < end_ms) {
		streams[0] = follow(f, "/api/v1/events?stream=true");
		begun = strstr(exchange_so_far(streams[0]), "HTTP/1.1 200") != NULL;
		if (!begun)
			exchange_abandon(streams[0]);
	}
	assert_true(begun);
	for (size_t i = 0; i < 256; i++)
		exchange_abandon(streams[i]);
}

static struct api_stream *only_stream(struct fixture *f)
{
	assert_int_equal(f->api->stream_count, 1);
	return list_entry(f->api->streams.next, struct api_stream, node);
}

static bool is_blocked(void *arg)
{
	return only_stream(arg)->blocked;
}

/* What a client does not take stays in the store. */
static void a_slow_reader_is_bounded_and_gets_everything_in_the_end(void **state)
{
	struct fixture *f = *state;
	char id[25], word[64];
	struct exchange *x = follow(f, "/api/v1/events?stream=true");
	exchange_pause(x);
	const unsigned long long begin = newest(f);
	for (size_t i = 0; i < 800; i++)
		run_workflow(f, "quick", id);
	await_status(f, id, "completed");
	turn_until(f, is_blocked, f);
	assert_true(newest(f) - begin >= 4000);
	assert_true(http_stream_pending(only_stream(f)->base.request) < (size_t)512 * 1024);
	exchange_resume(x);
	snprintf(word, sizeof(word), "\nid: %llu\n", newest(f));
	await_text(f, x, word, 1);
	const char *at = exchange_so_far(x);
	for (unsigned long long seq = begin + 1; seq <= newest(f); seq++) {
		snprintf(word, sizeof(word), "\nid: %llu\n", seq);
		at = strstr(at, word);
		assert_non_null(at);
		at++;
	}
	assert_int_equal(count_in(exchange_so_far(x), "\nevent: "), newest(f) - begin + 1);
	exchange_abandon(x);
}

static void a_client_that_leaves_is_forgotten(void **state)
{
	struct fixture *f = *state;
	char id[25];
	struct exchange *x = follow(f, "/api/v1/events?stream=true");
	assert_int_equal(f->api->stream_count, 1);
	exchange_abandon(x);
	run_workflow(f, "hello", id);
	await_status(f, id, "completed");
	assert_int_equal(f->api->stream_count, 0);
}

static void head_of_a_stream_has_no_body(void **state)
{
	struct fixture *f = *state;
	struct reply r = call(f, "HEAD", "/api/v1/events?stream=true", NULL);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.body, "");
	assert_int_equal(f->api->stream_count, 0);
	reply_release(&r);
}

/* ---- Logs ------------------------------------------------------------------------------------------------------ */

static void run_talk(struct fixture *f, char id[static 25])
{
	char body[160];
	snprintf(body, sizeof(body), "{\"params\":{\"file\":\"%s/go\"}}", f->folder);
	struct reply r = call(f, "POST", "/api/v1/workflows/talk/run", body);
	assert_int_equal(r.status, 200);
	snprintf(id, 25, "%s", json_get_str(r.json, "activityId"));
	reply_release(&r);
}

static void let_talk(struct fixture *f)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/go", f->folder);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
}

static void follows_a_log_until_it_is_complete(void **state)
{
	struct fixture *f = *state;
	char id[25], path[128];
	run_talk(f, id);
	snprintf(path, sizeof(path), "/api/v1/activities/%s/logs?follow=true", id);
	struct exchange *x = follow(f, path);
	snprintf(path, sizeof(path), "/api/v1/activities/%s/logs?follow=true&step=after", id);
	struct exchange *step = exchange_start_with(f, "GET", path, "Accept: text/event-stream\r\n", NULL);
	await_text(f, x, "\"text\":\"one\\n\"", 1);
	assert_int_equal(count_in(exchange_so_far(x), "two"), 0);
	let_talk(f);
	struct reply r = exchange_end(x);
	assert_non_null(strcasestr(r.text, "Content-Type: application/x-ndjson"));
	const char *two = strstr(r.body, "\"text\":\"two\\n\"}\n");
	const char *three = strstr(r.body, "\"text\":\"three\\n\"}\n");
	assert_true(two && three && two < three);
	assert_non_null(strstr(three, "\"ended\":true}\n"));
	reply_release(&r);
	r = exchange_end(step);
	assert_non_null(strstr(r.body, "\nevent: log\ndata: {\"position\":"));
	assert_int_equal(count_in(r.body, "event: log"), 1);
	assert_int_equal(count_in(r.body, "event: end"), 1);
	reply_release(&r);
}

static void a_log_that_is_complete_is_told_at_once_behind_a_position(void **state)
{
	struct fixture *f = *state;
	char id[25], path[128];
	let_talk(f);
	run_talk(f, id);
	await_status(f, id, "completed");
	snprintf(path, sizeof(path), "/api/v1/activities/%s/logs?limit=1", id);
	struct reply r = call(f, "GET", path, NULL);
	snprintf(path, sizeof(path), "/api/v1/activities/%s/logs?follow=true&after=%.0f", id,
		 json_number(json_get(r.json, "next")));
	const bool both = strstr(r.body, "two") != NULL;
	reply_release(&r);
	r = call(f, "GET", path, NULL);
	assert_int_equal(r.status, 200);
	assert_null(strstr(r.body, "one"));
	assert_true(both || strstr(r.body, "two"));
	assert_non_null(strstr(r.body, "three"));
	assert_non_null(strstr(r.body, "\"ended\":true"));
	reply_release(&r);
}

static void the_end_of_an_activity_without_a_log_ends_its_stream(void **state)
{
	struct fixture *f = *state;
	char id[25], path[128];
	run_workflow(f, "slow", id);
	snprintf(path, sizeof(path), "/api/v1/activities/%s/logs?follow=true", id);
	struct exchange *x = follow(f, path);
	snprintf(path, sizeof(path), "/api/v1/activities/%s/cancel", id);
	struct reply r = call(f, "POST", path, "{}");
	assert_int_equal(r.status, 200);
	reply_release(&r);
	expect_end(x, "{\"next\":0,\"ended\":true}\n");
}

static void a_log_stream_ends_without_its_end_when_the_daemon_stops(void **state)
{
	struct fixture *f = *state;
	char id[25], path[128];
	run_talk(f, id);
	snprintf(path, sizeof(path), "/api/v1/activities/%s/logs?follow=true", id);
	struct exchange *x = follow(f, path);
	await_text(f, x, "one", 1);
	api_free(f->api);
	f->api = NULL;
	assert_null(strstr(exchange_so_far(x), "ended"));
	expect_end(x, "one");
	let_talk(f);
}

static void wrong_requests_for_a_log_are_refused(void **state)
{
	struct fixture *f = *state;
	char id[25], path[128];
	run_workflow(f, "hello", id);
	snprintf(path, sizeof(path), "/api/v1/activities/%s/logs?follow=true&step=nothing", id);
	expect_problem(f, "GET", path, NULL, 404, "not-found", "nothing");
	snprintf(path, sizeof(path), "/api/v1/activities/%s/logs?follow=1", id);
	expect_problem(f, "GET", path, NULL, 400, "invalid-value", "follow");
	expect_problem(f, "GET", "/api/v1/activities/000000000000000000000000/logs?follow=true", NULL, 404, "not-found",
		       "activity");
	assert_int_equal(f->api->stream_count, 0);
}

#define STREAM_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STREAM_TEST(follows_events_from_now_on),
		STREAM_TEST(a_stream_goes_on_behind_the_last_id),
		STREAM_TEST(a_filter_leaves_events_out),
		STREAM_TEST(a_filtered_page_has_no_more_than_asked_for_and_goes_on),
		STREAM_TEST(nothing_is_missed_or_doubled_under_load),
		STREAM_TEST(log_lines_come_to_those_who_name_them),
		STREAM_TEST(refusals_come_to_those_who_name_them),
		cmocka_unit_test_setup_teardown(a_gap_is_told, fixture_open_forgetful, fixture_close),
		STREAM_TEST(too_many_streams_are_refused_and_one_that_leaves_makes_room),
		STREAM_TEST(a_slow_reader_is_bounded_and_gets_everything_in_the_end),
		STREAM_TEST(a_client_that_leaves_is_forgotten),
		STREAM_TEST(head_of_a_stream_has_no_body),
		STREAM_TEST(follows_a_log_until_it_is_complete),
		STREAM_TEST(a_log_that_is_complete_is_told_at_once_behind_a_position),
		STREAM_TEST(the_end_of_an_activity_without_a_log_ends_its_stream),
		STREAM_TEST(a_log_stream_ends_without_its_end_when_the_daemon_stops),
		STREAM_TEST(wrong_requests_for_a_log_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
