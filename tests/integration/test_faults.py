"""What a backup program is judged by: whatever fails, and whenever, it says so, leaves nothing
half-made, lets the server go, and the next run is good."""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

import pymysql
import pytest

from harness import Load, Mybak, MySQLServer, Server, Truth, check_restored, mysql_sid, wait_for
from harness.load import volume

RUNNING = ("queued", "running")


def mariadb(place):
    return Server(place)


def mysql(place):
    return MySQLServer(place, programs=mysql_sid())


BOTH = pytest.mark.parametrize("kind_of", [mariadb, pytest.param(mysql, marks=pytest.mark.mysql)])


def begin(place, megabytes=30, kind_of=mariadb, **policy):
    server = kind_of(place).create().start()
    volume(server, megabytes)
    if kind_of is mariadb:
        server.sql("CREATE TABLE vol.plain ENGINE=MyISAM AS SELECT * FROM vol.t0 LIMIT 40000")
    return server, Mybak(place, server, **policy).start()


def assert_unlocked(server):
    """DDL and commits go through at once; nobody holds the redo of a MySQL."""
    server.sql("SET SESSION lock_wait_timeout=5", "DROP TABLE IF EXISTS vol.unlocked",
               "CREATE TABLE vol.unlocked (id INT)", "INSERT INTO vol.unlocked VALUES (1)",
               "DROP TABLE vol.unlocked")
    if isinstance(server, MySQLServer):
        wait_for(lambda: server.value("SELECT innodb_redo_log_consumer_register()") == 0, 5,
                 say="a consumer is still registered")


def assert_only(mybak, backups):
    """The repository lists these and holds nothing else."""
    assert [b["id"] for b in mybak.list()] == [b["id"] for b in backups]


def assert_next_run_is_good(place, mybak, server, kind="full", damaged=()):
    backup = mybak.backup(kind)
    assert {d.name for d in mybak.backup_dirs()} == {b["id"] for b in mybak.list()} | set(damaged)
    truth = Truth.of(server)
    target = place / "after-the-fault"
    mybak.restore(target, backup)
    check_restored(truth, target, backup)
    shutil.rmtree(target)
    return backup


def kill_and_look(place, mybak, server, good):
    mybak.kill9()
    assert_only(mybak, good)
    assert_unlocked(server)
    mybak.policy.pop("limits", None)
    mybak.write_policy()
    mybak.start()
    return assert_next_run_is_good(place, mybak, server, "incremental" if good else "full")


HOLDS = {  # step -> the statement of another session that keeps a run in it
    "start": "BACKUP STAGE START",
    "block_ddl": "INSERT INTO vol.plain (id) SELECT SLEEP(3600)",
}


@contextlib.contextmanager
def held(server, step):
    """A session that keeps a run in this step, if one can."""
    if step not in HOLDS:
        yield
        return
    db = server.connect()

    def hold():
        with contextlib.suppress(pymysql.MySQLError), db.cursor() as cursor:
            cursor.execute(HOLDS[step])
    thread = threading.Thread(target=hold)
    thread.start()
    wait_for(lambda: not thread.is_alive() or server.sql(
        "SELECT 1 FROM information_schema.processlist WHERE state='User sleep'"))
    try:
        yield
    finally:
        server.sql(f"KILL {db.thread_id()}")
        thread.join()


@pytest.mark.parametrize("kind", ["full", "incremental"])
@pytest.mark.parametrize("step", ["start", "copy", "block_ddl", "files"])
def test_killed_in_step(place, step, kind):
    server, mybak = begin(place)
    good = [mybak.backup("full")] if kind == "incremental" else []
    if kind == "incremental":
        server.sql("UPDATE vol.t0 SET pad=REVERSE(pad)", "ALTER TABLE vol.plain FORCE")
    if step in ("copy", "files"):
        # slow enough to be met there; a policy is read anew by a new daemon
        mybak.stop()
        mybak.policy["limits"] = {"read_rate": "12MiB" if step == "copy" else "16MiB"}
        mybak.write_policy()
        mybak.start()
    with held(server, step):
        job = mybak.start_job(kind)
        wait_for(lambda: mybak.job(job)["step"] == step or mybak.job(job)["state"] not in RUNNING,
                 every=0.001, say=f"step {step} never came")
        found = mybak.job(job)
        assert found["state"] in RUNNING, found
        mybak.kill9()
    kill_and_look(place, mybak, server, good)


# Calls that mark every step of a run: statements to the server, and what makes
# things durable and visible in the repository.
CALLS = {"statement": "sendto", "durable": "fsync,fdatasync,rename,renameat,renameat2,linkat",
         "directory": "mkdir,mkdirat,openat"}


def under(fault, calls, n):
    return ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={CALLS[calls]}",
            "-e", f"inject={CALLS[calls]}:{fault}:when={n}"]


def end_of(mybak, job):
    """The job when it ended, or None: the daemon did."""
    def ended():
        if mybak.process.poll() is not None:
            return "dead"
        try:
            return mybak.job(job)["state"] not in RUNNING
        except (OSError, ValueError, AssertionError):
            return None
    if wait_for(ended, 120) == "dead":
        mybak.process = None
        return None
    return mybak.job(job)


def start_and_run(mybak, kind, before):
    """A daemon under strace and one job; None when the daemon died of it."""
    try:
        mybak.start(before)
        return end_of(mybak, mybak.start_job(kind))
    except (OSError, AssertionError, ValueError):
        wait_for(lambda: mybak.process.poll() is not None, 10, say="it neither works nor ends")
        mybak.process = None
        return None


def sweep(place, calls, fault, numbers, kind_of=mariadb):
    """Fail at the Nth call, for each N, until a run gets through untouched."""
    server, mybak = begin(place, 8, kind_of)
    good = [mybak.backup("full")]
    mybak.stop()
    met = 0
    for n in numbers:
        server.sql(f"UPDATE vol.t0 SET pad=REVERSE(pad) WHERE id % 7 = {n % 7}")
        job = start_and_run(mybak, "incremental", under(fault, calls, n))
        if mybak.process is not None:
            mybak.stop()
        known = mybak.list()
        assert [b["id"] for b in known][:len(good)] == [b["id"] for b in good]
        assert_unlocked(server)
        if job is None or job["state"] != "done":
            met += 1
            if job is not None:
                assert job["error"]["message"]
        good = known
        mybak.start()
        good.append(mybak.backup("incremental"))
        assert {d.name for d in mybak.backup_dirs()} == {b["id"] for b in good}
        mybak.ctl("verify", good[-1]["id"], "--repo", mybak.url)
        mybak.stop()
        if job is not None and job["state"] == "done" and n > 3:
            break
    assert met, "no fault was met: this test showed nothing"
    mybak.start()
    assert_next_run_is_good(place, mybak, server, "incremental")


@BOTH
@pytest.mark.parametrize("calls", CALLS)
def test_killed_at_some_calls(place, calls, kind_of):
    sweep(place, calls, "signal=KILL", (2, 5, 9, 14), kind_of)


@pytest.mark.long
@BOTH
@pytest.mark.parametrize("calls", CALLS)
def test_killed_at_every_call(place, calls, kind_of):
    sweep(place, calls, "signal=KILL", range(1, 60), kind_of)


@pytest.mark.long
@BOTH
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_every_call_fails_once(place, error, kind_of):
    sweep(place, "durable", f"error={error}", range(1, 40), kind_of)


@pytest.fixture
def small_disk(place):
    """A folder that is its own, small file system."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = place / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "mybak-test", str(folder)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"cannot mount a tmpfs: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@BOTH
def test_full_disk(place, small_disk, kind_of):
    server = kind_of(place).create().start()
    volume(server, 60)
    mybak = Mybak(place, server, repo=small_disk / "repo").start()
    job = mybak.wait_job(mybak.start_job("full"))
    assert job["state"] == "failed"
    assert job["error"]["kind"] == "no_space", job
    assert "No space left" in job["error"]["message"]
    assert_only(mybak, [])
    assert mybak.backup_dirs() == [], "what was written before the disk was full is still there"
    assert_unlocked(server)
    subprocess.run(["mount", "-o", "remount,size=400m", str(small_disk)], check=True)
    assert_next_run_is_good(place, mybak, server)


def in_the_middle(mybak, kind="full"):
    """A job that has copied something and has more to copy."""
    job = mybak.start_job(kind)
    wait_for(lambda: mybak.job(job)["step"] == "copy" and mybak.job(job)["bytes_done"] > 0
             or mybak.job(job)["state"] not in RUNNING, every=0.005)
    assert mybak.job(job)["state"] == "running", mybak.job(job)
    return job


@BOTH
def test_server_dies_in_the_middle(place, kind_of):
    server, mybak = begin(place, kind_of=kind_of, limits={"read_rate": "10MiB"})
    load = Load(server, *([] if kind_of is mariadb else ["--tables=0"]))
    job = in_the_middle(mybak)
    server.kill9()
    load.stop(server_gone=True)
    ended = mybak.wait_job(job)
    assert ended["state"] == "failed"
    assert ended["error"]["kind"] in ("unreachable", "server"), ended
    assert ended["error"]["message"]
    assert_only(mybak, [])
    server.start()
    assert_unlocked(server)
    # Engines that do not survive a crash may have lost it in the source itself.
    server.sql("REPAIR TABLE bank.aria_plain, bank.myisam")
    # So may a table that it died in the DDL of: what is broken in the source is no matter of the backup.
    for table in {row[0] for row in server.check_tables()}:
        assert table.startswith("churn."), table
        server.sql(f"DROP TABLE IF EXISTS {table}")
    assert_next_run_is_good(place, mybak, server)


@BOTH
def test_session_killed_in_the_middle(place, kind_of):
    """A DBA kills the session that holds the locks."""
    server, mybak = begin(place, kind_of=kind_of, limits={"read_rate": "10MiB"})
    job = in_the_middle(mybak)
    for (number,) in server.sql("SELECT id FROM information_schema.processlist WHERE user='mybak'"):
        with contextlib.suppress(Exception):
            server.sql(f"KILL {number}")
    ended = mybak.wait_job(job)
    assert ended["state"] == "failed" and ended["error"]["message"], ended
    assert_only(mybak, [])
    assert_unlocked(server)
    assert_next_run_is_good(place, mybak, server)


IDLE = 60  # seconds after which the server ends a session that holds a lock for nobody


def ddl_goes_on(server, limit):
    began = time.monotonic()
    server.sql(f"SET SESSION lock_wait_timeout={limit}", "CREATE TABLE vol.waits (id INT)")
    return time.monotonic() - began


@pytest.mark.long
@BOTH
def test_frozen_while_ddl_is_blocked(place, kind_of):
    """The process stands still: the server must not wait for it for ever."""
    step = "files" if kind_of is mariadb else "copy"
    server, mybak = begin(place, kind_of=kind_of, limits={"read_rate": "16MiB"})
    job = mybak.start_job("full")
    wait_for(lambda: mybak.job(job)["step"] == step, every=0.001, say=f"step {step} never came")
    mybak.process.send_signal(signal.SIGSTOP)
    try:
        assert ddl_goes_on(server, IDLE + 30) > IDLE / 2, "it was not blocked at all"
    finally:
        mybak.process.send_signal(signal.SIGCONT)
    ended = mybak.wait_job(job, 30)
    assert ended["state"] == "failed" and "was lost" in ended["error"]["message"], ended
    assert_only(mybak, [])
    assert_unlocked(server)
    assert_next_run_is_good(place, mybak, server)


@pytest.mark.long
@pytest.mark.mysql
def test_repository_hangs_while_ddl_is_blocked(place):
    """The process lives, and the copy waits for a write that does not end."""
    server, mybak = begin(place, 60, kind_of=mysql)
    mybak.stop()
    server.checkpoint()  # so little redo that taking it does not hang as well
    mybak.start(before=["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=sync_file_range",
                        "-e", f"inject=sync_file_range:delay_enter={(IDLE + 40) * 1000000}"])
    job = mybak.start_job("full")
    wait_for(lambda: mybak.job(job)["step"] == "copy")
    assert IDLE / 2 < ddl_goes_on(server, IDLE + 30) < IDLE + 25
    ended = mybak.wait_job(job, 2 * IDLE + 100)
    assert ended["state"] == "failed", ended
    assert f"nothing was copied for {IDLE} s" in ended["error"]["message"]
    assert "repository" in ended["error"]["hint"]
    mybak.kill9()
    mybak.start()
    assert_unlocked(server)
    assert_next_run_is_good(place, mybak, server)


def flip_bit(path, at):
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 0x10]))


@BOTH
@pytest.mark.parametrize("what", ["pack", "index", "manifest"])
def test_one_flipped_bit(place, what, kind_of):
    """Nothing of a damaged backup is trusted, nor of what stands on it; verify names it; the
    next backup does not build on it."""
    server, mybak = begin(place, kind_of=kind_of)
    full = mybak.backup("full")
    server.sql("UPDATE vol.t0 SET pad=REVERSE(pad) WHERE id < 1000")
    incremental = mybak.backup("incremental")
    folder = mybak.repo / "main" / "backups" / full["id"]
    victim = folder / what if what == "manifest" else max(
        folder.glob(f"{what}.*"), key=lambda f: f.stat().st_size)
    victim.chmod(0o600)
    flip_bit(victim, victim.stat().st_size // 2)
    for backup in (full, incremental):
        said = mybak.restore(place / "r", backup, expect=7)
        assert full["id"] in said.err, said
        assert not (place / "r").exists() or "incomplete" in said.err or not list(
            p for p in (place / "r").iterdir() if p.suffix == ".ibd"), said
        shutil.rmtree(place / "r", ignore_errors=True)
    said = mybak.ctl("verify", "--repo", mybak.url, expect=7)
    assert full["id"] in said.out + said.err
    assert incremental["id"] in said.out + said.err
    assert victim.name in said.out + said.err
    # the daemon's own verification reports the same, and a new full is good
    job = mybak.wait_job(mybak.start_job("verify"))
    assert (job["state"], job["error"]["kind"]) == ("failed", "damaged"), job
    assert_next_run_is_good(place, mybak, server,
                            damaged=[full["id"]] if what == "manifest" else [])


@pytest.mark.parametrize("keep", [0, 1, 100])
def test_truncated_manifest(place, keep):
    server, mybak = begin(place)
    first = mybak.backup("full")
    full = mybak.backup("full")
    manifest = mybak.repo / "main" / "backups" / full["id"] / "manifest"
    manifest.chmod(0o600)
    os.truncate(manifest, keep)
    said = mybak.ctl("--json", "list", "--repo", mybak.url, expect=None)
    assert said.code in (0, 7)
    assert first["id"] in said.out
    said = mybak.restore(place / "r", full, expect=7)
    assert full["id"] in said.err
    mybak.restore(place / "r", first)
    after = mybak.backup("incremental")
    assert after["parent"] in (None, first["id"]), after
    assert_next_run_is_good(place, mybak, server, damaged=[full["id"]])


@BOTH
def test_two_daemons_on_one_repository(place, kind_of):
    server, first = begin(place, kind_of=kind_of, limits={"read_rate": "10MiB"})
    second = Mybak(place, server, "second", repo=first.repo).start()
    job = in_the_middle(first)
    refused = second.wait_job(second.start_job("full"))
    assert (refused["state"], refused["error"]["kind"]) == ("failed", "busy"), refused
    assert str(first.process.pid) in refused["error"]["message"]
    done = first.wait_job(job)
    assert done["state"] == "done", done
    assert_only(first, [first.show(done["backup"])])
    assert_next_run_is_good(place, second, server)


def test_second_daemon_on_one_socket(place):
    server, mybak = begin(place, 1)
    done = subprocess.run(mybak.command(), capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert str(mybak.socket) in done.stderr or str(mybak.state) in done.stderr
    assert mybak.http("GET", "/healthz")[0] == 200
    mybak.kill9()
    mybak.start()  # the dead one's socket is in nobody's way


@pytest.mark.parametrize("step", ["start", "copy", "block_ddl"])
def test_cancel(place, step):
    server, mybak = begin(place, limits={"read_rate": "1MiB" if step == "copy" else "10GiB"})
    with held(server, step):
        job = mybak.start_job("full")
        wait_for(lambda: mybak.job(job)["step"] == step, every=0.005)
        start = time.monotonic()
        mybak.ctl("cancel", job)
        ended = mybak.wait_job(job)
        took = time.monotonic() - start
    assert (ended["state"], ended["error"]["kind"]) == ("cancelled", "cancelled"), ended
    assert took < 5, "a cancelled job should stop within a second"
    assert_only(mybak, [])
    assert mybak.backup_dirs() == []
    assert_unlocked(server)
    mybak.stop()
    mybak.policy["limits"] = {"read_rate": "10GiB"}
    mybak.write_policy()
    mybak.start()
    assert_next_run_is_good(place, mybak, server)


def test_lock_wait_is_bounded(place):
    """Somebody holds a table for ever: the run gives up, says why, and keeps nobody waiting."""
    server, mybak = begin(place, limits={"lock_wait": "1s", "lock_retries": 1})
    with held(server, "block_ddl"):
        ended = mybak.wait_job(mybak.start_job("full"))
        assert ended["state"] == "failed", ended
        assert "lock" in ended["error"]["message"].lower()
        server.sql("SET SESSION lock_wait_timeout=5", "CREATE TABLE vol.free (id INT)")
    assert_unlocked(server)
    assert_next_run_is_good(place, mybak, server)


def test_killed_while_the_flush_setting_is_changed(place):
    """innodb_flush_log_at_trx_commit is what it was, also when the daemon died while it was 1."""
    server = Server(place, options=("--innodb-flush-log-at-trx-commit=2",)).create().start()
    volume(server, 8)
    mybak = Mybak(place, server)
    met = False
    for n in range(1, 40):
        job = start_and_run(mybak, "full", under("signal=KILL", "statement", n))
        met = met or server.value("SELECT @@GLOBAL.innodb_flush_log_at_trx_commit") == 1
        if mybak.process is not None:
            mybak.stop()
        if met or job is not None:
            break
    mybak.start()
    wait_for(lambda: server.value("SELECT @@GLOBAL.innodb_flush_log_at_trx_commit") == 2, 30,
             say="a killed run left innodb_flush_log_at_trx_commit=1 behind")


@BOTH
def test_restore_is_cut_off(place, kind_of):
    """kill -9 in a restore: the target says that it is no data directory."""
    server, mybak = begin(place, 60, kind_of)
    full = mybak.backup("full")
    target = place / "r"
    process = subprocess.Popen(
        ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=pwrite64,fallocate", "-e",
         "inject=pwrite64,fallocate:signal=KILL:when=20", *mybak.ctl_words(
             "restore", "--jobs", "1",  # strace counts the calls of each thread
             "--to", target, "--repo", mybak.url, "--backup", full["id"], "--server-binary",
             server.programs.mariadbd)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert process.wait(timeout=120) == -signal.SIGKILL
    said = mybak.restore(target, full, expect=4)
    assert "incomplete" in said.err
    mybak.restore(target, full, "--force")
    check_restored(Truth.of(server), target, full)


def test_restore_onto_a_full_disk(place, small_disk):
    server, mybak = begin(place, 60)
    full = mybak.backup("full")
    said = mybak.restore(pathlib.Path(small_disk) / "r", full, expect=None)
    assert said.code not in (0, 2, 3)
    assert "has room for" in said.err
    assert not (small_disk / "r").exists() or not list((small_disk / "r").iterdir())
