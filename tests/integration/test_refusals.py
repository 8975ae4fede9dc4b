"""What is refused, before anything is written, and with words that help."""
import os
import subprocess

import pytest

from harness import Mybak, Server, mariadb_11_8
from harness.load import volume


@pytest.fixture
def server(place):
    return Server(place).create().start()


def failed(mybak, kind="full"):
    job = mybak.wait_job(mybak.start_job(kind))
    assert job["state"] == "failed", job
    assert mybak.backup_dirs() == []
    return job["error"]


def test_wrong_password(place, server):
    mybak = Mybak(place, server)
    mybak.defaults_file.write_text("[client]\nuser=mybak\npassword=wrong\n")
    mybak.start()
    error = failed(mybak)
    assert error["kind"] == "refused" and "wrong" not in error["message"].replace("wrong password", "")
    assert str(mybak.defaults_file) in error["message"] + error["hint"]


def refused_restore(mybak, target, *words, **kw):
    said = mybak.restore(target, None, *words, expect=4, **kw)
    assert said.err
    return said.err


def test_restore_targets(place, server):
    mybak = Mybak(place, server).start()
    mybak.backup("full")
    target = place / "r"
    target.mkdir()
    (target / "somebody's").write_text("thesis")
    assert "not empty" in refused_restore(mybak, target)
    assert (target / "somebody's").read_text() == "thesis"
    mybak.restore(target, None, "--force")
    assert not (target / "somebody's").exists() and (target / "ibdata1").exists()
    assert "running server" in refused_restore(mybak, server.datadir, "--force")
    assert "overlaps" in refused_restore(mybak, mybak.repo / "x")
    os.symlink(target, place / "link")
    assert "symbolic link" in refused_restore(mybak, place / "link", "--force")
    (place / "file").write_text("x")
    refused_restore(mybak, place / "file")
    server.sql("SELECT 1")


def fake_server(place, version):
    script = place / "fake-mariadbd"
    script.write_text(f"#!/bin/sh\necho '{script}  Ver {version} for debian-linux-gnu on x86_64 (Debian)'\n")
    script.chmod(0o755)
    return script


@pytest.mark.parametrize("version", ["11.8.6-MariaDB-0+deb13u1", "10.6.20-MariaDB", "8.0.36"])
def test_server_of_another_version(place, server, version):
    mybak = Mybak(place, server).start()
    mybak.backup("full")
    said = mybak.ctl("restore", "--to", place / "r", "--repo", mybak.url, "--server-binary",
                     fake_server(place, version), expect=4)
    assert version.split("-")[0].rsplit(".", 1)[0] in said.err and "10.11" in said.err
    assert not (place / "r").exists()
    mybak.ctl("restore", "--to", place / "r", "--repo", mybak.url, "--no-recover")


def test_real_server_of_another_version(place, server):
    newer = mariadb_11_8()
    mybak = Mybak(place, server).start()
    mybak.backup("full")
    said = mybak.ctl("restore", "--to", place / "r", "--repo", mybak.url, "--server-binary",
                     newer.mariadbd, expect=4)
    assert "11.8" in said.err and not (place / "r").exists()


def test_no_server_program(place, server):
    mybak = Mybak(place, server).start()
    mybak.backup("full")
    said = mybak.ctl("restore", "--to", place / "r", "--repo", mybak.url, "--server-binary",
                     place / "nothing", expect=None)
    assert said.code in (4, 5) and "nothing" in said.err and not (place / "r").exists()


def test_too_little_space(place, server):
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    volume(server, 40)
    mybak = Mybak(place, server).start()
    mybak.backup("full")
    (place / "disk").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=30m", "mybak-test", place / "disk"], check=True)
    try:
        said = mybak.restore(place / "disk" / "r", expect=None)
        assert said.code not in (0, 2) and "has room for" in said.err
        assert list((place / "disk").iterdir()) == []
    finally:
        subprocess.run(["umount", "-l", place / "disk"], check=True)


@pytest.mark.parametrize("key, text, word", [
    ("method", "snapshot", "snapshot"), ("method", "lock", "lock"), ("method", "cold", "cold"),
    ("method", "dump", "dump")])
def test_methods_that_are_not_built(place, server, key, text, word):
    mybak = Mybak(place, server)
    mybak.policy["instances"][0][key] = text
    mybak.write_policy()
    done = subprocess.run(mybak.command("--check"), capture_output=True, text=True, timeout=30)
    assert done.returncode != 0
    assert word in done.stderr and "not built yet" in done.stderr


def test_repository_places(place, server):
    """A directory that holds something else is not made a repository; s3 is refused by name."""
    mybak = Mybak(place, server)
    mybak.repo.mkdir()
    (mybak.repo / "holiday.jpg").write_text("x")
    mybak.start()
    job = mybak.wait_job(mybak.start_job("full"))
    assert (job["state"], job["error"]["kind"]) == ("failed", "refused"), job
    assert [f.name for f in mybak.repo.iterdir()] == ["holiday.jpg"]
    mybak.stop()
    mybak.policy["repositories"][0]["url"] = "s3://bucket/x"
    mybak.write_policy()
    done = subprocess.run(mybak.command("--check"), capture_output=True, text=True, timeout=30)
    assert done.returncode != 0 and "not built yet" in done.stderr


def test_must_be_mounted(place, server):
    mybak = Mybak(place, server)
    mybak.policy["repositories"][0]["must_be_mounted"] = True
    mybak.write_policy()
    mybak.start()
    error = mybak.wait_job(mybak.start_job("full"))["error"]
    assert error["kind"] == "refused" and "mount" in error["message"]


def test_older_server_is_refused_by_its_version(place):
    """A server that says it is 10.6: refused with the reason."""
    server = Server(place, options=("--version=10.6.20-MariaDB",)).create().start()
    mybak = Mybak(place, server).start()
    error = failed(mybak)
    assert error["kind"] == "refused" and "10.6" in error["message"], error
