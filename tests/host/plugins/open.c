/* The probe, with an open trigger in each workflow. Those of definitions have to say where; the open one cannot. */
#include <tappet/plugin.h>

static void check_trigger(const tappet_checker *checker, tappet_check *check, const tappet_config *config)
{
	tappet_str path;
	if (checker->config_str(config, "path", 0, &path) != TAPPET_OK || path.len <= 1)
		checker->mistake(check, "path", 0, NULL, "expected a place");
}

#define PROBE_OPEN_TRIGGER 1
#define PROBE_CHECK_TRIGGER check_trigger
#include "probe.c"
