/* webhook test: signs a request as its sender would, and sends it to the daemon's own listener.
 *
 * Who signs: the daemon, over its API, where that gives away nothing but this one signature; else this program, with the
 * secret or the private key that --secret-env, --secret-file or --key name. A secret that is given never goes to the daemon but
 * as its sender shows it, and a private key goes nowhere. */
#include "cli/input.h"
#include "cli/webhook.h"
#include "cli/webhook_plan.h"

static int add_given_headers(const struct cli *c, struct webhook_request *r)
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
		if (!webhook_add_header(r, name, value + strspn(value, " "), NULL))
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
	return webhook_add_header(r, "Content-Type", type, NULL);
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
		code = add_given_headers(c, r);
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
