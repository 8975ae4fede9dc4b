#include "job/restore_fds.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define NO_SLOT UINT16_MAX

struct slot {
	int fd; /* -1: free */
	uint32_t file;
	unsigned users;
	uint64_t used; /* tick of the last get */
};

struct restore_fds {
	pthread_mutex_t mutex;
	restore_open *open_file;
	void *arg;
	uint64_t tick;
	uint16_t *slot_of; /* per file */
	struct slot slots[RESTORE_FDS];
};

struct restore_fds *restore_fds_new(size_t file_n, restore_open *open_file, void *arg)
{
	struct restore_fds *c = mem_zalloc(sizeof *c);

	pthread_mutex_init(&c->mutex, NULL);
	c->open_file = open_file;
	c->arg = arg;
	c->slot_of = mem_alloc((file_n + 1) * sizeof *c->slot_of);
	memset(c->slot_of, 0xff, (file_n + 1) * sizeof *c->slot_of);
	for (size_t i = 0; i < RESTORE_FDS; i++)
		c->slots[i].fd = -1;
	return c;
}

void restore_fds_free(struct restore_fds *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < RESTORE_FDS; i++)
		if (c->slots[i].fd >= 0)
			close(c->slots[i].fd);
	pthread_mutex_destroy(&c->mutex);
	free(c->slot_of);
	free(c);
}

/* A free slot, or the one unused for longest; there are more slots than threads. */
static struct slot *find_room(struct restore_fds *c)
{
	struct slot *best = NULL;

	for (size_t i = 0; i < RESTORE_FDS; i++) {
		struct slot *s = &c->slots[i];
		if (s->fd < 0)
			return s;
		if (!s->users && (!best || s->used < best->used))
			best = s;
	}
	if (best) {
		close(best->fd);
		best->fd = -1;
		c->slot_of[best->file] = NO_SLOT;
	}
	return best;
}

static int open_slot(struct restore_fds *c, uint32_t file, struct err *err)
{
	struct slot *s = find_room(c);

	if (!s)
		return err_set(err, ERR_FAILED, "all %u files of the restore are busy",
		               RESTORE_FDS);
	int fd = c->open_file(c->arg, file, err);
	if (fd < 0)
		return -1;
	*s = (struct slot){.fd = fd, .file = file};
	c->slot_of[file] = (uint16_t)(s - c->slots);
	return 0;
}

int restore_fds_get(struct restore_fds *c, uint32_t file, int *ret_fd, struct err *err)
{
	int rc = 0;

	pthread_mutex_lock(&c->mutex);
	if (c->slot_of[file] == NO_SLOT)
		rc = open_slot(c, file, err);
	if (rc == 0) {
		struct slot *s = &c->slots[c->slot_of[file]];
		s->users++;
		s->used = ++c->tick;
		*ret_fd = s->fd;
	}
	pthread_mutex_unlock(&c->mutex);
	return rc;
}

void restore_fds_put(struct restore_fds *c, uint32_t file)
{
	pthread_mutex_lock(&c->mutex);
	c->slots[c->slot_of[file]].users--;
	pthread_mutex_unlock(&c->mutex);
}
