#include "base/log.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

static atomic_int max_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	atomic_store(&max_level, (int)level);
}

/* JOURNAL_STREAM is "device:inode" of what systemd gave as stderr; a child that was
 * given another stderr still inherits the variable, hence the comparison. */
static bool stderr_is_journal(void)
{
	const char *text = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;
	return text && sscanf(text, "%llu:%llu", &dev, &ino) == 2 && fstat(2, &st) == 0 &&
	       st.st_dev == dev && st.st_ino == ino;
}

static const char *level_name(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERR:
		return "error";
	case LOG_LEVEL_WARN:
		return "warning";
	case LOG_LEVEL_INFO:
		return "info";
	case LOG_LEVEL_DEBUG:
		return "debug";
	}
	return "info";
}

static void add_head(struct str *line, enum log_level level)
{
	char when[32];
	if (stderr_is_journal())
		str_addf(line, "<%d>", (int)level);
	else
		str_addf(line, "time=%s level=%s ",
		         clock_format(when, sizeof when, clock_wall_us()), level_name(level));
}

static void add_quoted(struct str *line, const char *key, const char *text)
{
	str_addf(line, "%s=\"", key);
	for (const char *s = text; *s; s++) {
		if (*s == '"' || *s == '\\')
			str_addf(line, "\\%c", *s);
		else if (*s == '\n')
			str_add(line, "\\n");
		else
			str_addn(line, (unsigned char)*s < 0x20 ? " " : s, 1);
	}
	str_add(line, "\"");
}

static void add_fields(struct str *line, const char *fields, va_list ap)
    __attribute__((format(printf, 2, 0)));
static void add_fields(struct str *line, const char *fields, va_list ap)
{
	if (!fields || !*fields)
		return;
	char *text = NULL;
	if (vasprintf(&text, fields, ap) < 0)
		return;
	/* A line break in a value would be the start of a forged line. */
	for (char *s = text; *s; s++) {
		if ((unsigned char)*s < 0x20)
			*s = ' ';
	}
	str_add(line, text);
	str_add(line, " ");
	free(text);
}

static void put_line(struct str *line)
{
	str_add(line, "\n");
	/* One write a line keeps lines of several threads whole.  There is nowhere to
	 * complain to when stderr is gone. */
	ssize_t done = write(2, line->p, line->n);
	(void)done;
	str_done(line);
}

void log_msg(enum log_level level, const char *msg, const char *fields, ...)
{
	if ((int)level > atomic_load(&max_level))
		return;
	struct str line = {0};
	va_list ap;
	add_head(&line, level);
	va_start(ap, fields);
	add_fields(&line, fields, ap);
	va_end(ap);
	add_quoted(&line, "msg", msg);
	put_line(&line);
}

void log_err(enum log_level level, const struct err *err, const char *msg, const char *fields, ...)
{
	if ((int)level > atomic_load(&max_level))
		return;
	struct str line = {0};
	va_list ap;
	add_head(&line, level);
	va_start(ap, fields);
	add_fields(&line, fields, ap);
	va_end(ap);
	add_quoted(&line, "msg", msg);
	str_addf(&line, " kind=%s ", err_kind_name(err->kind));
	add_quoted(&line, "error", err->text);
	if (err->hint[0]) {
		str_add(&line, " ");
		add_quoted(&line, "hint", err->hint);
	}
	put_line(&line);
}
