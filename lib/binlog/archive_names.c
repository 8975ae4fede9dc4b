#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "binlog/archive_parts.h"

/* The digits behind the last '.', without leading zeros. */
static const char *number_of(const char *file)
{
	const char *dot = strrchr(file, '.');

	if (!dot)
		return "";
	for (dot++; *dot == '0'; dot++)
		;
	return dot;
}

/* Numbers outgrow their six digits: as text, 1000000 would come before 999999. */
int archive_file_order(const char *a, const char *b)
{
	const char *x = number_of(a), *y = number_of(b);
	size_t xn = strlen(x), yn = strlen(y);

	if (xn != yn)
		return xn < yn ? -1 : 1;
	int order = strcmp(x, y);
	return order ? order : strcmp(a, b);
}

bool archive_file_valid(const char *file)
{
	const char *dot = strrchr(file, '.');

	if (!dot || dot == file || !dot[1] || file[0] == '.' || strlen(file) >= BINLOG_NAME_MAX ||
	    strchr(file, '/'))
		return false;
	return strspn(dot + 1, "0123456789") == strlen(dot + 1);
}

bool archive_lineage_valid(const char *name)
{
	size_t n = strlen(name);

	if (n == 0 || n >= LINEAGE_MAX || !isdigit((unsigned char)name[0]))
		return false;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '-')
			return false;
	return true;
}

char *archive_root(const char *instance)
{
	return mem_printf("%s/binlogs/", instance);
}

char *archive_dir(const struct archive_at *at)
{
	return mem_printf("%s/binlogs/%s/", at->instance, at->lineage);
}

char *archive_object(const struct archive_at *at, const char *file, const char *suffix)
{
	return mem_printf("%s/binlogs/%s/%s%s", at->instance, at->lineage, file, suffix);
}

char *archive_lock_name(const char *instance)
{
	return mem_printf("%s/binlog.lock", instance);
}
