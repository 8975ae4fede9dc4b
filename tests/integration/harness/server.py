"""Throw-away database servers."""
import contextlib
import dataclasses
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import pymysql

from .places import wait_for

SYSTEM_SCHEMAS = ("information_schema", "performance_schema", "mysql", "sys")


@dataclasses.dataclass(frozen=True)
class Programs:
    """One server version's programs (paths, perhaps of wrapper scripts)."""
    name: str
    mariadbd: str
    install_db: tuple
    binlog: str
    client: str
    extra: tuple = ()  # options every server of this version needs


MARIADB = Programs("mariadb-10.11", "/usr/sbin/mariadbd", ("/usr/bin/mariadb-install-db",),
                   "/usr/bin/mariadb-binlog", "/usr/bin/mariadb")

_RUN_AS = ("--user=root",) if os.geteuid() == 0 else ()
_templates = None  # data directories as made by mariadb-install-db, one per set of options


def template_folder():
    global _templates
    if _templates is None:
        _templates = tempfile.TemporaryDirectory(prefix="mybak-templates-")
    return pathlib.Path(_templates.name)


def copy_tree(src, dst):
    subprocess.run(["cp", "-a", "--sparse=always", "--reflink=auto", str(src), str(dst)], check=True)


class Server:
    """A MariaDB of our own below `place`.  `init` are options that shape a new data
    directory (page size …) and are also given at each start; `options` only at starts."""
    END = "SHOW MASTER STATUS"
    BEFORE_SEQUENCE = ()
    # of the load, in engines that a backup holds still
    SEQUENCES = ("ledger", "aria", "aria_plain", "myisam")
    # What the manual tells the DBA to grant.
    GRANTS = ("RELOAD", "PROCESS", "BINLOG MONITOR", "REPLICATION SLAVE", "SUPER")

    def __init__(self, place, name="source", init=(), options=(), programs=MARIADB, datadir=None,
                 binlog=True):
        self.place, self.name, self.programs = place, name, programs
        self.datadir = pathlib.Path(datadir or place / f"{name}.data")
        self.socket = place / f"{name}.sock"
        self.log = place / f"{name}.log"
        self.tmpdir = place / f"{name}.tmp"
        self.init, self.options, self.binlog = tuple(init), tuple(options), binlog
        self.process = None
        place.at_end(self.kill9)

    @property
    def plain(self):
        """What makes a server on a copy of this one's files."""
        return type(self)

    # ---- life

    def create(self):
        """A new, empty data directory."""
        key = hashlib.sha1(repr((self.programs.name, self.init)).encode()).hexdigest()[:12]
        template = template_folder() / key
        if not template.exists():
            half = template.with_suffix(".half")
            shutil.rmtree(half, ignore_errors=True)
            done = subprocess.run([*self.programs.install_db, "--no-defaults", f"--datadir={half}",
                                   f"--tmpdir={template_folder()}", "--skip-test-db",
                                   "--auth-root-authentication-method=normal",
                                   *_RUN_AS, *self.programs.extra, *self.init],
                                  capture_output=True, text=True)
            assert done.returncode == 0, f"mariadb-install-db: {done.stdout[-2000:]}{done.stderr[-2000:]}"
            half.rename(template)
        copy_tree(template, self.datadir)
        return self

    def command(self, *more):
        words = [self.programs.mariadbd, "--no-defaults", f"--datadir={self.datadir}",
                 f"--socket={self.socket}", f"--pid-file={self.datadir}/{self.name}.pid",
                 f"--log-error={self.log}", f"--tmpdir={self.tmpdir}", "--skip-networking",
                 "--skip-name-resolve", "--innodb-buffer-pool-size=128M", "--innodb-fast-shutdown=1",
                 "--character-set-server=utf8mb4", *_RUN_AS, *self.programs.extra]
        if self.binlog:
            words += ["--log-bin=binlog", "--binlog-format=ROW", "--server-id=1", "--sync-binlog=0"]
        return words + list(self.init) + list(self.options) + list(more)

    def start(self, *more, limit=120):
        # A server that starts removes every #sql file of its tmpdir, whoever made it.
        self.tmpdir.mkdir(exist_ok=True)
        self.log.touch()
        self._log_from = self.log.stat().st_size
        self.process = subprocess.Popen(self.command(*more), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def up():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n"
                                     + "\n".join(self.messages()[-20:]))
            try:
                self.connect().close()
                return True
            except pymysql.MySQLError:
                return False
        wait_for(up, limit, say=f"{self.name} does not accept connections")
        return self

    def messages(self):
        """Lines of the error log since the last start."""
        text = self.log.read_bytes()[self._log_from:]
        return text.decode("utf-8", "replace").splitlines()

    def complaints(self):
        """What the server said that no healthy server says."""
        return [line for line in self.messages()
                if "[ERROR]" in line or "corrupt" in line.lower() or "crashed" in line]

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=180) == 0, f"{self.name} did not end cleanly"
        self.process = None

    def kill9(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    @property
    def pid(self):
        # A wrapper script may stand in front; it must exec for this to be right.
        return self.process.pid

    # ---- SQL

    def connect(self, **kw):
        kw = {"user": "root", "charset": "utf8mb4", **kw}
        return pymysql.connect(unix_socket=str(self.socket), autocommit=True, **kw)

    def sql(self, *statements):
        """Rows of the last statement."""
        with contextlib.closing(self.connect()) as db, db.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

    def create_account(self, grants):
        """The one that takes backups."""
        self.sql("CREATE OR REPLACE USER mybak@localhost IDENTIFIED BY 'secret word'",
                 f"GRANT {', '.join(grants)} ON *.* TO mybak@localhost")

    def value(self, statement):
        rows = self.sql(statement)
        return rows[0][0] if rows else None

    def status(self, name):
        return int(self.sql(f"SHOW GLOBAL STATUS LIKE '{name}'")[0][1])

    def sequence(self, schema, rows):
        """A table of numbers from 1 to `rows`, column seq."""
        return f"{schema}.seq_1_to_{rows}"

    def gtid_at(self, binlog):
        """The GTID position there, as the server itself says; None: it has none."""
        return self.value(f"SELECT BINLOG_GTID_POS('{binlog['file']}', {binlog['position']})")

    def check_gtid(self, gtid):
        """A restored server of MariaDB begins a history of its own."""

    def settle(self):
        """Until nothing is left to write: nothing to purge, no dirty page, a new checkpoint."""
        self.sql("SET GLOBAL innodb_io_capacity_max=40000", "SET GLOBAL innodb_io_capacity=20000",
                 "SET GLOBAL innodb_max_dirty_pages_pct=0", "SET GLOBAL innodb_max_dirty_pages_pct_lwm=0",
                 "SET GLOBAL innodb_log_checkpoint_now=ON")

        def quiet():
            status = self.sql("SHOW ENGINE INNODB STATUS")[0][2].splitlines()
            history = [line for line in status if "History list length" in line]
            return (int(history[0].split()[-1]) == 0
                    and self.status("Innodb_buffer_pool_pages_dirty") == 0)
        wait_for(quiet, 300, say=f"{self.name} goes on writing")
        self.sql("SET GLOBAL innodb_log_checkpoint_now=ON", "SET GLOBAL innodb_max_dirty_pages_pct=90")

    def checkpoint(self):
        """Redo from before this moment owes no page anything."""
        self.sql("SET GLOBAL innodb_log_checkpoint_now=ON")

    def tables(self):
        """(schema, table) of every base table that is not the server's own."""
        marks = ",".join(f"'{s}'" for s in SYSTEM_SCHEMAS)
        return self.sql("SELECT table_schema, table_name FROM information_schema.tables WHERE"
                        f" table_type='BASE TABLE' AND table_schema NOT IN ({marks}) ORDER BY 1, 2")

    def checksum_tables(self):
        """{(schema, table): checksum}.  Equal copies of a table with virtual columns may
        differ in CHECKSUM TABLE: there the text of every row is hashed."""
        virtual = set(self.sql("SELECT DISTINCT table_schema, table_name FROM"
                               " information_schema.columns WHERE extra LIKE '%VIRTUAL%'"))
        result = {}
        with contextlib.closing(self.connect()) as db, db.cursor() as cursor:
            for table in self.tables():
                name = quoted(table)
                if table in virtual:
                    cursor.execute(f"SELECT * FROM {name}")
                    rows = sorted(repr(row) for row in cursor.fetchall())
                    result[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
                else:
                    cursor.execute(f"CHECKSUM TABLE {name}")
                    result[table] = cursor.fetchone()[1]
        return result

    def check_tables(self):
        """What CHECK TABLE … EXTENDED finds wrong, in every schema."""
        wrong = []
        with contextlib.closing(self.connect()) as db, db.cursor() as cursor:
            cursor.execute("SELECT table_schema, table_name FROM information_schema.tables WHERE"
                           " table_type='BASE TABLE' AND engine IS NOT NULL AND table_schema NOT IN"
                           " ('information_schema', 'performance_schema', 'sys')")
            for table in cursor.fetchall():
                cursor.execute(f"CHECK TABLE {quoted(table)} EXTENDED")
                rows = cursor.fetchall()
                if rows[-1][2:] != ("status", "OK") and "doesn't support" not in rows[-1][3]:
                    wrong += rows
        return wrong

    # ---- binlog

    def binlog_end(self):
        """(file, position)"""
        row = self.sql(self.END)[0]
        return row[0], int(row[1])

    def purge_binlogs(self):
        """All but the one being written; its name.  The server keeps what a reader has open, and
        that one is gone it learns when it next writes to it: to be called when nobody reads."""
        wait_for(lambda: not [row for row in self.sql("SHOW PROCESSLIST") if row[4].startswith("Binlog Dump")],
                 say="a reader stays")
        newest, _ = self.binlog_end()
        self.sql(f"PURGE BINARY LOGS TO '{newest}'")
        return newest

    def binlog_files(self, first):
        """Paths of the binlogs from `first` on."""
        names = [os.path.basename(line) for line in
                 (self.datadir / "binlog.index").read_text().split()]
        return [self.datadir / n for n in names[names.index(first):]]


def quoted(table):
    return ".".join("`" + part.replace("`", "``") + "`" for part in table)


def remove_data(server):
    """Somebody ran rm -rf on it."""
    server.kill9()
    shutil.rmtree(server.datadir)
