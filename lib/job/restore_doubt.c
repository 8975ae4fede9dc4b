#include "job/restore_doubt.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define NAMED_MAX 5u
#define XID_PART_MAX 64u
#define USUAL_FORMAT "1"
#define PLAIN "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-.:"

struct doubt {
	bool mariadb;
	size_t n;
	struct str names;
};

/* `n` bytes as a word of SQL, in letters where they are nothing else. */
static void add_part(struct str *out, const char *bytes, size_t n)
{
	char text[XID_PART_MAX + 1] = "", hex[2 * XID_PART_MAX + 1];

	memcpy(text, bytes, n);
	str_hex(hex, bytes, n);
	if (strspn(text, PLAIN) == n)
		str_addf(out, "'%s'", text);
	else
		str_addf(out, "X'%s'", hex);
}

bool doubt_xid(const char *format, const char *gtrid_n, const char *bqual_n, const char *hex,
               struct str *out)
{
	char bytes[2 * XID_PART_MAX];

	if (!format || !gtrid_n || !bqual_n || !hex || !str_starts(hex, "0x"))
		return false;
	unsigned long a = strtoul(gtrid_n, NULL, 10), b = strtoul(bqual_n, NULL, 10);
	if (a > XID_PART_MAX || b > XID_PART_MAX || str_unhex(bytes, a + b, hex + 2) < 0)
		return false;
	add_part(out, bytes, a);
	if (b == 0 && !strcmp(format, USUAL_FORMAT))
		return true;
	str_add(out, ",");
	add_part(out, bytes + a, b);
	if (strcmp(format, USUAL_FORMAT) != 0)
		str_addf(out, ",%s", format);
	return true;
}

static int take_row(void *arg, unsigned n, char **f, const unsigned long *lengths, struct err *err)
{
	struct doubt *d = arg;
	struct str name = {0};

	(void)lengths, (void)err;
	if (d->n++ >= NAMED_MAX || n < 4)
		return 0;
	if (d->mariadb && f[3])
		str_add(&name, f[3]);
	else if (d->mariadb || !doubt_xid(f[0], f[1], f[2], f[3], &name))
		str_add(&name, "?");
	str_sep(&d->names, "; ");
	str_add(&d->names, str_text(&name));
	str_done(&name);
	return 0;
}

void doubt_note(struct conn *c, const struct err *why, struct str *note)
{
	struct doubt d = {.mariadb = c && conn_is_mariadb(c)};
	struct err asked = ERR_INIT;

	if (c && conn_query(c, d.mariadb ? "XA RECOVER FORMAT='SQL'" : "XA RECOVER CONVERT XID",
	                    take_row, &d, &asked) < 0)
		why = &asked;
	if (!c || asked.kind) {
		str_sep(note, "; ");
		str_addf(note,
		         "the restored server could not be asked for XA transactions that are "
		         "prepared (%s): XA RECOVER shows them",
		         why->text);
	} else if (d.n) {
		str_sep(note, "; ");
		str_addf(note,
		         "XA transactions prepared at that point and neither committed nor "
		         "rolled back: %zu (%s%s); they hold their locks: end each with XA COMMIT "
		         "or XA ROLLBACK",
		         d.n, str_text(&d.names), d.n > NAMED_MAX ? "; …" : "");
	}
	str_done(&d.names);
}
