"""mybakctl as people and scripts use it: exit codes, JSON keys, plain columns in a pipe."""
import json
import os
import pty
import shutil
import subprocess

import pytest

from harness import BUILD, Mybak, Server, wait_for
from harness.load import volume

BACKUP_KEYS = {"id", "instance", "kind", "parent", "started", "finished", "duration_seconds",
               "lock_seconds", "size_bytes", "read_bytes", "stored_bytes", "method", "server", "lsn",
               "binlog", "pages", "proven"}
JOB_KEYS = {"id", "type", "instance", "state", "step", "bytes_done", "bytes_total", "started",
            "finished", "backup", "error"}


@pytest.fixture
def server(place):
    return Server(place).create().start()


@pytest.fixture
def mybak(place, server):
    return Mybak(place, server).start()


def test_backup_json(mybak):
    mybak.ctl("run-now", "full", "--wait")
    mybak.ctl("run-now", "incremental", "-i", "main", "--wait")
    full, incremental = mybak.ctl("--json", "list").json
    assert [b["id"] for b in mybak.list()] == [full["id"], incremental["id"]], \
        "the daemon and the repository say the same"
    for backup in (full, incremental):
        assert BACKUP_KEYS <= backup.keys()
        assert set(backup["server"]) >= {"flavour", "version", "uuid"}
        assert set(backup["lsn"]) >= {"checkpoint", "end"}
        assert set(backup["binlog"]) >= {"file", "position", "gtid"}
        assert set(backup["pages"]) >= {"total", "stored", "reread", "unverified", "corrupt"}
        assert backup["started"].endswith("Z") and backup["proven"] is None
    assert full["server"]["flavour"] == "mariadb" and full["method"] == "hot"
    assert full["id"].endswith("-full") and incremental["id"].endswith("-incr")
    shown = mybak.ctl("--json", "show", "latest").json
    assert shown["id"] == incremental["id"]
    assert any(f["path"] == "ibdata1" for f in shown["files"])


def test_job_json(mybak):
    mybak.ctl("run-now", "full", "--wait")
    jobs = mybak.ctl("--json", "jobs").json
    jobs = jobs["jobs"] if isinstance(jobs, dict) else jobs
    assert jobs and JOB_KEYS <= jobs[0].keys()


@pytest.mark.parametrize("verb", [["status"], ["jobs"], ["list"], ["show", "latest"], ["check"],
                                  ["space"], ["expire", "--dry-run"], ["history"], ["reload"],
                                  ["config", "show"], ["verify"]])
def test_every_verb(mybak, verb):
    mybak.backup("full")
    verb = ["--policy", mybak.policy_file, *verb]
    plain = mybak.ctl(*verb)
    assert plain.out and "\x1b" not in plain.out, "no colour in a pipe"
    assert plain.err == "", "no progress in a pipe"
    json.loads(mybak.ctl("--json", *verb).out)


def test_exit_codes(place, mybak):
    assert mybak.ctl("--help").out
    assert mybak.ctl("--version").out
    for words in (["wash"], [], ["show"], ["list", "--colour"], ["run-now", "dance"], ["cancel", "x"],
                  ["restore"], ["restore", "--to"], ["run-now", "full", "-i"]):
        said = mybak.ctl(*words, expect=2)
        assert said.err and not said.out
    for words in (["restore-table"], ["run-now", "drill"]):
        said = mybak.ctl(*words, expect=None)
        assert said.code in (2, 4) and "not built yet" in said.err, said
    mybak.ctl("show", "20200101T000000Z-full", expect=5)
    mybak.ctl("cancel", "4711", expect=5)
    mybak.ctl("run-now", "full", "-i", "nobody", expect=5)
    mybak.ctl("list", "--repo", f"file://{place}/nowhere", expect=5)
    mybak.restore(place / "r", "20200101T000000Z-full", expect=5)
    mybak.stop()
    said = mybak.ctl("status", expect=3)
    assert str(mybak.socket) in said.err
    said = mybak.ctl("--json", "status", expect=3)
    assert json.loads(said.out or said.err)["error"]["kind"] == "unreachable"


def test_failed_job_is_a_failure(place, server, mybak):
    """run-now --wait ends with the job's own exit code; no failure is reported as success."""
    server.stop()
    said = mybak.ctl("run-now", "full", "--wait", expect=3)
    assert str(server.socket) in said.err


def test_busy_and_cancelled(place, server):
    volume(server, 30)
    mybak = Mybak(place, server, limits={"read_rate": "2MiB"}).start()
    waiting = subprocess.Popen(mybak.ctl_words("run-now", "full", "--wait"), stderr=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    job = wait_for(lambda: mybak.get("/v1/jobs")["jobs"])[0]["id"]
    wait_for(lambda: mybak.job(job)["step"] == "copy")
    mybak.ctl("run-now", "full", expect=6)
    mybak.ctl("cancel", job)
    waiting.communicate(timeout=30)
    assert waiting.returncode == 130


def test_nagios(place, server):
    mybak = Mybak(place, server).start()
    mybak.ctl("run-now", "check", "--wait", expect=None)
    said = mybak.ctl("check", "--nagios", expect=1)
    assert said.out.startswith("WARNING - ") and "there is no full backup yet" in said.out
    assert len(said.out.strip().splitlines()) == 1
    mybak.backup("full")
    mybak.backup("incremental")
    mybak.ctl("run-now", "check", "--wait", expect=None)
    said = mybak.ctl("check", "--nagios", expect=None)
    assert said.code in (0, 1), said
    mybak.stop()
    said = mybak.ctl("check", "--nagios", expect=3)
    assert "UNKNOWN" in said.out


def on_terminal(words, env=None):
    """What it prints when a person looks."""
    master, slave = pty.openpty()
    process = subprocess.Popen(words, stdout=slave, stderr=slave, stdin=subprocess.DEVNULL,
                               env={**os.environ, "TERM": "xterm", **(env or {})})
    os.close(slave)
    out = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:
            break
        if not piece:
            break
        out += piece
    os.close(master)
    assert process.wait(timeout=60) == 0, out
    return out.decode()


def test_terminal(place, mybak):
    full = mybak.backup("full")
    text = on_terminal(mybak.ctl_words("list"))
    assert full["id"] in text
    assert "\x1b[3" not in on_terminal(mybak.ctl_words("list"), {"NO_COLOR": "1"})
    text = on_terminal(mybak.ctl_words("restore", "--to", place / "r", "--repo", mybak.url))
    assert "%" in text, "progress is shown"


def test_without_a_daemon(place, mybak):
    """At three in the morning only the repository is left."""
    full = mybak.backup("full")
    mybak.stop()
    mybak.policy_file.unlink()
    ctl = str(BUILD / "mybakctl")
    for words in (["list"], ["show", full["id"]], ["verify"],
                  ["restore", "--to", str(place / "r"), "--no-recover"]):
        done = subprocess.run([ctl, *words, "--repo", mybak.url], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert full["id"] in done.stdout or words[0] in ("restore", "verify")


def test_restore_json(place, mybak):
    full = mybak.backup("full")
    said = mybak.ctl("--json", "restore", "--to", place / "r", "--repo", mybak.url)
    assert full["id"] in said.out


def test_keep_server(place, mybak):
    """The restored server stays and can be asked."""
    import signal
    mybak.server.sql("CREATE DATABASE db", "CREATE TABLE db.t AS SELECT 42 AS n")
    mybak.backup("full")
    said = mybak.ctl("--json", "restore", "--to", place / "r", "--repo", mybak.url, "--keep-server").json
    folder = os.path.dirname(said["socket"])
    assert said["next"][:3] == [f"mariadb --socket={said['socket']}",
                                f"mariadb-admin --socket={said['socket']} shutdown", f"rm -r {folder}"]
    assert "systemctl start mariadb" in said["next"] and "| mariadb" in said["next"][-1]
    try:
        import pymysql
        db = pymysql.connect(unix_socket=said["socket"], user="root")
        with db.cursor() as cursor:
            cursor.execute("SELECT n FROM db.t")
            assert cursor.fetchone() == (42,)
        db.close()
    finally:
        os.kill(said["server_pid"], signal.SIGTERM)
    wait_for(lambda: not os.path.exists(f"/proc/{said['server_pid']}"))
    shutil.rmtree(folder)


def test_owner_and_modes(place, mybak):
    mybak.server.sql("CREATE DATABASE db", "CREATE TABLE db.t (id INT)")
    (mybak.server.datadir / "db" / "t.ibd").chmod(0o640)
    (mybak.server.datadir / "db").chmod(0o750)
    mybak.backup("full")
    mybak.restore(place / "r")
    for name in ("db", "db/t.ibd", "db/t.frm", "ibdata1"):
        a, b = (os.stat(d / name) for d in (mybak.server.datadir, place / "r"))
        assert (a.st_mode, a.st_uid, a.st_gid) == (b.st_mode, b.st_uid, b.st_gid), name
