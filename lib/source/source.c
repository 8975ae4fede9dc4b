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

/* Of all drivers only one changes anything that outlives its sessions. */
int source_undo(const struct conn_target *target, const char *token, struct err *err)
{
	return source_hot_mariadb.undo(target, token, err);
}
