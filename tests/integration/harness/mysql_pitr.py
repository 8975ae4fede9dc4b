"""The mixed load and the reference of pitr.py as MySQL has them, with what only MySQL has."""
import os
import re
import subprocess

from .mysql import MySQLServer
from .pitr import Group, MixedLoad, Reference, seconds_of

OPTIONS = ("--local-infile=1", "--max-allowed-packet=256M", "--log-bin-trust-function-creators=1",
           "--innodb-redo-log-capacity=32M", "--event-scheduler=OFF")
GTIDS = {"on": ("--gtid-mode=ON", "--enforce-gtid-consistency=ON"),
         "off": ("--gtid-mode=OFF", "--enforce-gtid-consistency=OFF")}

SCHEMA = (
    "CREATE DATABASE shop", "CREATE DATABASE other",
    "CREATE TABLE shop.orders (id INT AUTO_INCREMENT PRIMARY KEY, who VARCHAR(40), sum DECIMAL(12,2),"
    " at DATETIME(6) DEFAULT NOW(6), blobs LONGBLOB, hidden INT DEFAULT 7 INVISIBLE, KEY(who))",
    "CREATE TABLE shop.log (id INT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(60), rnd DOUBLE)",
    "CREATE TABLE shop.plain (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(40))",
    "CREATE TABLE shop.old (id INT PRIMARY KEY, v INT)",
    "CREATE TABLE shop.docs (id INT AUTO_INCREMENT PRIMARY KEY, j JSON)",
    "CREATE TABLE other.loaded (id INT AUTO_INCREMENT PRIMARY KEY, a VARCHAR(20), b INT)",
    "CREATE TRIGGER shop.after_order AFTER INSERT ON shop.orders FOR EACH ROW"
    " INSERT INTO shop.log (what, rnd) VALUES (CONCAT('order ', NEW.id), NEW.sum / 3)",
    "CREATE FUNCTION shop.twice(x INT) RETURNS INT DETERMINISTIC RETURN 2 * x",
    "CREATE PROCEDURE shop.add_two(n INT) BEGIN INSERT INTO shop.log (what) VALUES (CONCAT('a', n));"
    " INSERT INTO shop.log (what) VALUES (CONCAT('b', shop.twice(n))); END",
)

class MySQLMixedLoad(MixedLoad):
    def __init__(self, server, seed=1):
        self.tags = server.value("SELECT @@gtid_mode") == "ON"
        super().__init__(server, seed)

    def kinds(self):
        return (*super().kinds(), self.documents)

    def documents(self, c, n):
        """Partial JSON, packed transactions, tags."""
        c.execute("SET SESSION binlog_row_value_options='PARTIAL_JSON'")
        c.execute(f"SET SESSION binlog_transaction_compression={n % 2}")
        if self.tags:
            c.execute(f"SET SESSION gtid_next='AUTOMATIC{(':blue', ':green', '')[n % 3]}'")
        c.execute("INSERT INTO shop.docs (j) VALUES (%s)", ('{"n": 1, "pad": "%s"}' % ("x" * 200),))
        c.execute("BEGIN")
        c.execute("UPDATE shop.docs SET j = JSON_SET(j, '$.n', %s) WHERE id %% 3 = 0", (n,))
        c.execute("INSERT INTO shop.log (what) SELECT LEFT(JSON_UNQUOTE(j->'$.pad'), 60) FROM shop.docs LIMIT 20")
        c.execute("COMMIT")
        if n % 6 == 0:
            c.execute(f"CREATE TABLE other.d{n} AS SELECT * FROM shop.docs LIMIT 5")
            with self.quiet:  # nothing holds a table without transactions still
                c.execute(f"CREATE TABLE other.m{n} (id INT AUTO_INCREMENT PRIMARY KEY, v INT) ENGINE=MyISAM")
                c.execute(f"INSERT INTO other.m{n} (v) VALUES ({n}), ({n})")


class MySQLReference(Reference):
    def groups(self):
        result = []
        for path in self.files():
            text = subprocess.run([self.source.programs.binlog, "--no-defaults", "--base64-output=decode-rows",
                                   str(path)], capture_output=True, env={**os.environ, "TZ": "UTC"}).stdout
            at, new = None, None
            for line in text.decode("utf-8", "replace").splitlines():
                if found := re.match(r"# at (\d+)$", line):
                    at = int(found.group(1))
                elif found := re.match(r"#(\d{6} +\d+:\d\d:\d\d) server id \d+ +end_log_pos \d+.*\t(Anonymous_)?GTID\t",
                                       line):
                    if new is not None:
                        new.end = at
                    new = Group(path.name, at, path.stat().st_size, "", seconds_of(found.group(1)))
                    result.append(new)
                elif found := re.match(r"# immediate_commit_timestamp=(\d+)", line):
                    new.time = int(found.group(1)) // 1000000
                elif found := re.match(r"SET @@SESSION.GTID_NEXT= '([^']*:\d+)'", line):
                    new.gtid = found.group(1)
        return result

    def make(self, name, datadir):
        return MySQLServer(self.source.place, name, init=self.source.init, options=self.source.options,
                           programs=self.source.programs, datadir=datadir, binlog=False)

    def reader(self, load, files, *options):
        return [self.source.programs.binlog, "--no-defaults", f"--local-load={load}", *options, *map(str, files)]

    def sql_of(self, text):
        return text
