#include "model/position.h"

#include <stdlib.h>

void position_done(struct position *p)
{
	free(p->file);
	free(p->gtid);
	*p = (struct position){0};
}
