/*
 * place: what makes this process the only daemon here: the state directory, its
 * lock, and the socket with its owner, group and mode.
 */
#ifndef DAEMON_PLACE_H
#define DAEMON_PLACE_H

#include <sys/stat.h>

#include "base/err.h"

#define PLACE_GROUP "mybak" /* may read over the socket, if the group exists */

struct place {
	int lock_fd;   /* -1: not held */
	int listen_fd; /* -1: none */
	char *socket;
	struct stat socket_stat; /* so that only our own socket is removed */
};

#define PLACE_INIT ((struct place){.lock_fd = -1, .listen_fd = -1})

/* Makes the directory (0750) and takes its lock; ERR_BUSY names who has it. */
int place_take(struct place *p, const char *state_dir, struct err *err);
/* Listens (0660, group PLACE_GROUP).  A socket nobody answers on is replaced;
 * ERR_BUSY if somebody does, ERR_REFUSED if something else is at the path. */
int place_listen(struct place *p, const char *socket_path, struct err *err);
/* Removes the socket if it is still ours, lets go of the lock. */
void place_leave(struct place *p);

#endif
