"""Nobody is locked in: tests/read_repo.py and tests/read_binlog.py, which share nothing with
mybak but the manual page mybak-repo(5), restore what mybak has stored."""
import json
import shlex
import struct
import subprocess
import sys

import pytest
import xxhash

from harness import Burner, Load, Mybak, Server, Truth, check_restored, take
from harness.load import change_rows, volume
from harness.places import ROOT

sys.path.insert(0, str(ROOT / "tests"))

from read_repo import Backup  # noqa: E402

MIB = 1024 * 1024


def read_repo(mybak, backup, target):
    """What it says is left to do: {what: words}."""
    done = subprocess.run([sys.executable, ROOT / "tests" / "read_repo.py", mybak.repo, "main",
                           backup["id"], target], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return {what: shlex.split(words) for what, words in (line.split(": ", 1) for line in done.stdout.splitlines())}


@pytest.mark.smoke
def test_chain_restored_from_the_page_alone(place):
    server = Server(place).create().start()
    volume(server, 40)
    mybak = Mybak(place, server).start()
    load = Load(server)
    taken = take(server, mybak, ("full", "incremental", "incremental"), between=lambda: change_rows(server, 0.02))
    load.stop()
    truth = Truth.of(server)
    for i in (0, 2):
        target = place / f"by-hand{i}"
        said = read_repo(mybak, taken[i][0], target)
        check_restored(truth, target, *taken[i], options=said["start the server with"])


def test_pack_of_zeros_alone(place):
    """One worker of a small incremental may have found nothing but pages that are zero now:
    its pack has no bytes, which zstd by itself does not take."""
    (place / "index.000").write_bytes(b"MYBAKIDX" + struct.pack("<II", 1, 0) + struct.pack("<4I", 0, 0, 1, 0)
                                      + bytes(32) + struct.pack("<IIQQ", 0, 1, 16384, 32768))
    (place / "pack.000").touch()
    index = (place / "index.000").read_bytes()
    backup = object.__new__(Backup)
    backup.dir = place.path
    pack = {"number": 0, "bytes": 0, "frames": 1, "index_bytes": len(index),
            "index_hash": xxhash.xxh3_128_hexdigest(index)}
    assert list(backup.frames(pack)) == [([(0, 1, 16384, 32768)], b"")]


@pytest.mark.long
def test_redo_longer_than_its_ring(place):
    server = Server(place, options=("--innodb-log-file-size=8M",)).create().start()
    volume(server, 40)
    mybak = Mybak(place, server, limits={"read_rate": "8MiB"}).start()
    burner = Burner(server)
    full = mybak.backup("full")
    burner.stop()
    assert full["lsn"]["end"] - full["lsn"]["checkpoint"] > 8 * MIB
    truth = Truth.of(server)
    target = place / "by-hand"
    said = read_repo(mybak, full, target)
    check_restored(truth, target, full, options=said["start the server with"])


def read_binlog(mybak, *words):
    done = subprocess.run([sys.executable, ROOT / "tests" / "read_binlog.py", mybak.repo, "main",
                           *map(str, words)], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def without_mark(data):
    """The server marks the file it writes."""
    return data[:21] + bytes([data[21] & 0xfe]) + data[22:]


def test_binlogs_from_the_page_alone(place):
    server = Server(place, options=("--max-binlog-size=4M",)).create().start()
    server.sql("CREATE DATABASE d", "CREATE TABLE d.t (a INT PRIMARY KEY, b LONGTEXT)")
    mybak = Mybak(place, server, schedule={"binlog": "continuous"}).start()
    mybak.backup("full")  # what stands before the oldest backup is not kept
    for i in range(12):
        server.sql(f"INSERT INTO d.t VALUES ({i}, REPEAT('{i:03}', 400000))")
    full = mybak.backup("full")
    server.sql("INSERT INTO d.t VALUES (100, 'behind it')")
    mybak.ctl("run-now", "binlog", "--wait")
    listed = [json.loads(line) for line in read_binlog(mybak).splitlines()]
    lineage, = {one["lineage"] for one in listed}
    files = [one["file"] for one in listed]
    assert len(files) > 3 and [one["open"] for one in listed] == [False] * (len(files) - 1) + [True]
    assert not any(one["gap"] for one in listed)
    read_binlog(mybak, lineage, place / "out")
    for file in files:
        assert (place / "out" / file).read_bytes() \
            == without_mark((server.datadir / file).read_bytes()), file
    # From a backup's position on, and the backup says in which history.
    text = subprocess.run(["zstd", "-dcq", mybak.repo / "main/backups" / full["id"] / "manifest"],
                          check=True, stdout=subprocess.PIPE).stdout
    point = json.loads(text.splitlines()[0])["binlog"]
    rest = read_binlog(mybak, lineage, point["file"], point["position"])
    assert rest == without_mark((server.datadir / point["file"]).read_bytes())[point["position"]:]
    assert b"behind it" in rest
    first = json.loads((mybak.repo / "main/binlogs" / lineage / f"{files[0]}.json").read_text())
    assert lineage == first["created"].replace("-", "").replace(":", "") + "-1"
    if point["file"] != files[-1]:
        about = json.loads((mybak.repo / "main/binlogs" / lineage
                            / f"{point['file']}.json").read_text())
        assert point["created"] == about["created"]
    assert point["created"]
    # Nothing else holds without a hash: one byte, anywhere.
    path = mybak.repo / "main/binlogs" / lineage / f"{files[1]}.zst"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    verified = mybak.ctl("verify", "--repo", mybak.url, "--json", expect=7)
    assert verified.json["binlogs"][0]["file"] == files[1]
