/* Files and folders that a command makes. What it made is taken away again when a later part fails, so that it can be
 * called once more; nothing that was there is ever overwritten. Mistakes are told on stderr. */
#ifndef CLI_MAKE_H
#define CLI_MAKE_H

#include <stddef.h>

struct make {
	char **made; /* files and folders, in the order of their making */
	size_t count;
};

/* One that is there already is as good. CLI_OK or CLI_FAILED. */
int make_folder(struct make *m, const char *path);
/* It must not be there yet: CLI_REFUSED. */
int make_new_folder(struct make *m, const char *path);
int make_file(struct make *m, const char *path, const char *text, size_t len);
/* The same, for its owner only. */
int make_secret(struct make *m, const char *path, const char *text, size_t len);
/* Takes away all that was made. */
void make_undo(struct make *m);
void make_release(struct make *m);
/* CLI_FAILED, having told it. */
int make_tell(const char *path, int error);

#endif
