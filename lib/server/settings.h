/*
 * settings: which of a server's variables and plugins another server must have
 * to open the same files, and how a server's paths are to be read.
 */
#ifndef SERVER_SETTINGS_H
#define SERVER_SETTINGS_H

#include <stdbool.h>

#include "server/facts.h"

/* Does this kind of server have that option, and need it? */
bool setting_is_of(enum flavour flavour, const char *name);

/* Only by list, so that no variable of some plugin can bring a secret along. */
bool setting_is_needed(const char *name, const char *value);

/* Variables of plugins are unknown where the plugin is not there; what lacks it says so
 * when it is met. */
bool setting_is_of_plugin(const char *name);

/* A file, "" for no stop words at all. */
#define SETTING_STOP_WORDS "ft_stopword_file"
/* The settings of full-text indexes are in every backup that has this one. */
#define SETTING_SHORT_WORDS "innodb_ft_min_token_size"
/* Found out by how the server answers. */
#define SETTING_SYSDATE_IS_NOW "sysdate_is_now"

/* The value as the other server is to have it: innodb_data_file_path without its
 * directories, because a server started on a copy must never open the original's
 * files.  New string. */
char *setting_value(const char *name, const char *value);

/* By PLUGIN_TYPE and PLUGIN_LIBRARY of information_schema.plugins. */
bool setting_plugin_is_needed(const char *type, const char *library);

/* A path as a server variable gives it (relative ones are meant from the
 * datadir), without "." parts, double and trailing slashes.  New string. */
char *server_path(const char *datadir, const char *path);

#endif
