#include "pipe/choose.h"

enum choice choose_page(const struct item *item, enum page_state state, uint64_t lsn, uint64_t off)
{
	bool in_base = item->has_base && off < item->base_size;

	switch (state) {
	case PAGE_ZERO:
		return in_base ? CHOICE_ZERO : CHOICE_SKIP;
	case PAGE_BAD: /* its LSN means nothing */
		return CHOICE_TAKE;
	case PAGE_GOOD:
	case PAGE_UNVERIFIED:
		break;
	}
	return in_base && lsn < item->since_lsn ? CHOICE_SKIP : CHOICE_TAKE;
}
