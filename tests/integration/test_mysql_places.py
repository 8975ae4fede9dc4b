"""Where a MySQL's files are: each comes once, by whatever name it is reached, none goes
unseen, and what a restored server must not have stays out."""
import os

import pytest

from harness import Burner, Load, Mybak, MySQLServer, Truth, check_restored, mysql_sid, wait_for
from harness.load import ledger_floor, volume

pytestmark = pytest.mark.mysql

MIB = 1024 * 1024
COLUMNS = "(id INT PRIMARY KEY, pad VARCHAR(200))"


def source_of(place, *options):
    return MySQLServer(place, options=options, programs=mysql_sid()).create()


def files_of(mybak, backup):
    return [f["path"] for f in mybak.ctl("--json", "show", "--files", backup["id"], "--repo", mybak.url).json["files"]]


def test_doublewrite_that_only_detects(place):
    """Its files have checksums of pages as they were when copied, not as redo makes them."""
    server = source_of(place, "--innodb-doublewrite=DETECT_ONLY", "--innodb-redo-log-capacity=32M").start()
    volume(server, 40)
    mybak = Mybak(place, server, limits={"read_rate": "15MiB"}).start()
    load, burner = Load(server, "--tables=0", "--transfers=2"), Burner(server)
    floor, backup = ledger_floor(server), mybak.backup("full")
    burner.stop()
    load.stop()
    assert any(p.name.endswith(".bdblwr") for p in server.datadir.iterdir())
    assert not [f for f in files_of(mybak, backup) if "dblwr" in f]
    truth = Truth.of(server)
    mybak.restore(place / "r", backup)
    check_restored(truth, place / "r", backup, floor)


def hide(file, place):
    file.rename(place / "hidden")
    return lambda: (place / "hidden").rename(file)


def exchange(file, place):
    back = hide(file, place)
    file.write_bytes((place / "hidden").read_bytes())
    return back


@pytest.mark.parametrize("what, size, at", [(hide, 30, 80), (exchange, 30, 80), (hide, 0, 10)],
                         ids=["gone-after-it-was-copied", "exchanged-after-it-was-copied", "gone-before"])
def test_tablespace_vanishes(place, what, size, at):
    """No DDL can run, so it is a disk that was taken away, or a hand."""
    server = source_of(place, f"--innodb-directories={place}/ssd")
    (place / "ssd").mkdir()
    server.start()
    volume(server, 48)
    server.sql(f"CREATE TABLE vol.away (id INT PRIMARY KEY, k INT, pad VARCHAR(250)) DATA DIRECTORY='{place}/ssd'")
    if size:  # the largest are read first
        server.sql("INSERT INTO vol.away SELECT * FROM vol.t0", "INSERT INTO vol.away SELECT id + 1000000, k, pad FROM vol.t1")
    server.settle()
    mybak = Mybak(place, server, limits={"read_rate": "24MiB"}).start()
    number = mybak.start_job("full")
    wait_for(lambda: mybak.job(number)["bytes_done"] > at * MIB, every=0.02)
    file = place.path / "ssd" / "vol" / "away.ibd"
    back = what(file, place.path)
    job = mybak.wait_job(number)
    back()
    assert job["state"] == "failed" and str(file) in job["error"]["message"], job
    assert "vanished" in job["error"]["message"] and job["error"]["hint"]


def test_one_place_by_many_names(place):
    """innodb_directories names the data directory, one place twice, and what a link in the data
    directory leads to: every file comes once, and only what is outside needs a place."""
    data, ssd, own = (place.path / n for n in ("source.data", "ssd", "own"))
    for folder in (ssd, own):
        folder.mkdir()
    for name, to in (("to-data", data), ("to-ssd", ssd)):
        (place / name).symlink_to(to)
    server = source_of(place, f"--innodb-directories={place}/to-data;{ssd};{place}/to-ssd;{own}/link").start()
    server.sql("CREATE DATABASE link", f"CREATE TABLE link.m {COLUMNS} ENGINE=MyISAM", "CREATE DATABASE db",
               *(f"CREATE TABLE db.{t} {COLUMNS} DATA DIRECTORY='{place}/{d}'" for t, d in (("a", "ssd"), ("b", "to-ssd"))),
               f"CREATE TABLE db.t {COLUMNS}", *(f"INSERT INTO db.{t} VALUES (1, 'x')" for t in "abt"))
    server.stop()
    (data / "link").rename(own / "link")
    (data / "link").symlink_to(own / "link")
    server.start()
    mybak = Mybak(place, server).start()
    backup = mybak.backup("full")
    files = files_of(mybak, backup)
    assert {"db/t.ibd", "db/a.ibd", "db/b.ibd", "link/m.MYI", "mysql.ibd"} <= set(files)
    assert len(files) == len(set(files))
    assert backup["size_bytes"] < 1.2 * sum(p.stat().st_size for p in data.rglob("*") if not p.parent.name.startswith("#"))
    truth = Truth.of(server)
    mybak.restore(place / "r", backup, "--map", f"{ssd}={place}/new")
    assert {p.name for p in (place / "new" / "db").iterdir()} == {"a.ibd", "b.ibd"}
    assert (place / "r" / "link" / "m.MYI").exists()
    server.options = ()
    check_restored(truth, place / "r", backup, options=(f"--innodb-directories={place}/new",))


def test_logs_of_channels(place):
    """A channel with a name has a relay log of its own beside that of the nameless one."""
    server = source_of(place, "--relay-log=relay-bin", "--relay-log-index=list.index", "--server-id=9").start()
    for channel in ("", "c1", "a-b ü"):
        server.sql("CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=1, SOURCE_USER='x'"
                   f" FOR CHANNEL '{channel}'", f"START REPLICA SQL_THREAD FOR CHANNEL '{channel}'")
    logs = {p.name for p in server.datadir.iterdir() if p.name.startswith(("relay-bin", "list"))}
    assert {"relay-bin-c1.000001", "list-c1.index", "relay-bin.000001", "list.index"} <= logs and len(logs) >= 6, logs
    mybak = Mybak(place, server).start()
    backup = mybak.backup("full")
    assert not logs & set(files_of(mybak, backup))
    mybak.restore(place / "r", backup)
    assert not logs & set(os.listdir(place / "r"))
