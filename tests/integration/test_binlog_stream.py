"""The archive of a server's binlogs, held against the server's own files byte by byte,
through everything that can happen to a server, its binlogs, the daemon and the way
between them."""
import contextlib
import dataclasses
import datetime
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

import pytest

from harness import (MARIADB, Archive, Mybak, MySQLServer, Server, Wire, mysql_sid, wait_for,
                     with_keyring)
from harness.archive import events, settled

ROW = "INSERT INTO d.t (b) VALUES (REPEAT('x', 1000))"
SCHEMA = ("CREATE DATABASE d", "CREATE TABLE d.t (a INT AUTO_INCREMENT PRIMARY KEY, b LONGTEXT)",
          "CREATE TABLE d.m (a INT, b TEXT) ENGINE=MyISAM")
ROTATE = "FLUSH BINARY LOGS"
SMALL_FILES = ("--max-binlog-size=1M", "--max-allowed-packet=256M")


class Stream:
    """A daemon that does nothing but archive the binlog of `server`."""

    def __init__(self, place, server, name="mybak", grants=Server.GRANTS, **policy):
        self.mybak = Mybak(place, None, name, **policy)
        self.server = self.mybak.server = server
        if isinstance(server, MySQLServer):
            self.create_mysql_user()
        else:
            self.mybak.create_user(grants)
        self.mybak.policy = self.mybak.default_policy()
        self.mybak.policy["schedule"]["binlog"] = "continuous"
        self.mybak.write_policy()
        self.archive = Archive(self.mybak.repo)

    def create_mysql_user(self):
        self.server.sql("CREATE USER mybak@localhost IDENTIFIED BY 'secret word'",
                        "GRANT REPLICATION CLIENT, REPLICATION SLAVE ON *.* TO mybak@localhost")
        self.mybak.defaults_file.write_text("[client]\nuser=mybak\npassword='secret word'\n")
        self.mybak.defaults_file.chmod(0o600)

    def over_tcp(self, host, port):
        """From now on the daemon goes there and not to the socket."""
        self.server.sql("CREATE OR REPLACE USER mybak@'%' IDENTIFIED BY 'secret word'",
                        f"GRANT {', '.join(Server.GRANTS)} ON *.* TO mybak@'%'")
        instance = self.mybak.policy["instances"][0]
        instance.pop("socket", None)
        instance.update(host=host, port=port)
        self.mybak.write_policy()
        return self

    def start(self):
        self.mybak.start()
        return self

    def stop(self):
        assert self.mybak.stop() == 0

    def kill9(self):
        self.mybak.kill9()

    def status(self):
        return self.mybak.get("/v1/status")["instances"][0]["binlog"]

    def error(self):
        return (self.status()["error"] or {}).get("message", "")

    def problems(self):
        return [p["text"] for p in self.mybak.get("/v1/status")["problems"]]

    def thread_status(self):
        """Of the thread that reads the binlog, what /proc says."""
        for task in pathlib.Path(f"/proc/{self.mybak.process.pid}/task").iterdir():
            lines = (task / "status").read_text().splitlines()
            about = dict(line.split(":\t", 1) for line in lines)
            if about["Name"] == "binlog main":
                return about
        raise AssertionError("there is no such thread")

    def has_all(self):
        """Is what the server writes now archived up to its end?  Name and size alone may be
        those of another history."""
        file, pos = self.server.binlog_end()
        return (self.archive.end() == (file, pos)
                and settled(self.archive.read(file)) == settled((self.server.datadir / file).read_bytes()))

    def catch_up(self, limit=120):
        try:
            wait_for(self.has_all, limit)
        except AssertionError as e:
            raise AssertionError(f"the archive ends at {self.archive.end()}, the binlog at"
                                 f" {self.server.binlog_end()}: {self.status()}") from e

    def compare(self, lineage=-1):
        """Names of the binlogs that are the same here and there."""
        same = []
        for name in self.archive.names(lineage):
            data = self.archive.read(name, lineage)
            list(events(data))
            theirs = self.server.datadir / name
            if theirs.exists():
                assert settled(data) == settled(theirs.read_bytes()), name
                same.append(name)
        return same

    def unbroken(self, files):
        """One lineage without a gap that is all the server has; that is so many files."""
        self.catch_up()
        same = self.compare()
        assert len(same) >= files
        assert [p.name for p in self.server.binlog_files(same[0])] == same
        assert len(self.archive.lineages()) == 1 and not self.archive.gaps()


def fill(server, rounds=40, formats=("ROW", "STATEMENT", "MIXED"), session=""):
    for form in formats:
        for i in range(rounds):
            server.sql(f"SET {session} binlog_format={form}", ROW,
                       "UPDATE d.t SET b=CONCAT(b, 'y') WHERE a % 7 = 0 LIMIT 5",
                       f"INSERT INTO d.m VALUES ({i}, UUID())", "DELETE FROM d.m LIMIT 1")


def test_all_kinds_of_events(place):
    server = Server(place, options=SMALL_FILES).create().start()
    stream = Stream(place, server).start()
    server.sql(*SCHEMA)
    fill(server)
    for image in ("MINIMAL", "NOBLOB", "FULL"):
        fill(server, 5, ("ROW",), f"binlog_row_image={image},")
    server.sql("SET GLOBAL log_bin_compress=1", "SET GLOBAL log_bin_compress_min_len=10")
    fill(server, 20)
    server.sql("SET GLOBAL log_bin_compress=0",
               "INSERT INTO d.t (b) VALUES (REPEAT('q', 40000000))")
    server.sql("XA START 'a'", ROW, "XA END 'a'", "XA PREPARE 'a'", "XA COMMIT 'a'",
               "CREATE TABLE d.u LIKE d.t", "DROP TABLE d.u", "BEGIN", ROW, "SAVEPOINT s", ROW,
               "ROLLBACK TO s", "COMMIT")
    for checksum in ("NONE", "CRC32"):
        server.sql(f"SET GLOBAL binlog_checksum={checksum}", ROW)
        stream.catch_up()
        stream.stop()
        server.sql(ROW)
        stream.start()
        server.sql(ROTATE, ROW)
    stream.unbroken(6)
    assert stream.status()["lag_bytes"] in (0, None)


@pytest.mark.smoke
def test_server_and_daemon_come_and_go(place):
    server = Server(place, options=SMALL_FILES).create().start()
    server.sql(*SCHEMA, ROW)
    stream = Stream(place, server).start()
    stream.catch_up()
    server.stop()
    server.start().sql(ROW)
    stream.catch_up()
    server.kill9()
    server.start().sql(ROW)
    stream.catch_up()
    for _ in range(5):
        server.sql("INSERT INTO d.t (b) SELECT b FROM d.t LIMIT 300", ROW, ROTATE)
        stream.kill9()
        server.sql(ROW)
        stream.start()
        server.sql(ROW)
    stream.unbroken(8)


def test_dump_is_killed(place):
    server = Server(place).create().start()
    server.sql(*SCHEMA)
    stream = Stream(place, server).start()
    stream.catch_up()
    find = "SELECT id FROM information_schema.processlist WHERE command='Binlog Dump'"
    os.kill(stream.mybak.process.pid, signal.SIGHUP)  # nobody's but the daemon's own
    assert int(stream.thread_status()["SigBlk"], 16) & 1 << signal.SIGHUP - 1
    for _ in range(3):
        killed = wait_for(lambda: server.value(find))
        server.sql(f"KILL {killed}", ROW)
        stream.catch_up()
        wait_for(lambda: server.value(find) not in (None, killed))
    stream.unbroken(1)


def test_reset_begins_a_lineage(place):
    server = Server(place).create().start()
    stream = Stream(place, server).start()
    server.sql(*SCHEMA, ROW)
    stream.catch_up()
    before = stream.archive.read("binlog.000001")
    server.sql("RESET MASTER", ROW, ROW)
    stream.catch_up()
    # Again and again, so that name and size are those of the time before.
    server.sql("RESET MASTER", ROW, "RESET MASTER", ROW, "RESET MASTER", ROW, ROW)
    stream.catch_up()
    stream.stop()
    server.sql("RESET MASTER", ROW, ROW, ROW, ROW)
    stream.start()
    stream.catch_up()
    assert len(stream.archive.lineages()) == 4
    assert stream.archive.read("binlog.000001", 0) == before
    assert not any(stream.archive.gaps(i) for i in range(4))


def test_reset_and_rotated_at_once(place):
    """Before anybody could ask, the stream leads from a file of the old history to one of
    the new: they must not follow one another."""
    server = Server(place).create().start()
    stream = Stream(place, server).start()
    server.sql(*SCHEMA, ROW)
    stream.catch_up()
    before = stream.archive.read("binlog.000001")
    server.sql("RESET MASTER", ROW, ROTATE, ROW, ROTATE, ROW)
    stream.catch_up()
    assert len(stream.archive.lineages()) == 2
    assert stream.archive.names(0) == ["binlog.000001"]
    assert stream.archive.read("binlog.000001", 0) == before
    assert stream.compare() == ["binlog.000001", "binlog.000002", "binlog.000003"]


def test_server_made_anew(place):
    server = Server(place).create().start()
    stream = Stream(place, server).start()
    server.sql(*SCHEMA, ROW)
    stream.catch_up()
    before = stream.archive.read("binlog.000001")
    server.stop()
    shutil.rmtree(server.datadir)
    server.create().start()
    server.sql(*SCHEMA, *[ROW] * 5)
    stream.mybak.create_user()
    stream.catch_up()
    assert len(stream.archive.lineages()) == 2
    assert stream.archive.read("binlog.000001", 0) == before


def end_dump(server):
    """As an administrator does; waits until it is back."""
    find = "SELECT id FROM information_schema.processlist WHERE command='Binlog Dump'"
    killed = wait_for(lambda: server.value(find))
    server.sql(f"KILL {killed}")
    wait_for(lambda: server.value(find) not in (None, killed))


def test_another_history_without_our_place(place):
    """A server made anew lists a binlog of that name that is long enough, and where ours
    ends no event of it begins: once, it has another history, and not at each break."""
    server = Server(place).create().start()
    stream = Stream(place, server).start()
    server.sql(*SCHEMA, ROW)
    stream.catch_up()
    server.stop()
    shutil.rmtree(server.datadir)
    server.create().start()
    server.sql("CREATE DATABASE another_one", *SCHEMA, "INSERT INTO d.t (b) VALUES (REPEAT('q', 200000))")
    stream.mybak.create_user()
    stream.catch_up()
    assert len(stream.archive.lineages()) == 2
    for _ in range(3):
        end_dump(server)
        server.sql(ROW)
        stream.catch_up()
    assert len(stream.archive.lineages()) == 2


def test_purged_before_it_was_read(place):
    server = Server(place).create().start()
    stream = Stream(place, server).start()
    server.sql(*SCHEMA, ROW)
    stream.catch_up()
    # To the last byte archived: nothing is missing when it is gone.
    server.sql(ROTATE, ROW)
    stream.catch_up()
    stream.stop()
    server.purge_binlogs()
    server.sql(ROW)
    stream.start()
    stream.catch_up()
    assert not stream.archive.gaps()
    stream.stop()
    file, position = stream.archive.end()
    server.sql(ROW, ROTATE, ROW, ROTATE, ROW)
    newest = server.purge_binlogs()
    stream.start()
    stream.catch_up()
    (behind, gap), = stream.archive.gaps()
    assert (behind, gap["from_file"], gap["from_position"]) == (newest, file, position)
    assert len(stream.archive.lineages()) == 1
    assert stream.status()["gaps_detected"] == 1
    server.sql(ROTATE, ROW)
    stream.catch_up()
    assert [name for name, _ in stream.archive.gaps()] == [newest]


def test_torn_and_lost_tails(place):
    """What a crash of the machine can leave of a server's binlog."""
    server = Server(place).create().start()
    stream = Stream(place, server).start()
    server.sql(*SCHEMA, ROW, ROW)
    stream.catch_up()
    stream.stop()
    server.sql(ROW)
    file, end = server.binlog_end()
    server.kill9()
    path = server.datadir / file
    data = path.read_bytes()
    path.write_bytes(data + list(events(data))[-2][2][:30])
    server.start().sql(ROW)
    stream.start()
    stream.catch_up()
    (_, gap), = stream.archive.gaps()
    assert (gap["from_file"], gap["from_position"]) == (file, end)
    # The archive has what the server no longer has: another history from here on.
    file, end = server.binlog_end()
    server.kill9()
    path = server.datadir / file
    data = path.read_bytes()
    last = [at for at, kind, _ in events(data) if kind == 162][-1]
    path.write_bytes(data[:last])
    server.start().sql(ROW)
    stream.catch_up()
    assert len(stream.archive.lineages()) == 2
    assert stream.archive.read(file, 0) == settled(data)
    assert stream.archive.read(file) == settled(data[:last])


def test_encrypted_binlogs(place):
    """The server streams them in the clear, each event where it is in its file."""
    keys = place / "keys"
    keys.write_text("1;770A8A65DA156D24EE2A093277530142\n")
    server = Server(place, options=("--plugin-load-add=file_key_management", "--encrypt-binlog=ON",
                                    f"--file-key-management-filename={keys}")).create().start()
    stream = Stream(place, server).start()
    server.sql(*SCHEMA, ROW, ROW, ROTATE, ROW)

    def ended():
        return stream.archive.end() == server.binlog_end()
    for _ in range(3):
        wait_for(ended, say="not all is archived")
        stream.kill9()
        server.sql(ROW)
        stream.start()
    wait_for(ended, say="not all is archived")
    assert stream.archive.names() == ["binlog.000001", "binlog.000002"]
    for name in stream.archive.names():
        data = stream.archive.read(name)
        assert len(data) == (server.datadir / name).stat().st_size
        assert data[:4] == b"\xfebin" and b"x" * 1000 in data
        for at, kind, event in events(data):
            assert struct.unpack_from("<I", event, 13)[0] == at + len(event)
        copy = place / name
        copy.write_bytes(data)
        show = [server.programs.binlog, "--no-defaults", "--short-form", "--base64-output=decode-rows"]
        ours = subprocess.run([*show, str(copy)], capture_output=True, text=True, check=True).stdout
        theirs = subprocess.run([*show, "--read-from-remote-server", f"--socket={server.socket}",
                                 "--user=root", name], capture_output=True, text=True, check=True).stdout
        statements = [[line for line in text.splitlines() if not line.startswith(("#", "/*"))]
                      for text in (ours, theirs)]
        assert statements[0] == statements[1]


def dump_as(server, number):
    """Ask for the binlog as the replica of this number does."""
    db = server.connect()
    db._execute_command(0x12, struct.pack("<IHI", 4, 0, number) + b"binlog.000001")
    return db


def replica_number(mybak):
    value = 2166136261
    for byte in (os.uname().nodename + mybak.url + "main").encode():
        value = ((value ^ byte) * 16777619) & 0xffffffff
    return 0x40000000 | (value & 0x3fffffff)


def test_another_replica_of_the_same_number(place):
    server = Server(place).create().start()
    server.sql(*SCHEMA)
    stream = Stream(place, server).start()
    stream.catch_up()
    other = dump_as(server, replica_number(stream.mybak))

    def said():
        problems = stream.mybak.get("/v1/status")["problems"]
        return any("another reader with our replica id" in p["text"] for p in problems)
    wait_for(said, say="nothing is said of it")
    other.close()
    server.sql(ROW)
    stream.unbroken(1)


@pytest.mark.parametrize("missing", ["BINLOG MONITOR", "REPLICATION SLAVE"])
def test_missing_privilege(place, missing):
    server = Server(place).create().start()
    server.sql(*SCHEMA)
    few = [g for g in Server.GRANTS if g not in (missing, "SUPER")]
    stream = Stream(place, server, grants=few).start()

    def hint():
        error = stream.status()["error"]
        return error and missing in error["hint"] and error["hint"]
    grant = wait_for(hint, say="no hint")
    assert grant.startswith("Run on the server: GRANT ")
    server.sql(grant.partition(": ")[2])
    stream.unbroken(1)


@pytest.mark.long
def test_server_falls_silent(place):
    server = Server(place).create().start()
    server.sql(*SCHEMA)
    stream = Stream(place, server).start()
    stream.catch_up()
    os.kill(server.pid, signal.SIGSTOP)
    try:
        wait_for(lambda: stream.status()["state"] != "running", 120, say="nobody noticed")
        began = time.monotonic()
        stream.stop()
        assert time.monotonic() - began < 20
    finally:
        os.kill(server.pid, signal.SIGCONT)
    stream.start()
    server.sql(ROW)
    stream.unbroken(1)


TCP = ("--skip-networking=0", "--port=33071")


def test_network_is_cut(place):
    wire = Wire(place)
    there = dataclasses.replace(MARIADB, name="in-a-namespace",
                                mariadbd=wire.inside(place, MARIADB.mariadbd))
    server = Server(place, programs=there,
                    options=(*SMALL_FILES, *TCP, f"--bind-address={wire.there}")).create().start()
    server.sql(*SCHEMA)
    stream = Stream(place, server).over_tcp(wire.there, 33071).start()
    server.sql(ROW)
    stream.catch_up()
    wait_for(lambda: stream.status()["lag_seconds"] is not None, say="it never caught up")
    before = stream.status()["reconnects"]
    wire.cut()
    began = time.monotonic()
    for _ in range(4):  # the server goes on, and its clients on the socket
        server.sql("INSERT INTO d.t (b) SELECT REPEAT(UUID(), 2000) FROM d.seq_1_to_20", ROTATE, ROW)
    wait_for(lambda: stream.status()["state"] != "running", 40, say="nobody noticed")
    # Of the stream, or of the session beside it if that was asking just then.
    assert re.search("nothing was heard of the server for (20 s, not|30 s when)", stream.error())
    # It tries again, and says what is in the way now.
    wait_for(lambda: f"cannot connect to the database server at {wire.there}:33071" in stream.error(),
             30, say="no new reason")
    assert any("cannot connect to the database server" in text for text in stream.problems())
    assert stream.status()["lag_seconds"] > 15
    lasted = time.monotonic() - began
    wire.mend()
    began = time.monotonic()
    wait_for(lambda: stream.status()["state"] == "running", 70, say="it did not come back")
    # The wait doubles each time, so it is never longer than what it was cut for; and a
    # connect that was under way gives up after 10 s.
    assert time.monotonic() - began < lasted + 15
    stream.unbroken(5)
    assert stream.status()["reconnects"] > before and not stream.error()


class Balancer:
    """A port of this machine behind which connections go to one server after the other."""

    def __init__(self, place, *servers):
        self.servers, self.taken = servers, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()
        place.at_end(self.listener.close)

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                to = self.servers[self.taken % len(self.servers)]
                self.taken += 1
                server = socket.socket(socket.AF_UNIX)
                server.connect(str(to.socket))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self.pump, args=pair, daemon=True).start()

    @staticmethod
    def pump(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def test_behind_a_load_balancer(place):
    """What one server says of its binlogs is not true of those of another, even where all
    of their names and positions are the same."""
    # Three, as the daemon may ask something else between the two connections.
    servers = [Server(place, f"n{i}", options=(f"--server-id={i}",)).create().start()
               for i in (1, 2, 3)]
    balancer = Balancer(place, *servers)
    for i, server in enumerate(servers):
        stream = Stream(place, server, name=f"mybak{i}").over_tcp("127.0.0.1", balancer.port)
        server.sql(*SCHEMA, ROW)
    stream.start()
    wait_for(lambda: "ended at two servers" in stream.error(), say="nobody noticed")
    assert stream.error().count("server_id=") == 2
    assert "load balancer" in stream.status()["error"]["hint"]
    assert stream.archive.lineages() == []
    balancer.servers = servers[2:]
    stream.unbroken(1)


SHIFTED_CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *t)
{
	int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
	int rc = real(id, t);
	if (id == CLOCK_REALTIME)
		t->tv_sec -= 3600;
	return rc;
}
"""


def test_clock_of_the_server_is_late(place):
    """Its transactions have its times: what lies ahead of its clock can still come."""
    library, script = place / "clock.so", place / "mariadbd"
    done = subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-o", library, "-", "-ldl"],
                          input=SHIFTED_CLOCK, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no compiler for a clock of our own: {done.stderr}")
    script.write_text(f'#!/bin/sh\nLD_PRELOAD={library} exec {MARIADB.mariadbd} "$@"\n')
    script.chmod(0o755)
    server = Server(place, programs=dataclasses.replace(MARIADB, mariadbd=str(script))).create().start()
    assert server.value("SELECT UNIX_TIMESTAMP()") < time.time() - 3500
    stream = Stream(place, server).start()
    server.sql(*SCHEMA, ROW)
    stream.catch_up()
    wait_for(lambda: stream.status()["caught_up"], say="it never had everything")
    status = stream.status()
    caught_up = datetime.datetime.fromisoformat(status["caught_up"].replace("Z", "+00:00")).timestamp()
    assert caught_up <= server.value("SELECT UNIX_TIMESTAMP()")
    assert status["lag_seconds"] < 10


def unmount(folder):
    subprocess.run(["umount", "-l", str(folder)], capture_output=True)
    assert not os.path.ismount(folder)


@contextlib.contextmanager
def small_disk(place, size):
    folder = place / "small"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "mybak-test", str(folder)],
                          capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        unmount(folder)


def test_disk_full(place):
    with small_disk(place, "40m") as disk:
        server = Server(place, options=SMALL_FILES).create().start()
        server.sql(*SCHEMA)
        stream = Stream(place, server, repo=disk / "repo").start()
        stream.catch_up()
        filler = disk / "filler"
        for left in (1500000, 200000, 0):
            room = os.statvfs(disk)
            with open(filler, "wb") as f:
                os.posix_fallocate(f.fileno(), 0, room.f_bavail * room.f_bsize - left)
            # Nothing of this compresses, and each MiB a binlog is closed.
            for _ in range(30):
                server.sql("INSERT INTO d.t (b) SELECT HEX(RANDOM_BYTES(1024)) FROM d.seq_1_to_50")
            wait_for(lambda: (stream.status()["error"] or {}).get("kind") == "no_space",
                     say="it does not say that the disk is full")
            assert "No space left on device" in stream.error(), stream.error()
            assert str(disk) in stream.error()
            assert any("No space left on device" in text for text in stream.problems())
            # And it does not look well for a moment at each try.
            for _ in range(30):
                status = stream.status()
                assert status["state"] != "running" and status["error"], status
                time.sleep(.1)
            server.sql(ROTATE, ROW)
            filler.unlink()
            stream.catch_up()
            stream.unbroken(3)
        assert not stream.error()
        stream.stop()
        # Each closed one is whole, only the last is open, and nothing half-made is left.
        folder = stream.archive.root / stream.archive.lineages()[0]
        names = stream.archive.names()
        expected = {"lineage.json", f"{names[-1]}.part", f"{names[-1]}.open"}
        for name in names[:-1]:
            expected |= {f"{name}.zst", f"{name}.json"}
        assert {f.name for f in folder.iterdir()} - {f"{names[-1]}.zst"} == expected


def test_repository_is_not_mounted(place):
    """What is written below a mount point that has nothing mounted is lost when it has."""
    server = Server(place).create().start()
    stream = Stream(place, server, name="b")
    stream.mybak.policy["repositories"][0]["must_be_mounted"] = True
    with small_disk(place, "20m") as disk:
        if os.path.ismount(place.path) or os.stat(place.path).st_dev != os.stat("/").st_dev:
            pytest.skip("the folder of the tests is itself below a mount point")
        (disk / "repo").mkdir()
        stream.mybak.repo = disk / "repo"
        stream.mybak.policy["repositories"][0]["url"] = stream.mybak.url
        stream.mybak.write_policy()
        stream.archive = Archive(disk / "repo")
        stream.start()
        stream.catch_up()
        # Under the daemon's feet.
        unmount(disk)
        server.sql(*SCHEMA, ROTATE, ROW, ROTATE, ROW)
        wait_for(lambda: "nothing is mounted there" in stream.error(), say="nobody noticed")
        assert list(disk.iterdir()) == []
        stream.stop()
    stream.start()
    wait_for(lambda: "nothing is mounted there" in stream.error(), say="nobody noticed")
    assert list((place / "small").iterdir()) == []


@pytest.mark.mysql
def test_mysql(place):
    gtid = ("--gtid-mode=ON", "--enforce-gtid-consistency=ON")
    server = MySQLServer(place, programs=mysql_sid(),
                         options=SMALL_FILES + ("--gtid-mode=OFF", "--enforce-gtid-consistency=OFF"))
    server.create().start()
    stream = Stream(place, server).start()
    server.sql(*SCHEMA, "ALTER TABLE d.t ADD j JSON")
    for compressed in (0, 1):
        fill(server, 20, ("ROW", "STATEMENT"), f"binlog_transaction_compression={compressed},")
    server.sql("INSERT INTO d.t (b) VALUES (REPEAT('q', 40000000))")
    server.options = SMALL_FILES + gtid
    server.stop()
    server.start()
    for tag in ("AUTOMATIC", "AUTOMATIC:blue"):
        for compressed in (0, 1):
            server.sql("SET binlog_row_value_options=PARTIAL_JSON", f"SET gtid_next='{tag}'",
                       f"SET binlog_transaction_compression={compressed}", *[ROW] * 10,
                       "INSERT INTO d.t (b, j) VALUES ('x', '{\"k\": 1, \"l\": \"aaaaaaaaaaaaaaaa\"}')",
                       "UPDATE d.t SET j=JSON_SET(j, '$.k', 2)")
    stream.catch_up()
    server.kill9()
    server.start().sql(ROW)
    for _ in range(3):
        server.sql("INSERT INTO d.t (b) SELECT b FROM d.t WHERE LENGTH(b) < 9999 LIMIT 300")
        stream.kill9()
        server.sql(ROW)
        stream.start()
    stream.unbroken(4)
    closed = [stream.archive.about(name) for name in stream.archive.names()[:-1]]
    assert any(":blue:" in (about["last_gtid"] or "") for about in closed)


@pytest.mark.mysql
def test_mysql_reset_and_purge(place):
    server = MySQLServer(place, programs=mysql_sid()).create().start()
    stream = Stream(place, server).start()
    server.sql(*SCHEMA, ROW)
    stream.catch_up()
    server.sql("RESET BINARY LOGS AND GTIDS", ROW, "RESET BINARY LOGS AND GTIDS", ROW, ROW)
    stream.catch_up()
    assert len(stream.archive.lineages()) == 2
    stream.stop()
    server.sql(ROW, ROTATE, ROW, ROTATE, ROW)
    newest = server.purge_binlogs()
    stream.start()
    stream.catch_up()
    assert [name for name, _ in stream.archive.gaps()] == [newest]
    assert stream.compare() == [newest]


@pytest.mark.mysql
def test_mysql_gtid_mode_changes(place):
    """What was not archived before such a change cannot be streamed behind it: the archive says so
    and goes on.  With the permissive modes nothing is lost."""
    server = MySQLServer(place, programs=mysql_sid(),
                         options=("--gtid-mode=ON", "--enforce-gtid-consistency=ON")).create().start()
    stream = Stream(place, server).start()
    server.sql(*SCHEMA, ROW)
    stream.catch_up()
    stream.stop()
    modes = [f"SET GLOBAL gtid_mode={mode}" for mode in ("ON_PERMISSIVE", "OFF_PERMISSIVE", "OFF")]
    server.sql(ROW, *modes, ROW)
    stream.start()

    def hint():
        error = stream.status()["error"]
        return error and "GTID_MODE = OFF" in error["message"] and error["hint"]
    assert "take a backup now" in wait_for(hint, say="no hint")
    stream.catch_up()
    first, *rest = stream.archive.names()
    end, size = len(stream.archive.read(first)), (server.datadir / first).stat().st_size
    gap, = stream.archive.gaps()
    assert gap[0] == rest[0] and (gap[1]["from_file"], gap[1]["from_position"]) == (first, end) and end < size
    server.sql(modes[1], modes[0], ROW)
    stream.catch_up()
    server.sql("SET GLOBAL gtid_mode=ON", ROW)
    stream.catch_up()
    assert len(stream.archive.lineages()) == 1 and stream.archive.gaps() == [gap]
    for name in rest:
        assert settled(stream.archive.read(name)) == settled((server.datadir / name).read_bytes()), name


@pytest.mark.mysql
def test_mysql_without_checksums(place):
    server = MySQLServer(place, programs=mysql_sid(),
                         options=(*SMALL_FILES, "--binlog-checksum=NONE")).create().start()
    stream = Stream(place, server).start()
    server.sql(*SCHEMA)
    fill(server, 10, ("ROW", "STATEMENT"))
    stream.catch_up()
    for checksum in ("CRC32", "NONE"):
        stream.kill9()
        server.sql(ROW, f"SET GLOBAL binlog_checksum={checksum}", ROW)
        stream.start()
        server.sql("INSERT INTO d.t (b) VALUES (REPEAT('q', 3000000))", ROTATE, ROW)
        stream.catch_up()
    stream.unbroken(5)
    checksums = {stream.archive.about(name)["checksum"] for name in stream.archive.names()[:-1]}
    assert checksums == {True, False}


@pytest.mark.mysql
def test_mysql_encrypted_binlogs(place):
    """As the server itself decrypts them: its files begin with 512 bytes of their own."""
    server = MySQLServer(place, programs=mysql_sid()).create()
    server.programs = with_keyring(server.programs, place / "keyring")
    server.options = ("--binlog-encryption=ON", *SMALL_FILES)
    try:
        server.start()
    except AssertionError as e:
        pytest.skip(f"MySQL does not start with a keyring here: {e}")
    if not server.value("SELECT @@binlog_encryption"):
        pytest.skip("MySQL has no binlog_encryption here: "
                    + "; ".join(line for line in server.messages() if "keyring" in line.lower()))
    stream = Stream(place, server).start()
    server.sql(*SCHEMA, ROW, ROTATE)
    fill(server, 10, ("ROW", "STATEMENT"))

    def ended():
        return stream.archive.end() == server.binlog_end()
    for _ in range(3):
        wait_for(ended, say="not all is archived")
        stream.kill9()
        server.sql(ROW, "INSERT INTO d.t (b) VALUES (REPEAT('q', 600000))", ROTATE, ROW)
        stream.start()
    server.stop()
    server.start().sql(ROW)
    wait_for(ended, say="not all is archived")
    names = stream.archive.names()
    assert len(names) >= 6 and len(stream.archive.lineages()) == 1 and not stream.archive.gaps()
    assert (server.datadir / names[0]).read_bytes()[:4] == b"\xfdbin"
    clear = place / "clear"
    clear.mkdir()
    subprocess.run([server.programs.binlog, "--no-defaults", "--read-from-remote-server", "--raw",
                    "--user=root", f"--socket={server.socket}", f"--result-file={clear}/", *names],
                   check=True, capture_output=True)
    for name in names:
        data = stream.archive.read(name)
        assert len(data) + 512 == (server.datadir / name).stat().st_size
        assert settled(data) == settled((clear / name).read_bytes()), name
