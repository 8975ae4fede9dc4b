#include "job/restore_options.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "job/restore_recover_mysql.h"
#include "server/settings.h"
#include "server/zone.h"

static const char *setting_of(const struct manifest *m, const char *name)
{
	for (size_t i = 0; i < m->setting_n; i++)
		if (!strcmp(m->settings[i].name, name))
			return m->settings[i].value;
	return NULL;
}

/* A server that cannot read its file of stop words does not start.  A relative path is
 * meant from the data directory. */
static bool has_stop_words(const struct places *places, const char *path)
{
	char *full = server_path(places->target, path);
	struct stat st;
	bool has = *path == '\0' || (stat(full, &st) == 0 && S_ISREG(st.st_mode));

	free(full);
	return has;
}

static bool is_wanted(const struct recover_plan *plan, const struct manifest_setting *s)
{
	if (!strcmp(s->name, ZONE_SETTING))
		return false;
	if (!strcmp(s->name, SETTING_STOP_WORDS))
		return has_stop_words(plan->places, s->value);
	/* A manifest comes from a place others may write to, and many an option runs
	 * code or names files of the host. */
	return !strcmp(s->name, "plugin_load_add") || setting_is_needed(s->name, s->value);
}

void recover_options_make(const struct recover_plan *plan, const struct recover_start *how,
                          struct recover_options *ret)
{
	const struct manifest *m = plan->m;

	for (size_t i = 0; i < m->setting_n; i++) {
		const char *name = m->settings[i].name;
		if (is_wanted(plan, &m->settings[i]))
			*vec_push(&ret->list) =
			    mem_printf("--%s%s=%s", setting_is_of_plugin(name) ? "loose-" : "",
			               name, m->settings[i].value);
	}
	char *directories = manifest_is_mysql(m) ? recover_mysql_directories(plan->places) : NULL;
	if (directories)
		*vec_push(&ret->list) = mem_printf("--innodb-directories=%s", directories);
	free(directories);
	for (const char *const *o = plan->server_options; o && *o; o++)
		*vec_push(&ret->list) = mem_strdup(*o);
	for (const char *const *o = how->more; o && *o; o++)
		*vec_push(&ret->list) = mem_strdup(*o);
	*vec_push(&ret->list) = NULL;
}

void recover_options_done(struct recover_options *o)
{
	for (size_t i = 0; i < o->list.n; i++)
		free(o->list.v[i]);
	vec_done(&o->list);
}

/* InnoDB keeps each full-text index in tables of its own, FTS_… or fts_…. */
static bool has_full_text(const struct manifest *m)
{
	for (size_t i = 0; i < m->files.n; i++) {
		const char *slash = strchr(m->files.v[i].path, '/');
		if (slash && !strncasecmp(slash + 1, "fts_", 4) &&
		    str_ends(m->files.v[i].path, ".ibd"))
			return true;
	}
	return false;
}

void recover_options_note(const struct recover_plan *plan)
{
	const char *stop_words = setting_of(plan->m, SETTING_STOP_WORDS);
	struct str *note = plan->note;

	if (!note || !plan->work)
		return;
	if (stop_words && !has_stop_words(plan->places, stop_words)) {
		str_sep(note, "; ");
		str_addf(note,
		         SETTING_STOP_WORDS
		         "=%s of its settings is not here: if tables of "
		         "MyISAM or Aria have full-text indexes, REPAIR TABLE with that file",
		         stop_words);
	}
	if (!setting_of(plan->m, SETTING_SHORT_WORDS) && has_full_text(plan->m)) {
		str_sep(note, "; ");
		str_add(note,
		        "the backup does not know the server's settings of full-text indexes, "
		        "such as " SETTING_SHORT_WORDS ": if they were not the defaults, make "
		        "these indexes anew, or restore with --server-option");
	}
}
