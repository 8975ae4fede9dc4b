/*
 * mariadb: what the files of the hot MariaDB source share, and nobody else sees.
 */
#ifndef SOURCE_MARIADB_H
#define SOURCE_MARIADB_H

#include <stdbool.h>
#include <stdint.h>

#include "source/aria.h"
#include "source/hot.h"
#include "source/mariadb_capture.h"
#include "source/mariadb_names.h"
#include "source/mariadb_stages.h"

struct mariadb {
	struct hot hot;    /* first */
	struct conn *side; /* questions and settings; holds no lock */
	struct stages stages;
	struct redo_capture *capture;
	struct aria aria;
	uint16_t aria_root;
	bool ended;         /* BACKUP STAGE END was said */
	unsigned flush_was; /* the server's setting, asked just before it is changed */
	bool flush_changed; /* it has to be put back */
};

/* Block commits, fix end LSN and position, let go, and take the redo up to there. */
int mariadb_fix_point(struct mariadb *m, struct err *err);

/* The setting that mariadb_fix_point changes for a moment goes back, over any session
 * that can be had; 0 when it is back. */
int mariadb_put_flush_back(struct mariadb *m);
/* The same after a crash, from the token that was remembered. */
int mariadb_undo(const struct conn_target *target, const char *token, struct err *err);

#endif
