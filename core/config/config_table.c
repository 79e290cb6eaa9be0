#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_reader.h"
#include "model/names.h"

#define AT(member) .offset = offsetof(struct config, member)
#define SECTION(name)                                                                                                  \
	{                                                                                                              \
		.path = (name), .kind = CONFIG_SECTION                                                                 \
	}
#define GIB ((int64_t)1 << 30)

const struct config_key config_keys[] = {
	{"$schema", "string", CONFIG_CUSTOM, .read = config_read_schema, .schema = "{\"type\":\"string\"}",
	 .help = "For editors: the JSON Schema of this file. Not read."},
	{"listen", "list", CONFIG_CUSTOM, .read = config_read_listen, .fallback = "[\"127.0.0.1:8080\"]",
	 .schema = "{\"oneOf\":[{\"$ref\":\"#/$defs/listener\"},{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/"
		   "listener\"}}]}",
	 .help = "Where to listen: addresses (`127.0.0.1:8080`, `[::1]:8080`, `unix:/run/tappet/http.sock`; "
		 "port 0 takes a free one), or objects with the keys below."},
	{"listen[].address", "string", CONFIG_CUSTOM, .read = config_read_address, .shown = "required",
	 .schema = "{\"type\":\"string\",\"minLength\":1}", .help = "An address as above."},
	{"listen[].serve", "list", CONFIG_CUSTOM, .read = config_read_serve, .shown = "all of them",
	 .schema = "{\"type\":\"array\",\"minItems\":1,\"uniqueItems\":true,\"items\":{\"enum\":[\"hooks\",\"action\","
		   "\"api\",\"console\",\"metrics\",\"health\"]}}",
	 .help = "What is served there: `hooks`, `action`, `api`, `console`, `metrics`, `health`."},
	SECTION("listen[].tls"),
	{"listen[].tls.cert", "path", CONFIG_PATH, .offset = offsetof(struct listen_config, tls.first.cert),
	 .shown = "none",
	 .help = "TLS: the certificate, and behind it its chain, in PEM. It is taken anew with each reload."},
	{"listen[].tls.key", "path", CONFIG_PATH, .offset = offsetof(struct listen_config, tls.first.key),
	 .shown = "none", .help = "Its private key, in PEM, without a password."},
	{"listen[].tls.certificates", "list", CONFIG_CUSTOM, .read = config_read_certificates, .shown = "none",
	 .schema = "{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"#/$defs/certificate\"}}",
	 .help = "Further certificates. A client gets the one that names the server it asks for (SNI); with none "
		 "of them the first."},
	{"listen[].tls.certificates[].cert", "path", CONFIG_PATH, .offset = offsetof(struct certificate_config, cert),
	 .shown = "required", .help = "As `cert` above."},
	{"listen[].tls.certificates[].key", "path", CONFIG_PATH, .offset = offsetof(struct certificate_config, key),
	 .shown = "required", .help = "As `key` above."},
	{"listen[].tls.clientCa", "path", CONFIG_PATH, .offset = offsetof(struct listen_config, tls.client_ca),
	 .shown = "none", .help = "Authorities, in PEM, whose certificates clients are asked for."},
	{"listen[].tls.clientAuth", "string", CONFIG_CUSTOM, .read = config_read_client_auth,
	 .shown = "`\"required\"` with `clientCa`", .schema = "{\"enum\":[\"required\",\"optional\"]}",
	 .help = "`required` turns away a client without a certificate, `optional` serves it as well. One with a wrong "
		 "certificate is turned away in any case."},
	{"listen[].tls.minVersion", "string", CONFIG_CUSTOM, .read = config_read_min_version, .shown = "`\"1.2\"`",
	 .schema = "{\"enum\":[\"1.2\",\"1.3\"]}", .help = "The lowest version of TLS that is spoken."},
	SECTION("control"),
	{"control.path", "path", CONFIG_PATH, AT(control_path), .shown = "`tappet.sock` beside the store",
	 .help = "The UNIX socket of the command line. Whoever may open it is an administrator."},
	{"control.mode", "string", CONFIG_CUSTOM, .read = config_read_mode, .fallback = "\"0600\"",
	 .schema = "{\"type\":\"string\",\"pattern\":\"^(0?[0-7]{3})$\"}",
	 .help = "Permissions of the socket, in octal."},
	{"control.group", "string", CONFIG_CUSTOM, .read = config_read_group, .shown = "none",
	 .schema = "{\"type\":[\"string\",\"null\"],\"minLength\":1}",
	 .help = "The group that the socket is given to."},
	SECTION("admin"),
	{"admin.tokenFile", "path", CONFIG_PATH, AT(admin_token_file), .fallback = "\"admin.token\"",
	 .help = "The administrator's token, written at the first start with mode 0600. It has to be named when "
		 "`api` or `console` is served beyond this machine."},
	{"publicUrl", "string", CONFIG_CUSTOM, .read = config_read_url, .shown = "none",
	 .schema = "{\"type\":\"string\",\"pattern\":\"^https?://[^/ ?#][^ ?#]*$\"}",
	 .help = "How the world reaches this daemon, for the addresses that are shown to people."},
	{"trustedProxies", "list", CONFIG_CUSTOM, .read = config_read_proxies, .fallback = "[]",
	 .schema = "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"minLength\":2}}",
	 .help = "Proxies that are believed what they say of their clients (`Forwarded`, `X-Forwarded-For`, "
		 "`X-Forwarded-Proto`): addresses, ranges (`10.0.0.0/8`), or `unix` for whoever connects by a UNIX "
		 "socket. See [operations.md](operations.md#behind-a-proxy)."},
	{"store", "string", CONFIG_CUSTOM, .read = config_read_store, .fallback = "\"sqlite:tappet.db\"",
	 .schema = "{\"type\":\"string\",\"pattern\":\"^(sqlite:.+|[^:]+|[^:/]*/.*)$\"}",
	 .help = "The store: `sqlite:PATH`, or just the path."},
	{"workflows", "path", CONFIG_PATH, AT(workflows), .fallback = "\"workflows/\"",
	 .help = "The folder with the definitions of workflows (`*.json`)."},
	{"plugins", "object", CONFIG_CUSTOM, .read = config_read_plugins, .fallback = "{\"webhook\": {}}",
	 .schema = "{\"type\":\"object\",\"propertyNames\":{\"pattern\":\"^[a-z][a-z0-9-]{0,31}$\",\"not\":{\"enum\":["
		   "\"manual\",\"workflow\",\"replay\"]}},\"additionalProperties\":{\"$ref\":\"#/$defs/plugin\"}}",
	 .help = "The plugins to load, by the name that triggers call them; these and only these."},
	{"plugins.NAME.load", "path", CONFIG_PATH, .offset = offsetof(struct plugin_config, load),
	 .shown = "`NAME.so` of the daemon's own plugins", .help = "The shared object."},
	{"plugins.NAME.with", "object", CONFIG_CUSTOM, .read = config_read_plugin_with, .fallback = "{}",
	 .schema = "{\"type\":\"object\"}", .help = "The plugin's own options: see `tappet plugins show NAME`."},
	SECTION("executor"),
	{"executor.concurrency", "integer", CONFIG_COUNT, AT(concurrency), 0, 10000, .fallback = "64",
	 .help = "How many steps may run at once. 0: activities are accepted and wait."},
	{"executor.drain", "duration", CONFIG_DURATION, AT(drain_ms), 0, .fallback = "\"10s\"",
	 .help = "How long running steps may take when the daemon stops; then they are ended and run again at the next "
		 "start."},
	SECTION("limits"),
	{"limits.body", "size", CONFIG_SIZE, AT(body_max), 1, GIB, .fallback = "\"1MiB\"",
	 .help = "The largest body of a request; larger ones are answered 413."},
	{"limits.queue", "integer", CONFIG_COUNT, AT(queue_max), 1, 100000000, .fallback = "100000",
	 .help = "How many activities may wait to be started; further ones are refused with 503."},
	{"limits.log", "size", CONFIG_SIZE, AT(log_max), 1, GIB, .fallback = "\"1MiB\"",
	 .help = "How much of a step's output is kept."},
	{"limits.memory", "size", CONFIG_SIZE, AT(memory_max), 1, 64 * GIB, .fallback = "\"256MiB\"",
	 .help = "How much memory requests and answers of all connections may take together. When it is used up, "
		 "bodies over "
		 "16 KiB are answered 503, and who does not read his answers is not heard until he does."},
	{"limits.connections", "integer", CONFIG_COUNT, AT(connections_max), 1, 1000000, .fallback = "10000",
	 .help = "How many connections may be open."},
	{"limits.connectionsPerAddress", "integer", CONFIG_COUNT, AT(connections_per_address_max), 1, 1000000,
	 .fallback = "1000",
	 .help = "How many of them from one address; this machine's own addresses are not counted."},
	SECTION("defaults"),
	{"defaults.timeout", "duration", CONFIG_DURATION, AT(default_timeout_ms), 1, .fallback = "\"1h\"",
	 .help = "The time limit of steps that have none of their own."},
	{"defaults.env", "object", CONFIG_CUSTOM, .read = config_read_env, .fallback = "{}",
	 .schema = "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}",
	 .help = "Variables for the environment of all steps."},
	{"defaults.onFailure", "object", CONFIG_CUSTOM, .read = config_read_on_failure, .shown = "none",
	 .schema = "{\"$ref\":\"#/$defs/onFailure\"}",
	 .help = "A step that becomes `onFailure` of every workflow that says nothing of it (`\"onFailure\": null` "
		 "does). It "
		 "runs when an activity has failed, see [workflows.md](workflows.md)."},
	SECTION("retention"),
	{"retention.activities", "duration", CONFIG_DURATION, AT(retention_activities_ms), 1, .fallback = "\"30d\"",
	 .help = "How long activities are kept after their end; longer while their dedup key counts."},
	{"retention.events", "duration", CONFIG_DURATION, AT(retention_events_ms), 1, .fallback = "\"7d\"",
	 .help = "How long events are kept for subscribers that come back."},
	{"retention.maxActivities", "integer", CONFIG_COUNT, AT(retention_activities_max), 0, 1000000000,
	 .fallback = "0",
	 .help = "How many activities are kept, however young; the oldest that have ended go first. Those under way "
		 "and those whose dedup key still counts stay. 0: no bound."},
	{"retention.maxEvents", "integer", CONFIG_COUNT, AT(retention_events_max), 0, 1000000000, .fallback = "0",
	 .help = "How many events are kept, however young; each piece of a log is one. 0: no bound."},
};
const size_t config_key_count = sizeof(config_keys) / sizeof(config_keys[0]);

static void read_path(struct config_reader *cr, const struct json *v, char **ret)
{
	if (!json_is_string(v)) {
		reader_expected(&cr->reader, v, "a path");
		return;
	}
	if (!*json_str(v)) {
		reader_mistake(&cr->reader, v, false, "\"%s\" is empty", json_key(v));
		return;
	}
	free(*ret);
	*ret = config_path(cr->c->folder, json_str(v));
	if (!*ret)
		cr->reader.error = -ENOMEM;
}

static void read_key(struct config_reader *cr, const struct config_key *key, const struct json *v, void *into)
{
	void *at = (char *)into + key->offset;
	const char *dot = strrchr(key->path, '.');
	int64_t number;

	switch (key->kind) {
	case CONFIG_CUSTOM:
		key->read(&cr->reader, into, v);
		break;
	case CONFIG_SECTION:
		config_read_object(cr, key->path, dot ? dot + 1 : key->path, v, into);
		break;
	case CONFIG_COUNT:
		if (reader_int(&cr->reader, v, key->min, key->max, &number))
			*(size_t *)at = (size_t)number;
		break;
	case CONFIG_SIZE:
		(void)reader_size(&cr->reader, v, (uint64_t)key->min, (uint64_t)key->max, at);
		break;
	case CONFIG_DURATION:
		(void)reader_duration(&cr->reader, v, key->min, at);
		break;
	case CONFIG_PATH:
		read_path(cr, v, at);
		break;
	}
}

const char *config_name_within(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	if (len > 0) {
		if (strncmp(path, prefix, len) != 0 || path[len] != '.')
			return NULL;
		path += len + 1;
	}
	return strchr(path, '.') ? NULL : path;
}

static const struct config_key *find(const char *prefix, const char *name)
{
	for (size_t i = 0; i < config_key_count; i++) {
		const char *known = config_name_within(config_keys[i].path, prefix);

		if (known && strcmp(known, name) == 0)
			return &config_keys[i];
	}
	return NULL;
}

static void unknown_key(struct config_reader *cr, const char *prefix, const char *what, const struct json *member)
{
	struct nearest near;

	nearest_init(&near, json_key(member));
	for (size_t i = 0; i < config_key_count; i++) {
		const char *known = config_name_within(config_keys[i].path, prefix);

		if (known)
			nearest_offer(&near, known);
	}
	if (near.word)
		reader_mistake(&cr->reader, member, true, "unknown key \"%.80s\" in %s: did you mean \"%s\"?", near.key,
			       what, near.word);
	else
		reader_mistake(&cr->reader, member, true, "unknown key \"%.80s\" in %s", near.key, what);
}

void config_read_object(struct config_reader *cr, const char *prefix, const char *what, const struct json *object,
			void *into)
{
	if (!json_is_object(object)) {
		reader_expected(&cr->reader, object, "an object");
		return;
	}
	for (const struct json *member = json_first(object); member; member = json_next(member)) {
		const struct config_key *key = find(prefix, json_key(member));

		if (key)
			read_key(cr, key, member, into);
		else
			unknown_key(cr, prefix, what, member);
	}
}

/* Whether the file has a value for a key such as "limits.body". */
static bool is_given(const struct json *root, const char *path)
{
	const char *dot = strchr(path, '.');
	char section[40];

	if (!dot)
		return json_get(root, path) != NULL;
	(void)snprintf(section, sizeof(section), "%.*s", (int)(dot - path), path);
	return json_get(json_get(root, section), dot + 1) != NULL;
}

static void read_default(struct config_reader *cr, const struct config_key *key)
{
	struct json *value = NULL;
	int r = json_parse(key->fallback, strlen(key->fallback), &value, NULL);

	if (r < 0)
		cr->reader.error = r;
	else
		read_key(cr, key, value, cr->c);
	json_free(value);
}

void config_read_defaults(struct config_reader *cr)
{
	const struct json *root = cr->reader.file->root;

	cr->defaults = true;
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];
		/* Keys of lists and of named objects have theirs where these are read. */
		bool single = !strstr(key->path, "[]") && !strstr(key->path, "NAME");

		if (key->fallback && single && !is_given(root, key->path))
			read_default(cr, key);
	}
}

void config_document(struct buf *out)
{
	(void)buf_str(out, "| key | type | default | meaning |\n|---|---|---|---|\n");
	for (size_t i = 0; i < config_key_count; i++) {
		const struct config_key *key = &config_keys[i];

		if (key->kind == CONFIG_SECTION)
			continue;
		(void)buf_printf(out, "| `%s` | %s | ", key->path, key->type);
		if (key->fallback)
			(void)buf_printf(out, "`%s`", key->fallback);
		else if (key->shown)
			(void)buf_str(out, key->shown);
		(void)buf_printf(out, " | %s |\n", key->help);
	}
}
