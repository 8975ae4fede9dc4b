"""What people do to a MySQL while a backup of it runs, and where they have it keep its files."""
import pytest

from harness import Burner, Load, Mybak, MySQLServer, Truth, check_restored, mysql_sid, restore_all, wait_for, with_keyring
from harness.load import ledger_floor, volume
from test_mysql_backup import running, slow, source_of

pytestmark = pytest.mark.mysql

REDO = "SET GLOBAL innodb_redo_log_capacity={}"


def meanwhile(place, server, mybak, *statements):
    """A full under load, in the middle of which these run; it is as good as any other."""
    load, burner = Load(server, "--tables=0", "--ddl=0"), Burner(server)
    floor = ledger_floor(server)
    number = running(mybak)
    wait_for(lambda: mybak.job(number)["bytes_done"] > 0)
    for statement in statements:
        server.sql(statement)
    assert mybak.job(number)["state"] == "running"
    job = mybak.wait_job(number)
    burner.stop()
    load.stop()
    assert job["state"] == "done", job
    return mybak.show(job["backup"]), floor


@pytest.mark.long
@pytest.mark.parametrize("sizes", [(64, 256), (256, 64)])
def test_redo_log_is_resized(place, sizes):
    before, after = (n << 20 for n in sizes)
    server = source_of(place, f"--innodb-redo-log-capacity={before}")
    mybak = slow(place, server, 24)
    taken = [meanwhile(place, server, mybak, REDO.format(after))]
    wait_for(lambda: server.status("Innodb_redo_log_capacity_resized") == after, 60, say="it keeps its size")
    taken.append((mybak.backup("incremental"), None))
    restore_all(place, mybak, Truth.of(server), taken)


def with_keys(place, *options):
    MySQLServer(place, "plain", programs=mysql_sid(), datadir=place / "source.data").create()
    return MySQLServer(place, options=options, programs=with_keyring(mysql_sid(), place / "sbin")).start()


@pytest.mark.long
@pytest.mark.parametrize("to", ["ON", "OFF"])
def test_encryption_is_switched(place, to):
    """Of redo and undo: what was written before and after is there, and can be read.  One file
    of the redo log has both."""
    was = "OFF" if to == "ON" else "ON"
    server = with_keys(place, f"--innodb-redo-log-encrypt={was}", f"--innodb-undo-log-encrypt={was}",
                       "--innodb-redo-log-capacity=4G")
    mybak = slow(place, server, 24)
    backup, floor = meanwhile(place, server, mybak, f"SET GLOBAL innodb_redo_log_encrypt={to}",
                              f"SET GLOBAL innodb_undo_log_encrypt={to}")
    mybak.restore(place / "r", backup, f"--server-option=--plugin-dir={place}/sbin")
    check_restored(Truth.of(server), place / "r", backup, floor)


@pytest.mark.long
def test_key_lies_behind(place):
    """The server writes the key into the file of its checkpoint, which the capture has left."""
    server = with_keys(place, "--innodb-redo-log-capacity=512M", "--innodb-buffer-pool-size=512M",
                       "--innodb-max-dirty-pages-pct=99", "--innodb-max-dirty-pages-pct-lwm=0")
    mybak = slow(place, server)
    load, burner = Load(server, "--tables=0", "--ddl=0"), Burner(server)
    floor = ledger_floor(server)
    number = running(mybak)
    files = 2 * (512 << 20) // 32  # each holds a 32nd of the log
    wait_for(lambda: server.status("Innodb_redo_log_current_lsn")
             > server.status("Innodb_redo_log_checkpoint_lsn") + files, 60, say="too little redo")
    server.sql("SET GLOBAL innodb_redo_log_encrypt=ON")
    assert mybak.job(number)["state"] == "running", "the copy was too fast: this test showed nothing"
    job = mybak.wait_job(number)
    burner.stop()
    load.stop()
    assert job["state"] == "done", job
    mybak.restore(place / "r", job["backup"], f"--server-option=--plugin-dir={place}/sbin")
    check_restored(Truth.of(server), place / "r", mybak.show(job["backup"]), floor)


def homes(place):
    folders = {name: place / name for name in ("system", "redo", "undo", "doublewrite", "binlogs")}
    for folder in folders.values():
        folder.mkdir()
    return folders, (f"--innodb-data-home-dir={folders['system']}", f"--innodb-log-group-home-dir={folders['redo']}",
                     f"--innodb-undo-directory={folders['undo']}", f"--innodb-doublewrite-dir={folders['doublewrite']}")


def test_everything_is_elsewhere(place):
    """System tablespace, redo, undo, doublewrite and binlog each have a directory of their own."""
    folders, init = homes(place)
    server = MySQLServer(place, init=init, options=(f"--log-bin={folders['binlogs']}/bin",), programs=mysql_sid())
    server.create().start()
    volume(server, 8)
    mybak = Mybak(place, server).start()
    mybak.backup("full")
    server.sql("UPDATE vol.t0 SET pad=REVERSE(pad) WHERE id % 3 = 0")
    backup = mybak.backup("incremental")
    assert backup["kind"] == "incremental" and backup["binlog"]["file"].startswith("bin.")
    sums = server.checksum_tables()
    server.stop()  # nobody holds its files: whoever opened them by their old paths would get them
    target = place / "r"
    mybak.restore(target, backup)
    assert (target / "ibdata1").exists() and list(target.glob("undo_*"))
    copy = MySQLServer(place, "copy", programs=server.programs, datadir=target, binlog=False).start()
    assert copy.checksum_tables() == sums and copy.check_tables() == [] and copy.complaints() == []
    copy.check_gtid(backup["binlog"]["gtid"])
