/* What to type after a restore, in the words of the server that the backup is of. */
#include <string.h>

#include "daemon/ctl/restore_next.h"
#include "server/facts.h"
#include "tests/unit/unit.h"

static void ck_next(const struct restore_request *req, struct restore_result *r, const char *dir,
                    const char *const *want)
{
	command_list list = {0};
	size_t n = 0;

	restore_next(req, r, dir, &list);
	while (want[n])
		n++;
	for (size_t i = 0; i < list.n && i < n; i++)
		ck_assert_str_eq(list.v[i], want[i]);
	ck_assert_uint_eq(list.n, n);
	command_list_done(&list);
}

static struct restore_result of(const char *flavour)
{
	struct restore_result r = {.backup = manifest_new()};

	r.backup->flavour = mem_strdup(flavour);
	r.backup->binlog.file = mem_strdup("binlog.000007");
	r.backup->binlog.pos = 4711;
	return r;
}

START_TEST(programs_and_service_are_the_servers)
{
	static const char *const maps[] = {"/old=/new tables", NULL};
	static const char *const mariadb[] = {
	    "mariadb --socket=/s",
	    "mariadb-admin --socket=/s shutdown",
	    "chown -R mysql:mysql /r",
	    "chown -R mysql:mysql '/new tables'",
	    "systemctl stop mariadb",
	    "mv /var/lib/mysql /var/lib/mysql.before",
	    "mv /r /var/lib/mysql",
	    "systemctl start mariadb",
	    "mariadb-binlog --start-position=4711 binlog.000007 [LATER-BINLOG ...] | mariadb",
	    NULL,
	};
	static const char *const mysql[] = {
	    "mysql --socket=/s",
	    "mysqladmin --socket=/s shutdown",
	    "chown -R mysql:mysql /r",
	    "chown -R mysql:mysql '/new tables'",
	    "systemctl stop mysql",
	    "mv /var/lib/mysql /var/lib/mysql.before",
	    "mv /r /var/lib/mysql",
	    "systemctl start mysql",
	    "mysqlbinlog --start-position=4711 binlog.000007 [LATER-BINLOG ...] | mysql",
	    NULL,
	};
	const struct restore_request req = {.recover = true, .keep_server = true, .maps = maps};

	for (int is_mysql = 0; is_mysql < 2; is_mysql++) {
		struct restore_result r = of(is_mysql ? "mysql" : "mariadb");
		r.socket = mem_strdup("/s");
		ck_next(&req, &r, "/r", is_mysql ? mysql : mariadb);
		restore_result_done(&r);
	}
}
END_TEST

START_TEST(a_first_start_that_recovers_has_its_options)
{
	static const char *const want[] = {
	    "chown -R mysql:mysql /var/lib/mysql",
	    "mysqld --user=mysql --daemonize --datadir=/var/lib/mysql --skip-networking "
	    "--skip-replica-start --log-bin='#b/x'",
	    "mysql -e 'RESET REPLICA ALL'",
	    "mysqladmin shutdown",
	    "rm -r '/var/lib/mysql/#b'",
	    "systemctl start mysql",
	    NULL,
	};
	const struct restore_request req = {0};
	struct restore_result r = of("mysql");

	r.replay.done = true;
	r.first = (struct first_start){
	    .options = mem_strdup("--skip-replica-start --log-bin='#b/x'"),
	    .sql = mem_strdup("RESET REPLICA ALL"),
	    .remove = mem_strdup("#b"),
	};
	ck_next(&req, &r, "/var/lib/mysql", want);
	restore_result_done(&r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("ctl/restore");
	TCase *t = tcase_create("next");
	tcase_add_test(t, programs_and_service_are_the_servers);
	tcase_add_test(t, a_first_start_that_recovers_has_its_options);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
