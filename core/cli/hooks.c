#include "cli/hooks.h"
#include <ctype.h>
#include <stdarg.h>
#include "cli/literal.h"
#include "model/names.h"

#define TEXT_MAX (4 << 20)

/* Keys that have a meaning here, and those that only have one there. */
static const char *const carried[] = {"id",
				      "execute-command",
				      "command-working-directory",
				      "response-message",
				      "response-headers",
				      "success-http-response-code",
				      "incoming-payload-content-type",
				      "http-methods",
				      "include-command-output-in-response",
				      "pass-environment-to-command",
				      "pass-arguments-to-command",
				      "pass-file-to-command",
				      "parse-parameters-as-json",
				      "trigger-rule"};

void hook_note(struct hook *h, const struct json *at, const char *format, ...)
{
	char text[400];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_file_mistake(h->file, h->notes, at, false, "hook %s: %s", h->id, text);
}

void hook_open(struct hook *h, const struct json_file *file, const struct json *json, struct diag *notes)
{
	*h = (struct hook){.file = file, .json = json, .id = json_get_str(json, "id"), .notes = notes};
	buf_init(&h->when, TEXT_MAX);
	buf_init(&h->signature, TEXT_MAX);
}

void hook_release(struct hook *h)
{
	buf_release(&h->when);
	buf_release(&h->signature);
}

bool hook_slug(const struct hook *h, char *slug, size_t size)
{
	size_t len = 0;
	for (const char *c = h->id; *c && len + 1 < size; c++) {
		if (isalnum((unsigned char)*c))
			slug[len++] = (char)tolower((unsigned char)*c);
		else if (len > 0 && slug[len - 1] != '-')
			slug[len++] = '-';
	}
	while (len > 0 && slug[len - 1] == '-')
		len--;
	slug[len] = '\0';
	return name_is_slug(slug);
}

void hook_secret_name(const char *slug, size_t index, char *name, size_t size)
{
	if (index == 0)
		snprintf(name, size, "secrets/%s", slug);
	else
		snprintf(name, size, "secrets/%s-%zu", slug, index + 1);
}

/* ---- The trigger's options ---- */

static void write_member(struct buf *out, const char *key, const char *text)
{
	jsonw_key(out, key);
	jsonw_str(out, text);
}

/* What a path of the webhook plugin may have in it. */
static bool fits_path(const char *id)
{
	for (; *id; id++)
		if (*id <= ' ' || *id > '~' || strchr("{}?#%", *id))
			return false;
	return true;
}

static void write_path(const struct hook *h, const char *prefix, struct buf *out)
{
	char path[512];
	if (!fits_path(h->id))
		return;
	snprintf(path, sizeof(path), "%s%s/%s", *prefix ? "/" : "", prefix, h->id);
	write_member(out, "path", path);
}

/* Without a list every method is taken there. */
static void write_methods(const struct hook *h, struct buf *out)
{
	static const char *const all[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
	const struct json *list = json_get(h->json, "http-methods");
	jsonw_key(out, "methods");
	jsonw_open(out, '[');
	for (const struct json *m = json_first(list); m; m = json_next(m))
		jsonw_str(out, json_str(m) ? json_str(m) : "");
	for (size_t i = 0; !json_first(list) && i < sizeof(all) / sizeof(all[0]); i++)
		jsonw_str(out, all[i]);
	jsonw_close(out, ']');
}

static void write_secret(const struct hook *h, const char *slug, size_t index, struct buf *out)
{
	char name[256];
	const struct hook_secret *s = &h->secrets[index];
	jsonw_open(out, '{');
	hook_secret_name(slug, index, name, sizeof(name));
	write_member(out, *s->variable ? "env" : "file", *s->variable ? s->variable : name);
	jsonw_close(out, '}');
}

static void write_signature(const struct hook *h, const char *slug, struct buf *out)
{
	if (h->signature.len == 0) {
		write_member(out, "auth", "none");
		return;
	}
	jsonw_key(out, "signature");
	buf_append(out, buf_cstr(&h->signature), h->signature.len);
	jsonw_key(out, "secret");
	if (h->secret_count > 1)
		jsonw_open(out, '[');
	for (size_t i = 0; i < h->secret_count; i++)
		write_secret(h, slug, i, out);
	if (h->secret_count > 1)
		jsonw_close(out, ']');
	jsonw_close(out, '}');
}

static void write_addresses(const struct hook *h, struct buf *out)
{
	if (h->address_count == 0)
		return;
	jsonw_key(out, "allow");
	jsonw_open(out, '[');
	for (size_t i = 0; i < h->address_count; i++)
		jsonw_str(out, h->addresses[i]);
	jsonw_close(out, ']');
}

static void write_body_kind(const struct hook *h, struct buf *out)
{
	const char *type = json_get_str(h->json, "incoming-payload-content-type");
	if (type && strstr(type, "json"))
		write_member(out, "body", "json");
	else if (type && strstr(type, "x-www-form-urlencoded"))
		write_member(out, "body", "form");
}

/* ---- The answer ---- */

static void write_headers(const struct hook *h, struct buf *out)
{
	const struct json *list = json_get(h->json, "response-headers");
	if (!json_first(list))
		return;
	jsonw_key(out, "headers");
	jsonw_open(out, '{');
	for (const struct json *one = json_first(list); one; one = json_next(one)) {
		const char *name = json_get_str(one, "name"), *value = json_get_str(one, "value");
		if (!name || !value)
			continue;
		jsonw_key(out, name);
		literal_write(out, value);
	}
	jsonw_close(out, '}');
}

static void write_reply(const struct hook *h, struct buf *out)
{
	const char *message = json_get_str(h->json, "response-message");
	int64_t status = 200;
	(void)json_int(json_get(h->json, "success-http-response-code"), &status);
	jsonw_key(out, "reply");
	jsonw_open(out, '{');
	jsonw_key(out, "status");
	jsonw_int(out, status);
	write_headers(h, out);
	jsonw_key(out, "body");
	if (hook_answers_output(h)) {
		jsonw_str(out, "$(steps.command.outputs.output)");
		write_member(out, "wait", "1m");
	} else {
		literal_write(out, message ? message : "");
	}
	jsonw_close(out, '}');
}

/* ---- The workflow ---- */

static void note_the_rest(struct hook *h)
{
	for (const struct json *member = json_first(h->json); member; member = json_next(member)) {
		size_t i = 0;
		while (i < sizeof(carried) / sizeof(carried[0]) && strcmp(carried[i], json_key(member)) != 0)
			i++;
		if (i == sizeof(carried) / sizeof(carried[0]))
			hook_note(h, member, "\"%s\" is not carried over", json_key(member));
	}
	if (h->lossy)
		hook_note(h, json_get(h->json, "trigger-rule"),
			  "its trigger is switched off until what was not carried over is written by hand");
}

static void write_params(const char *key, const struct buf *params, struct buf *out)
{
	if (params->len == 0)
		return;
	jsonw_key(out, key);
	jsonw_open(out, '{');
	buf_append(out, params->data, params->len);
	jsonw_close(out, '}');
}

static void write_trigger(const struct hook *h, const char *slug, const char *prefix, const struct buf *params,
			  struct buf *out)
{
	jsonw_open(out, '{');
	write_member(out, "plugin", "webhook");
	if (h->lossy) {
		jsonw_key(out, "enabled");
		jsonw_bool(out, false);
	}
	jsonw_key(out, "with");
	jsonw_open(out, '{');
	write_path(h, prefix, out);
	write_methods(h, out);
	write_signature(h, slug, out);
	write_addresses(h, out);
	write_body_kind(h, out);
	write_member(out, "headers", "*");
	write_reply(h, out);
	jsonw_close(out, '}');
	if (h->when.len > 0)
		write_member(out, "when", buf_cstr(&h->when));
	write_params("params", params, out);
	jsonw_close(out, '}');
}

void hook_workflow(struct hook *h, const char *slug, const char *prefix, struct buf *out)
{
	struct buf workflow_params, trigger_params, steps;
	buf_init(&workflow_params, TEXT_MAX);
	buf_init(&trigger_params, TEXT_MAX);
	buf_init(&steps, TEXT_MAX);
	hook_rule(h);
	hook_step(h, &workflow_params, &trigger_params, &steps);
	note_the_rest(h);
	if (!fits_path(h->id))
		hook_note(h, json_get(h->json, "id"), "no path has such an id here: it answers at /webhook/in/%s only",
			  slug);
	jsonw_open(out, '{');
	write_member(out, "name", h->id);
	write_params("params", &workflow_params, out);
	jsonw_key(out, "triggers");
	jsonw_open(out, '[');
	write_trigger(h, slug, prefix, &trigger_params, out);
	jsonw_close(out, ']');
	jsonw_key(out, "steps");
	buf_append(out, buf_cstr(&steps), steps.len);
	jsonw_close(out, '}');
	buf_release(&workflow_params);
	buf_release(&trigger_params);
	buf_release(&steps);
}
