/*
 * load: the write load under which backups are tested.
 *
 *	load --socket PATH [--user NAME] [--setup] [--accounts N] [--transfers N]
 *	     [--tables N] [--ddl N] [--pause-us N] [--seconds N]
 *
 * What it writes is such that a torn copy shows:
 *  - bank.acct: transfers between two accounts in one transaction; the sum never
 *    changes.  Now and then one is rolled back.
 *  - bank.ledger: append-only, in the same transaction: (thread, seq) without gaps.
 *  - bank.aria, bank.aria_plain, bank.myisam: the same (thread, seq) rows in engines
 *    without transactions (MySQL: bank.myisam alone).
 *  - churn.*: CREATE, INSERT, RENAME (also of two tables into each other's names),
 *    ALTER … FORCE, ADD COLUMN, TRUNCATE, DROP, whole databases.
 *
 * Runs until SIGTERM, SIGINT or --seconds; then each thread ends its statement and
 * one line of JSON says what was done and the longest a client had to wait.
 * Exit 0; 3 when the server went away.
 */
#include <errno.h>
#include <getopt.h>
#include <mysql.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_THREADS 64

static struct {
	const char *socket, *user;
	unsigned accounts, transfers, tables, ddl, pause_us, seconds;
	bool setup;
} opt = {.user = "root", .accounts = 2000, .transfers = 4, .tables = 1, .ddl = 1, .pause_us = 500};

static atomic_bool stop, gone;
static atomic_bool mariadb; /* else MySQL, which has less */

struct worker {
	pthread_t thread;
	void (*round)(struct worker *w); /* one unit of work */
	unsigned id, seed;
	unsigned long seq; /* last (thread, seq) used */
	unsigned long done;
	double longest; /* seconds of one unit of work */
	MYSQL *db;
};

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(MYSQL *db, const char *what)
{
	unsigned n = mysql_errno(db);

	/* 1053 shutdown in progress, 1927 killed, 2002..2013 connection */
	if (n == 1053 || n == 1927 || n >= 2000) {
		gone = true;
		stop = true;
		return;
	}
	fprintf(stderr, "load: %s: %s (%u)\n", what, mysql_error(db), n);
	exit(1);
}

static MYSQL *connect_db(void)
{
	MYSQL *db = mysql_init(NULL);

	if (!mysql_real_connect(db, NULL, opt.user, NULL, NULL, 0, opt.socket,
	                        CLIENT_MULTI_STATEMENTS)) {
		fprintf(stderr, "load: %s: %s\n", opt.socket, mysql_error(db));
		exit(3);
	}
	mariadb = strstr(mysql_get_server_info(db), "MariaDB") != NULL;
	return db;
}

/* true: done.  false: lost against another transaction, or the server is gone. */
__attribute__((format(printf, 2, 3))) static bool run(MYSQL *db, const char *fmt, ...)
{
	char sql[2048];
	va_list ap;
	unsigned n;

	va_start(ap, fmt);
	vsnprintf(sql, sizeof(sql), fmt, ap);
	va_end(ap);
	if (mysql_query(db, sql) == 0) {
		int more = 0;
		do {
			MYSQL_RES *r = mysql_store_result(db);
			if (r != NULL)
				mysql_free_result(r);
			more = mysql_next_result(db);
		} while (more == 0);
		if (more < 0)
			return true;
	}
	n = mysql_errno(db);
	/* deadlock, lock wait: the next round is as good; 1020: the row changed */
	if (n == 1213 || n == 1205 || n == 1020)
		mysql_query(db, "ROLLBACK");
	else
		die(db, sql);
	return false;
}

static unsigned rnd(struct worker *w, unsigned below)
{
	return (unsigned)rand_r(&w->seed) % below;
}

static void transfer(struct worker *w)
{
	unsigned from = rnd(w, opt.accounts) + 1, to = rnd(w, opt.accounts) + 1;
	unsigned amount = rnd(w, 100), letter = rnd(w, 26);
	double start = now();

	if (!run(w->db, "BEGIN") ||
	    !run(w->db, "UPDATE bank.acct SET bal=bal-%u, pad=REPEAT(CHAR(65+%u), 200) WHERE id=%u",
	         amount, letter, from) ||
	    !run(w->db, "UPDATE bank.acct SET bal=bal+%u WHERE id=%u", amount, to) ||
	    !run(w->db, "INSERT INTO bank.ledger VALUES (%u, %lu, %u, %u, %u, REPEAT('l', %u))",
	         w->id, w->seq + 1, from, to, amount, rnd(w, 600)))
		return;
	if (rnd(w, 50) == 0) {
		run(w->db, "ROLLBACK");
		return;
	}
	if (!run(w->db, "COMMIT"))
		return;
	w->seq++;
	w->done++;
	if (now() - start > w->longest)
		w->longest = now() - start;
}

static void insert_tables(struct worker *w)
{
	static const char *const tables[] = {"myisam", "aria", "aria_plain"};
	double start = now();

	for (unsigned i = 0; i < (mariadb ? 3 : 1); i++)
		if (!run(w->db, "REPLACE INTO bank.%s VALUES (%u, %lu, REPEAT('%c', %u))",
		         tables[i], w->id, w->seq + 1, 'a' + (char)i, rnd(w, 300)))
			return;
	w->seq++;
	w->done++;
	if (now() - start > w->longest)
		w->longest = now() - start;
}

#define FILL "INSERT INTO churn.%s SELECT seq, REPEAT('%c', 150) FROM churn.numbers WHERE seq <= %u"

static bool create_anew(struct worker *w, const char *name, const char *engine)
{
	const char *columns = "(id INT PRIMARY KEY, pad VARCHAR(200))";

	if (mariadb)
		return run(w->db, "CREATE OR REPLACE TABLE churn.%s %s ENGINE=%s", name, columns,
		           engine);
	return run(w->db, "DROP TABLE IF EXISTS churn.%s", name) &&
	       run(w->db, "CREATE TABLE churn.%s %s ENGINE=%s", name, columns, engine);
}

static void create_database_anew(struct worker *w)
{
	if (mariadb) {
		run(w->db, "CREATE OR REPLACE DATABASE churn_%u", w->id);
		return;
	}
	run(w->db, "DROP DATABASE IF EXISTS churn_%u", w->id);
	run(w->db, "CREATE DATABASE churn_%u", w->id);
}

static void churn(struct worker *w)
{
	static const char *const engines[] = {"InnoDB",
	                                      "InnoDB",
	                                      "InnoDB ROW_FORMAT=COMPRESSED",
	                                      "InnoDB PARTITION BY HASH (id) PARTITIONS 3",
	                                      "MyISAM",
	                                      "Aria"};
	unsigned engine = rnd(w, sizeof(engines) / sizeof(*engines) - (mariadb ? 0 : 2));
	unsigned rows = rnd(w, 400) + 1;
	char name[32], other[32], table[48];
	double start = now();

	snprintf(name, sizeof(name), "t%u_%lu", w->id, w->seq % 7);
	snprintf(other, sizeof(other), "r%u_%lu", w->id, w->seq % 5);
	snprintf(table, sizeof(table), "swap%u_a", w->id);
	w->seq++;
	if (!create_anew(w, name, engines[engine]) || !run(w->db, FILL, name, 'c', rows) ||
	    !run(w->db, "DROP TABLE IF EXISTS churn.%s", other) ||
	    !run(w->db, "RENAME TABLE churn.%s TO churn.%s", name, other) ||
	    !run(w->db, "ALTER TABLE churn.%s FORCE", other))
		return;
	switch (rnd(w, 6)) {
	case 0:
		run(w->db, "TRUNCATE TABLE churn.%s", other);
		run(w->db, FILL, other, 't', rows / 2 + 1);
		break;
	case 1:
		run(w->db, "ALTER TABLE churn.%s ADD COLUMN extra INT NOT NULL DEFAULT 7", other);
		break;
	case 2:
		run(w->db, "CREATE INDEX pad ON churn.%s (pad(20))", other);
		break;
	case 3:
		run(w->db,
		    "RENAME TABLE churn.swap%u_a TO churn.swap%u_x, churn.swap%u_b TO "
		    "churn.swap%u_a, "
		    "churn.swap%u_x TO churn.swap%u_b",
		    w->id, w->id, w->id, w->id, w->id, w->id);
		run(w->db, "INSERT INTO churn.%s (pad) VALUES (REPEAT('s', 100))", table);
		break;
	case 4:
		create_database_anew(w);
		run(w->db, "CREATE TABLE churn_%u.here (id INT PRIMARY KEY) SELECT %u AS id", w->id,
		    rows);
		break;
	default:
		run(w->db, "UPDATE churn.%s SET pad=REPEAT('u', 100) WHERE id %% 3 = 0", other);
		break;
	}
	w->done++;
	if (now() - start > w->longest)
		w->longest = now() - start;
}

static void *work(void *arg)
{
	struct worker *w = arg;

	mysql_thread_init();
	w->db = connect_db();
	while (!stop) {
		w->round(w);
		if (opt.pause_us != 0)
			usleep(opt.pause_us);
	}
	mysql_close(w->db);
	mysql_thread_end();
	return NULL;
}

/* 1 to at least `most`; the rows double. */
static void make_numbers(MYSQL *db, unsigned most)
{
	run(db, "CREATE TABLE churn.numbers (seq INT PRIMARY KEY) ENGINE=InnoDB");
	run(db, "INSERT INTO churn.numbers VALUES (1)");
	for (unsigned n = 1; n < most; n *= 2)
		run(db, "INSERT INTO churn.numbers SELECT seq + %u FROM churn.numbers", n);
}

static void setup(void)
{
	MYSQL *db = connect_db();

	run(db, "CREATE DATABASE bank; CREATE DATABASE churn");
	make_numbers(db, opt.accounts > 1000 ? opt.accounts : 1000);
	run(db, "CREATE TABLE bank.acct (id INT PRIMARY KEY, bal BIGINT NOT NULL,"
	        " pad VARCHAR(255) NOT NULL DEFAULT '') ENGINE=InnoDB");
	run(db,
	    "INSERT INTO bank.acct (id, bal) SELECT seq, 1000 FROM churn.numbers"
	    " WHERE seq <= %u",
	    opt.accounts);
	run(db,
	    "CREATE TABLE bank.ledger (thread INT, seq INT, src INT, dst INT, amount INT,"
	    " pad VARCHAR(700), PRIMARY KEY (thread, seq), KEY (src), KEY (dst)) ENGINE=InnoDB");
	if (mariadb)
		run(db, "CREATE TABLE bank.aria (thread INT, seq INT, pad VARCHAR(300),"
		        " PRIMARY KEY (thread, seq)) ENGINE=Aria TRANSACTIONAL=1");
	if (mariadb)
		run(db,
		    "CREATE TABLE bank.aria_plain (thread INT, seq INT, pad VARCHAR(300),"
		    " PRIMARY KEY (thread, seq)) ENGINE=Aria TRANSACTIONAL=0 ROW_FORMAT=DYNAMIC");
	run(db, "CREATE TABLE bank.myisam (thread INT, seq INT, pad VARCHAR(300),"
	        " PRIMARY KEY (thread, seq)) ENGINE=MyISAM");
	for (unsigned i = 0; i < opt.ddl; i++)
		for (const char *ab = "ab"; *ab != '\0'; ab++)
			run(db,
			    "CREATE TABLE churn.swap%u_%c (id INT AUTO_INCREMENT PRIMARY KEY,"
			    " pad VARCHAR(200)) ENGINE=InnoDB",
			    i, *ab);
	mysql_close(db);
}

/* Where (thread, seq) goes on in a table that has rows already. */
static unsigned long last_seq(MYSQL *db, const char *table, unsigned thread)
{
	char sql[128];
	unsigned long seq = 0;
	MYSQL_RES *r = NULL;
	MYSQL_ROW row = NULL;

	snprintf(sql, sizeof(sql), "SELECT COALESCE(MAX(seq), 0) FROM bank.%s WHERE thread=%u",
	         table, thread);
	if (mysql_query(db, sql) != 0 || (r = mysql_store_result(db)) == NULL)
		die(db, sql);
	if (r != NULL && (row = mysql_fetch_row(r)) != NULL)
		seq = strtoul(row[0], NULL, 10);
	mysql_free_result(r);
	return seq;
}

static unsigned start(struct worker *w, unsigned n, void (*round)(struct worker *),
                      const char *table)
{
	MYSQL *db = connect_db();

	for (unsigned i = 0; i < n; i++) {
		w[i].id = i;
		w[i].round = round;
		w[i].seed = (unsigned)time(NULL) * 31 + i * 7919;
		w[i].seq = table != NULL ? last_seq(db, table, i) : 0;
	}
	mysql_close(db);
	return n;
}

static double longest(const struct worker *w, unsigned n, unsigned long *ret_done)
{
	double max = 0;

	*ret_done = 0;
	for (unsigned i = 0; i < n; i++) {
		*ret_done += w[i].done;
		if (w[i].longest > max)
			max = w[i].longest;
	}
	return max;
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
	    {"socket", 1, NULL, 's'},   {"user", 1, NULL, 'u'},      {"setup", 0, NULL, 'S'},
	    {"accounts", 1, NULL, 'a'}, {"transfers", 1, NULL, 't'}, {"tables", 1, NULL, 'b'},
	    {"ddl", 1, NULL, 'd'},      {"pause-us", 1, NULL, 'p'},  {"seconds", 1, NULL, 'n'},
	    {NULL, 0, NULL, 0}};
	int c = 0;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned n = optarg != NULL ? (unsigned)strtoul(optarg, NULL, 10) : 0;
		switch (c) {
		case 's':
			opt.socket = optarg;
			break;
		case 'u':
			opt.user = optarg;
			break;
		case 'S':
			opt.setup = true;
			break;
		case 'a':
			opt.accounts = n;
			break;
		case 't':
			opt.transfers = n;
			break;
		case 'b':
			opt.tables = n;
			break;
		case 'd':
			opt.ddl = n;
			break;
		case 'p':
			opt.pause_us = n;
			break;
		case 'n':
			opt.seconds = n;
			break;
		default:
			exit(2);
		}
	}
	if (opt.socket == NULL || opt.transfers + opt.tables + opt.ddl > MAX_THREADS ||
	    opt.accounts == 0) {
		fprintf(stderr, "load: --socket is needed; at most %d threads\n", MAX_THREADS);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	static struct worker w[MAX_THREADS];
	unsigned n = 0, first_table = 0, first_ddl = 0;
	unsigned long transfers = 0, tables = 0, ddl = 0;
	double commit_wait = 0, table_wait = 0, ddl_wait = 0;
	struct timespec limit = {0};
	sigset_t set;

	parse(argc, argv);
	mysql_library_init(0, NULL, NULL);
	mysql_close(connect_db()); /* says what kind of server it is, before threads ask */
	if (opt.setup)
		setup();
	/* Taken by sigtimedwait below, so every thread must block them. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);

	n += start(w, opt.transfers, transfer, "ledger");
	first_table = n;
	n += start(w + n, opt.tables, insert_tables, "myisam");
	first_ddl = n;
	n += start(w + n, opt.ddl, churn, NULL);
	for (unsigned i = 0; i < n; i++)
		pthread_create(&w[i].thread, NULL, work, &w[i]);
	puts("running");
	fflush(stdout);

	double until = opt.seconds != 0 ? now() + opt.seconds : 0;
	limit.tv_nsec = 50000000;
	while (!stop && (until == 0 || now() < until))
		if (sigtimedwait(&set, NULL, &limit) > 0)
			break;
	stop = true;
	for (unsigned i = 0; i < n; i++)
		pthread_join(w[i].thread, NULL);
	commit_wait = longest(w, first_table, &transfers);
	table_wait = longest(w + first_table, first_ddl - first_table, &tables);
	ddl_wait = longest(w + first_ddl, n - first_ddl, &ddl);
	printf("{\"commits\": %lu, \"inserts\": %lu, \"ddl\": %lu, \"longest_commit\": %.4f, "
	       "\"longest_insert\": %.4f, \"longest_ddl\": %.4f}\n",
	       transfers, tables, ddl, commit_wait, table_wait, ddl_wait);
	mysql_library_end();
	return gone ? 3 : 0;
}
