#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "model/schedule.h"

#define EVERY_MAX_S (366 * 86400LL)
#define WORDS_MAX 5
#define WORD_MAX 64

static const char *const weekday_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL};
static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                          "aug", "sep", "oct", "nov", "dec", NULL};

/* One of cron's five fields. */
struct field {
	const char *name;
	const char *const *words; /* names for low, low + 1, …; or NULL */
	int low, high;
};

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY };
static const struct field fields[] = {
    [MINUTE] = {"minute", NULL, 0, 59},           [HOUR] = {"hour", NULL, 0, 23},
    [DAY] = {"day of the month", NULL, 1, 31},    [MONTH] = {"month", month_names, 1, 12},
    [WEEKDAY] = {"weekday", weekday_names, 0, 7},
};

static int not_one(const char *text, struct err *err)
{
	return err_set(err, ERR_USAGE,
	               "found \"%s\", allowed: daily HH:MM, hourly, hourly MM, weekly DAY HH:MM, "
	               "every 15m (s, m, h, d, w), five cron fields, off",
	               text);
}

static int bad_value(const struct field *f, const char *found, struct err *err)
{
	const char *names = f->words == weekday_names ? ", sun to sat"
	                    : f->words                ? ", jan to dec"
	                                              : "";

	return err_set(err, ERR_USAGE, "%s: found \"%s\", allowed: %d to %d%s", f->name, found,
	               f->low, f->high, names);
}

/* A number or a name; up to two digits, so nothing can overflow. */
static int parse_value(const struct field *f, const char *text, int *ret, struct err *err)
{
	size_t n = strspn(text, "0123456789");

	for (int i = 0; f->words && f->words[i]; i++)
		if (!strcasecmp(f->words[i], text)) {
			*ret = f->low + i;
			return 0;
		}
	if (n < 1 || n > 2 || text[n] || atoi(text) < f->low || atoi(text) > f->high)
		return bad_value(f, text, err);
	*ret = atoi(text);
	return 0;
}

static int parse_step(const struct field *f, const char *text, int *ret, struct err *err)
{
	size_t n = strspn(text, "0123456789");

	if (n < 1 || n > 2 || text[n] || atoi(text) < 1)
		return err_set(err, ERR_USAGE, "%s: step found \"%s\", allowed: 1 to 99", f->name,
		               text);
	*ret = atoi(text);
	return 0;
}

static int parse_range(const struct field *f, const char *first, const char *last, int *from,
                       int *to, struct err *err)
{
	if (parse_value(f, first, from, err))
		return -1;
	*to = *from;
	if (!last)
		return 0;
	if (parse_value(f, last, to, err))
		return -1;
	if (f == &fields[WEEKDAY] && *to == 0 && *from > 0)
		*to = 7; /* "fri-sun" */
	if (*from > *to)
		return err_set(err, ERR_USAGE, "%s: the range %s-%s runs backwards", f->name, first,
		               last);
	return 0;
}

/* "5", "1-5", "1-5/2", "*", "*" with a step. */
static int parse_part(const struct field *f, char *part, uint64_t *bits, struct err *err)
{
	char *step_text = part, *last;
	/* 7 is Sunday once more: a step through all days must not hit it twice. */
	int from = f->low, to = f == &fields[WEEKDAY] ? 6 : f->high, step = 1;

	part = strsep(&step_text, "/");
	if (step_text && parse_step(f, step_text, &step, err))
		return -1;
	if (strcmp(part, "*") != 0) {
		last = part;
		part = strsep(&last, "-");
		if (parse_range(f, part, last, &from, &to, err))
			return -1;
		if (step_text && !last)
			return err_set(err, ERR_USAGE,
			               "%s: a step needs a range or *, as in %d-%d/%d", f->name,
			               from, f->high, step);
	}
	for (int v = from; v <= to; v += step)
		*bits |= 1ull << (f == &fields[WEEKDAY] ? v % 7 : v);
	return 0;
}

static int parse_field(const struct field *f, const char *text, uint64_t *ret, struct err *err)
{
	char copy[WORD_MAX], *rest = copy, *part;
	uint64_t bits = 0;

	snprintf(copy, sizeof copy, "%s", text);
	while ((part = strsep(&rest, ",")))
		if (parse_part(f, part, &bits, err))
			return -1;
	*ret = bits;
	return 0;
}

/* "0 0 30 2 *" is well formed and never comes. */
static int check_comes(const struct schedule *s, const char *text, struct err *err)
{
	static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (!s->any_day && !s->any_weekday)
		return 0;
	for (int m = 1; m <= 12; m++)
		if (s->months >> m & 1)
			for (int d = 1; d <= lengths[m - 1]; d++)
				if (s->days >> d & 1)
					return 0;
	return err_set(err, ERR_USAGE, "\"%s\": no such day of the month ever comes", text);
}

static int parse_cron(char words[][WORD_MAX], const char *text, struct schedule *s, struct err *err)
{
	uint64_t bits[WORDS_MAX];

	for (int i = 0; i < WORDS_MAX; i++)
		if (parse_field(&fields[i], words[i], &bits[i], err))
			return -1;
	s->kind = SCHEDULE_CRON;
	s->minutes = bits[MINUTE];
	s->hours = (uint32_t)bits[HOUR];
	s->days = (uint32_t)bits[DAY];
	s->months = (uint32_t)bits[MONTH];
	s->weekdays = (uint32_t)bits[WEEKDAY];
	s->any_day = words[DAY][0] == '*';
	s->any_weekday = words[WEEKDAY][0] == '*';
	return check_comes(s, text, err);
}

/* daily, weekly and hourly as cron fields; NULL: any. */
static int as_cron(const char *minute, const char *hour, const char *weekday, struct schedule *s,
                   struct err *err)
{
	char words[WORDS_MAX][WORD_MAX] = {"*", "*", "*", "*", "*"};
	int v;

	if (parse_value(&fields[MINUTE], minute, &v, err) ||
	    (hour && parse_value(&fields[HOUR], hour, &v, err)) ||
	    (weekday && parse_value(&fields[WEEKDAY], weekday, &v, err)))
		return -1;
	snprintf(words[MINUTE], WORD_MAX, "%s", minute);
	if (hour)
		snprintf(words[HOUR], WORD_MAX, "%s", hour);
	if (weekday)
		snprintf(words[WEEKDAY], WORD_MAX, "%s", weekday);
	return parse_cron(words, "", s, err);
}

static int at_time(char *time, const char *weekday, const char *text, struct schedule *s,
                   struct err *err)
{
	char *colon = strchr(time, ':');

	if (!colon || strlen(colon + 1) != 2)
		return not_one(text, err);
	*colon = 0;
	return as_cron(colon + 1, time, weekday, s, err);
}

static int parse_every(const char *word, struct schedule *s, struct err *err)
{
	int64_t seconds;

	if (str_parse_duration(word, &seconds) || seconds < 1 || seconds > EVERY_MAX_S)
		return err_set(err, ERR_USAGE,
		               "every: found \"%s\", allowed: 1s to 366d, as in 90s, 15m, 6h, 1d",
		               word);
	s->kind = SCHEDULE_EVERY;
	s->every_s = seconds;
	return 0;
}

/* How many words; more than WORDS_MAX counts as one more. */
static size_t split(const char *text, char words[][WORD_MAX])
{
	size_t n = 0;

	for (text += strspn(text, " \t"); *text; text += strspn(text, " \t")) {
		size_t len = strcspn(text, " \t");
		if (n == WORDS_MAX)
			return n + 1;
		snprintf(words[n++], WORD_MAX, "%.*s", (int)len, text);
		text += len;
	}
	return n;
}

static int parse_words(char words[][WORD_MAX], size_t n, const char *text, struct schedule *s,
                       struct err *err)
{
	if (n == 1 && !strcasecmp(words[0], "off"))
		return 0;
	if (n == 1 && !strcasecmp(words[0], "hourly"))
		return as_cron("0", NULL, NULL, s, err);
	if (n == 2 && !strcasecmp(words[0], "hourly"))
		return as_cron(words[1], NULL, NULL, s, err);
	if (n == 2 && !strcasecmp(words[0], "daily"))
		return at_time(words[1], NULL, text, s, err);
	if (n == 3 && !strcasecmp(words[0], "weekly"))
		return at_time(words[2], words[1], text, s, err);
	if (n == 2 && !strcasecmp(words[0], "every"))
		return parse_every(words[1], s, err);
	if (n == WORDS_MAX)
		return parse_cron(words, text, s, err);
	return not_one(text, err);
}

int schedule_parse(const char *text, struct schedule *ret, struct err *err)
{
	char words[WORDS_MAX][WORD_MAX];
	struct schedule s = {.kind = SCHEDULE_OFF};

	if (strlen(text) >= sizeof s.text)
		return err_set(err, ERR_USAGE, "found %zu characters, allowed: up to %zu",
		               strlen(text), sizeof s.text - 1);
	if (parse_words(words, split(text, words), text, &s, err))
		return -1;
	memcpy(s.text, text, strlen(text) + 1);
	*ret = s;
	return 0;
}
