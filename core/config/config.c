#include "config/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config_reader.h"

#define CONFIG_SIZE_MAX (1024 * 1024)

static int set_place(struct config *c, const char *path)
{
	char *here = *path == '/' ? strdup("/") : getcwd(NULL, 0);
	char *slash;

	if (!here)
		return -errno;
	c->path = config_path(here, path);
	free(here);
	c->folder = c->path ? strdup(c->path) : NULL;
	if (!c->folder)
		return -ENOMEM;
	slash = strrchr(c->folder, '/');
	slash[slash == c->folder ? 1 : 0] = '\0';
	return 0;
}

static int read_file(struct config *c, struct json_file *file, struct diag *d)
{
	struct config_reader cr = {.c = c};

	reader_init(&cr.reader, file, d);
	config_read_object(&cr, "", "tappet.json", file->root, c);
	if (!cr.reader.error)
		config_read_defaults(&cr);
	if (!cr.reader.error)
		config_check(&cr);
	return reader_finish(&cr.reader);
}

static int make(const char *path, struct config **ret)
{
	struct config *c = calloc(1, sizeof(*c));
	int r = c ? set_place(c, path) : -ENOMEM;

	if (r < 0) {
		config_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

int config_read(const char *path, struct diag *d, struct config **ret)
{
	struct config *c = NULL;
	int r = make(path, &c);

	if (r < 0)
		return r;
	r = json_file_read(path, CONFIG_SIZE_MAX, d, &c->file);
	if (r == -ENOBUFS)
		r = -EINVAL;
	if (r == 0)
		r = read_file(c, c->file, d);
	if (r < 0) {
		config_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

int config_default(const char *path, struct config **ret)
{
	struct json_file *empty = NULL;
	struct config *c = NULL;
	struct diag d;
	int r;

	diag_init(&d);
	r = make(path, &c);
	if (r == 0)
		r = json_file_parse(path, "{}", 2, &d, &empty);
	if (r == 0)
		r = read_file(c, empty, &d);
	json_file_free(empty);
	diag_release(&d);
	if (r < 0) {
		config_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

static void free_lists(struct config *c)
{
	for (size_t i = 0; i < c->listen_count; i++) {
		free(c->listen[i].address);
		config_free_tls(&c->listen[i].tls);
	}
	for (size_t i = 0; i < c->plugin_count; i++) {
		free(c->plugins[i].name);
		free(c->plugins[i].load);
	}
	for (size_t i = 0; i < c->default_env_count; i++) {
		free(c->default_env[i].name);
		free(c->default_env[i].value);
	}
	free(c->listen);
	free(c->plugins);
	free(c->default_env);
}

void config_free(struct config *c)
{
	if (!c)
		return;
	free_lists(c);
	free(c->path);
	free(c->folder);
	free(c->control_path);
	free(c->control_group);
	free(c->admin_token_file);
	free(c->public_url);
	free(c->trusted);
	free(c->store_path);
	free(c->workflows);
	json_file_free(c->file);
	free(c);
}
