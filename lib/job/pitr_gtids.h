/*
 * pitr_gtids: GTIDs by their text: numbers that grow, of a domain (MariaDB) or of a
 * server and a tag (MySQL).
 */
#ifndef JOB_PITR_GTIDS_H
#define JOB_PITR_GTIDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gtid {
	const char *of; /* what it is a number of, borrowed: "7" of 7-1-42, "UUID:tag" */
	size_t of_n;
	uint64_t number;
	bool mysql;
};

/* "domain-server-number", "UUID:number" or "UUID:tag:number", at the end of the text or
 * before a comma; false if it is not of that form. */
bool gtid_split(const char *gtid, struct gtid *ret);
bool gtid_same_row(const struct gtid *a, const struct gtid *b);

/* Is the GTID one of those before a position that a server gives as `list`
 * ("0-1-42,7-1-5"; "UUID:1-42:44:tag:1-3,…"; NULL: none)? */
bool gtid_list_covers(const char *list, const char *gtid);

#endif
