/*
 * hot: what the files of the hot MariaDB source share, and nobody else sees.
 */
#ifndef SOURCE_HOT_H
#define SOURCE_HOT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "source/aria.h"
#include "source/mariadb_names.h"
#include "source/parent.h"
#include "source/redo_capture.h"
#include "source/scan.h"
#include "source/source.h"
#include "source/stages.h"
#include "source/work.h"

struct hot {
	struct source source;
	struct source_plan plan;
	struct manifest *out;
	struct conn *side; /* questions and settings; holds no lock */
	struct stages stages;
	struct redo_capture *capture;
	struct aria aria;
	uint16_t aria_root;
	struct parent parent;
	struct mariadb_names names;
	pthread_mutex_t lock; /* guards work and out->files while copy threads run */
	struct work first, second;
	struct work *work; /* the one of this stage */
	int stage;
	bool ended;         /* BACKUP STAGE END was said */
	unsigned flush_was; /* the server's setting, asked just before it is changed */
	bool flush_changed; /* it has to be put back */
};

void hot_say_step(struct hot *h, const char *literal);
int hot_scan(struct hot *h, struct scan *ret, struct err *err);
void hot_add_total(struct hot *h, const struct work *w);

/* DDL is blocked: what is new since the first scan, and everything that is no
 * tablespace, becomes the work of stage 2. */
int hot_rescan(struct hot *h, struct err *err);

/* Block commits, fix end LSN and position, let go, and take the redo up to there. */
int hot_fix_point(struct hot *h, struct err *err);

/* The setting that hot_fix_point changes for a moment goes back, over any session
 * that can be had; 0 when it is back. */
int hot_put_flush_back(struct hot *h);
/* The same after a crash, from the token that was remembered. */
int hot_undo(const struct conn_target *target, const char *token, struct err *err);

#endif
