/* init: a configuration, a first workflow, and a token for it. */
#include <errno.h>
#include <limits.h>
#include "base/log.h"
#include "cli/make.h"
#include "cli/offline.h"
#include "cli/project.h"

static const char config_text[] =
	"{\n"
	"  // Where the daemon listens. What else can stand here: docs/options.md\n"
	"  \"listen\": [ %s ],\n"
	"  // Activities, tokens and everything else that has to survive.\n"
	"  \"store\": \"sqlite:tappet.db\",\n"
	"  // One file per workflow; `tappet check` finds mistakes, `tappet reload` takes changes in.\n"
	"  \"workflows\": \"workflows/\",\n"
	"  // These plugins, and only these, are loaded; `tappet plugins show webhook` tells their options.\n"
	"  \"plugins\": { \"webhook\": {}, \"schedule\": {} }\n"
	"}\n";

static const char workflow_text[] =
	"{\n"
	"  // A first workflow: greets, then rests. Start it by the webhook, or with `tappet run hello -p name=You "
	"--follow`.\n"
	"  \"name\": \"Hello\",\n"
	"  \"team\": \"Examples\",\n"
	"  \"params\": { \"name\": { \"type\": \"string\", \"default\": \"world\" } },\n"
	"  \"triggers\": [ { \"plugin\": \"webhook\" } ],\n"
	"  \"steps\": [\n"
	"    // What a step prints is its log; name=value lines in $TAPPET_OUTPUT are its outputs.\n"
	"    { \"id\": \"greet\", \"name\": \"Greet\", \"script\": [\n"
	"      \"#!/bin/sh\",\n"
	"      \"echo \\\"Hello, $TAPPET_PARAM_NAME!\\\"\",\n"
	"      \"echo \\\"greeting=Hello, $TAPPET_PARAM_NAME!\\\" >> \\\"$TAPPET_OUTPUT\\\"\" ] },\n"
	"    { \"id\": \"rest\", \"name\": \"Rest\", \"sleep\": \"1s\" }\n"
	"  ]\n"
	"}\n";

struct init {
	struct cli *c;
	char folder[PATH_MAX], config[PATH_MAX + 16], workflows[PATH_MAX + 16], workflow[PATH_MAX + 32];
	struct make make;
};

static const char *listen_address(const struct cli *c)
{
	const char *address = cli_value(c, "listen");
	return address ? address : "127.0.0.1:8080";
}

/* Written as it stands into a JSON file and a shell line. */
static bool address_is_plain(const char *address)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:[]-";
	return strchr(address, ':') && strspn(address, allowed) == strlen(address);
}

/* Beyond this machine no more than the webhook needs: what the API needs there has to be named by its operator. */
static void write_config(const char *address, struct buf *out)
{
	struct buf listen;
	const bool local = strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]:", 6) == 0;
	buf_init(&listen, 1024);
	if (local)
		buf_printf(&listen, "\"%s\"", address);
	else
		buf_printf(&listen, "{ \"address\": \"%s\", \"serve\": [\"hooks\", \"health\"] }", address);
	buf_printf(out, config_text, buf_cstr(&listen));
	buf_release(&listen);
}

static int make_files(struct init *i)
{
	struct buf text;
	int code;
	buf_init(&text, 16 * 1024);
	write_config(listen_address(i->c), &text);
	if ((code = make_folder(&i->make, i->folder)) == CLI_OK &&
	    (code = make_folder(&i->make, i->workflows)) == CLI_OK &&
	    (code = make_file(&i->make, i->config, buf_cstr(&text), text.len)) == CLI_OK)
		code = make_file(&i->make, i->workflow, workflow_text, sizeof(workflow_text) - 1);
	buf_release(&text);
	return code;
}

static int explain(const struct config *config, int error)
{
	if (error == -EBUSY)
		cli_error("a daemon is running on %s: ask it for a token with 'tappet token create'",
			  config->store_path);
	else
		cli_error("cannot make a token in %s: %s", config->store_path, log_strerror(error));
	return error == -EBUSY ? CLI_REFUSED : CLI_FAILED;
}

static int make_token(struct init *i, char **ret_secret)
{
	struct config *config = NULL;
	struct definitions definitions = {0};
	struct diag diag;
	diag_init(&diag);
	int r = config_read(i->config, &diag, &config);
	if (r == 0)
		r = definitions_read(config, &diag, &definitions);
	if (r == 0)
		r = offline_create_token(config, &definitions, "hello", "first", ret_secret);
	if (diag.count > 0)
		project_print_mistakes(i->c, &diag);
	int code = CLI_OK;
	if (r < 0 && config)
		code = explain(config, r);
	else if (r < 0)
		code = diag.count > 0 ? CLI_FAILED : make_tell(i->config, r);
	definitions_release(&definitions);
	config_free(config);
	diag_release(&diag);
	return code;
}

static bool takes_any_port(const char *address)
{
	const char *port = strrchr(address, ':');
	return port && strcmp(port, ":0") == 0;
}

/* An address to call: nobody can call "any". */
static void write_curl(const char *address, const char *secret, struct buf *out)
{
	const char *port = strrchr(address, ':');
	const bool any = strncmp(address, "0.0.0.0:", 8) == 0 || strncmp(address, "[::]:", 5) == 0;
	const char *host = any ? "127.0.0.1" : address;
	buf_printf(out,
		   "curl -sS http://%.*s%s/webhook/payload -d '{\"token\":\"%s\",\"properties\":{\"name\":\"You\"}}'",
		   any ? (int)strlen(host) : (int)(port - address), host, takes_any_port(address) ? ":PORT" : port,
		   secret);
}

static void print_result(struct init *i, const char *secret)
{
	const char *folder = i->c->arg_count > 0 ? i->c->args[0] : NULL;
	struct buf curl;
	buf_init(&curl, 4096);
	write_curl(listen_address(i->c), secret, &curl);
	if (i->c->json) {
		struct buf out;
		buf_init(&out, 64 * 1024);
		jsonw_open(&out, '{');
		jsonw_key(&out, "config");
		jsonw_str(&out, i->config);
		jsonw_key(&out, "workflow");
		jsonw_str(&out, "hello");
		jsonw_key(&out, "token");
		jsonw_str(&out, secret);
		jsonw_key(&out, "curl");
		jsonw_str(&out, buf_cstr(&curl));
		jsonw_close(&out, '}');
		puts(buf_cstr(&out));
		buf_release(&out);
	} else {
		printf("Made %s and %s, and a token for the workflow, which is shown only now:\n\n  %s\n\n", i->config,
		       i->workflow, secret);
		printf("Start the daemon:\n\n  %s%s%stappet serve\n\n", folder ? "cd " : "", folder ? folder : "",
		       folder ? " && " : "");
		printf("and then, from elsewhere%s:\n\n  %s\n",
		       takes_any_port(listen_address(i->c)) ? " (it says its port when it starts)" : "",
		       buf_cstr(&curl));
	}
	buf_release(&curl);
}

int cmd_init(struct cli *c)
{
	struct init i = {.c = c};
	const char *folder = c->arg_count > 0 ? c->args[0] : ".";
	char *secret = NULL;
	if (!address_is_plain(listen_address(c))) {
		cli_error("--listen is an address with a port, such as 127.0.0.1:8080");
		return CLI_USAGE;
	}
	if (strlen(folder) >= sizeof(i.folder)) {
		cli_error("%s: %s", folder, log_strerror(-ENAMETOOLONG));
		return CLI_USAGE;
	}
	snprintf(i.folder, sizeof(i.folder), "%s", folder);
	snprintf(i.config, sizeof(i.config), "%s/tappet.json", folder);
	snprintf(i.workflows, sizeof(i.workflows), "%s/workflows", folder);
	snprintf(i.workflow, sizeof(i.workflow), "%s/workflows/hello.json", folder);
	int code = make_files(&i);
	if (code == CLI_OK)
		code = make_token(&i, &secret);
	if (code == CLI_OK)
		print_result(&i, secret);
	else
		make_undo(&i.make);
	make_release(&i.make);
	secret_free(secret, secret ? strlen(secret) : 0);
	return code;
}
