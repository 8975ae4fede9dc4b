#include "source/source.h"

#include <string.h>

int source_choose(const char *method, const struct facts *facts, const struct source_ops **ret,
                  struct err *err)
{
	if (strcmp(method, "hot") != 0) {
		err_set(err, ERR_REFUSED, "method: %s is not built yet", method);
		return err_hint(err, "use method: hot");
	}
	*ret = facts->flavour == FLAVOUR_MARIADB ? &source_hot_mariadb : &source_hot_mysql;
	return 0;
}

/* A token does not say whose it is; no two drivers remember anything. */
int source_undo(const struct conn_target *target, const char *token, struct err *err)
{
	static const struct source_ops *const drivers[] = {&source_hot_mariadb, &source_hot_mysql};

	for (size_t i = 0; i < sizeof drivers / sizeof *drivers; i++)
		if (drivers[i]->undo)
			return drivers[i]->undo(target, token, err);
	return 0;
}
