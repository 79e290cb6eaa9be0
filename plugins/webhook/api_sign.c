/* GET /sign/{workflow}[/{trigger}]: what a sender of this trigger has to have. POST the same, with a body: the signature of
 * that body, for `tappet webhook test`.
 *
 * It hands out what opens the door for one request, never what opens it for any: no secret, no bearer token, no user's password.
 * Where the secret is what the sender shows, whoever tests has to have it, as the sender has. Even so this is an oracle, which
 * signs whatever it is given: it is for administrators, who could read the secret's file or change the trigger, and each use
 * is logged. (The daemon could send the request itself; but then it would be a way to make it call addresses.) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "api.h"

#define URL_MAX 8192

static const char *sender_name(enum verify_sender sender)
{
	static const char *const names[] = {[SENDER_NOTHING] = "none",
					    [SENDER_SIGNS] = "daemon",
					    [SENDER_SHOWS] = "secret",
					    [SENDER_HAS_KEY] = "key"};
	return names[sender];
}

static void member_or_null(struct text *out, const char *key, const char *value)
{
	text_key(out, key);
	if (value)
		text_json(out, tappet_cstr(value));
	else
		text_cstr(out, "null");
}

static void add_method(const struct settings *s, struct text *out)
{
	/* POST where it may be, since that is what senders do. */
	static const char *const names[] = {"POST", "PUT", "PATCH", "DELETE", "GET"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(s->methods & method_bit(tappet_cstr(names[i]))))
			continue;
		text_member(out, "method", tappet_cstr(names[i]));
		return;
	}
}

void api_sign_get(void *arg, tappet_request *request)
{
	struct webhook *w = arg;
	struct api_target target;
	struct text out = {0}, path = {0};
	if (!api_target_read(w, request, &target))
		return;
	const struct binding *b = api_find(w, request, &target);
	if (!b)
		return;
	const struct verifier *v = b->settings->verifier;
	char *options = verifier_signature_options(v);
	const tappet_str url = w->http->public_url(w->self);
	text_cstr(&path, "/webhook/in/");
	text_cstr(&path, b->slug);
	text_cstr(&path, "/");
	text_cstr(&path, b->trigger_id);
	text_cstr(&out, "{");
	text_member(&out, "workflow", tappet_cstr(b->slug));
	text_member(&out, "trigger", tappet_cstr(b->trigger_id));
	text_member(&out, "path", tappet_strn(path.bytes, path.len));
	add_method(b->settings, &out);
	text_member(&out, "publicUrl", url);
	member_or_null(&out, "preset", verifier_preset(v));
	text_member(&out, "sender", tappet_cstr(sender_name(verifier_sender(v))));
	text_key(&out, "signature");
	text_cstr(&out, options ? options : "null");
	text_member(&out, "auth", tappet_cstr(verifier_auth_kind(v)));
	member_or_null(&out, "authName", verifier_auth_name(v));
	text_cstr(&out, "}");
	out.failed = out.failed || path.failed;
	text_release(&path);
	free(options);
	api_answer(w, request, &out);
}

/* ---- Signing ---- */

static void add_header(void *arg, const char *name, const char *value)
{
	struct text *out = arg;
	text_cstr(out, out->bytes[out->len - 1] == ']' ? ",[" : "[");
	text_json(out, tappet_cstr(name));
	text_cstr(out, ",");
	text_json(out, tappet_cstr(value));
	text_cstr(out, "]");
}

static tappet_str no_header(void *arg, const char *name, size_t index)
{
	(void)arg;
	(void)name;
	(void)index;
	return tappet_strn(NULL, 0);
}

static int32_t sign(const struct webhook *w, tappet_request *request, const struct verifier *v, struct text *out)
{
	const tappet_str base = w->http->public_url(w->self), target = w->http->query_value(request, "target");
	const tappet_str method = w->http->query_value(request, "method");
	char url[URL_MAX] = "";
	if (base.ptr && base.len + target.len < sizeof(url))
		snprintf(url, sizeof(url), "%.*s%.*s", (int)base.len, base.ptr, (int)target.len,
			 target.ptr ? target.ptr : "");
	const struct verify_request what = {
		.method = method.ptr ? method : tappet_cstr("POST"),
		.url = tappet_cstr(url),
		.path_query = target.ptr ? target : tappet_cstr(""),
		.body = w->http->body(request),
		.now_ms = w->host->wall_ms(w->self),
		.header = no_header,
	};
	return verifier_sign_once(v, &what, add_header, out);
}

static void refuse(const struct webhook *w, tappet_request *request, const struct verifier *v, int32_t error)
{
	static const char *const details[] = {
		[SENDER_NOTHING] = "This trigger has no signature.",
		[SENDER_SIGNS] = "This body cannot be signed: it is not what the sender would send.",
		[SENDER_SHOWS] =
			"This sender shows the secret itself, which is not handed out: give it with the request.",
		[SENDER_HAS_KEY] = "The daemon has the public key only: sign with the private one.",
	};
	if (error == TAPPET_ENOTSUP || error == TAPPET_EINVAL)
		w->http->problem(request, 409, "cannot-sign", details[verifier_sender(v)], 0);
	else
		api_failed(w, request, error);
}

static void note(const struct webhook *w, tappet_request *request, const struct binding *b)
{
	const tappet_field fields[] = {
		{"workflow", tappet_cstr(b->slug)},
		{"trigger", tappet_cstr(b->trigger_id)},
		{"remote", w->http->remote(request)},
	};
	w->host->log(w->self, TAPPET_LOG_INFO, "a test request was signed for an administrator", fields, 3);
}

void api_sign_post(void *arg, tappet_request *request)
{
	struct webhook *w = arg;
	struct api_target target;
	struct text out = {0};
	if (!api_target_read(w, request, &target))
		return;
	const struct binding *b = api_find(w, request, &target);
	if (!b)
		return;
	text_cstr(&out, "{\"headers\":[");
	const int32_t r = out.failed ? TAPPET_ENOMEM : sign(w, request, b->settings->verifier, &out);
	text_cstr(&out, "]}");
	if (r == TAPPET_OK) {
		note(w, request, b);
		api_answer(w, request, &out);
		return;
	}
	text_release(&out);
	refuse(w, request, b->settings->verifier, r);
}
