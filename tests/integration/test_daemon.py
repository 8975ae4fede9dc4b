"""The daemon as programs see it: HTTP over the socket, metrics, reload, schedule, signals."""
import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import Load, Mybak, Server, wait_for
from harness.load import volume


@pytest.fixture
def server(place):
    return Server(place).create().start()


@pytest.fixture
def mybak(place, server):
    return Mybak(place, server).start()


def fails(mybak, method, path, body=None):
    """(status, error object) of a request that must be refused as the contract says."""
    status, text = mybak.http(method, path, body)
    assert 400 <= status < 600, f"{method} {path}: {status} {text}"
    error = json.loads(text)["error"]
    assert error["kind"] and error["message"] and "hint" in error
    return status, error


@pytest.mark.smoke
def test_api(mybak):
    status = mybak.get("/v1/status")
    assert status["version"] and status["started"]
    assert status["policy"]["path"] == str(mybak.policy_file) and status["policy"]["error"] is None
    instance, = status["instances"]
    assert (instance["name"], instance["last_full"], instance["backups"]) == ("main", None, 0)
    full = mybak.backup("full")
    second = mybak.backup("incremental")
    assert [b["id"] for b in mybak.get("/v1/instances/main/backups")] == [full["id"], second["id"]]
    assert mybak.get(f"/v1/instances/main/backups/{full['id']}")["id"] == full["id"]
    instance, = mybak.get("/v1/status")["instances"]
    assert instance["last_full"]["id"] == full["id"]
    assert instance["last_incremental"]["id"] == second["id"]
    repository, = mybak.get("/v1/status")["repositories"]
    assert repository["free_bytes"] > 0 and repository["used_bytes"] >= full["stored_bytes"]
    history = mybak.get("/v1/history")["history"]
    assert {h["type"] for h in history} == {"full", "incremental"}
    assert all(h["state"] == "done" and h["duration_seconds"] >= 0 for h in history)
    for path in ("/v1/jobs", "/v1/space", "/v1/check"):
        assert mybak.get(path) is not None
    assert mybak.http("GET", "/healthz")[0] == 200


def test_job_json(mybak):
    job = mybak.wait_job(mybak.start_job("full"))
    for key in ("id", "type", "instance", "state", "step", "bytes_done", "bytes_total", "started",
                "finished", "backup", "error"):
        assert key in job, key
    assert job["error"] is None and job["bytes_done"] > 0


HOSTILE = [
    ("POST", "/v1/jobs", "{not json", 400),
    ("POST", "/v1/jobs", "[]", 400),
    ("POST", "/v1/jobs", '"full"', 400),
    ("POST", "/v1/jobs", "", 400),
    ("POST", "/v1/jobs", "{}", 400),
    ("POST", "/v1/jobs", '{"type":"full","instance":"main","colour":"red"}', 400),
    ("POST", "/v1/jobs", '{"type":17,"instance":"main"}', 400),
    ("POST", "/v1/jobs", '{"type":"full","instance":null}', 400),
    ("POST", "/v1/jobs", '{"type":"wash","instance":"main"}', 400),
    ("POST", "/v1/jobs", '{"type":"full","instance":"nobody"}', 404),
    ("POST", "/v1/jobs", '{"type":"full","instance":"../../etc"}', 404),
    ("POST", "/v1/jobs", '{"type":"full","instance":"main"}{}', 400),
    ("POST", "/v1/jobs", "[" * 5000, 400),
    ("POST", "/v1/jobs", '{"type":"' + "x" * 70000 + '"}', 413),
    ("GET", "/v1/jobs/999999", None, 404),
    ("GET", "/v1/jobs/-1", None, (400, 404)),
    ("GET", "/v1/jobs/99999999999999999999999", None, (400, 404)),
    ("GET", "/v1/jobs/1x", None, (400, 404)),
    ("DELETE", "/v1/jobs/999999", None, 404),
    ("GET", "/v1/instances/nobody/backups", None, 404),
    ("GET", "/v1/instances/main/backups/20200101T000000Z-full", None, 404),
    ("GET", "/v1/instances/main/backups/..%2f..%2fetc", None, (400, 404)),
    ("GET", "/nothing", None, 404),
    ("GET", "/" + "a" * 5000, None, (400, 404, 414)),
    ("PUT", "/v1/jobs", "{}", 405),
    ("POST", "/v1/status", "{}", 405),
]


def test_hostile_requests(mybak):
    for method, path, body, want in HOSTILE:
        status, error = fails(mybak, method, path, body)
        assert status in (want if isinstance(want, tuple) else (want,)), \
            f"{method} {path[:60]} {str(body)[:60]}: {status} {error}"
    assert mybak.get("/v1/status")["jobs"] == []
    assert mybak.process.poll() is None


def test_not_built_yet(mybak):
    for kind in ("drill",):
        status, error = fails(mybak, "POST", "/v1/jobs", {"type": kind, "instance": "main"})
        assert status in (400, 403, 501) and "not built yet" in error["message"]


def test_hostile_bytes(mybak):
    """Not even HTTP; connections that say nothing, half a request, or hang up at once."""
    lingering = []
    for words in (b"", b"\0" * 4096, b"GET", b"GET / HTTP/1.1\r\n", b"\xff\xfe\r\n\r\n",
                  b"POST /v1/jobs HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n{",
                  b"POST /v1/jobs HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
                  b"POST /v1/jobs HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
                  b"GET /metrics HTTP/1.1\r\n" + b"X-A: b\r\n" * 20000):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(mybak.socket))
        try:
            s.sendall(words)
        except OSError:
            pass
        lingering.append(s)
    assert mybak.http("GET", "/healthz")[0] == 200
    for s in lingering:
        s.close()
    assert mybak.get("/v1/status")["jobs"] == []


def test_busy(place, server):
    volume(server, 30)
    mybak = Mybak(place, server, limits={"read_rate": "4MiB"}).start()
    job = mybak.start_job("full")
    wait_for(lambda: mybak.job(job)["step"] == "copy")
    status, error = fails(mybak, "POST", "/v1/jobs", {"type": "full", "instance": "main"})
    assert (status, error["kind"]) == (409, "busy")
    assert str(job) in error["message"]
    assert mybak.http("DELETE", f"/v1/jobs/{job}")[0] == 202
    mybak.wait_job(job)


def test_metrics(mybak):
    mybak.backup("full")
    mybak.backup("incremental")

    def text():
        status, body = mybak.http("GET", "/metrics")
        assert status == 200
        return body
    # the daemon looks at the repository again after a job
    wait_for(lambda: 'mybak_backup_last_success_timestamp_seconds{' in text()
             and 'type="incremental"' in text(), say=text())
    metrics = text()
    done = subprocess.run(["promtool", "check", "metrics"], input=metrics, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("mybak_up", "mybak_backup_last_success_timestamp_seconds",
                 "mybak_backup_last_duration_seconds", "mybak_backup_last_error_status",
                 "mybak_backup_lock_seconds", "mybak_backup_size_bytes", "mybak_backup_repo_size_bytes",
                 "mybak_jobs_running", "mybak_repository_used_bytes", "mybak_repository_free_bytes"):
        assert f"\n{name}" in metrics, name


def test_metrics_during_a_backup(place, server):
    """A scrape never waits for a worker."""
    volume(server, 60)
    mybak = Mybak(place, server).start()
    load = Load(server)
    job = mybak.start_job("full")
    slowest, scrapes = 0, 0
    while mybak.job(job)["state"] in ("queued", "running"):
        start = time.monotonic()
        status, text = mybak.http("GET", "/metrics")
        slowest = max(slowest, time.monotonic() - start)
        scrapes += 1
        assert status == 200
    load.stop()
    assert mybak.job(job)["state"] == "done"
    assert scrapes > 1 and slowest < 1, f"{scrapes} scrapes, the slowest {slowest:.3f} s"


def test_reload(mybak):
    mybak.policy["compression"]["level"] = 5
    mybak.write_policy()
    assert mybak.http("POST", "/v1/reload")[0] == 200
    mybak.write_policy("repositories:\n  - nam: local\ninstances: []\nretention:\n  full_days: lots\n")
    status, error = fails(mybak, "POST", "/v1/reload")
    assert status == 400
    text = error["message"] + error["hint"]
    assert "nam" in text and "full_days" in text, "all errors are said at once"
    policy = mybak.get("/v1/status")["policy"]
    assert policy["error"] is not None
    assert mybak.backup("full")["kind"] == "full", "the old policy stays in force"
    mybak.process.send_signal(signal.SIGHUP)  # the same by signal
    mybak.write_policy()
    mybak.process.send_signal(signal.SIGHUP)
    wait_for(lambda: mybak.get("/v1/status")["policy"]["error"] is None)


def test_schedule(place, server):
    """Backups come by themselves, one at a time, full first, and go on after downtime."""
    mybak = Mybak(place, server, schedule={"full": "every 1h", "incremental": "every 1s"}).start()
    wait_for(lambda: len(mybak.list()) >= 3)
    assert mybak.stop() == 0
    before = mybak.list()
    assert [b["kind"] for b in before][:2] == ["full", "incremental"]
    assert [b["kind"] for b in before].count("full") == 1
    mybak.start()
    wait_for(lambda: len(mybak.list()) > len(before))
    assert [b["kind"] for b in mybak.list()].count("full") == 1, "the full of this hour was taken"


def test_bad_policy_is_refused_at_start(mybak):
    mybak.stop()
    mybak.write_policy("instances:\n  - name: main\n    methd: hot\n")
    for words in (mybak.command(), mybak.command("--check")):
        done = subprocess.run(words, capture_output=True, text=True, timeout=30)
        assert done.returncode == 2, done
        assert f"{mybak.policy_file}:3:" in done.stderr and "method" in done.stderr, done.stderr


def test_check_option(mybak):
    mybak.backup("full")
    mybak.backup("incremental")
    mybak.stop()
    done = subprocess.run(mybak.command("--check"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_check_option_on_a_fresh_installation(place, server):
    """No repository and no backup yet are told, but are no failure."""
    mybak = Mybak(place, server)
    done = subprocess.run(mybak.command("--check"), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "there is no full backup yet" in done.stdout + done.stderr


@pytest.mark.parametrize("what", [signal.SIGTERM, signal.SIGINT])
def test_stop_during_a_backup(place, server, what):
    """It goes at once, leaves nothing half-made and the server unlocked."""
    volume(server, 30)
    mybak = Mybak(place, server, limits={"read_rate": "2MiB"}).start()
    job = mybak.start_job("full")
    wait_for(lambda: mybak.job(job)["step"] == "copy")
    mybak.process.send_signal(what)
    assert mybak.process.wait(timeout=30) == 0
    assert mybak.list() == [] and mybak.backup_dirs() == []
    server.sql("SET SESSION lock_wait_timeout=5", "CREATE TABLE vol.free (id INT)")
    mybak.start()
    assert [h["state"] for h in mybak.get("/v1/history")["history"]] == ["cancelled"]


def test_history_survives(mybak):
    mybak.backup("full")
    mybak.kill9()
    mybak.start()
    history = mybak.get("/v1/history")["history"]
    assert [h["state"] for h in history] == ["done"]
    number = mybak.start_job("incremental")
    assert number > history[0]["id"], "job numbers are never used twice"
    mybak.wait_job(number)


def test_starts_without_its_server(place, server):
    """The database is down: the daemon is up, says so, and jobs fail with the reason."""
    mybak = Mybak(place, server)
    server.stop()
    mybak.start()
    job = mybak.wait_job(mybak.start_job("full"))
    assert job["error"]["kind"] == "unreachable" and str(server.socket) in job["error"]["message"]
    server.start()
    assert mybak.backup("full")["kind"] == "full"


def test_secret_is_nowhere(place, server, mybak):
    """The password is in no argument, environment, log or answer."""
    mybak.backup("full")
    for name in ("cmdline", "environ"):
        with open(f"/proc/{mybak.process.pid}/{name}", "rb") as f:
            assert b"secret word" not in f.read()
    assert "secret word" not in mybak.logged()
    assert "secret word" not in json.dumps(mybak.get("/v1/status"))
    for file in mybak.state.rglob("*"):
        if file.is_file():
            assert b"secret word" not in file.read_bytes(), file


def test_idle_memory(mybak):
    mybak.backup("full")
    wait_for(lambda: mybak.get("/v1/status")["jobs"] == [])
    with open(f"/proc/{mybak.process.pid}/statm") as f:
        resident = int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    assert resident < 64 << 20


def test_retention(place, server):
    """Expire removes what is too old, a parent only after its children, never the last full."""
    mybak = Mybak(place, server, retention={"full_days": 1, "incremental_days": 1}).start()
    ids = [mybak.backup(kind)["id"] for kind in ("full", "incremental", "full")]
    said = mybak.ctl("--json", "--policy", mybak.policy_file, "expire", "--dry-run").json
    assert "remove" in json.dumps(said)
    assert mybak.wait_job(mybak.start_job("expire"))["state"] == "done"
    assert [b["id"] for b in mybak.list()] == ids, "nothing is a day old yet"


def test_many_clients_at_once(mybak):
    answers = []

    def ask():
        for _ in range(20):
            answers.append(mybak.http("GET", "/v1/status")[0])
    threads = [threading.Thread(target=ask) for _ in range(16)]
    for t in threads:
        t.start()
    mybak.backup("full")
    for t in threads:
        t.join()
    assert answers == [200] * 320
