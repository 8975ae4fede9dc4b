/*
 * note: what other threads tell the loop thread, through the mailbox.
 */
#ifndef DAEMON_NOTE_H
#define DAEMON_NOTE_H

enum note_kind {
	NOTE_JOB,      /* struct work *: a job's thread is through */
	NOTE_PREPARED, /* NULL: what a killed daemon left was seen to; jobs may start */
	NOTE_SNAPSHOT, /* struct snapshot * */
	NOTE_CHECK,    /* struct check_note * */
	NOTE_BINLOG,   /* struct binlog_note * */
};

struct note {
	enum note_kind kind;
	void *what; /* ownership moves with the note */
};

struct mbox;
void note_post(struct mbox *box, enum note_kind kind, void *what);

#endif
