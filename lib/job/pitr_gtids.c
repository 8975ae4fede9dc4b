#include "job/pitr_gtids.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define UUID_TEXT 36u
#define SPACE " \t\r\n"

static bool split_mariadb(const char *gtid, struct gtid *ret)
{
	uint32_t domain, server;
	uint64_t number;
	int n = 0;

	/* The begin of a UUID may look like one. */
	if (sscanf(gtid, "%" SCNu32 "-%" SCNu32 "-%" SCNu64 "%n", &domain, &server, &number, &n) !=
	        3 ||
	    (gtid[n] && gtid[n] != ','))
		return false;
	*ret = (struct gtid){.of = gtid, .of_n = strcspn(gtid, "-"), .number = number};
	return true;
}

static bool split_mysql(const char *gtid, struct gtid *ret)
{
	size_t n = strcspn(gtid, ",");
	const char *colon = memrchr(gtid, ':', n);

	if (!colon || (size_t)(colon - gtid) < UUID_TEXT || gtid[UUID_TEXT] != ':' ||
	    colon + 1 == gtid + n ||
	    strspn(colon + 1, "0123456789") != n - (size_t)(colon + 1 - gtid))
		return false;
	*ret = (struct gtid){.of = gtid,
	                     .of_n = (size_t)(colon - gtid),
	                     .number = strtoull(colon + 1, NULL, 10),
	                     .mysql = true};
	return true;
}

bool gtid_split(const char *gtid, struct gtid *ret)
{
	return split_mariadb(gtid, ret) || split_mysql(gtid, ret);
}

bool gtid_same_row(const struct gtid *a, const struct gtid *b)
{
	return a->mysql == b->mysql && a->of_n == b->of_n && !strncasecmp(a->of, b->of, a->of_n);
}

/* "42" or "7-42" */
static bool in_interval(const char *text, uint64_t number)
{
	char *end;
	uint64_t from = strtoull(text, &end, 10);
	uint64_t to = *end == '-' ? strtoull(end + 1, NULL, 10) : from;

	return from <= number && number <= to;
}

/* "UUID:1-5:9:tag:1-3", n bytes: intervals without a tag, and then those of each tag. */
static bool set_covers(const char *set, size_t n, const struct gtid *g)
{
	const char *end = set + n, *tag = "";
	size_t tag_n = 0, more = g->of_n - UUID_TEXT; /* ":tag" of what is looked for */

	if (n <= UUID_TEXT || set[UUID_TEXT] != ':' || strncasecmp(set, g->of, UUID_TEXT) != 0)
		return false;
	for (const char *p = set + UUID_TEXT; p < end;) {
		size_t item_n = 1 + strcspn(p + 1, ":,");
		if (!isdigit((unsigned char)p[1])) {
			tag = p;
			tag_n = item_n;
		} else if (tag_n == more && !strncasecmp(tag, g->of + UUID_TEXT, more) &&
		           in_interval(p + 1, g->number)) {
			return true;
		}
		p += item_n;
	}
	return false;
}

bool gtid_list_covers(const char *list, const char *gtid)
{
	struct gtid g, last;

	if (!gtid_split(gtid, &g))
		return false;
	for (const char *p = list; p && *p; p += *p == ',') {
		p += strspn(p, SPACE);
		size_t n = strcspn(p, ",");
		if (g.mysql ? set_covers(p, n, &g)
		            : gtid_split(p, &last) && gtid_same_row(&last, &g) &&
		                  g.number <= last.number)
			return true;
		p += n;
	}
	return false;
}
