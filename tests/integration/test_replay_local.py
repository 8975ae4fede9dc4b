"""Statements that name what is the source's own: files of other disks, keys, what LOAD DATA
read.  A replay writes nowhere but into the new data directory."""
import os

import pytest

from harness import MARIADB, Mybak, MySQLServer, Server, mariadb_11_8, mysql_sid, with_keyring
from harness.mysql_pitr import GTIDS, OPTIONS
from harness.pitr import OPTIONS as MARIADB_OPTIONS
from test_pitr import CONTINUOUS, archived, restored, some_fail

MYSQL = pytest.param("mysql", marks=pytest.mark.mysql)


def server_of(place, name, *options, programs=None):
    if name == "mysql":
        return MySQLServer(place, options=(*OPTIONS, *GTIDS["on"], *options),
                           programs=programs or mysql_sid()).create().start()
    return Server(place, options=(*MARIADB_OPTIONS, "--log-bin-compress=ON", "--log-bin-compress-min-len=20", *options),
                  programs=MARIADB if name == "mariadb-10.11" else mariadb_11_8()).create().start()


def files_of(*folders):
    """What is below them, told from what is made anew under the same name."""
    found = {}
    for folder in folders:
        for root, dirs, names in os.walk(folder):
            for n in dirs + names:
                path = os.path.join(root, n)
                found[path] = os.stat(path).st_ino
    return found


def modes(server):
    return sorted(server.sql("SELECT routine_name, sql_mode FROM information_schema.routines WHERE routine_schema='shop'"))


@pytest.mark.parametrize("name", ["mariadb-10.11", "mariadb-11.8", MYSQL])
def test_directories_of_the_source(place, name):
    """Tables come into the new data directory, and the source keeps what is its own, also where it
    has none of it any more."""
    out = place / "out"
    out.mkdir()
    source = server_of(place, name, *([f"--innodb-directories={out}"] if name == "mysql" else []))
    options = [o for o in source.options if "directories" not in o]
    where = f"DATA DIRECTORY='{out}'"
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY)")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    source.sql(f"/* far */ CREATE TABLE shop.far (id INT PRIMARY KEY, at DATE NOT NULL DEFAULT '2026-01-01') {where}",
               "CREATE PROCEDURE shop.p() INSERT INTO shop.t VALUES (1)",
               "INSERT INTO shop.far (id) VALUES (1), (2)", "FLUSH BINARY LOGS",
               "CREATE TABLE shop.parts (id INT PRIMARY KEY) /*!50100 PARTITION BY RANGE (id)"
               f" (PARTITION a VALUES LESS THAN (10) {where}, PARTITION b VALUES LESS THAN (20)) */",
               f"ALTER TABLE shop.parts ADD PARTITION (PARTITION c VALUES LESS THAN (30) {where})",
               "INSERT INTO shop.parts VALUES (1), (11), (21)",
               f"CREATE TABLE shop.chosen {where} AS SELECT id FROM shop.far",
               f"CREATE TABLE shop.old (id INT) ENGINE=MyISAM {where} INDEX DIRECTORY='{out}'",
               "INSERT INTO shop.old VALUES (7)")
    if name == "mysql":
        source.sql(f"CREATE TABLESPACE `od'd` ADD DATAFILE '{out}/odd.ibd' ENGINE=InnoDB",
                   "CREATE TABLESPACE near ADD DATAFILE 'near.ibd'",
                   "CREATE TABLE shop.general (id INT PRIMARY KEY) TABLESPACE `od'd`",
                   "INSERT INTO shop.general VALUES (5)", f"CREATE UNDO TABLESPACE u ADD DATAFILE '{out}/u.ibu'",
                   "SET SESSION binlog_transaction_compression = ON",
                   f"CREATE TABLE shop.packed {where} AS SELECT id FROM shop.far")
    else:
        source.sql("SET STATEMENT max_statement_time=100 FOR CREATE TABLE shop.limited (id INT PRIMARY KEY)"
                   f" {where}", "INSERT INTO shop.limited VALUES (3)")
    archived(mybak)
    want, here = (source.checksum_tables(), modes(source)), files_of(out)
    assert here
    said = mybak.restore(place / "r", None, "--json").json
    assert files_of(out) == here and str(out) in said["note"], said["note"]
    source.options = options  # a copy does not look there for its files
    copy = restored(place, source, place / "r", "r-s")
    assert (copy.checksum_tables(), modes(copy)) == want
    assert not copy.complaints()
    copy.stop()
    assert files_of(out) == here

    point = source.binlog_end()
    source.sql("DROP DATABASE shop", *(["DROP TABLESPACE `od'd`"] if name == "mysql" else []))
    archived(mybak)
    here = files_of(out)
    mybak.restore(place / "s", None, "--position", "%s:%d" % point)
    assert files_of(out) == here
    copy = restored(place, source, place / "s", "s-s")
    assert (copy.checksum_tables(), modes(copy)) == want
    copy.stop()
    assert mybak.stop() == 0


@pytest.mark.parametrize("name", ["mariadb-10.11", "mariadb-11.8", MYSQL])
def test_load_data_that_failed(place, name):
    """Half of its rows are there, and no replay ends with that half: refused before anything is
    written, with what can be had."""
    source = server_of(place, name)
    rows = place / "rows"
    rows.write_text("1\n2\n3\n2\n4\n")
    rows.chmod(0o644)
    load = f"LOAD DATA INFILE '{rows}'"
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.m (id INT PRIMARY KEY) ENGINE=MyISAM",
               "CREATE TABLE shop.t (id INT PRIMARY KEY)")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    # What leaves nothing of itself, or ends well, is no hindrance.
    codes = some_fail(source, ("SET binlog_format = STATEMENT", f"{load} INTO TABLE shop.t", "INSERT INTO shop.t VALUES (8)",
                               f"{load} IGNORE INTO TABLE shop.m", f"{load} REPLACE INTO TABLE shop.m",
                               f"LOAD DATA LOCAL INFILE '{rows}' INTO TABLE shop.t", "DELETE FROM shop.m WHERE id > 1",
                               "INSERT INTO shop.m VALUES (9)"))
    assert codes[0] == 1062
    archived(mybak)
    want = source.checksum_tables()
    mybak.restore(place / "whole")
    codes = some_fail(source, ("SET binlog_format = STATEMENT", "DELETE FROM shop.m WHERE id = 1", f"{load} INTO TABLE shop.m"))
    assert codes == [1062] and source.sql("SELECT id FROM shop.m ORDER BY id") == [(1,), (2,), (3,), (9,)]
    source.sql("INSERT INTO shop.t VALUES (100)")
    archived(mybak)
    said = mybak.restore(place / "r", None, expect=4)
    assert "1062" in said.err and "cannot be replayed" in said.err and not (place / "r").exists(), said
    words = said.err[said.err.index("--gtid"):].split()[:3]
    assert words[2] == "--before"
    mybak.restore(place / "before", None, *words)
    for target in ("whole", "before"):
        copy = restored(place, source, place / target, f"{target}-s")
        got = copy.checksum_tables()
        assert got == want if target == "whole" else copy.sql("SELECT id FROM shop.m") == [(9,)]
        copy.stop()
    mybak.backup("full")
    mybak.restore(place / "later")
    assert mybak.stop() == 0


def with_client_beside(place):
    programs = with_keyring(mysql_sid(), place / "bin")
    for program in (programs.binlog, programs.client):
        (place / "bin" / os.path.basename(program)).symlink_to(program)
    return programs


@pytest.mark.mysql
@pytest.mark.parametrize("keys", ["none", "there"])
def test_master_key_of_the_source(place, keys):
    """A replay makes no key: the keyring may be the source's, which runs and knows of no other writer."""
    programs = with_client_beside(place)
    logs = ("--innodb-redo-log-encrypt=ON", "--innodb-undo-log-encrypt=ON") if keys == "there" else ()
    source = server_of(place, "mysql", *logs, programs=programs)
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY)")
    if keys == "there":
        source.sql("CREATE TABLE shop.secret (id INT PRIMARY KEY) ENCRYPTION='Y'", "INSERT INTO shop.secret VALUES (1)")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    source.sql("INSERT INTO shop.t VALUES (1)", "ALTER INSTANCE ROTATE INNODB MASTER KEY", "INSERT INTO shop.t VALUES (2)",
               "ALTER INSTANCE RELOAD KEYRING")
    if keys == "there":
        source.sql("INSERT INTO shop.secret VALUES (2)", "CREATE TABLE shop.more (id INT PRIMARY KEY) ENCRYPTION='Y'",
                   "INSERT INTO shop.more VALUES (3)")
    archived(mybak)
    want, keyring = source.checksum_tables(), (place / "bin" / "keyring").read_bytes()
    executed = source.value("SELECT @@gtid_executed")
    binary = programs.mariadbd if keys == "there" else mysql_sid().mariadbd
    said = mybak.ctl("--json", "restore", "--repo", mybak.url, "--server-binary", binary, "--to", place / "r",
                     *([f"--server-option=--plugin-dir={place}/bin"] if keys == "there" else [])).json
    assert "master key" in said["note"]
    assert (place / "bin" / "keyring").read_bytes() == keyring
    copy = restored(place, source, place / "r", "r-s")
    assert copy.checksum_tables() == want
    copy.check_gtid(executed)
    copy.sql("ALTER INSTANCE ROTATE INNODB MASTER KEY")
    copy.stop()
    assert mybak.stop() == 0


@pytest.mark.mysql
def test_first_key_behind_the_backup(place):
    """The replay cannot do without one of its own, in a file the source writes too: what saves it is said."""
    programs = with_client_beside(place)
    source = server_of(place, "mysql", programs=programs)
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY)")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    source.sql("CREATE TABLE shop.secret (id INT PRIMARY KEY) ENCRYPTION='Y'", "INSERT INTO shop.secret VALUES (3)")
    archived(mybak)
    said = mybak.restore(place / "r", None, "--json", f"--server-option=--plugin-dir={place}/bin").json
    assert "INNODBKey-" in said["note"] and "ALTER INSTANCE RELOAD KEYRING" in said["note"]
    source.sql("ALTER INSTANCE RELOAD KEYRING", "ALTER INSTANCE ROTATE INNODB MASTER KEY")
    copy = restored(place, source, place / "r", "r-s")
    assert copy.sql("SELECT id FROM shop.secret") == [(3,)]
    copy.stop()
    assert mybak.stop() == 0
