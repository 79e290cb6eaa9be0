/* What the files of TLS share. */
#ifndef GATEWAY_TLS_INTERNAL_H
#define GATEWAY_TLS_INTERNAL_H

#include <openssl/ssl.h>
#include <stdint.h>
#include "gateway/tls.h"

#define TICKET_NAME_SIZE 16

struct ticket_key {
	unsigned char name[TICKET_NAME_SIZE];
	unsigned char aes[32], hmac[32];
};

/* Tickets are made with the one, and taken with both; `made_ms` is 0 before the first use. */
struct tickets {
	struct ticket_key now, before;
	int64_t made_ms;
};

struct tls {
	struct tls_identity *identity;
	struct tickets tickets;
	BIO_METHOD *bio;
	struct metric *full, *resumed, *failed, *aborted;
};

struct tls_identity {
	unsigned refs;
	SSL_CTX *ctx;
	struct certificate *certificates;
	size_t count;
};

/* What an SSL of ours has as its app data. */
struct tls_link {
	struct tls *tls;
	struct tls_identity *identity;
};

/* tls_stream.c */
BIO_METHOD *tls_bio_make(void);

/* tls_tickets.c: an SSL_CTX_set_tlsext_ticket_key_evp_cb callback. */
int tls_tickets_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac,
		    int make);

#endif
