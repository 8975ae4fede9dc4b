"""What people see on odd days: a daemon that hangs, a policy full of errors, names meant for the terminal."""
import json
import os
import signal
import subprocess
import time

import pytest

from harness import BUILD, Mybak, Server

ERRORS = 60


@pytest.fixture
def mybak(place):
    return Mybak(place, Server(place).create().start()).start()


def test_nagios_does_not_wait_for_a_daemon_that_hangs(mybak):
    os.kill(mybak.process.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        said = mybak.ctl("check", "--nagios", expect=3)
        assert time.monotonic() - began < 10, "a monitoring system gives up after ten seconds"
        assert "UNKNOWN" in said.out
    finally:
        os.kill(mybak.process.pid, signal.SIGCONT)


def test_reload_tells_every_error(mybak):
    text = mybak.policy_file.read_text()
    mybak.write_policy(text + "".join(f"a_key_with_a_long_name_{i}: 1\n" for i in range(ERRORS)))
    said = mybak.ctl("reload", expect=2)
    assert "_name_0:" in said.err and "_name_49:" in said.err
    assert "10 more" in said.err, "it says how many it leaves out"
    error = json.loads(mybak.ctl("--json", "reload", expect=2).out)["error"]
    assert "_name_49:" in error["report"][49]
    assert "_name_0:" in error["message"] and "more" in error["message"]


def test_check_does_not_steer_the_terminal(place):
    policy = place / "esc.yaml"
    policy.write_text('repositories: [{name: a, url: "file:///tmp/\\e[31mX"}]\n'
                      "instances: [{name: m, socket: /nowhere}]\n")
    done = subprocess.run([BUILD / "mybakd", "--policy", policy, "--check"], capture_output=True)
    assert b"31mX" in done.stdout and b"\x1b" not in done.stdout
