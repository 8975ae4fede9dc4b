"""Nobody is locked in: tests/read_repo.py, which shares nothing with mybak but the manual
page mybak-repo(5), restores what mybak has stored."""
import subprocess
import sys
import threading

import pytest

from harness import Load, Mybak, Server, Truth, check_restored
from harness.load import change_rows, ledger_floor, volume
from harness.places import ROOT

MIB = 1024 * 1024


def read_repo(mybak, backup, target):
    done = subprocess.run([sys.executable, ROOT / "tests" / "read_repo.py", mybak.repo, "main",
                           backup["id"], target], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.smoke
def test_chain_restored_from_the_page_alone(place):
    server = Server(place).create().start()
    volume(server, 40)
    mybak = Mybak(place, server).start()
    load = Load(server)
    taken = []
    for kind in ("full", "incremental", "incremental"):
        floor = ledger_floor(server)
        taken.append((mybak.backup(kind), floor))
        change_rows(server, 0.02)
    load.stop()
    truth = Truth.of(server)
    for i in (0, 2):
        target = place / f"by-hand{i}"
        read_repo(mybak, taken[i][0], target)
        check_restored(truth, target, *taken[i])


def test_redo_longer_than_its_ring(place):
    server = Server(place, options=("--innodb-log-file-size=8M",)).create().start()
    volume(server, 40)
    mybak = Mybak(place, server, limits={"read_rate": "8MiB"}).start()
    ended = threading.Event()

    def burn():
        n = 0
        while not ended.is_set():
            n = n % 50 + 1
            server.sql(f"UPDATE vol.t0 SET pad=REVERSE(pad) WHERE id % 50 = {n - 1}")

    burner = threading.Thread(target=burn)
    burner.start()
    try:
        full = mybak.backup("full")
    finally:
        ended.set()
        burner.join()
    assert full["lsn"]["end"] - full["lsn"]["checkpoint"] > 8 * MIB
    truth = Truth.of(server)
    target = place / "by-hand"
    read_repo(mybak, full, target)
    check_restored(truth, target, full)
