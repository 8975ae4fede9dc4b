"""MySQL, hot: full, incremental, incremental of the incremental, taken under load, each
restored and held against the source; what a backup asks of the server and what it tells."""
import dataclasses
import json
import threading
import time

import pytest

from harness import Load, MySQLServer, Truth, check_restored, mysql_sid, wait_for
from harness.load import change_rows, ledger_floor, volume
from harness.mysql_pitr import MySQLMybak

pytestmark = pytest.mark.mysql

MIB = 1024 * 1024


def source_of(place, *options, init=()):
    return MySQLServer(place, init=init, options=options, programs=mysql_sid()).create().start()


def take(server, mybak, kinds, between=None):
    """[(backup, floor)]: each with what had been committed before it began."""
    taken = []
    for kind in kinds:
        if taken and between:
            between()
        floor = ledger_floor(server)
        taken.append((mybak.backup(kind), floor))
    return taken


def restore_all(place, mybak, truth, taken):
    for i, (backup, floor) in enumerate(taken):
        target = place / f"restored{i}"
        mybak.restore(target, backup)
        check_restored(truth, target, backup, floor)


@dataclasses.dataclass
class Case:
    options: tuple = ()
    init: tuple = ()
    policy: dict = dataclasses.field(default_factory=dict)
    megabytes: int = 40


CASES = {
    "default": Case(),
    "gtid-off": Case(("--gtid-mode=OFF", "--enforce-gtid-consistency=OFF")),
    "slow-group-commit": Case(("--binlog-group-commit-sync-delay=60000",)),
    "redo-32m": Case(("--innodb-redo-log-capacity=32M",), policy={"limits": {"read_rate": "20MiB"}}),
    "page-4k": Case(init=("--innodb-page-size=4k",)),
    "page-64k": Case(init=("--innodb-page-size=64k",), options=("--innodb-strict-mode=OFF",)),
}


@pytest.mark.parametrize("name", CASES)
def test_chain(place, name):
    case = CASES[name]
    server = source_of(place, *case.options, init=case.init)
    volume(server, case.megabytes)
    mybak = MySQLMybak(place, server, **case.policy).start()
    load = Load(server, "--tables=0")
    taken = take(server, mybak, ("full", "incremental", "incremental"),
                 between=lambda: change_rows(server, 0.02))
    load.stop()
    full, first, second = [b for b, _ in taken]
    assert (full["kind"], full["parent"]) == ("full", None)
    assert (first["kind"], first["parent"]) == ("incremental", full["id"])
    assert (second["kind"], second["parent"]) == ("incremental", first["id"])
    assert first["stored_bytes"] < full["stored_bytes"]
    assert full["server"]["uuid"] == server.value("SELECT @@server_uuid")
    mybak.ctl("verify", "--repo", mybak.url)
    truth = Truth.of(server)
    restore_all(place, mybak, truth, taken)
    assert mybak.stop() == 0
