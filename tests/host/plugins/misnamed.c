/* Its name is not that of its file. */
#include "tiny.h"

static const tappet_plugin descriptor = {TINY("other-name")};

TINY_EXPORT(descriptor)
