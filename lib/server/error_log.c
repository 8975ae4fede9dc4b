#include "server/error_log.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "base/str.h"

#define TAIL_MAX (256 * 1024)
#define LINES_MAX 8

struct line {
	const char *p;
	size_t n;
};

/* A ring of the last, or the list of the first, few lines. */
struct picked {
	struct line v[LINES_MAX];
	unsigned n, max;
};

/* A line without "2026-11-22 14:48:08 0 [ERROR] ": *ret_error tells the mark. */
static struct line message_of(struct line line, bool *ret_error)
{
	const char *mark = memmem(line.p, line.n, "[ERROR] ", 8);

	*ret_error = mark != NULL;
	if (!mark)
		return line;
	mark += 8;
	return (struct line){mark, line.n - (size_t)(mark - line.p)};
}

static bool is_known(const struct picked *list, struct line line)
{
	for (unsigned i = 0; i < list->n; i++)
		if (list->v[i].n == line.n && memcmp(list->v[i].p, line.p, line.n) == 0)
			return true;
	return false;
}

static void pick_first(struct picked *list, struct line line)
{
	if (line.n == 8 && memcmp(line.p, "Aborting", 8) == 0)
		return; /* says only that one of the others was fatal */
	if (list->n < list->max && !is_known(list, line))
		list->v[list->n++] = line;
}

static void pick_last(struct picked *list, struct line line)
{
	if (line.n == 0)
		return;
	if (list->n == list->max)
		memmove(list->v, list->v + 1, --list->n * sizeof *list->v);
	list->v[list->n++] = line;
}

char *error_log_reasons(const char *text, size_t n, unsigned lines)
{
	struct picked errors = {.max = lines < LINES_MAX ? lines : LINES_MAX};
	struct picked last = {.max = errors.max};
	struct str s = {0};

	while (n > 0 && errors.max > 0) {
		const char *nl = memchr(text, '\n', n);
		size_t len = nl ? (size_t)(nl - text) : n;
		bool is_error;
		struct line m = message_of((struct line){text, len}, &is_error);
		if (is_error)
			pick_first(&errors, m);
		pick_last(&last, (struct line){text, len});
		text += len + (nl != NULL);
		n -= len + (nl != NULL);
	}
	const struct picked *from = errors.n > 0 ? &errors : &last;
	for (unsigned i = 0; i < from->n; i++) {
		str_add(&s, i ? "; " : "");
		str_addn(&s, from->v[i].p, from->v[i].n);
	}
	return str_take(&s);
}

char *error_log_tail(const char *path, size_t *ret_n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *text = mem_zalloc(TAIL_MAX + 1);
	struct stat st;
	size_t n = 0;

	if (fd >= 0 && fstat(fd, &st) == 0) {
		uint64_t off = st.st_size > TAIL_MAX ? (uint64_t)(st.st_size - TAIL_MAX) : 0;
		if (fsio_pread(fd, text, TAIL_MAX, off, &n, path, NULL) < 0)
			n = 0;
	}
	if (fd >= 0)
		close(fd);
	*ret_n = n;
	return text;
}
