/*
 * pitr_memory: tables in memory (ENGINE=MEMORY), which a backup holds without their rows:
 * changes of rows find none of them where they are replayed.
 *
 * Transactions that change such tables row by row are replayed as a replica does with
 * slave_exec_mode=IDEMPOTENT; all others must find what they change.
 */
#ifndef JOB_PITR_MEMORY_H
#define JOB_PITR_MEMORY_H

#include "job/pitr.h"

struct memory_tables {
	VEC(char *) names; /* "db.table", sorted */
};
/* Of the server behind the socket, which lets in the account of this defaults file. */
int memory_tables_ask(const char *socket, const char *defaults, struct memory_tables *ret,
                      struct err *err);
void memory_tables_done(struct memory_tables *t);

/* Bytes [from, to) of a piece. */
struct memory_part {
	uint64_t from, to;
	bool memory; /* changes tables in memory */
};
struct memory_parts {
	VEC(struct memory_part) list; /* adjoining, in order; no two alike follow each other */
};
/* `segment` is the file of the piece. */
int memory_split(const struct pitr_request *req, const struct lineage *l,
                 const struct segment *segment, const struct pitr_piece *piece,
                 const struct memory_tables *tables, struct memory_parts *ret, struct err *err);

/* Apply the pieces: `r` has an open session. */
int pitr_replay(const struct pitr_request *req, const struct pitr_plan *plan,
                const struct memory_tables *memory, struct replay *r, struct progress *progress,
                struct err *err);

#endif
