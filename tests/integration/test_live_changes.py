"""What people do to a server while a backup of it runs, and how they set one up."""
import contextlib
import threading

import pymysql
import pytest

from harness import Mybak, Server, wait_for
from harness.load import volume

FLUSH = "@@GLOBAL.innodb_flush_log_at_trx_commit"


def slow_backup(server, mybak):
    """The number of a job that copies for some seconds."""
    number = mybak.start_job("full")
    wait_for(lambda: mybak.job(number)["step"] == "copy", say="it does not copy")
    return number


def test_setting_changed_meanwhile(place):
    """Somebody changes how safe commits are while a backup runs: it stays so."""
    server = Server(place, options=("--innodb-flush-log-at-trx-commit=2",)).create().start()
    volume(server, 8)
    mybak = Mybak(place, server, limits={"read_rate": "20MiB"}).start()
    for before, after in ((2, 1), (2, 0), (1, 2)):
        server.sql(f"SET GLOBAL innodb_flush_log_at_trx_commit={before}")
        number = slow_backup(server, mybak)
        server.sql(f"SET GLOBAL innodb_flush_log_at_trx_commit={after}")
        assert mybak.wait_job(number)["state"] == "done"
        assert server.value(f"SELECT {FLUSH}") == after


def test_sessions_killed_while_the_setting_is_changed(place):
    """The session that changed it is killed in that blink: another one puts it back."""
    server = Server(place, options=("--innodb-flush-log-at-trx-commit=2",)).create().start()
    volume(server, 8)
    mybak = Mybak(place, server).start()

    def hunt(db):  # within the server: nothing else is fast enough
        with contextlib.suppress(pymysql.MySQLError), db.cursor() as cursor:
            cursor.execute(f"BEGIN NOT ATOMIC WHILE {FLUSH} <> 1 DO SET @n = 1; END WHILE;"
                           " KILL USER mybak@localhost; END")
    for _ in range(20):
        db = server.connect()
        hunter = threading.Thread(target=hunt, args=(db,))
        hunter.start()
        ended = mybak.wait_job(mybak.start_job("full"))
        wait_for(lambda: server.value(f"SELECT {FLUSH}") == 2, 5, say="the setting stays changed")
        with contextlib.suppress(pymysql.MySQLError):
            server.sql(f"KILL {db.thread_id()}")
        hunter.join()
        if ended["state"] == "failed":
            break
    assert ended["error"]["kind"] == "unreachable", ended
    assert mybak.wait_job(mybak.start_job("full"))["state"] == "done"


def test_index_of_the_binlog_with_a_name_of_its_own(place):
    """It names binlogs that a restored server does not have: it could not start with it."""
    options = ("--log-bin-index=other.index", "--relay-log-index=passed-on.index",
               "--relay-log-info-file=relayed.info", "--relay-log=relayed")
    server = Server(place, options=options).create().start()
    server.sql("CHANGE MASTER TO master_host='127.0.0.1', master_port=1, master_user='nobody'")
    assert (server.datadir / "other.index").exists() and (server.datadir / "passed-on.index").exists()
    mybak = Mybak(place, server).start()
    backup = mybak.backup("full")
    target = place / "r"
    mybak.restore(target, backup)
    assert not [p.name for p in target.iterdir() if p.name.startswith(("other", "relayed", "passed-on", "master"))]
    copy = Server(place, "copy", options=options, datadir=target).start()
    assert not copy.sql("SHOW ALL SLAVES STATUS")
    copy.stop()


@contextlib.contextmanager
def talking(server, threads=4):
    """Sessions whose statements fill the general log."""
    stop = threading.Event()

    def talk():
        with contextlib.closing(server.connect()) as db, db.cursor() as cursor:
            while not stop.is_set():
                cursor.execute("SELECT 'a statement of some length for the log', RAND()")
    crowd = [threading.Thread(target=talk) for _ in range(threads)]
    for one in crowd:
        one.start()
    try:
        yield
    finally:
        stop.set()
        for one in crowd:
            one.join()


@pytest.mark.parametrize("engine", ["CSV", "MyISAM"])
def test_log_tables(place, engine):
    """general_log is written to through every lock: a restored server can use it."""
    server = Server(place).create().start()
    server.sql(f"ALTER TABLE mysql.general_log ENGINE={engine}", "SET GLOBAL log_output='TABLE'",
               "SET GLOBAL general_log=ON")
    mybak = Mybak(place, server).start()
    for n, kind in enumerate(("full", "incremental", "incremental")):
        with talking(server):
            backup = mybak.backup(kind)
        target = place / f"r{n}"
        mybak.restore(target, backup)
        copy = Server(place, f"look{n}", datadir=target, binlog=False).start()
        assert copy.check_tables() == []
        assert copy.value("SELECT COUNT(*) FROM mysql.general_log") > 0
        assert copy.complaints() == []
        copy.stop()
