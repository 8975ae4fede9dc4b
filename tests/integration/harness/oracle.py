"""Is a restored copy right?  Anything less than this has passed on corrupt copies."""
import dataclasses
import subprocess

from .server import Server

ACCOUNTS, BALANCE = 2000, 1000  # as load makes them


@dataclasses.dataclass
class Truth:
    """What the source holds once nobody writes any more."""
    source: Server
    checksums: dict

    @classmethod
    def of(cls, source):
        source.sql("FLUSH BINARY LOGS")  # the last one is complete on disk
        return cls(source, source.checksum_tables())


def check_bank(server, floor):
    """The sums hold, and nothing committed before `floor` was taken is missing."""
    assert server.sql("SELECT SUM(bal), COUNT(*) FROM bank.acct") == [(ACCOUNTS * BALANCE, ACCOUNTS)]
    for table in server.SEQUENCES:
        for thread, rows, last in server.sql(
                f"SELECT thread, COUNT(*), MAX(seq) FROM bank.{table} GROUP BY thread"):
            assert rows == last, f"bank.{table}: thread {thread} has gaps: {rows} rows, last {last}"
            if table == "ledger":
                assert last >= floor.get(thread, 0), f"thread {thread}: committed rows are missing"
    # each account's balance is what the ledger says
    assert server.sql("SELECT COUNT(*) FROM bank.acct a LEFT JOIN (SELECT id, SUM(d) d FROM"
                      " (SELECT dst id, amount d FROM bank.ledger UNION ALL"
                      "  SELECT src, -amount FROM bank.ledger) l GROUP BY id) m USING (id)"
                      f" WHERE a.bal <> {BALANCE} + COALESCE(m.d, 0)") == [(0,)]


def replay(source, target, binlog):
    """The source's binlogs from the recorded position on."""
    target.sql("SET GLOBAL innodb_flush_log_at_trx_commit=0")  # nobody needs it to be durable
    files = source.binlog_files(binlog["file"])
    reader = subprocess.Popen([source.programs.binlog, "--no-defaults",
                               f"--start-position={binlog['position']}", *map(str, files)],
                              stdout=subprocess.PIPE)
    writer = subprocess.run([source.programs.client, "--no-defaults", "--binary-mode", "--user=root",
                             f"--socket={target.socket}"], stdin=reader.stdout,
                            capture_output=True, text=True)
    reader.stdout.close()
    assert reader.wait() == 0 or writer.returncode != 0, "mariadb-binlog failed"
    assert writer.returncode == 0, f"replay: {writer.stderr[-1000:]}"


def differences(truth, checksums):
    return [t for t in sorted(truth.checksums.keys() | checksums.keys())
            if truth.checksums.get(t) != checksums.get(t)]


def check_restored(truth, datadir, backup, floor=None, options=(), ignore=()):
    """Start a server on `datadir`, a restored copy of backup (its JSON), and see that it
    is what the source was at the recorded position.  Lines of the server's log with a
    word of `ignore` are no complaint."""
    source = truth.source
    server = source.plain(source.place, f"restored-{source.place.path.name[-4:]}-{datadir.name}",
                          init=source.init, options=(*source.options, *options),
                          programs=source.programs, datadir=datadir, binlog=False)
    server.start()
    try:
        wrong = server.check_tables()
        assert not wrong, wrong
        if floor is not None:
            check_bank(server, floor)
        binlog = backup["binlog"]
        gtid = source.gtid_at(binlog)
        assert binlog["gtid"] == gtid
        server.check_gtid(gtid)
        replay(source, server, binlog)
        different = differences(truth, server.checksum_tables())
        assert not different, f"differ from the source after replay: {different}"
        complaints = [c for c in server.complaints() if not any(i in c for i in ignore)]
        assert not complaints, "\n".join(complaints)
        server.stop()
    finally:
        server.kill9()
