#!/usr/bin/python3
"""mybak side by side with `mariadb-backup --stream | zstd`, in one run on one machine, and with
the limit, `cat files | zstd`; then with MySQL, for which Debian has no other hot backup, beside
the same load without a backup.  Runs take turns; what is printed are medians.  BENCH_MB (1000)
is the size of the database, BENCH_RUNS (3) how often each thing is done, BENCH_OF ("mariadb
mysql") which servers are looked at."""
import collections
import contextlib
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent / "integration"))

import pytest  # noqa: E402

from harness import Load, Mybak, MySQLServer, Server, Workplace, mysql_sid  # noqa: E402

MB = int(os.environ.get("BENCH_MB", "1000"))
RUNS = int(os.environ.get("BENCH_RUNS", "3"))
THREADS = 2
STREAM_SECONDS = 20
TABLES = 4
ROWS_A_PAGE = 70  # of sysbench's table


def prepare(server):
    server.create().start()
    server.sql("CREATE DATABASE sbtest")
    subprocess.run(["sysbench", "oltp_read_write", "--db-driver=mysql", "--mysql-user=root",
                    f"--mysql-socket={server.socket}", f"--tables={TABLES}", "--threads=2",
                    f"--table-size={MB * 1024 * 1024 // TABLES // 240}", "prepare"],
                   check=True, stdout=subprocess.DEVNULL)
    server.settle()
    return server


def change(server, percent, salt):
    step = max(1, round(100 / percent)) * ROWS_A_PAGE
    for i in range(1, TABLES + 1):
        server.sql(f"UPDATE sbtest.sbtest{i} SET pad=REVERSE(pad) WHERE id % {step} = {salt % step}")
    server.settle()
    server.checkpoint()


def warm(server):
    for f in server.datadir.rglob("*.ibd"):
        with open(f, "rb") as data:
            while data.read(1 << 20):
                pass


class Meter:
    """Wall time, and what a client that commits small transactions had to wait."""

    def __init__(self, server, commits=True):
        self.server, self.commits = server, commits

    def __enter__(self):
        os.sync()
        if self.commits:
            self.load = Load(self.server, "--transfers=1", "--tables=0", "--ddl=0", "--pause-us=2000",
                             setup=not self.server.sql("SHOW DATABASES LIKE 'bank'"))
        self.start = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.start
        if self.commits:
            self.stall = self.load.stop()["longest_commit"]


def pipeline(*stages, out):
    """Run stages as a pipe into `out`; the sum of their peak memories in bytes."""
    processes, previous = [], None
    with open(out, "wb") as sink:
        for i, words in enumerate(stages):
            last = i == len(stages) - 1
            p = subprocess.Popen(words, stdin=previous, stdout=sink if last else subprocess.PIPE,
                                 stderr=subprocess.DEVNULL)
            if previous:
                previous.close()
            previous = p.stdout
            processes.append(p)
    memory = 0
    for p in processes:
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = status
        if status != 0:
            raise SystemExit(f"{p.args[0]} failed")
        memory += usage.ru_maxrss * 1024
    return memory


class Peer:
    """mariadb-backup | zstd"""

    def __init__(self, place, server):
        self.server, self.dir = server, place / "peer"
        self.dir.mkdir()
        self.count = 0

    def backup(self, level, incremental=False):
        words = ["mariadb-backup", "--no-defaults", "--backup", "--stream=xbstream", "--user=root",
                 f"--parallel={THREADS}", f"--socket={self.server.socket}",
                 f"--datadir={self.server.datadir}", f"--target-dir={self.dir}/tmp"]
        if incremental:
            words.append(f"--incremental-lsn={self.lsn}")
        self.count += 1
        lsn_dir, self.file = self.dir / f"lsn{self.count}", self.dir / f"{self.count}.zst"
        with Meter(self.server) as m:
            memory = pipeline([*words, f"--extra-lsndir={lsn_dir}"],
                              ["zstd", "-q", f"-{level}", f"-T{THREADS}"], out=self.file)
        text = (lsn_dir / "xtrabackup_checkpoints").read_text()
        self.lsn = dict(line.split(" = ") for line in text.splitlines())["to_lsn"]
        return {"seconds": m.seconds, "stall": m.stall, "memory": memory,
                "bytes": self.file.stat().st_size}

    def restore(self, place):
        target = self.dir / "restored"
        with Meter(self.server, commits=False) as m:
            target.mkdir()
            unzstd = subprocess.Popen(["zstd", "-q", "-d", "-c", str(self.file)], stdout=subprocess.PIPE)
            subprocess.run(["mbstream", "-x", "-C", str(target), "-p", str(THREADS)], stdin=unzstd.stdout,
                           check=True)
            unzstd.wait()
            subprocess.run(["mariadb-backup", "--no-defaults", "--prepare", "--use-memory=512M",
                            f"--target-dir={target}"], check=True, capture_output=True)
            copy = Server(place, "peer-copy", datadir=target, binlog=False).start()
        copy.stop()
        shutil.rmtree(target)
        return {"seconds": m.seconds}


class Us:
    def __init__(self, place, server):
        self.server = server
        self.place = place
        self.mybak = Mybak(place, server, limits={"workers": THREADS}).start()

    def backup(self, level, incremental=False):
        if self.mybak.policy["compression"]["level"] != level:
            self.mybak.policy["compression"]["level"] = level
            self.mybak.write_policy()
            self.mybak.ctl("reload")
        with open(f"/proc/{self.mybak.process.pid}/clear_refs", "w") as f:
            f.write("5")  # peak memory starts anew
        kind = "incremental" if incremental else "full"
        with Meter(self.server) as m:
            self.mybak.ctl("run-now", kind, "--wait")
        self.last = self.mybak.list()[-1]
        if self.last["kind"] != kind:
            raise SystemExit(f"asked for {kind}, got {self.last}")
        return {"seconds": m.seconds, "stall": m.stall, "memory": self.mybak.memory_peak(),
                "bytes": self.last["stored_bytes"], "lock": self.last["lock_seconds"]}

    def restore(self, place):
        target = place / "our-copy"
        with Meter(self.server, commits=False) as m:
            self.mybak.restore(target, self.last)
            copy = type(self.server)(place, "our-copy-server", programs=self.server.programs, datadir=target,
                                     binlog=False).start()
        copy.stop()
        shutil.rmtree(target)
        return {"seconds": m.seconds}


def limit(place, server, level):
    files = [str(f) for f in server.datadir.rglob("*") if f.suffix == ".ibd" or f.name.startswith("ibdata")]
    with Meter(server, commits=False) as m:
        pipeline(["cat", *files], ["zstd", "-q", f"-{level}", f"-T{THREADS}"], out=place / "limit.zst")
    size = (place / "limit.zst").stat().st_size
    (place / "limit.zst").unlink()
    return {"seconds": m.seconds, "bytes": size}


def median(results, key):
    values = [r[key] for r in results if key in r]
    return statistics.median(values) if values else None


def figure(results, key):
    value = median(results, key)
    if value is None:
        return ""
    if key in ("seconds", "stall", "lock"):
        return f"{value:.3f} s" if value < 1 else f"{value:.2f} s"
    return f"{value / 1048576:.1f} MiB"


def row(title, ours, peers, limits=(), key="seconds"):
    a, b, c = (median(r, key) for r in (ours, peers, limits))
    print(f"{title:<38}{figure(ours, key):>12}{figure(peers, key):>16}"
          f"{f'{b / a:.1f} x' if a and b else '':>10}"
          f"{figure(limits, key):>12}{f'{a / c:.2f} x' if a and c else '':>10}", flush=True)


def full(place, server, us, peer, level):
    ours, peers, limits = [], [], []
    for _ in range(RUNS):
        ours.append(us.backup(level))
        peers.append(peer.backup(level))
        limits.append(limit(place, server, level))
    row(f"full, level {level}", ours, peers, limits)
    row("    stored", ours, peers, limits, "bytes")
    row("    longest a client waited", ours, peers, key="stall")
    row("    commit lock held", ours, [], key="lock")
    row("    peak memory", ours, peers, key="memory")
    return ours, peers


def incremental(server, us, peer, percent):
    ours, peers = [], []
    for salt in range(RUNS):
        change(server, percent, salt + 1)
        ours.append(us.backup(1, True))
        peers.append(peer.backup(1, True))
    row(f"incremental, {percent:g} % of pages", ours, peers)
    row("    stored", ours, peers, key="bytes")
    row("    longest a client waited", ours, peers, key="stall")


def restore(place, us, peer):
    us.backup(1)
    peer.backup(1)
    ours, peers = [], []
    for _ in range(RUNS):
        ours.append(us.restore(place))
        peers.append(peer.restore(place))
    row("restore to a started server", ours, peers)


def cpu_seconds(stat):
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def binlog_thread(pid):
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().startswith("binlog "):
            return task / "stat"
    raise SystemExit("the daemon archives no binlog")


def order(file, pos):
    return int(file.rpartition(".")[2] or 0), pos


class Lag:
    """How long what a server has written to its binlog takes to be durable in the archive: its
    end is looked at again and again, and when the archive has passed it."""

    def __init__(self, server, mybak):
        self.server, self.mybak, self.ending, self.worst = server, mybak, False, 0.0
        self.pending = collections.deque()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        with contextlib.closing(self.server.connect()) as db, db.cursor() as cursor:
            while not self.ending or self.pending:
                if not self.ending:
                    cursor.execute(self.server.END)
                    file, pos = cursor.fetchone()[:2]
                    self.pending.append((time.monotonic(), order(file, int(pos))))
                durable = self.mybak.get("/v1/status")["instances"][0]["binlog"]
                now, reached = time.monotonic(), order(durable["file"] or "", durable["position"] or 0)
                while self.pending and self.pending[0][1] <= reached:
                    self.worst = max(self.worst, now - self.pending.popleft()[0])
                time.sleep(0.02)

    def stop(self):
        self.ending = True
        self.thread.join()
        return self.worst


def stream(server, us):
    us.mybak.policy["schedule"]["binlog"] = "continuous"
    us.mybak.write_policy()
    us.mybak.ctl("reload")
    us.mybak.ctl("run-now", "binlog", "--wait")
    thread, process = binlog_thread(us.mybak.process.pid), pathlib.Path(f"/proc/{server.pid}/stat")
    before = cpu_seconds(thread), cpu_seconds(process), server.status("Binlog_bytes_written")
    lag = Lag(server, us.mybak)
    subprocess.run(["sysbench", "oltp_write_only", "--db-driver=mysql", "--mysql-user=root",
                    f"--mysql-socket={server.socket}", f"--tables={TABLES}", "--threads=8",
                    f"--table-size={MB * 1024 * 1024 // TABLES // 240}", f"--time={STREAM_SECONDS}", "run"],
                   check=True, stdout=subprocess.DEVNULL)
    # From here on the two only catch up.
    used = cpu_seconds(thread) - before[0], cpu_seconds(process) - before[1]
    written = server.status("Binlog_bytes_written") - before[2]
    row("binlog stream, longest lag", [{"seconds": lag.stop()}], [])
    row("    written a second", [{"bytes": written / STREAM_SECONDS}], [], key="bytes")
    print(f"{'    CPU, of what the server uses':<38}{100 * used[0] / used[1]:>10.1f} %", flush=True)


def idle_memory(us):
    us.mybak.kill9()
    us.mybak.start()
    with open(f"/proc/{us.mybak.process.pid}/statm") as f:
        return {"memory": int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")}


def headline(server):
    size = sum(f.stat().st_size for f in server.datadir.rglob("*.ibd"))
    print(f"{server.value('SELECT VERSION()')}, {size / 1048576:.0f} MiB of tablespaces, {THREADS} threads,"
          f" {os.cpu_count()} CPUs, medians of {RUNS}\n")


def without(server, seconds):
    """The same load for as long, and nobody takes a backup."""
    with Meter(server) as m:
        time.sleep(seconds)
    return {"stall": m.stall}


def beside_nothing(server, us, title, level, percent=None):
    ours, nothing = [], []
    for salt in range(RUNS):
        if percent:
            change(server, percent, salt + 1)
        ours.append(us.backup(level, bool(percent)))
        nothing.append(without(server, max(ours[-1]["seconds"], 1)))
    for name, key in ((title, "seconds"), ("    stored", "bytes"), ("    longest a client waited", "stall"),
                      ("    peak memory", "memory")):
        print(f"{name:<38}{figure(ours, key):>12}{figure(nothing, key):>16}", flush=True)


def mysql():
    try:
        programs = mysql_sid()
    except pytest.skip.Exception as e:
        print(f"left out: {e}")
        return
    with Workplace() as place:
        server = prepare(MySQLServer(place, programs=programs, options=(
            "--innodb-buffer-pool-size=512M", "--innodb-redo-log-capacity=512M")))
        headline(server)
        print(f"{'':<38}{'mybak':>12}{'no backup':>16}")
        us = Us(place, server)
        warm(server)
        for level in (1, 3):
            beside_nothing(server, us, f"full, level {level}", level)
        for percent in (0.1, 1, 10):
            beside_nothing(server, us, f"incremental, {percent:g} % of pages", 1, percent)
        us.backup(1)
        times = [us.restore(place) for _ in range(RUNS)]
        print(f"{'restore to a started server':<38}{figure(times, 'seconds'):>12}", flush=True)


def mariadb():
    with Workplace() as place:
        server = prepare(Server(place, options=("--innodb-buffer-pool-size=512M", "--innodb-log-file-size=512M")))
        headline(server)
        print(f"{'':<38}{'mybak':>12}{'mariadb-backup':>16}{'ahead':>10}{'limit':>12}{'behind':>10}")
        us, peer = Us(place, server), Peer(place, server)
        warm(server)
        for level in (1, 3):
            full(place, server, us, peer, level)
        for percent in (0.1, 1, 10):
            incremental(server, us, peer, percent)
        restore(place, us, peer)
        stream(server, us)
        row("memory of the idle daemon", [idle_memory(us)], [], key="memory")


if __name__ == "__main__":
    for n, look in enumerate(os.environ.get("BENCH_OF", "mariadb mysql").split()):
        if n:
            print()
        {"mariadb": mariadb, "mysql": mysql}[look]()
