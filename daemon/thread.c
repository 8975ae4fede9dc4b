#include "daemon/thread.h"

#include <signal.h>
#include <stdlib.h>

#include "base/mbox.h"
#include "base/mem.h"
#include "daemon/note.h"

int thread_start(pthread_t *ret, const char *name, void *(*run)(void *), void *arg, struct err *err)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int e = pthread_create(ret, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (e) {
		err_sys(err, e, "cannot start thread %s", name);
		return err_hint(err, "raise TasksMax= of the unit or the limit of processes");
	}
	pthread_setname_np(*ret, name);
	return 0;
}

void note_post(struct mbox *box, enum note_kind kind, void *what)
{
	struct note *n = mem_alloc(sizeof *n);
	*n = (struct note){.kind = kind, .what = what};
	mbox_post(box, n);
}
