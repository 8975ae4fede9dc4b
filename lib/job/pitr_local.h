/*
 * pitr_local: statements that name what is the source's own, and must not be run as they
 * stand: a directory of another disk, where the source may have its files still; a new
 * key in a keyring that the source may use still.
 *
 * They are changed in the copy of the binlog that is replayed: tables and tablespaces come
 * into the new data directory, keys stay as they are.
 */
#ifndef JOB_PITR_LOCAL_H
#define JOB_PITR_LOCAL_H

#include "job/pitr.h"
#include "job/pitr_local_words.h"

struct pitr_local {
	struct local_words words;
	char *file;
	uint64_t pos;
	char *gtid;    /* of its transaction; "": it has none */
	unsigned code; /* LOCAL_LOAD: its error */
};

/* An event of the walk, in order, of the transaction `gtid`. */
int pitr_local_note(struct pitr_plan *plan, const char *file, uint64_t pos,
                    const struct binlog_event *e, const char *gtid, struct err *err);
/* The replay of that file ends at `pos` after all. */
void pitr_local_forget(struct pitr_plan *plan, const char *file, uint64_t pos);
/* Is there one that no change helps?  Then what else becomes of them goes into the plan's
 * note. */
int pitr_local_judge(struct pitr_plan *plan, struct err *err);
/* Change those of a piece, which `fd` holds at its own offsets. */
int pitr_local_change(const struct pitr_plan *plan, const struct pitr_piece *piece, bool checksum,
                      int fd, struct err *err);
void pitr_local_done(struct pitr_plan *plan);

#endif
