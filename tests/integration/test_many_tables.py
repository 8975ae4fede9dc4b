"""Memory does not grow with the database: 20,000 tables."""
import contextlib
import os
import threading

import pytest

from harness import Mybak, MySQLServer, Server, Truth, check_restored, mysql_sid, wait_for

TABLES = 20000
MIB = 1 << 20


def create_tables(server, first, step):
    with contextlib.closing(server.connect()) as db, db.cursor() as cursor:
        for i in range(first, TABLES, step):
            cursor.execute(f"CREATE TABLE many{i // 1000}.t{i} (id INT PRIMARY KEY, pad VARCHAR(100))"
                           + (" ENGINE=MyISAM" if i % 20 == 19 else ""))


def resident(mybak):
    with open(f"/proc/{mybak.process.pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.long
@pytest.mark.parametrize("kind", ["mariadb", pytest.param("mysql", marks=pytest.mark.mysql)])
def test_twenty_thousand_tables(place, kind):
    options = ("--innodb-flush-log-at-trx-commit=0", "--table-open-cache=400", "--table-definition-cache=400")
    server = (MySQLServer(place, options=options, programs=mysql_sid()) if kind == "mysql"
              else Server(place, options=options)).create().start()
    for i in range(TABLES // 1000):
        server.sql(f"CREATE DATABASE many{i}")
    threads = [threading.Thread(target=create_tables, args=(server, i, 4)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    server.settle()  # or the full begins at a checkpoint before all these CREATE TABLE
    mybak = Mybak(place, server).start()
    full = mybak.backup("full")
    server.sql("INSERT INTO many7.t7001 VALUES (1, 'one')", "DROP TABLE many3.t3333",
               "RENAME TABLE many4.t4000 TO many5.moved")
    incremental = mybak.backup("incremental")
    assert incremental["stored_bytes"] < full["stored_bytes"] / 4
    assert mybak.memory_peak() < 256 * MIB
    mybak.kill9()
    mybak.start()
    wait_for(lambda: mybak.get("/v1/status")["instances"][0]["backups"] == 2, say="it does not see both")
    assert resident(mybak) < 64 * MIB
    truth = Truth.of(server)
    mybak.restore(place / "r", incremental)
    check_restored(truth, place / "r", incremental)
