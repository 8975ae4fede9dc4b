"""A data directory that is seen under another path than the server's (instances.datadir)."""
import pytest

from harness import Mybak, MySQLServer, Server, Truth, check_restored, mysql_sid
from harness.load import volume
from harness.mysql import with_keyring


def mysql(place):
    """Its keys are in the data directory, and so are its logs."""
    source = place / "source.data"
    MySQLServer(place, "plain", programs=mysql_sid(), datadir=source).create()
    server = MySQLServer(place, options=("--general-log=ON", f"--general-log-file={source}/all.txt"),
                         programs=with_keyring(mysql_sid(), place / "sbin", source / "keyring"))
    return server.start(), (f"--server-option=--plugin-dir={place}/sbin",)


def mariadb(place):
    server = Server(place, options=("--general-log=ON", f"--general-log-file={place}/source.data/all.txt"))
    return server.create().start(), ()


@pytest.mark.parametrize("kind", [mariadb, pytest.param(mysql, marks=pytest.mark.mysql)])
def test_another_path(place, kind):
    server, options = kind(place)
    volume(server, 4)
    assert (server.datadir / "all.txt").exists()
    seen = place / "seen"
    seen.symlink_to(server.datadir)
    mybak = Mybak(place, server)
    mybak.policy["instances"][0]["datadir"] = str(seen)
    mybak.write_policy()
    mybak.start()
    assert "critical" not in mybak.ctl("check", expect=None).out
    taken = [mybak.backup("full"), mybak.backup("incremental")]
    assert [b["kind"] for b in taken] == ["full", "incremental"]
    if kind is mysql:
        assert any(f"{seen}/keyring" in w for w in taken[0]["warnings"])
    for i, backup in enumerate(taken):
        files = [f["path"] for f in mybak.ctl("--json", "show", "--files", backup["id"], "--repo", mybak.url).json["files"]]
        assert files.count("ibdata1") == 1
        assert not {"keyring", "all.txt"} & set(files), files
        mybak.restore(place / f"r{i}", backup, *options)
    server.options = ()
    check_restored(Truth.of(server), place / "r1", taken[1])
