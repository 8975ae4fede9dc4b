#include "job/pitr_gtids.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool gtid_split(const char *gtid, uint32_t *ret_domain, uint64_t *ret_number)
{
	uint32_t domain, server;
	uint64_t number;
	int n = 0;

	/* The begin of a UUID may look like one. */
	if (sscanf(gtid, "%" SCNu32 "-%" SCNu32 "-%" SCNu64 "%n", &domain, &server, &number, &n) !=
	        3 ||
	    (gtid[n] && gtid[n] != ','))
		return false;
	*ret_domain = domain;
	*ret_number = number;
	return true;
}

bool gtid_list_covers(const char *list, const char *gtid)
{
	uint32_t domain, d;
	uint64_t number, last;

	if (!gtid_split(gtid, &domain, &number))
		return false;
	for (const char *p = list; p && *p; p = *p ? p + 1 : p) {
		if (gtid_split(p, &d, &last) && d == domain && number <= last)
			return true;
		p += strcspn(p, ",");
	}
	return false;
}
