/* A token without a daemon: opens the store, takes the definitions in and makes the token, by the same engine that
 * serves. Only where no daemon runs on the store. */
#ifndef CLI_OFFLINE_H
#define CLI_OFFLINE_H

#include "config/config.h"

/* A token for the workflow `slug`, which is among `defs`. *ret_secret: to be freed with secret_free(text,
 * strlen(text)). -EBUSY: a daemon runs on this store. */
int offline_create_token(const struct config *config, const struct definitions *defs, const char *slug,
			 const char *label, char **ret_secret);

#endif
