"""Full, incremental, incremental of the incremental, taken under load, each restored and
held against the source."""
import dataclasses
import subprocess
import time

import pytest

from harness import (MARIADB, Burner, Load, Mybak, MySQLServer, Server, Truth, check_restored, mariadb_11_8, mysql_sid,
                     restore_all, take)
from harness.load import change_rows, volume

MIB = 1024 * 1024


@dataclasses.dataclass
class Case:
    init: tuple = ()
    options: tuple = ()
    policy: dict = dataclasses.field(default_factory=dict)
    load: tuple = ()
    programs: object = lambda: MARIADB
    megabytes: int = 60


CASES = {
    "default": Case(),
    "flush-log-0": Case(options=("--innodb-flush-log-at-trx-commit=0",)),
    "flush-log-2": Case(options=("--innodb-flush-log-at-trx-commit=2",)),
    "page-64k": Case(init=("--innodb-page-size=64k",), options=("--innodb-strict-mode=OFF",)),
    "page-4k": Case(init=("--innodb-page-size=4k",), options=("--innodb-strict-mode=OFF",)),
    "one-tablespace": Case(init=("--innodb-file-per-table=OFF",),
                           options=("--innodb-strict-mode=OFF",)),
    "several-ibdata": Case(init=("--innodb-data-file-path=ibdata1:12M;second:20M:autoextend",
                                 "--innodb-undo-tablespaces=0")),
    "one-worker": Case(policy={"limits": {"workers": 1}, "compression": {"level": 3}}),
    "mariadb-11.8": Case(programs=mariadb_11_8),
}


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.smoke if n == "default" else ())
                                  for n in CASES])
def test_chain(place, name):
    case = CASES[name]
    server = Server(place, init=case.init, options=case.options, programs=case.programs()).create()
    server.start()
    volume(server, case.megabytes)
    mybak = Mybak(place, server, **case.policy).start()
    load = Load(server, *case.load)
    taken = take(server, mybak, ("full", "incremental", "incremental"),
                 between=lambda: change_rows(server, 0.02))
    load.stop()
    full, first, second = [b for b, _ in taken]
    assert (full["kind"], full["parent"]) == ("full", None)
    assert (first["kind"], first["parent"]) == ("incremental", full["id"])
    assert (second["kind"], second["parent"]) == ("incremental", first["id"])
    assert first["stored_bytes"] < full["stored_bytes"]
    assert full["lock_seconds"] > 0
    truth = Truth.of(server)
    restore_all(place, mybak, truth, taken)
    assert mybak.stop() == 0


def test_redo_ring_lapped(place):
    """More redo than the log holds goes by while a slow backup runs: the restored log is
    longer than the ring it came from."""
    server = Server(place, options=("--innodb-log-file-size=16M",)).create().start()
    volume(server, 60)
    mybak = Mybak(place, server, limits={"read_rate": "8MiB"}).start()
    load, burner = Load(server), Burner(server)
    taken = take(server, mybak, ("full", "incremental"))
    burner.stop()
    load.stop()
    full = taken[0][0]
    assert full["lsn"]["end"] - full["lsn"]["checkpoint"] > 3 * 16 * MIB
    restore_all(place, mybak, Truth.of(server), taken)


MYSQL = pytest.param("mysql", marks=pytest.mark.mysql)


def server_of(place, name, *options):
    if name == "mysql":
        server = MySQLServer(place, programs=mysql_sid(), options=options)
    else:
        server = Server(place, programs=mariadb_11_8() if name == "mariadb-11.8" else MARIADB, options=options)
    return server.create().start()


@pytest.mark.long
@pytest.mark.parametrize("name", ["mariadb-10.11", MYSQL])
def test_unchanged_files_are_not_read(place, name):
    """Nobody writes: a second incremental finds nothing to do but the system tables; files
    dropped, renamed, made and truncated since the parent are right.  Waits for a minute:
    a tablespace that was written just before its backup is read again."""
    server = server_of(place, name)
    volume(server, 40, tables=4)
    server.sql("CREATE DATABASE other",
               "CREATE TABLE other.goes AS SELECT * FROM vol.t0",
               "CREATE TABLE other.moves AS SELECT * FROM vol.t1",
               "CREATE TABLE other.emptied AS SELECT * FROM vol.t2",
               "CREATE TABLE other.plain LIKE vol.t3", "ALTER TABLE other.plain ENGINE=MyISAM",
               "INSERT INTO other.plain SELECT * FROM vol.t3", "CREATE TABLE other.loose LIKE vol.t3",
               f"ALTER TABLE other.loose ENGINE={'MyISAM' if name == 'mysql' else 'Aria TRANSACTIONAL=0'}",
               "INSERT INTO other.loose SELECT * FROM vol.t3")
    server.settle()
    time.sleep(3)
    mybak = Mybak(place, server).start()
    full = mybak.backup("full")
    server.sql("DROP TABLE other.goes", "RENAME TABLE other.moves TO vol.moved",
               "TRUNCATE TABLE other.emptied", "CREATE TABLE other.goes AS SELECT * FROM vol.t3",
               "RENAME TABLE vol.t0 TO vol.x, vol.t1 TO vol.t0, vol.x TO vol.t1")
    server.settle()
    time.sleep(62)
    first = mybak.backup("incremental")
    second = mybak.backup("incremental")
    assert second["stored_bytes"] < full["stored_bytes"] / 10
    assert second["read_bytes"] < full["size_bytes"] / 2
    truth = Truth.of(server)
    for i, backup in enumerate((full, first, second)):
        mybak.restore(place / f"r{i}", backup)
        check_restored(truth, place / f"r{i}", backup)


@pytest.mark.long
@pytest.mark.parametrize("name", ["mariadb-10.11", "mariadb-11.8", MYSQL])
def test_chain_of_a_gigabyte(place, name):
    """The same with sysbench's tables and its own load on top."""
    redo = "--innodb-redo-log-capacity=256M" if name == "mysql" else "--innodb-log-file-size=256M"
    server = server_of(place, name, redo, "--innodb-buffer-pool-size=1536M")  # enough for CHECK TABLE EXTENDED
    server.sql("CREATE DATABASE sbtest")
    sysbench = ["sysbench", "oltp_read_write", "--db-driver=mysql", f"--mysql-socket={server.socket}",
                "--mysql-user=root", "--tables=4", "--table-size=1200000", "--threads=2"]
    subprocess.run([*sysbench, "prepare"], check=True, stdout=subprocess.DEVNULL)
    mybak = Mybak(place, server).start()
    load = Load(server, *(("--tables=0",) if name == "mysql" else ()))
    bench = subprocess.Popen([*sysbench, "--time=0", "--rate=100", "run"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    try:
        taken = take(server, mybak, ("full", "incremental", "incremental"))
    finally:
        bench.terminate()
        bench.wait()
    load.stop()
    assert taken[0][0]["size_bytes"] > 1000 * MIB
    assert mybak.memory_peak() < 256 * MIB
    restore_all(place, mybak, Truth.of(server), taken)


def test_backups_faster_than_the_clock(place):
    """Ids have seconds; backups of a small server take less.  Each has its own id, in order,
    and none takes another's place."""
    server = Server(place).create().start()
    mybak = Mybak(place, server).start()
    ids = [mybak.backup(kind)["id"] for kind in ("full", "full", "incremental", "full") * 3]
    assert ids == sorted(set(ids))
    assert [b["id"] for b in mybak.list()] == ids
    mybak.ctl("verify", "--repo", mybak.url)
