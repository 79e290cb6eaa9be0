/* Where the programs lie that belong to this one. */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

/* The path of a helper program, seen from where this one runs from: beside it in a build, in libexec where it is
 * installed, so that an installation can be moved. Whether it is there is not said. 0 or negative. */
int program_helper_path(const char *name, char **ret);

#endif
