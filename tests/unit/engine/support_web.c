#include "unit/engine/support_web.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

struct peer {
	struct web *web;
	int fd;
	SSL *tls;
};

/* ---- Bytes ---------------------------------------------------------------------------------------------------- */

static bool put(struct peer *p, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = p->tls ? SSL_write(p->tls, bytes, (int)len) : send(p->fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static bool say(struct peer *p, const char *text)
{
	return put(p, text, strlen(text));
}

static size_t body_length(const char *request)
{
	const char *field = strcasestr(request, "\ncontent-length:");

	return field ? (size_t)strtoul(field + 16, NULL, 10) : 0;
}

static bool take(struct peer *p, char *request, size_t size)
{
	size_t len = 0;
	const char *end = NULL;

	while (!end || len < (size_t)(end + 4 - request) + body_length(request)) {
		ssize_t n = p->tls ? SSL_read(p->tls, request + len, (int)(size - 1 - len))
				   : recv(p->fd, request + len, size - 1 - len, 0);

		if (n <= 0)
			return false;
		len += (size_t)n;
		request[len] = '\0';
		end = strstr(request, "\r\n\r\n");
	}
	return true;
}

/* ---- Answers -------------------------------------------------------------------------------------------------- */

static void answer(struct peer *p, const char *status, const char *fields, const char *body)
{
	char head[1024];

	(void)snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close\r\n%s\r\n", status,
		       strlen(body), fields);
	if (say(p, head))
		(void)say(p, body);
}

static void redirect(struct peer *p, const char *status, const char *path)
{
	const char *query = strchr(path, '?');
	char field[900];

	(void)snprintf(field, sizeof(field), "Location: %s\r\n", query ? query + 1 : path);
	answer(p, status, field, "elsewhere");
}

static void without_end(struct peer *p, const char *head, const char *piece)
{
	bool open = say(p, head);

	while (open)
		open = say(p, piece);
}

static void hang(struct peer *p)
{
	struct pollfd fd = {.fd = p->web->stop[0], .events = POLLIN};

	atomic_fetch_add(&p->web->hanging, 1);
	(void)poll(&fd, 1, -1);
}

static void respond(struct peer *p, const char *path, const char *request)
{
	char status[8];

	if (strcmp(path, "/echo") == 0) {
		answer(p, "200 OK", "Content-Type: text/plain\r\n", request);
	} else if (strcmp(path, "/json") == 0) {
		answer(p, "200 OK", "X-Thing: one\r\nX-THING:two \r\n", "{\"a\":{\"b\":5}}");
	} else if (strncmp(path, "/status/", 8) == 0) {
		(void)snprintf(status, sizeof(status), "%.3s X", path + 8);
		answer(p, status, "", "sorry\nthat is all");
	} else if (strcmp(path, "/hang") == 0) {
		hang(p);
	} else if (strcmp(path, "/huge") == 0) {
		without_end(p, "HTTP/1.1 200 OK\r\n\r\n", "0123456789012345678901234567890123456789");
	} else if (strcmp(path, "/heads") == 0) {
		without_end(p, "HTTP/1.1 200 OK\r\n", "X-Long: 0123456789012345678901234567890123456789\r\n");
	} else if (strcmp(path, "/loop") == 0 || strncmp(path, "/to?", 4) == 0) {
		redirect(p, "302 Found", path);
	} else if (strncmp(path, "/other?", 7) == 0) {
		redirect(p, "303 See Other", path);
	} else if (strncmp(path, "/keep?", 6) == 0) {
		redirect(p, "307 Temporary Redirect", path);
	} else if (strcmp(path, "/garbage") == 0) {
		(void)say(p, "\x01\xff\xfe is no HTTP\r\n\r\n");
	} else if (strcmp(path, "/early") == 0) {
		(void)say(p, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
	}
}

static void serve(struct peer *p)
{
	char request[8192], path[1024];

	if (!take(p, request, sizeof(request)) || sscanf(request, "%*s %1023s", path) != 1)
		return;
	if (atomic_fetch_add(&p->web->hits, 1) == 0)
		memcpy(p->web->first, request, sizeof(request));
	respond(p, path, request);
}

static void *connection(void *arg)
{
	struct peer *p = arg;
	bool open = true;

	if (p->web->tls) {
		p->tls = SSL_new(p->web->tls);
		open = SSL_set_fd(p->tls, p->fd) == 1 && SSL_accept(p->tls) == 1;
	}
	if (open)
		serve(p);
	if (open && p->tls)
		(void)SSL_shutdown(p->tls);
	SSL_free(p->tls);
	(void)shutdown(p->fd, SHUT_RDWR);
	free(p);
	return NULL;
}

static void *listener(void *arg)
{
	struct web *w = arg;

	while (w->count < WEB_CONNECTIONS) {
		struct pollfd fds[2] = {{.fd = w->fd, .events = POLLIN}, {.fd = w->stop[0], .events = POLLIN}};
		struct peer *p;

		(void)poll(fds, 2, -1);
		if (fds[1].revents)
			break;
		p = calloc(1, sizeof(*p));
		if (!p)
			abort();
		p->web = w;
		p->fd = accept(w->fd, NULL, NULL);
		w->sockets[w->count] = p->fd;
		if (pthread_create(&w->threads[w->count++], NULL, connection, p) != 0)
			abort();
	}
	return NULL;
}

/* ---- A certificate of its own --------------------------------------------------------------------------------- */

static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");

	(void)X509_set_version(cert, 2);
	(void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	(void)X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	(void)X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	(void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
	(void)X509_set_issuer_name(cert, name);
	(void)X509_set_pubkey(cert, key);
	(void)X509_add_ext(cert, san, -1);
	X509_EXTENSION_free(san);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	return cert;
}

static void *make_tls(const char *ca_path)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = make_certificate(key);
	FILE *f = fopen(ca_path, "we");

	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, cert), 1);
	(void)fclose(f);
	assert_int_equal(SSL_CTX_use_certificate(tls, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(tls, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
	return tls;
}

/* ---- The server ----------------------------------------------------------------------------------------------- */

void web_start(struct web *w, const char *ca_path)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(address);

	*w = (struct web){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	assert_true(w->fd >= 0);
	assert_int_equal(bind(w->fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(w->fd, 64), 0);
	assert_int_equal(getsockname(w->fd, (struct sockaddr *)&address, &len), 0);
	w->port = ntohs(address.sin_port);
	assert_int_equal(pipe2(w->stop, 0), 0);
	if (ca_path)
		w->tls = make_tls(ca_path);
	assert_int_equal(pthread_create(&w->thread, NULL, listener, w), 0);
}

void web_stop(struct web *w)
{
	assert_int_equal(write(w->stop[1], "x", 1), 1);
	(void)pthread_join(w->thread, NULL);
	for (size_t i = 0; i < w->count; i++) {
		(void)shutdown(w->sockets[i], SHUT_RDWR);
		(void)pthread_join(w->threads[i], NULL);
		(void)close(w->sockets[i]);
	}
	(void)close(w->fd);
	(void)close(w->stop[0]);
	(void)close(w->stop[1]);
	SSL_CTX_free(w->tls);
}
