/*
 * mysql: what the files of the hot MySQL source share, and nobody else sees.
 */
#ifndef SOURCE_MYSQL_H
#define SOURCE_MYSQL_H

#include <stdbool.h>
#include <stdint.h>

#include "source/hot.h"
#include "source/keep.h"
#include "source/mysql_binlog.h"
#include "source/mysql_capture.h"
#include "source/mysql_consumer.h"

struct mysql {
	struct hot hot;      /* first */
	struct keep *locked; /* holds LOCK INSTANCE FOR BACKUP */
	struct conn *side;   /* questions; holds no lock */
	uint64_t locked_ns;  /* when that was granted (monotonic) */
	struct mysql_consumer *consumer;
	struct mysql_capture *capture;
	struct mysql_binlog binlog;
};

/* The owner ends it with log_status_done. */
struct log_status;
int mysql_ask_status(struct conn *c, struct log_status *ret, struct err *err);
/* The checkpoint as log_status says it. */
int mysql_ask_checkpoint(struct conn *c, uint64_t *ret, struct err *err);

/* Fix end LSN and position, take the redo up to there, and let the server go.  The piece
 * of binlog that belongs to it becomes work of stage 3. */
int mysql_fix_point(struct mysql *m, struct err *err);

#endif
