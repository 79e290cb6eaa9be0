#include "daemon/daemon.h"

int main(int argc, char **argv)
{
	static const struct cli_hooks hooks = {.serve = daemon_serve};
	return cli_main(argc, argv, &hooks);
}
