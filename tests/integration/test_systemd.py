"""The unit under a real systemd: this machine's own root, with mybak installed on top of an
overlay, booted by systemd-nspawn."""
import os
import pathlib
import subprocess

import pytest

from harness import BUILD, ROOT

POLICY = """\
repositories:
  - {name: local, url: "file:///var/lib/mybakd/repo"}
instances:
  - name: main
    socket: /run/mysqld/mysqld.sock
    defaults_file: /etc/mybakd/main.cnf
schedule: {full: off, incremental: off, verify: off}
"""
JOB = """\
[Unit]
After=basic.target
[Service]
Type=exec
ExecStart=/bin/bash -c '/job/inside >/job/out 2>&1; systemctl --force poweroff'
"""


def run(*words, **kw):
    return subprocess.run([str(w) for w in words], check=True, capture_output=True, text=True, **kw)


@pytest.fixture
def machine(place):
    """The root of a machine with mybak installed."""
    if os.geteuid() != 0:
        pytest.skip("systemd-nspawn needs root")
    layer, root = place / "layer", place / "root"
    for folder in (layer, root):
        folder.mkdir()
    run("mount", "-t", "tmpfs", "mybak-test", layer)
    place.at_end(lambda: run("umount", "-l", layer))
    for name in ("upper", "work"):
        (layer / name).mkdir()
    done = subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                           f"lowerdir=/,upperdir={layer}/upper,workdir={layer}/work", root],
                          capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"cannot mount an overlay of /: {done.stderr.strip()}")
    place.at_end(lambda: run("umount", "-l", root))
    run("make", "-C", ROOT, f"O={BUILD}", "install", f"DESTDIR={root}")
    etc = root / "etc/mybakd"
    etc.mkdir(parents=True, exist_ok=True)
    (etc / "policy.yaml").write_text(POLICY)
    (etc / "main.cnf").write_text("[client]\nuser=mybak\npassword=secret\n")
    (etc / "main.cnf").chmod(0o600)
    drop_in = root / "etc/systemd/system/mybakd.service.d"
    drop_in.mkdir(parents=True)
    (drop_in / "test.conf").write_text("[Service]\nWatchdogSec=2\nRestartSec=0\n")
    (root / "etc/mysql/conf.d/zz-test.cnf").write_text("[mysqld]\nlog_bin=binlog\n")
    (root / "usr/sbin/policy-rc.d").unlink(missing_ok=True)
    return root


def boot(place, root):
    """{name: value} as systemd_inside.sh prints them, and its whole output."""
    job = place / "job"
    job.mkdir()
    inside = pathlib.Path(__file__).with_name("systemd_inside.sh")
    run("cp", inside, job / "inside")
    (job / "mybak-job.service").write_text(JOB)
    try:
        done = subprocess.run(
            ["systemd-nspawn", "--boot", f"--directory={root}", "--register=no", "--keep-unit",
             f"--machine=mybak-{os.getpid()}", "--private-network", f"--bind={job}:/job",
             f"--bind-ro={job}/mybak-job.service:/etc/systemd/system/mybak-job.service",
             "--bind-ro=/dev/null:/etc/fstab", "--link-journal=no", "--kill-signal=SIGRTMIN+4",
             "systemd.wants=mybak-job.service"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=240)
    except subprocess.TimeoutExpired as e:
        raise AssertionError(f"the machine does not end:\n{(job / 'out').read_text()[-3000:]}") from e
    if not (job / "out").exists():
        pytest.skip(f"systemd-nspawn cannot boot here: {(done.stderr or done.stdout).strip()[-200:]}")
    out = (job / "out").read_text(errors="replace")
    facts = {}
    for line in out.split("--- journal")[0].splitlines():
        name, colon, value = line.partition(": ")
        if colon:
            facts[name] = value
    return facts, out


def test_unit(place, machine):
    facts, out = boot(place, machine)
    want = {"start": "0", "active": "active", "user": "mysql", "socket": "660 mybak", "full": "0",
            "incremental": "0", "reload": "0", "after_bad_policy": "active", "kept_watchdog": "yes",
            "list_after_restart": "0", "restart": "0", "stop": "0", "result": "success",
            "socket_after_stop": "gone"}
    assert {k: facts.get(k) for k in want} == want, out
    assert float(facts["security"]) < 3, out
    assert facts["status"], "STATUS= says something"
    assert facts["status_after_bad_policy"] != facts["status"], "a bad policy shows in the status"
    assert int(facts["restarted_by_watchdog"]) >= 1, out
    assert "secret" not in out
