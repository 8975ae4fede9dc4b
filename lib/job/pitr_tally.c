#include "job/pitr_tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "job/pitr_gtids.h"

/* Only MariaDB's: what a MySQL has executed it knows by itself. */
static void add_gtid(struct pitr_tally *t, const char *gtid, size_t n)
{
	struct tally_gtid one = {0};
	struct gtid g;
	size_t i = 0;

	snprintf(one.text, sizeof one.text, "%.*s", (int)n, gtid);
	if (!gtid_split(one.text, &g) || g.mysql)
		return;
	one.domain = (uint32_t)strtoul(g.of, NULL, 10);
	one.number = g.number;
	while (i < t->gtids.n && t->gtids.v[i].domain < one.domain)
		i++;
	if (i < t->gtids.n && t->gtids.v[i].domain == one.domain) {
		if (t->gtids.v[i].number < one.number)
			t->gtids.v[i] = one;
		return;
	}
	(void)vec_push(&t->gtids);
	for (size_t k = t->gtids.n - 1; k > i; k--)
		t->gtids.v[k] = t->gtids.v[k - 1];
	t->gtids.v[i] = one;
}

static void add_list(struct pitr_tally *t, const char *list)
{
	for (const char *p = list; p && *p; p += *p == ',') {
		size_t n = strcspn(p, ",");
		add_gtid(t, p, n);
		p += n;
	}
}

void tally_backup(struct pitr_tally *t, const struct manifest *m)
{
	add_list(t, m->binlog.gtid);
	add_list(t, m->replica_gtid);
}

void tally_applied(struct pitr_tally *t, const char *gtid)
{
	add_gtid(t, gtid, strlen(gtid));
}

char *tally_gtids(const struct pitr_tally *t)
{
	struct str s = {0};

	for (size_t i = 0; i < t->gtids.n; i++)
		str_addf(&s, "%s%s", i ? "," : "", t->gtids.v[i].text);
	return t->gtids.n ? str_take(&s) : NULL;
}

void tally_done(struct pitr_tally *t)
{
	vec_done(&t->gtids);
}
