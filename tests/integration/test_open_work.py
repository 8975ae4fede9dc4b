"""Work that is under way while the backup fixes its point: a long ALTER, prepared XA
transactions, an import of a tablespace."""
import contextlib
import shutil
import threading

from harness import Mybak, Server, Truth, check_restored, wait_for
from harness.load import volume


def restored_server(place, source, target):
    return Server(place, f"look-{target.name}", options=source.options, programs=source.programs,
                  datadir=target, binlog=False).start()


def test_long_alter_across_the_locks(place):
    """An ALTER that rebuilds a table is running when DDL is blocked: the backup has the
    table as it was, nothing of the half-made one, and the ALTER goes on afterwards."""
    server = Server(place).create().start()
    volume(server, 120, tables=2)
    mybak = Mybak(place, server).start()
    failed = []

    def alter(algorithm):
        try:
            server.sql(f"ALTER TABLE vol.t0 ADD COLUMN extra_{algorithm} VARCHAR(40) DEFAULT 'x',"
                       f" ADD KEY (pad), ALGORITHM={algorithm}")
        except Exception as e:
            failed.append(e)
    for algorithm in ("INPLACE", "COPY"):
        running = threading.Thread(target=alter, args=(algorithm,))
        running.start()
        wait_for(lambda: any(name.name.startswith("#sql") for name in (server.datadir / "vol").iterdir())
                 or not running.is_alive(), say="the ALTER does not begin")
        backup = mybak.backup("full")
        running.join()
        assert not failed, failed
        target = place / f"restored-{algorithm}"
        mybak.restore(target, backup)
        leftovers = [p.name for p in (target / "vol").iterdir() if p.name.startswith("#sql")]
        assert leftovers == []
        check_restored(Truth.of(server), target, backup)


def test_prepared_xa_transactions_survive(place):
    """What XA PREPARE promised is kept by the restored server: it can be committed there."""
    server = Server(place).create().start()
    server.sql("CREATE DATABASE x", "CREATE TABLE x.t (a INT PRIMARY KEY)", "INSERT INTO x.t VALUES (1)")
    server.sql("XA START 'one'", "INSERT INTO x.t VALUES (2)", "XA END 'one'", "XA PREPARE 'one'")
    mybak = Mybak(place, server).start()
    backup = mybak.backup("full")
    said = mybak.restore(place / "restored", backup, "--json").json
    assert "rolled back: 1 ('one')" in said["note"]
    copy = restored_server(place, server, place / "restored")
    assert [row[3] for row in copy.sql("XA RECOVER")] == [b"one"]
    copy.sql("XA COMMIT 'one'")
    assert copy.sql("SELECT a FROM x.t ORDER BY a") == [(1,), (2,)]
    copy.stop()


def test_imported_tablespace_between_parent_and_child(place):
    """An import puts another file under an old name: the incremental has all of it."""
    server = Server(place).create().start()
    volume(server, 20, tables=2)
    server.sql("CREATE DATABASE im", "CREATE TABLE im.t LIKE vol.t0", "INSERT INTO im.t SELECT * FROM vol.t0")
    mybak = Mybak(place, server).start()
    mybak.backup("full")
    spare, home = place / "spare", server.datadir / "im"
    spare.mkdir()
    server.sql("UPDATE im.t SET pad='exported'")
    with contextlib.closing(server.connect()) as db, db.cursor() as session:
        session.execute("FLUSH TABLES im.t FOR EXPORT")
        for suffix in ("ibd", "cfg"):
            shutil.copy(home / f"t.{suffix}", spare)
        session.execute("UNLOCK TABLES")
    server.sql("UPDATE im.t SET pad='later'", "ALTER TABLE im.t DISCARD TABLESPACE")
    for suffix in ("ibd", "cfg"):
        shutil.copy(spare / f"t.{suffix}", home)
    server.sql("ALTER TABLE im.t IMPORT TABLESPACE")
    backup = mybak.backup("incremental")
    assert backup["kind"] == "incremental"
    mybak.restore(place / "restored", backup)
    copy = restored_server(place, server, place / "restored")
    assert copy.check_tables() == []
    assert copy.sql("SELECT DISTINCT pad FROM im.t") == [("exported",)]
    copy.stop()
