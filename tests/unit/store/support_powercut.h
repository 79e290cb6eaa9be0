/* A SQLite VFS named "powercut" over the ordinary one. It knows what has been written but not synced, and takes that
 * back at a simulated power cut; it fails writes and syncs on demand. One disk per process; any thread. */
#ifndef UNIT_STORE_SUPPORT_POWERCUT_H
#define UNIT_STORE_SUPPORT_POWERCUT_H

#include <stdint.h>

enum fault {
	FAULT_NONE,
	FAULT_CUT,  /* the power goes: this write is torn, and nothing works any more */
	FAULT_FULL, /* no space left; a sync fails as FAULT_IO does */
	FAULT_IO,   /* a write fails; a sync fails although its data may be on the disk */
};

enum kept {
	KEPT_NONE, /* nothing that was not synced survives */
	KEPT_SOME, /* some of it does, in no order */
	KEPT_ALL,  /* as after kill -9 */
};

void powercut_install(void);
/* Forgets all files and counts from 0. The next `times` writes, truncations and syncs from number `at` (from 1) on
 * fail. */
void powercut_arm(enum fault fault, uint64_t at, uint64_t times);
/* Only syncs are counted and fail. */
void powercut_arm_syncs(enum fault fault, uint64_t at, uint64_t times);
/* No more faults; what is not synced stays known. */
void powercut_disarm(void);
uint64_t powercut_count(void);
/* Whether the fault has struck. */
int powercut_struck(void);
/* Power is back: the files get the contents that the disk had. All of them must be closed. `seed` chooses for
 * KEPT_SOME. */
void powercut_restore(enum kept kept, uint32_t seed);

#endif
