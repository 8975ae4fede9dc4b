#include "job/restore_replay.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

struct work {
	const struct pitr_request *request;
	const struct pitr_plan *plan;
	struct replay *replay;
	struct progress *progress;
	double seconds;
};

static int apply_binlogs(void *arg, const char *socket, struct err *err)
{
	struct work *w = arg;
	uint64_t from = clock_mono_ns();

	if (w->progress)
		progress_step(w->progress, "replay");
	if (replay_begin(w->replay, socket, err) < 0 ||
	    pitr_replay(w->request, w->plan, w->replay, w->progress, err) < 0)
		return -1;
	w->seconds = (double)(clock_mono_ns() - from) / 1e9;
	return 0;
}

int restore_replay(const struct recover_plan *recover, const struct pitr_request *request,
                   const struct pitr_plan *plan, const struct replay_tools *tools,
                   struct progress *progress, double *ret_seconds, struct err *err)
{
	struct work w = {.request = request, .plan = plan, .progress = progress};
	struct recover_plan with = *recover;
	char *scratch;
	int rc;

	if (plan->pieces.n == 0)
		return recover_run(recover, err);
	/* In the target, because that is where there is room for a binlog; for the server it
	 * looks like a database that nobody asks for. */
	scratch = mem_printf("%s/#mybak-replay", recover->places->target);
	rc = replay_new(tools, recover->places->target, scratch, plan->load_data, &w.replay, err);
	if (rc == 0) {
		with.work = apply_binlogs;
		with.arg = &w;
		with.work_options = replay_options(w.replay);
		with.work_defaults = replay_defaults(w.replay);
		rc = recover_run(&with, err);
	}
	replay_free(w.replay);
	free(scratch);
	if (rc == 0)
		*ret_seconds = w.seconds;
	return rc;
}
