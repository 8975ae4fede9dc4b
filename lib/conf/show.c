/* The rows for people: the policy in force, and the manual's list of keys. */
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/draft.h"
#include "conf/rows.h"

#define WRAP 78

/* Words of `text` into lines of at most WRAP, each with `prefix`; a line that roff
 * would take for a request is masked if `roff`. */
static void add_wrapped(struct str *out, const char *prefix, const char *text, bool roff)
{
	size_t column = 0;

	while (*text) {
		size_t n = strcspn(text, " ");
		if (column && column + 1 + n > WRAP) {
			str_add(out, "\n");
			column = 0;
		}
		if (column == 0) {
			bool mask = roff && strchr(".'", *text);
			str_addf(out, "%s%s", prefix, mask ? "\\&" : "");
			column = strlen(prefix);
		} else {
			str_add(out, " ");
			column++;
		}
		str_addn(out, text, n);
		column += n;
		text += n;
		text += *text == ' ';
	}
	str_add(out, "\n");
}

static void add_help(struct str *out, const struct row *r, int indent)
{
	char *prefix = mem_printf("%*s# ", indent, "");

	add_wrapped(out, prefix, r->help, false);
	free(prefix);
}

static void show_section(const char *section, const char *base, int indent, bool help,
                         struct str *out);

static void show_item(const char *section, const void *item, bool help, struct str *out)
{
	str_add(out, "  -\n");
	show_section(section, item, 4, help, out);
}

static void show_list(const struct row *r, const struct draft *d, struct str *out)
{
	char *section = row_section(r);

	str_addf(out, "%s:\n", r->path);
	if (!strcmp(r->path, "repositories"))
		for (size_t i = 0; i < d->repositories.n; i++)
			show_item(section, &d->repositories.v[i], i == 0, out);
	else
		for (size_t i = 0; i < d->instances.n; i++)
			show_item(section, &d->instances.v[i], i == 0, out);
	free(section);
}

static void show_rules(const struct draft *d, struct str *out)
{
	const struct row *up_to = row_find("compression[].", "up_to", 5);

	str_add(out, "compression:\n");
	for (size_t i = 0; i < d->compression.n; i++) {
		const struct policy_compression_rule *rule = &d->compression.v[i];
		str_add(out, "  - {");
		if (rule->up_to != UINT64_MAX) {
			str_add(out, "up_to: ");
			row_print(up_to, &rule->up_to, out);
			str_add(out, ", ");
		}
		str_addf(out, "level: %d}\n", rule->level);
	}
}

static void show_inner(const struct row *r, const char *key, const char *base, int indent,
                       bool help, struct str *out)
{
	struct str inside = {0};
	char *section = row_section(r);

	show_section(section, base + r->offset, indent + 2, help, &inside);
	if (inside.n) {
		if (help)
			add_help(out, r, indent);
		str_addf(out, "%*s%s:\n%s", indent, "", key, str_text(&inside));
	}
	free(section);
	str_done(&inside);
}

static void show_value(const struct row *r, const char *key, const char *base, int indent,
                       bool help, struct str *out)
{
	struct str value = {0};
	bool set = row_print(r, base + r->offset, &value);

	if (help && (set || r->type != ROW_LATER))
		add_help(out, r, indent);
	if (set)
		str_addf(out, "%*s%s: %s\n", indent, "", key, str_text(&value));
	else if (help && r->type != ROW_LATER)
		str_addf(out, "%*s# %s:\n", indent, "", key);
	str_done(&value);
}

static void show_section(const char *section, const char *base, int indent, bool help,
                         struct str *out)
{
	for (size_t i = 0; i < row_n; i++) {
		const struct row *r = &rows[i];
		const char *key = row_key(r, section);
		if (!key)
			continue;
		switch (r->type) {
		case ROW_SECTION:
			show_inner(r, key, base, indent, help, out);
			break;
		case ROW_LIST:
			add_help(out, r, indent);
			show_list(r, (const void *)base, out);
			break;
		case ROW_RULES:
			add_help(out, r, indent);
			show_rules((const void *)base, out);
			break;
		default:
			show_value(r, key, base, indent, help, out);
		}
	}
}

void conf_show(const struct policy *p, struct str *out)
{
	struct draft d = {
	    .repositories = {p->repositories, p->repository_n, 0},
	    .instances = {p->instances, p->instance_n, 0},
	    .compression = {p->compression, p->compression_n, 0},
	    .limits = p->limits,
	    .monitor = p->monitor,
	};

	/* Nothing is in force but what the instances have; the common parts shown are
	 * those of the first, and each instance has all of its own. */
	if (p->instance_n) {
		d.schedule = p->instances[0].schedule;
		d.retention = p->instances[0].retention;
	}
	if (p->path)
		str_addf(out, "# %s\n", p->path);
	show_section("", (const char *)&d, 0, true, out);
}

/* Each sentence on a line of its own, as mdoc wants it. */
static void add_sentences(struct str *out, const char *text)
{
	char *copy = mem_strdup(text), *at = copy, *end;

	while ((end = strstr(at, ". "))) {
		end[1] = 0;
		add_wrapped(out, "", at, true);
		at = end + 2;
	}
	add_wrapped(out, "", at, true);
	free(copy);
}

static void add_allowed(struct str *out, const struct row *r)
{
	struct str allowed = {0};

	if (r->type == ROW_SECTION || r->type == ROW_LIST || r->type == ROW_RULES)
		return;
	if (r->type == ROW_LATER && !r->later) {
		str_add(out, "Not built yet.\n");
	} else {
		str_add(&allowed, "Allowed: ");
		row_allowed(r, &allowed);
		str_add(&allowed, ".");
		add_wrapped(out, "", str_text(&allowed), true);
	}
	str_reset(&allowed);
	if (r->later) {
		str_add(&allowed, "Not built yet: ");
		for (const char *p = r->later; *p; p++)
			str_addf(&allowed, *p == ' ' ? ", " : "%c", *p);
		str_add(&allowed, ".");
		add_wrapped(out, "", str_text(&allowed), true);
	}
	str_done(&allowed);
}

void conf_help_mdoc(struct str *out)
{
	str_add(out, ".Bl -tag -width Ds\n");
	for (size_t i = 0; i < row_n; i++) {
		str_addf(out, ".It Ic %s\n", rows[i].path);
		add_sentences(out, rows[i].help);
		add_allowed(out, &rows[i]);
		if (rows[i].must)
			str_add(out, "Must be given.\n");
		else if (rows[i].def)
			str_addf(out, "Default:\n.Ql %s .\n", rows[i].def);
	}
	str_add(out, ".El\n");
}
