#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_reader.h"
#include "model/names.h"

#define EXPECTED "expected an IP address and port (127.0.0.1:8080, [::1]:8080) or unix:PATH"

static const struct {
	const char *name;
	unsigned surface;
} surfaces[] = {
	{"hooks", SURFACE_HOOKS},     {"action", SURFACE_ACTION},   {"api", SURFACE_API},
	{"console", SURFACE_CONSOLE}, {"metrics", SURFACE_METRICS}, {"health", SURFACE_HEALTH},
};
#define SURFACE_COUNT (sizeof(surfaces) / sizeof(surfaces[0]))

struct address {
	struct in_addr v4;
	struct in6_addr v6;
	bool is_v6;
};

static bool is_port(const char *text)
{
	char *end;
	unsigned long port;

	if (strlen(text) > 5 || *text < '0' || *text > '9')
		return false;
	port = strtoul(text, &end, 10);
	return *end == '\0' && port <= 65535;
}

/* HOST:PORT with an address in figures: names would need a resolver, and may mean several addresses. */
static bool parse_address(const char *text, struct address *ret)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	char host[INET6_ADDRSTRLEN + 2];

	if (!colon || len >= sizeof(host) || !is_port(colon + 1))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	ret->is_v6 = len > 2 && host[0] == '[' && host[len - 1] == ']';
	if (!ret->is_v6)
		return inet_pton(AF_INET, host, &ret->v4) == 1;
	host[len - 1] = '\0';
	return inet_pton(AF_INET6, host + 1, &ret->v6) == 1;
}

bool config_is_local(const struct listen_config *l)
{
	struct address a = {0};

	if (l->is_unix)
		return true;
	if (!parse_address(l->address, &a))
		return false;
	if (!a.is_v6)
		return ntohl(a.v4.s_addr) >> 24 == IN_LOOPBACKNET;
	if (IN6_IS_ADDR_V4MAPPED(&a.v6))
		return a.v6.s6_addr[12] == IN_LOOPBACKNET;
	return IN6_IS_ADDR_LOOPBACK(&a.v6);
}

static void set_unix(struct config_reader *cr, struct listen_config *l, const struct json *v, const char *path)
{
	if (!*path) {
		reader_mistake(&cr->reader, v, false, "\"unix:\" without a path");
		return;
	}
	free(l->address);
	l->is_unix = true;
	l->address = config_path(cr->c->folder, path);
	if (!l->address)
		cr->reader.error = -ENOMEM;
	else if (strlen(l->address) > UNIX_PATH_MAX_LEN)
		reader_mistake(&cr->reader, v, false, "the path of a UNIX socket has at most %d bytes: %s",
			       UNIX_PATH_MAX_LEN, l->address);
}

void config_read_address(struct reader *r, void *into, const struct json *v)
{
	struct listen_config *l = into;
	struct address a;

	if (!json_is_string(v))
		reader_expected(r, v, "an address");
	else if (strncmp(json_str(v), "unix:", 5) == 0)
		set_unix((struct config_reader *)(void *)r, l, v, json_str(v) + 5);
	else if (!parse_address(json_str(v), &a))
		reader_mistake(r, v, false, "\"%.100s\": " EXPECTED, json_str(v));
	else
		(void)reader_string(r, v, &l->address);
}

static void read_surface(struct reader *r, const struct json *item, unsigned *serve)
{
	struct nearest near;

	if (!json_is_string(item)) {
		reader_expected(r, item, "hooks, action, api, console, metrics or health");
		return;
	}
	nearest_init(&near, json_str(item));
	for (size_t i = 0; i < SURFACE_COUNT; i++) {
		nearest_offer(&near, surfaces[i].name);
		if (strcmp(surfaces[i].name, near.key) != 0)
			continue;
		if (*serve & surfaces[i].surface)
			reader_mistake(r, item, false, "\"%s\" stands twice", near.key);
		*serve |= surfaces[i].surface;
		return;
	}
	if (near.word)
		reader_mistake(r, item, false, "\"%.60s\" cannot be served: did you mean \"%s\"?", near.key, near.word);
	else
		reader_mistake(r, item, false,
			       "\"%.60s\" cannot be served: expected hooks, action, api, console, metrics or health",
			       near.key);
}

void config_read_serve(struct reader *r, void *into, const struct json *v)
{
	struct listen_config *l = into;
	unsigned serve = 0;

	if (!json_is_array(v)) {
		reader_expected(r, v, "a list");
		return;
	}
	if (!json_first(v))
		reader_mistake(r, v, false, "\"serve\" is empty: nothing would be served");
	for (const struct json *item = json_first(v); item; item = json_next(item))
		read_surface(r, item, &serve);
	l->serve = serve;
}

static void read_listener(struct config_reader *cr, const struct json *v)
{
	struct listen_config *l = &cr->c->listen[cr->c->listen_count++];

	l->serve = SURFACE_ALL;
	l->at = cr->defaults ? NULL : v;
	if (!json_is_object(v)) {
		config_read_address(&cr->reader, l, v);
		return;
	}
	config_read_object(cr, "listen[]", "a listener", v, l);
	if (!json_get(v, "address"))
		reader_mistake(&cr->reader, v, false, "a listener needs an \"address\"");
}

void config_read_listen(struct reader *r, void *into, const struct json *v)
{
	struct config *c = into;
	struct config_reader *cr = (struct config_reader *)(void *)r;
	bool list = json_is_array(v);

	c->listen = reader_calloc(r, list ? json_count(v) : 1, sizeof(*c->listen));
	if (!c->listen)
		return;
	if (!list) {
		read_listener(cr, v);
		return;
	}
	for (const struct json *item = json_first(v); item; item = json_next(item))
		read_listener(cr, item);
}
