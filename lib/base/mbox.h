/*
 * mbox: notes from worker threads to the loop thread.
 *
 * Any thread posts; one thread takes.  The descriptor becomes readable when
 * there is something to take.  A note is a pointer whose ownership moves with it.
 */
#ifndef BASE_MBOX_H
#define BASE_MBOX_H

#include "base/err.h"

struct mbox;

int mbox_new(struct mbox **ret, struct err *err);
void mbox_free(struct mbox *box); /* notes still inside are not freed: take them first */
int mbox_fd(const struct mbox *box);
void mbox_post(struct mbox *box, void *note); /* never blocks, never fails */
void *mbox_take(struct mbox *box);            /* NULL when empty (also clears the descriptor) */

#endif
