"""A full and an incremental laid over each other, byte for byte against a cold copy of the
source taken at the same point.  A page may differ only where redo from the backup's
checkpoint on has a change for it that recovery would make."""
import struct

import pytest

from harness import Load, Mybak, MySQLServer, Server, mysql_sid, wait_for
from harness.load import change_rows, volume
from harness.redo import Log
from harness.server import copy_tree

PAGE = 16384


def lsn_of(page):
    return struct.unpack(">Q", page[16:24])[0] if len(page) == PAGE else 0


class MariaDBKind:
    DOUBLEWRITE = range(64, 192)  # of the system tablespace: scratch space
    LOAD = ()
    RESTLESS = ()

    @staticmethod
    def server(place, *options):
        return Server(place, options=options)

    @staticmethod
    def owed(cold, restored, backup):
        """(is there redo at all, is there for this page)"""
        touched, _ = Log(restored / "ib_logfile0").pages()

        def is_owed(name, page, x, y):
            return (space_of(restored, cold, name), page) in touched
        return bool(touched), is_owed


class MySQLKind:
    DOUBLEWRITE = range(0)  # has files of its own
    LOAD = ("--tables=0", "--ddl=0")  # DDL waits for the backup to end, and goes on then
    RESTLESS = ("mysql.ibd", "undo_001", "undo_002")  # with each new binlog it notes its GTIDs

    @staticmethod
    def server(place, *options):
        return MySQLServer(place, options=(*options, "--innodb-stats-auto-recalc=OFF"), programs=mysql_sid())

    @staticmethod
    def owed(cold, restored, backup):
        """Was it changed since the checkpoint?  Its redo has records of some seventy kinds; that
        each is there for its page is what recovery shows."""
        checkpoint = backup["lsn"]["checkpoint"]

        def is_owed(name, page, x, y):
            # What the file has grown by is zero until it is written.
            return max(lsn_of(x), lsn_of(y)) >= checkpoint or not any(x) and not any(y)
        return backup["lsn"]["end"] > checkpoint, is_owed


KINDS = pytest.mark.parametrize("kind", [MariaDBKind, pytest.param(MySQLKind, marks=pytest.mark.mysql)])


def page_files(folder):
    return sorted(f.relative_to(folder) for f in folder.rglob("*") if f.is_file() and
                  (f.suffix in (".ibd", ".ibu") or f.name.startswith(("ibdata", "undo"))))


def without_shutdown(page):
    """The LSN of the last clean shutdown is outside of sum and LSN, and nothing reads it."""
    return page[:26] + bytes(8) + page[34:]


def differing_pages(kind, cold, restored):
    """(file, page, bytes, bytes) of every data page that is not the same."""
    for name in page_files(cold):
        a, b = (cold / name).read_bytes(), (restored / name).read_bytes()
        if a == b:
            continue
        for at in range(0, max(len(a), len(b)), PAGE):
            x, y = a[at:at + PAGE], b[at:at + PAGE]
            page = at // PAGE
            if name.name == "ibdata1":
                if page in kind.DOUBLEWRITE:
                    continue
                if page == 0 and kind is MySQLKind:
                    x, y = without_shutdown(x), without_shutdown(y)
            if x != y:
                yield name, page, x, y


def space_of(restored, cold, name):
    for folder in (cold, restored):
        data = (folder / name).read_bytes()[34:38]
        if len(data) == 4:
            return struct.unpack(">I", data)[0]
    raise AssertionError(name)


def check_owed(kind, cold, restored, backup):
    """No difference but what redo owes; does it owe anything?"""
    assert page_files(cold) == page_files(restored)
    something, is_owed = kind.owed(cold, restored, backup)
    for name, page, x, y in differing_pages(kind, cold, restored):
        assert is_owed(name, page, x, y), \
            f"{name} page {page} differs: LSN {lsn_of(x)} cold, {lsn_of(y)} restored"
    return something


def chain(kind, place, quiet):
    """Full under load, changes, incremental; then the source is killed and copied."""
    server = kind.server(place, "--innodb-fast-shutdown=0").create().start()
    volume(server, 40)
    mybak = Mybak(place, server, limits={"read_rate": "40MiB"}).start()
    load = Load(server, *kind.LOAD)
    mybak.backup("full")
    change_rows(server, 0.05)
    server.sql("CREATE TABLE vol.late AS SELECT * FROM vol.t0 LIMIT 20000", "ALTER TABLE vol.t1 FORCE")
    if quiet:
        load.stop()
        server.settle()
        backup = mybak.backup("incremental")
    else:
        server.checkpoint()  # or redo would owe every page
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
    return server, backup, place / "cold", place / "restored"


def same_after_recovery(place, server, cold, restored):
    sums = []
    for name, datadir in (("recovered-cold", cold), ("recovered-copy", restored)):
        copy = type(server)(place, name, datadir=datadir, programs=server.programs,
                            binlog=name == "recovered-cold").start()
        assert copy.check_tables() == []
        sums.append(copy.checksum_tables())
        copy.stop()
    assert sums[0] == sums[1]


@KINDS
def test_settled_source_is_equal_byte_for_byte(place, kind):
    server, backup, cold, restored = chain(kind, place, quiet=True)
    assert [(str(n), p) for n, p, _, _ in differing_pages(kind, cold, restored) if str(n) not in kind.RESTLESS] == []
    check_owed(kind, cold, restored, backup)
    same_after_recovery(place, server, cold, restored)


@KINDS
def test_busy_source_differs_only_where_redo_owes(place, kind):
    server, backup, cold, restored = chain(kind, place, quiet=False)
    assert check_owed(kind, cold, restored, backup), "the load left no redo: this test showed nothing"
    same_after_recovery(place, server, cold, restored)


@KINDS
def test_the_oracle_sees_one_changed_page(place, kind):
    """A page of an old table put in place of the right one is found."""
    server = kind.server(place).create().start()
    volume(server, 10)
    server.settle()
    server.kill9()
    copy_tree(server.datadir, place / "cold")
    copy_tree(server.datadir, place / "restored")
    with open(place / "restored/vol/t0.ibd", "r+b") as f:
        f.seek(5 * PAGE + 100)
        f.write(b"\xff\x00\xff")
    with pytest.raises(AssertionError, match="t0.ibd page 5"):
        check_owed(kind, place / "cold", place / "restored", {"lsn": {"checkpoint": 1 << 62, "end": 1 << 62}})
