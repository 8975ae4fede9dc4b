/*
 * defaults_file: user and password out of a file in my.cnf syntax.
 *
 * Read by ourselves and not by the connector, because the connector would also
 * take socket, TLS settings and a plugin directory to load code from.  Only the
 * keys `user` and `password` count, in [client], [client-server],
 * [client-mariadb] and, stronger than these, [mybak]; every other line is
 * skipped, except !include, which is refused because it would not be followed.
 */
#ifndef SERVER_DEFAULTS_FILE_H
#define SERVER_DEFAULTS_FILE_H

#include <stddef.h>

#include "base/err.h"

struct credentials {
	char *user;     /* NULL: not said */
	char *password; /* NULL: not said */
};

/* ERR_REFUSED if group or others have any right on the file, or if it belongs
 * neither to root nor to the user we run as; root may use anybody's. */
int defaults_file_read(const char *path, struct credentials *ret, struct err *err);

/* The same from memory; `name` is for messages.  Values are cut at a '#' outside
 * quotes, unquoted and unescaped (\n \t \r \b \s \\ \' \") as the server's own
 * programs do it. */
int defaults_file_parse(const char *text, size_t n, const char *name, struct credentials *ret,
                        struct err *err);

void credentials_done(struct credentials *c); /* wipes what it frees */

#endif
