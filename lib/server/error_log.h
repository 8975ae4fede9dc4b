/*
 * error_log: what of a server's error log tells why it failed.
 */
#ifndef SERVER_ERROR_LOG_H
#define SERVER_ERROR_LOG_H

#include <stdbool.h>
#include <stddef.h>

/* The first lines marked [ERROR] (each once, without time stamp, "Aborting" left
 * out), or, where there is none, the last lines; at most `lines`, joined with
 * "; ".  New string, "" for an empty log. */
char *error_log_reasons(const char *text, size_t n, unsigned lines);

/* The end of the file (up to 256 KiB) as a new string; "" if it cannot be read. */
char *error_log_tail(const char *path, size_t *ret_n);

#endif
