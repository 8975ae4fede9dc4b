"""What daemon and client make of the archive of the binlogs: check, status, list, metrics,
gaps, reloads, and what retention leaves."""
import calendar
import json
import os
import re
import signal
import subprocess
import time

import pytest

from harness import Archive, Mybak, MySQLServer, Server, mysql_sid, wait_for
from harness.places import ROOT

ROW = "INSERT INTO d.t (b) VALUES (REPEAT('x', 1000))"
SCHEMA = ("CREATE DATABASE d", "CREATE TABLE d.t (a INT AUTO_INCREMENT PRIMARY KEY, b LONGTEXT)")
ROTATE = "FLUSH BINARY LOGS"


def make(place, server, grants=Server.GRANTS, **more):
    mybak = Mybak(place, server, schedule={"binlog": "continuous"}, **more)
    mybak.create_user(grants)
    return mybak


@pytest.fixture
def server(place):
    return Server(place).create().start()


@pytest.fixture
def mybak(place, server):
    mybak = make(place, server).start()
    server.sql(*SCHEMA, ROW)
    caught_up(mybak, server)
    return mybak


def binlog(mybak):
    return mybak.get("/v1/status")["instances"][0]["binlog"]


def window(mybak):
    return mybak.get("/v1/status")["instances"][0]["recovery_window"]


def caught_up(mybak, server):
    def all_there():
        now = binlog(mybak)
        return (now["file"], now["position"]) == server.binlog_end() and now["lag_bytes"] in (0, None)
    wait_for(all_there, say="not all is archived")


def check_lines(mybak):
    return mybak.ctl("--json", "check", expect=None).json["lines"]


def about(lines, words):
    return [line for line in lines if words in line["text"]]


def metrics(mybak):
    """{name and labels: value}"""
    _, text = mybak.http("GET", "/metrics")
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in rows}


# ---- privileges

@pytest.mark.parametrize("missing", ["REPLICATION SLAVE", "BINLOG MONITOR"])
def test_check_names_what_the_stream_lacks(place, server, missing):
    few = [g for g in Server.GRANTS if g not in (missing, "SUPER")]
    mybak = make(place, server, grants=few).start()

    def hints():
        return [line["hint"] for line in check_lines(mybak) if line["level"] == "critical"
                and missing in (line["hint"] or "")]
    assert hints()
    for hint in hints():
        server.sql(re.search(r"GRANT .*?;", hint).group(0))
    wait_for(lambda: not hints(), say="the stream does not try again")
    assert about(check_lines(mybak), "the server writes a binlog, which may be read")
    assert not server.sql("SHOW SLAVE HOSTS"), "check leaves no replica behind"


@pytest.mark.mysql
def test_check_of_a_mysql(place):
    """What a backup needs and what the archive needs, each by what the server has not got yet."""
    server = MySQLServer(place, programs=mysql_sid()).create().start()
    mybak = make(place, server, grants=("USAGE",)).start()
    server.sql(*(f"REVOKE SELECT ON performance_schema.{t} FROM mybak@localhost" for t in server.TABLES))

    def grants():
        """[of a backup, of the archive] as far as they are missing"""
        lines = [line for line in check_lines(mybak) if "not being archived" not in line["text"]]
        return [re.findall(r"GRANT .*?;", line["hint"]) for line in lines if "GRANT" in (line["hint"] or "")]
    account = "TO `mybak`@`localhost`;"
    selects = [f"GRANT SELECT ON performance_schema.{t} {account}" for t in server.TABLES]
    assert grants() == [[f"GRANT BACKUP_ADMIN, RELOAD, REPLICATION CLIENT, PROCESS ON *.* {account}", *selects],
                        [f"GRANT REPLICATION CLIENT, REPLICATION SLAVE ON *.* {account}"]]
    server.sql("GRANT REPLICATION CLIENT ON *.* TO mybak@localhost")
    assert grants() == [[f"GRANT BACKUP_ADMIN, RELOAD, PROCESS ON *.* {account}", *selects],
                        [f"GRANT REPLICATION SLAVE ON *.* {account}"]]
    for one in sum(grants(), []):
        server.sql(one)
    assert grants() == []
    wait_for(lambda: not about(check_lines(mybak), "not being archived"), say="the archive does not begin")
    mybak.backup("full")


# ---- a server without a binlog

def test_no_log_bin_is_one_line(place):
    server = Server(place, binlog=False).create().start()
    mybak = make(place, server).start()
    wait_for(lambda: binlog(mybak)["state"] == "no_log_bin", say=binlog(mybak))
    lines = about(check_lines(mybak), "writes no binlog")
    assert [line["level"] for line in lines] == ["warning"]
    wait_for(lambda: about(mybak.get("/v1/status")["problems"], "writes no binlog"))
    said = about(mybak.get("/v1/status")["problems"], "binlog")
    assert [line["level"] for line in said] == ["warning"], said
    tries = binlog(mybak)["reconnects"]
    wait_for(lambda: binlog(mybak)["reconnects"] > tries + 1)
    assert mybak.logged().count("there is no binlog to archive") == 1
    assert "trying again" not in mybak.logged()
    assert not [name for name in metrics(mybak) if name.startswith("mybak_binlog_streaming")]
    said = mybak.ctl("run-now", "binlog", "--wait", expect=4)
    assert "writes no binlog" in said.err and "log_bin" in said.err
    assert mybak.backup("full")["binlog"]["file"] is None


# ---- a stream that is broken

def test_check_tells_of_the_stream(place, server, mybak):
    """Nothing that can be looked at is wrong, and still nothing arrives."""
    mybak.backup("full")
    wait_for(lambda: about(check_lines(mybak), "its binlog is archived up to"))
    folder = mybak.repo / "main" / "binlogs"
    mybak.stop()
    folder.rename(mybak.repo / "main" / "away")
    folder.write_text("in the way")
    mybak.start()
    wait_for(lambda: about(check_lines(mybak), "the binlog is not being archived"))
    assert mybak.ctl("check", expect=1).out
    said = mybak.ctl("check", "--nagios", expect=2).out
    assert "the binlog is not being archived" in said


# ---- looking

def test_archive_without_a_backup(place, server, mybak):
    """Binlogs are there before the first backup."""
    listed = mybak.ctl("--json", "binlog", "list", "--repo", mybak.url).json
    assert [one["file"] for one in listed] == ["binlog.000001"]
    mybak.ctl("binlog", "list")
    hits = mybak.ctl("--json", "binlog", "find", "--table", "d.t", "--repo", mybak.url, "-i", "main").json
    assert [h["what"] for h in hits][-1] == "insert"
    assert mybak.ctl("--json", "list", "-i", "main", "--repo", mybak.url).json == []
    mybak.ctl("verify", "--repo", mybak.url)
    said = mybak.restore(place / "r", expect=5)
    assert "backup" in said.err


def test_every_view_says_the_same(place, server, mybak):
    full = mybak.backup("full")
    server.sql(ROW, ROTATE, ROW)
    mybak.backup("incremental")
    server.sql(ROW)
    wait_for(lambda: window(mybak)["any_second"] and window(mybak)["oldest"] < window(mybak)["newest"])
    caught_up(mybak, server)
    wait_for(lambda: len([b for b in mybak.ctl("--json", "list").json if b["recovery_window"]]) == 2)
    first, second = mybak.ctl("--json", "list").json
    assert first["recovery_window"]["begins"] and not second["recovery_window"]["begins"]
    assert first["recovery_window"]["oldest"] == window(mybak)["oldest"]
    assert second["recovery_window"]["newest"] >= second["finished"]
    # From the repository alone: as far as transactions go.
    bare = mybak.list()
    assert [b["recovery_window"]["begins"] for b in bare] == [True, False]
    assert bare[0]["recovery_window"]["oldest"] == first["recovery_window"]["oldest"]
    for words in (("--repo", mybak.url), ()):
        shown = mybak.ctl("--json", "show", full["id"], *words).json
        assert shown["recovery_window"]["begins"] and shown["files"]
    rows = [line.split("\t") for line in mybak.ctl("list").out.splitlines()]
    assert [row[12:] for row in rows] == [["begins", "-"], ["within", "-"]]
    assert all(row[11].endswith("Z") for row in rows)
    assert "forward to" in mybak.ctl("show", "latest").out
    now = binlog(mybak)
    assert now["state"] == "running" and now["lag_seconds"] < 5 and now["lag_bytes"] == 0 and now["gaps"] == 0
    seen = metrics(mybak)
    assert seen['mybak_binlog_gaps{instance="main"}'] == 0
    assert seen['mybak_binlog_streaming{instance="main"}'] == 1
    assert seen['mybak_binlog_archive_lag_seconds{instance="main"}'] < 5
    assert seen['mybak_binlog_archive_lag_bytes{instance="main"}'] == 0
    oldest = seen['mybak_recovery_window_oldest_timestamp_seconds{instance="main"}']
    newest = seen['mybak_recovery_window_newest_timestamp_seconds{instance="main"}']
    assert oldest < newest and abs(newest - time.time()) < 10
    plain = [line.split("\t") for line in mybak.ctl("status").out.splitlines()]
    row, = [line for line in plain if line[0] == "binlog"]
    assert row[1:3] == ["main", "running"] and row[5] == "0" and row[9] == "any second"
    assert [line[1] for line in plain if line[0] == "window"] == ["main"]
    said = mybak.ctl("--json", "--policy", mybak.policy_file, "expire", "--dry-run").json
    assert [(b["first"], b["remove"], b["reason"]) for b in said["binlogs"]] == [
        ("binlog.000001", False, f"needed by {full['id']}")]


def test_run_now_says_up_to_where(place, server, mybak):
    server.sql(ROW)
    file, position = server.binlog_end()
    said = mybak.ctl("run-now", "binlog", "--wait")
    assert f"everything before {file}:{position} is archived" in said.out


def test_run_now_fails_soon(place, server, mybak):
    server.stop()
    began = time.monotonic()
    said = mybak.ctl("run-now", "binlog", "--wait", expect=3)
    assert str(server.socket) in said.err and time.monotonic() - began < 15
    server.start()
    # The server is there, but what it says cannot be kept.
    mybak.stop()
    folder = mybak.repo / "main" / "binlogs"
    folder.rename(mybak.repo / "main" / "away")
    folder.write_text("in the way")
    mybak.start()
    wait_for(lambda: binlog(mybak)["state"] != "off", say="no stream")  # before that it is merely busy
    began = time.monotonic()
    said = mybak.ctl("run-now", "binlog", "--wait", expect=None)
    assert said.code not in (0, 6) and "not archived up to" in said.err, said
    assert time.monotonic() - began < 30


def test_what_watches_the_metrics(place, mybak):
    """Rules and dashboard are sound and name only metrics there are."""
    conf = ROOT / "conf"
    done = subprocess.run(["promtool", "check", "rules", str(conf / "prometheus-rules.yaml")],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    panels = json.loads((conf / "grafana-dashboard.json").read_text())["panels"]
    assert len({p["id"] for p in panels}) == len(panels)
    there = set(re.findall(r"^# TYPE (\S+)", mybak.http("GET", "/metrics")[1], re.M))
    for name in ("prometheus-rules.yaml", "grafana-dashboard.json"):
        named = set(re.findall(r"\bmybak_[a-z_]+", (conf / name).read_text()))
        assert named <= there, named - there
        assert {"mybak_binlog_archive_lag_seconds", "mybak_recovery_window_newest_timestamp_seconds"} <= named
    manual = (ROOT / "man" / "mybakd.8").read_text()
    assert not [name for name in there if name not in manual]


# ---- gaps

def fulls(mybak):
    return [h for h in mybak.get("/v1/history")["history"] if h["type"] == "full"]


def tear_a_gap(server, mybak):
    mybak.stop()
    server.sql(ROW, ROTATE, ROW, ROTATE, ROW)
    server.purge_binlogs()
    mybak.start()


def test_one_full_for_a_gap(place, server, mybak):
    mybak.backup("full")
    tear_a_gap(server, mybak)
    wait_for(lambda: len(fulls(mybak)) == 2 and fulls(mybak)[0]["state"] == "done", say=mybak.logged)
    # Two gaps more, of which the second is found before there is a backup behind the first.
    tear_a_gap(server, mybak)
    wait_for(lambda: len(fulls(mybak)) == 3 and fulls(mybak)[0]["state"] == "done")
    for _ in range(2):
        server.sql(ROTATE, ROW)
        mybak.stop()
        mybak.start()
        caught_up(mybak, server)
        mybak.ctl("run-now", "check", "--wait", expect=None)
    assert len(fulls(mybak)) == 3
    now = window(mybak)
    assert not now["any_second"] and len(now["windows"]) == 3
    assert binlog(mybak)["gaps"] == 2 and metrics(mybak)['mybak_binlog_gaps{instance="main"}'] == 2
    plain = [line.split("\t") for line in mybak.ctl("status").out.splitlines()]
    assert len([line for line in plain if line[0] == "window"]) == 3
    assert [line for line in plain if line[0] == "binlog"][0][9] == "3 windows"
    assert not about(mybak.get("/v1/status")["problems"], "are missing")


def test_a_failed_full_for_a_gap_is_tried_again_later(place, server, mybak):
    mybak.backup("full")
    server.sql("REVOKE RELOAD, SUPER ON *.* FROM mybak@localhost")
    tear_a_gap(server, mybak)
    wait_for(lambda: len(fulls(mybak)) == 2 and fulls(mybak)[0]["state"] == "failed")
    said = about(mybak.get("/v1/status")["problems"], "are missing")
    assert [p["level"] for p in said] == ["critical"], "an alarm, and only one"
    time.sleep(4)
    assert len(fulls(mybak)) == 2, "not at once"
    server.sql("GRANT RELOAD ON *.* TO mybak@localhost")
    mybak.http("POST", "/v1/reload")
    wait_for(lambda: fulls(mybak)[0]["state"] == "done", say="a reload does not wait")
    assert len(fulls(mybak)) == 3


def test_no_fulls_without_end_where_no_binlog_is_written(place, server, mybak):
    """No full stands behind a gap in a binlog that is not written any more."""
    mybak.backup("full")
    server.sql("REVOKE RELOAD, SUPER ON *.* FROM mybak@localhost")
    tear_a_gap(server, mybak)
    wait_for(lambda: len(fulls(mybak)) == 2 and fulls(mybak)[0]["state"] == "failed")
    server.stop()
    server.binlog = False
    server.start()
    server.sql("GRANT RELOAD ON *.* TO mybak@localhost")
    mybak.http("POST", "/v1/reload")
    wait_for(lambda: fulls(mybak)[0]["state"] == "done")
    wait_for(lambda: not about(mybak.get("/v1/status")["problems"], "are missing"), say="the alarm stays")
    mybak.ctl("run-now", "check", "--wait", expect=None)
    assert len(fulls(mybak)) == 3
    wait_for(lambda: binlog(mybak)["state"] == "no_log_bin")
    assert not [name for name in metrics(mybak) if "binlog_archive_lag" in name]


def test_binlogs_before_the_first_full_go_with_it(place, server, mybak):
    server.sql(ROTATE, ROW, ROTATE, ROW)
    caught_up(mybak, server)
    full = mybak.backup("full")
    wait_for(lambda: mybak.ctl("--json", "binlog", "list", "--repo", mybak.url).json[0]["file"] ==
             full["binlog"]["file"], say="nobody needs those before it")


def test_killed_during_each_full(place, server):
    """The full that killed the daemon is not begun again with its next breath."""
    from harness.load import volume
    volume(server, 30)
    mybak = make(place, server, limits={"read_rate": "2MiB"})
    mybak.policy["schedule"]["full"] = "every 1h"
    mybak.write_policy()
    mybak.start()
    wait_for(lambda: fulls(mybak) and fulls(mybak)[0]["step"] == "copy" or
             any(j["step"] == "copy" for j in mybak.get("/v1/jobs")["jobs"]))
    mybak.kill9()
    mybak.start()
    wait_for(lambda: binlog(mybak)["state"] == "running")
    time.sleep(3)
    assert [h["state"] for h in fulls(mybak)] == ["failed"]
    due = mybak.get("/v1/status")["instances"][0]["next_full"]
    wait = calendar.timegm(time.strptime(due, "%Y-%m-%dT%H:%M:%SZ")) - int(time.time())
    assert 20 < wait <= 61, due


# ---- the policy changes

def replicas(server):
    return server.sql("SELECT user FROM information_schema.processlist WHERE command = 'Binlog Dump'")


def reload(mybak):
    mybak.write_policy()
    status, text = mybak.http("POST", "/v1/reload")
    assert status == 200, text


def test_reload_off_and_on(place, server, mybak):
    mybak.policy["schedule"]["binlog"] = "off"
    reload(mybak)
    wait_for(lambda: not replicas(server))
    assert binlog(mybak)["state"] == "off"
    server.sql(ROW)
    mybak.policy["schedule"]["binlog"] = "continuous"
    reload(mybak)
    server.sql(ROW)
    caught_up(mybak, server)
    assert len(replicas(server)) == 1 and binlog(mybak)["gaps"] == 0


def test_reload_with_another_user(place, server, mybak):
    server.sql("CREATE USER second@localhost IDENTIFIED BY 'other word'",
               f"GRANT {', '.join(Server.GRANTS)} ON *.* TO second@localhost")
    other = mybak.dir / "second.cnf"
    other.write_text("[client]\nuser=second\npassword='other word'\n")
    other.chmod(0o600)
    mybak.policy["instances"][0]["defaults_file"] = str(other)
    reload(mybak)
    wait_for(lambda: replicas(server) == (("second",),) or replicas(server) == [("second",)],
             say=lambda: replicas(server))
    server.sql(ROW)
    caught_up(mybak, server)
    # The file itself is corrected: a reload is enough, nobody waits for a back-off.
    other.write_text("[client]\nuser=second\npassword='wrong'\n")
    mybak.stop()
    mybak.start()
    wait_for(lambda: binlog(mybak)["reconnects"] >= 4)
    other.write_text("[client]\nuser=second\npassword='other word'\n")
    reload(mybak)
    began = time.monotonic()
    caught_up(mybak, server)
    assert time.monotonic() - began < 5
    assert len(replicas(server)) == 1


def test_reload_with_another_repository(place, server, mybak):
    caught_up(mybak, server)
    before = Archive(mybak.repo).read("binlog.000001")
    moved = mybak.dir / "moved"
    mybak.policy["repositories"][0]["url"] = f"file://{moved}"
    # A job that waits for the old stream does not keep it.
    os.kill(server.pid, signal.SIGSTOP)
    try:
        mybak.start_job("binlog")
        time.sleep(0.5)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    reload(mybak)
    server.sql(ROW)
    wait_for(lambda: Archive(moved).end() == server.binlog_end(), say="nothing comes there")
    assert len(replicas(server)) == 1
    assert Archive(mybak.repo).read("binlog.000001") == before


def test_reload_while_a_job_waits(place, server, mybak):
    """The job waits for the old stream, and the new one for its archive: both end."""
    os.link(mybak.defaults_file, f"{mybak.defaults_file}.2")
    mybak.policy["instances"][0]["defaults_file"] = f"{mybak.defaults_file}.2"
    os.kill(server.pid, signal.SIGSTOP)
    try:
        job = mybak.start_job("binlog")
        wait_for(lambda: mybak.job(job)["state"] == "running")
        reload(mybak)
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert mybak.wait_job(job, 20)["state"] == "cancelled"
    server.sql(ROW)
    caught_up(mybak, server)
    assert len(replicas(server)) == 1 and binlog(mybak)["gaps"] == 0
    assert len(Archive(mybak.repo).lineages()) == 1
