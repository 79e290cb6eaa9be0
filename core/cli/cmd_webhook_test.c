/* webhook test: signs a request as its sender would, and sends it to the daemon's own listener.
 *
 * Who signs: the daemon, over its API, where that gives away nothing but this one signature; else this program, with the
 * secret or the private key that --secret-env, --secret-file or --key name. A secret that is given never goes to the daemon but
 * as its sender shows it, and a private key goes nowhere. */
#include <ctype.h>
#include <strings.h>
#include "cli/input.h"
#include "cli/webhook.h"
#include "cli/webhook_plan.h"

/* Whether a header is one whose value opens doors: --dry-run is there to be passed on. */
static bool is_credential(const struct plan *p, const char *name)
{
	static const char *const names[] = {"Authorization", "Proxy-Authorization", "Cookie"};
	const bool by_header = strcmp(p->auth, "header") == 0 && p->auth_name;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return by_header && strcasecmp(p->auth_name, name) == 0;
}

/* As if it stood in a variable: "$X_KEY" for X-Key. */
static bool add_credential(struct webhook_request *r, const char *name, const char *value)
{
	char word[272] = "\"$";
	size_t n = 2;
	for (const char *at = name; *at && n < sizeof(word) - 2; at++)
		word[n++] = isalnum((unsigned char)*at) ? (char)toupper((unsigned char)*at) : '_';
	word[n++] = '"';
	word[n] = '\0';
	return webhook_add_secret(r, name, "", value, word);
}

static int add_given_headers(const struct cli *c, const struct plan *p, struct webhook_request *r)
{
	const char *text;
	for (size_t i = 0; (text = cli_value_at(c, "header", i)); i++) {
		const char *colon = strchr(text, ':'), *value = colon ? colon + 1 : NULL;
		char name[256];
		if (!colon || colon == text || (size_t)(colon - text) >= sizeof(name)) {
			cli_error("--header expects NAME:VALUE, not '%s'", text);
			return CLI_USAGE;
		}
		snprintf(name, sizeof(name), "%.*s", (int)(colon - text), text);
		value += strspn(value, " ");
		if (!(value[0] && is_credential(p, name) ? add_credential(r, name, value)
							 : webhook_add_header(r, name, value)))
			return CLI_FAILED;
	}
	return CLI_OK;
}

/* As most senders would call it; --header says it better. */
static bool add_type(struct webhook_request *r, const struct plan *p)
{
	const char *type = "application/json";
	if (r->body.len == 0 || webhook_has_header(r, "Content-Type"))
		return true;
	if (json_check(r->body.data, r->body.len, NULL) < 0)
		type = p->preset && strcmp(p->preset, "twilio") == 0 ? "application/x-www-form-urlencoded"
								     : "text/plain; charset=utf-8";
	return webhook_add_header(r, "Content-Type", type);
}

static int read_body(const struct cli *c, struct webhook_request *r)
{
	r->body_path = cli_value(c, "body");
	return !r->body_path || input_read(r->body_path, &r->body) ? CLI_OK : CLI_FAILED;
}

static int run(struct cli *c, struct plan *p, struct webhook_request *r)
{
	int code = read_body(c, r);
	r->method = cli_value(c, "method") ? cli_value(c, "method") : p->method;
	if (code == CLI_OK)
		code = add_given_headers(c, p, r);
	if (code == CLI_OK && !add_type(r, p))
		code = CLI_FAILED;
	if (code == CLI_OK)
		code = plan_address(c, p, r);
	if (code == CLI_OK)
		code = plan_show(c, p, r);
	if (code == CLI_OK)
		code = plan_sign(c, p, r);
	if (code != CLI_OK)
		return code;
	if (buf_error(&r->url) < 0) {
		cli_error("the address is too long");
		return CLI_USAGE;
	}
	return cli_flag(c, "dry-run") ? webhook_print_curl(r) : webhook_send(c, r);
}

int cmd_webhook_test(struct cli *c)
{
	struct plan plan = {0};
	struct webhook_request request = {0};
	buf_init(&request.body, INPUT_MAX);
	buf_init(&request.url, 64 * 1024);
	int code = plan_read(c, &plan);
	if (code == CLI_OK)
		code = run(c, &plan, &request);
	webhook_request_release(&request);
	plan_release(&plan);
	return code;
}
