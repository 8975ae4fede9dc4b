"""Where a MySQL's files are: each comes once, by whatever name it is reached, none goes
unseen, and what a restored server must not have stays out."""
import pytest

from harness import Mybak, MySQLServer, mysql_sid, wait_for
from harness.load import volume

pytestmark = pytest.mark.mysql

MIB = 1024 * 1024


def source_of(place, *options):
    return MySQLServer(place, options=options, programs=mysql_sid()).create()


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
