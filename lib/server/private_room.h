/*
 * private_room: pieces of the private server that are told apart only inside
 * this room (and by its tests).
 */
#ifndef SERVER_PRIVATE_ROOM_H
#define SERVER_PRIVATE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/proc.h"
#include "server/facts.h"
#include "server/private.h"

/* From the output of `mariadbd --version`; 0 or -1. *ret_text is owned. */
int private_parse_version(const char *output, char **ret_text, struct server_version *ret);

/* What a private server is told whatever it is for; NULL-terminated. */
const char *const *private_fixed(enum flavour flavour);

/* A quarter of what memory is free, and not much more than there is data:
 * between 128 MiB and 8 GiB, in whole MiB. */
uint64_t private_pool_size(uint64_t free_memory, uint64_t data_size);
uint64_t private_free_memory(void);              /* MemAvailable; 0 if unknown */
uint64_t private_data_size(const char *datadir); /* allocated bytes below it */

/* Who a private server on that directory is to run as: 1 and *ret its owner, 0 as
 * ourselves, -1. */
int private_owner(const char *datadir, struct proc_user *ret, struct err *err);

/* The installation a program belongs to ("/opt/m/bin/mariadbd": "/opt/m") if its
 * messages are there; else NULL: the program's own default holds.  New string. */
char *private_basedir(const char *binary);

/* Has a server behind the socket sent its greeting?  Waits briefly for it. */
bool private_answers(const char *socket_path);

#endif
