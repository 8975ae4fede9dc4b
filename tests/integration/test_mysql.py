"""The shortest way through everything with a MySQL.  All its other tests are marked `mysql`
and run by `make check-mysql`."""
import pytest

from harness import Load, Mybak, MySQLServer, Truth, check_restored, mysql_sid, take
from harness.load import volume


@pytest.mark.smoke
def test_mysql(place):
    server = MySQLServer(place, programs=mysql_sid()).create().start()
    volume(server, 8)
    mybak = Mybak(place, server).start()
    load = Load(server, "--tables=0")
    _, (incremental, floor) = take(server, mybak, ("full", "incremental"))
    load.stop()
    mybak.restore(place / "restored", incremental)
    check_restored(Truth.of(server), place / "restored", incremental, floor)
