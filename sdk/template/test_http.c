#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tappet/testkit.h>

#define CHECK(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                \
			exit(1);                                                                                       \
		}                                                                                                      \
	} while (0)

/* The workflow of the testkit's triggers is called "workflow". */
static testkit_exchange *post(testkit *kit, const char *path, const char *body)
{
	return testkit_http(kit, "POST", path, NULL, tappet_cstr(body));
}

static void a_body_becomes_an_activity(void)
{
	testkit *kit = testkit_open(tappet_plugin_v1());
	testkit_exchange *exchange;

	testkit_begin(kit, NULL, NULL);
	exchange = post(kit, "/@NAME@/workflow", "{\"a\":1}");
	CHECK(testkit_http_status(exchange) == 202);
	CHECK(strstr(testkit_http_body(exchange).ptr, testkit_emission_last(kit)->activity_id) != NULL);
	CHECK(strcmp(testkit_emission_last(kit)->payload.ptr, "{\"a\":1}") == 0);
	testkit_close(kit); /* says so when something is left behind */
}

static void what_cannot_start_is_told(void)
{
	testkit *kit = testkit_open(tappet_plugin_v1());

	testkit_begin(kit, NULL, NULL);
	CHECK(testkit_http_status(post(kit, "/@NAME@/other", "{}")) == 404);
	CHECK(testkit_http_status(post(kit, "/@NAME@/workflow", "{")) == 400);
	testkit_outcome(kit, TAPPET_EREFUSED, TAPPET_REASON_FILTER, NULL);
	CHECK(testkit_http_status(post(kit, "/@NAME@/workflow", "{}")) == 409);
	testkit_outcome(kit, TAPPET_EBUSY, TAPPET_REASON_NONE, NULL);
	CHECK(testkit_http_status(post(kit, "/@NAME@/workflow", "{}")) == 503);
	testkit_close(kit);
}

static void nothing_is_answered_before_the_outcome_is_known(void)
{
	testkit *kit = testkit_open(tappet_plugin_v1());
	testkit_exchange *exchange;

	testkit_begin(kit, NULL, NULL);
	testkit_hold(kit, 1);
	exchange = post(kit, "/@NAME@/workflow", "{}");
	CHECK(testkit_http_status(exchange) == 0);
	CHECK(!testkit_stop(kit, 5000));
	CHECK(testkit_settle(kit, 0, TAPPET_ECANCELED, TAPPET_REASON_NONE, NULL) == TAPPET_OK);
	CHECK(testkit_http_status(exchange) == 503);
	CHECK(testkit_has_stopped(kit));
	testkit_close(kit);
}

int main(void)
{
	a_body_becomes_an_activity();
	what_cannot_start_is_told();
	nothing_is_answered_before_the_outcome_is_known();
	return 0;
}
