#include "gateway/forwarded.h"

#include <errno.h>
#include <strings.h>
#include "gateway/chars.h"
#include "gateway/internal.h"

/* More proxies than this stand before no daemon; of longer lists the last ones count. */
#define HOPS_MAX 32
#define VALUE_MAX 64

struct hop {
	uint8_t address[CIDR_ADDRESS_SIZE];
	bool known;         /* else it is hidden, or no address */
	const char *scheme; /* NULL: not told */
};

struct hops {
	struct hop items[HOPS_MAX];
	size_t count;
};

static struct hop *add_hop(struct hops *hops)
{
	if (hops->count == HOPS_MAX) {
		memmove(hops->items, hops->items + 1, (HOPS_MAX - 1) * sizeof(hops->items[0]));
		hops->count--;
	}
	hops->items[hops->count] = (struct hop){0};
	return &hops->items[hops->count++];
}

static bool is_named(const struct field *field, const char *head, const char *name)
{
	return strlen(name) == field->name_len && strncasecmp(head + field->name, name, field->name_len) == 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static const char *behind_space(const char *at)
{
	while (is_space(*at))
		at++;
	return at;
}

static const char *read_scheme(const char *text, size_t len)
{
	if (len == 5 && strncasecmp(text, "https", 5) == 0)
		return "https";
	return len == 4 && strncasecmp(text, "http", 4) == 0 ? "http" : NULL;
}

/* An address, perhaps with a port: 192.0.2.1:80, [2001:db8::1]:80, 2001:db8::1. */
static bool read_node(const char *text, size_t len, uint8_t ret[static CIDR_ADDRESS_SIZE])
{
	const char *end = text + len, *stop = end;
	if (len > 0 && text[0] == '[') {
		text++;
		stop = memchr(text, ']', len - 1);
		if (!stop || !memchr(text, ':', (size_t)(stop - text)) || (stop + 1 < end && stop[1] != ':'))
			return false;
	} else {
		const char *colon = memchr(text, ':', len);
		if (colon && !memchr(colon + 1, ':', (size_t)(end - colon - 1)))
			stop = colon;
	}
	return cidr_address(text, (size_t)(stop - text), ret) == 0;
}

/* ---- Forwarded ------------------------------------------------------------------------------------------------- */

struct pair {
	const char *name;
	size_t name_len;
	char value[VALUE_MAX];
	size_t value_len;
	bool too_long;
};

static void add_char(struct pair *p, char c)
{
	p->too_long = p->too_long || p->value_len == sizeof(p->value);
	if (!p->too_long)
		p->value[p->value_len++] = c;
}

/* Behind the closing quote; NULL: there is none. */
static const char *read_quoted(const char *at, struct pair *p)
{
	for (at++; *at && *at != '"'; at++) {
		if (*at == '\\' && !*++at)
			return NULL;
		add_char(p, *at);
	}
	return *at ? at + 1 : NULL;
}

/* A value that ought to be quoted but is not is taken all the same: what ends it is clear. */
static const char *read_bare(const char *at, struct pair *p)
{
	const char *begin = at;
	for (; *at && !strchr(";,\" \t", *at); at++)
		add_char(p, *at);
	return at > begin ? at : NULL;
}

/* Behind NAME=VALUE; NULL: malformed. */
static const char *read_pair(const char *at, struct pair *p)
{
	*p = (struct pair){.name = at};
	while (chars_is_token(*at))
		at++;
	p->name_len = (size_t)(at - p->name);
	if (p->name_len == 0 || *at != '=')
		return NULL;
	at++;
	return *at == '"' ? read_quoted(at, p) : read_bare(at, p);
}

static void use_pair(struct hop *hop, const struct pair *p)
{
	if (p->name_len == 3 && strncasecmp(p->name, "for", 3) == 0)
		hop->known = !p->too_long && read_node(p->value, p->value_len, hop->address);
	else if (p->name_len == 5 && strncasecmp(p->name, "proto", 5) == 0)
		hop->scheme = p->too_long ? NULL : read_scheme(p->value, p->value_len);
}

/* Forward, since a quote may hold commas. -EINVAL: no list of pairs. */
static int read_forwarded(const char *at, struct hops *hops)
{
	struct hop *hop = NULL;
	for (at = behind_space(at); *at; at = behind_space(at)) {
		struct pair pair;
		if (*at == ',') {
			hop = NULL;
			at++;
			continue;
		}
		if (!hop)
			hop = add_hop(hops);
		at = read_pair(at, &pair);
		if (!at)
			return -EINVAL;
		use_pair(hop, &pair);
		at = behind_space(at);
		if (*at == ';')
			at++;
		else if (*at && *at != ',')
			return -EINVAL;
	}
	return 0;
}

/* ---- X-Forwarded-* --------------------------------------------------------------------------------------------- */

static void read_addresses(const char *at, struct hops *hops)
{
	for (;; at++) {
		at = behind_space(at);
		size_t len = strcspn(at, ","), used = len;
		while (used > 0 && is_space(at[used - 1]))
			used--;
		struct hop *hop = add_hop(hops);
		hop->known = read_node(at, used, hop->address);
		at += len;
		if (!*at)
			return;
	}
}

/* The nearest proxy's word: the last of a list. */
static const char *read_proto(const char *text)
{
	const char *comma = strrchr(text, ',');
	text = behind_space(comma ? comma + 1 : text);
	size_t len = strlen(text);
	while (len > 0 && is_space(text[len - 1]))
		len--;
	return read_scheme(text, len);
}

/* ---- the request ----------------------------------------------------------------------------------------------- */

/* *ret_proto: what X-Forwarded-Proto says, which belongs to no address; where Forwarded is there, only that counts. */
static int read_fields(const struct http_request *r, struct hops *hops, const char **ret_proto)
{
	bool standard = http_header(r, "Forwarded") != NULL;
	const char *wanted = standard ? "Forwarded" : "X-Forwarded-For", *proto = NULL;
	int result = 0;
	for (size_t i = 0; i < r->field_count && result == 0; i++) {
		const struct field *field = &r->fields[i];
		const char *value = r->head + field->value;
		if (!standard && is_named(field, r->head, "X-Forwarded-Proto"))
			proto = read_proto(value);
		if (!is_named(field, r->head, wanted))
			continue;
		if (standard)
			result = read_forwarded(value, hops);
		else
			read_addresses(value, hops);
	}
	*ret_proto = proto;
	return result;
}

/* The last one that is not a proxy of ours; the first of all when they all are. NULL: it is not known. */
static const struct hop *find_client(const struct gateway *g, const struct hops *hops)
{
	const struct hop *client = NULL;
	for (size_t i = hops->count; i-- > 0;) {
		client = &hops->items[i];
		if (!client->known)
			return NULL;
		if (!gateway_trusts(g, client->address))
			break;
	}
	return client;
}

/* A proxy on this machine has a peer's address of this machine, whoever its client is. */
static bool shows_proxy(const struct http_request *r)
{
	static const char *const names[] = {"Forwarded",        "X-Forwarded-For", "X-Forwarded-Proto",
					    "X-Forwarded-Host", "X-Real-IP",       "Via"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (http_header(r, names[i]))
			return true;
	return false;
}

void forwarded_apply(struct http_request *r, const struct peer *peer)
{
	if (r->control)
		return;
	if (r->loopback && shows_proxy(r))
		r->loopback = false;
	if (!peer->trusted)
		return;
	struct hops hops = {.count = 0};
	const char *scheme = NULL;
	if (read_fields(r, &hops, &scheme) < 0)
		return;
	const struct hop *client = find_client(r->gateway, &hops);
	if (client) {
		cidr_text(client->address, r->remote);
		scheme = client->scheme ? client->scheme : scheme;
	}
	if (scheme)
		r->scheme = scheme;
}
