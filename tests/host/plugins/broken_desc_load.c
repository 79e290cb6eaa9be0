/* Its name has capitals. */
#define BROKEN_NAME "BROKEN"
#include "broken.h"

static const struct hooks hooks = {.describe = NULL};
