"""Settings of the source without which another server makes something else of its files and of
the statements in its binlogs."""
import pytest

from harness import Mybak, MySQLServer, Server, mysql_sid
from harness.mysql_pitr import GTIDS
from test_pitr import CONTINUOUS, archived, restored

BOTH = ["mariadb", pytest.param("mysql", marks=pytest.mark.mysql)]


def source_of(place, flavour, *options):
    if flavour == "mysql":
        return MySQLServer(place, options=(*GTIDS["on"], *options), programs=mysql_sid()).create().start()
    return Server(place, options=options).create().start()


def both(place, source, mybak, questions):
    """Restore to now; the answers of both servers, and the note."""
    archived(mybak)
    note = mybak.restore(place / "r", None, "--json").json["note"]
    copy = restored(place, source, place / "r", "r-s")
    answers = [[sorted(server.sql(q)) for q in questions] for server in (source, copy)]
    copy.stop()
    assert mybak.stop() == 0
    return *answers, note


@pytest.mark.parametrize("flavour", BOTH)
def test_words_of_full_text(place, flavour):
    """Short words and stop words: in rows before and behind the backup, and in tables behind it."""
    words = place / "stop words"
    words.write_text("nothere\n")
    source = source_of(place, flavour, "--innodb-ft-min-token-size=1", "--innodb-ft-max-token-size=20",
                       "--ft-min-word-len=2", "--ft-max-word-len=20", f"--ft-stopword-file={words}",
                       *(("--ngram-token-size=1",) if flavour == "mysql" else ()))
    kinds = {"innodb": "FULLTEXT(t)) ENGINE=InnoDB", "myisam": "FULLTEXT(t)) ENGINE=MyISAM"}
    if flavour == "mysql":
        kinds["ngram"] = "FULLTEXT(t) WITH PARSER ngram) ENGINE=InnoDB"
    text = "qz however nothere nowhere verylongwordoftwentyfive"
    source.sql("CREATE DATABASE d", "CREATE TABLE d.stop (value VARCHAR(30)) ENGINE=InnoDB CHARSET=utf8mb3",
               "INSERT INTO d.stop VALUES ('nowhere')", "SET GLOBAL innodb_ft_server_stopword_table='d/stop'")

    def create(prefix):
        for name, rest in kinds.items():
            source.sql(f"CREATE TABLE d.{prefix}_{name} (id INT PRIMARY KEY, t TEXT, {rest}",
                       f"INSERT INTO d.{prefix}_{name} VALUES (1, '{text} first')")

    create("old")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    create("new")
    tables = [f"d.{prefix}_{name}" for prefix in ("old", "new") for name in kinds]
    source.sql(*(f"INSERT INTO {t} VALUES (2, '{text} second')" for t in tables))
    questions = [f"SELECT '{t}', '{word}', id FROM {t} WHERE MATCH(t) AGAINST('+{word}' IN BOOLEAN MODE)"
                 for t in tables for word in (*text.split(), "first", "second", "z", "q")]
    want, got, note = both(place, source, mybak, questions)
    assert got == want
    if flavour == "mysql":
        assert note.startswith("no lock of a backup holds 1 of its tables still (d.old_myisam)") and "full-text" not in note
    else:
        assert note is None
    hits = [row for rows in want for row in rows]
    for there in (("d.old_innodb", "qz", 1), ("d.new_innodb", "qz", 2), ("d.old_myisam", "however", 2)):
        assert there in hits
    for gone in (("d.old_innodb", "nowhere", 2), ("d.old_myisam", "nothere", 2)):
        assert gone not in hits


def test_a_file_of_stop_words_that_is_gone(place):
    words = place / "stop"
    words.write_text("nothere\n")
    source = source_of(place, "mariadb", f"--ft-stopword-file={words}")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    source.sql("CREATE DATABASE d")
    archived(mybak)
    words.unlink()
    assert f"ft_stopword_file={words}" in mybak.restore(place / "r", None, "--json").json["note"]
    assert mybak.stop() == 0


@pytest.mark.mysql
def test_statements_on_mysql(place):
    """What they do is not all written in them."""
    source = source_of(place, "mysql", "--sysdate-is-now", "--disabled-storage-engines=ARCHIVE", "--password-history=3",
                       "--local-infile=0", "--log-bin-trust-function-creators=1")
    source.sql("CREATE DATABASE d", "CREATE TABLE d.n (i INT PRIMARY KEY, x DOUBLE)", "CREATE TABLE d.at (t DATETIME(6))",
               "CREATE USER app@localhost IDENTIFIED BY 'one'", "CREATE USER part@localhost",
               "GRANT SELECT ON *.* TO part@localhost",
               "CREATE PROCEDURE d.down(n INT) BEGIN IF n > 0 THEN CALL d.down(n - 1); END IF; END",
               "CREATE FUNCTION d.deep(n INT) RETURNS INT DETERMINISTIC BEGIN CALL d.down(n); RETURN n; END",
               "SET GLOBAL partial_revokes=ON", "SET GLOBAL regexp_stack_limit=200000000", "SET GLOBAL regexp_time_limit=0",
               "SET GLOBAL windowing_use_high_precision=OFF")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    source.sql("SET SESSION binlog_format=STATEMENT, cte_max_recursion_depth=5000, max_sp_recursion_depth=20,"
               " max_heap_table_size=100000000, timestamp=1700000000, sql_mode=''",
               "INSERT INTO d.n WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 4000) SELECT i, 0 FROM s",
               "INSERT INTO d.at VALUES (SYSDATE(6))", "SET timestamp=DEFAULT",
               "INSERT INTO d.n SELECT -1, d.deep(10)", "INSERT INTO d.n SELECT -2, CONCAT(REPEAT('a', 300000), 'c') REGEXP '^(a|b)*c'",
               "CREATE TABLE d.mem (v VARCHAR(8000)) ENGINE=MEMORY CHARSET=latin1",
               "INSERT INTO d.mem SELECT 'x' FROM d.n WHERE i > 0",
               "CREATE TABLE d.other (i INT) ENGINE=ARCHIVE", "REVOKE SELECT ON mysql.* FROM part@localhost",
               "GRANT SELECT ON `d_x`.* TO part@localhost",
               "ALTER USER app@localhost IDENTIFIED BY 'two'", "ALTER USER app@localhost IDENTIFIED BY 'three'")
    want, got, note = both(place, source, mybak, (
        "SELECT COUNT(*), SUM(i), SUM(x) FROM d.n", "SELECT * FROM d.at",
        "SELECT table_name, engine FROM information_schema.tables WHERE table_schema='d'", "SHOW GRANTS FOR part@localhost",
        "SELECT user, password FROM mysql.password_history", "SELECT REPLACE(@@gtid_executed, '\\n', '')"))
    assert got == want and ("other", "InnoDB") in want[2] and len(want[4]) >= 3


def test_statements_on_mariadb(place):
    source = source_of(place, "mariadb", "--sysdate-is-now", "--mysql56-temporal-format=OFF", "--max-recursive-iterations=10",
                       "--plugin-load-add=simple_password_check", "--simple-password-check-minimal-length=3",
                       "--simple-password-check-digits=0", "--simple-password-check-letters-same-case=0",
                       "--simple-password-check-other-characters=0")
    source.sql("CREATE DATABASE d", "CREATE TABLE d.n (i INT)", "CREATE TABLE d.at (t DATETIME(6))",
               "SET GLOBAL default_tmp_storage_engine=MyISAM")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    source.sql("SET SESSION binlog_format=STATEMENT, timestamp=1700000000, sql_mode=''",
               "INSERT INTO d.n WITH RECURSIVE s AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM s WHERE i < 4000) SELECT i FROM s",
               "INSERT INTO d.at VALUES (SYSDATE(6))", "CREATE TABLE d.old (t TIME(3), d DATETIME(3))",
               "CREATE USER app@localhost IDENTIFIED BY 'abc'")
    want, got, note = both(place, source, mybak, (
        "SELECT COUNT(*) FROM d.n", "SELECT * FROM d.at", "SELECT column_name, column_type FROM information_schema.columns"
        " WHERE table_schema='d'", "SELECT user FROM mysql.user"))
    assert got == want and ("app",) in want[3]
