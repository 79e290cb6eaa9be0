/* Certificates that change on the disk while the daemon runs, without anybody telling it. */
#include "daemon/certificates.c"

#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>
#include <cmocka.h>
#include "gateway/tls_internal.h"

struct fixture {
	struct daemon d;
	char folder[40], config[64], cert[64], key[64];
};

/* Each is another one, and valid for so many seconds. */
static void write_pair(struct fixture *f, long seconds)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	ASN1_INTEGER_set(X509_get_serialNumber(x), seconds);
	X509_gmtime_adj(X509_getm_notBefore(x), -60);
	X509_gmtime_adj(X509_getm_notAfter(x), seconds);
	X509_set_pubkey(x, key);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	FILE *cert_file = fopen(f->cert, "w"), *key_file = fopen(f->key, "w");
	assert_int_equal(PEM_write_X509(cert_file, x), 1);
	assert_int_equal(PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL), 1);
	fclose(cert_file);
	fclose(key_file);
	/* The clock of the file system may stand still between two of them. */
	const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
	assert_int_equal(utimensat(AT_FDCWD, f->cert, times, 0), 0);
	X509_free(x);
	EVP_PKEY_free(key);
}

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void set_paths(struct fixture *f)
{
	snprintf(f->folder, sizeof(f->folder), "/tmp/certificates-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->config, sizeof(f->config), "%s/tappet.json", f->folder);
	snprintf(f->cert, sizeof(f->cert), "%s/c.pem", f->folder);
	snprintf(f->key, sizeof(f->key), "%s/k.pem", f->folder);
}

static void open_fixture(struct fixture *f)
{
	struct diag diag;
	memset(f, 0, sizeof(*f));
	set_paths(f);
	write_pair(f, 1000);
	write_text(f->config, "{\"listen\": [\"127.0.0.1:1\","
			      " {\"address\": \"127.0.0.1:2\", \"tls\": {\"cert\": \"c.pem\", \"key\": \"k.pem\"}}]}");
	diag_init(&diag);
	assert_int_equal(config_read(f->config, &diag, &f->d.config), 0);
	diag_release(&diag);
	assert_int_equal(uv_loop_init(&f->d.loop), 0);
	assert_int_equal(metrics_open(&f->d.metrics), 0);
	assert_int_equal(health_open(&f->d.health), 0);
	assert_int_equal(certificates_read(f->d.config, &f->d.certificates.found), 0);
	assert_int_equal(certificates_open(&f->d, &f->d.certificates.found), 0);
	certificates_release(&f->d.certificates.found);
}

static void close_fixture(struct fixture *f)
{
	certificates_stop(&f->d);
	uv_run(&f->d.loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&f->d.loop), 0);
	certificates_free(&f->d);
	health_free(f->d.health);
	metrics_free(f->d.metrics);
	config_free(f->d.config);
	unlink(f->config);
	unlink(f->cert);
	unlink(f->key);
	assert_int_equal(rmdir(f->folder), 0);
}

/* A minute later. */
static void look_again(struct fixture *f)
{
	on_time(&f->d.certificates.timer);
	while (f->d.certificates.busy)
		uv_run(&f->d.loop, UV_RUN_ONCE);
}

/* The serial number of what new connections are shown. */
static long shown(const struct fixture *f)
{
	const struct tls *tls = f->d.certificates.all[1];
	assert_null(f->d.certificates.all[0]);
	return ASN1_INTEGER_get(X509_get0_serialNumber(tls->identity->certificates[0].leaf));
}

static double expiry(const struct fixture *f)
{
	struct buf label;
	buf_init(&label, 1000);
	metrics_label(&label, "certificate", f->cert);
	double value = metric_value(
		metrics_gauge(f->d.metrics, "tappet_tls_certificate_expiry_timestamp_seconds", "", buf_cstr(&label)));
	buf_release(&label);
	return value;
}

static void files_that_change_are_taken_without_a_reload(void **state)
{
	struct fixture f;
	(void)state;
	open_fixture(&f);
	assert_int_equal(shown(&f), 1000);
	const struct tls_identity *before = f.d.certificates.all[1]->identity;
	look_again(&f);
	assert_ptr_equal(f.d.certificates.all[1]->identity, before);
	write_pair(&f, 500000);
	look_again(&f);
	assert_int_equal(shown(&f), 500000);
	double left = expiry(&f) - (double)time(NULL);
	assert_true(left > 499000 && left < 501000);
	close_fixture(&f);
}

static void files_that_cannot_be_used_leave_those_before_and_are_told_of(void **state)
{
	struct fixture f;
	(void)state;
	open_fixture(&f);
	write_text(f.key, "nothing of use");
	look_again(&f);
	assert_int_equal(shown(&f), 1000);
	assert_int_equal(health_worst(f.d.health), HEALTH_DEGRADED);
	write_pair(&f, 2000);
	look_again(&f);
	assert_int_equal(shown(&f), 2000);
	assert_int_equal(health_worst(f.d.health), HEALTH_OK);
	/* A renewal that is half done: the certificate is there, its key is not yet. */
	unlink(f.key);
	look_again(&f);
	assert_int_equal(shown(&f), 2000);
	assert_int_equal(health_worst(f.d.health), HEALTH_DEGRADED);
	close_fixture(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_that_change_are_taken_without_a_reload),
		cmocka_unit_test(files_that_cannot_be_used_leave_those_before_and_are_told_of),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
