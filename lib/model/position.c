#include "model/position.h"

#include <stdlib.h>

#include "base/mem.h"

void position_done(struct position *p)
{
	free(p->file);
	free(p->gtid);
	*p = (struct position){0};
}

void position_copy(struct position *to, const struct position *from)
{
	struct position copy = {
	    .file = mem_strdup(from->file),
	    .pos = from->pos,
	    .gtid = mem_strdup(from->gtid),
	    .created = from->created,
	    .taken_us = from->taken_us,
	};

	position_done(to);
	*to = copy;
}
