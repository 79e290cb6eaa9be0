/* The layout of the ABI as released, in bytes, for LP64: what stands here was handed to plugin authors and never
 * changes within a major version. New fields are added at the end of a struct (and here); a number that changes is a
 * break of the ABI. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <tappet/activity.h>
#include <tappet/auth.h>
#include <tappet/events.h>
#include <tappet/http.h>
#include <tappet/plugin.h>
#include <tappet/ws.h>

struct golden {
	const char *what;
	size_t now, golden;
};

#define AT(type, field, offset)                                                                                        \
	{                                                                                                              \
#type "." #field, offsetof(type, field), offset                                                        \
	}
#define SIZE(type, size)                                                                                               \
	{                                                                                                              \
		"sizeof(" #type ")", sizeof(type), size                                                                \
	}

static const struct golden layout[] = {
	AT(tappet_str, ptr, 0),
	AT(tappet_str, len, 8),
	SIZE(tappet_str, 16),
	AT(tappet_option, key, 0),
	AT(tappet_option, type, 8),
	AT(tappet_option, flags, 12),
	AT(tappet_option, default_value, 16),
	AT(tappet_option, help, 24),
	AT(tappet_option, replaced_by, 32),
	SIZE(tappet_option, 40),
	AT(tappet_checkpoint, key, 0),
	AT(tappet_checkpoint, value, 16),
	SIZE(tappet_checkpoint, 32),
	AT(tappet_emission, struct_size, 0),
	AT(tappet_emission, payload, 8),
	AT(tappet_emission, parameters, 24),
	AT(tappet_emission, cause, 40),
	AT(tappet_emission, dedup_key, 56),
	AT(tappet_emission, occurred_ms, 72),
	AT(tappet_emission, checkpoints, 80),
	AT(tappet_emission, checkpoint_count, 88),
	AT(tappet_emission, checkpoint_size, 96),
	AT(tappet_emission, subject, 104),
	SIZE(tappet_emission, 120),
	AT(tappet_result, struct_size, 0),
	AT(tappet_result, outcome, 8),
	AT(tappet_result, reason, 12),
	AT(tappet_result, activity_id, 16),
	AT(tappet_result, dedup_key, 24),
	AT(tappet_result, detail, 40),
	SIZE(tappet_result, 56),
	AT(tappet_account, struct_size, 0),
	AT(tappet_account, first_ms, 8),
	AT(tappet_account, last_ms, 16),
	AT(tappet_account, count, 24),
	AT(tappet_account, outcome, 32),
	AT(tappet_account, checkpoints, 40),
	AT(tappet_account, checkpoint_count, 48),
	AT(tappet_account, checkpoint_size, 56),
	AT(tappet_account, subject, 64),
	SIZE(tappet_account, 80),
	AT(tappet_field, key, 0),
	AT(tappet_field, value, 8),
	SIZE(tappet_field, 24),
	AT(tappet_host, struct_size, 0),
	AT(tappet_host, abi_major, 8),
	AT(tappet_host, abi_minor, 12),
	AT(tappet_host, log, 16),
	AT(tappet_host, config_count, 24),
	AT(tappet_host, config_str, 32),
	AT(tappet_host, config_int, 40),
	AT(tappet_host, config_bool, 48),
	AT(tappet_host, emit, 56),
	AT(tappet_host, credit, 64),
	AT(tappet_host, account, 72),
	AT(tappet_host, refuse, 80),
	AT(tappet_host, timer_start, 88),
	AT(tappet_host, timer_stop, 96),
	AT(tappet_host, wall_ms, 104),
	AT(tappet_host, mono_ms, 112),
	AT(tappet_host, fd_watch, 120),
	AT(tappet_host, fd_unwatch, 128),
	AT(tappet_host, kv_put, 136),
	AT(tappet_host, kv_get, 144),
	AT(tappet_host, metric, 152),
	AT(tappet_host, metric_add, 160),
	AT(tappet_host, metric_set, 168),
	AT(tappet_host, metric_observe, 176),
	AT(tappet_host, post, 184),
	AT(tappet_host, work, 192),
	AT(tappet_host, health, 200),
	AT(tappet_host, stopped, 208),
	AT(tappet_host, capability, 216),
	AT(tappet_host, kv_list, 224),
	SIZE(tappet_host, 232),
	AT(tappet_trigger_info, struct_size, 0),
	AT(tappet_trigger_info, trigger_id, 8),
	AT(tappet_trigger_info, workflow_id, 16),
	AT(tappet_trigger_info, workflow_slug, 24),
	AT(tappet_trigger_info, workflow_name, 32),
	AT(tappet_trigger_info, team, 40),
	AT(tappet_trigger_info, config, 48),
	AT(tappet_trigger_info, checkpoints, 56),
	AT(tappet_trigger_info, checkpoint_count, 64),
	AT(tappet_trigger_info, checkpoint_size, 72),
	SIZE(tappet_trigger_info, 80),
	AT(tappet_plugin, struct_size, 0),
	AT(tappet_plugin, abi_minor, 8),
	AT(tappet_plugin, abi_minor_needed, 12),
	AT(tappet_plugin, name, 16),
	AT(tappet_plugin, version, 24),
	AT(tappet_plugin, license, 32),
	AT(tappet_plugin, summary, 40),
	AT(tappet_plugin, options, 48),
	AT(tappet_plugin, option_count, 56),
	AT(tappet_plugin, trigger_options, 64),
	AT(tappet_plugin, trigger_option_count, 72),
	AT(tappet_plugin, option_size, 80),
	AT(tappet_plugin, sample, 88),
	AT(tappet_plugin, needs, 96),
	AT(tappet_plugin, create, 104),
	AT(tappet_plugin, trigger_add, 112),
	AT(tappet_plugin, trigger_remove, 120),
	AT(tappet_plugin, trigger_free, 128),
	AT(tappet_plugin, start, 136),
	AT(tappet_plugin, pause, 144),
	AT(tappet_plugin, resume, 152),
	AT(tappet_plugin, stop, 160),
	AT(tappet_plugin, destroy, 168),
	AT(tappet_plugin, clock_set, 176),
	AT(tappet_plugin, check_options, 184),
	AT(tappet_plugin, check_trigger, 192),
	AT(tappet_plugin, open_trigger, 200),
	AT(tappet_plugin, list_checkpoints, 204),
	SIZE(tappet_plugin, 208),
	AT(tappet_checker, struct_size, 0),
	AT(tappet_checker, config_count, 8),
	AT(tappet_checker, config_str, 16),
	AT(tappet_checker, config_int, 24),
	AT(tappet_checker, config_bool, 32),
	AT(tappet_checker, mistake, 40),
	AT(tappet_checker, claim, 48),
	SIZE(tappet_checker, 56),
	AT(tappet_http_header, name, 0),
	AT(tappet_http_header, value, 16),
	SIZE(tappet_http_header, 32),
	AT(tappet_http1, struct_size, 0),
	AT(tappet_http1, route_add, 8),
	AT(tappet_http1, route_remove, 16),
	AT(tappet_http1, method, 24),
	AT(tappet_http1, path, 32),
	AT(tappet_http1, query, 40),
	AT(tappet_http1, query_value, 48),
	AT(tappet_http1, param, 56),
	AT(tappet_http1, header, 64),
	AT(tappet_http1, header_at, 72),
	AT(tappet_http1, body, 80),
	AT(tappet_http1, remote, 88),
	AT(tappet_http1, respond, 96),
	AT(tappet_http1, problem, 104),
	AT(tappet_http1, scheme, 112),
	AT(tappet_http1, client_subject, 120),
	AT(tappet_http1, public_url, 128),
	AT(tappet_http1, api_route_add, 136),
	AT(tappet_http1, surface_route_add, 144),
	SIZE(tappet_http1, 152),
	AT(tappet_grant, struct_size, 0),
	AT(tappet_grant, token_id, 8),
	AT(tappet_grant, workflow_id, 33),
	AT(tappet_grant, scopes, 60),
	AT(tappet_grant, workflow_count, 64),
	SIZE(tappet_grant, 72),
	AT(tappet_auth1, struct_size, 0),
	AT(tappet_auth1, check, 8),
	AT(tappet_auth1, covers, 16),
	AT(tappet_auth1, action_allowed, 24),
	AT(tappet_auth1, trigger_enabled, 32),
	AT(tappet_auth1, refuse_workflow, 40),
	AT(tappet_auth1, check_again, 48),
	SIZE(tappet_auth1, 56),
	AT(tappet_activity_info, struct_size, 0),
	AT(tappet_activity_info, workflow_id, 8),
	AT(tappet_activity_info, status, 16),
	AT(tappet_activity_info, document, 24),
	SIZE(tappet_activity_info, 40),
	AT(tappet_activity1, struct_size, 0),
	AT(tappet_activity1, status, 8),
	AT(tappet_activity1, cancel, 16),
	AT(tappet_activity1, wait_end, 24),
	AT(tappet_activity1, action, 32),
	SIZE(tappet_activity1, 40),
	AT(tappet_action, struct_size, 0),
	AT(tappet_action, topic, 8),
	AT(tappet_action, data, 24),
	AT(tappet_action, token_id, 40),
	AT(tappet_action, by, 48),
	SIZE(tappet_action, 64),
	AT(tappet_event, seq, 0),
	AT(tappet_event, time_ms, 8),
	AT(tappet_event, type, 16),
	AT(tappet_event, workflow_id, 24),
	AT(tappet_event, activity_id, 32),
	AT(tappet_event, data, 40),
	SIZE(tappet_event, 56),
	AT(tappet_events_filter, struct_size, 0),
	AT(tappet_events_filter, workflow_id, 8),
	AT(tappet_events_filter, activity_id, 16),
	AT(tappet_events_filter, type, 24),
	AT(tappet_events_filter, team, 32),
	AT(tappet_events_filter, types, 40),
	AT(tappet_events_filter, token_id, 48),
	SIZE(tappet_events_filter, 56),
	AT(tappet_workflow_info, struct_size, 0),
	AT(tappet_workflow_info, workflow_id, 8),
	AT(tappet_workflow_info, workflow_slug, 16),
	AT(tappet_workflow_info, workflow_name, 24),
	AT(tappet_workflow_info, team, 32),
	SIZE(tappet_workflow_info, 40),
	AT(tappet_events1, struct_size, 0),
	AT(tappet_events1, open, 8),
	AT(tappet_events1, more, 16),
	AT(tappet_events1, close, 24),
	AT(tappet_events1, newest, 32),
	AT(tappet_events1, workflow, 40),
	SIZE(tappet_events1, 48),
	AT(tappet_ws_end, struct_size, 0),
	AT(tappet_ws_end, code, 8),
	AT(tappet_ws_end, reason, 16),
	AT(tappet_ws_end, error, 32),
	AT(tappet_ws_end, detail, 40),
	AT(tappet_ws_end, retry_ms, 56),
	SIZE(tappet_ws_end, 64),
	AT(tappet_ws_handler, struct_size, 0),
	AT(tappet_ws_handler, open, 8),
	AT(tappet_ws_handler, message, 16),
	AT(tappet_ws_handler, drained, 24),
	AT(tappet_ws_handler, closed, 32),
	SIZE(tappet_ws_handler, 40),
	AT(tappet_ws_endpoint_options, struct_size, 0),
	AT(tappet_ws_endpoint_options, pattern, 8),
	AT(tappet_ws_endpoint_options, surface, 16),
	AT(tappet_ws_endpoint_options, protocols, 24),
	AT(tappet_ws_endpoint_options, origins, 32),
	AT(tappet_ws_endpoint_options, message_max, 40),
	AT(tappet_ws_endpoint_options, queue_max, 48),
	AT(tappet_ws_endpoint_options, ping_ms, 56),
	AT(tappet_ws_endpoint_options, timeout_ms, 64),
	AT(tappet_ws_endpoint_options, no_compression, 72),
	SIZE(tappet_ws_endpoint_options, 80),
	AT(tappet_ws_connect_options, struct_size, 0),
	AT(tappet_ws_connect_options, url, 8),
	AT(tappet_ws_connect_options, protocols, 16),
	AT(tappet_ws_connect_options, headers, 24),
	AT(tappet_ws_connect_options, header_count, 32),
	AT(tappet_ws_connect_options, ca_file, 40),
	AT(tappet_ws_connect_options, proxy, 48),
	AT(tappet_ws_connect_options, message_max, 56),
	AT(tappet_ws_connect_options, queue_max, 64),
	AT(tappet_ws_connect_options, connect_timeout_ms, 72),
	AT(tappet_ws_connect_options, ping_ms, 80),
	AT(tappet_ws_connect_options, timeout_ms, 88),
	AT(tappet_ws_connect_options, retry_min_ms, 96),
	AT(tappet_ws_connect_options, retry_max_ms, 104),
	AT(tappet_ws_connect_options, no_compression, 112),
	SIZE(tappet_ws_connect_options, 120),
	AT(tappet_ws1, struct_size, 0),
	AT(tappet_ws1, endpoint_add, 8),
	AT(tappet_ws1, endpoint_remove, 16),
	AT(tappet_ws1, accept, 24),
	AT(tappet_ws1, connect, 32),
	AT(tappet_ws1, send, 40),
	AT(tappet_ws1, queued, 48),
	AT(tappet_ws1, pause, 56),
	AT(tappet_ws1, close, 64),
	AT(tappet_ws1, protocol, 72),
	AT(tappet_ws1, remote, 80),
	SIZE(tappet_ws1, 88),
};

static void offsets_are_those_that_were_released(void **state)
{
	(void)state;
	if (sizeof(void *) != 8 || sizeof(long) != 8)
		skip();
	for (size_t i = 0; i < sizeof(layout) / sizeof(layout[0]); i++)
		if (layout[i].now != layout[i].golden)
			fail_msg("%s is at %zu, was released at %zu", layout[i].what, layout[i].now, layout[i].golden);
}

static void numbers_are_those_that_were_released(void **state)
{
	(void)state;
	const int32_t errors[] = {TAPPET_OK,        TAPPET_EINVAL,  TAPPET_ENOMEM,    TAPPET_EBUSY,    TAPPET_ETOOBIG,
				  TAPPET_ENOTFOUND, TAPPET_EDUP,    TAPPET_ECONFLICT, TAPPET_EREFUSED, TAPPET_ECANCELED,
				  TAPPET_EUNKNOWN,  TAPPET_ENOTSUP, TAPPET_ESTATE,    TAPPET_EDENIED,  TAPPET_EGONE,
				  TAPPET_EIO,       TAPPET_EEXIST};
	for (int i = 0; i < (int)(sizeof(errors) / sizeof(errors[0])); i++) {
		assert_int_equal(errors[i], -i);
		assert_string_not_equal(tappet_strerror(errors[i]), "unknown error");
	}
	assert_int_equal(TAPPET_ABI_MAJOR, 1);
	assert_int_equal(TAPPET_REASON_OTHER, 16);
	assert_int_equal(TAPPET_JSON, 7);
	assert_int_equal(TAPPET_PATH, 8);
	assert_int_equal(TAPPET_MULTI, 4);
	assert_int_equal(TAPPET_ACCOUNT_DROPPED, 4);
	assert_int_equal(TAPPET_HEALTH_DEAD, 3);
	assert_int_equal(TAPPET_HISTOGRAM, 3);
	assert_int_equal(TAPPET_PRIORITIZED, 8);
	assert_int_equal(TAPPET_SCOPE_SUBSCRIBE, 16);
	assert_int_equal(TAPPET_SURFACE_ACTION, 2);
	assert_int_equal(TAPPET_WS_BINARY, 2);
	assert_int_equal(TAPPET_WS_TRY_LATER, 1013);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets_are_those_that_were_released),
		cmocka_unit_test(numbers_are_those_that_were_released),
	};
	return cmocka_run_group_tests_name("host/abi_offsets", tests, NULL, NULL);
}
