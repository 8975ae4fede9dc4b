/*
 * restore_first: the first start of a server on a directory that nobody has recovered.
 */
#ifndef JOB_RESTORE_FIRST_H
#define JOB_RESTORE_FIRST_H

struct first_start {
	char *options; /* as a shell wants them; NULL: just start it */
	char *sql;     /* to be said then, or NULL */
	char *remove;  /* a directory below the target, after a clean shutdown, or NULL */
};
void first_start_done(struct first_start *f);

#endif
