/* The opening handshake as a server sees it (RFC 6455 section 4.2). */
#include "gateway/ws_handshake.h"

#include <openssl/evp.h>
#include <strings.h>
#include "gateway/internal.h"

#define KEY_LEN 24 /* 16 bytes in base64 */

/* The values of all fields of a name that is a list, joined (RFC 9110 section 5.3). NULL when there is none. */
static const char *list_of(const struct http_request *r, const char *name, struct buf *room)
{
	const char *field, *value;
	bool found = false;
	for (size_t i = 0; http_header_at(r, i, &field, &value); i++) {
		if (strcasecmp(field, name) != 0)
			continue;
		if (found)
			buf_str(room, ", ");
		buf_str(room, value);
		found = true;
	}
	return found && buf_error(room) == 0 ? buf_cstr(room) : NULL;
}

/* The next element of a list; false at its end. */
static bool next_element(const char **at, const char **ret, size_t *ret_len)
{
	*at += strspn(*at, ", \t");
	*ret = *at;
	*at += strcspn(*at, ",");
	size_t len = (size_t)(*at - *ret);
	while (len > 0 && ((*ret)[len - 1] == ' ' || (*ret)[len - 1] == '\t'))
		len--;
	*ret_len = len;
	return len > 0;
}

static bool has_element(const struct http_request *r, const char *name, const char *word, bool any_case)
{
	struct buf room;
	const char *at, *element;
	size_t len;
	bool found = false;
	buf_init(&room, HEAD_LIMIT);
	at = list_of(r, name, &room);
	while (at && !found && next_element(&at, &element, &len))
		found = strlen(word) == len &&
			(any_case ? strncasecmp(element, word, len) : memcmp(element, word, len)) == 0;
	buf_release(&room);
	return found;
}

bool ws_wants_upgrade(const struct http_request *r)
{
	return r->verb == VERB_GET && !r->is_head && !r->version_1_0 && has_element(r, "Upgrade", "websocket", true) &&
	       has_element(r, "Connection", "upgrade", true);
}

static size_t count_fields(const struct http_request *r, const char *name)
{
	const char *field, *value;
	size_t count = 0;
	for (size_t i = 0; http_header_at(r, i, &field, &value); i++)
		count += strcasecmp(field, name) == 0;
	return count;
}

static bool is_key(const char *key)
{
	unsigned char bytes[KEY_LEN];
	return key && strlen(key) == KEY_LEN && key[KEY_LEN - 1] == '=' && key[KEY_LEN - 2] == '=' &&
	       key[KEY_LEN - 3] != '=' && EVP_DecodeBlock(bytes, (const unsigned char *)key, KEY_LEN) >= 0;
}

bool websocket_is_upgrade(const struct http_request *r, int *ret_status, const char **ret_detail)
{
	const char *version = http_header(r, "Sec-WebSocket-Version");
	*ret_status = 426;
	*ret_detail = "This is served by WebSocket: ask for an upgrade by GET and HTTP/1.1.";
	if (!ws_wants_upgrade(r))
		return false;
	*ret_detail = "The only version of WebSocket known here is 13.";
	if (!version || strcmp(version, "13") != 0 || count_fields(r, "Sec-WebSocket-Version") != 1)
		return false;
	*ret_status = 400;
	*ret_detail = "Sec-WebSocket-Key is missing or malformed.";
	if (!is_key(http_header(r, "Sec-WebSocket-Key")) || count_fields(r, "Sec-WebSocket-Key") != 1)
		return false;
	*ret_detail = "A request for an upgrade has no body.";
	if (r->chunked || r->body_len > 0)
		return false;
	*ret_detail = "An upgrade has to be asked for when the requests before it have been answered.";
	return !r->connection || r->connection->requests.next == &r->link;
}

bool websocket_choose_protocol(const struct http_request *r, const char *const *protocols, const char **ret)
{
	*ret = NULL;
	if (!http_header(r, "Sec-WebSocket-Protocol"))
		return true;
	for (size_t i = 0; protocols && protocols[i] && !*ret; i++)
		if (has_element(r, "Sec-WebSocket-Protocol", protocols[i], false))
			*ret = protocols[i];
	return *ret != NULL;
}

static void write_accept(struct buf *out, const char *key)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char text[EVP_MAX_MD_SIZE * 2];
	struct buf joined;
	unsigned len = 0;
	buf_init(&joined, 256);
	buf_printf(&joined, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
	if (EVP_Digest(buf_cstr(&joined), joined.len, digest, &len, EVP_sha1(), NULL) == 1)
		EVP_EncodeBlock((unsigned char *)text, digest, (int)len);
	else
		text[0] = '\0';
	buf_release(&joined);
	buf_printf(out, "Sec-WebSocket-Accept: %s\r\n", text);
}

int ws_write_answer(const struct http_request *r, const char *protocol, bool compression, struct buf *out)
{
	char answer[WS_DEFLATE_ANSWER_SIZE];
	struct buf offers;
	int bits = 0;
	buf_init(&offers, HEAD_LIMIT);
	const char *list = compression ? list_of(r, "Sec-WebSocket-Extensions", &offers) : NULL;
	buf_str(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n");
	write_accept(out, http_header(r, "Sec-WebSocket-Key"));
	if (protocol)
		buf_printf(out, "Sec-WebSocket-Protocol: %s\r\n", protocol);
	if (list && ws_deflate_agree(list, &bits, answer, sizeof(answer)))
		buf_printf(out, "Sec-WebSocket-Extensions: %s\r\n", answer);
	buf_str(out, "\r\n");
	buf_release(&offers);
	return bits;
}
