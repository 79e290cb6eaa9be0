#include "support_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define WAIT_S 20

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

static ssize_t put(struct peer *p, const void *bytes, size_t len)
{
	return p->ssl ? SSL_write(p->ssl, bytes, (int)len) : send(p->fd, bytes, len, MSG_NOSIGNAL);
}

static ssize_t get(struct peer *p, void *bytes, size_t len)
{
	return p->ssl ? SSL_read(p->ssl, bytes, (int)len) : recv(p->fd, bytes, len, 0);
}

bool peer_write(struct peer *p, const void *bytes, size_t len)
{
	const char *at = bytes;
	while (len > 0) {
		ssize_t taken = put(p, at, p->piece && p->piece < len ? p->piece : len);
		if (taken <= 0)
			return false;
		at += taken;
		len -= (size_t)taken;
	}
	return true;
}

bool peer_say(struct peer *p, const char *text)
{
	return peer_write(p, text, strlen(text));
}

bool peer_read(struct peer *p, void *bytes, size_t len)
{
	char *at = bytes;
	while (len > 0) {
		ssize_t taken = get(p, at, len);
		if (taken <= 0)
			return false;
		at += taken;
		len -= (size_t)taken;
	}
	return true;
}

void peer_wait_end(struct peer *p)
{
	char piece[4096];
	while (get(p, piece, sizeof(piece)) > 0)
		continue;
}

/* ---- the handshake ----------------------------------------------------------------------------------------------- */

bool peer_read_head(struct peer *p)
{
	char c;
	buf_clear(&p->head);
	while (!p->head.data || !strstr(buf_cstr(&p->head), "\r\n\r\n")) {
		if (!peer_read(p, &c, 1))
			return false;
		buf_char(&p->head, c);
	}
	return true;
}

static bool say_accepted(struct peer *p)
{
	unsigned char digest[SHA_DIGEST_LENGTH], encoded[64];
	char text[128], answer[1024];
	const char *key = strstr(buf_cstr(&p->head), "Sec-WebSocket-Key: ");
	if (!key)
		return false;
	key += strlen("Sec-WebSocket-Key: ");
	int len =
		snprintf(text, sizeof(text), "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int)strcspn(key, "\r"), key);
	SHA1((unsigned char *)text, (size_t)len, digest);
	EVP_EncodeBlock(encoded, digest, sizeof(digest));
	snprintf(answer, sizeof(answer),
		 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		 "Sec-WebSocket-Accept: %s\r\n%s\r\n",
		 (char *)encoded, p->more ? p->more : "");
	return peer_say(p, answer);
}

bool peer_upgrade(struct peer *p)
{
	return peer_read_head(p) && say_accepted(p);
}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

bool peer_frame(struct peer *p, unsigned first, const void *payload, size_t len)
{
	unsigned char head[10] = {(unsigned char)first};
	size_t head_len = 2;
	if (len < 126) {
		head[1] = (unsigned char)len;
	} else if (len < 65536) {
		head[1] = 126;
		head[2] = (unsigned char)(len >> 8);
		head[3] = (unsigned char)len;
		head_len = 4;
	} else {
		head[1] = 127;
		for (int i = 0; i < 8; i++)
			head[2 + i] = (unsigned char)((uint64_t)len >> (56 - 8 * i));
		head_len = 10;
	}
	return peer_write(p, head, head_len) && peer_write(p, payload, len);
}

bool peer_close_frame(struct peer *p, int code, const char *reason)
{
	char payload[125];
	size_t len = strlen(reason);
	payload[0] = (char)(code >> 8);
	payload[1] = (char)(code & 0xff);
	memcpy(payload + 2, reason, len);
	return peer_frame(p, 0x88, payload, len + 2);
}

bool peer_read_frame(struct peer *p, unsigned *ret_first, char *payload, size_t size, size_t *ret_len)
{
	unsigned char head[2], more[8], mask[4];
	if (!peer_read(p, head, 2) || !(head[1] & 0x80))
		return false;
	size_t len = head[1] & 0x7f;
	size_t more_len = len == 126 ? 2 : len == 127 ? 8 : 0;
	if (!peer_read(p, more, more_len))
		return false;
	if (more_len > 0)
		len = 0;
	for (size_t i = 0; i < more_len; i++)
		len = len << 8 | more[i];
	if (len > size || !peer_read(p, mask, 4) || !peer_read(p, payload, len))
		return false;
	for (size_t i = 0; i < len; i++)
		payload[i] = (char)(payload[i] ^ mask[i & 3]);
	*ret_first = head[0];
	*ret_len = len;
	return true;
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

bool peer_accept_tls(struct peer *p)
{
	p->ssl = SSL_new(p->ctx);
	SSL_set_fd(p->ssl, p->fd);
	return SSL_accept(p->ssl) == 1;
}

static void end_connection(struct peer *p)
{
	SSL_free(p->ssl);
	p->ssl = NULL;
	close(p->fd);
	p->fd = -1;
}

static void *run(void *arg)
{
	struct peer *p = arg;
	const struct timeval wait = {.tv_sec = WAIT_S};
	for (unsigned index = 0;; index++) {
		p->fd = accept(p->listener, NULL, NULL);
		if (p->fd < 0 || __atomic_load_n(&p->stop, __ATOMIC_ACQUIRE))
			break;
		setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		setsockopt(p->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
		__atomic_add_fetch(&p->connections, 1, __ATOMIC_ACQ_REL);
		p->script(p, index);
		end_connection(p);
	}
	if (p->fd >= 0)
		close(p->fd);
	return NULL;
}

void peer_open_at(struct peer *p, const char *address, peer_script script, const struct certificate *certificate)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	bool is_six = strcmp(address, "::1") == 0;
	struct sockaddr *at = is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four;
	socklen_t len = is_six ? sizeof(six) : sizeof(four);
	p->script = script;
	p->fd = -1;
	buf_init(&p->head, 65536);
	if (certificate) {
		p->ctx = SSL_CTX_new(TLS_server_method());
		assert_int_equal(
			SSL_CTX_use_cert_and_key(p->ctx, certificate->leaf, certificate->key, certificate->chain, 1),
			1);
	}
	p->listener = socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(p->listener >= 0);
	assert_int_equal(bind(p->listener, at, len), 0);
	assert_int_equal(listen(p->listener, 16), 0);
	assert_int_equal(getsockname(p->listener, at, &len), 0);
	p->port = ntohs(is_six ? six.sin6_port : four.sin_port);
	assert_int_equal(pthread_create(&p->thread, NULL, run, p), 0);
}

void peer_open(struct peer *p, peer_script script, const struct certificate *certificate)
{
	peer_open_at(p, "127.0.0.1", script, certificate);
}

void peer_close(struct peer *p)
{
	__atomic_store_n(&p->stop, true, __ATOMIC_RELEASE);
	shutdown(p->listener, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	close(p->listener);
	SSL_CTX_free(p->ctx);
	buf_release(&p->head);
	if (p->wrong)
		fail_msg("the server's end: %s", p->wrong);
}

/* ---- certificates ------------------------------------------------------------------------------------------------ */

static void add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
	assert_non_null(extension);
	assert_int_equal(X509_add_ext(x, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

struct certificate peer_certificate(const char *names, long from_s, long to_s)
{
	struct certificate c = {.leaf = X509_new(), .chain = sk_X509_new_null(), .key = EVP_EC_gen("P-256")};
	X509_NAME *subject = X509_get_subject_name(c.leaf);
	long serial = 0;
	RAND_bytes((unsigned char *)&serial, 3);
	X509_set_version(c.leaf, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(c.leaf), serial);
	X509_gmtime_adj(X509_getm_notBefore(c.leaf), from_s);
	X509_gmtime_adj(X509_getm_notAfter(c.leaf), to_s);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
	X509_set_issuer_name(c.leaf, subject);
	X509_set_pubkey(c.leaf, c.key);
	add_extension(c.leaf, NID_subject_alt_name, names);
	assert_true(X509_sign(c.leaf, c.key, EVP_sha256()) > 0);
	return c;
}

void peer_write_certificate(const struct certificate *c, const char *path)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, c->leaf), 1);
	assert_int_equal(fclose(file), 0);
}
