#include "binlog/stream_check.h"

#include "binlog/dump.h"
#include "binlog/stream_look.h"

int stream_check(struct conn *c, bool *ret_log_bin, struct err *err)
{
	struct server_look look = {0};
	uint64_t on = 0;

	if (conn_u64(c, "SELECT @@log_bin", &on, err) < 0)
		return -1;
	*ret_log_bin = on;
	if (!on)
		return 0;
	if (look_ask(c, &look, err) < 0)
		return -1;
	look_done(&look);
	return dump_check(c, err);
}
