#include "job/restore_recover_keys.h"

#include <stdlib.h>

int recover_keys_count(struct conn *c, uint64_t *ret, struct err *err)
{
	return conn_u64(c,
	                "SELECT COUNT(*) FROM information_schema.innodb_tablespaces "
	                "WHERE encryption = 'Y'",
	                ret, err);
}

/* The first encrypted tablespace of a server makes a master key with the server's identity
 * in its name.  A running server with the same file of keys has it in memory as it was
 * when it read it, and writes that back with its own next key. */
int recover_keys_note(struct conn *c, uint64_t before, struct str *note, struct err *err)
{
	uint64_t now;
	char *uuid = NULL;

	if (before > 0 || !note)
		return 0;
	if (recover_keys_count(c, &now, err) < 0)
		return -1;
	if (now == 0)
		return 0;
	if (conn_value(c, "SELECT @@GLOBAL.server_uuid", &uuid, err) < 0)
		return -1;
	str_sep(note, "; ");
	str_addf(note,
	         "the first encrypted tables came behind the backup, and the replay made a master "
	         "key for them (INNODBKey-%s-1) in the keyring of the server program: on every "
	         "running server that uses this keyring run ALTER INSTANCE RELOAD KEYRING now, or "
	         "it drops that key with its own next one; the restored server needs it",
	         uuid ? uuid : "…");
	free(uuid);
	return 0;
}
