"""Databases and tables whose names have every kind of character, and a file that is not the
server's."""
import os

NAMES = ("with space", "per%cent", "new\nline", "ünï 数据", "a.b/c", "-dash", "#hash", "quote'`\"", "%41", "x#p#y")
STRAY = os.fsdecode(b"stray \xff%0a\n\"file")
COLUMNS = "(id INT PRIMARY KEY, pad VARCHAR(200))"


def make(server, rows):
    """`rows`: a SELECT of number and text; in database db lies the stray file."""
    for name in NAMES:
        q = name.replace("`", "``")
        server.sql(f"CREATE DATABASE `db {q}`", f"CREATE TABLE `db {q}`.`t {q}` {COLUMNS}",
                   f"INSERT INTO `db {q}`.`t {q}` {rows}",
                   f"CREATE TABLE `db {q}`.`m {q}` {COLUMNS} ENGINE=MyISAM",
                   f"INSERT INTO `db {q}`.`m {q}` {rows} LIMIT 100")
    (server.datadir / "db" / STRAY).write_bytes(b"not the server's")


def change(server):
    for name in NAMES:
        q = name.replace("`", "``")
        # mysqlbinlog cannot write row events of a table with a newline in its name
        server.sql("SET SESSION binlog_format=STATEMENT",
                   f"UPDATE `db {q}`.`t {q}` SET pad='changed' WHERE id % 100 = 0",
                   f"INSERT INTO `db {q}`.`m {q}` VALUES (100000, 'new')")


def check_stray_file(target):
    assert (target / "db" / STRAY).read_bytes() == b"not the server's"
