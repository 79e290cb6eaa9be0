/* Lets a plugin check options beyond their table (check_options and check_trigger of its descriptor). Used wherever options
 * are read: at load of a plugin, when definitions are checked, and before a trigger is handed over. Nothing outside
 * host/ includes this. */
#ifndef HOST_CHECKER_H
#define HOST_CHECKER_H

#include "host/internal.h"

/* Where mistakes go, and what becomes of claims. */
struct checker_place {
	const struct json_file *file;
	const struct json *object; /* the options in `file`; NULL: none */
	struct diag *d;
	/* NULL: claims are of no interest. The text of a mistake, to be freed, or NULL. */
	char *(*claim)(void *arg, const char *what);
	void *arg;
};

/* Whether the plugin has anything to say about options of this kind. */
bool checker_wanted(const struct tappet_instance *p, bool of_trigger);
/* Asks it. 0, or -EINVAL when it found mistakes. */
int checker_run(struct tappet_instance *p, bool of_trigger, const struct option_values *values,
		const struct checker_place *place);

#endif
