#include "job/restore_point.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

#define UUID_TEXT 36u
#define TAG_MAX 32u

static int not_a_time(const char *text, struct err *err)
{
	err_set(err, ERR_USAGE, "\"%.64s\" is not a time", text);
	return err_hint(err, "Write it as 2026-11-22 14:03:00 (local time), "
	                     "2026-11-22T13:03:00Z or 2026-11-22 14:03:00+01:00.");
}

static bool same_clock(const struct tm *a, const struct tm *b)
{
	return a->tm_year == b->tm_year && a->tm_mon == b->tm_mon && a->tm_mday == b->tm_mday &&
	       a->tm_hour == b->tm_hour && a->tm_min == b->tm_min && a->tm_sec == b->tm_sec;
}

/* The moment at which local clocks show `wanted` with or without summer time; -1. */
static int local_moment(const struct tm *wanted, int summer, time_t *ret)
{
	struct tm tm = *wanted, shown;

	tm.tm_isdst = summer;
	time_t t = mktime(&tm);
	if (t == (time_t)-1 || !localtime_r(&t, &shown) || !same_clock(&shown, wanted))
		return -1;
	*ret = t;
	return 0;
}

static int from_local(const char *text, const struct tm *wanted, time_t *ret, struct err *err)
{
	time_t winter, summer;
	bool in_winter = local_moment(wanted, 0, &winter) == 0;
	bool in_summer = local_moment(wanted, 1, &summer) == 0;
	char a[64], b[64];

	if (!in_winter && !in_summer) {
		err_set(err, ERR_USAGE, "%s never was in local time: the clocks were put forward",
		        text);
		return err_hint(err, "Say the zone, as in 2026-11-22 14:03:00+01:00 or …Z.");
	}
	if (in_winter && in_summer && winter != summer) {
		err_set(err, ERR_USAGE, "%s came twice in local time: as %s and as %s", text,
		        clock_format_local(a, sizeof a, summer * CLOCK_US),
		        clock_format_local(b, sizeof b, winter * CLOCK_US));
		return err_hint(err, "Say the zone, as in 2026-11-22 14:03:00+01:00 or …Z.");
	}
	*ret = in_winter ? winter : summer;
	return 0;
}

int point_parse_time(const char *text, int64_t *ret_us, struct err *err)
{
	char *utc = mem_printf("%sZ", text);
	int64_t us;
	time_t seconds;
	struct tm tm;
	int rc = 0;

	if (clock_parse(text, ret_us) == 0) {
		free(utc);
		return 0;
	}
	/* A well-formed time without a zone is one that a Z makes whole. */
	if (clock_parse(utc, &us) < 0)
		rc = not_a_time(text, err);
	free(utc);
	if (rc < 0)
		return -1;
	seconds = us / CLOCK_US;
	if (us < 0 || !gmtime_r(&seconds, &tm))
		return not_a_time(text, err);
	if (from_local(text, &tm, &seconds, err) < 0)
		return -1;
	*ret_us = (int64_t)seconds * CLOCK_US + us % CLOCK_US;
	return 0;
}

/* "domain-server-sequence" */
static bool is_mariadb_gtid(const char *text, size_t n)
{
	unsigned digits = 0, dashes = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] == '-' && digits) {
			dashes++;
			digits = 0;
		} else if (text[i] >= '0' && text[i] <= '9' && digits < 20) {
			digits++;
		} else {
			return false;
		}
	}
	return dashes == 2 && digits;
}

static bool is_uuid(const char *text, size_t n)
{
	if (n != UUID_TEXT)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;
		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return true;
}

static bool is_tag(const char *text, size_t n)
{
	if (n == 0 || n > TAG_MAX || isdigit((unsigned char)text[0]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)text[i]) && text[i] != '_')
			return false;
	return true;
}

/* "uuid:number", "uuid:tag:number"; one transaction, not a range of them. */
static bool is_mysql_gtid(const char *text, size_t n)
{
	const char *colon = memrchr(text, ':', n);
	size_t before = colon ? (size_t)(colon - text) : 0;
	size_t digits = colon ? n - before - 1 : 0;

	if (digits == 0 || digits > 19 || colon[1] == '0')
		return false;
	for (size_t i = 1; i <= digits; i++)
		if (!isdigit((unsigned char)colon[i]))
			return false;
	if (before > UUID_TEXT)
		return text[UUID_TEXT] == ':' && is_uuid(text, UUID_TEXT) &&
		       is_tag(text + UUID_TEXT + 1, before - UUID_TEXT - 1);
	return is_uuid(text, before);
}

static bool is_among(const char *gtid, char list[][BINLOG_GTID_MAX], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(list[i], gtid))
			return true;
	return false;
}

int point_parse_gtid(const char *text, struct restore_point *ret, struct err *err)
{
	unsigned n = 0;

	for (const char *p = text;; p++) {
		size_t len = strcspn(p, ",");
		bool mysql = is_mysql_gtid(p, len);
		if ((!mysql && !is_mariadb_gtid(p, len)) || len >= BINLOG_GTID_MAX) {
			err_set(err, ERR_USAGE, "\"%.120s\" is not a GTID", text);
			return err_hint(err,
			                "Write it as 0-1-42 (domain-server-sequence) of a MariaDB, "
			                "as UUID:42 or UUID:tag:42 of a MySQL; several with commas "
			                "between them.");
		}
		if (n == POINT_GTIDS_MAX)
			return err_set(err, ERR_USAGE, "more than %u GTIDs", POINT_GTIDS_MAX);
		memcpy(ret->gtids[n], p, len);
		ret->gtids[n][len] = '\0';
		for (size_t i = 0; mysql && i < len; i++)
			ret->gtids[n][i] = (char)tolower((unsigned char)ret->gtids[n][i]);
		n += !is_among(ret->gtids[n], ret->gtids, n);
		p += len;
		if (!*p)
			break;
	}
	ret->gtid_n = n;
	ret->kind = POINT_GTID;
	return 0;
}

int point_parse_position(const char *text, struct restore_point *ret, struct err *err)
{
	const char *colon = strrchr(text, ':');
	size_t n = colon ? (size_t)(colon - text) : 0;
	char *end = NULL;
	uint64_t pos =
	    colon && colon[1] >= '0' && colon[1] <= '9' ? strtoull(colon + 1, &end, 10) : 0;

	if (!n || n >= sizeof ret->file || !end || *end || strlen(colon + 1) > 18 ||
	    memchr(text, '/', n)) {
		err_set(err, ERR_USAGE, "\"%.64s\" is not a position in a binlog", text);
		return err_hint(err, "Write it as binlog.000007:4711, a file without directory and "
		                     "a byte offset.");
	}
	memcpy(ret->file, text, n);
	ret->file[n] = '\0';
	ret->pos = pos;
	ret->kind = POINT_POSITION;
	return 0;
}

void point_text(const struct restore_point *p, struct str *out)
{
	char when[64];

	if (p->before)
		str_add(out, "just before ");
	switch (p->kind) {
	case POINT_BACKUP:
		str_add(out, "the backup");
		break;
	case POINT_LATEST:
		str_add(out, "the end of what is archived");
		break;
	case POINT_TIME:
		str_add(out, clock_format_local(when, sizeof when, p->time_us));
		break;
	case POINT_GTID:
		str_add(out, "GTID ");
		for (unsigned i = 0; i < p->gtid_n; i++)
			str_addf(out, "%s%s", i ? "," : "", p->gtids[i]);
		break;
	case POINT_POSITION:
		str_addf(out, "%s:%" PRIu64, p->file, p->pos);
		break;
	}
}
