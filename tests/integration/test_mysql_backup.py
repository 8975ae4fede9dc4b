"""MySQL, hot: full, incremental, incremental of the incremental, taken under load, each
restored and held against the source; what a backup asks of the server and what it tells."""
import dataclasses
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import (Burner, Load, Mybak, MySQLServer, Server, Truth, check_restored, mysql_sid, restore_all,
                     take, wait_for)
from harness.load import change_rows, volume
from test_read_repo import read_repo

pytestmark = pytest.mark.mysql

MIB = 1024 * 1024


def source_of(place, *options, init=()):
    return MySQLServer(place, init=init, options=options, programs=mysql_sid()).create().start()


@dataclasses.dataclass
class Case:
    options: tuple = ()
    init: tuple = ()
    policy: dict = dataclasses.field(default_factory=dict)
    megabytes: int = 40


CASES = {
    "default": Case(),
    "gtid-off": Case(("--gtid-mode=OFF", "--enforce-gtid-consistency=OFF")),
    "slow-group-commit": Case(("--binlog-group-commit-sync-delay=60000",)),
    "redo-32m": Case(("--innodb-redo-log-capacity=32M",), policy={"limits": {"read_rate": "20MiB"}}),
    "page-4k": Case(init=("--innodb-page-size=4k",)),
    "page-64k": Case(init=("--innodb-page-size=64k",), options=("--innodb-strict-mode=OFF",)),
    "flush-log-0": Case(("--innodb-flush-log-at-trx-commit=0",)),
    "flush-log-2": Case(("--innodb-flush-log-at-trx-commit=2",)),
    "one-tablespace": Case(init=("--innodb-file-per-table=OFF",), options=("--innodb-strict-mode=OFF",)),
    "several-ibdata": Case(init=("--innodb-data-file-path=ibdata1:12M;second:20M:autoextend",
                                 "--innodb-file-per-table=OFF"), options=("--innodb-strict-mode=OFF",)),
}
LONG = ("gtid-off", "page-4k", "flush-log-0", "flush-log-2", "one-tablespace", "several-ibdata")


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.long if n in LONG else ()) for n in CASES])
def test_chain(place, name):
    case = CASES[name]
    server = source_of(place, *case.options, init=case.init)
    volume(server, case.megabytes)
    mybak = Mybak(place, server, **case.policy).start()
    load = Load(server, "--tables=0")
    taken = take(server, mybak, ("full", "incremental", "incremental"),
                 between=lambda: change_rows(server, 0.02))
    load.stop()
    full, first, second = [b for b, _ in taken]
    assert (full["kind"], full["parent"]) == ("full", None)
    assert (first["kind"], first["parent"]) == ("incremental", full["id"])
    assert (second["kind"], second["parent"]) == ("incremental", first["id"])
    assert first["stored_bytes"] < full["stored_bytes"]
    assert full["server"]["uuid"] == server.value("SELECT @@server_uuid")
    mybak.ctl("verify", "--repo", mybak.url)
    truth = Truth.of(server)
    restore_all(place, mybak, truth, taken)
    assert mybak.stop() == 0


def test_more_redo_than_the_log_holds(place):
    """Several times the capacity goes by while a slow backup reads: none of it is lost."""
    server = source_of(place, "--innodb-redo-log-capacity=32M")
    volume(server, 60)
    mybak = Mybak(place, server, limits={"read_rate": "8MiB"}).start()
    load, burner = Load(server, "--tables=0"), Burner(server)
    taken = take(server, mybak, ("full", "incremental"))
    burner.stop()
    load.stop()
    full = taken[0][0]
    assert full["lsn"]["end"] - full["lsn"]["checkpoint"] > 3 * 32 * MIB
    restore_all(place, mybak, Truth.of(server), taken)


def running(mybak, kind="full", step="copy"):
    """A job that has come to that step."""
    number = mybak.start_job(kind)
    wait_for(lambda: mybak.job(number)["step"] == step, 30, say=f"{step} does not begin")
    return number


def slow(place, server, megabytes=40, **policy):
    """A daemon that is busy for a while with each full."""
    volume(server, megabytes)
    return Mybak(place, server, limits={"read_rate": "8MiB", **policy}).start()


def registered(server):
    """Is somebody the consumer of its redo log?"""
    return server.value("SELECT innodb_redo_log_consumer_register()") == 1


def test_ddl_waits_and_goes_on(place):
    server = source_of(place)
    mybak = slow(place, server)
    server.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
    number = running(mybak)
    done = []
    ddl = threading.Thread(target=lambda: done.append(server.sql("ALTER TABLE d.t ADD COLUMN n INT")))
    ddl.start()
    time.sleep(1)
    assert not done and mybak.job(number)["state"] == "running"
    server.sql("INSERT INTO vol.t0 VALUES (-1, 1, '')")  # others go on
    assert mybak.wait_job(number)["state"] == "done"
    ddl.join(30)
    assert done == [[]]
    assert server.sql("SELECT id, n FROM d.t") == []


def test_lock_is_not_granted(place):
    """A DDL statement that does not come to its end."""
    server = source_of(place)
    server.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)")
    mybak = Mybak(place, server, limits={"lock_wait": "2s"}).start()
    holder, altering = server.connect(), server.connect()
    cursor = holder.cursor()
    cursor.execute("BEGIN")
    cursor.execute("SELECT * FROM d.t")
    ddl = threading.Thread(target=lambda: altering.cursor().execute("ALTER TABLE d.t ADD COLUMN n INT"))
    ddl.start()
    wait_for(lambda: server.sql("SELECT 1 FROM information_schema.processlist WHERE state LIKE '%metadata lock%'"))
    job = mybak.wait_job(mybak.start_job("full"))
    assert job["state"] == "failed" and job["error"]["kind"] == "busy"
    assert "LOCK INSTANCE FOR BACKUP was not granted within 2 s" in job["error"]["message"]
    assert "PROCESSLIST" in job["error"]["hint"]
    cursor.execute("ROLLBACK")
    ddl.join(30)
    assert not registered(server)
    mybak.backup("full")


@pytest.mark.parametrize("when", ["copy", "before the point"])
def test_lock_is_lost(place, when):
    """Its session is killed, and DDL passes: no backup comes of that."""
    server = source_of(place)
    mybak = slow(place, server)
    server.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
    number = running(mybak)
    holder = server.value("SELECT t.processlist_id FROM performance_schema.metadata_locks l"
                          " JOIN performance_schema.threads t ON t.thread_id=l.owner_thread_id"
                          " WHERE l.object_type='BACKUP LOCK'")
    if when != "copy":
        wait_for(lambda: mybak.job(number)["bytes_done"] > 0.9 * mybak.job(number)["bytes_total"], 60)
    # Close to the end a file that is gone may be met before the session is asked again.
    server.sql(f"KILL {holder}", "ALTER TABLE d.t ADD COLUMN n INT", *(["DROP TABLE d.t"] if when == "copy" else []))
    job = mybak.wait_job(number)
    assert job["state"] == "failed", job
    assert "LOCK INSTANCE FOR BACKUP was lost" in job["error"]["message"]
    wait_for(lambda: not registered(server), 5, say="the consumer is still there")
    assert mybak.backup_dirs() == []


@pytest.mark.parametrize("how", ["killed", "cancelled"])
def test_everything_is_let_go(place, how):
    server = source_of(place, "--innodb-redo-log-capacity=16M")
    mybak = slow(place, server)
    number = running(mybak)
    assert registered(server)
    if how == "killed":
        mybak.kill9()
    else:
        mybak.ctl("cancel", number)
        assert mybak.wait_job(number)["state"] == "cancelled"
    wait_for(lambda: not registered(server), 10, say="the consumer is still there")
    server.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "DROP DATABASE d")
    lsn, burner = server.status("Innodb_redo_log_current_lsn"), Burner(server)
    wait_for(lambda: server.status("Innodb_redo_log_current_lsn") > lsn + 32 * MIB, 60, say="the server does not write")
    burner.stop()
    if how == "killed":
        mybak.start()
    mybak.policy["limits"] = {}
    mybak.write_policy()
    mybak.ctl("reload")
    mybak.backup("full")
    assert len(mybak.backup_dirs()) == 1


def test_slow_repository_does_not_stall_the_server(place):
    """What is read cannot be stored as fast as the server writes: the backup gives up."""
    server = source_of(place, "--innodb-redo-log-capacity=16M")
    volume(server, 40)
    mybak = Mybak(place, server, limits={"read_rate": "8MiB"})
    mybak.start(before=("strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=write",
                        "-e", "inject=write:delay_enter=1500000"))
    number = mybak.start_job("full")
    wait_for(lambda: mybak.job(number)["step"] == "copy", 60)
    burner = Burner(server)
    job = mybak.wait_job(number, 120)
    wait_for(lambda: not registered(server), 30, say="the consumer is still there")
    time.sleep(1)
    longest = burner.stop()
    assert job["state"] == "failed", job
    assert "gives up before the server would have to wait" in job["error"]["message"]
    assert "innodb_redo_log_capacity" in job["error"]["hint"]
    assert longest < 10, longest
    assert mybak.backup_dirs() == []


def test_frozen_daemon_does_not_stall_the_server_for_long(place):
    server = source_of(place, "--innodb-redo-log-capacity=16M")
    mybak = slow(place, server, 60)
    number = running(mybak)
    burner = Burner(server)
    mybak.process.send_signal(signal.SIGSTOP)
    wait_for(lambda: not registered(server), 40, say="the consumer is still there")
    time.sleep(1)
    longest = burner.stop()
    mybak.process.send_signal(signal.SIGCONT)
    job = mybak.wait_job(number, 60)
    assert job["state"] == "failed", job
    assert longest < 15, longest


def test_another_consumer(place):
    """Somebody else holds the redo: the backup says so, and is right all the same."""
    server = source_of(place)
    volume(server, 10)
    mybak = Mybak(place, server).start()
    other = server.connect()
    cursor = other.cursor()
    cursor.execute("SELECT innodb_redo_log_consumer_register()")
    load = Load(server, "--tables=0")
    taken = take(server, mybak, ("full",))
    lines = mybak.ctl("--json", "check", expect=None).json["lines"]
    assert any("another session is registered as the consumer" in line["text"] for line in lines)
    load.stop()
    assert any("registered as the consumer" in w for w in taken[0][0]["warnings"])
    restore_all(place, mybak, Truth.of(server), taken)


def test_another_consumer_for_a_moment(place):
    """As a check of the server is one."""
    server = source_of(place)
    mybak = Mybak(place, server).start()
    with server.connect() as other, other.cursor() as cursor:
        cursor.execute("SELECT innodb_redo_log_consumer_register()")
        number = mybak.start_job("full")
        time.sleep(0.5)
    assert mybak.wait_job(number)["state"] == "done"
    assert not any("consumer" in w for w in mybak.list()[0]["warnings"])


GLOBAL = ("BACKUP_ADMIN", "RELOAD", "REPLICATION CLIENT", "PROCESS")


@pytest.mark.parametrize("missing", [*GLOBAL, *MySQLServer.TABLES])
def test_missing_privilege(place, missing):
    server = source_of(place)
    mybak = Mybak(place, server).start()
    what = f"{missing} ON *.*" if missing in GLOBAL else f"SELECT ON performance_schema.{missing}"
    server.sql(f"REVOKE {what} FROM mybak@localhost")
    job = mybak.wait_job(mybak.start_job("full"))
    assert job["state"] == "failed" and job["error"]["kind"] == "refused"
    grant = f"GRANT {what} TO `mybak`@`localhost`;"
    assert grant in job["error"]["hint"]
    assert mybak.ctl("check", expect=None).out.count(grant) >= 1
    server.sql(grant)
    mybak.backup("full")


def test_redo_log_switched_off(place):
    server = source_of(place)
    mybak = Mybak(place, server).start()
    server.sql("ALTER INSTANCE DISABLE INNODB REDO_LOG")
    job = mybak.wait_job(mybak.start_job("full"))
    assert job["state"] == "failed" and job["error"]["kind"] == "refused"
    assert "ALTER INSTANCE ENABLE INNODB REDO_LOG" in job["error"]["hint"]
    server.sql("ALTER INSTANCE ENABLE INNODB REDO_LOG")
    mybak.backup("full")


def test_tables_without_lock(place):
    server = source_of(place)
    server.sql("CREATE DATABASE `d-b`", "CREATE TABLE `d-b`.`my table` (id INT) ENGINE=MyISAM",
               "INSERT INTO `d-b`.`my table` VALUES (1), (2)",
               "CREATE TABLE `d-b`.parts (id INT NOT NULL) ENGINE=ARCHIVE",
               "CREATE TABLE `d-b`.c (id INT NOT NULL) ENGINE=CSV", "INSERT INTO `d-b`.c VALUES (5)")
    mybak = Mybak(place, server).start()
    full = mybak.backup("full")
    unlocked = {"count": 3, "names": ["d-b.my table", "d-b.c", "d-b.parts"]}
    assert full["tables_without_lock"] == unlocked
    assert mybak.list()[0]["tables_without_lock"] == unlocked
    assert mybak.ctl("list").out.endswith("\t3: d-b.my table, d-b.c, d-b.parts\n")
    assert full["engines"]["MyISAM"] == 1
    assert any("1 table of engine MyISAM" in w for w in full["warnings"])
    assert "d-b.my table" in mybak.ctl("check", expect=None).out
    assert "not held still\td-b.my table\n" in mybak.ctl("show", full["id"]).out
    mybak.restore(place / "r", full)
    copy = MySQLServer(place, "copy", programs=server.programs, datadir=place / "r", binlog=False).start()
    assert copy.checksum_tables() == server.checksum_tables()
    assert not copy.check_tables()


def test_binlog_goes_on_to_the_next(place):
    """The piece of binlog says "in use" though the server has closed that file meanwhile: a
    server that recovers with it would leave out what it is there for."""
    server = source_of(place, "--max-binlog-size=4096")
    mybak = Mybak(place, server).start()
    load = Load(server, "--tables=0")
    for i in range(3):
        backup = mybak.backup("full")
        mybak.restore(place / f"r{i}", backup, "--no-recover")
        name = backup["binlog"]["file"]
        piece = (place / f"r{i}" / "#mybak-binlog" / name).read_bytes()
        assert len(piece) == backup["binlog"]["position"]
        assert piece[:4] == b"\xfebin" and piece[4 + 17] & 1, i
    load.stop()
    closed = (server.datadir / name).read_bytes()
    assert not closed[4 + 17] & 1 and closed[4 + 19:len(piece)] == piece[4 + 19:]


def test_no_binlog(place):
    server = MySQLServer(place, programs=mysql_sid(), binlog=False).create().start()
    volume(server, 10)
    mybak = Mybak(place, server).start()
    full = mybak.backup("full")
    assert full["binlog"]["file"] is None and full["binlog"]["position"] is None
    mybak.restore(place / "r", full)
    copy = MySQLServer(place, "copy", programs=server.programs, datadir=place / "r", binlog=False).start()
    assert copy.checksum_tables() == server.checksum_tables()


def test_gtids_without_binlog(place):
    """As of a replica with skip_log_bin: the set a server answers is behind its data for moments,
    the one that it recovers is not."""
    gtids = ("--gtid-mode=ON", "--enforce-gtid-consistency=ON")
    server = MySQLServer(place, options=gtids, programs=mysql_sid(), binlog=False).create().start()
    mybak = slow(place, server, 20)
    server.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)")
    uuid, end = server.value("SELECT @@server_uuid"), threading.Event()

    def write():
        with server.connect() as db, db.cursor() as cursor:
            n = 0
            while not end.is_set():
                n += 1
                cursor.execute(f"SET gtid_next='{uuid}:{n}'")
                cursor.execute(f"INSERT INTO d.t VALUES ({n})")
    writer = threading.Thread(target=write)
    writer.start()
    full = mybak.backup("full")
    end.set()
    writer.join()
    assert full["binlog"]["gtid"] is None
    mybak.restore(place / "r", full)
    copy = MySQLServer(place, "copy", options=gtids, programs=server.programs, datadir=place / "r", binlog=False).start()
    last = copy.value("SELECT MAX(id) FROM d.t")
    assert last > 100 and copy.value("SELECT COUNT(*) FROM d.t") == last
    assert copy.value("SELECT @@gtid_executed") == f"{uuid}:1-{last}"


def test_beside_a_mariadb(place):
    """One daemon, one repository, both kinds of server, at the same time."""
    mysql, mariadb = source_of(place), Server(place, "maria").create().start()
    for server in (mysql, mariadb):
        volume(server, 20)
    other = Mybak(place, mariadb, "unused")
    mybak = Mybak(place, mysql)
    mybak.policy["instances"].append({**other.policy["instances"][0], "name": "maria"})
    mybak.write_policy()
    mybak.start()
    loads = [Load(mysql, "--tables=0"), Load(mariadb)]
    jobs = [mybak.start_job("full", name) for name in ("main", "maria")]
    done = [mybak.wait_job(n) for n in jobs]
    assert [job["state"] for job in done] == ["done", "done"], done
    for load in loads:
        load.stop()
    for server, name, job in zip((mysql, mariadb), ("main", "maria"), done):
        backup = next(b for b in mybak.ctl("--json", "list", "-i", name, "--repo", mybak.url).json
                      if b["id"] == job["backup"])
        target = place / f"restored-{name}"
        mybak.ctl("restore", "--to", target, "--repo", mybak.url, "-i", name, "--backup", backup["id"],
                  "--server-binary", server.programs.mariadbd)
        check_restored(Truth.of(server), target, backup)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_replica(place):
    """A backup of a replica says which position of its source it had applied."""
    port = free_port()
    source = source_of(place, "--skip-networking=OFF", "--bind-address=127.0.0.1", f"--port={port}")
    source.sql("CREATE USER r@'127.0.0.1' IDENTIFIED BY 'r'", "GRANT REPLICATION SLAVE ON *.* TO r@'127.0.0.1'")
    replica = MySQLServer(place, "replica", options=("--server-id=2",), programs=mysql_sid()).create().start()
    replica.sql(f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={port}, SOURCE_USER='r',"
                " SOURCE_PASSWORD='r', GET_SOURCE_PUBLIC_KEY=1, SOURCE_AUTO_POSITION=1", "START REPLICA")
    load = Load(source, "--tables=0")
    # All that the load sets up: DDL waits on a replica, too, while a backup runs.
    wait_for(lambda: replica.sql("SELECT 1 FROM information_schema.tables WHERE table_schema='churn'"
                                 " AND table_name='swap0_b'"))
    mybak = Mybak(place, replica).start()
    backup = mybak.backup("full")
    load.stop()
    file, end = source.binlog_end()
    assert [(r["channel"], r["file"]) for r in backup["replica"]] == [("", file)]
    assert 4 < backup["replica"][0]["position"] <= end
    assert not [f["path"] for f in mybak.ctl("--json", "show", "--files", backup["id"], "--repo", mybak.url).json["files"]
                if "relay" in f["path"] or f["path"] == "auto.cnf"]
    target = place / "r"
    mybak.restore(target, backup)
    copy = MySQLServer(place, "copy", programs=replica.programs, datadir=target, binlog=False).start()
    assert copy.sql("SHOW REPLICA STATUS") == []
    assert copy.value("SELECT SUM(bal) FROM bank.acct") == 2000 * 1000
    assert copy.value("SELECT REPLACE(@@gtid_executed, '\\n', '')") == backup["binlog"]["gtid"]


def test_restored_from_the_page_alone(place):
    """tests/read_repo.py knows mybak-repo(5) and nothing else of mybak."""
    server = source_of(place, "--binlog-group-commit-sync-delay=60000")
    volume(server, 20)
    mybak = Mybak(place, server).start()
    load = Load(server, "--tables=0")
    taken = take(server, mybak, ("full", "incremental"), between=lambda: change_rows(server, 0.02))
    load.stop()
    truth = Truth.of(server)
    for i, (backup, floor) in enumerate(taken):
        target = place / f"by-hand{i}"
        said = read_repo(mybak, backup, target)
        assert not any(what.startswith("then say") for what in said)
        first = MySQLServer(place, f"first{i}", programs=server.programs, datadir=target, binlog=False,
                            options=said["start the server the first time with"])
        first.start()
        first.stop()
        subprocess.run(["rm", "-r", *said["after a clean shutdown remove"]], check=True)
        check_restored(truth, target, backup, floor, options=said["start the server with"])
