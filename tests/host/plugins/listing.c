/* The probe, which lists its checkpoints, and takes paths. */
#define PROBE_LIST_CHECKPOINTS 1
#define PROBE_PATH TAPPET_PATH
#include "probe.c"
