"""Every kind of tablespace and name a data directory can hold, changed between a full and an
incremental backup under load, both restored and held against the source."""
import dataclasses
import os
import typing

import pytest

from harness import Load, Mybak, Server, Truth, check_restored, odd_names, wait_for
from harness.load import ledger_floor

ROWS = "SELECT seq id, CONCAT(MD5(seq), REPEAT('x', 150)) pad FROM db.seq_1_to_4000"


@dataclasses.dataclass
class Kind:
    create: typing.Callable  # server -> None, before the full backup
    change: typing.Callable  # server -> None, before the incremental
    init: tuple = ()
    options: tuple = ()
    ready: typing.Callable = None  # place -> options that need a folder
    restore: typing.Callable = lambda place: ()
    look: typing.Callable = lambda server, target: None  # at the restored files


def sql(*statements):
    return lambda server: server.sql(*statements)


def fill(table, how="(id INT PRIMARY KEY, pad VARCHAR(200))"):
    return f"CREATE TABLE db.{table} {how}", f"INSERT INTO db.{table} (id, pad) {ROWS}"


def update(table):
    return (f"UPDATE db.{table} SET pad=REVERSE(pad) WHERE id % 50 = 0",
            f"DELETE FROM db.{table} WHERE id BETWEEN 1000 AND 1500",
            f"INSERT INTO db.{table} (id, pad) SELECT seq, SHA1(seq) FROM db.seq_100000_to_100500")


def blocks(path):
    return os.stat(path).st_blocks * 512


def holes_are_kept(server, target):
    source, copy = (folder / "db" / "holes.ibd" for folder in (server.datadir, target))
    server.settle()  # holes are made when pages are written
    if blocks(source) > 0.8 * source.stat().st_size:
        pytest.skip("this file system makes no holes for page_compressed")
    assert blocks(copy) < 0.9 * copy.stat().st_size


def key_file(place):
    (place / "keys").write_text("1;a7addd9adea9978fda19f21e6be987880e68ac92632ca052e5bb42b1a506939a\n"
                                "2;49c16acc2dffe616710c9ba9a10b94944a737de1beccb52dc1560abfdd67388b\n")
    return ("--plugin-load-add=file_key_management", f"--file-key-management-filename={place}/keys",
            "--innodb-encrypt-tables=ON", "--innodb-encrypt-log=ON", "--innodb-encryption-threads=1",
            "--aria-encrypt-tables=ON")


def key_options(place):
    return ["--server-option=--plugin-load-add=file_key_management",
            f"--server-option=--file-key-management-filename={place}/keys"]


def elsewhere(server, far_name="far 100%"):
    folder, far = server.place / "else where", server.place / far_name
    folder.mkdir()
    far.mkdir()
    server.sql(f"CREATE TABLE db.away (id INT PRIMARY KEY, pad VARCHAR(200)) DATA DIRECTORY='{folder}'",
               f"INSERT INTO db.away (id, pad) {ROWS}",
               "CREATE TABLE db.parts (id INT PRIMARY KEY, pad VARCHAR(200)) PARTITION BY RANGE (id)"
               f" (PARTITION p0 VALUES LESS THAN (2000) DATA DIRECTORY='{far}',"
               "  PARTITION p1 VALUES LESS THAN MAXVALUE)",
               f"INSERT INTO db.parts (id, pad) {ROWS}")


def went_to_the_new_place(server, target):
    assert (server.place / f"new {target.name}" / "db" / "away.ibd").exists()
    assert list((server.place / f"far {target.name}" / "db").glob("*.ibd"))
    links = {link.name: link.read_bytes() for link in target.rglob("*.isl")}
    assert links and all(target.name.encode() in text for text in links.values()), \
        f"these still lead to the live server's files: {links}"


def odd_names_made(server):
    odd_names.make(server, ROWS)


def stray_file_is_there(server, target):
    odd_names.check_stray_file(target)


def undo_grows(server):
    server.sql("CREATE TABLE db.big (id INT PRIMARY KEY, pad VARCHAR(200))",
               f"INSERT INTO db.big (id, pad) {ROWS}",
               "INSERT INTO db.big SELECT id + 10000, pad FROM db.big")


def undo_shrinks(server):
    """Write undo until the server has cut an undo tablespace."""
    def cut():
        server.sql("UPDATE db.big SET pad=REVERSE(pad)")
        return server.status("Innodb_undo_truncations")
    wait_for(cut, 120, say="no undo tablespace was truncated")


KINDS = {
    "compressed": Kind(
        sql(*fill("zip8", "(id INT PRIMARY KEY, pad VARCHAR(200), KEY (pad)) ROW_FORMAT=COMPRESSED"),
            *fill("zip1", "(id INT PRIMARY KEY, pad VARCHAR(200)) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=1"),
            *fill("old", "(id INT PRIMARY KEY, pad VARCHAR(200)) ROW_FORMAT=REDUNDANT")),
        sql(*update("zip8"), *update("zip1"), *update("old"))),
    "page-compressed": Kind(
        sql(*fill("holes", "(id INT PRIMARY KEY, pad VARCHAR(200)) PAGE_COMPRESSED=1")),
        sql(*update("holes")), look=holes_are_kept),
    "page-compressed-legacy": Kind(
        sql(*fill("holes", "(id INT PRIMARY KEY, pad VARCHAR(200)) PAGE_COMPRESSED=1")),
        sql(*update("holes")), look=holes_are_kept, init=("--innodb-checksum-algorithm=crc32",)),
    "legacy-checksums": Kind(
        sql(*fill("plain"), *fill("zip", "(id INT PRIMARY KEY, pad VARCHAR(200)) ROW_FORMAT=COMPRESSED")),
        sql(*update("plain"), *update("zip")), init=("--innodb-checksum-algorithm=crc32",)),
    "encrypted": Kind(
        sql(*fill("secret"), *fill("other", "(id INT PRIMARY KEY, pad VARCHAR(200)) ENCRYPTION_KEY_ID=2"),
            *fill("zip", "(id INT PRIMARY KEY, pad VARCHAR(200)) ROW_FORMAT=COMPRESSED")),
        sql(*update("secret"), *update("other"), *update("zip")), ready=key_file, restore=key_options),
    "partitions": Kind(
        sql(*fill("parts", "(id INT PRIMARY KEY, pad VARCHAR(200)) PARTITION BY RANGE (id)"
                           " SUBPARTITION BY HASH (id) SUBPARTITIONS 2 (PARTITION a VALUES LESS THAN (1000),"
                           " PARTITION b VALUES LESS THAN (3000), PARTITION c VALUES LESS THAN (200000))")),
        sql(*update("parts"), "ALTER TABLE db.parts DROP PARTITION b",
            "ALTER TABLE db.parts ADD PARTITION (PARTITION d VALUES LESS THAN MAXVALUE)",
            "ALTER TABLE db.parts TRUNCATE PARTITION a")),
    "generated-columns": Kind(
        sql(*fill("made", "(id INT PRIMARY KEY, pad VARCHAR(200), v INT AS (id * 2) VIRTUAL,"
                          " s VARCHAR(40) AS (LEFT(pad, 40)) STORED, KEY (v), KEY (s))")),
        sql(*update("made"))),
    "fulltext": Kind(
        sql(*fill("words", "(id INT PRIMARY KEY, pad VARCHAR(200), FULLTEXT (pad))")),
        sql(*update("words"), "CREATE FULLTEXT INDEX again ON db.words (pad)")),
    "undo-truncation": Kind(
        undo_grows, undo_shrinks, init=("--innodb-undo-tablespaces=3",),
        options=("--innodb-undo-log-truncate=ON", "--innodb-max-undo-log-size=10M",
                 "--innodb-purge-rseg-truncate-frequency=1")),
    "data-directory": Kind(
        elsewhere, sql(*update("away"), *update("parts")), look=went_to_the_new_place),
    "data-directory-newline": Kind(
        lambda server: elsewhere(server, "far\n100%"), sql(*update("away"), *update("parts")),
        look=went_to_the_new_place),
    "odd-names": Kind(odd_names_made, odd_names.change, look=stray_file_is_there),
}


def map_of(server, target):
    if not (server.place / "else where").exists():
        return []
    return ["--map", f"{server.place}/else where={server.place}/new {target.name}",
            "--map", f"{next(server.place.path.glob('far?100%'))}={server.place}/far {target.name}"]


@pytest.mark.parametrize("name", KINDS)
def test_kind(place, name):
    kind = KINDS[name]
    options = kind.ready(place) if kind.ready else ()
    server = Server(place, init=kind.init, options=(*kind.options, *options)).create().start()
    server.sql("CREATE DATABASE db")
    kind.create(server)
    server.settle()
    mybak = Mybak(place, server).start()
    load = Load(server, "--transfers=2")
    taken = [(ledger_floor(server), mybak.backup("full"))]
    kind.change(server)
    taken.append((ledger_floor(server), mybak.backup("incremental")))
    load.stop()
    assert taken[1][1]["kind"] == "incremental"
    truth = Truth.of(server)
    for i, (floor, backup) in enumerate(taken):
        target = place / f"r{i}"
        mybak.restore(target, backup, *map_of(server, target), *kind.restore(place))
        kind.look(server, target)
        check_restored(truth, target, backup, floor)


def test_data_directory_needs_a_map(place):
    """Without --map nothing is written: neither into the target nor over the live table."""
    server = Server(place).create().start()
    server.sql("CREATE DATABASE db")
    elsewhere(server)
    mybak = Mybak(place, server).start()
    mybak.backup("full")
    said = mybak.restore(place / "r", expect=2)
    assert "--map" in said.err and "else where" in said.err
    assert not (place / "r").exists() or not list((place / "r").iterdir())


@pytest.mark.parametrize("engine, link, file", [("InnoDB", "db/away.isl", "db/away.ibd"), ("MyISAM", "db/away.MYD", "")])
def test_table_that_is_not_seen(place, engine, link, file):
    """A link that leads nowhere: the server has the file open, but we would not have it.  That
    of a discarded tablespace is gone."""
    server = Server(place).create().start()
    (place / "ssd").mkdir()
    server.sql("CREATE DATABASE db",
               f"CREATE TABLE db.away (id INT PRIMARY KEY) ENGINE={engine} DATA DIRECTORY='{place}/ssd'",
               f"CREATE TABLE db.gone (id INT PRIMARY KEY) DATA DIRECTORY='{place}/ssd'",
               "ALTER TABLE db.gone DISCARD TABLESPACE")
    mybak = Mybak(place, server).start()
    mybak.backup("full")
    (place / "ssd").rename(place / "hidden")
    job = mybak.wait_job(mybak.start_job("full"))
    (place / "hidden").rename(place / "ssd")
    assert job["state"] == "failed" and job["error"]["kind"] == "refused", job
    assert str(server.datadir / link) in job["error"]["message"] and file in job["error"]["message"]
    mybak.backup("full")
