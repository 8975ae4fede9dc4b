/*
 * source: one way each to get a consistent copy of a server's files.  Knows
 * neither repository nor pipe: it names files and hands out ranges; somebody else
 * carries the bytes.
 *
 * begin -> stage 1: next … next -> advance -> stage 2: next … -> advance -> …
 * until advance says there is no further stage.  next may be called by several
 * threads at once; begin, advance and free by one, with no next under way.
 * free lets go of whatever is held, at any moment.
 */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/sink.h"
#include "model/item.h"
#include "model/manifest.h"
#include "model/progress.h"
#include "server/conn.h"
#include "server/facts.h"

struct source;

struct source_plan {
	struct conn_target target;
	const struct facts *facts;
	unsigned lock_wait_s, lock_retries;
	const struct manifest *parent; /* with files; NULL for a full */
	struct manifest *out;          /* filled: files, roots, lsn, redo, binlog, measures */
	/* Takes the captured redo in order, the bytes of out->files[0] (FILE_REDO); written
	 * and finished by one thread of the source's own. */
	struct sink *redo;
	const struct cancel *cancel;
	struct progress *progress;
	/* What a crash of this process must undo at the next start, made durable
	 * before the thing is done; NULL token: nothing any more.  May be NULL. */
	int (*remember)(void *arg, const char *token, struct err *err);
	void *remember_arg;
};

struct source_ops {
	const char *name;                                         /* as written in the policy */
	int (*probe)(const struct facts *facts, struct err *err); /* changes nothing */
	/* How far the server's redo has got. */
	int (*current_lsn)(struct conn *c, uint64_t *ret, struct err *err);
	int (*begin)(const struct source_plan *plan, struct source **ret, struct err *err);
	/* 1: *ret is filled, the caller owns its fd and mem; 0: no more in this stage. */
	int (*next)(struct source *s, struct item *ret, struct err *err);
	/* The item was read up to `end` bytes of the file. */
	void (*done)(struct source *s, const struct item *item, uint64_t end);
	/* 1: there is a further stage; 0: that was the last, the point is fixed and
	 * everything is let go; -1. */
	int (*advance)(struct source *s, struct err *err);
	void (*free)(struct source *s);
	/* A token given to `remember`; NULL: this driver remembers nothing. */
	int (*undo)(const struct conn_target *target, const char *token, struct err *err);
};

struct source {
	const struct source_ops *ops;
};

extern const struct source_ops source_hot_mariadb;
extern const struct source_ops source_hot_mysql;

/* The driver for a method and flavour; ERR_REFUSED for what is not built yet. */
int source_choose(const char *method, const struct facts *facts, const struct source_ops **ret,
                  struct err *err);

/* Undo what a killed run left behind, whatever driver it was, from the token that was
 * remembered. */
int source_undo(const struct conn_target *target, const char *token, struct err *err);

#endif
