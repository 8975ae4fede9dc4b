"""What a replay on a MySQL does with statements that failed on the source, with tables whose rows
no backup has, and with programs that are too old."""
import contextlib
import os
import pathlib
import signal
import subprocess
import time

import pytest

from harness import Mybak, wait_for
from test_mysql_restore import source_of, state
from test_pitr import CONTINUOUS, archived, differences, restored, some_fail

pytestmark = pytest.mark.mysql


@pytest.mark.parametrize("gtid", ["on", "off"])
def test_statements_that_failed_on_the_source(place, gtid):
    """They fail again; a temporary table that only the source had leaves no hole in gtid_executed."""
    source = source_of(place, gtid)
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.m (i INT PRIMARY KEY) ENGINE=MyISAM",
               "CREATE TABLE shop.t (id INT PRIMARY KEY)")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    with contextlib.closing(source.connect()) as db, db.cursor() as own:
        own.execute("SET binlog_format = STATEMENT")
        own.execute("CREATE TEMPORARY TABLE shop.older (i INT) ENGINE=MyISAM")
        mybak.backup("full")
        codes = some_fail(source, (
            "SET binlog_format = STATEMENT", "INSERT INTO shop.m VALUES (1), (2), (1)", "INSERT INTO shop.t VALUES (1)",
            "FLUSH BINARY LOGS", "INSERT INTO shop.m VALUES (5), (5)", "INSERT INTO shop.t VALUES (2)"))
        assert codes == [1062, 1062]
        own.execute("DROP TEMPORARY TABLE shop.older")
    source.sql("SET SESSION binlog_transaction_compression = ON", "INSERT INTO shop.t VALUES (3)")
    archived(mybak)
    want = state(source)
    said = mybak.ctl("--json", "restore", "--as-root", "--repo", mybak.url, "--server-binary", source.programs.mariadbd,
                     "--to", place / "r", env={"MYSQL_HOST": "127.0.0.1"}).json
    assert said["replay"]["first_left_out"] is None and "gtid_position" not in said["replay"]
    copy = restored(place, source, place / "r", "r-s")
    got = state(copy)
    assert got["gtid_executed"][0][0] == want["gtid_executed"][0][0]
    for facts in (want, got):
        facts.pop("gtid_executed")
    assert not differences(got, want)
    copy.stop()
    assert mybak.stop() == 0


@pytest.mark.parametrize("gtid", ["on", "off"])
def test_tables_in_memory(place, gtid):
    """Changes of these find nothing, in any of the sessions, and all others are checked."""
    source = source_of(place, gtid)
    source.sql("CREATE DATABASE `sh-öp`", "CREATE TABLE `sh-öp`.`se ssion` (id INT PRIMARY KEY, v INT) ENGINE=MEMORY",
               "CREATE TABLE `sh-öp`.t (id INT PRIMARY KEY, v INT)",
               "INSERT INTO `sh-öp`.`se ssion` VALUES (1, 1), (2, 2), (3, 3)", "INSERT INTO `sh-öp`.t VALUES (1, 1)")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    for i in range(2, 5):
        source.sql("UPDATE `sh-öp`.`se ssion` SET v = v + 1", f"INSERT INTO `sh-öp`.t VALUES ({i}, {i})", "BEGIN",
                   "UPDATE `sh-öp`.t SET v = v + 10 WHERE id = 1", "COMMIT",
                   "REPLACE INTO `sh-öp`.`se ssion` VALUES (2, 5), (9, 9)", "FLUSH BINARY LOGS")
    archived(mybak)
    want = source.sql("SELECT * FROM `sh-öp`.t ORDER BY id")
    said = mybak.restore(place / "r", None, "--json").json
    assert "sh-öp.se ssion" in said["note"] and said["replay"]["first_left_out"] is None
    copy = restored(place, source, place / "r", "r-s")
    assert copy.sql("SELECT * FROM `sh-öp`.t ORDER BY id") == want and want[0] == (1, 31)
    copy.stop()

    # The source starts anew, and changes rows again: another session of the replay.
    source.stop()
    source.start()
    source.sql("INSERT INTO `sh-öp`.`se ssion` VALUES (1, 1)")
    mybak.backup("full")
    source.sql("UPDATE `sh-öp`.`se ssion` SET v = 3")
    source.stop()
    source.start()
    source.sql("INSERT INTO `sh-öp`.`se ssion` VALUES (1, 2)", "INSERT INTO `sh-öp`.t VALUES (50, 50)")
    archived(mybak)
    mybak.restore(place / "s")

    # Another table than the backup's: its changes must find their rows.
    with contextlib.closing(source.connect()) as db, db.cursor() as cursor:
        cursor.execute("SET sql_log_bin = 0")
        cursor.execute("INSERT INTO `sh-öp`.t VALUES (100, 100)")
    source.sql("UPDATE `sh-öp`.t SET v = 0 WHERE id = 100", "UPDATE `sh-öp`.`se ssion` SET v = 7")
    archived(mybak)
    said = mybak.restore(place / "m", None, expect=None)
    assert said.code not in (0, 2) and "1032" in said.err and "binlog." in said.err and "at line" not in said.err
    assert ("--gtid" if gtid == "on" else "--position") in said.err
    assert mybak.stop() == 0


def test_client_programs_of_another_server(place):
    """mysqlbinlog and mysql are names of either's: what is not MySQL's is passed over, what is older refused."""
    source = source_of(place, "on")
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY)")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    source.sql("INSERT INTO shop.t VALUES (1)")
    archived(mybak)
    folder = place / "bin"
    folder.mkdir()
    server = folder / "mysqld"
    server.write_text(f"#!/bin/sh\nexec {source.programs.mariadbd} \"$@\"\n")
    series, _ = source.series()
    for text, code, words in (("mysqlbinlog  Ver 9.6.0 for Linux on x86_64", 4,
                               f"is of MySQL 9.6, but the binlogs are of {series}"),
                              ("mysqlbinlog Ver 3.5 for debian-linux-gnu at x86_64", None, "no program mysqlbinlog of MySQL"),
                              ("mysqlbinlog from 11.8.6-MariaDB, client 3.5", None, "no program mysqlbinlog of MySQL")):
        for name in ("mysqlbinlog", "mysql"):
            (folder / name).write_text(f"#!/bin/sh\necho '{text}'\n")
        for program in folder.iterdir():
            program.chmod(0o755)
        said = mybak.ctl("restore", "--as-root", "--repo", mybak.url, "--server-binary", server, "--to", place / "r",
                         expect=code)
        assert words in said.err and said.code not in (0, 2), said
        assert not (place / "r").exists()
    assert mybak.stop() == 0


@pytest.mark.parametrize("gtid", ["on", "off"])
def test_transactions_in_doubt(place, gtid):
    """Prepared before the backup or behind it, and ended behind the point: named, there, and can be ended."""
    source = source_of(place, gtid)
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY)")
    mybak = Mybak(place, source, **CONTINUOUS).start()

    def prepare(xid, row):
        source.sql(f"XA START {xid}", f"INSERT INTO shop.t VALUES ({row})", f"XA END {xid}", f"XA PREPARE {xid}")

    prepare("'older'", 1)
    prepare("'ended'", 2)
    mybak.backup("full")
    prepare("'newer','branch'", 3)
    prepare("'gone'", 4)
    source.sql("XA COMMIT 'ended'", "XA ROLLBACK 'gone'", "INSERT INTO shop.t VALUES (5)")
    at = ":".join(map(str, source.sql("SHOW BINARY LOG STATUS")[0][:2]))
    source.sql("XA COMMIT 'older'", "XA COMMIT 'newer','branch'", "INSERT INTO shop.t VALUES (6)")
    archived(mybak)

    note = mybak.restore(place / "r", None, "--position", at, "--json").json["note"]
    assert "rolled back: 2 (" in note and "'older'" in note and "'newer','branch'" in note, note
    copy = restored(place, source, place / "r", "r-s")
    assert len(copy.sql("XA RECOVER")) == 2
    assert copy.sql("SELECT id FROM shop.t ORDER BY id") == [(2,), (5,)]
    copy.sql("XA COMMIT 'older'", "XA COMMIT 'newer','branch'")
    assert copy.sql("SELECT id FROM shop.t ORDER BY id") == [(1,), (2,), (3,), (5,)]
    copy.stop()

    # The backup itself is the point; and at the end of all nothing is in doubt.
    note = mybak.restore(place / "b", "latest", "--json").json["note"]
    assert all(word in note for word in ("rolled back: 2 (", "'older'", "'ended'")), note
    assert mybak.restore(place / "e", None, "--json").json["note"] is None
    assert mybak.stop() == 0


def test_what_is_no_table(place):
    """Accounts, roles, programs; events do not run meanwhile; what is in no binlog is as in the backup."""
    source = source_of(place, "on")
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    source.sql("CREATE USER a@localhost IDENTIFIED BY 'one' PASSWORD HISTORY 5 ATTRIBUTE '{\"x\": \"y\"}'", "CREATE ROLE reader, writer",
               "GRANT SELECT ON shop.* TO reader", "GRANT INSERT (v) ON shop.t TO writer", "GRANT reader, writer TO a@localhost",
               "SET DEFAULT ROLE reader TO a@localhost", "ALTER USER a@localhost IDENTIFIED BY 'two' RETAIN CURRENT PASSWORD",
               "CREATE USER b@localhost IDENTIFIED BY RANDOM PASSWORD", "GRANT BACKUP_ADMIN ON *.* TO b@localhost",
               "RENAME USER b@localhost TO c@localhost", "REVOKE writer FROM a@localhost",
               "CREATE EVENT shop.e ON SCHEDULE EVERY 1 SECOND DO INSERT INTO shop.t (v) VALUES (-1)",
               "CREATE TRIGGER shop.g BEFORE INSERT ON shop.t FOR EACH ROW SET NEW.v = NEW.v + 1",
               "CREATE PROCEDURE shop.p() INSERT INTO shop.t (v) VALUES (10)", "CALL shop.p()",
               "SET PERSIST max_connections = 77", "INSTALL COMPONENT 'file://component_validate_password'",
               "UNINSTALL COMPONENT 'file://component_validate_password'", "INSTALL PLUGIN clone SONAME 'mysql_clone.so'",
               "CREATE UNDO TABLESPACE more ADD DATAFILE 'more.ibu'", "SET SESSION binlog_format = STATEMENT",
               "INSERT INTO shop.t SELECT 100, SLEEP(3)", "SET SESSION binlog_format = ROW", "CALL shop.p()")
    archived(mybak)
    want = state(source), [source.sql(q) for q in ROLES]
    mybak.restore(place / "r")
    copy = restored(place, source, place / "r", "r-s")
    got = state(copy), [copy.sql(q) for q in ROLES]
    assert want[1] == got[1] and want[0].pop("gtid_executed")[0][0] == got[0].pop("gtid_executed")[0][0]
    assert not differences(got[0], want[0])
    assert copy.value("SELECT @@max_connections") != 77
    assert not copy.sql("SELECT * FROM information_schema.plugins WHERE plugin_name = 'clone'")
    assert not copy.complaints()
    copy.stop()
    assert mybak.stop() == 0


ROLES = ("SELECT * FROM mysql.role_edges ORDER BY to_user, from_user", "SELECT * FROM mysql.default_roles",
         "SELECT user, host, user_attributes, password_reuse_history FROM mysql.user ORDER BY user, host",
         "SELECT user, password FROM mysql.password_history ORDER BY user, password", "SELECT user, column_name FROM mysql.columns_priv")


def accounts_of(server):
    return server.sql("SELECT user FROM mysql.user UNION SELECT user FROM mysql.global_grants"
                      " UNION SELECT user FROM mysql.password_history WHERE user LIKE 'mybak-%%'")


@pytest.mark.parametrize("gtid", ["on", "off"])
def test_replay_that_is_killed(place, gtid):
    """What it leaves is marked as incomplete and taken for nothing else; done again it is whole,
    without the account that the replay ran under."""
    source = source_of(place, gtid)
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY, v INT)")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    source.sql("INSERT INTO shop.t VALUES (1, 0)", "CREATE USER u@localhost", "FLUSH PRIVILEGES",
               "SET SESSION binlog_format = STATEMENT", "INSERT INTO shop.t SELECT 2, SLEEP(4)", "INSERT INTO shop.t VALUES (3, 0)")
    archived(mybak)
    want, target = state(source), place / "r"
    words = mybak.ctl_words("restore", "--to", target, "--repo", mybak.url, "--server-binary", source.programs.mariadbd)
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as restore:
        client = wait_for(lambda: processes_of(f"{target}/#mybak-replay"), say="no replay")
        time.sleep(1)
        assert restore.poll() is None
        restore.kill()
        out, _ = restore.communicate()
    assert restore.returncode == -signal.SIGKILL and "next" not in out and "restored" not in out, out
    wait_for(lambda: not any(alive(p) for p in client), say="the programs of the replay go on")
    wait_for(lambda: not processes_of(str(target)), say="the private server goes on")
    assert [f for f in target.iterdir() if f.name == "mybak-restore.incomplete"]
    said = mybak.restore(target, None, expect=None)
    assert said.code not in (0, 2) and "incomplete" in said.err and "--force" in said.err, said

    mybak.restore(target, None, "--force")
    assert not [f for f in target.iterdir() if "mybak" in f.name]
    copy = restored(place, source, target, "r-s")
    assert not [u for u, in accounts_of(copy) if u.startswith("mybak-")]
    got = state(copy)
    assert got["gtid_executed"][0][0] == want["gtid_executed"][0][0]
    assert copy.sql("SELECT source_uuid FROM mysql.gtid_executed GROUP BY source_uuid") == \
        (source.sql("SELECT @@server_uuid") if gtid == "on" else [])
    for facts in (want, got):
        facts.pop("gtid_executed")
    assert not differences(got, want)
    copy.stop()
    assert mybak.stop() == 0


def processes_of(word):
    """Those that were told it."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            line = pathlib.Path("/proc", pid, "cmdline").read_bytes().decode(errors="replace")
            if word in line and "restore" not in line.split("\0"):
                found.append(int(pid))
    return found


def alive(pid):
    return os.path.exists(f"/proc/{pid}")


def test_table_that_nothing_held_still(place):
    """A row of it that was written while the backup ran and is not in it: every restore tells
    of such tables, and a replay that needs the row says why it ends."""
    source = source_of(place, "on")
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY)",
               "CREATE TABLE shop.bare (id INT PRIMARY KEY, v INT) ENGINE=MyISAM", "INSERT INTO shop.bare VALUES (1, 1)")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    b = mybak.backup("full")
    source.sql("SET SESSION sql_log_bin=OFF", "INSERT INTO shop.bare VALUES (2, 2)")  # between its file and the point
    alone = mybak.restore(place / "alone", b)
    assert "holds 1 of its tables still (shop.bare)" in alone.out and "no replay" not in alone.out
    source.sql("INSERT INTO shop.t VALUES (1)", "INSERT INTO shop.bare VALUES (3, 3)")
    archived(mybak)
    said = mybak.restore(place / "replayed")
    assert "holds 1 of its tables still (shop.bare)" in said.out and "no replay brings them back" in said.out
    copy = restored(place, source, place / "replayed", "copy")
    assert copy.sql("SELECT id FROM shop.bare ORDER BY id") == [(1,), (3,)]
    copy.stop()
    source.sql("UPDATE shop.bare SET v=5 WHERE id=2")
    archived(mybak)
    said = mybak.restore(place / "ends", expect=1)
    assert "1032" in said.err and "shop.bare is held still by no lock" in said.err and "--before" in said.err


def switch(source, modes):
    """gtid_mode one step further, with transactions in each."""
    for mode in modes:
        source.sql(f"SET GLOBAL gtid_mode={mode}", "INSERT INTO shop.t (mode) VALUES (@@GLOBAL.gtid_mode)",
                   "INSERT INTO shop.t (mode) VALUES (@@GLOBAL.gtid_mode)", "FLUSH BINARY LOGS")


@pytest.mark.parametrize("first, modes", [
    ("off", ("OFF_PERMISSIVE", "ON_PERMISSIVE", "ON")),
    ("on", ("ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF")),
], ids=["to on", "to off"])
def test_a_change_of_gtid_mode(place, first, modes):
    """Transactions with and without a GTID are replayed, and gtid_executed is the source's at the point."""
    source = source_of(place, first)
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT AUTO_INCREMENT PRIMARY KEY, mode VARCHAR(20))")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    # What only a server may do that does not enforce it.
    source.sql("CREATE TABLE shop.m (i INT) ENGINE=MyISAM", "BEGIN", "INSERT INTO shop.t (mode) VALUES ('mixed')",
               *(("INSERT INTO shop.m VALUES (1)",) if first == "off" else ()), "COMMIT",
               "SET GLOBAL enforce_gtid_consistency=ON")
    switch(source, modes[:-1])
    archived(mybak)
    between = state(source)
    at = ":".join(map(str, source.sql("SHOW BINARY LOG STATUS")[0][:2]))
    switch(source, modes[-1:])
    source.sql("INSERT INTO shop.t (mode) VALUES ('end')")
    archived(mybak)
    for name, words, want in (("middle", ("--position", at), between), ("end", (), state(source))):
        mybak.restore(place / name, None, *words)
        copy = restored(place, source, place / name, f"{name}-s")
        got = state(copy)
        assert got["gtid_executed"][0] == 2 * (want["gtid_executed"][0][0],) and want["gtid_executed"][0][0]
        assert not differences({**got, "gtid_executed": None}, {**want, "gtid_executed": None})
        copy.stop()
    assert mybak.stop() == 0
