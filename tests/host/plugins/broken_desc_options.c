/* Its option has no help. */
#include "broken.h"

static const tappet_option options[] = {{.key = "text", .type = TAPPET_STRING}};

static const struct hooks hooks = {.options = options, .option_count = 1};
