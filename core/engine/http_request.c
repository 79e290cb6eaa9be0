#include "engine/http_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/spawn.h"
#include "version.h"

#define URL_MAX ((size_t)64 * 1024)
#define VALUE_MAX ((size_t)64 * 1024)
#define BODY_MAX ((size_t)64 * 1024 * 1024)

/* ---- Where to ------------------------------------------------------------------------------------------------- */

char *http_shown(const char *url)
{
	const char *scheme = strstr(url, "://");
	const char *host = scheme ? scheme + 3 : url;
	size_t authority = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', authority);

	return at ? text_printf("%.*s%s", (int)(host - url), url, at + 1) : strdup(url);
}

static int expand_url(struct http_request *r, bool mask, char **ret)
{
	struct buf url;
	int error;

	buf_init(&url, URL_MAX);
	r->values.mask = mask;
	error = values_expand(&r->values, &r->def->http->url, &url, r->message, sizeof(r->message));
	r->values.mask = false;
	if (error == 0) {
		*ret = buf_detach(&url, NULL);
		error = *ret ? 0 : -ENOMEM;
	}
	buf_release(&url);
	return error;
}

/* What a substitution has brought in is only known now. */
static int check_url(struct http_request *r)
{
	if (strncasecmp(r->url, "http://", 7) != 0 && strncasecmp(r->url, "https://", 8) != 0) {
		(void)snprintf(r->message, sizeof(r->message),
			       "the address does not begin with http:// or https://: %.200s", r->shown);
		return -EINVAL;
	}
	for (const char *c = r->url; *c; c++) {
		if ((unsigned char)*c > ' ' && *c != 0x7f)
			continue;
		(void)snprintf(
			r->message, sizeof(r->message),
			"the address has a space or control character in it, which has to be written as %%20 and "
			"so on: %.200s",
			r->shown);
		return -EINVAL;
	}
	return 0;
}

static int make_url(struct http_request *r)
{
	char *masked = NULL;
	int error = expand_url(r, false, &r->url);

	if (error == 0)
		error = expand_url(r, true, &masked);
	if (error == 0)
		r->shown = http_shown(masked);
	free(masked);
	if (error == 0 && !r->shown)
		error = -ENOMEM;
	return error == 0 ? check_url(r) : error;
}

/* ---- Header fields -------------------------------------------------------------------------------------------- */

static int append(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (!longer)
		return -ENOMEM;
	*list = longer;
	return 0;
}

/* libcurl reads "Name:" as the wish to leave a field out; an empty one ends in a semicolon. */
static int add_field(struct http_request *r, const char *name, const char *value, bool secret)
{
	char *line;
	int error;

	if (strpbrk(value, "\r\n")) {
		(void)snprintf(r->message, sizeof(r->message), "header field %.100s would have more than one line",
			       name);
		return -EINVAL;
	}
	line = *value ? text_printf("%s: %s", name, value) : text_printf("%s;", name);
	if (!line)
		return -ENOMEM;
	error = append(&r->headers, line);
	if (error == 0 && !secret)
		error = append(&r->plain, line);
	explicit_bzero(line, strlen(line));
	free(line);
	return error;
}

static bool uses_secret(const struct http_request *r, const struct subst *text)
{
	const struct workflow *w = r->values.workflow;

	for (size_t i = 0; i < text->count; i++)
		for (size_t k = 0; text->parts[i].kind == SUBST_PARAM && k < w->param_count; k++)
			if (w->params[k].type == PARAM_SECRET && strcmp(w->params[k].name, text->parts[i].text) == 0)
				return true;
	return false;
}

static int add_secret(struct http_request *r, const struct env_def *def)
{
	char *secret = NULL;
	int error = secret_env_read(r->options->folder, def, r->message, &secret);

	if (error < 0)
		return error;
	error = mask_add(&r->secrets, secret, strlen(secret));
	if (error == 0)
		error = add_field(r, def->name, secret, true);
	explicit_bzero(secret, strlen(secret));
	free(secret);
	return error;
}

static int add_text(struct http_request *r, const struct env_def *def)
{
	struct buf value;
	int error;

	buf_init(&value, VALUE_MAX);
	error = values_expand(&r->values, &def->value, &value, r->message, sizeof(r->message));
	if (error == 0)
		error = add_field(r, def->name, buf_cstr(&value), uses_secret(r, &def->value));
	buf_release(&value);
	return error;
}

static bool has_field(const struct http_def *http, const char *name)
{
	for (size_t i = 0; i < http->header_count; i++)
		if (strcasecmp(http->headers[i].name, name) == 0)
			return true;
	return false;
}

static int add_default(struct http_request *r, const char *name, const char *value)
{
	return has_field(r->def->http, name) ? 0 : add_field(r, name, value, false);
}

static int make_headers(struct http_request *r)
{
	const struct http_def *http = r->def->http;
	int error = 0;

	for (size_t i = 0; i < http->header_count && error == 0; i++) {
		const struct env_def *def = &http->headers[i];

		error = def->secret_env || def->secret_file ? add_secret(r, def) : add_text(r, def);
	}
	if (error == 0)
		error = add_default(r, "User-Agent", "tappet/" TAPPET_VERSION);
	if (error == 0)
		error = add_default(r, "Idempotency-Key", r->key);
	if (error == 0 && http->body)
		error = add_default(r, "Content-Type",
				    template_is_text(http->body) ? "text/plain; charset=utf-8" : "application/json");
	/* No answer is waited for before a large body is sent: few servers give one. */
	if (error == 0)
		error = append(&r->headers, "Expect:");
	return error == 0 ? append(&r->plain, "Expect:") : error;
}

/* ---- All of it ------------------------------------------------------------------------------------------------ */

static int make_body(struct http_request *r)
{
	const struct template *body = r->def->http->body;
	struct buf out;
	int error;

	if (!body)
		return 0;
	buf_init(&out, BODY_MAX);
	error = values_template(&r->values, body, template_is_text(body), &out, r->message, sizeof(r->message));
	if (error == 0) {
		r->body = buf_detach(&out, &r->body_len);
		error = r->body ? 0 : -ENOMEM;
	}
	buf_release(&out);
	return error;
}

static int make_ca_file(struct http_request *r)
{
	const char *path = r->def->http->ca_file;

	if (!path)
		return 0;
	r->ca_file = path[0] == '/' ? strdup(path) : text_printf("%s/%s", r->options->folder, path);
	return r->ca_file ? 0 : -ENOMEM;
}

void http_request_make(struct http_request *r)
{
	r->error = make_url(r);
	if (r->error == 0)
		r->error = make_headers(r);
	if (r->error == 0)
		r->error = make_body(r);
	if (r->error == 0)
		r->error = make_ca_file(r);
	if (r->error == 0)
		r->error = values_mask_params(&r->values, &r->secrets);
	if (r->error == 0)
		r->error = mask_seal(&r->secrets);
	if (r->error == 0) {
		r->shown = http_masked(r, r->shown);
		r->error = r->shown ? 0 : -ENOMEM;
	}
	if (r->error < 0 && !r->message[0])
		(void)snprintf(r->message, sizeof(r->message), "the request cannot be made: %s", strerror(-r->error));
}

char *http_masked(const struct http_request *r, char *text)
{
	struct buf out;
	char *masked;

	if (!text || mask_empty(&r->secrets))
		return text;
	buf_init(&out, 4 * strlen(text) + 64);
	(void)mask_text(&r->secrets, text, strlen(text), &out);
	masked = buf_detach(&out, NULL);
	buf_release(&out);
	free(text);
	return masked;
}

static void wipe_list(struct curl_slist *list)
{
	for (struct curl_slist *item = list; item; item = item->next)
		explicit_bzero(item->data, strlen(item->data));
	curl_slist_free_all(list);
}

static void wipe_text(char *text, size_t len)
{
	if (text)
		explicit_bzero(text, len);
	free(text);
}

void http_request_release(struct http_request *r)
{
	values_release(&r->values);
	mask_wipe(&r->secrets);
	wipe_list(r->headers);
	wipe_list(r->plain);
	wipe_text(r->url, r->url ? strlen(r->url) : 0);
	wipe_text(r->body, r->body_len);
	free(r->shown);
	free(r->ca_file);
}
