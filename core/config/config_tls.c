/* `tls` of a listener: its keys, and the files that they name. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_reader.h"

void config_read_certificates(struct reader *r, void *into, const struct json *v)
{
	struct listen_config *l = into;
	struct config_reader *cr = (struct config_reader *)(void *)r;

	if (!json_is_array(v)) {
		reader_expected(r, v, "a list of certificates");
		return;
	}
	if (!json_first(v))
		reader_mistake(r, v, false, "\"certificates\" is empty");
	l->tls.more = reader_calloc(r, json_count(v), sizeof(*l->tls.more));
	if (!l->tls.more)
		return;
	for (const struct json *item = json_first(v); item; item = json_next(item)) {
		struct certificate_config *c = &l->tls.more[l->tls.more_count++];

		c->at = item;
		config_read_object(cr, "listen[].tls.certificates[]", "a certificate", item, c);
		if (json_is_object(item) && (!json_get(item, "cert") || !json_get(item, "key")))
			reader_mistake(r, item, false, "a certificate needs \"cert\" and \"key\"");
	}
}

void config_read_client_auth(struct reader *r, void *into, const struct json *v)
{
	struct listen_config *l = into;
	const char *text = json_str(v);

	if (!text || (strcmp(text, "required") != 0 && strcmp(text, "optional") != 0))
		reader_mistake(r, v, false, "\"clientAuth\": expected \"required\" or \"optional\"");
	else
		l->tls.client_optional = strcmp(text, "optional") == 0;
}

void config_read_min_version(struct reader *r, void *into, const struct json *v)
{
	struct listen_config *l = into;
	const char *text = json_str(v);

	if (!text || (strcmp(text, "1.2") != 0 && strcmp(text, "1.3") != 0))
		reader_mistake(r, v, false, "\"minVersion\": expected \"1.2\" or \"1.3\"");
	else
		l->tls.min_version = strcmp(text, "1.3") == 0 ? 13 : 12;
}

void config_check_tls(struct config_reader *cr, struct listen_config *l)
{
	const struct json *tls = json_get(l->at, "tls"), *auth = json_get(tls, "clientAuth");
	bool cert = json_get(tls, "cert") != NULL, key = json_get(tls, "key") != NULL;

	if (!json_is_object(tls))
		return;
	l->tls.at = l->tls.first.at = tls;
	if (l->tls.min_version == 0)
		l->tls.min_version = 12;
	if (cert != key)
		reader_mistake(&cr->reader, tls, true, "\"tls\" has a \"%s\" but no \"%s\"", cert ? "cert" : "key",
			       cert ? "key" : "cert");
	else if (!cert && !json_get(tls, "certificates"))
		reader_mistake(&cr->reader, tls, true, "\"tls\" needs \"cert\" and \"key\"");
	if (auth && !json_get(tls, "clientCa"))
		reader_mistake(&cr->reader, auth, true, "\"clientAuth\" needs \"clientCa\"");
}

void config_free_tls(struct tls_config *t)
{
	for (size_t i = 0; i < t->more_count; i++) {
		free(t->more[i].cert);
		free(t->more[i].key);
	}
	free(t->more);
	free(t->first.cert);
	free(t->first.key);
	free(t->client_ca);
}

const struct certificate_config *config_certificate(const struct listen_config *l, size_t index)
{
	const struct tls_config *t = &l->tls;

	if (!t->at)
		return NULL;
	if (t->first.cert && index == 0)
		return &t->first;
	index -= t->first.cert != NULL;
	return index < t->more_count ? &t->more[index] : NULL;
}

/* ---- files ----------------------------------------------------------------------------------------------------- */

static void put_down(const struct config *c, const struct certificate_config *at, struct diag *d,
		     const struct certificate_problem *p)
{
	json_file_mistake(c->file, d, json_get(at->at, p->of_key ? "key" : "cert"), false, "%s", p->text);
}

static int read_certificate(const struct config *c, const struct certificate_config *at, struct diag *d,
			    struct diag *warnings, struct certificate *ret)
{
	struct certificate_problem p;
	int r = certificate_load(at->cert, at->key, ret, &p);

	if (r == -EINVAL)
		put_down(c, at, d, &p);
	if (r == 0 && certificate_doubt(ret, at->key, &p))
		put_down(c, at, warnings, &p);
	return r;
}

static int read_client_ca(const struct config *c, const struct listen_config *l, struct diag *d, STACK_OF(X509) * *ret)
{
	struct certificate_problem p;
	int r = certificate_load_all(l->tls.client_ca, ret, &p);

	if (r == -EINVAL)
		json_file_mistake(c->file, d, json_get(l->tls.at, "clientCa"), false, "%s", p.text);
	return r;
}

int config_read_credentials(const struct config *c, const struct listen_config *l, struct diag *d,
			    struct diag *warnings, struct tls_credentials *ret)
{
	int r = 0;

	*ret = (struct tls_credentials){0};
	ret->certificates = calloc(1 + l->tls.more_count, sizeof(*ret->certificates));
	if (!ret->certificates)
		return -ENOMEM;
	for (const struct certificate_config *at = config_certificate(l, 0); at;
	     at = config_certificate(l, ++ret->count)) {
		int loaded = read_certificate(c, at, d, warnings, &ret->certificates[ret->count]);

		r = r < 0 ? r : loaded;
	}
	if (l->tls.client_ca) {
		int loaded = read_client_ca(c, l, d, &ret->client_ca);

		r = r < 0 ? r : loaded;
	}
	return r;
}

void tls_credentials_release(struct tls_credentials *t)
{
	for (size_t i = 0; i < t->count; i++)
		certificate_release(&t->certificates[i]);
	free(t->certificates);
	certificate_free_all(t->client_ca);
	*t = (struct tls_credentials){0};
}
