/* What the owner says of a connection, taken apart and checked: only what fits into the request as it is. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "gateway/chars.h"
#include "gateway/ws_client_internal.h"

/* user:password of a proxy */
#define CREDENTIALS_MAX 512
#define URL_MAX 4096

/* ---- parts of an URL --------------------------------------------------------------------------------------------- */

/* Printable ASCII without what RFC 3986 leaves out; whoever writes an address has encoded the rest. */
static bool is_plain(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~' || strchr("\"<>\\^`{|}", text[i]))
			return false;
	return true;
}

static int parse_port(const char *text, size_t len, char *ret)
{
	unsigned port = 0;
	if (len == 0 || len > 5)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		port = port * 10 + (unsigned)(text[i] - '0');
	}
	if (port == 0 || port > 65535)
		return -EINVAL;
	snprintf(ret, 8, "%u", port);
	return 0;
}

static bool is_host(const char *host, size_t len, bool is_ipv6)
{
	static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
	static const char literal[] = "abcdefABCDEF0123456789:.";
	return len > 0 && len <= WS_HOST_MAX && strspn(host, is_ipv6 ? literal : name) >= len;
}

/* host[:port] or [address]:port, up to its end; `port` keeps what it has when none is named. */
static int parse_host(const char *text, size_t len, char **ret_host, bool *ret_ipv6, char *port)
{
	*ret_ipv6 = len > 0 && text[0] == '[';
	const char *host = text + *ret_ipv6;
	const char *end = memchr(text, *ret_ipv6 ? ']' : ':', len);
	if (!end && *ret_ipv6)
		return -EINVAL;
	if (!end)
		end = text + len;
	if (!is_host(host, (size_t)(end - host), *ret_ipv6))
		return -EINVAL;
	const char *rest = end + *ret_ipv6;
	size_t left = len - (size_t)(rest - text);
	if (left > 0 && (rest[0] != ':' || parse_port(rest + 1, left - 1, port) < 0))
		return -EINVAL;
	*ret_host = strndup(host, (size_t)(end - host));
	return *ret_host ? 0 : -ENOMEM;
}

/* ---- the server -------------------------------------------------------------------------------------------------- */

static int write_parts(struct ws_address *a, const char *target)
{
	const char *usual = a->secure ? "443" : "80";
	const char *open = a->is_ipv6 ? "[" : "", *close = a->is_ipv6 ? "]" : "";
	if (asprintf(&a->authority, "%s%s%s:%s", open, a->host, close, a->port) < 0) {
		a->authority = NULL;
		return -ENOMEM;
	}
	size_t len = strlen(a->authority) - (strcmp(a->port, usual) == 0 ? strlen(a->port) + 1 : 0);
	a->field = strndup(a->authority, len);
	if (asprintf(&a->target, "%s%s", target[0] == '/' ? "" : "/", target) < 0)
		a->target = NULL;
	if (!a->field || !a->target)
		return -ENOMEM;
	return strlen(a->target) <= WS_TARGET_MAX && strlen(a->authority) <= WS_HOST_MAX ? 0 : -EINVAL;
}

int ws_address_parse(const char *url, struct ws_address *ret)
{
	struct ws_address a = {0};
	size_t len = url ? strnlen(url, URL_MAX + 1) : 0;
	if (len == 0 || len > URL_MAX || !is_plain(url, len) || strchr(url, '#'))
		return -EINVAL;
	if (strncasecmp(url, "wss://", 6) == 0)
		a.secure = true;
	else if (strncasecmp(url, "ws://", 5) != 0)
		return -EINVAL;
	const char *host = url + 5 + a.secure;
	size_t host_len = strcspn(host, "/?");
	snprintf(a.port, sizeof(a.port), "%s", a.secure ? "443" : "80");
	int r = parse_host(host, host_len, &a.host, &a.is_ipv6, a.port);
	if (r == 0)
		r = write_parts(&a, host + host_len);
	if (r < 0)
		ws_address_release(&a);
	else
		*ret = a;
	return r;
}

void ws_address_release(struct ws_address *a)
{
	free(a->host);
	free(a->authority);
	free(a->field);
	free(a->target);
	*a = (struct ws_address){0};
}

/* ---- the proxy --------------------------------------------------------------------------------------------------- */

static int parse_credentials(const char *text, size_t len, char **ret)
{
	size_t decoded;
	if (len > CREDENTIALS_MAX)
		return -EINVAL;
	char *credentials = malloc(len + 1);
	if (!credentials)
		return -ENOMEM;
	if (chars_percent_decode(text, len, false, false, credentials, &decoded) < 0) {
		free(credentials);
		return -EINVAL;
	}
	credentials[decoded] = '\0';
	*ret = credentials;
	return 0;
}

int ws_proxy_address_parse(const char *url, struct ws_proxy_address *ret)
{
	struct ws_proxy_address a = {.port = "80"};
	bool is_ipv6;
	size_t len = strnlen(url, URL_MAX + 1);
	if (len > URL_MAX || !is_plain(url, len) || strncasecmp(url, "http://", 7) != 0)
		return -EINVAL;
	const char *host = url + 7;
	size_t left = strlen(host);
	if (left > 0 && host[left - 1] == '/')
		left--;
	const char *at = memrchr(host, '@', left);
	int r = at ? parse_credentials(host, (size_t)(at - host), &a.credentials) : 0;
	if (at) {
		left -= (size_t)(at + 1 - host);
		host = at + 1;
	}
	if (r == 0)
		r = parse_host(host, left, &a.host, &is_ipv6, a.port);
	if (r < 0)
		ws_proxy_address_release(&a);
	else
		*ret = a;
	return r;
}

void ws_proxy_address_release(struct ws_proxy_address *a)
{
	free(a->host);
	free(a->credentials);
	*a = (struct ws_proxy_address){0};
}

/* ---- the request ------------------------------------------------------------------------------------------------- */

static bool is_token(const char *text)
{
	if (!text[0])
		return false;
	for (; *text; text++)
		if (!chars_is_token(*text))
			return false;
	return true;
}

/* What the handshake makes itself, or what would change how the request is framed. */
static bool is_ours(const char *name)
{
	static const char *const names[] = {"Host",   "Connection", "Upgrade", "Content-Length", "Transfer-Encoding",
					    "Expect", "TE",         "Trailer", "Keep-Alive",     "Proxy-Authorization"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return strncasecmp(name, "Sec-WebSocket-", 14) == 0;
}

static bool is_field(const struct http_header_field *f)
{
	if (!f->name || !is_token(f->name) || is_ours(f->name) || (!f->value && f->value_len > 0))
		return false;
	for (size_t i = 0; i < f->value_len; i++)
		if (!chars_is_field(f->value[i]))
			return false;
	return true;
}

int ws_fields_write(const struct http_header_field *fields, size_t count, char **ret)
{
	struct buf b;
	if (count > WS_FIELD_COUNT_MAX)
		return -EINVAL;
	buf_init(&b, WS_FIELDS_MAX);
	for (size_t i = 0; i < count; i++) {
		if (!is_field(&fields[i])) {
			buf_release(&b);
			return -EINVAL;
		}
		buf_printf(&b, "%s: ", fields[i].name);
		buf_append(&b, fields[i].value, fields[i].value_len);
		buf_str(&b, "\r\n");
	}
	int error = buf_error(&b);
	*ret = buf_detach(&b, NULL);
	buf_release(&b);
	if (*ret)
		return 0;
	return error == -ENOBUFS ? -EINVAL : -ENOMEM;
}

int ws_protocols_write(const char *const *protocols, char **ret)
{
	struct buf b;
	*ret = NULL;
	if (!protocols || !protocols[0])
		return 0;
	buf_init(&b, WS_PROTOCOLS_MAX);
	for (size_t i = 0; protocols[i]; i++) {
		if (!is_token(protocols[i]) || strlen(protocols[i]) > 100) {
			buf_release(&b);
			return -EINVAL;
		}
		buf_printf(&b, "%s%s", i > 0 ? ", " : "", protocols[i]);
	}
	int error = buf_error(&b);
	*ret = buf_detach(&b, NULL);
	buf_release(&b);
	if (*ret)
		return 0;
	return error == -ENOBUFS ? -EINVAL : -ENOMEM;
}
