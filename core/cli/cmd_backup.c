/* backup, restore, and check --store. */
#include <errno.h>
#include <limits.h>
#include <unistd.h>
#include "base/log.h"
#include "cli/client.h"
#include "cli/project.h"
#include "store/store.h"

#define FAULTS_MAX ((size_t)16 * 1024 * 1024)

/* ---- backup ---------------------------------------------------------------------------------------------------- */

/* The daemon has another folder than we. */
static bool write_absolute(const char *file, struct buf *body)
{
	char folder[PATH_MAX];
	struct buf path;
	if (file[0] != '/' && !getcwd(folder, sizeof(folder))) {
		cli_error("this folder: %s", strerror(errno));
		return false;
	}
	buf_init(&path, 2 * PATH_MAX);
	if (file[0] != '/')
		buf_printf(&path, "%s/", folder);
	buf_str(&path, file);
	jsonw_open(body, '{');
	jsonw_key(body, "path");
	jsonw_strn(body, buf_cstr(&path), path.len);
	jsonw_close(body, '}');
	const bool well = buf_error(&path) == 0;
	buf_release(&path);
	if (!well)
		cli_error("%s: the name is too long", file);
	return well;
}

int cmd_backup(struct cli *c)
{
	struct answer answer;
	struct buf body;
	int64_t bytes = 0;
	int code = CLI_USAGE;
	buf_init(&body, 8 * PATH_MAX);
	if (write_absolute(c->args[0], &body))
		code = client_call_long(c, "POST", "/backup", &body, &answer);
	buf_release(&body);
	if (code != CLI_OK)
		return code;
	json_int(json_get(answer.json, "bytes"), &bytes);
	if (c->json)
		client_print_json(&answer);
	else
		printf("%s: the store as it is now, %lld bytes\n", c->args[0], (long long)bytes);
	answer_release(&answer);
	return CLI_OK;
}

/* ---- check ----------------------------------------------------------------------------------------------------- */

static void keep_fault(void *arg, const char *text)
{
	jsonw_str(arg, text);
}

static void print_fault(void *arg, const char *text)
{
	fprintf(stderr, "%s: %s\n", (const char *)arg, text);
}

static int report_unreadable(const char *path, int error)
{
	if (error == -EPROTO)
		cli_error("%s: made by a newer version of tappet", path);
	else
		cli_error("%s: %s", path, log_strerror(error));
	return error == -ENOENT ? CLI_NOT_FOUND : CLI_FAILED;
}

/* CLI_OK, or what is wrong has been told. */
static int check_store(const char *path)
{
	char *name = strdup(path);
	int r = name ? store_check(path, print_fault, name) : -ENOMEM;
	free(name);
	if (r == 0)
		return CLI_OK;
	return r == -EILSEQ ? CLI_FAILED : report_unreadable(path, r);
}

static int check_store_json(const char *path)
{
	struct buf faults, out;
	buf_init(&faults, FAULTS_MAX);
	jsonw_open(&faults, '[');
	int r = store_check(path, keep_fault, &faults);
	jsonw_close(&faults, ']');
	if (r == 0 || r == -EILSEQ) {
		buf_init(&out, 2 * FAULTS_MAX);
		jsonw_open(&out, '{');
		jsonw_key(&out, "ok");
		jsonw_bool(&out, r == 0);
		jsonw_key(&out, "store");
		jsonw_str(&out, path);
		jsonw_key(&out, "faults");
		jsonw_raw(&out, buf_cstr(&faults), faults.len);
		jsonw_close(&out, '}');
		puts(buf_cstr(&out));
		buf_release(&out);
	}
	buf_release(&faults);
	if (r == 0 || r == -EILSEQ)
		return r == 0 ? CLI_OK : CLI_FAILED;
	return report_unreadable(path, r);
}

static int check_path(const struct cli *c, const char *path)
{
	if (c->json)
		return check_store_json(path);
	int code = check_store(path);
	if (code == CLI_OK)
		printf("%s: no fault\n", path);
	return code;
}

/* CLI_OK with the configuration of this project, or what is wrong has been told. */
static int open_project(struct cli *c, struct project *p)
{
	int code = project_open(c, false, p);
	if (code == CLI_OK && !p->config) {
		project_print_mistakes(c, &p->diag);
		code = CLI_FAILED;
	}
	return code;
}

int cmd_check_store(struct cli *c)
{
	struct project p;
	if (c->arg_count > 0)
		return check_path(c, c->args[0]);
	int code = open_project(c, &p);
	if (code == CLI_OK)
		code = check_path(c, p.config->store_path);
	project_close(&p);
	return code;
}

/* ---- restore --------------------------------------------------------------------------------------------------- */

static int report_restore(const char *path, const char *copy, int error)
{
	if (error == -EBUSY)
		cli_error("a daemon runs on %s: stop it first; nothing was changed", path);
	else if (error == -EINVAL)
		cli_error("%s is the store itself", copy);
	else if (error == -ETXTBSY)
		cli_error("%s has a journal beside it (%s-wal): it is a store in use, not a backup", copy, copy);
	else
		cli_error("%s cannot be put in place as %s: %s", copy, path, log_strerror(error));
	return error == -EBUSY ? CLI_REFUSED : CLI_FAILED;
}

static void print_restored(const struct cli *c, const char *path, const char *aside)
{
	struct buf out;
	if (!c->json) {
		if (aside)
			printf("the store that was there is now %s\n", aside);
		printf("restored: %s\n", path);
		return;
	}
	buf_init(&out, 8 * PATH_MAX);
	jsonw_open(&out, '{');
	jsonw_key(&out, "store");
	jsonw_str(&out, path);
	jsonw_key(&out, "before");
	jsonw_str(&out, aside);
	jsonw_close(&out, '}');
	puts(buf_cstr(&out));
	buf_release(&out);
}

static int restore(const struct cli *c, const char *path)
{
	const char *copy = c->args[0];
	char *aside = NULL;
	int code = check_store(copy);
	if (code != CLI_OK) {
		cli_error("%s is no sound backup; nothing was changed", copy);
		return code;
	}
	int r = store_restore(path, copy, &aside);
	if (r < 0) {
		if (aside)
			cli_error("the store that was there is also %s", aside);
		code = report_restore(path, copy, r);
	} else {
		print_restored(c, path, aside);
	}
	free(aside);
	return code;
}

int cmd_restore(struct cli *c)
{
	struct project p;
	int code = open_project(c, &p);
	if (code == CLI_OK)
		code = restore(c, p.config->store_path);
	project_close(&p);
	return code;
}
