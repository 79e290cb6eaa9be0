/* The probe, with an open trigger in each workflow. */
#define PROBE_OPEN_TRIGGER 1
#include "probe.c"
