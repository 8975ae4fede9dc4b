/*
 * pitr_gtids: GTIDs by their text.  What is said here of MariaDB's, a domain whose
 * numbers grow, is said of no others.
 */
#ifndef JOB_PITR_GTIDS_H
#define JOB_PITR_GTIDS_H

#include <stdbool.h>
#include <stdint.h>

/* "domain-server-number", at the end of the text or before a comma; false if it is not of that
 * form. */
bool gtid_split(const char *gtid, uint32_t *ret_domain, uint64_t *ret_number);

/* Is the GTID one of those before a position that a server gives as `list`
 * ("0-1-42,7-1-5", NULL: none)? */
bool gtid_list_covers(const char *list, const char *gtid);

#endif
