/* Never says that it has stopped. */
#include "broken.h"

static const struct hooks hooks = {.never_stops = 1};
