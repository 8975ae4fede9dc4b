#include <stdlib.h>
#include <string.h>

#include "base/fsio.h"
#include "base/mem.h"
#include "base/str.h"
#include "repo/repo_dir.h"

#define MOUNTINFO "/proc/self/mountinfo"
#define MOUNTINFO_MAX (16u << 20)

/* The real path of `path` or of its nearest ancestor that exists; new string. */
static char *real_ancestor(const char *path)
{
	char *p = mem_strdup(path), *real;
	while (!(real = realpath(p, NULL))) {
		char *slash = strrchr(p, '/');
		if (!slash || slash == p)
			break;
		*slash = '\0';
	}
	free(p);
	return real ? real : mem_strdup("/");
}

/* \040 and the like, as the kernel writes spaces; in place. */
static void unescape_octal(char *s)
{
	char *out = s;
	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*out++ = *s;
		}
	}
	*out = '\0';
}

static bool is_at_or_below(const char *path, const char *dir)
{
	size_t n = strlen(dir);
	return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* Lines: id, parent id, device, root, mount point, … */
static bool line_holds(char *line, const char *path)
{
	char *save = NULL, *field = strtok_r(line, " ", &save);
	for (int i = 0; field && i < 4; i++)
		field = strtok_r(NULL, " ", &save);
	if (!field)
		return false;
	unescape_octal(field);
	return strcmp(field, "/") != 0 && is_at_or_below(path, field);
}

int repo_mount_check(const char *path, struct err *err)
{
	char *text = NULL, *save = NULL;
	size_t n;
	bool found = false;
	if (fsio_read_file(MOUNTINFO, MOUNTINFO_MAX, &text, &n, err) < 0)
		return -1;
	char *real = real_ancestor(path);
	for (char *line = strtok_r(text, "\n", &save); line && !found;
	     line = strtok_r(NULL, "\n", &save))
		found = line_holds(line, real);
	free(real);
	free(text);
	if (found)
		return 0;
	err_set(err, ERR_REFUSED,
	        "repository %s: nothing is mounted there, and must_be_mounted is set", path);
	return err_hint(err, "mount its file system, or take must_be_mounted out of the policy");
}
