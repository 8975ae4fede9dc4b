#include "binlog/who.h"

#include "base/mem.h"
#include "base/str.h"

static int add_variable(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                        struct err *err)
{
	struct str *s = arg;

	(void)lengths;
	if (n < 2 || !fields[0])
		return err_set(err, ERR_SERVER, "SHOW GLOBAL VARIABLES: unexpected answer");
	str_sep(s, ", ");
	str_addf(s, "%s=%s", fields[0], fields[1] ? fields[1] : "");
	return 0;
}

int who_ask(struct conn *c, char **ret, struct err *err)
{
	struct str s = {0};

	/* No server has all of them.  Nodes of a cluster can share a server_id, servers of
	 * one host its name. */
	int rc = conn_query(c,
	                    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('hostname', 'port', "
	                    "'server_id', 'server_uid', 'server_uuid')",
	                    add_variable, &s, err);
	if (rc == 0)
		*ret = mem_strdup(str_text(&s));
	str_done(&s);
	return rc;
}
