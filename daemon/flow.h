/*
 * flow: the way of a job through the daemon: from the schedule or a request into
 * the table, to a thread, back as a note, into the history, and what follows from
 * its end.
 */
#ifndef DAEMON_FLOW_H
#define DAEMON_FLOW_H

#include "daemon/daemon.h"

#define FLOW_TICK_MAX_US (60 * CLOCK_US) /* also how late a jump of the clock is noticed */

/* loop_fn with a struct daemon: queue what is due, start what may start. */
void flow_tick(void *arg);
/* loop_fn with a struct daemon: take what other threads posted. */
void flow_notes(void *arg);
/* Streams as the policy has them, once what a killed daemon left was seen to. */
void flow_follow_binlogs(struct daemon *d);
/* End a job in the table and see to all that follows; err NULL: it is done.  The
 * job may be freed. */
void flow_finish(struct daemon *d, struct job *j, const struct err *err);

#endif
