/*
 * hot: what the hot sources of all kinds of server share, and nobody else sees.
 *
 * Stage 1 copies tablespaces while everything goes on.  Then names are looked at again:
 * stage 2 copies tablespaces that are new and everything that is no tablespace.  What a
 * driver adds is its locks, its redo, and how the point is fixed.
 */
#ifndef SOURCE_HOT_H
#define SOURCE_HOT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "source/names.h"
#include "source/parent.h"
#include "source/scan.h"
#include "source/source.h"
#include "source/work.h"

struct engine_suffix { /* a table of that engine has one file that ends so */
	const char *suffix, *engine;
};

struct hot;

/* What differs between kinds of server in what is shared. */
struct hot_rules {
	scan_classify *classify; /* over struct names */
	bool (*unstable)(const char *path);
	bool follow_isl;
	bool names_fixed; /* no DDL runs from the first scan on: no tablespace can vanish */
	const struct engine_suffix *engines; /* ended by a NULL suffix */
	/* Looks at everything the second scan found; may be NULL. */
	void (*look)(const struct scan *scan, struct manifest *out);
	/* Takes a file of kind FOUND_LOG that stage 2 met; NULL where there are none. */
	void (*plan_log)(struct work *w, struct found *f);
};

struct hot {
	struct source source;
	const struct hot_rules *rules;
	struct source_plan plan;
	struct manifest *out;
	struct parent parent;
	struct names names;
	pthread_mutex_t lock; /* guards work and out->files while copy threads run */
	struct work first, second;
	struct work *work; /* the one of this stage */
	int stage;
};

/* Data directory and the places all servers can have outside become roots of `out`. */
int hot_init(struct hot *h, const struct source_ops *ops, const struct hot_rules *rules,
             const struct source_plan *plan, struct err *err);
void hot_done(struct hot *h);

/* The redo is file 0 of the manifest, named `path` below the data directory when it is
 * restored; owner and mode are those of `like`, a file of the server's log. */
void hot_add_redo_file(struct hot *h, const char *path, const char *like);

/* Stage 1: all tablespaces there are now. */
int hot_plan_first(struct hot *h, struct err *err);
/* Stage 2: what is new since the first scan, and everything that is no tablespace.
 * Names cannot change any more.  Where they could not before either, a tablespace that is
 * gone or is another file is an error that names it. */
int hot_rescan(struct hot *h, struct err *err);

/* source_ops.next and done, for a driver that has looked after its redo. */
int hot_next(struct hot *h, struct item *ret, struct err *err);
void hot_item_done(struct source *s, const struct item *item, uint64_t end);

void hot_say_step(struct hot *h, const char *literal);
void hot_add_total(struct hot *h, const struct work *w);
/* The point is fixed: size of what was copied. */
void hot_sum_sizes(struct hot *h);

/* When the binlog file of that name began (position.created), from the time in its first
 * event; 0 where it cannot be read: the directory may be closed to us. */
uint32_t hot_binlog_created(const char *basename, const char *file);

#endif
