/* Built with ABI 1.3, whose descriptor has padding where list_checkpoints is now, and something in it. */
#include "tiny.h"

#undef TAPPET_ABI_MINOR
#define TAPPET_ABI_MINOR 3

static const tappet_plugin descriptor = {TINY("padding"), .list_checkpoints = 7};

TINY_EXPORT(descriptor)
