#include "source/source.h"

#include <string.h>

int source_choose(const char *method, const struct facts *facts, const struct source_ops **ret,
                  struct err *err)
{
	if (strcmp(method, "hot") != 0) {
		err_set(err, ERR_REFUSED, "method: %s is not built yet", method);
		return err_hint(err, "use method: hot");
	}
	if (facts->flavour != FLAVOUR_MARIADB) {
		err_set(err, ERR_REFUSED, "method: hot is not built yet for %s (server version %s)",
		        flavour_name(facts->flavour), facts->version);
		return err_hint(err, "MariaDB 10.8 and later are supported");
	}
	*ret = &source_hot_mariadb;
	return 0;
}
