"""A full and an incremental laid over each other, byte for byte against a cold copy of the
source taken at the same point.  A page may differ only where redo from the backup's
checkpoint on has a change for it that recovery would make, and is never older than what
the source's file had before the backup began."""
import contextlib
import struct

import pytest

from harness import Load, Mybak, MySQLServer, Server, mysql_sid, wait_for
from harness.load import change_rows, volume
from harness.redo import Log
from harness.server import copy_tree

PAGE = 16384


def page_size(*files):
    """Of the tablespace these are: as page 0 of the first that has one says (FSP_SPACE_FLAGS).
    Pages of ROW_FORMAT=COMPRESSED are smaller."""
    flags = next((f for f in (int.from_bytes(data[54:58], "big") for data in files) if f), 0)
    zip_shift = 0 if flags & 1 << 4 else flags >> 1 & 15  # bit 4: full_crc32, never compressed
    return 512 << zip_shift if zip_shift else PAGE


def lsn_of(page):
    return int.from_bytes(page[16:24], "big")


class MariaDBKind:
    DOUBLEWRITE = range(64, 192)  # of the system tablespace: scratch space
    LOAD = ()
    RESTLESS = ()

    @staticmethod
    def server(place, *options):
        return Server(place, options=options)

    @staticmethod
    def owed(cold, restored, backup):
        """Is there redo for this page?"""
        touched, _ = Log(restored / "ib_logfile0").pages()

        def is_owed(name, page, x, y):
            return (space_of(restored, cold, name), page) in touched
        return is_owed


class MySQLKind:
    DOUBLEWRITE = range(0)  # has files of its own
    LOAD = ("--tables=0", "--ddl=0")  # DDL waits for the backup to end, and goes on then
    RESTLESS = ("mysql.ibd", "undo_001", "undo_002")  # with each new binlog it notes its GTIDs

    @staticmethod
    def server(place, *options):
        return MySQLServer(place, options=(*options, "--innodb-stats-auto-recalc=OFF"), programs=mysql_sid())

    @staticmethod
    def owed(cold, restored, backup):
        """Was it changed since the checkpoint, and written to the file after it was copied?  Its
        redo has records of some seventy kinds; that each is there for its page is what recovery
        shows."""
        checkpoint = backup["lsn"]["checkpoint"]

        def is_owed(name, page, x, y):
            # What the file has grown by is zero until it is written.
            return lsn_of(x) >= checkpoint and lsn_of(x) > lsn_of(y) or not any(x) and not any(y)
        return is_owed


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
        size = page_size(a, b)
        for at in range(0, max(len(a), len(b)), size):
            x, y = a[at:at + size], b[at:at + size]
            page = at // size
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


def lsns(folder):
    """{(file, tablespace, page): LSN}; a file of that name can be another one later."""
    found = {}
    for name in page_files(folder):
        with contextlib.suppress(FileNotFoundError):  # dropped meanwhile
            data = (folder / name).read_bytes()
            size = page_size(data)
            for at in range(0, len(data), size):
                found[name, data[34:38], at // size] = lsn_of(data[at:at + size])
    return found


def check_owed(kind, cold, restored, backup, before):
    """No difference but what redo owes: how many pages are there of that kind?"""
    assert page_files(cold) == page_files(restored)
    is_owed, owing = kind.owed(cold, restored, backup), 0
    for name, page, x, y in differing_pages(kind, cold, restored):
        if lsn_of(x) > backup["lsn"]["end"]:
            continue  # purge and the like go on after the point
        where = f"{name} page {page} differs: LSN {lsn_of(x)} cold, {lsn_of(y)} restored"
        assert is_owed(name, page, x, y), where
        # Redo begins behind this one: what a page lacks of before does not come back.
        least = before.get((name, (restored / name).read_bytes()[34:38], page), 0)
        assert lsn_of(y) >= least, f"{where}, {least} before"
        owing += 1
    return owing


def decided_by_the_copy(kind, restored, full, backup):
    """How many pages have changes that neither the full has nor redo?"""
    return sum(full["lsn"]["end"] < lsn < backup["lsn"]["checkpoint"] for (name, _, page), lsn in lsns(restored).items()
               if name.name != "ibdata1" or page not in kind.DOUBLEWRITE)


def chain(kind, place, quiet):
    """Full under load, changes, incremental; then the source is killed and copied."""
    server = kind.server(place, "--innodb-fast-shutdown=0").create().start()
    volume(server, 40)
    mybak = Mybak(place, server, limits={"read_rate": "40MiB"}).start()
    load = Load(server, *kind.LOAD)
    full = mybak.backup("full")
    change_rows(server, 0.05)
    server.sql("CREATE TABLE vol.late AS SELECT * FROM vol.t0 LIMIT 20000", "ALTER TABLE vol.t1 FORCE")
    if quiet:
        load.stop()
        server.settle()
        server.checkpoint()  # MySQL's comes up to a second behind its last dirty page
        before = lsns(server.datadir)
        backup = mybak.backup("incremental")
    else:
        server.checkpoint()  # or redo would owe every page
        before = lsns(server.datadir)
        # So slow that the load has ended, its last DDL too, long before the point.
        mybak.policy["limits"]["read_rate"] = "15MiB"
        mybak.write_policy()
        mybak.ctl("reload")
        job = mybak.start_job("incremental")
        wait_for(lambda: mybak.job(job)["bytes_done"] > 4 << 20
                 or mybak.job(job)["state"] not in ("queued", "running"))
        load.stop()
        ended = mybak.wait_job(job)
        assert ended["state"] == "done", ended
        backup = mybak.show(ended["backup"])
    assert backup["kind"] == "incremental"
    if not quiet:
        server.checkpoint()  # what was in memory alone when it was copied
    server.kill9()
    copy_tree(server.datadir, place / "cold")
    mybak.restore(place / "restored", backup, "--no-recover")
    assert decided_by_the_copy(kind, place / "restored", full, backup) > 100
    return server, backup, place / "cold", place / "restored", before


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
    server, backup, cold, restored, before = chain(kind, place, quiet=True)
    assert [(str(n), p) for n, p, _, _ in differing_pages(kind, cold, restored) if str(n) not in kind.RESTLESS] == []
    check_owed(kind, cold, restored, backup, before)
    same_after_recovery(place, server, cold, restored)


@KINDS
def test_busy_source_differs_only_where_redo_owes(place, kind):
    server, backup, cold, restored, before = chain(kind, place, quiet=False)
    assert check_owed(kind, cold, restored, backup, before), "no page differs: this test showed nothing"
    same_after_recovery(place, server, cold, restored)


@pytest.mark.parametrize("table, size", [("t0", PAGE), ("zip", PAGE // 2)])
@KINDS
def test_the_oracle_sees_one_changed_page(place, kind, table, size):
    """A page of an old table put in place of the right one is found, and one that was left out
    though it had changed before the checkpoint, even where redo has a later change for it."""
    server = kind.server(place).create().start()
    volume(server, 10)
    server.sql("CREATE TABLE vol.zip ROW_FORMAT=COMPRESSED AS SELECT * FROM vol.t0")
    server.settle()
    server.kill9()
    cold, restored = place / "cold", place / "restored"
    copy_tree(server.datadir, cold)
    copy_tree(server.datadir, restored)
    before = lsns(cold)
    key, = (k for k in before if k[0].name == f"{table}.ibd" and k[2] == 5)
    assert (cold / key[0]).read_bytes()[5 * size + 4:][:4] == struct.pack(">I", 5)

    for at, data in ((100, b"\xff\x00\xff"), (16, struct.pack(">Q", before[key] - 1))):
        with open(restored / key[0], "r+b") as f:
            f.seek(5 * size + at)
            f.write(data)
    late = {"lsn": {"checkpoint": 1 << 62, "end": 1 << 62}}
    with pytest.raises(AssertionError, match=f"(?m){table}.ibd page 5 differs: .* restored$"):
        check_owed(kind, cold, restored, late, before)

    class Owing(kind):
        @staticmethod
        def owed(*_):
            return lambda *_: True
    with pytest.raises(AssertionError, match=f"(?m){table}.ibd page 5 differs: .* before$"):
        check_owed(Owing, cold, restored, late, before)
    before[key] -= 1
    assert check_owed(Owing, cold, restored, late, before) == 1
