/*
 * facts_room: what the files that make facts of a server's answers share.
 */
#ifndef SERVER_FACTS_ROOM_H
#define SERVER_FACTS_ROOM_H

#include <stdbool.h>

#include "base/mem.h"
#include "server/facts.h"

/* Variables of the server, kept while the facts are made of them. */
struct variables {
	VEC(char *) names;
	VEC(char *) values;
};

/* "" for a variable this server does not have. */
const char *variable(const struct variables *v, const char *name);

/* A conn_row that counts into an unsigned. */
int facts_count_row(void *arg, unsigned n, char **fields, const unsigned long *lengths,
                    struct err *err);
void facts_add_setting(struct facts *f, const char *name, const char *value);

/* Adds to keyring_files what the server was told, what its keyring component says, and what
 * the settings of keyring components in a directory (as it is here) name. */
void facts_take_keyring(struct facts *f, const struct variables *v);
int facts_ask_keyring(struct conn *c, struct facts *f, struct err *err);
void facts_add_keyrings(struct facts *f, const char *dir);

/* What only MySQL has (facts_mysql.c): after what all servers have. */
int facts_ask_mysql(struct conn *c, struct facts *f, const struct variables *v, struct err *err);

#endif
