/*
 * restore_plan_builder: the plan step by step, from frames that come out of the indexes.
 */
#ifndef JOB_RESTORE_PLAN_BUILDER_H
#define JOB_RESTORE_PLAN_BUILDER_H

#include "job/restore_plan.h"

struct plan_builder;
struct plan_builder *plan_builder_new(struct restore_plan *plan, const struct manifest *newest);
void plan_builder_free(struct plan_builder *b);
/* The next backup of the chain; the first call takes the newest itself. */
int plan_level_begin(struct plan_builder *b, const struct manifest *m, struct err *err);
void plan_pack_begin(struct plan_builder *b, const char *object_name);
int plan_frame(struct plan_builder *b, const struct frame *f, struct err *err);
/* *ret_more: false when no file needs anything of an older backup. */
int plan_level_end(struct plan_builder *b, bool *ret_more, struct err *err);
/* Behind the last level: all of the captured redo is there. */
int plan_redo_end(struct plan_builder *b, struct err *err);

#endif
