"""What people and the server itself do while a backup runs: log tables are written,
settings are changed."""
import contextlib
import threading

import pytest

from harness import Mybak, Server, wait_for
from harness.load import volume

FLUSH = "@@GLOBAL.innodb_flush_log_at_trx_commit"


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


@pytest.mark.parametrize("engine", ["CSV", "MyISAM", "Aria"])
def test_log_tables(place, engine):
    """general_log is written to until commits are blocked: the copy of it is whole."""
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
        assert copy.process is None


def test_setting_changed_meanwhile(place):
    """Somebody makes the server safer while a backup runs: it stays so."""
    server = Server(place, options=("--innodb-flush-log-at-trx-commit=2",)).create().start()
    volume(server, 40)
    mybak = Mybak(place, server, limits={"read_rate": "10MiB"}).start()
    for before, after in ((2, 1), (2, 0), (1, 2)):
        server.sql(f"SET GLOBAL innodb_flush_log_at_trx_commit={before}")
        number = mybak.start_job("full")
        wait_for(lambda: mybak.job(number)["step"] == "copy", say="it does not copy")
        server.sql(f"SET GLOBAL innodb_flush_log_at_trx_commit={after}")
        assert mybak.wait_job(number)["state"] == "done"
        assert server.value(f"SELECT {FLUSH}") == after
