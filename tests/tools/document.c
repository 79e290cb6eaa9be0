/* Prints docs/options.md from the tables that check the options: document PLUGIN.so... */
#include <stdio.h>
#include <stdlib.h>
#include "base/diag.h"
#include "config/config.h"
#include "host/host.h"
#include "model/workflow.h"

int main(int argc, char **argv)
{
	struct buf out;
	buf_init(&out, 1024 * 1024);
	buf_str(&out, "# Options\n\nMade from the tables that check the options (`tests/run docs` compares).\n\n## "
		      "tappet.json\n\n");
	config_document(&out);
	buf_str(&out, "\n## Workflows\n\nWhat they mean is in [workflows.md](workflows.md).\n\n");
	workflow_document(&out);
	struct host *host;
	struct diag diag;
	diag_init(&diag);
	struct host_options options = {.plugin_folder = ".", .folder = "."};
	if (host_open(&options, &host) < 0)
		return 1;
	for (int i = 1; i < argc; i++) {
		struct plugin_config plugin = {.load = argv[i]};
		if (host_load(host, &plugin, NULL, &diag) < 0) {
			diag_print(&diag, &out);
			fputs(buf_cstr(&out), stderr);
			return 1;
		}
		buf_char(&out, '\n');
		host_document(host, (size_t)i - 1, &out);
	}
	host_free(host);
	diag_release(&diag);
	fputs(buf_cstr(&out), stdout);
	buf_release(&out);
	return 0;
}
