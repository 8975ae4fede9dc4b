/*
 * log: one line for each thing the daemon has to say, as logfmt fields.
 *
 * Fields go in as key, value pairs; values are quoted where needed.  Goes to
 * stderr with the journal's <N> priority prefix when JOURNAL_STREAM says stderr
 * is the journal, with a time stamp otherwise.  Thread-safe; a line is one
 * write(2).  lib/ is quiet except for LOG_DEBUG, and for damage that a stream met and
 * mended, of which no call returns.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>

enum log_level { LOG_LEVEL_ERR = 3, LOG_LEVEL_WARN = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

struct err;

/* Lines above this level are dropped (default LOG_LEVEL_INFO). */
void log_set_level(enum log_level level);

/* `fields` is a printf format that yields complete logfmt fields
 * ("job=%d step=%s"), each value being a number or a bare word; `msg` text is
 * given by log_msg's own argument so that it is always quoted right. */
void log_msg(enum log_level level, const char *msg, const char *fields, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with error kind, text and hint as further fields. */
void log_err(enum log_level level, const struct err *err, const char *msg, const char *fields, ...)
    __attribute__((format(printf, 4, 5)));

#endif
