"""Writes of every kind a binlog can hold, and servers to which exactly a prefix of them
was applied without mybak: a cold copy and mariadb-binlog by hand."""
import contextlib
import dataclasses
import os
import random
import re
import subprocess
import threading

import pymysql

from .server import Server, copy_tree

OPTIONS = ("--local-infile=1", "--max-allowed-packet=256M", "--log-bin-trust-function-creators=1")

SCHEMA = (
    "CREATE DATABASE shop", "CREATE DATABASE other",
    "CREATE TABLE shop.orders (id INT AUTO_INCREMENT PRIMARY KEY, who VARCHAR(40), sum DECIMAL(12,2),"
    " at DATETIME(6) DEFAULT NOW(6), blobs LONGBLOB, hidden INT INVISIBLE DEFAULT 7, KEY(who))",
    "CREATE TABLE shop.log (id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(60), rnd DOUBLE)",
    "CREATE TABLE shop.plain (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(40)) ENGINE=MyISAM",
    "CREATE TABLE shop.old (id INT PRIMARY KEY, v INT) WITH SYSTEM VERSIONING",
    "CREATE TABLE other.loaded (id INT AUTO_INCREMENT PRIMARY KEY, a VARCHAR(20), b INT)",
    "CREATE TRIGGER shop.after_order AFTER INSERT ON shop.orders FOR EACH ROW"
    " INSERT INTO shop.log (what, rnd) VALUES (CONCAT('order ', NEW.id), NEW.sum / 3)",
    "CREATE FUNCTION shop.twice(x INT) RETURNS INT DETERMINISTIC RETURN 2 * x",
    "CREATE PROCEDURE shop.add_two(n INT) BEGIN INSERT INTO shop.log (what) VALUES (CONCAT('a', n));"
    " INSERT INTO shop.log (what) VALUES (CONCAT('b', shop.twice(n))); END",
)


class MixedLoad:
    """One writer of each kind in its own thread until stop().  `quiet` is held while a
    temporary table exists: a backup taken then could not be gone on from."""

    def __init__(self, server, seed=1):
        self.server, self.quiet = server, threading.Lock()
        self.ended, self.errors = threading.Event(), []
        self.random = random.Random(seed)
        self.csv = server.place / f"{server.name}.csv"
        self.csv.write_text("".join(f"line{i}\t{i}\n" for i in range(30)))
        self.threads = [threading.Thread(target=self.run, args=(kind,)) for kind in self.kinds()]
        for thread in self.threads:
            thread.start()

    def kinds(self):
        return (self.rows, self.statements, self.changes, self.distributed)

    def run(self, kind):
        try:
            with contextlib.closing(self.server.connect(local_infile=True)) as db, db.cursor() as c:
                n = 0
                while not self.ended.is_set():
                    n += 1
                    kind(c, n)
                    self.ended.wait(0.01)
        except Exception as e:
            self.errors.append(f"{kind.__name__}: {e!r}")

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        assert not self.errors, self.errors

    def rows(self, c, n):
        """Transactions, savepoints, row images, compressed events."""
        c.execute(f"SET SESSION binlog_row_image={('FULL', 'MINIMAL', 'NOBLOB')[n % 3]}")
        c.execute("BEGIN")
        c.execute("INSERT INTO shop.orders (who, sum, blobs) VALUES (%s, %s, REPEAT(%s, %s))",
                  (f"who{n % 17}", n * 1.25, "xyz", 5000 if n % 10 == 0 else 3))
        c.execute("SAVEPOINT here")
        c.execute("UPDATE shop.orders SET sum = sum + 1 WHERE who = %s", (f"who{n % 5}",))
        if n % 3 == 0:
            c.execute("ROLLBACK TO SAVEPOINT here")
        if n % 20 == 0:
            c.execute("DELETE FROM shop.orders WHERE id % 7 = 0")
        c.execute("REPLACE INTO shop.old VALUES (%s, %s)", (n % 9, n))
        c.execute("ROLLBACK" if n % 11 == 0 else "COMMIT")
        c.execute("INSERT INTO shop.plain (v) VALUES (%s)", (f"row {n}",))

    def statements(self, c, n):
        """Statement format: RAND, user variables, temporary tables, LOAD DATA, procedures."""
        c.execute("SET SESSION binlog_format=STATEMENT")
        c.execute("SET @v = %s", (n * 3,))
        c.execute("INSERT INTO shop.log (what, rnd) VALUES (CONCAT('v', @v), RAND())")
        c.execute("CALL shop.add_two(%s)", (n,))
        if n % 4 == 0:
            with self.quiet:
                c.execute("CREATE TEMPORARY TABLE other.tmp (a INT) ENGINE=InnoDB")
                c.execute("INSERT INTO other.tmp VALUES (1), (2), (3)")
                c.execute("INSERT INTO other.loaded (a, b) SELECT CONCAT('t', a), %s FROM other.tmp", (n,))
                c.execute("DROP TEMPORARY TABLE other.tmp")
        if n % 5 == 0:
            c.execute(f"LOAD DATA LOCAL INFILE '{self.csv}' INTO TABLE other.loaded (a, b)")
        if n % 7 == 0:
            c.execute("UPDATE shop.plain SET v = CONCAT(LEFT(v, 30), '!') WHERE id % 5 = 1")

    def changes(self, c, n):
        """DDL, accounts, events, rotation."""
        c.execute(f"CREATE TABLE other.t{n} (id INT PRIMARY KEY, v INT)")
        c.execute(f"INSERT INTO other.t{n} VALUES (1, {n}), (2, {n})")
        c.execute(f"ALTER TABLE other.t{n} ADD COLUMN w INT DEFAULT {n}")
        if n % 2:
            c.execute(f"RENAME TABLE other.t{n} TO other.r{n}")
        elif n > 4:
            c.execute(f"DROP TABLE other.t{n}")
        if n % 5 == 0:
            c.execute(f"CREATE TABLE other.s{n} AS SELECT * FROM shop.log LIMIT 5")
            c.execute(f"CREATE USER u{n}@localhost IDENTIFIED BY 'x{n}'")
            c.execute(f"GRANT SELECT ON shop.* TO u{n}@localhost")
            c.execute(f"CREATE EVENT other.e{n} ON SCHEDULE EVERY 1 DAY DO DELETE FROM shop.orders")
            c.execute("FLUSH PRIVILEGES")
        if n % 9 == 0:
            c.execute("FLUSH BINARY LOGS")
        self.ended.wait(0.1)

    def distributed(self, c, n):
        """XA transactions that stay prepared while others commit."""
        db = self.server.connect()
        with db.cursor() as other:
            other.execute(f"XA START 'x{n}'")
            other.execute("INSERT INTO shop.log (what) VALUES (%s)", (f"xa {n}",))
            other.execute(f"XA END 'x{n}'")
            other.execute(f"XA PREPARE 'x{n}'")
        db.close()
        self.ended.wait(0.2)
        for _ in range(100):
            try:
                c.execute(f"XA {'ROLLBACK' if n % 4 == 0 else 'COMMIT'} 'x{n}'")
                return
            except pymysql.MySQLError as e:
                if e.args[0] != 1397:  # the other session is not gone yet
                    raise
                self.ended.wait(0.02)


@dataclasses.dataclass
class Group:
    """One transaction as mariadb-binlog shows it."""
    file: str
    begin: int
    end: int
    gtid: str
    time: int  # seconds since 1970


class Reference:
    """A cold copy of a source, and all its binlogs since."""

    def __init__(self, source, remote=False):
        """remote: the binlogs can be read through the running source only."""
        self.source, self.remote = source, remote
        source.stop()
        self.datadir = source.place / f"{source.name}.cold"
        copy_tree(source.datadir, self.datadir)
        source.start()
        self.first = source.binlog_end()[0]

    def files(self):
        return self.source.binlog_files(self.first)

    def reader(self, load, files, *options):
        """What runs mariadb-binlog on them."""
        if self.remote:
            options += ("--read-from-remote-server", "--user=root", f"--socket={self.source.socket}")
        return [self.source.programs.binlog, "--no-defaults", "--skip-gtid-strict-mode", f"--local-load={load}",
                *options, *(f.name if self.remote else str(f) for f in files)]

    def groups(self):
        """Every transaction since the copy, in order."""
        result = []
        load = self.source.place / "groups.load"
        load.mkdir(exist_ok=True)
        for path in self.files():
            text = subprocess.run(self.reader(load, [path], "--base64-output=never"),
                                  capture_output=True, env={**os.environ, "TZ": "UTC"}).stdout
            at = None
            for line in text.decode("utf-8", "replace").splitlines():
                if found := re.match(r"# at (\d+)$", line):
                    at = int(found.group(1))
                elif found := re.match(r"#(\d{6} +\d+:\d\d:\d\d) server id \d+ +end_log_pos \d+.*\tGTID (\S+)",
                                       line):
                    if result and result[-1].file == path.name:
                        result[-1].end = at
                    result.append(Group(path.name, at, path.stat().st_size, found.group(2),
                                        seconds_of(found.group(1))))
        return result

    def server(self, name, *options):
        """The copy with that part of the binlogs applied that the options say."""
        datadir = self.source.place / f"{name}.data"
        copy_tree(self.datadir, datadir)
        server = self.make(name, datadir).start()
        self.apply(server, *options)
        return server

    def make(self, name, datadir):
        return Server(self.source.place, name, init=self.source.init, options=self.source.options,
                      programs=self.source.programs, datadir=datadir, binlog=False)

    def apply(self, server, stop=None, *options):
        """stop: a Group, the first one left out."""
        files = self.files()
        if stop is not None:
            files = files[:[f.name for f in files].index(stop.file) + 1]
            options += (f"--stop-position={stop.begin}",)
        load = server.place / f"{server.name}.load"
        load.mkdir()
        text = self.sql_of(subprocess.run(self.reader(load, files, *options), stdout=subprocess.PIPE, check=True).stdout)
        writer = subprocess.run([self.source.programs.client, "--no-defaults", "--binary-mode", "--user=root",
                                 "--local-infile=1", "--max-allowed-packet=1G", f"--socket={server.socket}"],
                                input=text, capture_output=True)
        assert writer.returncode == 0, writer.stderr[-2000:]

    def sql_of(self, text):
        return with_thread_ids(without_domains(text))


def without_domains(text):
    """A session that has temporary tables cannot change its GTID domain; nothing here needs it."""
    return re.sub(rb"(?m)^/\*M?!100001 SET @@session\.gtid_domain_id=\d+\*//\*!\*/;\n", b"", text)


def with_thread_ids(text):
    """Servers from 11 on forget pseudo_thread_id at XA PREPARE, and with it the temporary
    tables of the session; mariadb-binlog does not know.  Nothing in these tests looks
    like its lines but its lines."""
    lines, last, prepared = [], None, False
    for line in text.split(b"\n"):
        lines.append(line)
        if found := re.match(rb"SET @@session.pseudo_thread_id=(\d+)", line):
            last = found.group(1)
        prepared = prepared or line.startswith(b"XA PREPARE X'")
        if prepared and line == b"/*!*/;":
            prepared = False
            if last:
                lines.append(b"SET @@session.pseudo_thread_id=" + last + b"/*!*/;")
    return b"\n".join(lines)


def seconds_of(text):
    """"261122 15:38:49" in UTC."""
    import calendar
    day, clock = text.split()
    hour, minute, second = map(int, clock.split(":"))
    return calendar.timegm((2000 + int(day[:2]), int(day[2:4]), int(day[4:]), hour, minute, second))
