/* The status document byte by byte: callers depend on names, order and what is absent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "../../../plugins/webhook/document.c"

static void expect(const char *document, const char *shape)
{
	char *text = document_reshape(tappet_cstr(document));
	assert_non_null(text);
	assert_string_equal(text, shape);
	free(text);
}

static void a_finished_activity_has_every_key(void **state)
{
	(void)state;
	expect("{\"id\":\"5de81b5fe638b70001fa9d09\",\"workflowId\":\"5dd74d0976df2d000110e52a\",\"workflow\":\"w\","
	       "\"workflowName\":\"W\",\"team\":\"Tysons Test "
	       "Team\",\"revisionId\":\"5de1d44ee638b70001fa8a13\",\"revision\":3,"
	       "\"trigger\":\"webhook\",\"triggerId\":\"webhook\",\"status\":\"completed\","
	       "\"createdAt\":\"2019-12-04T20:47:27.394Z\",\"startedAt\":\"2019-12-04T20:47:27.400Z\","
	       "\"endedAt\":\"2019-12-04T20:48:13.371Z\",\"durationMs\":45977,\"params\":{\"a\":1},\"cause\":{},"
	       "\"steps\":[{\"id\":\"5de81b5fe638b70001fa9d0a\",\"order\":1,\"step\":\"s\",\"name\":\"Run Custom Task "
	       "1\","
	       "\"taskId\":\"513cde12-4288-4b1d-a79a-51fb23f8e1c0\",\"kind\":\"run\",\"status\":\"completed\","
	       "\"attempt\":2,"
	       "\"startedAt\":\"2019-12-04T20:47:27.513Z\",\"endedAt\":\"2019-12-04T20:48:06.643Z\",\"durationMs\":"
	       "39130,"
	       "\"exitCode\":0,\"outputs\":{\"BMRG_TEST\":\"Tyson is awesome\"}}]}",
	       "{\"creationDate\":\"2019-12-04T20:47:27.394+0000\",\"duration\":45977,\"id\":"
	       "\"5de81b5fe638b70001fa9d09\","
	       "\"status\":\"completed\",\"workflowId\":\"5dd74d0976df2d000110e52a\","
	       "\"workflowRevisionid\":\"5de1d44ee638b70001fa8a13\",\"trigger\":\"webhook\","
	       "\"steps\":[{\"activityId\":\"5de81b5fe638b70001fa9d09\",\"duration\":39130,\"flowTaskStatus\":"
	       "\"completed\","
	       "\"id\":\"5de81b5fe638b70001fa9d0a\",\"order\":1,\"startTime\":\"2019-12-04T20:47:27.513+0000\","
	       "\"taskId\":\"513cde12-4288-4b1d-a79a-51fb23f8e1c0\",\"taskName\":\"Run Custom Task 1\","
	       "\"outputs\":{\"BMRG_TEST\":\"Tyson is awesome\"}}],\"teamName\":\"Tysons Test Team\"}");
}

static void what_has_not_happened_is_absent(void **state)
{
	(void)state;
	expect("{\"id\":\"a\",\"workflowId\":\"w\",\"revisionId\":\"r\",\"trigger\":\"webhook\",\"status\":"
	       "\"notstarted\","
	       "\"createdAt\":\"2024-01-02T03:04:05Z\",\"team\":null,"
	       "\"steps\":[{\"id\":\"s\",\"order\":1,\"name\":\"N\",\"taskId\":\"t\",\"status\":\"notstarted\","
	       "\"attempt\":0}]}",
	       "{\"creationDate\":\"2024-01-02T03:04:05.000+0000\",\"id\":\"a\",\"status\":\"notstarted\","
	       "\"workflowId\":\"w\","
	       "\"workflowRevisionid\":\"r\",\"trigger\":\"webhook\",\"steps\":[{\"activityId\":\"a\","
	       "\"flowTaskStatus\":\"notstarted\",\"id\":\"s\",\"order\":1,\"taskId\":\"t\",\"taskName\":\"N\","
	       "\"outputs\":{}}],"
	       "\"teamName\":\"\"}");
}

static void outputs_are_strings_always(void **state)
{
	(void)state;
	char *text = document_reshape(tappet_cstr("{\"steps\":[{\"outputs\":{\"n\":1,\"b\":true,\"s\":\"x\"}}]}"));
	assert_non_null(strstr(text, "\"outputs\":{\"n\":\"1\",\"b\":\"true\",\"s\":\"x\"}"));
	free(text);
}

static void what_is_no_document_gives_nothing(void **state)
{
	(void)state;
	assert_null(document_reshape(tappet_cstr("[]")));
	assert_null(document_reshape(tappet_cstr("{")));
	assert_null(document_reshape(tappet_cstr(NULL)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_finished_activity_has_every_key),
		cmocka_unit_test(what_has_not_happened_is_absent),
		cmocka_unit_test(outputs_are_strings_always),
		cmocka_unit_test(what_is_no_document_gives_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
