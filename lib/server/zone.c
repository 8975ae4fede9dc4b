#include "server/zone.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fsio.h"
#include "base/mem.h"

#define FOOTER_MAX 256

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

int zone_environment(const char *name, const char *localtime_file, char **ret, struct err *err)
{
	tzset();
	if (!strcmp(tzname[0], name) || !strcmp(tzname[1], name)) {
		*ret = NULL;
	} else if (file_names_zone(localtime_file, name)) {
		*ret = mem_printf("TZ=:%s", localtime_file);
	} else if (!strcmp(name, "UTC")) {
		*ret = mem_strdup("TZ=UTC");
	} else {
		err_set(err, ERR_REFUSED,
		        "the source's server ran in time zone %.32s, and here it is %.32s: times "
		        "in replayed statements would become others",
		        name, tzname[0]);
		return err_hint(err, "Say the zone of the source's server in the environment: "
		                     "TZ=Region/City mybakctl restore …; times given with a zone "
		                     "of their own mean the same as before.");
	}
	return 0;
}
