/* Jobs on behalf of steps: each comes back once, whether or not its step still waits for it. */
#include "engine/internal.h"

void job_begin(struct step_job *j, struct step *s)
{
	j->engine = s->activity->engine;
	j->step = s;
	s->job = j;
	engine_hold(j->engine);
}

struct step *job_end(struct step_job *j)
{
	struct step *s = j->step;

	if (!s)
		return NULL;
	j->step = NULL;
	s->job = NULL;
	/* What the daemon's end finds is left to the next start. */
	return j->engine->quiet || s->activity->dropped ? NULL : s;
}

void job_abandon(struct step *s)
{
	if (s->job)
		s->job->step = NULL;
	s->job = NULL;
}
