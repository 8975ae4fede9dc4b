"""Root restores; the server that recovers runs as the owner of the data directory."""
import contextlib
import os
import pwd
import shutil
import signal

import pytest

from harness import MARIADB, Load, Mybak, MySQLServer, Server, Truth, check_restored, mysql_sid
from harness.load import ledger_floor, volume
from harness.places import wait_for

try:
    MYSQL = pwd.getpwnam("mysql")
except KeyError:
    MYSQL = None
pytestmark = pytest.mark.skipif(os.geteuid() != 0 or MYSQL is None,
                                reason="needs root, and a user mysql")


class NotRoots:
    """A server as a distribution runs it."""

    def __init__(self, place, programs):
        live = place / "live"
        live.mkdir()
        super().__init__(place, datadir=live / "data", programs=programs)
        self.socket, self.log, self.tmpdir = live / "sock", live / "log", live / "tmp"

    def create(self):
        super().create()
        self.tmpdir.mkdir()
        self.log.touch()
        for folder, _, files in os.walk(self.datadir.parent):
            for path in [folder, *(os.path.join(folder, f) for f in files)]:
                os.chown(path, MYSQL.pw_uid, MYSQL.pw_gid)
        return self

    def command(self, *more):
        return [w for w in super().command(*more) if w != "--user=root"] + ["--user=mysql"]


class MysqlsMariaDB(NotRoots, Server):
    plain = Server


class MysqlsMySQL(NotRoots, MySQLServer):
    plain = MySQLServer


@pytest.fixture
def mybak(place, request):
    place.path.chmod(0o711)
    if getattr(request, "param", "mariadb") == "mysql":
        server = MysqlsMySQL(place, mysql_sid()).create().start()
    else:
        server = MysqlsMariaDB(place, MARIADB).create().start()
    volume(server, 8)
    return Mybak(place, server).start()


@pytest.fixture
def shut(place, mybak):
    """A directory that only root may enter."""
    folder = place / "shut"
    folder.mkdir(mode=0o700)
    return folder


BOTH = pytest.mark.parametrize("mybak", ["mariadb", pytest.param("mysql", marks=pytest.mark.mysql)], indirect=True)


def telling_server(place, program=MARIADB.mariadbd):
    """A program that notes who it runs as, and becomes the server."""
    seen, script = place / "seen", place / "telling-mariadbd"
    seen.touch()
    seen.chmod(0o666)
    script.write_text(f"#!/bin/sh\n[ \"$2\" = --version ] || cat /proc/$$/status >>{seen}\n"
                      f"exec {program} \"$@\"\n")
    script.chmod(0o755)
    return script, seen


def ids(status):
    lines = dict(line.split(":", 1) for line in status.splitlines())
    return [set(lines[key].split()) for key in ("Uid", "Gid", "Groups")]


MYSQLS = MYSQL and [{str(MYSQL.pw_uid)}, {str(MYSQL.pw_gid)}, set()]


def strangers(folder):
    """What in it is not mysql's."""
    found = []
    for parent, dirs, files in os.walk(folder):
        for path in [parent, *(os.path.join(parent, n) for n in dirs + files)]:
            st = os.lstat(path)
            if (st.st_uid, st.st_gid) != (MYSQL.pw_uid, MYSQL.pw_gid):
                found.append(path)
    return found


@BOTH
def test_recovery_is_not_roots(place, mybak, shut):
    load = Load(mybak.server, *(["--tables=0"] if isinstance(mybak.server, MySQLServer) else []))
    floor = ledger_floor(mybak.server)
    backup = mybak.backup("full")
    load.stop()
    truth = Truth.of(mybak.server)
    script, seen = telling_server(place, mybak.server.programs.mariadbd)
    target = place / "new" / "deep" / "r"
    # The socket's directory goes elsewhere when mysql may not enter TMPDIR.
    mybak.ctl("restore", "--to", target, "--repo", mybak.url, "--server-binary", script,
              env={"TMPDIR": str(shut)})
    assert ids(seen.read_text()) == MYSQLS
    assert strangers(target) == [] and (target / "ibdata1").exists()
    assert not (target / "mybak-recovery.log").exists() and list(shut.iterdir()) == []
    check_restored(truth, target, backup, floor)


def test_kept_server_is_not_roots(place, mybak):
    mybak.backup("full")
    target = place / "r"
    said = mybak.ctl("--json", "restore", "--to", target, "--repo", mybak.url, "--keep-server").json
    pid = said["server_pid"]
    try:
        with open(f"/proc/{pid}/status") as f:
            assert ids(f.read()) == MYSQLS
        assert strangers(target) == []
        assert os.stat(said["socket"]).st_uid == MYSQL.pw_uid
    finally:
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not os.path.exists(f"/proc/{pid}"), say="the server goes on")
        shutil.rmtree(os.path.dirname(said["socket"]))
    assert strangers(target) == []


def with_binlogs(mybak):
    mybak.stop()
    mybak.policy["schedule"]["binlog"] = "continuous"
    mybak.write_policy()
    mybak.start()


def archived(mybak):
    assert mybak.wait_job(mybak.start_job("binlog"), 60)["state"] == "done"


def telling_tools(place, mariadbd):
    """A server program with a mariadb-binlog and a mariadb beside it that note who they run as,
    where, and whose the files there are."""
    tools = place / "tools"
    tools.mkdir()
    (tools / "mariadbd").symlink_to(mariadbd)
    for name, program in (("mariadb-binlog", MARIADB.binlog), ("mariadb", MARIADB.client)):
        note, script = tools / f"{name}.seen", tools / name
        note.touch()
        note.chmod(0o666)
        script.write_text("#!/bin/sh\n(cat /proc/$$/status; echo Files:; pwd;"
                          f" stat -c '%n %a %U' .. . ../init.sql ../client.cnf) >{note}\n"
                          f"exec {program} \"$@\"\n")
        script.chmod(0o755)
    return tools


def test_replay_is_not_roots(place, mybak, shut):
    """The server that binlogs are applied to, and the programs that apply them, are mysql's too
    and get what they need, be it room for a large row; its log table is repaired although root has a password there."""
    server, rows, table = mybak.server, place / "rows", mybak.server.datadir / "mysql" / "general_log.MYD"
    rows.write_text("".join(f"{i}\tline {i}\n" for i in range(500)))
    with_binlogs(mybak)
    server.sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v VARCHAR(20))",
               "ALTER TABLE mysql.general_log ENGINE=MyISAM", "SET GLOBAL log_output='TABLE'",
               "SET GLOBAL general_log=ON", "SELECT 1", "SET GLOBAL general_log=OFF",
               "FLUSH TABLES mysql.general_log")
    # As a copy taken within a row: the index says more than there is.
    os.truncate(table, table.stat().st_size - 5)
    with contextlib.closing(server.connect(local_infile=True)) as db, db.cursor() as cursor:
        cursor.execute("ALTER USER root@localhost IDENTIFIED BY 'pw'")
        mybak.backup("full")
        cursor.execute("SET SESSION binlog_format=STATEMENT")
        cursor.execute(f"LOAD DATA LOCAL INFILE '{rows}' INTO TABLE d.t")
        cursor.execute("FLUSH PRIVILEGES")
        cursor.execute("SET SESSION binlog_format=ROW")
        cursor.execute("CREATE TABLE d.large AS SELECT REPEAT('large', 3000000) AS v")
    archived(mybak)
    script, seen = telling_server(place)
    tools = telling_tools(place, script)
    target = place / "r"
    mybak.ctl("restore", "--to", target, "--repo", mybak.url, "--server-binary", tools / "mariadbd",
              env={"TMPDIR": str(shut)})
    assert ids(seen.read_text()) == MYSQLS
    for name in ("mariadb-binlog", "mariadb"):
        who, told = (tools / f"{name}.seen").read_text().split("Files:\n")
        assert ids(who) == MYSQLS, name
        # Where they run is theirs, what lies above is root's, and what root puts there is for them alone.
        assert f"{target}/#mybak-replay/own\n" in told
        modes = dict((w[0], w[1:]) for w in (line.split() for line in told.splitlines()) if len(w) == 3)
        assert modes[".."] == ["710", "root"] and modes["."] == ["700", "mysql"]
        assert modes["../init.sql"] == modes["../client.cnf"] == ["600", "mysql"]
    assert strangers(target) == [] and not (target / "#mybak-replay").exists()
    copy = Server(place, "look", datadir=target, binlog=False).start("--skip-grant-tables")
    assert copy.value("SELECT COUNT(*) FROM d.t") == 500 and copy.value("SELECT LENGTH(v) FROM d.large") == 15000000
    assert copy.sql("CHECK TABLE mysql.general_log")[-1][-1] == "OK" and copy.complaints() == []


def test_binlog_cannot_read_roots_files(place, mybak):
    """A server that was taken over writes into its binlog what it likes."""
    secret = place / "secret"
    secret.write_text("what only root knows\n")
    secret.chmod(0o600)
    server = mybak.server
    with_binlogs(mybak)
    server.sql("CREATE DATABASE d", "CREATE TABLE d.t (v TEXT)", "CREATE TABLE d.u (v TEXT)")
    mybak.backup("full")
    rows = place / "rows"
    rows.write_text("harmless\n")
    with contextlib.closing(server.connect(local_infile=True)) as db, db.cursor() as cursor:
        cursor.execute("SET SESSION binlog_format=STATEMENT")
        cursor.execute(f"LOAD DATA LOCAL INFILE '{rows}' INTO TABLE d.t")
    archived(mybak)
    script, _ = telling_server(place)
    tools = telling_tools(place, script)
    # What mariadb-binlog makes of such a binlog.
    (tools / "mariadb-binlog").write_text(
        f"#!/bin/sh\n{MARIADB.binlog} \"$@\"\n"
        f"echo \"LOAD DATA LOCAL INFILE '{secret}' INTO TABLE d.u;\"\n")
    said = mybak.ctl("restore", "--to", place / "r", "--repo", mybak.url, "--server-binary", tools / "mariadbd",
                     expect=1)
    assert "replay failed in" in said.err and str(secret) in said.err
    assert b"only root knows" not in b"".join(
        p.read_bytes() for p in (place / "r").rglob("*") if p.is_file())
    # A binlog without LOAD DATA has no client that reads files at all.
    (place / "open").write_text("for everybody\n")
    (tools / "mariadb-binlog").write_text(
        f"#!/bin/sh\n{MARIADB.binlog} \"$@\"\n"
        f"echo \"LOAD DATA LOCAL INFILE '{place / 'open'}' INTO TABLE d.u;\"\n")
    mybak.backup("full")
    server.sql("INSERT INTO d.t VALUES ('more')")
    archived(mybak)
    said = mybak.ctl("restore", "--to", place / "r2", "--repo", mybak.url, "--server-binary", tools / "mariadbd",
                     expect=1)
    assert "command is not allowed" in said.err or "disabled" in said.err, said


def test_tools_mysql_may_not_run(place, mybak, shut):
    with_binlogs(mybak)
    mybak.backup("full")
    mybak.server.sql("CREATE DATABASE later")
    archived(mybak)
    tools = telling_tools(place, MARIADB.mariadbd)
    (tools / "mariadb-binlog").unlink()
    hidden = shut / "program"
    hidden.write_text(f"#!/bin/sh\nexec {MARIADB.binlog} \"$@\"\n")
    hidden.chmod(0o755)
    (tools / "mariadb-binlog").symlink_to(hidden)
    said = mybak.ctl("restore", "--to", place / "r", "--repo", mybak.url, "--server-binary", tools / "mariadbd",
                     expect=4)
    assert str(hidden) in said.err and f"chmod o+x {shut}," in said.err and not (place / "r").exists()


def test_directories_mysql_may_not_enter(place, mybak, shut):
    mybak.backup("full")
    said = mybak.restore(shut / "in" / "r", expect=4)
    assert str(shut) in said.err and f"chmod o+x {shut})" in said.err and "mysql" in said.err
    assert list(shut.iterdir()) == []
    program = shut / "mariadbd"
    program.write_text(f"#!/bin/sh\nexec {MARIADB.mariadbd} \"$@\"\n")
    program.chmod(0o755)
    said = mybak.ctl("restore", "--to", place / "r", "--repo", mybak.url, "--server-binary", program,
                     expect=4)
    assert f"chmod o+x {shut}," in said.err and not (place / "r").exists()
    mybak.restore(shut / "r", None, "--no-recover")
    assert strangers(shut / "r") == []
    shut.chmod(0o711)
    mybak.restore(shut / "r", None, "--force")
    assert strangers(shut / "r") == []


def test_system_tablespace_of_somebody_else(place, mybak):
    """Where a server ran as root on mysql's directory, mysql's recovery cannot be."""
    os.chown(mybak.server.datadir / "ibdata1", 0, 0)
    mybak.backup("full")
    said = mybak.restore(place / "r", expect=4)
    assert "ibdata1" in said.err and "--no-recover" in said.err and not (place / "r").exists()
