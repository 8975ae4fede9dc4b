"""Backups one after the other, and writers that go on meanwhile."""
import threading
import time

from .load import ledger_floor
from .oracle import check_restored


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


class Burner:
    """Writes redo as fast as the server can, into what load.volume has made."""

    def __init__(self, server):
        self.server, self.ended, self.longest = server, threading.Event(), 0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        server.place.at_end(self.stop)

    def run(self):
        n = 0
        while not self.ended.is_set():
            n = n % 50 + 1
            began = time.monotonic()
            self.server.sql(f"UPDATE vol.t0 SET pad=REVERSE(pad) WHERE id % 50 = {n - 1}")
            self.longest = max(self.longest, time.monotonic() - began)

    def stop(self):
        """The longest that one statement took, in seconds."""
        self.ended.set()
        self.thread.join()
        return self.longest
