/* Scalars: text to field, field to text, and what is allowed. */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "conf/rows.h"
#include "model/policy.h"
#include "model/schedule.h"

#define FILE_URL "file://"

static void add_size(struct str *out, uint64_t bytes)
{
	static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
	unsigned u = 0;

	for (; u < 4 && bytes && bytes % 1024 == 0; u++)
		bytes /= 1024;
	str_addf(out, "%" PRIu64 "%s", bytes, units[u]);
}

static void add_duration(struct str *out, int64_t s)
{
	static const struct {
		int64_t seconds;
		char unit;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	unsigned u = 0;

	while (s % units[u].seconds)
		u++;
	str_addf(out, "%" PRId64 "%c", s / units[u].seconds, units[u].unit);
}

static void add_words(struct str *out, const char *words)
{
	for (; *words; words++)
		str_addf(out, *words == ' ' ? ", " : "%c", *words);
}

void row_allowed(const struct row *r, struct str *out)
{
	switch (r->type) {
	case ROW_SECTION:
		str_add(out, "a mapping");
		break;
	case ROW_LIST:
		str_add(out, "a list of mappings");
		break;
	case ROW_TEXT:
		str_add(out, "text");
		break;
	case ROW_NAME:
		str_add(out, "1 to 64 of A-Z a-z 0-9 _ . -, not starting with a dot");
		break;
	case ROW_PATH:
		str_add(out, "an absolute path");
		break;
	case ROW_URL:
		str_add(out, "file:///path");
		break;
	case ROW_TEXTS:
		str_add(out, "a list of options, each starting with --");
		break;
	case ROW_BOOL:
		str_add(out, "true, false");
		break;
	case ROW_INT:
		str_addf(out, "%" PRId64 " to %" PRId64, r->min, r->max);
		break;
	case ROW_SIZE:
		str_add(out, "a size like 64KiB, 10MiB, 1GiB");
		if (r->min > 1) {
			str_add(out, ", from ");
			add_size(out, (uint64_t)r->min);
			str_add(out, " to ");
			add_size(out, (uint64_t)r->max);
		}
		break;
	case ROW_DURATION:
		str_add(out, "a duration like 90s, 15m, 25h, 30d, from ");
		add_duration(out, r->min);
		str_add(out, " to ");
		add_duration(out, r->max);
		break;
	case ROW_PERCENT:
		str_addf(out, "%" PRId64 "%% to %" PRId64 "%%", r->min, r->max);
		break;
	case ROW_WORD:
	case ROW_ENUM:
		add_words(out, r->words);
		break;
	case ROW_SCHEDULE:
		str_add(out,
		        "daily HH:MM, hourly, hourly MM, weekly DAY HH:MM, every 15m, five cron "
		        "fields, off");
		break;
	case ROW_RULES:
		str_add(out, "a mapping with level, or a list of rules");
		break;
	case ROW_LATER:
		str_add(out, r->words ? r->words : "nothing yet");
		break;
	}
}

static int not_allowed(const struct row *r, const char *text, struct err *err)
{
	struct str allowed = {0};

	row_allowed(r, &allowed);
	err_set(err, ERR_USAGE, "found \"%.200s\", allowed: %s", text, str_text(&allowed));
	str_done(&allowed);
	return -1;
}

static int store_text(const char *text, void *field)
{
	char **to = field;

	free(*to);
	*to = mem_strdup(text);
	return 0;
}

/* Digits alone; so many that no range is that wide are -1. */
static int64_t whole_number(const char *text, size_t n)
{
	return n >= 1 && n <= 18 && strspn(text, "0123456789") >= n ? strtoll(text, NULL, 10) : -1;
}

static int parse_number(const struct row *r, const char *text, int64_t *ret)
{
	size_t n = strlen(text);
	uint64_t bytes;

	switch (r->type) {
	case ROW_SIZE:
		if (str_parse_size(text, &bytes) || bytes > INT64_MAX)
			return -1;
		*ret = (int64_t)bytes;
		return 0;
	case ROW_DURATION:
		return str_parse_duration(text, ret);
	case ROW_PERCENT:
		*ret = str_ends(text, "%") ? whole_number(text, n - 1) : -1;
		return 0;
	default:
		*ret = whole_number(text, n);
		return 0;
	}
}

static int store_number(const struct row *r, const char *text, void *field, struct err *err)
{
	int64_t v;

	if (parse_number(r, text, &v) || v < r->min || v > r->max)
		return not_allowed(r, text, err);
	if (r->width == sizeof(int64_t))
		memcpy(field, &v, sizeof v);
	else
		memcpy(field, &(int){(int)v}, sizeof(int));
	return 0;
}

static int store_bool(const struct row *r, const char *text, void *field, struct err *err)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};

	for (unsigned i = 0; i < 6; i++)
		if (!strcasecmp(text, words[i])) {
			*(bool *)field = i % 2;
			return 0;
		}
	return not_allowed(r, text, err);
}

/* Which of the blank-separated words it is, or -1. */
static int word_index(const char *words, const char *text)
{
	size_t n = strlen(text);

	for (int i = 0; words && *words; i++) {
		size_t len = strcspn(words, " ");
		if (len == n && !memcmp(words, text, n))
			return i;
		words += len;
		words += *words == ' ';
	}
	return -1;
}

static int store_word(const struct row *r, const char *text, void *field, struct err *err)
{
	int i = word_index(r->words, text);

	if (word_index(r->later, text) >= 0)
		return err_set(err, ERR_USAGE, "%s is not built yet, allowed: %s", text, r->words);
	if (i < 0)
		return not_allowed(r, text, err);
	if (r->type == ROW_WORD)
		return store_text(text, field);
	memcpy(field, &i, sizeof i);
	return 0;
}

static int store_url(const struct row *r, const char *text, void *field, struct err *err)
{
	if (str_starts(text, "s3://"))
		return err_set(err, ERR_USAGE, "s3:// is not built yet, allowed: file:///path");
	if (!str_starts(text, FILE_URL "/") || !text[strlen(FILE_URL "/")])
		return not_allowed(r, text, err);
	return store_text(text, field);
}

static int store_later(const struct row *r, const char *text, struct err *err)
{
	const char *key = strrchr(r->path, '.') ? strrchr(r->path, '.') + 1 : r->path;

	if (r->words && !strcmp(text, r->words))
		return 0;
	if (word_index(r->later, text) >= 0)
		return err_set(err, ERR_USAGE, "%s is not built yet, allowed: %s", text, r->words);
	if (r->words)
		return err_set(err, ERR_USAGE, "%s is not built yet; leave it out or say %s", key,
		               r->words);
	return err_set(err, ERR_USAGE, "%s is not built yet; leave it out", key);
}

int row_store(const struct row *r, const char *text, void *field, struct err *err)
{
	switch (r->type) {
	case ROW_TEXT:
		return text[0] ? store_text(text, field) : not_allowed(r, text, err);
	case ROW_NAME:
		return policy_name_valid(text) ? store_text(text, field)
		                               : not_allowed(r, text, err);
	case ROW_PATH:
		return text[0] == '/' ? store_text(text, field) : not_allowed(r, text, err);
	case ROW_URL:
		return store_url(r, text, field, err);
	case ROW_BOOL:
		return store_bool(r, text, field, err);
	case ROW_INT:
	case ROW_SIZE:
	case ROW_DURATION:
	case ROW_PERCENT:
		return store_number(r, text, field, err);
	case ROW_WORD:
	case ROW_ENUM:
		return store_word(r, text, field, err);
	case ROW_SCHEDULE:
		return schedule_parse(text, field, err);
	case ROW_LATER:
		return store_later(r, text, err);
	case ROW_SECTION:
	case ROW_LIST:
	case ROW_TEXTS:
	case ROW_RULES:
		break;
	}
	return not_allowed(r, text, err);
}

static void add_quoted(struct str *out, const char *text)
{
	str_add(out, "\"");
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		if (c == '"' || c == '\\')
			str_addf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			str_addf(out, "\\x%02X", c);
		else
			str_addn(out, text, 1);
	}
	str_add(out, "\"");
}

/* Everything is text to us, so only what YAML itself would take for something else
 * needs quotes. */
static void add_scalar(struct str *out, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	                            "0123456789_./:%+*,- ";
	size_t n = strlen(text);

	if (n && strspn(text, plain) == n && !strchr("*-.:%+, ", text[0]) && !strstr(text, ": ") &&
	    !strchr(": ", text[n - 1]) && strcmp(text, "null") != 0)
		str_add(out, text);
	else
		add_quoted(out, text);
}

static int64_t number_of(const struct row *r, const void *field)
{
	int64_t v;
	int narrow;

	if (r->width == sizeof v) {
		memcpy(&v, field, sizeof v);
		return v;
	}
	memcpy(&narrow, field, sizeof narrow);
	return narrow;
}

static bool print_texts(char *const *list, struct str *out)
{
	if (!list)
		return false;
	str_add(out, "[");
	for (size_t i = 0; list[i]; i++) {
		if (i)
			str_add(out, ", ");
		add_quoted(out, list[i]); /* a comma would end a plain one */
	}
	str_add(out, "]");
	return true;
}

static bool print_number(const struct row *r, const void *field, struct str *out)
{
	int64_t v = number_of(r, field);

	if (v == 0 && r->min > 0)
		return false;
	if (r->type == ROW_SIZE)
		add_size(out, (uint64_t)v);
	else if (r->type == ROW_DURATION)
		add_duration(out, v);
	else
		str_addf(out, "%" PRId64 "%s", v, r->type == ROW_PERCENT ? "%" : "");
	return true;
}

static void print_word(const char *words, int64_t index, struct str *out)
{
	while (index-- > 0)
		words += strcspn(words, " ") + 1;
	str_addn(out, words, strcspn(words, " "));
}

bool row_print(const struct row *r, const void *field, struct str *out)
{
	const char *text;

	switch (r->type) {
	case ROW_TEXT:
	case ROW_NAME:
	case ROW_PATH:
	case ROW_URL:
	case ROW_WORD:
		memcpy(&text, field, sizeof text);
		if (text)
			add_scalar(out, text);
		return text;
	case ROW_TEXTS:
		return print_texts(*(char *const *const *)field, out);
	case ROW_BOOL:
		str_add(out, *(const bool *)field ? "true" : "false");
		return true;
	case ROW_INT:
	case ROW_SIZE:
	case ROW_DURATION:
	case ROW_PERCENT:
		return print_number(r, field, out);
	case ROW_ENUM:
		print_word(r->words, number_of(r, field), out);
		return true;
	case ROW_SCHEDULE:
		add_scalar(out, ((const struct schedule *)field)->text);
		return true;
	case ROW_LATER:
		if (r->words)
			str_add(out, r->words);
		return r->words;
	case ROW_SECTION:
	case ROW_LIST:
	case ROW_RULES:
		break;
	}
	return false;
}
