/*
 * render: the daemon's JSON as text.  Each takes what the request of that name
 * answers with and prints it; missing members are empty cells.
 */
#ifndef CTL_RENDER_H
#define CTL_RENDER_H

#include <jansson.h>
#include <stdint.h>

#include "daemon/ctl/term.h"

void render_status(const struct term *t, const json_t *status, int64_t now_us);
void render_jobs(const struct term *t, const json_t *jobs);       /* array */
void render_history(const struct term *t, const json_t *history); /* array */
void render_repositories(const struct term *t, const json_t *list);
void render_space(const struct term *t, const json_t *space);
void render_backups(const struct term *t, const json_t *backups); /* array */
void render_backup(const struct term *t, const json_t *backup, bool with_files);
void render_check(const struct term *t, const json_t *check);

/* "OK - …|perfdata"; returns the exit code.  `status` may be NULL. */
int render_nagios(struct str *out, const json_t *check, const json_t *status, int64_t now_us);

/* The style of "ok", "warning", "critical", "done", "failed", … */
enum style render_style(const char *word);

/* One "label:  value" line; nothing when value is NULL or empty. */
void render_fact(const struct term *t, const char *label, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
