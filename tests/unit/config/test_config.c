#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "support_folder.h"

static struct config *read_config(const char *folder, const char *text)
{
	struct config *c = NULL;
	struct diag d;

	diag_init(&d);
	if (config_read(folder_write(folder, "tappet.json", text), &d, &c) < 0)
		fail_msg("%s: %s", text, d.count ? d.items[0].message : "no message");
	assert_int_equal(d.count, 0);
	diag_release(&d);
	return c;
}

/* One mistake and no other; `text` begins with a line of its own. */
static void assert_mistake(const char *folder, const char *text, unsigned line, unsigned column, const char *words)
{
	struct config *c = NULL;
	struct buf out;
	struct diag d;

	diag_init(&d);
	buf_init(&out, 100000);
	if (config_read(folder_write(folder, "tappet.json", text), &d, &c) != -EINVAL)
		fail_msg("accepted: %s", text);
	assert_null(c);
	diag_print(&d, &out);
	if (d.count != 1 || d.items[0].line != line || d.items[0].column != column ||
	    !strstr(d.items[0].message, words))
		fail_msg("%s\nexpected %u:%u %s\nfound %s", text, line, column, words, buf_cstr(&out));
	diag_release(&d);
	buf_release(&out);
}

/* `value` is that of a top-level key, in the second line. */
static void assert_bad(const char *folder, const char *member, unsigned column, const char *words)
{
	char text[2000];

	(void)snprintf(text, sizeof(text), "{\n%s\n}", member);
	assert_mistake(folder, text, 2, column, words);
}

static void assert_below(const char *folder, const char *path, const char *name)
{
	char expected[4096];

	(void)snprintf(expected, sizeof(expected), "%s/%s", folder, name);
	assert_string_equal(path, expected);
}

static void assert_all_defaults(const struct config *c, const char *folder)
{
	assert_string_equal(c->folder, folder);
	assert_below(folder, c->path, "tappet.json");
	assert_int_equal(c->listen_count, 1);
	assert_string_equal(c->listen[0].address, "127.0.0.1:8080");
	assert_false(c->listen[0].is_unix);
	assert_int_equal(c->listen[0].serve, SURFACE_ALL);
	assert_null(c->listen[0].at);
	assert_below(folder, c->control_path, "tappet.sock");
	assert_int_equal(c->control_mode, 0600);
	assert_null(c->control_group);
	assert_below(folder, c->admin_token_file, "admin.token");
	assert_false(c->admin_token_file_named);
	assert_null(c->public_url);
	assert_below(folder, c->store_path, "tappet.db");
	assert_below(folder, c->workflows, "workflows");
	assert_int_equal(c->plugin_count, 1);
	assert_string_equal(c->plugins[0].name, "webhook");
	assert_null(c->plugins[0].load);
	assert_null(c->plugins[0].with);
	assert_int_equal(c->concurrency, 64);
	assert_int_equal(c->drain_ms, 10000);
	assert_int_equal(c->body_max, 1024 * 1024);
	assert_int_equal(c->queue_max, 100000);
	assert_int_equal(c->log_max, 1024 * 1024);
	assert_int_equal(c->connections_max, 10000);
	assert_int_equal(c->connections_per_address_max, 1000);
	assert_int_equal(c->default_timeout_ms, 3600000);
	assert_int_equal(c->default_env_count, 0);
	assert_int_equal(c->retention_activities_ms, INT64_C(30) * 86400000);
	assert_int_equal(c->retention_events_ms, INT64_C(7) * 86400000);
	assert_int_equal(c->retention_activities_max, 0);
	assert_int_equal(c->retention_events_max, 0);
}

static void an_empty_file_has_all_defaults(void **state)
{
	struct config *c = read_config(*state, "{}");

	assert_non_null(c->file);
	assert_all_defaults(c, *state);
	config_free(c);
}

static void no_file_is_the_same_as_an_empty_one(void **state)
{
	struct config *c = NULL;
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/tappet.json", (const char *)*state);
	assert_int_equal(config_default(path, &c), 0);
	assert_null(c->file);
	assert_all_defaults(c, *state);
	config_free(c);
}

static void every_key_arrives_in_its_field(void **state)
{
	struct config *c = read_config(
		*state,
		"{ // all of it\n\"$schema\": \"x\", \"listen\": [ \"127.0.0.1:0\", \"unix:http.sock\",\n"
		"{ \"address\": \"0.0.0.0:8443\", \"serve\": [ \"hooks\", \"api\" ], \"tls\": { \"cert\": \"c.pem\",\n"
		"\"key\": \"/k.pem\", \"clientCa\": \"ca.pem\", \"clientAuth\": \"optional\", \"minVersion\": "
		"\"1.3\",\n"
		"\"certificates\": [ { \"cert\": \"c2.pem\", \"key\": \"k2.pem\" } ] } }, \"[::1]:8080\" ],\n"
		"\"control\": { \"path\": \"run/control.sock\", \"mode\": \"0660\", \"group\": \"adm\" },\n"
		"\"admin\": { \"tokenFile\": \"/etc/tappet/token\" }, \"publicUrl\": \"https://hooks.example.org/\",\n"
		"\"trustedProxies\": [ \"10.0.0.0/8\", \"unix\", \"::1\" ],\n"
		"\"store\": \"sqlite:data/x.db\", \"workflows\": \"./flows/\",\n"
		"\"plugins\": { \"webhook\": {}, \"mqtt-eu\": { \"load\": \"./mqtt.so\", \"with\": { \"broker\": \"b\" "
		"} } },\n"
		"\"executor\": { \"concurrency\": 0, \"drain\": \"1m\" },\n"
		"\"limits\": { \"body\": \"64KiB\", \"queue\": 5, \"log\": 4096, \"connections\": 7,\n"
		"\"connectionsPerAddress\": 3 },\n"
		"\"defaults\": { \"timeout\": \"5m\", \"env\": { \"CI\": \"1\", \"A\": \"\" } },\n"
		"\"retention\": { \"activities\": \"1h\", \"events\": \"10m\", \"maxActivities\": 5, \"maxEvents\": 6 "
		"} }");

	assert_int_equal(c->listen_count, 4);
	assert_true(c->listen[1].is_unix);
	assert_below(*state, c->listen[1].address, "http.sock");
	assert_string_equal(c->listen[2].address, "0.0.0.0:8443");
	assert_int_equal(c->listen[2].serve, SURFACE_HOOKS | SURFACE_API);
	assert_int_equal(c->listen[3].serve, SURFACE_ALL);
	assert_below(*state, config_certificate(&c->listen[2], 0)->cert, "c.pem");
	assert_string_equal(config_certificate(&c->listen[2], 0)->key, "/k.pem");
	assert_below(*state, config_certificate(&c->listen[2], 1)->key, "k2.pem");
	assert_null(config_certificate(&c->listen[2], 2));
	assert_below(*state, c->listen[2].tls.client_ca, "ca.pem");
	assert_true(c->listen[2].tls.client_optional);
	assert_int_equal(c->listen[2].tls.min_version, 13);
	assert_null(config_certificate(&c->listen[3], 0));
	assert_non_null(c->listen[2].at);
	assert_below(*state, c->control_path, "run/control.sock");
	assert_int_equal(c->control_mode, 0660);
	assert_string_equal(c->control_group, "adm");
	assert_string_equal(c->admin_token_file, "/etc/tappet/token");
	assert_true(c->admin_token_file_named);
	assert_string_equal(c->public_url, "https://hooks.example.org");
	assert_int_equal(c->trusted_count, 2);
	assert_int_equal(c->trusted[0].bits, 104);
	assert_int_equal(c->trusted[1].bits, 128);
	assert_true(c->trust_unix);
	assert_below(*state, c->store_path, "data/x.db");
	assert_below(*state, c->workflows, "flows");
	assert_int_equal(c->plugin_count, 2);
	assert_string_equal(c->plugins[1].name, "mqtt-eu");
	assert_below(*state, c->plugins[1].load, "mqtt.so");
	assert_string_equal(json_get_str(c->plugins[1].with, "broker"), "b");
	assert_int_equal(c->concurrency, 0);
	assert_int_equal(c->drain_ms, 60000);
	assert_int_equal(c->body_max, 65536);
	assert_int_equal(c->queue_max, 5);
	assert_int_equal(c->log_max, 4096);
	assert_int_equal(c->connections_max, 7);
	assert_int_equal(c->connections_per_address_max, 3);
	assert_int_equal(c->default_timeout_ms, 300000);
	assert_int_equal(c->default_env_count, 2);
	assert_string_equal(c->default_env[0].name, "CI");
	assert_string_equal(c->default_env[0].value, "1");
	assert_int_equal(c->retention_activities_ms, 3600000);
	assert_int_equal(c->retention_events_ms, 600000);
	assert_int_equal(c->retention_activities_max, 5);
	assert_int_equal(c->retention_events_max, 6);
	config_free(c);
}

static void the_control_socket_lies_beside_the_store(void **state)
{
	struct config *c = read_config(*state, "{\"store\":\"/var/lib/tappet/tappet.db\"}");

	assert_string_equal(c->control_path, "/var/lib/tappet/tappet.sock");
	config_free(c);
	c = read_config(*state, "{\"listen\":\"unix:/run/x.sock\",\"plugins\":{}}");
	assert_int_equal(c->listen_count, 1);
	assert_int_equal(c->plugin_count, 0);
	config_free(c);
}

static void a_relative_path_is_relative_to_where_it_was_named(void **state)
{
	struct config *c = NULL;
	char here[4096];
	struct diag d;

	diag_init(&d);
	(void)folder_write(*state, "tappet.json", "{}");
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(*state), 0);
	assert_int_equal(config_read("./tappet.json", &d, &c), 0);
	assert_int_equal(chdir(here), 0);
	assert_all_defaults(c, *state);
	config_free(c);
	diag_release(&d);
}

static void unknown_keys_are_mistakes_at_every_level(void **state)
{
	assert_bad(*state, "\"lisen\": []", 1, "unknown key \"lisen\" in tappet.json: did you mean \"listen\"?");
	assert_bad(*state, "\"limits\": {\"boddy\": 1}", 12, "unknown key \"boddy\" in limits: did you mean \"body\"?");
	assert_bad(*state, "\"listen\": [{\"address\": \"127.0.0.1:1\", \"serves\": []}]", 39,
		   "did you mean \"serve\"?");
	assert_bad(*state, "\"plugins\": {\"webhook\": {\"path\": \"x\"}}", 25,
		   "unknown key \"path\" in a plugin (its own");
	assert_bad(*state, "\"control\": {\"group\": null, \"user\": 1}", 28, "unknown key \"user\" in control");
	assert_bad(*state, "\"limits.body\": 1", 1, "unknown key \"limits.body\"");
	assert_bad(*state, "\"NAME\": 1", 1, "unknown key");
}

static void keys_of_later_versions_are_refused(void **state)
{
	assert_bad(*state, "\"store\": \"postgresql://db/x\"", 10, "\"postgresql:\" is not supported by this version");
}

static void addresses_are_ip_and_port_or_a_path(void **state)
{
	static const char *const bad[] = {"localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
					  "127.0.0.1:-1", "::1:80x",   "[::1]",      "[::g]:80",
					  "1.2.3:80",     ":80",       "",           "127.0.0.1:8 0",
					  "http://x:80"};
	char member[200];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(member, sizeof(member), "\"listen\": [\"%s\"]", bad[i]);
		assert_bad(*state, member, 12, "expected an IP address and port");
	}
	assert_bad(*state, "\"listen\": [\"unix:\"]", 12, "without a path");
	assert_bad(*state, "\"listen\": [7]", 12, "an address, found a number");
	assert_bad(*state, "\"listen\": [{\"serve\": [\"api\"]}]", 12, "a listener needs an \"address\"");
	assert_bad(*state, "\"listen\": [{\"address\": \"127.0.0.1:1\", \"serve\": [\"hook\"]}]", 49,
		   "did you mean \"hooks\"?");
	assert_bad(*state, "\"listen\": [{\"address\": \"127.0.0.1:1\", \"serve\": []}]", 48,
		   "nothing would be served");
	assert_bad(*state, "\"listen\": [{\"address\": \"127.0.0.1:1\", \"serve\": [\"api\",\"api\"]}]", 55,
		   "stands twice");
}

static void what_listens_stands_once(void **state)
{
	struct config *c;

	assert_bad(*state, "\"listen\": [\"127.0.0.1:80\", \"127.0.0.1:80\"]", 28, "two listeners have the address");
	assert_bad(*state, "\"listen\": [\"unix:tappet.sock\"]", 12, "is the control socket");
	c = read_config(*state, "{\"listen\": [\"127.0.0.1:0\", \"127.0.0.1:0\"]}");
	config_free(c);
}

static void the_api_beyond_this_machine_needs_a_named_token_file(void **state)
{
	static const char *const fine[] = {
		"\"listen\": [\"127.8.9.1:80\", \"[::1]:80\", \"[::ffff:127.0.0.1]:81\", \"unix:x.sock\"]",
		"\"listen\": [{\"address\": \"0.0.0.0:80\", \"serve\": [\"hooks\",\"action\",\"metrics\",\"health\"]}]",
		"\"listen\": [\"0.0.0.0:80\"], \"admin\": {\"tokenFile\": \"t\"}",
	};
	char text[300];

	assert_bad(*state, "\"listen\": [\"0.0.0.0:80\"]", 12, "name the \"tokenFile\"");
	assert_bad(*state, "\"listen\": [\"[::]:80\"]", 12, "name the \"tokenFile\"");
	assert_bad(*state, "\"listen\": [{\"address\": \"192.0.2.1:80\", \"serve\": [\"console\"]}]", 12, "name the");
	assert_bad(*state, "\"listen\": [{\"address\": \"[2001:db8::1]:80\", \"serve\": [\"api\"]}]", 12, "name the");
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++) {
		(void)snprintf(text, sizeof(text), "{%s}", fine[i]);
		config_free(read_config(*state, text));
	}
}

static void values_keep_their_ranges_and_forms(void **state)
{
	assert_bad(*state, "\"executor\": {\"concurrency\": -1}", 29, "from 0 to 10000, found -1");
	assert_bad(*state, "\"executor\": {\"concurrency\": 1.5}", 29, "a whole number");
	assert_bad(*state, "\"executor\": {\"drain\": 10}", 23, "a duration such as");
	assert_bad(*state, "\"executor\": 5", 13, "\"executor\": expected an object, found a number");
	assert_bad(*state, "\"limits\": {\"body\": \"1MB\"}", 20, "found \"1MB\"");
	assert_bad(*state, "\"limits\": {\"body\": 0}", 20, "from 1 to");
	assert_bad(*state, "\"limits\": {\"body\": \"2GiB\"}", 20, "expected 1 to 1073741824 bytes");
	assert_bad(*state, "\"limits\": {\"queue\": \"many\"}", 21, "a whole number from 1 to 100000000");
	assert_bad(*state, "\"control\": {\"mode\": 600}", 21, "in octal");
	assert_bad(*state, "\"control\": {\"mode\": \"0680\"}", 21, "in octal");
	assert_bad(*state, "\"control\": {\"mode\": \"0066\"}", 21, "the owner has to be able");
	assert_bad(*state, "\"publicUrl\": \"hooks.example.org\"", 14, "http:// or https://");
	assert_bad(*state, "\"publicUrl\": \"https://\"", 14, "http:// or https://");
	assert_bad(*state, "\"retention\": {\"events\": \"0s\"}", 25, "at least 1ms");
	assert_bad(*state, "\"workflows\": \"\"", 14, "\"workflows\" is empty");
	assert_bad(*state, "\"store\": \"sqlite:\"", 10, "names no file");
	assert_bad(*state, "\"admin\": {\"tokenFile\": 1}", 24, "a path, found a number");
	assert_bad(*state, "\"defaults\": {\"env\": {\"A\": {\"env\": \"B\"}}}", 27, "secrets are given to the steps");
	assert_bad(*state, "\"defaults\": {\"env\": {\"TAPPET_STEP\": \"\"}}", 22, "is set by the daemon");
	assert_bad(*state, "\"plugins\": {\"manual\": {}}", 13, "is reserved");
	assert_bad(*state, "\"plugins\": {\"Web\": {}}", 13, "is no name for a plugin");
	assert_bad(*state, "\"plugins\": {\"webhook\": true}", 24, "expected an object, found a boolean");
	assert_mistake(*state, "[]", 1, 1, "expected an object, found an array");
}

static void files_that_the_daemon_writes_are_different_ones(void **state)
{
	assert_bad(*state, "\"admin\": {\"tokenFile\": \"tappet.db\"}", 24, "the store and the administrator's token");
	assert_bad(*state, "\"store\": \"tappet.json\"", 10, "this file and the store have the same path");
	assert_bad(*state, "\"control\": {\"path\": \"./admin.token\"}", 21, "have the same path");
}

static void a_socket_path_beyond_the_system_limit_is_told_at_load(void **state)
{
	char member[400];

	(void)snprintf(member, sizeof(member), "\"control\": {\"path\": \"/%0110d\"}", 1);
	assert_bad(*state, member, 21, "at most 107 bytes");
	(void)snprintf(member, sizeof(member), "\"listen\": [\"unix:/%0110d\"]", 1);
	assert_bad(*state, member, 12, "at most 107 bytes");
}

static void all_mistakes_come_in_one_pass(void **state)
{
	struct config *c = NULL;
	struct diag d;

	diag_init(&d);
	assert_int_equal(
		config_read(folder_write(*state, "tappet.json",
					 "{\"listen\":[\"x\"],\n\"limits\":{\"body\":\"?\",\"queue\":0},\n\"stor\":1}"),
			    &d, &c),
		-EINVAL);
	assert_int_equal(d.count, 4);
	assert_int_equal(d.items[0].line, 1);
	assert_int_equal(d.items[1].line, 2);
	assert_int_equal(d.items[3].line, 3);
	diag_release(&d);
}

static void a_missing_or_broken_file_is_told(void **state)
{
	struct config *c = NULL;
	char path[4096];
	struct diag d;

	diag_init(&d);
	(void)snprintf(path, sizeof(path), "%s/none.json", (const char *)*state);
	assert_int_equal(config_read(path, &d, &c), -ENOENT);
	assert_int_equal(config_read(folder_write(*state, "tappet.json", "{\n\"a\" 1}"), &d, &c), -EINVAL);
	assert_true(d.count >= 1);
	assert_int_equal(d.items[d.count - 1].line, 2);
	diag_release(&d);
}

static void paths_are_joined_with_their_folder(void **state)
{
	static const char *const cases[][3] = {
		{"/etc", "x.json", "/etc/x.json"},
		{"/etc", "/var/x", "/var/x"},
		{"/etc", "./x", "/etc/x"},
		{"/", "x", "/x"},
		{"/etc", "x/", "/etc/x"},
		{"/etc", "/", "/"},
		{"/etc", "a/./b//c/.", "/etc/a/b/c"},
		{"/etc", ".", "/etc"},
		{"/etc", ".//x", "/etc/x"},
		{"/etc", "../x/..", "/etc/../x/.."},
		{"/etc", "~/.x", "/etc/~/.x"},
		{"/etc", "///", "/"},
		{"", "./x", "x"},
		{"", "./", "."},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *path = config_path(cases[i][0], cases[i][1]);

		assert_string_equal(path, cases[i][2]);
		free(path);
	}
}

static void the_documentation_names_every_key_with_its_default(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 1000000);
	config_document(&out);
	assert_non_null(strstr(buf_cstr(&out), "| `limits.body` | size | `\"1MiB\"` |"));
	assert_non_null(strstr(buf_cstr(&out), "| `control.path` | path | `tappet.sock` beside the store |"));
	assert_non_null(strstr(buf_cstr(&out), "| `plugins.NAME.load` |"));
	assert_non_null(strstr(buf_cstr(&out), "| `listen[].tls.certificates[].key` |"));
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_empty_file_has_all_defaults, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(no_file_is_the_same_as_an_empty_one, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(every_key_arrives_in_its_field, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(the_control_socket_lies_beside_the_store, folder_setup,
						folder_teardown),
		cmocka_unit_test_setup_teardown(a_relative_path_is_relative_to_where_it_was_named, folder_setup,
						folder_teardown),
		cmocka_unit_test_setup_teardown(unknown_keys_are_mistakes_at_every_level, folder_setup,
						folder_teardown),
		cmocka_unit_test_setup_teardown(keys_of_later_versions_are_refused, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(addresses_are_ip_and_port_or_a_path, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(what_listens_stands_once, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(the_api_beyond_this_machine_needs_a_named_token_file, folder_setup,
						folder_teardown),
		cmocka_unit_test_setup_teardown(values_keep_their_ranges_and_forms, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(files_that_the_daemon_writes_are_different_ones, folder_setup,
						folder_teardown),
		cmocka_unit_test_setup_teardown(a_socket_path_beyond_the_system_limit_is_told_at_load, folder_setup,
						folder_teardown),
		cmocka_unit_test_setup_teardown(all_mistakes_come_in_one_pass, folder_setup, folder_teardown),
		cmocka_unit_test_setup_teardown(a_missing_or_broken_file_is_told, folder_setup, folder_teardown),
		cmocka_unit_test(paths_are_joined_with_their_folder),
		cmocka_unit_test(the_documentation_names_every_key_with_its_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
