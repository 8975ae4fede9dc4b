#include "job/restore_replay.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "job/pitr_choose.h"
#include "job/pitr_memory.h"
#include "job/restore_unlocked.h"

struct work {
	const struct pitr_request *request;
	struct pitr_plan *plan;
	struct replay *replay;
	struct progress *progress;
	double seconds;
};

static void note_memory(struct pitr_plan *plan, const struct memory_tables *t)
{
	if (t->names.n)
		pitr_note(
		    plan,
		    "tables in memory (%s%s) were empty when the replay began, as after every "
		    "start of a server: what statements copied out of them is lacking",
		    t->names.v[0], t->names.n > 1 ? ", …" : "");
}

static int apply_binlogs(void *arg, const char *socket, struct err *err)
{
	struct work *w = arg;
	struct memory_tables memory = {0};
	uint64_t from = clock_mono_ns();
	int rc;

	if (w->progress)
		progress_step(w->progress, "replay");
	if (memory_tables_ask(socket, replay_defaults(w->replay), &memory, err) < 0)
		return -1;
	rc = replay_begin(w->replay, socket, err);
	if (rc == 0)
		rc = pitr_replay(w->request, w->plan, &memory, w->replay, w->progress, err);
	note_memory(w->plan, &memory);
	memory_tables_done(&memory);
	w->seconds = (double)(clock_mono_ns() - from) / 1e9;
	return rc;
}

int restore_replay(const struct recover_plan *recover, const struct pitr_request *request,
                   struct pitr_plan *plan, const struct replay_tools *tools,
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
		if (rc < 0)
			unlocked_explain(recover->m, err);
	}
	replay_free(w.replay);
	free(scratch);
	if (rc == 0)
		*ret_seconds = w.seconds;
	return rc;
}
