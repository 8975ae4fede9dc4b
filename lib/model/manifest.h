/*
 * manifest: everything that is known about one backup, and its list of files.
 *
 * A backup exists if and only if its manifest does.  The text form is JSON
 * lines (mybak-repo(5)): line 1 is the backup ("head"), then a line a file in the
 * order of their numbers, then a closing line with the count.  So a list of
 * backups reads one line of each, and a manifest of a million files is never one
 * JSON tree.  Owned by one thread; freed whole.
 */
#ifndef MODEL_MANIFEST_H
#define MODEL_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/position.h"

#define MANIFEST_FORMAT 1
#define MANIFEST_UNLOCKED_MAX 1000
#define BACKUP_ID_MAX 40 /* "20261122T020000Z-full" */

enum backup_kind { BACKUP_FULL, BACKUP_INCREMENTAL };

enum file_kind {
	FILE_PLAIN,  /* whole bytes as found */
	FILE_INNODB, /* pages; page_size and space_id are set */
	/* The redo up to the end LSN, always number 0.  MariaDB: offset 0 is the start
	 * checkpoint.  MySQL: whole blocks of 512 bytes, offset 0 is the block it is in. */
	FILE_REDO,
	FILE_DIR,     /* a directory (mode and owner) */
	FILE_SYMLINK, /* link target in `target` */
	FILE_GONE, /* vanished while the backup ran; keeps its number, its extents mean nothing */
};

/* What the source said of the file before its first byte was read.  Equal stamps
 * mean equal bytes, unless seen too soon after the last change (stamp_quiet). */
struct file_stamp {
	uint64_t dev; /* 0: the file system of the data directory (numbers change at reboot) */
	uint64_t ino, size;
	int64_t mtime_ns, ctime_ns, btime_ns; /* btime 0 where the file system has none */
	int64_t seen_ns;                      /* wall clock when it was taken */
};

struct manifest_file {
	char *path;    /* relative to its root; any bytes; FILE_REDO: as it is restored */
	char *target;  /* FILE_SYMLINK only, else NULL */
	uint16_t root; /* index into manifest.roots; 0 is the data directory */
	uint8_t kind;  /* enum file_kind */
	bool sparse;   /* had holes: restore leaves runs of zeros unwritten */
	uint32_t mode, uid, gid;
	uint64_t size;      /* bytes when read; the restored size */
	uint32_t page_size; /* physical bytes of a page in the file; FILE_INNODB only */
	uint32_t space_id, fsp_flags;
	int64_t base; /* number of the parent's file that has the bytes no extent covers, or
	               * -1: those bytes are zero */
	struct file_stamp stamp;
};

/* A directory files hang under.  Root 0 is the data directory; the others are
 * places outside it (DATA DIRECTORY tables, innodb_undo_directory, …). */
struct manifest_root {
	char *path; /* absolute, on the source */
	char *role; /* "datadir", "external", "undo", "innodb_home", "aria_log" */
	uint32_t mode, uid, gid;
	uint64_t ino; /* with btime: is it still the same directory? */
	int64_t btime_ns;
};

struct manifest_pack {
	uint32_t number;
	uint64_t bytes;               /* size of pack.NNN */
	uint64_t index_bytes;         /* size of index.NNN */
	unsigned char index_hash[16]; /* XXH3-128 of the index object */
	uint64_t frames;
};

struct manifest_corrupt {
	char *path;
	uint64_t page;
};

/* What a replica had applied of its source, a row a channel. */
struct manifest_replica {
	char *channel; /* "" for the default one */
	char *file;    /* the source's binlog */
	uint64_t position;
};

struct manifest {
	/* identity */
	char id[BACKUP_ID_MAX];
	char *instance;
	enum backup_kind kind;
	char parent[BACKUP_ID_MAX];      /* "" for a full */
	char *full_reason;               /* why an incremental became a full, or NULL */
	int64_t started_us, finished_us; /* wall clock */
	char *method;                    /* "hot" */
	char *mybak_version;

	/* the server */
	char *flavour;      /* "mariadb" | "mysql" */
	char *version;      /* "10.11.19-MariaDB-0+deb12u1-log" */
	char *uuid;         /* server_uid / server_uuid; "" if it has none */
	uint32_t page_size; /* innodb_page_size */
	/* Settings a restored server needs to open the files: "innodb_data_file_path", … */
	struct manifest_setting {
		char *name, *value;
	} * settings;
	size_t setting_n;

	/* the point */
	struct position binlog;
	char *replica_gtid; /* MariaDB: applied source position of a replica, or NULL */
	VEC(struct manifest_replica) replica; /* MySQL: the same */
	uint64_t lsn_checkpoint; /* start checkpoint: an incremental on top takes pages >= this */
	uint64_t lsn_end;
	struct {
		unsigned char header[512]; /* of the log file with the checkpoint, as found */
		/* MySQL: the block of the log's encryption, all zero when it has none. */
		unsigned char encryption[512];
		/* MySQL: file_size and checkpoint_end_lsn are 0. */
		uint64_t first_lsn, capacity, file_size, checkpoint_end_lsn;
	} redo;
	/* binlog position is exact: end LSN and position were taken under one lock */

	/* measures */
	double lock_seconds;                           /* BLOCK_COMMIT held */
	double ddl_lock_seconds;                       /* BLOCK_DDL held */
	uint64_t size_bytes, read_bytes, stored_bytes; /* data directory, read now, in packs */
	struct {
		uint64_t total, stored, reread, unverified, corrupt;
	} pages;
	VEC(struct manifest_corrupt) corrupt; /* only if the policy allows them */
	VEC(char *) warnings; /* sentences for people: tables without a commit lock, … */
	struct {
		char *engine;
		uint64_t tables;
	} * engines;
	size_t engine_n;
	/* Tables that no lock holds still while they are copied: "db.table", the first
	 * MANIFEST_UNLOCKED_MAX of `n`. */
	struct {
		VEC(char *) names;
		uint64_t n;
	} unlocked;

	VEC(struct manifest_root) roots;
	VEC(struct manifest_pack) packs;
	VEC(struct manifest_file) files; /* empty when only the head was read */
};

struct manifest *manifest_new(void);
void manifest_free(struct manifest *m);              /* NULL is fine */
const char *backup_kind_name(enum backup_kind kind); /* "full", "incremental" */
const char *file_kind_name(enum file_kind kind);

/* Text form, a line at a time, each with its '\n'. */
void manifest_write_head(const struct manifest *m, struct str *out);
void manifest_write_file(const struct manifest_file *f, struct str *out);
void manifest_write_tail(const struct manifest *m, struct str *out);

/* Reading: lines in order, without '\n'.  Everything is checked before use: paths
 * are safe relative, numbers in range, the count right.  A reader that stops
 * after the head has a manifest without files. */
struct manifest_paths;
struct manifest_reader {
	struct manifest *m; /* owned by the reader until manifest_reader_finish */
	uint64_t line;
	bool complete;
	struct manifest_paths *paths; /* what was named so far: no file comes twice */
};
void manifest_reader_init(struct manifest_reader *r);
int manifest_reader_line(struct manifest_reader *r, const char *line, size_t n, struct err *err);
/* All lines were given; hands the manifest over.  ERR_DAMAGED if the tail is missing. */
int manifest_reader_finish(struct manifest_reader *r, struct manifest **ret, struct err *err);
/* Only the head was wanted: hands over what was read, or NULL before line 1. */
struct manifest *manifest_reader_take_head(struct manifest_reader *r);
void manifest_reader_done(struct manifest_reader *r);

/* Where a backup of a MySQL has its piece of binlog, below the data directory. */
#define MANIFEST_BINLOG_DIR "#mybak-binlog"

/* By its flavour. */
bool manifest_is_mysql(const struct manifest *m);

/* The value of a setting, or NULL. */
const char *manifest_setting(const struct manifest *m, const char *name);
void manifest_set(struct manifest *m, const char *name, const char *value);

/* Is `id` a well-formed backup id?  (It becomes part of object names.) */
bool backup_id_valid(const char *id);

/* Equal, and quiet: the file cannot have changed since `was` was taken. */
bool stamp_unchanged(const struct file_stamp *was, const struct file_stamp *now);
/* The same file (device, inode, birth), whatever its contents. */
bool stamp_same_file(const struct file_stamp *a, const struct file_stamp *b);

#endif
