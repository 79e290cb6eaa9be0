#include "base/certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "base/log.h"

#define FILE_MAX ((size_t)1 << 20)

static int mistake(struct certificate_problem *p, bool of_key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static int mistake(struct certificate_problem *p, bool of_key, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(p->text, sizeof(p->text), format, args);
	va_end(args);
	p->of_key = of_key;
	ERR_clear_error();
	return -EINVAL;
}

/* The words of OpenSSL for what it did not like. */
static const char *why(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	return reason ? reason : "unknown reason";
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

static int read_open_file(int fd, BIO *into)
{
	size_t len = 0;
	char *bytes = malloc(FILE_MAX + 1);
	if (!bytes)
		return -ENOMEM;
	int r = file_read(fd, bytes, FILE_MAX + 1, &len);
	if (r == 0 && len > FILE_MAX)
		r = -EFBIG;
	if (r == 0 && len > 0 && BIO_write(into, bytes, (int)len) != (int)len)
		r = -ENOMEM;
	OPENSSL_cleanse(bytes, len);
	free(bytes);
	return r;
}

/* The file's bytes in memory, so that a pipe or a folder in its place cannot hold up or surprise the parser. */
static int read_file(const char *path, bool is_key, BIO **ret, struct certificate_problem *p)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return mistake(p, is_key, "cannot read %s: %s", path, log_strerror(-errno));
	/* Secure memory where there is a key: it is wiped when it is freed. */
	BIO *bio = BIO_new(is_key ? BIO_s_secmem() : BIO_s_mem());
	int r = bio ? read_open_file(fd, bio) : -ENOMEM;
	close(fd);
	if (r == 0) {
		BIO_set_mem_eof_return(bio, 0);
		*ret = bio;
		return 0;
	}
	BIO_free(bio);
	return r == -ENOMEM ? r : mistake(p, is_key, "cannot read %s: %s", path, log_strerror(r));
}

/* ---- certificates ---------------------------------------------------------------------------------------------- */

/* Whether parsing ended because nothing more was there. */
static bool is_end(void)
{
	unsigned long error = ERR_peek_last_error();
	return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

static int parse_all(BIO *bio, const char *path, STACK_OF(X509) * all, struct certificate_problem *p)
{
	ERR_clear_error();
	for (X509 *x = PEM_read_bio_X509(bio, NULL, NULL, NULL); x; x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) {
		if (sk_X509_push(all, x) > 0)
			continue;
		X509_free(x);
		return -ENOMEM;
	}
	if (!is_end())
		return mistake(p, false, "%s: a certificate in it cannot be read: %s", path, why());
	ERR_clear_error();
	if (sk_X509_num(all) == 0)
		return mistake(p, false, "%s: expected certificates in PEM (-----BEGIN CERTIFICATE-----), found none",
			       path);
	return 0;
}

int certificate_load_all(const char *path, STACK_OF(X509) * *ret, struct certificate_problem *ret_problem)
{
	BIO *bio = NULL;
	int r = read_file(path, false, &bio, ret_problem);
	if (r < 0)
		return r;
	STACK_OF(X509) *all = sk_X509_new_null();
	r = all ? parse_all(bio, path, all, ret_problem) : -ENOMEM;
	BIO_free(bio);
	if (r < 0)
		certificate_free_all(all);
	else
		*ret = all;
	return r;
}

void certificate_free_all(STACK_OF(X509) * all)
{
	sk_X509_pop_free(all, X509_free);
}

/* ---- keys ------------------------------------------------------------------------------------------------------ */

/* A daemon has nobody to ask for a password: without this, OpenSSL would ask the terminal. */
static int note_password(char *text, int size, int writing, void *asked)
{
	(void)text;
	(void)size;
	(void)writing;
	*(bool *)asked = true;
	return -1;
}

static int load_key(const char *path, EVP_PKEY **ret, struct certificate_problem *p)
{
	BIO *bio = NULL;
	bool asked = false;
	int r = read_file(path, true, &bio, p);
	if (r < 0)
		return r;
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, note_password, &asked);
	BIO_free(bio);
	if (!key && asked)
		return mistake(p, true, "%s: the key is protected by a password: expected one without", path);
	if (!key)
		return mistake(p, true, "%s: expected a private key in PEM (-----BEGIN PRIVATE KEY-----): %s", path,
			       why());
	*ret = key;
	return 0;
}

/* ---- the pair -------------------------------------------------------------------------------------------------- */

/* As the server will use it: keys and signatures that are too weak for OpenSSL's settings show here. */
static int try_out(const struct certificate *c, const char *path, struct certificate_problem *p)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	if (!ctx)
		return -ENOMEM;
	ERR_clear_error();
	int good = SSL_CTX_use_cert_and_key(ctx, c->leaf, c->key, c->chain, 1);
	int r = good == 1 ? 0 : mistake(p, false, "%s: cannot be used: %s", path, why());
	SSL_CTX_free(ctx);
	return r;
}

static int load_pair(const char *path, const char *key_path, struct certificate *c, struct certificate_problem *p)
{
	int r = certificate_load_all(path, &c->chain, p);
	if (r < 0)
		return r;
	c->leaf = sk_X509_shift(c->chain);
	r = load_key(key_path, &c->key, p);
	if (r < 0)
		return r;
	if (X509_check_private_key(c->leaf, c->key) != 1)
		return mistake(p, true, "%s is not the key of the certificate in %s", key_path, path);
	return try_out(c, path, p);
}

int certificate_load(const char *path, const char *key_path, struct certificate *ret,
		     struct certificate_problem *ret_problem)
{
	struct certificate c = {0};
	int r = load_pair(path, key_path, &c, ret_problem);
	if (r < 0)
		certificate_release(&c);
	else
		*ret = c;
	return r;
}

void certificate_release(struct certificate *c)
{
	X509_free(c->leaf);
	certificate_free_all(c->chain);
	EVP_PKEY_free(c->key);
	*c = (struct certificate){0};
}

/* ---- what is to be known --------------------------------------------------------------------------------------- */

static void time_text(const ASN1_TIME *time, char ret[static 32])
{
	struct tm tm;
	if (ASN1_TIME_to_tm(time, &tm) != 1 || strftime(ret, 32, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		snprintf(ret, 32, "at an unknown time");
}

bool certificate_doubt(const struct certificate *c, const char *key_path, struct certificate_problem *ret_doubt)
{
	char when[32];
	struct stat st;
	const ASN1_TIME *begin = X509_get0_notBefore(c->leaf), *end = X509_get0_notAfter(c->leaf);
	if (X509_cmp_current_time(end) < 0) {
		time_text(end, when);
		mistake(ret_doubt, false, "the certificate has expired: it was valid until %s", when);
	} else if (X509_cmp_current_time(begin) > 0) {
		time_text(begin, when);
		mistake(ret_doubt, false, "the certificate is not valid before %s", when);
	} else if (stat(key_path, &st) == 0 && (st.st_mode & S_IROTH)) {
		mistake(ret_doubt, true, "everybody on this machine may read %s", key_path);
	} else {
		return false;
	}
	return true;
}

int64_t certificate_expires_s(const struct certificate *c)
{
	struct tm tm;
	if (ASN1_TIME_to_tm(X509_get0_notAfter(c->leaf), &tm) != 1)
		return 0;
	return timegm(&tm);
}
