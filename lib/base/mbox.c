#include "base/mbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

struct note {
	struct note *next;
	void *what;
};

struct mbox {
	pthread_mutex_t lock;
	struct note *first, **end;
	int fd;
};

int mbox_new(struct mbox **ret, struct err *err)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0)
		return err_sys(err, errno, "cannot make an event descriptor");
	struct mbox *box = mem_zalloc(sizeof *box);
	pthread_mutex_init(&box->lock, NULL);
	box->end = &box->first;
	box->fd = fd;
	*ret = box;
	return 0;
}

void mbox_free(struct mbox *box)
{
	if (!box)
		return;
	for (struct note *n = box->first, *next; n; n = next) {
		next = n->next;
		free(n);
	}
	close(box->fd);
	pthread_mutex_destroy(&box->lock);
	free(box);
}

int mbox_fd(const struct mbox *box)
{
	return box->fd;
}

/* The descriptor is raised and cleared under the lock, so it is readable exactly
 * when the box is not known to be empty.  The counter cannot overflow and the
 * descriptor never blocks, so neither call has a failure worth a path. */
void mbox_post(struct mbox *box, void *what)
{
	struct note *n = mem_alloc(sizeof *n);
	*n = (struct note){.what = what};
	pthread_mutex_lock(&box->lock);
	*box->end = n;
	box->end = &n->next;
	eventfd_write(box->fd, 1);
	pthread_mutex_unlock(&box->lock);
}

void *mbox_take(struct mbox *box)
{
	eventfd_t count;
	pthread_mutex_lock(&box->lock);
	struct note *n = box->first;
	if (n) {
		box->first = n->next;
		if (!box->first)
			box->end = &box->first;
	} else {
		eventfd_read(box->fd, &count);
	}
	pthread_mutex_unlock(&box->lock);
	void *what = n ? n->what : NULL;
	free(n);
	return what;
}
