/*
 * restore_options: what the source's settings mean to a private server on its files.
 */
#ifndef JOB_RESTORE_OPTIONS_H
#define JOB_RESTORE_OPTIONS_H

#include "base/mem.h"
#include "job/restore_recover_parts.h"

struct recover_options {
	VEC(char *) list; /* owned; NULL-terminated when made */
};

/* In the order in which a later one wins: the settings, the caller's, those of the start. */
void recover_options_make(const struct recover_plan *plan, const struct recover_start *how,
                          struct recover_options *ret);
void recover_options_done(struct recover_options *o);

/* Settings that could not be followed, and such as the backup does not know, where what
 * is restored may differ for want of them; to the plan's note. */
void recover_options_note(const struct recover_plan *plan);

#endif
