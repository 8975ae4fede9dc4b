"""A full and an incremental laid over each other, byte for byte against a cold copy of the
source taken at the same point.  A page may differ only where the restored redo log has a
change for it that recovery would make."""
import struct

import pytest

from harness import Load, Mybak, Server, wait_for
from harness.load import change_rows, volume
from harness.redo import Log
from harness.server import copy_tree

PAGE = 16384
DOUBLEWRITE = range(64, 192)  # of the system tablespace: scratch space


def page_files(folder):
    return sorted(f.relative_to(folder) for f in folder.rglob("*") if f.is_file() and
                  (f.suffix == ".ibd" or f.name.startswith(("ibdata", "undo"))))


def differing_pages(cold, restored):
    """(file, page, why) of every data page that is not the same bytes."""
    for name in page_files(cold):
        a, b = (cold / name).read_bytes(), (restored / name).read_bytes()
        if a == b:
            continue
        for at in range(0, max(len(a), len(b)), PAGE):
            x, y = a[at:at + PAGE], b[at:at + PAGE]
            page = at // PAGE
            if x != y and not (name.name == "ibdata1" and page in DOUBLEWRITE):
                yield name, page, x, y


def space_of(restored, cold, name):
    for folder in (cold, restored):
        data = (folder / name).read_bytes()[34:38]
        if len(data) == 4:
            return struct.unpack(">I", data)[0]
    raise AssertionError(name)


def owed(cold, restored):
    """No difference but what redo owes; how many of those."""
    assert page_files(cold) == page_files(restored)
    touched, _ = Log(restored / "ib_logfile0").pages()
    count = 0
    for name, page, x, y in differing_pages(cold, restored):
        space = space_of(restored, cold, name)
        lsns = [struct.unpack(">Q", p[16:24])[0] if len(p) == PAGE else None for p in (x, y)]
        assert (space, page) in touched, \
            f"{name} page {page} (space {space}) differs: LSN {lsns[0]} cold, {lsns[1]} restored"
        count += 1
    return count, touched


def chain(place, quiet):
    """Full under load, changes, incremental; then the source is killed and copied."""
    server = Server(place, options=("--innodb-fast-shutdown=0",)).create().start()
    volume(server, 40)
    mybak = Mybak(place, server, limits={"read_rate": "40MiB"}).start()
    load = Load(server)
    mybak.backup("full")
    change_rows(server, 0.05)
    server.sql("CREATE TABLE vol.late AS SELECT * FROM vol.t0 LIMIT 20000", "ALTER TABLE vol.t1 FORCE")
    if quiet:
        load.stop()
        server.settle()
        backup = mybak.backup("incremental")
    else:
        server.sql("SET GLOBAL innodb_log_checkpoint_now=ON")  # or redo would owe every page
        job = mybak.start_job("incremental")
        wait_for(lambda: mybak.job(job)["bytes_done"] > 4 << 20
                 or mybak.job(job)["state"] not in ("queued", "running"))
        load.stop()
        ended = mybak.wait_job(job)
        assert ended["state"] == "done", ended
        backup = mybak.show(ended["backup"])
    assert backup["kind"] == "incremental"
    server.kill9()
    copy_tree(server.datadir, place / "cold")
    mybak.restore(place / "restored", backup, "--no-recover")
    return server, place / "cold", place / "restored"


def same_after_recovery(place, server, cold, restored):
    sums = []
    for name, datadir in (("recovered-cold", cold), ("recovered-copy", restored)):
        copy = Server(place, name, datadir=datadir, binlog=name == "recovered-cold").start()
        assert copy.check_tables() == []
        sums.append(copy.checksum_tables())
        copy.stop()
    assert sums[0] == sums[1]


def test_settled_source_is_equal_byte_for_byte(place):
    server, cold, restored = chain(place, quiet=True)
    assert [(str(n), p) for n, p, _, _ in differing_pages(cold, restored)] == []
    same_after_recovery(place, server, cold, restored)


def test_busy_source_differs_only_where_redo_owes(place):
    server, cold, restored = chain(place, quiet=False)
    _, touched = owed(cold, restored)
    assert touched, "the load left no redo: this test showed nothing"
    same_after_recovery(place, server, cold, restored)


def test_the_oracle_sees_one_changed_page(place):
    """A page of an old table put in place of the right one is found."""
    server = Server(place).create().start()
    volume(server, 10)
    server.settle()
    server.kill9()
    copy_tree(server.datadir, place / "cold")
    copy_tree(server.datadir, place / "restored")
    with open(place / "restored/vol/t0.ibd", "r+b") as f:
        f.seek(5 * PAGE + 100)
        f.write(b"\xff\x00\xff")
    with pytest.raises(AssertionError, match="t0.ibd page 5"):
        owed(place / "cold", place / "restored")
