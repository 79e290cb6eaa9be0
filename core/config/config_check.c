#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config_reader.h"

static const struct json *member_of(const struct config_reader *cr, const char *section, const char *key)
{
	const struct json *object = json_get(cr->reader.file->root, section);

	return key ? json_get(object, key) : object;
}

static void check_public(struct config_reader *cr, const struct listen_config *l)
{
	if (cr->c->admin_token_file_named || !(l->serve & (SURFACE_API | SURFACE_CONSOLE)) || config_is_local(l))
		return;
	reader_mistake(
		&cr->reader, l->at, false,
		"\"%s\" serves api or console beyond this machine: name the \"tokenFile\" in \"admin\", or leave "
		"both out of \"serve\"",
		l->address);
}

static bool takes_free_port(const struct listen_config *l)
{
	size_t len = strlen(l->address);

	return !l->is_unix && len > 2 && strcmp(l->address + len - 2, ":0") == 0;
}

static void check_listener(struct config_reader *cr, size_t index)
{
	struct listen_config *l = &cr->c->listen[index];

	config_check_tls(cr, l);
	if (!l->address)
		return;
	check_public(cr, l);
	if (l->is_unix && cr->c->control_path && strcmp(l->address, cr->c->control_path) == 0)
		reader_mistake(&cr->reader, l->at, false, "\"unix:%s\" is the control socket", l->address);
	for (size_t i = 0; i < index && !takes_free_port(l); i++) {
		const struct listen_config *other = &cr->c->listen[i];

		if (other->address && other->is_unix == l->is_unix && strcmp(other->address, l->address) == 0)
			reader_mistake(&cr->reader, l->at, false, "two listeners have the address \"%s\"", l->address);
	}
}

/* Files that the daemon writes must not be one and the same. */
static void check_files(struct config_reader *cr)
{
	const struct config *c = cr->c;
	const struct {
		const char *path, *what;
		const struct json *at;
	} files[] = {
		{c->path, "this file", NULL},
		{c->store_path, "the store", member_of(cr, "store", NULL)},
		{c->control_path, "the control socket", member_of(cr, "control", "path")},
		{c->admin_token_file, "the administrator's token", member_of(cr, "admin", "tokenFile")},
	};

	for (size_t i = 1; i < sizeof(files) / sizeof(files[0]); i++)
		for (size_t k = 0; k < i; k++)
			if (files[i].path && files[k].path && strcmp(files[i].path, files[k].path) == 0)
				reader_mistake(&cr->reader, files[i].at ? files[i].at : files[k].at, false,
					       "%s and %s have the same path: %s", files[k].what, files[i].what,
					       files[i].path);
}

static void place_control(struct config_reader *cr)
{
	struct config *c = cr->c;
	const char *slash = c->store_path ? strrchr(c->store_path, '/') : NULL;

	if (c->control_path || !slash)
		return;
	if (asprintf(&c->control_path, "%.*s/tappet.sock", (int)(slash - c->store_path), c->store_path) < 0) {
		c->control_path = NULL;
		cr->reader.error = -ENOMEM;
	}
}

void config_check(struct config_reader *cr)
{
	struct config *c = cr->c;

	if (!member_of(cr, "control", "path"))
		place_control(cr);
	c->admin_token_file_named = member_of(cr, "admin", "tokenFile") != NULL;
	if (c->control_path && strlen(c->control_path) > UNIX_PATH_MAX_LEN)
		reader_mistake(&cr->reader, member_of(cr, "control", "path"), false,
			       "the path of a UNIX socket has at most %d bytes: name a shorter \"path\" in \"control\" "
			       "than %s",
			       UNIX_PATH_MAX_LEN, c->control_path);
	for (size_t i = 0; i < c->listen_count; i++)
		check_listener(cr, i);
	check_files(cr);
}
