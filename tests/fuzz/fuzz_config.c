/* Any bytes as tappet.json: it is refused with a mistake, or everything in it has a value that the daemon can use. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(int truth)
{
	if (!truth)
		abort();
}

static void check(const struct config *c)
{
	expect(c->path[0] == '/' && c->folder[0] == '/' && c->store_path[0] == '/' && c->workflows[0] == '/');
	expect(c->control_path[0] == '/' && strlen(c->control_path) <= 107 && c->admin_token_file[0] == '/');
	expect((c->control_mode & ~0777u) == 0);
	expect(c->body_max > 0 && c->queue_max > 0 && c->log_max > 0);
	expect(c->connections_max > 0 && c->connections_per_address_max > 0);
	expect(c->default_timeout_ms > 0 && c->drain_ms >= 0);
	expect(c->retention_activities_ms > 0 && c->retention_events_ms > 0);
	for (size_t i = 0; i < c->listen_count; i++) {
		expect(c->listen[i].address != NULL && c->listen[i].serve != 0);
		expect(c->listen[i].serve <= SURFACE_ALL);
	}
	for (size_t i = 0; i < c->plugin_count; i++) {
		expect(c->plugins[i].name != NULL);
		expect(!c->plugins[i].load || c->plugins[i].load[0] == '/');
		expect(!c->plugins[i].with || json_is_object(c->plugins[i].with));
	}
	for (size_t i = 0; i < c->default_env_count; i++)
		expect(c->default_env[i].name != NULL && c->default_env[i].value != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c = NULL;
	struct diag d;
	char path[64];
	int fd = memfd_create("tappet.json", MFD_CLOEXEC);

	expect(fd >= 0);
	diag_init(&d);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	expect(write(fd, data, size) == (ssize_t)size);
	if (config_read(path, &d, &c) == 0) {
		expect(d.count == 0);
		check(c);
	} else {
		expect(d.count > 0);
	}
	config_free(c);
	diag_release(&d);
	(void)close(fd);
	return 0;
}
