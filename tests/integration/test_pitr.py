"""Restores to any second, transaction and position, each held against a server to which
exactly that prefix was applied without mybak."""
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import time

import pymysql
import pytest

from harness import MARIADB, Mybak, Server, mariadb_11_8, wait_for
from harness.pitr import OPTIONS, SCHEMA, MixedLoad, Reference

CONTINUOUS = {"schedule": {"binlog": "continuous"}}


def state(server):
    """Everything that a replay has to bring back."""
    facts = {t: c for t, c in server.checksum_tables().items()}
    for name, query in {
            "routines": "SELECT routine_schema, routine_name, MD5(routine_definition), definer FROM"
                        " information_schema.routines WHERE routine_schema IN ('shop', 'other')",
            "triggers": "SELECT trigger_schema, trigger_name, MD5(action_statement) FROM"
                        " information_schema.triggers WHERE trigger_schema IN ('shop', 'other')",
            "events": "SELECT db, name, status FROM mysql.event",
            "accounts": "SELECT user, host, JSON_VALUE(priv, '$.authentication_string') FROM mysql.global_priv"
                        " WHERE user LIKE 'u%'",
            "grants": "SELECT user, db, select_priv FROM mysql.db WHERE user LIKE 'u%'",
            "prepared": "XA RECOVER"}.items():
        facts[name] = sorted(server.sql(query))
    return facts


def differences(a, b):
    return [k for k in a.keys() | b.keys() if a.get(k) != b.get(k)]


def restored(place, source, datadir, name):
    return type(source)(place, name, init=source.init, options=source.options, programs=source.programs,
                        datadir=datadir, binlog=False).start()


def compare(place, mybak, reference, name, words, *applied, state=state, look=lambda target: None):
    """Restore with these words; the JSON it printed."""
    target = place / name
    said = mybak.restore(target, None, *words, "--json").json
    look(target)
    got = restored(place, mybak.server, target, f"{name}-s")
    want = reference.server(f"{name}-r", *applied)
    ours, theirs = state(got), state(want)
    different = differences(ours, theirs)
    assert not different, [words, *((k, ours.get(k), theirs.get(k)) for k in different)]
    assert not got.complaints()
    for server in (got, want):
        server.stop()
    return said


def archived(mybak):
    """Everything up to now is in the archive."""
    job = mybak.wait_job(mybak.start_job("binlog"), 60)
    assert job["state"] == "done", job
    return job


def two_backups(mybak, reference, load, pause):
    """A full and an incremental while the load goes on, then all is archived: the backups, all groups, those behind
    the full."""
    time.sleep(1.5)
    for kind in ("full", "incremental"):
        with load.quiet:
            mybak.backup(kind)
        time.sleep(pause)
    load.stop()
    assert "archived" in archived(mybak)["note"]
    backups, groups = mybak.list(), reference.groups()
    begin = (backups[0]["binlog"]["file"], backups[0]["binlog"]["position"])
    return backups, groups, [g for g in groups if (g.file, g.begin) >= begin]


def text_of(seconds):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds)) + "Z"


@pytest.mark.parametrize("name", ["mariadb-10.11", pytest.param("mariadb-11.8", marks=pytest.mark.long)])
def test_every_point(place, name):
    programs = MARIADB if name == "mariadb-10.11" else mariadb_11_8()
    source = Server(place, options=(*OPTIONS, "--log-bin-compress=ON", "--log-bin-compress-min-len=20"),
                    programs=programs).create().start()
    source.sql(*SCHEMA)
    mybak = Mybak(place, source, **CONTINUOUS)
    reference = Reference(source)
    mybak.start()
    load = MixedLoad(source)
    backups, groups, after = two_backups(mybak, reference, load, 3)
    assert len(after) > 200
    chosen = random.Random(name)

    said = compare(place, mybak, reference, "end", ())
    assert said["backup"]["id"] == backups[-1]["id"] and said["replay"]["first_left_out"] is None
    assert said["replay"]["last_applied"]["gtid"] == groups[-1].gtid

    for i in range(2):
        g = chosen.choice(after)
        k = groups.index(g)
        stop = groups[k + 1] if k + 1 < len(groups) else None
        said = compare(place, mybak, reference, f"gtid{i}", ("--gtid", g.gtid), stop)
        assert said["replay"]["last_applied"]["gtid"] == g.gtid
        said = compare(place, mybak, reference, f"before{i}", ("--gtid", g.gtid, "--before"), g)
        assert said["replay"]["first_left_out"] == {
            "gtid": g.gtid, "time": text_of(g.time).replace(" ", "T"), "file": g.file, "position": g.begin}

    g = chosen.choice(after)
    compare(place, mybak, reference, "position", ("--position", f"{g.file}:{g.begin}"), g)
    compare(place, mybak, reference, "inside", ("--position", f"{g.file}:{g.begin + 25}", "--before"), g)
    said = mybak.restore(place / "no", None, "--position", f"{g.file}:{g.begin + 25}", expect=2)
    assert g.gtid in said.err and "--before" in said.err

    # A second: what was committed in it or later is left out.
    last = int(chosen.uniform(after[len(after) // 4].time + 1, after[-1].time))
    stop = next(g for g in groups if g.time >= last and g in after)
    said = compare(place, mybak, reference, "time", ("--time", text_of(last)), stop)
    assert said["replay"]["first_left_out"]["gtid"] == stop.gtid

    # Local time, and from an older backup than the best one.
    local = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(after[-1].time + 3600 * 5 + 1800))
    target = place / "local"
    said = mybak.ctl("--json", "restore", "--to", target, "--repo", mybak.url, "--time", local, "--backup",
                     backups[0]["id"], "--server-binary", programs.mariadbd, env={"TZ": "XYZ-5:30"}).json
    assert said["backup"]["id"] == backups[0]["id"] and "XYZ" in said["replay"]["target"]
    stop = next(g for g in after if g.time >= after[-1].time)
    assert said["replay"]["first_left_out"]["gtid"] == stop.gtid
    assert mybak.stop() == 0


def test_encrypted_and_big(place):
    """Encrypted binlogs, another GTID domain, and a transaction of 40 MB that a restore begins before,
    ends before and ends with."""
    keys = place / "keys"
    keys.write_text("1;" + "a7" * 32 + "\n")
    source = Server(place, options=(*OPTIONS, "--plugin-load-add=file_key_management", "--encrypt-binlog=ON",
                                    f"--file-key-management-filename={keys}", "--gtid-strict-mode=ON")).create().start()
    source.sql(*SCHEMA, "CREATE TABLE shop.big (id INT AUTO_INCREMENT PRIMARY KEY, v LONGBLOB)")
    mybak = Mybak(place, source, **CONTINUOUS)
    reference = Reference(source, remote=True)
    mybak.start()
    mybak.backup("full")
    load = MixedLoad(source)
    time.sleep(1)
    source.sql("FLUSH BINARY LOGS", "SET SESSION gtid_domain_id = 5", "BEGIN",
               *["INSERT INTO shop.big (v) VALUES (REPEAT('abc', 4000000))"] * 2,
               *["INSERT INTO shop.big (v) VALUES (REPEAT('abcd', 250000))"] * 17, "COMMIT")
    time.sleep(0.5)
    load.stop()
    archived(mybak)
    assert b"REPEAT" not in reference.files()[-1].read_bytes() and b"abcabc" not in reference.files()[-1].read_bytes()
    groups = reference.groups()
    big, = [g for g in groups if g.gtid.startswith("5-")]
    after = groups[groups.index(big) + 1]
    assert big.end - big.begin > 40_000_000
    said = compare(place, mybak, reference, "end", ())
    assert said["replay"]["last_applied"]["gtid"] == groups[-1].gtid
    compare(place, mybak, reference, "before", ("--gtid", big.gtid, "--before"), big)
    compare(place, mybak, reference, "with", ("--gtid", big.gtid), after)
    compare(place, mybak, reference, "position", ("--position", f"{after.file}:{after.begin}"), after)
    assert mybak.stop() == 0


@pytest.mark.parametrize("name", ["mariadb-10.11", "mariadb-11.8"])
def test_domains_beside_temporary_tables(place, name):
    """Sessions of several GTID domains, one of which has a temporary table meanwhile; and rows of an engine
    that hands them out as they lie there, so that they must come to lie as on the source."""
    programs = MARIADB if name == "mariadb-10.11" else mariadb_11_8()
    source = Server(place, options=(*OPTIONS, "--gtid-strict-mode=ON"), programs=programs).create().start()
    source.sql(*SCHEMA, "CREATE TABLE shop.heap (a INT) ENGINE=MyISAM", "CREATE TABLE shop.seen (a TEXT)")
    mybak = Mybak(place, source, **CONTINUOUS)
    reference = Reference(source)
    mybak.start()
    mybak.backup("full")
    with contextlib.closing(source.connect()) as db, db.cursor() as c:
        for statement in ("SET SESSION binlog_format=STATEMENT", "CREATE TEMPORARY TABLE other.tmp (a INT) ENGINE=MEMORY",
                          "INSERT INTO other.tmp VALUES (1), (2), (3)", "DELETE FROM other.tmp",
                          "INSERT INTO other.tmp VALUES (4), (5), (6)"):
            c.execute(statement)
        source.sql("SET SESSION gtid_domain_id=5", "INSERT INTO shop.plain (v) VALUES ('five')",
                   "SET SESSION binlog_format=STATEMENT", "INSERT INTO shop.heap VALUES (1), (2), (3)",
                   "DELETE FROM shop.heap", "INSERT INTO shop.heap VALUES (11), (12), (13)")
        c.execute("INSERT INTO shop.seen SELECT GROUP_CONCAT(a) FROM other.tmp")
        source.sql("SET SESSION gtid_domain_id=6", "SET SESSION binlog_format=STATEMENT",
                   "INSERT INTO shop.seen SELECT GROUP_CONCAT(a) FROM shop.heap")
        c.execute("INSERT INTO other.loaded (a, b) SELECT CONCAT('u', a), a FROM other.tmp")
    archived(mybak)
    compare(place, mybak, reference, "end", ())
    mybak.restore(place / "again")
    copy = restored(place, source, place / "again", "again-s")
    assert source.sql("SELECT a FROM shop.seen") == [("4,5,6",), ("11,12,13",)]
    assert copy.checksum_tables() == source.checksum_tables()
    assert mybak.stop() == 0


def test_server_that_died(place):
    """What its sessions had, temporary tables, is gone with it; what was prepared is not; the half
    transaction at the end of its binlog is none."""
    source = Server(place, options=(*OPTIONS, "--binlog-format=STATEMENT", "--sync-binlog=1")).create().start()
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(30))"
               " ENGINE=InnoDB")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")

    # A session is told by its number, and the numbers begin again.
    first = source.connect().cursor()
    for statement in ("SET pseudo_thread_id = 77", "CREATE TEMPORARY TABLE shop.tmp (a INT)",
                      "INSERT INTO shop.tmp VALUES (1), (2)", "INSERT INTO shop.t (v) SELECT a FROM shop.tmp"):
        first.execute(statement)
    source.sql("XA START 'x'", "INSERT INTO shop.t (v) VALUES ('prepared')", "XA END 'x'", "XA PREPARE 'x'")
    source.sql("FLUSH PRIVILEGES", "INSERT INTO shop.t (v) VALUES ('before the end')")
    source.kill9()
    source.start()
    source.sql("SET pseudo_thread_id = 77", "CREATE TEMPORARY TABLE shop.tmp (a VARCHAR(9), b INT)",
               "INSERT INTO shop.tmp VALUES ('new', 1)", "INSERT INTO shop.t (v) SELECT a FROM shop.tmp")
    source.sql("XA COMMIT 'x'", "INSERT INTO shop.t (v) VALUES ('again')")
    archived(mybak)
    want = source.checksum_tables()
    said = mybak.restore(place / "died", None, "--json").json
    copy = restored(place, source, place / "died", "died-s")
    assert copy.checksum_tables() == want and not copy.sql("XA RECOVER")
    copy.stop()

    # The last event of a group is lost with the machine.
    count = said["replay"]["transactions"]
    mybak.stop()
    source.sql("INSERT INTO shop.t (v) VALUES ('whole')")
    source.sql("INSERT INTO shop.t (v) VALUES ('half')")
    file = source.binlog_files(source.binlog_end()[0])[0]
    source.kill9()
    os.truncate(file, file.stat().st_size - 31)
    source.start()
    source.sql("INSERT INTO shop.t (v) VALUES ('later')")
    mybak.start()
    wait_for(lambda: mybak.get("/v1/status")["instances"][0]["binlog"]["state"] != "off", say="no stream")
    archived(mybak)
    said = mybak.restore(place / "half", None, "--json").json
    assert said["replay"]["transactions"] == count + 2 and said["replay"]["first_left_out"] is None
    copy = restored(place, source, place / "half", "half-s")
    assert copy.value("SELECT GROUP_CONCAT(v ORDER BY id) FROM shop.t").endswith("again,whole,later")
    copy.stop()
    assert mybak.stop() == 0


def test_load_data_and_odd_directories(place):
    """The names of its files are printed as SQL; they are counted where there has to be room, and
    nothing of them stays."""
    source = Server(place, options=(*OPTIONS, "--binlog-format=STATEMENT")).create().start()
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT, v VARCHAR(30))")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    rows, none = place / "rows", place / "none"
    rows.write_text("".join(f"{i}\tline {i}\n" for i in range(20000)))
    none.touch()
    before = {e.name for e in os.scandir("/tmp")}
    with contextlib.closing(source.connect(local_infile=True)) as db, db.cursor() as cursor:
        for name in (rows, none, rows):
            cursor.execute(f"LOAD DATA LOCAL INFILE '{name}' INTO TABLE shop.t")
            cursor.execute("FLUSH BINARY LOGS")
    archived(mybak)
    want = source.checksum_tables()
    target = place / "it's \"an\" od\\d\nplace; DROP TABLE shop.t -- #"
    mybak.restore(target)
    copy = restored(place, source, target, "odd")
    assert copy.checksum_tables() == want and copy.value("SELECT COUNT(*) FROM shop.t") == 40000
    copy.stop()
    assert not [n for n in {e.name for e in os.scandir("/tmp")} - before if n.startswith("SQL_LOAD")]
    assert not (target / "#mybak-replay").exists()
    assert mybak.stop() == 0


def test_mistaken_drop(place):
    """Somebody drops a table; it comes back as it was just before."""
    source = Server(place, options=OPTIONS).create().start()
    source.sql(*SCHEMA)
    mybak = Mybak(place, source, **CONTINUOUS).start()
    source.sql(*[f"INSERT INTO shop.orders (who, sum) VALUES ('early {i}', {i})" for i in range(20)])
    mybak.backup("full")
    source.sql(*[f"INSERT INTO shop.orders (who, sum) VALUES ('late {i}', {i})" for i in range(20)],
               "UPDATE shop.orders SET sum = 99 WHERE who = 'late 3'", "FLUSH PRIVILEGES")
    before = source.checksum_tables()
    source.sql("DROP TABLE shop.orders", "INSERT INTO shop.log (what) VALUES ('life goes on')")
    archived(mybak)

    hits = mybak.ctl("--json", "binlog", "find", "--table", "shop.orders", "--repo", mybak.url).json
    assert [h["what"] for h in hits][-1] == "DROP TABLE" and "orders" in hits[-1]["sql"]
    assert sum(h["inserts"] for h in hits) == 40 and hits[-2]["updates"] == 1
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    table = mybak.ctl("binlog", "find", "--table", "shop.orders", "--around", now, "--repo", mybak.url)
    assert table.out.splitlines()[-1].split("\t")[1] == hits[-1]["gtid"]
    none = mybak.ctl("--json", "binlog", "find", "--table", "shop.none", "--repo", mybak.url)
    assert none.json == [] and "no transaction" in none.err
    assert mybak.ctl("binlog", "find", "--repo", mybak.url, expect=2).err

    target = place / "undone"
    said = mybak.restore(target, None, "--gtid", hits[-1]["gtid"], "--before", "--keep-server", "--json").json
    copy = Server(place, "kept", datadir=target)
    copy.socket = said["socket"]
    assert copy.checksum_tables() == before
    assert copy.sql("SELECT sum FROM shop.orders WHERE who = 'late 3'")[0][0] == 99
    assert not [u for u, in copy.sql("SELECT user FROM mysql.global_priv") if u.startswith("mybak-")]
    os.kill(said["server_pid"], signal.SIGTERM)
    wait_for(lambda: not os.path.exists(f"/proc/{said['server_pid']}"), say="the kept server goes on")
    shutil.rmtree(os.path.dirname(said["socket"]))
    assert mybak.stop() == 0


def test_what_cannot_be_reached(place):
    source = Server(place, options=OPTIONS).create().start()
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY)")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    full = mybak.backup("full")
    source.sql("INSERT INTO shop.t VALUES (1)")
    archived(mybak)
    for words in (("--time", "2001-01-01 00:00:00"), ("--time", "2061-01-01 00:00:00"),
                  ("--gtid", "0-1-999999"), ("--gtid", "7-7-7", "--before"),
                  ("--position", "binlog.000099:4")):
        said = mybak.restore(place / "r", None, *words, expect=5)
        # Both ends of the window are told.
        assert said.err.count(time.strftime("%Y-")) >= 2 or "no backup" in said.err, said
        assert not (place / "r").exists()
    for words in (("--time", "yesterday"), ("--time", "2026-02-30 00:00:00"), ("--gtid", "0-1"),
                  ("--position", "binlog.000001"), ("--before",), ("--gtid", "0-1-5", "--time", "2026-01-01 00:00:00"),
                  ("--gtid", "0-1-5", "--no-recover")):
        mybak.restore(place / "r", None, *words, expect=2)
    # A backup alone is that backup.
    said = mybak.restore(place / "alone", full, "--json").json
    assert said["replay"] is None
    copy = restored(place, source, place / "alone", "alone-s")
    assert copy.sql("SELECT COUNT(*) FROM shop.t") == [(0,)]
    copy.stop()
    # Quiet since the last transaction: the daemon knows that nothing else came.
    then = time.time() + 1
    wait_for(lambda: mybak.get("/v1/status")["instances"][0]["binlog"]["caught_up"] >
             time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(then)), say="it does not get to know more")
    said = mybak.restore(place / "now", None, "--time",
                         time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(then)), "--json")
    assert json.loads(said.out)["replay"]["transactions"] == 1


def test_status_list_metrics(place):
    source = Server(place, options=OPTIONS).create().start()
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY)")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    source.sql("INSERT INTO shop.t VALUES (1)")
    job = archived(mybak)
    file, pos = source.sql("SHOW MASTER STATUS")[0][:2]
    assert f"{file}:{pos}" in job["note"]

    def known():
        one = mybak.get("/v1/status")["instances"][0]
        return one if one["recovery_window"]["any_second"] else None
    one = wait_for(known)
    assert one["binlog"]["state"] == "running" and one["binlog"]["gaps"] == 0
    assert one["binlog"]["lag_seconds"] < 5 and one["binlog"]["error"] is None
    assert one["recovery_window"]["oldest"] <= one["recovery_window"]["newest"]
    metrics = mybak.http("GET", "/metrics")[1]
    for name in ("mybak_binlog_archive_lag_seconds", "mybak_binlog_gap_detected_total",
                 "mybak_recovery_window_oldest_timestamp_seconds",
                 "mybak_recovery_window_newest_timestamp_seconds"):
        assert f'{name}{{instance="main"}}' in metrics, name
    assert any(line.startswith("binlog\tmain\trunning") for line in mybak.ctl("status").out.splitlines())
    segments = mybak.ctl("--json", "binlog", "list", "--repo", mybak.url).json
    assert segments[-1]["open"] and segments[-1]["gap"] is None and segments[-1]["file"] == file
    assert file in mybak.ctl("binlog", "list", "--repo", mybak.url).out

    # Off: one line, and run-now says so.
    mybak.policy["schedule"]["binlog"] = "off"
    mybak.write_policy()
    mybak.ctl("reload")
    assert mybak.get("/v1/status")["instances"][0]["binlog"]["state"] == "off"
    assert "continuous" in mybak.ctl("run-now", "binlog", expect=4).err
    lines = [line for line in mybak.ctl("check", expect=None).out.splitlines() if "binlog" in line]
    assert len(lines) == 1 and "schedule.binlog: off" in lines[0], lines
    assert mybak.stop() == 0


def test_server_without_binlog(place):
    source = Server(place, binlog=False).create().start()
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    lines = [line for line in mybak.ctl("check", expect=None).out.splitlines() if "binlog" in line]
    assert len(lines) == 1 and "writes no binlog" in lines[0], lines
    wait_for(lambda: mybak.get("/v1/status")["instances"][0]["binlog"]["state"] == "no_log_bin")
    problems = [p for p in mybak.get("/v1/status")["problems"] if "binlog" in p["text"]]
    assert len(problems) <= 1, problems
    said = mybak.restore(place / "r", None, "--json").json
    assert said["replay"] is None and "no archived binlogs" in said["note"]


def test_gap_and_new_history(place):
    """Binlogs purged while the daemon was away, then RESET MASTER: each is named, and a full
    backup is taken at once."""
    source = Server(place, options=OPTIONS).create().start()
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY)")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    archived(mybak)
    assert mybak.stop() == 0
    source.sql("INSERT INTO shop.t VALUES (1)", "FLUSH BINARY LOGS", "INSERT INTO shop.t VALUES (2)",
               "FLUSH BINARY LOGS", "INSERT INTO shop.t VALUES (3)")
    source.purge_binlogs()
    mybak.start()

    def fulls():
        return [b for b in mybak.list() if b["kind"] == "full"]
    wait_for(lambda: len(fulls()) == 2, 60, say="no full backup after the gap")
    jobs = [j for j in mybak.get("/v1/jobs")["jobs"] if j["reason"]]
    assert len(jobs) == 1 and "missing" in jobs[0]["reason"]
    assert any(s["gap"] for s in mybak.ctl("--json", "binlog", "list", "--repo", mybak.url).json)
    assert "GAP" in mybak.ctl("binlog", "list", "--repo", mybak.url).out
    assert 'mybak_binlog_gap_detected_total{instance="main"} 1' in mybak.http("GET", "/metrics")[1]

    source.sql("RESET MASTER", "INSERT INTO shop.t VALUES (4)")
    wait_for(lambda: len(fulls()) == 3, 60, say="no full backup in the new history")
    source.sql("INSERT INTO shop.t VALUES (5)")
    archived(mybak)
    mybak.restore(place / "r")
    copy = restored(place, source, place / "r", "r-s")
    assert copy.sql("SELECT GROUP_CONCAT(id ORDER BY id) FROM shop.t") == [("1,2,3,4,5",)]
    copy.stop()
    time.sleep(2)
    assert len(fulls()) == 3
    assert mybak.stop() == 0


def test_statements_keep_their_time_zone(place):
    """Times in statements mean the zone of the source, whatever the caller's clock shows."""
    source = Server(place, options=(*OPTIONS, "--binlog-format=STATEMENT")).create().start()
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY, a TIMESTAMP(6) NULL, b DATETIME(6))",
               "CREATE TABLE shop.m (v INT) ENGINE=MyISAM")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    source.sql("INSERT INTO shop.t VALUES (1, '2026-07-01 12:00:00', NOW(6))", "BEGIN", "SAVEPOINT a",
               "INSERT INTO shop.m VALUES (1)", "ROLLBACK TO a", "INSERT INTO shop.t VALUES (2, NOW(6), NOW(6))",
               "COMMIT")
    archived(mybak)
    want = source.checksum_tables()
    words = ["restore", "--repo", mybak.url, "--server-binary", source.programs.mariadbd, "--to"]
    mybak.ctl(*words, place / "r", env={"TZ": "XYZ-5:30"})
    copy = restored(place, source, place / "r", "r-s")
    assert copy.checksum_tables() == want
    copy.stop()
    assert mybak.stop() == 0


def test_prepared_before_committed_behind(place):
    """XA transactions that a backup holds prepared are ended by the replay; a cancelled
    replay is soon gone."""
    source = Server(place, options=OPTIONS).create().start()
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY, v VARCHAR(9)) ENGINE=InnoDB")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    for i in range(3):
        source.sql(f"XA START 'x{i}'", f"INSERT INTO shop.t VALUES ({i}, 'xa')", f"XA END 'x{i}'",
                   f"XA PREPARE 'x{i}'")
    wait_for(lambda: len(source.sql("XA RECOVER")) == 3)
    mybak.backup("full")
    own = source.sql("SHOW MASTER STATUS")[0]
    time.sleep(1)
    source.sql("XA COMMIT 'x0'", "FLUSH BINARY LOGS", "XA ROLLBACK 'x1'", "INSERT INTO shop.t VALUES (9, 'late')")
    archived(mybak)
    for name, words, ids, prepared in (("end", (), "0,9", 1),
                                       ("own", ("--position", f"{own[0]}:{own[1]}"), None, 3)):
        said = mybak.restore(place / name, None, *words, "--json").json
        assert f"rolled back: {prepared} (" in said["note"] and "'x2'" in said["note"]
        copy = restored(place, source, place / name, f"{name}-s")
        assert copy.sql("SELECT GROUP_CONCAT(id ORDER BY id) FROM shop.t") == [(ids,)]
        assert len(copy.sql("XA RECOVER")) == prepared
        copy.stop()

    # The replay takes as long as the source did: it is in the middle of a statement when it is cancelled.
    source.sql("SET SESSION binlog_format=STATEMENT", "INSERT INTO shop.t VALUES (50, SLEEP(8))")
    archived(mybak)
    run = subprocess.Popen(mybak.ctl_words("restore", "--to", place / "c", "--repo", mybak.url, "--server-binary",
                                           source.programs.mariadbd), stderr=subprocess.DEVNULL)
    wait_for(lambda: (place / "c" / "#mybak-replay" / "client.log").exists(), say="no replay")
    time.sleep(1)
    begin = time.monotonic()
    run.send_signal(signal.SIGINT)
    assert run.wait(20) == 130
    assert time.monotonic() - begin < 4
    assert not (place / "c").exists()
    assert mybak.stop() == 0


def some_fail(server, statements):
    """Run them in one session, whatever their errors; the codes of these."""
    codes = []
    with contextlib.closing(server.connect()) as db, db.cursor() as cursor:
        for statement in statements:
            try:
                cursor.execute(statement)
            except pymysql.MySQLError as e:
                codes.append(e.args[0])
    return codes


@pytest.mark.parametrize("name", ["mariadb-10.11", "mariadb-11.8"])
def test_statements_that_failed_on_the_source(place, name):
    """What failed there after it had done something is in the binlog, and fails again; the caller's
    environment leads the programs nowhere else."""
    programs = MARIADB if name == "mariadb-10.11" else mariadb_11_8()
    source = Server(place, options=(*OPTIONS, "--log-bin-compress=ON", "--log-bin-compress-min-len=20"),
                    programs=programs).create().start()
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.m (i INT PRIMARY KEY) ENGINE=MyISAM",
               "CREATE TABLE shop.ar (i INT PRIMARY KEY) ENGINE=Aria", "CREATE TABLE shop.a (i INT)",
               "CREATE TABLE shop.b (i INT)", "CREATE VIEW shop.w AS SELECT 1", "CREATE USER u1, u3",
               "CREATE SEQUENCE shop.s", "CREATE TABLE shop.t (id INT PRIMARY KEY)")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    codes = some_fail(source, (
        "SET binlog_format = MIXED", "INSERT INTO shop.m VALUES (1), (2), (1)", "INSERT INTO shop.ar VALUES (7), (8), (8)",
        "DROP TABLE shop.a, shop.nosuch", "DROP VIEW shop.w, shop.nosuch", "DROP USER u1, nosuch", "CREATE USER u2, u3",
        "DROP SEQUENCE shop.s, shop.nosuch", "RENAME USER u2 TO u5, nosuch TO u6", "INSERT INTO shop.t VALUES (1)",
        "FLUSH BINARY LOGS", "DROP TABLE shop.nosuch, shop.b", "INSERT INTO shop.m VALUES (5), (5)",
        "INSERT INTO shop.t VALUES (2)"))
    assert codes == [1062, 1062, 1051, 4092, 1396, 1396, 4091, 1396, 1051, 1062]
    archived(mybak)
    want = state(source)
    said = mybak.ctl("--json", "restore", "--repo", mybak.url, "--server-binary", source.programs.mariadbd, "--to",
                     place / "r", env={"MYSQL_HOST": "127.0.0.1"}).json
    assert said["replay"]["first_left_out"] is None
    copy = restored(place, source, place / "r", "r-s")
    assert not differences(state(copy), want)
    copy.stop()
    assert mybak.stop() == 0


def test_replay_that_fails_names_the_transaction(place):
    """Everything before it can then be restored."""
    source = Server(place, options=(*OPTIONS, "--binlog-format=STATEMENT")).create().start()
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY)",
               "CREATE TABLE shop.m (id INT PRIMARY KEY) ENGINE=MyISAM")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    # Older than the backup, and in none: a session's own table.
    db = source.connect()
    own = db.cursor()
    own.execute("CREATE TEMPORARY TABLE shop.tmp (id INT)")
    own.execute("INSERT INTO shop.tmp VALUES (7)")
    mybak.backup("full")
    source.sql("INSERT INTO shop.t VALUES (1)", "FLUSH BINARY LOGS", "INSERT INTO shop.t VALUES (2)")
    own.execute("INSERT INTO shop.t SELECT id FROM shop.tmp")
    gtid = source.value("SELECT @@gtid_binlog_pos")
    source.sql("FLUSH BINARY LOGS", *[f"INSERT INTO shop.t VALUES ({i})" for i in range(10, 90)])
    archived(mybak)
    said = mybak.restore(place / "r", None, expect=None)
    assert said.code not in (0, 2) and gtid in said.err and "1146" in said.err and f"--gtid {gtid} --before" in said.err
    assert "at line" not in said.err
    mybak.restore(place / "b", None, "--gtid", gtid, "--before")
    copy = restored(place, source, place / "b", "b-s")
    assert copy.sql("SELECT GROUP_CONCAT(id ORDER BY id) FROM shop.t") == [("1,2",)]
    copy.stop()

    # It failed on the source, and cannot here.
    mybak.backup("full")
    with contextlib.closing(source.connect()) as other, other.cursor() as cursor:
        cursor.execute("SET sql_log_bin = 0")
        cursor.execute("INSERT INTO shop.m VALUES (6)")
    assert some_fail(source, ("INSERT INTO shop.m VALUES (4), (6)",)) == [1062]
    gtid = source.value("SELECT @@gtid_binlog_pos")
    source.sql("INSERT INTO shop.t VALUES (100)")
    archived(mybak)
    said = mybak.restore(place / "m", None, expect=None)
    assert said.code not in (0, 2) and gtid in said.err and "1062" in said.err
    db.close()
    assert mybak.stop() == 0


@pytest.mark.parametrize("name", ["mariadb-10.11", "mariadb-11.8"])
def test_tables_in_memory(place, name):
    """A backup has none of their rows: changes of these find nothing, and all others are checked."""
    programs = MARIADB if name == "mariadb-10.11" else mariadb_11_8()
    source = Server(place, options=(*OPTIONS, "--binlog-format=ROW"), programs=programs).create().start()
    source.sql("CREATE DATABASE `sh-öp`", "CREATE TABLE `sh-öp`.`se ssion` (id INT PRIMARY KEY, v INT) ENGINE=MEMORY",
               "CREATE TABLE `sh-öp`.t (id INT PRIMARY KEY, v INT)",
               "INSERT INTO `sh-öp`.`se ssion` VALUES (1, 1), (2, 2), (3, 3)", "INSERT INTO `sh-öp`.t VALUES (1, 1)")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    for i in range(2, 6):
        source.sql("UPDATE `sh-öp`.`se ssion` SET v = v + 1", f"INSERT INTO `sh-öp`.t VALUES ({i}, {i})", "BEGIN",
                   "DELETE FROM `sh-öp`.`se ssion` WHERE id = 2", "UPDATE `sh-öp`.t SET v = v + 10 WHERE id = 1", "COMMIT",
                   "REPLACE INTO `sh-öp`.`se ssion` VALUES (2, 5), (9, 9)", "FLUSH BINARY LOGS")
    archived(mybak)
    want = source.sql("SELECT * FROM `sh-öp`.t ORDER BY id")
    said = mybak.restore(place / "r", None, "--json").json
    assert "sh-öp.se ssion" in said["note"] and said["replay"]["first_left_out"] is None
    copy = restored(place, source, place / "r", "r-s")
    assert copy.sql("SELECT * FROM `sh-öp`.t ORDER BY id") == want and want[0] == (1, 41)
    assert copy.sql("SELECT COUNT(*) FROM `sh-öp`.`se ssion`") == [(0,)]
    copy.stop()

    # Another table than the backup's: its changes must find their rows.
    with contextlib.closing(source.connect()) as db, db.cursor() as cursor:
        cursor.execute("SET sql_log_bin = 0")
        cursor.execute("INSERT INTO `sh-öp`.t VALUES (100, 100)")
    source.sql("UPDATE `sh-öp`.`se ssion` SET v = 0", "UPDATE `sh-öp`.t SET v = 0 WHERE id = 100")
    gtid = source.value("SELECT @@gtid_binlog_pos")
    source.sql("UPDATE `sh-öp`.`se ssion` SET v = 7")
    archived(mybak)
    said = mybak.restore(place / "m", None, expect=None)
    assert said.code not in (0, 2) and gtid in said.err and "1032" in said.err
    assert mybak.stop() == 0


def test_settings_that_statements_mean(place):
    """What a statement means can lie in settings of the server alone."""
    source = Server(place, options=(*OPTIONS, "--old-mode=", "--default-regex-flags=DOTALL")).create().start()
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (v VARCHAR(20))")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    source.sql("SET binlog_format = STATEMENT", "CREATE TABLE shop.u (v VARCHAR(20) CHARACTER SET utf8)",
               "INSERT INTO shop.t VALUES (REGEXP_REPLACE('a\\nb', 'a.b', 'ab'))")
    archived(mybak)
    mybak.restore(place / "r")
    copy = Server(place, "r-s", datadir=place / "r", binlog=False).start()
    for query in ("SHOW CREATE TABLE shop.u", "SELECT v FROM shop.t"):
        assert copy.sql(query) == source.sql(query), query
    assert "utf8mb4" in copy.sql("SHOW CREATE TABLE shop.u")[0][1]
    copy.stop()
    assert mybak.stop() == 0


def test_binlogs_are_not_applied_as_root_unasked(place):
    if os.geteuid() != 0:
        pytest.skip("nobody is asked who is not root")
    source = Server(place, options=OPTIONS).create().start()
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY)")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    full = mybak.backup("full")
    source.sql("INSERT INTO shop.t VALUES (1)")
    archived(mybak)
    mybak.as_root = False
    said = mybak.restore(place / "r", None, expect=4)
    assert "--as-root" in said.err and not (place / "r").exists()
    mybak.restore(place / "alone", full)
    mybak.restore(place / "r", None, "--as-root")
    assert mybak.stop() == 0


def test_tools_of_an_older_server(place):
    """What PATH has need not know the events of a newer server."""
    programs = mariadb_11_8()
    source = Server(place, options=OPTIONS, programs=programs).create().start()
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY)")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    mybak.backup("full")
    source.sql("INSERT INTO shop.t VALUES (1)")
    archived(mybak)
    alone = place / "bin" / "mariadbd"
    alone.parent.mkdir()
    shutil.copy(programs.mariadbd, alone)
    words = ("restore", "--repo", mybak.url, "--server-binary", alone, "--to", place / "r")
    said = mybak.ctl(*words, expect=4)
    assert "/mariadb-binlog" in said.err and "10.11" in said.err and "11.8" in said.err
    assert not (place / "r").exists()
    mybak.ctl(*words, env={"PATH": f"{os.path.dirname(programs.binlog)}:{os.environ['PATH']}"})
    assert mybak.stop() == 0
