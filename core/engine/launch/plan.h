/* What the daemon tells `tappet-exec`, on descriptor LAUNCH_PLAN_FD: texts of the form KEY=VALUE, each ended by a NUL.
 *
 *   what=TEXT            what messages call the command
 *   file=PATH            what is executed; argv=TEXT and env=NAME=VALUE, each as often as needed, in order
 *   folder=PATH          the working folder; cwd=PATH: from there on
 *   user=NAME uid=N gid=N group=N...
 *   cpu=SECONDS memory=BYTES file-size=BYTES files=N processes=N
 *   no-new-privileges=1
 *
 * The environment comes this way and not as the helper's own: it belongs to the command, and a LD_PRELOAD in it would be
 * obeyed by a helper that is still root.
 * On LAUNCH_STATUS_FD the helper says in one line why the command could not be executed; an end of file without a word
 * means that it runs. */
#ifndef ENGINE_LAUNCH_PLAN_H
#define ENGINE_LAUNCH_PLAN_H

#define LAUNCH_PLAN_FD 3
#define LAUNCH_STATUS_FD 4

#endif
