"""Restores of a MySQL: what recovery leaves and what not, and restores to any transaction
and position, each held against a server to which exactly that prefix was applied without
mybak."""
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

import test_pitr
from harness import Mybak, MySQLServer, mysql_sid, wait_for
from harness.mysql_pitr import GTIDS, OPTIONS, SCHEMA, MySQLMixedLoad, MySQLReference
from test_pitr import CONTINUOUS, archived, restored, two_backups

pytestmark = pytest.mark.mysql


def source_of(place, gtid, *options):
    return MySQLServer(place, options=(*OPTIONS, *GTIDS[gtid], *options), programs=mysql_sid()).create().start()


def state(server):
    """Everything that a replay has to bring back."""
    facts = server.checksum_tables()
    for name, query in {
            "routines": "SELECT routine_schema, routine_name, SHA2(routine_definition, 256), definer FROM"
                        " information_schema.routines WHERE routine_schema IN ('shop', 'other')",
            "triggers": "SELECT trigger_schema, trigger_name, SHA2(action_statement, 256) FROM"
                        " information_schema.triggers WHERE trigger_schema IN ('shop', 'other')",
            "events": "SELECT event_schema, event_name, status, definer FROM information_schema.events",
            "accounts": "SELECT user, host, authentication_string FROM mysql.user",
            "grants": "SELECT user, db, select_priv FROM mysql.db",
            "dynamic grants": "SELECT * FROM mysql.global_grants",
            "gtid_executed": "SELECT REPLACE(@@gtid_executed, '\\n', ''), REPLACE(@@gtid_purged, '\\n', '')",
            "prepared": "XA RECOVER"}.items():
        facts[name] = sorted(server.sql(query))
    return facts


def check_traces(datadir):
    """Nothing is left of the servers that mybak ran on it."""
    assert not [f.name for f in datadir.iterdir() if f.name == "auto.cnf" or f.name.startswith(("#mybak", "mybak"))
                or f.suffix in (".sock", ".pid", ".index", ".lock") or "relay" in f.name]


def compare(*words):
    return test_pitr.compare(*words, state=state, look=check_traces)


@pytest.mark.parametrize("gtid", ["on", "off"])
def test_every_point(place, gtid):
    source = source_of(place, gtid)
    source.sql(*SCHEMA)
    mybak = Mybak(place, source, **CONTINUOUS)
    reference = MySQLReference(source)
    mybak.start()
    load = MySQLMixedLoad(source)
    backups, groups, after = two_backups(mybak, reference, load, 2)
    assert len(after) > 100
    chosen = random.Random(gtid)

    said = compare(place, mybak, reference, "end", ())
    end = restored(place, source, place / "end", "end-again")
    assert end.checksum_tables() == source.checksum_tables()
    end.stop()
    assert said["backup"]["id"] == backups[-1]["id"] and said["replay"]["first_left_out"] is None
    assert said["replay"]["last_applied"]["gtid"] == groups[-1].gtid

    # A backup by itself: what its point says, and not a transaction more.
    b = backups[-1]
    stop = next(g for g in groups if (g.file, g.begin) >= (b["binlog"]["file"], b["binlog"]["position"]))
    compare(place, mybak, reference, "alone", ("--backup", b["id"]), stop)

    if gtid == "on":
        tagged = [g for g in after if g.gtid.count(":") == 2]
        for i, g in enumerate((chosen.choice(after), chosen.choice(tagged))):
            k = groups.index(g)
            stop = groups[k + 1] if k + 1 < len(groups) else None
            said = compare(place, mybak, reference, f"gtid{i}", ("--gtid", g.gtid.upper()), stop)
            assert said["replay"]["last_applied"]["gtid"] == g.gtid
            said = compare(place, mybak, reference, f"before{i}", ("--gtid", g.gtid, "--before"), g)
            assert said["replay"]["first_left_out"]["gtid"] == g.gtid
    g = chosen.choice(after)
    compare(place, mybak, reference, "position", ("--position", f"{g.file}:{g.begin}"), g)
    compare(place, mybak, reference, "inside", ("--position", f"{g.file}:{g.begin + 25}", "--before"), g)

    last = int(chosen.uniform(after[len(after) // 4].time + 1, after[-1].time))
    stop = next(g for g in groups if g.time >= last and g in after)
    text = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(last)) + "Z"
    compare(place, mybak, reference, "time", ("--time", text), stop)
    assert mybak.stop() == 0


@pytest.mark.parametrize("gtid", ["on", "off"])
def test_binlog_decides_prepared(place, gtid):
    """Many transactions are prepared and not yet committed in InnoDB at any moment."""
    source = source_of(place, gtid, "--binlog-group-commit-sync-delay=60000")
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT AUTO_INCREMENT PRIMARY KEY, worker INT, n INT)",
               "XA START 'stays'", "INSERT INTO d.t (worker, n) VALUES (-1, 0)", "XA END 'stays'", "XA PREPARE 'stays'")
    mybak = Mybak(place, source).start()
    load = subprocess.Popen(["/usr/bin/python3", "-c", WRITERS, str(source.socket)])
    place.at_end(load.kill)
    wait_for(lambda: source.value("SELECT COUNT(DISTINCT worker) FROM d.t WHERE worker >= 0") == 30, say="not all write")
    backups = [mybak.backup(kind) for kind in ("full", "incremental", "incremental")]
    load.send_signal(signal.SIGTERM)
    load.wait()
    source.sql("FLUSH BINARY LOGS")
    for b in backups:
        target = place / b["id"]
        mybak.restore(target, b)
        check_traces(target)
        server = restored(place, source, target, f"s-{b['id']}")
        executed, purged = (server.value(f"SELECT REPLACE(@@gtid_{what}, '\\n', '')")
                            for what in ("executed", "purged"))
        assert executed == purged == (b["binlog"]["gtid"] or "").replace("\n", "")
        assert [row[3] for row in server.sql("XA RECOVER")] in (["stays"], [b"stays"])
        rows = dict(server.sql("SELECT worker, COUNT(*) FROM d.t WHERE worker >= 0 GROUP BY worker"))
        last = dict(server.sql("SELECT worker, MAX(n) FROM d.t WHERE worker >= 0 GROUP BY worker"))
        assert rows == last and len(rows) == 30
        # exactly up to the position: what follows fits without a gap and without one twice
        reader = subprocess.Popen([source.programs.binlog, "--no-defaults", "--start-position=%d" %
                                   b["binlog"]["position"], *map(str, source.binlog_files(b["binlog"]["file"]))],
                                  stdout=subprocess.PIPE)
        subprocess.run([source.programs.client, "--no-defaults", "--binary-mode", "--user=root",
                        f"--socket={server.socket}"], stdin=reader.stdout, check=True)
        assert reader.wait() == 0
        assert server.checksum_tables() == source.checksum_tables()
        server.sql("XA COMMIT 'stays'")
        assert not server.complaints()
        server.stop()


WRITERS = """
import pymysql, signal, sys, threading
end = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: end.set())
def write(worker):
    db = pymysql.connect(unix_socket=sys.argv[1], user='root', autocommit=True)
    n = 0
    while not end.is_set():
        n += 1
        db.cursor().execute('INSERT INTO d.t (worker, n) VALUES (%s, %s)', (worker, n))
threads = [threading.Thread(target=write, args=(i,)) for i in range(30)]
[t.start() for t in threads]
while not end.wait(0.2): pass
[t.join() for t in threads]
"""


def test_mistaken_drop_and_kept_server(place):
    source = source_of(place, "on")
    source.sql(*SCHEMA)
    mybak = Mybak(place, source, **CONTINUOUS).start()
    source.sql(*[f"INSERT INTO shop.orders (who, sum) VALUES ('early {i}', {i})" for i in range(20)])
    mybak.backup("full")
    source.sql(*[f"INSERT INTO shop.orders (who, sum) VALUES ('late {i}', {i})" for i in range(20)],
               "CREATE USER late@localhost IDENTIFIED BY 'x'", "FLUSH PRIVILEGES")
    before = source.checksum_tables()
    source.sql("DROP TABLE shop.orders", "INSERT INTO shop.log (what) VALUES ('life goes on')")
    archived(mybak)
    hits = mybak.ctl("--json", "binlog", "find", "--table", "shop.orders", "--repo", mybak.url).json
    assert hits[-1]["what"] == "DROP TABLE"

    # MySQL's programs read this whatever they are told, and what it says wins.
    home = place / "home"
    home.mkdir()
    root = pathlib.Path(source.programs.mariadbd).parents[2]
    subprocess.run([root / "usr/lib64/ld-linux-x86-64.so.2", "--library-path", root / "usr/lib/x86_64-linux-gnu",
                    root / "usr/bin/mysql_config_editor", "set", "--user=somebody"],
                   env={**os.environ, "HOME": str(home)}, check=True)
    assert (home / ".mylogin.cnf").exists()
    said = mybak.ctl("--json", "restore", "--to", place / "undone", "--repo", mybak.url, "--server-binary",
                     source.programs.mariadbd, "--gtid", hits[-1]["gtid"], "--before", "--keep-server",
                     env={"HOME": str(home)}).json
    copy = MySQLServer(place, "kept", datadir=place / "undone", programs=source.programs)
    copy.socket = pathlib.Path(said["socket"])
    assert said["next"][:2] == [f"mysql --socket={copy.socket}", f"mysqladmin --socket={copy.socket} shutdown"]
    assert said["next"][-1] == "systemctl start mysql"
    assert copy.checksum_tables() == before
    assert not [u for u, in copy.sql("SELECT user FROM mysql.user UNION SELECT user FROM mysql.global_grants")
                if u.startswith("mybak-")]
    os.kill(said["server_pid"], signal.SIGTERM)
    wait_for(lambda: not os.path.exists(f"/proc/{said['server_pid']}"), say="the kept server goes on")
    subprocess.run(said["next"][2].split(), check=True)
    assert not copy.socket.parent.exists()
    assert mybak.stop() == 0


def test_no_gtid_is_forgotten(place):
    """MySQL itself forgets that of a transaction on a temporary table behind an XA PREPARE."""
    source = source_of(place, "on")
    source.sql("CREATE DATABASE d", "CREATE TABLE d.t (a INT)")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    with source.connect() as db, db.cursor() as cursor:
        for sql in ("SET SESSION binlog_format=STATEMENT", "CREATE TEMPORARY TABLE d.tmp (a INT) ENGINE=InnoDB"):
            cursor.execute(sql)
        source.sql("XA START 'x'", "INSERT INTO d.t VALUES (1)", "XA END 'x'", "XA PREPARE 'x'")
        cursor.execute("INSERT INTO d.tmp VALUES (1)")
        source.sql("XA COMMIT 'x'")
        cursor.execute("INSERT INTO d.t SELECT a + 1 FROM d.tmp")
    archived(mybak)
    mybak.restore(place / "r")
    server = restored(place, source, place / "r", "r-s")
    for what in ("executed", "purged"):
        assert server.value(f"SELECT @@gtid_{what}") == source.value("SELECT @@gtid_executed")
    assert server.sql("SELECT a FROM d.t ORDER BY a") == [(1,), (2,)]


def test_without_recovery(place):
    """Whoever recovers by himself is told how, and the commands work."""
    source = source_of(place, "on")
    source.sql(*SCHEMA, "INSERT INTO shop.log (what) VALUES ('there')",
               "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=1, SOURCE_USER='r',"
               " SOURCE_LOG_FILE='binlog.000004', SOURCE_LOG_POS=4711")
    mybak = Mybak(place, source).start()
    b = mybak.backup("full")
    target = place / "raw"
    said = mybak.restore(target, b, "--no-recover", "--json").json
    for word in ("--log-bin='#mybak-binlog/binlog'", "--log-bin-index='#mybak-binlog/mybak.index'",
                 "--skip-replica-start"):
        assert word in said["note"], said
    first, sql, shutdown, remove, start, binlogs = said["next"][-6:]
    assert (shutdown, start) == ("mysqladmin shutdown", "systemctl start mysql")
    assert binlogs.startswith("mysqlbinlog ") and binlogs.endswith("| mysql")
    client = f"{source.programs.client} --no-defaults --user=root --socket={place}/first"
    for command in (first.replace("mysqld --user=mysql", f"{source.programs.mariadbd} --no-defaults --user=$(id -un)"
                                  f" {' '.join(source.programs.extra)} --socket={place}/first --pid-file={place}/pid"
                                  f" --log-error={place}/first.log --tmpdir={place}"),
                    sql.replace("mysql", client, 1), f"{client} -e SHUTDOWN",
                    f"while test -e {place}/pid; do sleep 0.1; done", remove):
        subprocess.run(command.replace("/var/lib/mysql", str(target)), shell=True, check=True, timeout=60)
    assert not list(target.glob("#mybak*"))
    server = MySQLServer(place, "raw-s", options=source.options, programs=source.programs, datadir=target)
    server.start()
    assert server.checksum_tables() == source.checksum_tables() and not server.sql("SHOW REPLICA STATUS")
    assert server.value("SELECT REPLACE(@@gtid_executed, '\\n', '')") == b["binlog"]["gtid"].replace("\n", "")
    server.stop()


def test_wrong_programs_are_refused(place):
    source = source_of(place, "on")
    mybak = Mybak(place, source).start()
    mybak.backup("full")
    other = place / "mysqld"
    series, patch = source.series()
    for version, words in (("Ver 9.6.0 for Linux on x86_64", "MySQL 9.6.0"),
                           # the first of a series has none that is older
                           *([(f"Ver {series}.0 for Linux on x86_64", "or later")] if patch else []),
                           ("Ver 10.11.19-MariaDB for Linux", "is MariaDB 10.11.19")):
        other.write_text(f"#!/bin/sh\necho 'mysqld  {version}'\n")
        other.chmod(0o755)
        said = mybak.ctl("restore", "--to", place / "r", "--repo", mybak.url, "--server-binary", other, expect=4)
        assert words in said.err, said
        assert not (place / "r").exists()
    # One that puts something of its own behind our options, as a packager's script may.
    other.write_text(f"#!/bin/sh\n: >{place}/ran\nexec {source.programs.mariadbd} \"$@\" --sort-buffer-size=1M\n")
    mybak.policy["instances"][0]["server_binary"] = str(other)
    mybak.write_policy()
    mybak.ctl("reload")
    said = mybak.ctl("--json", "restore", "--to", place / "r")
    assert (place / "ran").exists()
    assert "newer" not in (said.json["note"] or "")


def test_newer_program_is_told(place):
    """It makes the data its own: the source's own program may not open them any more."""
    source = source_of(place, "on")
    mybak = Mybak(place, source).start()
    mybak.backup("full")
    other = place / "mysqld"
    series, patch = source.series()
    other.write_text(f"#!/bin/sh\ncase \"$*\" in *--version*) echo 'mysqld  Ver {series}.99 for Linux on x86_64'; exit;; esac\n"
                     f"exec {source.programs.mariadbd} \"$@\"\n")
    other.chmod(0o755)
    said = mybak.ctl("--json", "restore", "--to", place / "r", "--repo", mybak.url, "--server-binary", other)
    assert (f"MySQL {series}.99 and the backup of {series}.{patch}: the data are of the newer one now"
            in said.json["note"]), said.json


def test_replica_ends(place):
    """A copy of a replica does not go on by itself, and says where it stood."""
    source = source_of(place, "on")
    source.sql(*SCHEMA, "CREATE USER r@localhost IDENTIFIED BY 'x'", "GRANT REPLICATION SLAVE ON *.* TO r@localhost")
    replica = MySQLServer(place, "replica", options=(*OPTIONS, *GTIDS["on"], "--server-id=2"),
                          programs=source.programs).create().start()
    replica.sql("CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=1, SOURCE_USER='r',"
                " SOURCE_PASSWORD='very secret', SOURCE_LOG_FILE='binlog.000004', SOURCE_LOG_POS=4711",
                "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=1, SOURCE_USER='r',"
                " SOURCE_LOG_FILE='other.000009', SOURCE_LOG_POS=815 FOR CHANNEL 'second'",
                "START REPLICA")
    mybak = Mybak(place, replica).start()
    b = mybak.backup("full")
    target = place / "copy"
    said = mybak.restore(target, b)
    assert "binlog.000004:4711" in said.out + said.err and "other.000009:815" in said.out + said.err, said
    check_traces(target)
    server = MySQLServer(place, "copy-s", options=replica.options, programs=source.programs, datadir=target).start()
    assert not server.sql("SHOW REPLICA STATUS") and not server.complaints()
    assert server.sql("SELECT COUNT(*) FROM mysql.slave_master_info") == [(0,)]
    server.stop()


def test_places_outside(place):
    """Tables, undo and general tablespaces outside the data directory go where a map says,
    and the server finds them there."""
    out, undo, new = (place / name for name in ("out", "undo", "new"))
    for folder in (out, undo):
        folder.mkdir()
    source = MySQLServer(place, init=(f"--innodb-undo-directory={undo}",),
                         options=(*OPTIONS, *GTIDS["on"], f"--innodb-directories={out}"),
                         programs=mysql_sid()).create().start()
    source.sql(*SCHEMA, f"CREATE TABLE shop.far (id INT PRIMARY KEY, v INT) DATA DIRECTORY='{out}'",
               f"CREATE TABLESPACE far ADD DATAFILE '{out}/far.ibd'",
               "CREATE TABLE shop.general (id INT PRIMARY KEY, v INT) TABLESPACE far",
               "INSERT INTO shop.far VALUES (1, 1)", "INSERT INTO shop.general VALUES (1, 1)")
    mybak = Mybak(place, source).start()
    mybak.backup("full")
    source.sql("INSERT INTO shop.far VALUES (2, 2)", "UPDATE shop.general SET v = 2")
    b = mybak.backup("incremental")
    source.stop()  # nobody holds its files: whoever opened them by their old paths would get them
    before = {f: (f.stat().st_mtime_ns, f.read_bytes()) for f in out.rglob("*.ibd")}
    said = mybak.restore(place / "r", b, expect=None)
    assert said.code != 0 and str(out) in said.err  # it needs a map
    target = place / "r"
    said = mybak.restore(target, b, "--map", f"{out}={new}")
    assert f"innodb_directories='{new}'" in said.out + said.err, said
    assert all((f.stat().st_mtime_ns, f.read_bytes()) == was for f, was in before.items()) and len(before) == 2
    check_traces(target)
    server = MySQLServer(place, "far-s", options=(*OPTIONS, *GTIDS["on"], f"--innodb-directories={new}"),
                         programs=source.programs, datadir=target, binlog=False)
    server.start()
    assert not server.complaints()
    assert server.sql("SELECT * FROM shop.far") == [(1, 1), (2, 2)]
    assert server.sql("SELECT * FROM shop.general") == [(1, 2)]
    paths = [p for p, in server.sql("SELECT path FROM information_schema.innodb_datafiles")]
    assert not [p for p in paths if p.startswith((f"{out}/", f"{undo}/"))]
    server.sql("UPDATE shop.far SET v = 3", "UPDATE shop.general SET v = 3")
    assert not server.check_tables()
    server.stop()
