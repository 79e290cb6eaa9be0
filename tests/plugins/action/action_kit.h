/* The whole plugin on the testkit: two workflows with triggers on topics, tokens, and clients that come by WebSocket. */
#ifndef ACTION_KIT_H
#define ACTION_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cjson/cJSON.h>
#include <cmocka.h>
#include "tappet/testkit.h"

#define ALL_SCOPES (TAPPET_SCOPE_ACTION | TAPPET_SCOPE_SUBSCRIBE)
#define OTHER_WORKFLOW "5dd74d0976df2d0001100002"
#define ACTIVITY_ID "5de81b5fe638b70001fa9d09"

/* "T" is for all workflows, "ONE" for TESTKIT_WORKFLOW alone, whose slug is "orders"; OTHER_WORKFLOW is "stock". */
static inline testkit *action_kit(const char *options)
{
	testkit *kit = testkit_open(tappet_plugin_v1());
	testkit_slow(kit, 0);
	testkit_token(kit, "T", ALL_SCOPES, NULL);
	testkit_token(kit, "ONE", ALL_SCOPES, TESTKIT_WORKFLOW);
	testkit_token(kit, "READ", TAPPET_SCOPE_SUBSCRIBE, NULL);
	testkit_token(kit, "SEND", TAPPET_SCOPE_ACTION, NULL);
	testkit_workflow(kit, TESTKIT_WORKFLOW, "orders", NULL, "Sales");
	testkit_workflow(kit, OTHER_WORKFLOW, "stock", NULL, NULL);
	assert_int_equal(testkit_create(kit, options), TAPPET_OK);
	assert_non_null(testkit_trigger_add(kit, "created", "{\"topic\":\"orders.*.created\"}"));
	assert_non_null(
		testkit_trigger_add_to(kit, OTHER_WORKFLOW, "all", "{\"topic\":[\"orders.>\",\"orders.eu.>\"]}"));
	assert_int_equal(testkit_start(kit), TAPPET_OK);
	return kit;
}

static inline testkit_ws *connect_as(testkit *kit, const char *headers, const char *protocols)
{
	const testkit_ws_upgrade_options options = {
		.struct_size = sizeof(options), .target = "/action", .headers = headers, .protocols = protocols};
	testkit_ws *ws = testkit_ws_upgrade(kit, &options);
	testkit_run(kit);
	return ws;
}

static inline testkit_ws *connect_client(testkit *kit, const char *token)
{
	char header[128];
	snprintf(header, sizeof(header), "Authorization: Bearer %s", token);
	testkit_ws *ws = connect_as(kit, header, "tappet.v1");
	assert_int_equal(testkit_ws_status(ws), 101);
	return ws;
}

static inline void expect_nothing(testkit_ws *ws)
{
	const tappet_str got = testkit_ws_take(ws);
	if (got.ptr)
		fail_msg("%s came", got.ptr);
}

static inline void expect_text(testkit_ws *ws, const char *text)
{
	const tappet_str got = testkit_ws_take(ws);
	if (!got.ptr)
		fail_msg("nothing came, not %s", text);
	assert_string_equal(got.ptr, text);
}

/* The next message has these bytes somewhere. */
static inline const char *expect_part(testkit_ws *ws, const char *part)
{
	const tappet_str got = testkit_ws_take(ws);
	if (!got.ptr)
		fail_msg("nothing came, not %s", part);
	cJSON *tree = cJSON_ParseWithLength(got.ptr, got.len);
	if (!tree || !strstr(got.ptr, part))
		fail_msg("%s, and not %s", got.ptr, part);
	cJSON_Delete(tree);
	return got.ptr;
}

static inline const char *expect_error_code(testkit_ws *ws, const char *code)
{
	char part[64];
	snprintf(part, sizeof(part), "\"code\":\"%s\"", code);
	return expect_part(ws, part);
}

static inline void expect_closed(const testkit_ws *ws, int code)
{
	assert_int_equal(testkit_ws_code(ws), code);
}

#endif
