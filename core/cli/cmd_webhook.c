/* webhook secrets: when each secret of a trigger was used last. */
#include "cli/show.h"
#include "cli/webhook.h"

void webhook_path(const struct cli *c, const char *what, struct buf *path)
{
	const char *plugin = cli_value(c, "plugin"), *name = c->args[0], *slash = strchr(name, '/');
	char *workflow = strndup(name, slash ? (size_t)(slash - name) : strlen(name));
	buf_init(path, 64 * 1024);
	buf_str(path, "/plugins/");
	client_escape(path, plugin ? plugin : "webhook");
	buf_printf(path, "/%s/", what);
	client_escape(path, workflow ? workflow : "");
	if (slash) {
		buf_char(path, '/');
		client_escape(path, slash + 1);
	}
	free(workflow);
}

static const char *time_or_never(const struct json *v, const char *key, char room[static SHOW_MAX])
{
	show_time(json_get_str(v, key), room);
	return room[0] ? room : "never";
}

static void add_secret(struct table *t, const struct json *secret)
{
	char text[SHOW_MAX];
	int64_t number = 0;
	table_add(t, json_get_str(secret, "trigger"));
	table_add(t, json_get_str(secret, "kind"));
	json_int(json_get(secret, "position"), &number);
	snprintf(text, sizeof(text), "%lld", (long long)number);
	table_add(t, text);
	table_add(t, json_get_str(secret, "fingerprint"));
	table_add(t, time_or_never(secret, "firstSeen", text));
	table_add(t, time_or_never(secret, "lastUsed", text));
	number = 0;
	json_int(json_get(secret, "usesSinceStart"), &number);
	snprintf(text, sizeof(text), "%lld", (long long)number);
	table_add(t, text);
}

int cmd_webhook_secrets(struct cli *c)
{
	static const char *const heads[] = {"TRIGGER",    "KIND",      "POSITION",        "FINGERPRINT",
					    "FIRST SEEN", "LAST USED", "USES SINCE START"};
	struct answer answer;
	struct buf path;
	struct table t;
	webhook_path(c, "secrets", &path);
	const int code = client_call_path(c, "GET", &path, NULL, &answer);
	if (code != CLI_OK)
		return code;
	const struct json *secrets = json_get(answer.json, "secrets");
	if (c->json) {
		client_print_json(&answer);
	} else if (!json_first(secrets)) {
		puts("its webhook triggers have no secrets");
	} else {
		table_init(&t, heads, sizeof(heads) / sizeof(heads[0]));
		for (const struct json *secret = json_first(secrets); secret; secret = json_next(secret))
			add_secret(&t, secret);
		table_print(&t, true, c->colour);
		table_release(&t);
	}
	answer_release(&answer);
	return CLI_OK;
}
