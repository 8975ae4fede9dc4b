/* pitr: backups and segments put side by side. */
#include <string.h>

#include "binlog/window.h"
#include "job/pitr.h"

bool pitr_locate(const struct archive_catalog *a, const struct manifest *m, struct pitr_place *ret)
{
	const struct lineage *l = NULL;
	const struct segment *s = window_segment(a, m, &l);

	if (!s)
		return false;
	*ret = (struct pitr_place){l, (size_t)(s - l->segments.v)};
	return true;
}

size_t pitr_run_end(const struct lineage *l, size_t first)
{
	while (first + 1 < l->segments.n && !l->segments.v[first + 1].gap)
		first++;
	return first;
}

const struct segment *pitr_segment(const struct archive_catalog *a, const char *lineage,
                                   const char *file, const struct lineage **ret_lineage)
{
	for (size_t i = 0; i < a->lineages.n; i++) {
		const struct lineage *l = &a->lineages.v[i];
		if (strcmp(l->name, lineage) != 0)
			continue;
		for (size_t k = 0; k < l->segments.n; k++)
			if (!strcmp(l->segments.v[k].file, file)) {
				*ret_lineage = l;
				return &l->segments.v[k];
			}
	}
	return NULL;
}
