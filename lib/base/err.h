/*
 * base: the ground every other room stands on: reasons that travel up, memory,
 * strings, files, time, programs, the mailbox between threads.  Nothing here
 * knows what a backup is.
 *
 * err: one reason why something failed, carried upwards by value.
 *
 * A function that can fail returns 0 or -1 and takes a struct err * last; on -1
 * the struct says what failed, on what, why, and (hint) what to do next.  It
 * needs no allocation, so it can report that memory or disk ran out, and it is
 * copied from a worker to the loop with the job.  Not thread-safe; each thread
 * has its own.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* The kind alone decides exit code, HTTP status, retry and metric label. */
enum err_kind {
	ERR_NONE = 0,
	ERR_FAILED,      /* anything without a better name */
	ERR_USAGE,       /* the caller's words are wrong: policy, option, request */
	ERR_UNREACHABLE, /* daemon or database server does not answer */
	ERR_REFUSED,     /* a privilege or a state forbids it */
	ERR_NOT_FOUND,
	ERR_BUSY,      /* somebody else holds it; the same call can succeed later */
	ERR_DAMAGED,   /* data that contradicts its checksum or its format */
	ERR_NO_SPACE,  /* disk or quota full */
	ERR_IO,        /* a system call on a file failed */
	ERR_SERVER,    /* the database server answered with an error */
	ERR_CANCELLED, /* somebody asked for it to stop */
};

#define ERR_TEXT_MAX 1024
#define ERR_HINT_MAX 512

struct err {
	enum err_kind kind;
	int sys; /* errno, or the server's error number for ERR_SERVER; 0 if none */
	char text[ERR_TEXT_MAX];
	char hint[ERR_HINT_MAX]; /* what to do next; empty if nothing useful can be said */
};

#define ERR_INIT ((struct err){.kind = ERR_NONE})

void err_clear(struct err *err);

/* Set the reason (replacing any) and return -1, so that `return err_set(…)`
 * reads well.  Bytes that are not printable UTF-8 are written as \xNN, so a
 * file name can be put in as it is.  `err` may be NULL. */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same from an errno value: appends ": <strerror>", and chooses the kind
 * (ENOSPC/EDQUOT: NO_SPACE, EACCES/EPERM: REFUSED, ENOENT: NOT_FOUND, else IO). */
int err_sys(struct err *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put context in front ("context: text") and return -1. */
int err_add(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Set what to do next (an imperative sentence) and return -1. */
int err_hint(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "damaged", "no_space", …: stable, used in JSON and logs. */
const char *err_kind_name(enum err_kind kind);
/* The inverse; ERR_FAILED for a name that is not known. */
enum err_kind err_kind_from_name(const char *name);
/* mybakctl's exit code: 1 failed, 2 usage, 3 unreachable, 4 refused, 5 not
 * found, 6 busy, 7 damaged, 130 cancelled; 0 for ERR_NONE. */
int err_exit_code(enum err_kind kind);
/* 400, 403, 404, 409, 500, 503, 507 … */
int err_http_status(enum err_kind kind);

#endif
