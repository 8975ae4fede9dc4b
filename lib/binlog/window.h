/*
 * window: which seconds can be reached: from a backup's position over the unbroken run
 * of segments behind it.  Pure functions of catalog and archive.
 */
#ifndef BINLOG_WINDOW_H
#define BINLOG_WINDOW_H

#include <stdint.h>

#include "base/mem.h"
#include "binlog/archive.h"
#include "model/catalog.h"

/* The segment that a backup's position lies in.  By the creation time of the binlog,
 * which tells histories with the same names apart; a backup that does not know it is
 * only matched with a binlog that is older than itself.  NULL: none. */
const struct segment *window_segment(const struct archive_catalog *a, const struct manifest *m,
                                     const struct lineage **ret_lineage);

/* The first second that is behind all transactions of the backup, and the last one that
 * is before all those it does not have. */
int64_t window_backup_from_us(const struct manifest *m);
int64_t window_backup_until_us(const struct manifest *m);

/* When the last transaction of segment i was committed (0: it has none), as far as it
 * can be believed: a session can set its clock.  Before the server began its next
 * binlog, and not in the future. */
int64_t window_last_us(const struct lineage *l, size_t i);

struct recovery_window {
	const struct manifest *first, *last; /* oldest and newest backup it stands on */
	/* Any second between can be restored to; where both are the same it is known of
	 * none, and there is only the backup. */
	int64_t from_us, to_us;
	const struct lineage *lineage;
};

struct recovery_windows {
	VEC(struct recovery_window) list; /* oldest first; gaps and lineages separate them */
};
/* caught_up_us: the server's clock when the stream last knew that it had everything (0: never): the
 * newest window reaches up to it. */
void window_find(const struct catalog *c, const struct archive_catalog *a, int64_t caught_up_us,
                 struct recovery_windows *ret);
void recovery_windows_done(struct recovery_windows *w);

/* Oldest segment of each lineage that a kept backup needs; NULL name: none of it.  Of
 * the newest lineage the last one always stays: there the stream goes on.  *ret has one
 * for each lineage, in their order, and is owned by the caller. */
struct segment_keep {
	const struct lineage *lineage;
	const char *keep_from;
};
void window_keep(const struct archive_catalog *a, const struct expire_verdict *verdicts, size_t n,
                 struct segment_keep **ret, size_t *ret_n);

#endif
