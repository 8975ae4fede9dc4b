#include "server/zone.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"

#define FOOTER_MAX 256
#define DATE_MS 10000

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* "CET-1CEST,M3.5.0,M10.5.0/3" names CET and CEST, "<+0330>-3:30" names +0330. */
static bool names_zone(const char *rule, const char *name)
{
	size_t n = strlen(name);
	bool plain = n && is_letter(name[0]);

	for (const char *p = rule; n && (p = strstr(p, name)); p++) {
		bool begins = p == rule || !is_letter(p[-1]), ends = !is_letter(p[n]);
		bool quoted = p > rule && p[-1] == '<' && p[n] == '>';
		if (plain ? begins && ends : quoted)
			return true;
	}
	return false;
}

/* A zone file ends with its rule on a line of its own. */
static bool file_names_zone(const char *path, const char *name)
{
	char end[FOOTER_MAX + 1];
	struct stat st;
	size_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0) {
		uint64_t from = st.st_size > FOOTER_MAX ? (uint64_t)st.st_size - FOOTER_MAX : 0;
		if (fsio_pread(fd, end, FOOTER_MAX, from, &n, path, NULL) < 0)
			n = 0;
	}
	close(fd);
	if (n == 0 || end[n - 1] != '\n')
		return false;
	end[n - 1] = '\0';
	const char *line = memrchr(end, '\n', n - 1);
	return line && names_zone(line + 1, name);
}

/* The offset in another zone: the environment of a program with threads cannot be changed
 * for a moment. */
static bool ask_date(const char *env, int64_t at, long *ret)
{
	char *when = mem_printf("@%" PRId64, at), said[16] = "";
	const char *const argv[] = {"date", "-d", when, "+%z", NULL}, *const extra[] = {env, NULL};
	const struct proc_how how = {.extra_env = extra};
	int fds[2], status = -1;
	unsigned hours, minutes;
	char sign;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0) {
		free(when);
		return false;
	}
	bool started = proc_start_piped(argv, &how, -1, fds[1], fds[1], &pid, NULL) == 0;
	close(fds[1]);
	bool read_it = started && read(fds[0], said, sizeof said - 1) > 0;
	close(fds[0]);
	free(when);
	if (started && proc_wait(pid, DATE_MS, &status, NULL) != 1)
		proc_stop(pid, 0);
	if (!read_it || sscanf(said, "%c%2u%2u", &sign, &hours, &minutes) != 3)
		return false;
	*ret = (sign == '-' ? -1 : 1) * (long)(hours * 3600 + minutes * 60);
	return true;
}

/* `env` NULL: our own zone.  What cannot be told counts as the same. */
static bool same_offset(const struct zone *z, const char *env)
{
	time_t at = (time_t)z->at;
	struct tm tm;
	long offset;

	if (!z->offset)
		return true;
	if (env)
		return !ask_date(env, z->at, &offset) || offset == atol(z->offset);
	return !localtime_r(&at, &tm) || tm.tm_gmtoff == atol(z->offset);
}

static int refuse(const struct zone *z, struct err *err)
{
	struct str east = {0};

	if (z->offset)
		str_addf(&east, " (UTC%+.4g h)", (double)atol(z->offset) / 3600);
	err_set(err, ERR_REFUSED,
	        "the source's server ran in time zone %.32s%s, and here it is %.32s: times in "
	        "replayed statements would become others",
	        z->name, str_text(&east), tzname[0]);
	str_done(&east);
	return err_hint(err, "Say the zone of the source's server in the environment: "
	                     "TZ=Region/City mybakctl restore …; times given with a zone of their "
	                     "own mean the same as before.");
}

int zone_environment(const struct zone *z, const char *localtime_file, char **ret, struct err *err)
{
	char *local;

	tzset();
	if ((!strcmp(tzname[0], z->name) || !strcmp(tzname[1], z->name)) && same_offset(z, NULL)) {
		*ret = NULL;
		return 0;
	}
	local = mem_printf("TZ=:%s", localtime_file);
	if (file_names_zone(localtime_file, z->name) && same_offset(z, local)) {
		*ret = local;
		return 0;
	}
	free(local);
	if (strcmp(z->name, "UTC") != 0)
		return refuse(z, err);
	*ret = mem_strdup("TZ=UTC");
	return 0;
}
