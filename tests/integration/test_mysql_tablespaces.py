"""Every kind of tablespace a MySQL can have, changed between a full and an incremental
backup under load, both restored and held against the source."""
import dataclasses
import os
import typing

import pytest

from harness import Load, Mybak, MySQLServer, Truth, check_restored, mysql_sid, odd_names, wait_for, with_keyring
from harness.load import ledger_floor
from harness.oracle import check_bank

pytestmark = pytest.mark.mysql

ROWS = "SELECT seq, CONCAT(SHA2(seq, 256), REPEAT('x', 120)) FROM db.numbers WHERE seq <= 4000"
COLUMNS = "(id INT PRIMARY KEY, pad VARCHAR(200))"


def sql(*statements):
    return lambda server: server.sql(*statements)


def fill(table, how=COLUMNS):
    return f"CREATE TABLE db.{table} {how}", f"INSERT INTO db.{table} (id, pad) {ROWS}"


def update(table):
    return (f"UPDATE db.{table} SET pad=REVERSE(pad) WHERE id % 50 = 0",
            f"DELETE FROM db.{table} WHERE id BETWEEN 1000 AND 1500",
            f"INSERT INTO db.{table} (id, pad) SELECT seq + 100000, SHA2(seq, 224) FROM db.numbers WHERE seq <= 500")


@dataclasses.dataclass
class Kind:
    create: typing.Callable  # server -> None, before the full backup
    change: typing.Callable  # server -> None, before the incremental
    init: tuple = ()
    options: typing.Callable = lambda place: ()
    before: typing.Callable = lambda server: None  # on the empty data directory
    maps: tuple = ()  # folders below the place that a restore puts elsewhere
    restored: typing.Callable = lambda server, target: ()  # options of the copy
    look: typing.Callable = lambda server, target, backup: None
    only_last: bool = False  # the change cannot be replayed from the binlog alone


def blocks(path):
    return os.stat(path).st_blocks * 512


def holes_are_kept(server, target, backup):
    source, copy = (folder / "db" / "holes.ibd" for folder in (server.datadir, target))
    server.settle()
    if blocks(source) > 0.8 * source.stat().st_size:
        pytest.skip("this file system makes no holes for COMPRESSION")
    assert blocks(copy) < 0.9 * copy.stat().st_size
    assert backup["pages"]["unverified"] > 0


def places(place):
    (place / "ssd").mkdir()
    return (f"--innodb-directories={place}/ssd",)


def away(server):
    ssd = server.place / "ssd"
    (ssd / "deep").mkdir()
    server.sql(f"CREATE TABLE db.away {COLUMNS} DATA DIRECTORY='{ssd}'", f"INSERT INTO db.away (id, pad) {ROWS}",
               f"CREATE TABLESPACE far ADD DATAFILE '{ssd}/deep/far.ibd'",
               *fill("far", f"{COLUMNS} TABLESPACE far"),
               f"CREATE UNDO TABLESPACE more ADD DATAFILE '{ssd}/more.ibu'")


def went_to_the_new_place(server, target, backup):
    new = server.place / f"ssd {target.name}"
    assert (new / "db" / "away.ibd").exists() and (new / "deep" / "far.ibd").exists()
    assert (new / "more.ibu").exists()


def undo_shrinks(server):
    def cut():
        server.sql("UPDATE db.big SET pad=REVERSE(pad)")
        return server.value("SELECT SUM(count) FROM information_schema.innodb_metrics"
                            " WHERE name='undo_truncate_count'") or None
    wait_for(cut, 200, say="no undo tablespace was truncated")


def imported(server):
    """Another copy of the table's file, in the place of the one the parent has."""
    server.sql("CREATE TABLE db.other LIKE db.moved", f"INSERT INTO db.other (id, pad) {ROWS}",
               "UPDATE db.other SET pad='imported'")
    with server.connect() as db, db.cursor() as cursor:
        cursor.execute("FLUSH TABLES db.other FOR EXPORT")
        data = {suffix: (server.datadir / "db" / f"other.{suffix}").read_bytes() for suffix in ("ibd", "cfg")}
        cursor.execute("UNLOCK TABLES")
    server.sql("ALTER TABLE db.moved DISCARD TABLESPACE")
    for suffix, text in data.items():
        (server.datadir / "db" / f"moved.{suffix}").write_bytes(text)
    server.sql("ALTER TABLE db.moved IMPORT TABLESPACE", "UPDATE db.moved SET pad='later' WHERE id < 100")


def bulk(server):
    """Sorted and put into pages by several threads, which write no redo for them."""
    server.sql("SET SESSION innodb_ddl_threads=4", "SET SESSION innodb_parallel_read_threads=4",
               "SET SESSION innodb_ddl_buffer_size=262144",
               "CREATE INDEX pad ON db.bulk (pad, id)", "CREATE UNIQUE INDEX again ON db.bulk (id, pad)",
               "ALTER TABLE db.built ENGINE=InnoDB, ALGORITHM=INPLACE", *update("bulk"))


def odd_names_made(server):
    odd_names.make(server, ROWS)


def odd_names_are_told(server, target, backup):
    odd_names.check_stray_file(target)
    said = set(backup["tables_without_lock"]["names"])
    assert {f"db {name}.m {name}" for name in odd_names.NAMES if "ü" not in name} <= said  # for letters it has short forms


KINDS = {
    "compressed": Kind(
        sql(*fill("zip8", "(id INT PRIMARY KEY, pad VARCHAR(200), KEY (pad)) ROW_FORMAT=COMPRESSED"),
            *fill("zip1", f"{COLUMNS} ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=1"),
            *fill("old", f"{COLUMNS} ROW_FORMAT=REDUNDANT")),
        sql(*update("zip8"), *update("zip1"), *update("old"))),
    "page-compressed": Kind(
        sql(*fill("holes", f"{COLUMNS} COMPRESSION='zlib'"), "UPDATE db.holes SET pad=REPEAT('y', 190)",
            *(f"INSERT INTO db.holes SELECT id + {n}, pad FROM db.holes" for n in (4000, 8000, 16000, 32000))),
        sql(*update("holes")), look=holes_are_kept),
    "general": Kind(
        sql("CREATE TABLESPACE g ADD DATAFILE 'g.ibd'", *fill("one", f"{COLUMNS} TABLESPACE g"),
            *fill("two", f"{COLUMNS} TABLESPACE g"), *fill("system", f"{COLUMNS} TABLESPACE innodb_system")),
        sql(*update("one"), *update("system"), "DROP TABLE db.two", *fill("three", f"{COLUMNS} TABLESPACE g"),
            "ALTER TABLESPACE g RENAME TO h")),
    "elsewhere": Kind(away, sql(*update("away"), *update("far")), options=places, maps=("ssd",),
                      look=went_to_the_new_place,
                      restored=lambda server, target: (f"--innodb-directories={server.place}/ssd {target.name}",)),
    "instant": Kind(
        sql(*fill("t"), "ALTER TABLE db.t ADD COLUMN a INT DEFAULT 7 FIRST, ALGORITHM=INSTANT"),
        sql(*update("t"), "ALTER TABLE db.t DROP COLUMN a, ADD COLUMN b INT DEFAULT 8, ALGORITHM=INSTANT",
            "UPDATE db.t SET b=9 WHERE id % 3 = 0", "CREATE INDEX pad ON db.t (pad)")),
    "partitions": Kind(
        sql(*fill("parts", f"{COLUMNS} PARTITION BY RANGE (id) SUBPARTITION BY HASH (id) SUBPARTITIONS 2"
                           " (PARTITION a VALUES LESS THAN (1000), PARTITION b VALUES LESS THAN (3000),"
                           " PARTITION c VALUES LESS THAN (200000))")),
        sql(*update("parts"), "ALTER TABLE db.parts DROP PARTITION b", "ALTER TABLE db.parts TRUNCATE PARTITION a",
            "ALTER TABLE db.parts ADD PARTITION (PARTITION d VALUES LESS THAN MAXVALUE)")),
    "fulltext": Kind(sql(*fill("words", "(id INT PRIMARY KEY, pad VARCHAR(200), FULLTEXT (pad))")),
                     sql(*update("words"), "CREATE FULLTEXT INDEX again ON db.words (pad)")),
    "generated-columns": Kind(
        sql(*fill("made", "(id INT PRIMARY KEY, pad VARCHAR(200), v INT AS (id * 2) VIRTUAL,"
                          " s VARCHAR(40) AS (LEFT(pad, 40)) STORED, KEY (v), KEY (s), KEY words ((UPPER(pad))))")),
        sql(*update("made"), "ALTER TABLE db.made ADD COLUMN w INT AS (id + 1) VIRTUAL, ADD KEY (w)")),
    "spatial": Kind(
        sql("CREATE TABLE db.map (id INT PRIMARY KEY, p POINT NOT NULL SRID 0, SPATIAL INDEX (p))",
            "INSERT INTO db.map SELECT seq, POINT(seq * 7919 % 1009, seq * 104729 % 997) FROM db.numbers"),
        sql("UPDATE db.map SET p=POINT(id % 50, id % 70) WHERE id % 20 = 0", "DELETE FROM db.map WHERE id < 500",
            "INSERT INTO db.map SELECT seq + 10000, POINT(seq % 31, seq % 37) FROM db.numbers",
            "CREATE TABLE db.again LIKE db.map", "INSERT INTO db.again SELECT * FROM db.map",
            "ALTER TABLE db.again DROP INDEX p", "ALTER TABLE db.again ADD SPATIAL INDEX (p)")),
    "bulk-loaded": Kind(
        sql(*fill("bulk"), *(f"INSERT INTO db.bulk SELECT id + {n}, pad FROM db.bulk" for n in (4000, 8000)),
            "CREATE TABLE db.built LIKE db.bulk", "INSERT INTO db.built SELECT * FROM db.bulk"), bulk),
    "odd-names": Kind(odd_names_made, odd_names.change, look=odd_names_are_told),
    "imported": Kind(sql(*fill("moved")), imported, only_last=True),
    "undo-truncation": Kind(
        sql(*fill("big"), "INSERT INTO db.big SELECT id + 10000, pad FROM db.big",
            "SET GLOBAL innodb_monitor_enable='undo_truncate_count'"), undo_shrinks,
        options=lambda place: ("--innodb-max-undo-log-size=10M", "--innodb-purge-rseg-truncate-frequency=1")),
}


@pytest.mark.parametrize("name", KINDS)
def test_kind(place, name):
    kind = KINDS[name]
    server = MySQLServer(place, init=kind.init, options=kind.options(place), programs=mysql_sid()).create()
    kind.before(server)
    server.start()
    server.sql("CREATE DATABASE db", "CREATE TABLE db.numbers (seq INT PRIMARY KEY)", *server.BEFORE_SEQUENCE,
               f"INSERT INTO db.numbers SELECT seq FROM {server.sequence('db', 5000)}")
    kind.create(server)
    server.settle()
    mybak = Mybak(place, server).start()
    load = Load(server, "--tables=0", "--transfers=2")
    taken = [(ledger_floor(server), mybak.backup("full"))]
    kind.change(server)
    taken.append((ledger_floor(server), mybak.backup("incremental")))
    load.stop()
    assert taken[1][1]["kind"] == "incremental"
    truth = Truth.of(server)
    options = server.options
    for i, (floor, backup) in enumerate(taken[1:] if kind.only_last else taken):
        target = place / f"r{i}"
        maps = [w for m in kind.maps for w in ("--map", f"{place}/{m}={place}/{m} {target.name}")]
        mybak.restore(target, backup, *maps)
        kind.look(server, target, backup)
        server.options = ()
        check_restored(truth, target, backup, floor, options=kind.restored(server, target))
        server.options = options


def test_tablespace_out_of_reach(place):
    """The server opens it by its data dictionary; innodb_directories does not lead there."""
    ssd = place / "ssd"
    server = MySQLServer(place, options=(*places(place), f'--innodb-directories="{ssd};/none"'),
                         programs=mysql_sid()).create().start()
    server.sql("CREATE DATABASE db", f"CREATE TABLE db.away {COLUMNS} DATA DIRECTORY='{ssd}'",
               f"CREATE TABLESPACE far ADD DATAFILE '{ssd}/far.ibd'")
    mybak = Mybak(place, server).start()
    backup = mybak.backup("full")
    files = mybak.ctl("--json", "show", "--files", backup["id"], "--repo", mybak.url).json["files"]
    assert {"db/away.ibd", "far.ibd"} <= {f["path"] for f in files}
    server.stop()
    server.options = ()
    server.start()
    assert server.sql("SELECT * FROM db.away") == []
    job = mybak.wait_job(mybak.start_job("full"))
    assert job["state"] == "failed" and job["error"]["kind"] == "refused", job
    assert "ssd/" in job["error"]["message"] and "innodb_directories" in job["error"]["hint"]


@pytest.mark.parametrize("file, name", [("ssd/db/away.ibd", "db/away"), ("ssd/far.ibd", "far"),
                                        ("ssd/more.ibu", "more"), ("source.data/d@002d/t@0020@6570.ibd", "d-/t 数")])
def test_tablespace_that_is_not_seen(place, file, name):
    """The server has the file open, but there is nothing at its path; only a tablespace that
    is discarded may lack its file."""
    server = MySQLServer(place, options=places(place), programs=mysql_sid()).create().start()
    ssd = place / "ssd"
    server.sql("CREATE DATABASE db", "CREATE DATABASE `d-`", f"CREATE TABLE `d-`.`t 数` {COLUMNS}",
               *(f"CREATE TABLE db.{t} {COLUMNS} DATA DIRECTORY='{ssd}'" for t in ("away", "gone")),
               f"CREATE TABLE db.parts {COLUMNS} PARTITION BY HASH (id) PARTITIONS 2",
               f"CREATE TABLESPACE far ADD DATAFILE '{ssd}/far.ibd'", f"CREATE TABLE db.far {COLUMNS} TABLESPACE far",
               f"CREATE UNDO TABLESPACE more ADD DATAFILE '{ssd}/more.ibu'",
               "ALTER TABLE db.gone DISCARD TABLESPACE", "ALTER TABLE db.parts DISCARD PARTITION p1 TABLESPACE")
    mybak = Mybak(place, server).start()
    mybak.backup("full")
    hidden = (place / file).rename(place / "hidden")
    job = mybak.wait_job(mybak.start_job("full"))
    hidden.rename(place / file)
    assert job["state"] == "failed" and job["error"]["kind"] == "refused", job
    assert f"the tablespace {name}, " in job["error"]["message"] and str(place / file) in job["error"]["message"]
    assert "instances.datadir" in job["error"]["hint"]
    mybak.backup("full")


@pytest.mark.parametrize("keys", ["outside", "inside"])
def test_encrypted(place, keys):
    """Tables, redo and undo; the keys are beside the data directory, or in it, from where
    they are not copied."""
    source = place / "source.data"
    where = place / "keyring" if keys == "outside" else source / "keyring"
    server = MySQLServer(place, options=("--innodb-redo-log-encrypt=ON", "--innodb-undo-log-encrypt=ON"),
                         programs=with_keyring(mysql_sid(), place / "sbin", where))
    # Made without the component, which would look for its keys in a directory to be made.
    MySQLServer(place, "plain", programs=mysql_sid(), datadir=source).create()
    server.start()
    server.sql("CREATE DATABASE db", "CREATE TABLE db.numbers (seq INT PRIMARY KEY)", *server.BEFORE_SEQUENCE,
               f"INSERT INTO db.numbers SELECT seq FROM {server.sequence('db', 5000)}",
               *fill("secret", f"{COLUMNS} ENCRYPTION='Y'"),
               *fill("zip", f"{COLUMNS} ROW_FORMAT=COMPRESSED ENCRYPTION='Y'"),
               *fill("squeezed", f"{COLUMNS} COMPRESSION='zlib' ENCRYPTION='Y'"),
               "ALTER TABLESPACE mysql ENCRYPTION='Y'")
    mybak = Mybak(place, server).start()
    load = Load(server, "--tables=0", "--transfers=2")
    taken = [(ledger_floor(server), mybak.backup("full"))]
    server.sql(*update("secret"), *update("zip"), *update("squeezed"), "ALTER INSTANCE ROTATE INNODB MASTER KEY")
    taken.append((ledger_floor(server), mybak.backup("incremental")))
    load.stop()
    assert taken[0][1]["pages"]["unverified"] > 0
    said = [w for w in taken[0][1]["warnings"] if str(where) in w]
    assert bool(said) == (keys == "inside"), said
    truth = Truth.of(server)
    for i, (floor, backup) in enumerate(taken):
        target = place / f"r{i}"
        mybak.restore(target, backup, f"--server-option=--plugin-dir={place}/sbin")
        assert not (target / "keyring").exists()
        check_restored(truth, target, backup, floor)


@pytest.mark.parametrize("how", ["idle", "load"])
def test_encrypted_binlog(place, how):
    """The piece of it that a backup takes decides as one in the clear does."""
    server = MySQLServer(place, options=("--binlog-encryption=ON", "--max-binlog-size=8192",
                                         "--binlog-group-commit-sync-delay=20000"),
                         programs=with_keyring(mysql_sid(), place / "sbin"))
    MySQLServer(place, "plain", programs=mysql_sid(), datadir=server.datadir).create()
    server.start()
    mybak = Mybak(place, server).start()
    load = Load(server, "--tables=0", "--transfers=4")
    if how == "idle":
        load.stop()
    floor = ledger_floor(server)
    backup = mybak.backup("full")
    load.stop()
    target = place / "r"
    mybak.restore(target, backup, f"--server-option=--plugin-dir={place}/sbin")
    copy = MySQLServer(place, "copy", programs=server.programs, datadir=target, binlog=False).start()
    check_bank(copy, floor)
    copy.check_gtid(backup["binlog"]["gtid"])
    if how == "idle":
        assert copy.checksum_tables() == server.checksum_tables()
        refused = mybak.ctl("restore", "--to", place / "closed", "--repo", mybak.url, "--backup", backup["id"],
                            "--server-binary", mysql_sid().mariadbd, expect=None)
        assert refused.code and "keyring component" in refused.err, refused.err
