#!/usr/bin/python3
"""Take binary logs out of a repository of mybak without mybak: an independent reader,
written from mybak-repo(5) alone.  Needs Python and the zstd command; the hashes are
checked if the xxhash module is there.

    read_binlog.py REPOSITORY INSTANCE                      what there is, as JSON lines
    read_binlog.py REPOSITORY INSTANCE LINEAGE TARGET       all of a lineage, as files
    read_binlog.py REPOSITORY INSTANCE LINEAGE FILE FROM    bytes from a point on, to stdout
"""
import json
import pathlib
import re
import struct
import subprocess
import sys
import zlib

try:
    from xxhash import xxh3_128_hexdigest
except ImportError:
    xxh3_128_hexdigest = None


class Damaged(Exception):
    pass


def check(good, why):
    if not good:
        raise Damaged(why)


def check_hash(data, expected, what):
    if xxh3_128_hexdigest:
        check(xxh3_128_hexdigest(data) == expected, f"{what}: its hash is wrong")


def unescape(text):
    return re.sub(r"%([0-9A-F]{2})", lambda m: chr(int(m[1], 16)), text)


def number(file):
    return int(file.rpartition(".")[2])


def read_line(path):
    """The object in the first line."""
    line = path.read_bytes().split(b"\n")[0]
    before, _, after = line.rpartition(b',"check":"')
    check_hash(before, after[:32].decode(), path)
    o = json.loads(line[:-1] + b"}" if line.endswith(b",") else line)
    check(o["format"] == 1, f"{path}: format {o['format']}")
    return o


def events(data):
    """(offset, type) of each whole event; the last one's end comes as type None."""
    check(data[:4] == b"\xfebin", "this is no binary log")
    at, summed = 4, True
    while at + 19 <= len(data):
        _, kind, _, size, following, flags = struct.unpack_from("<IBIIIH", data, at)
        event = bytearray(data[at:at + size])
        if size < 19 or len(event) < size or following not in ((at + size) % 2**32, 0):
            break
        if kind == 15:
            event[17] &= 0xfe
        if (summed or kind == 15) and \
                zlib.crc32(event[:-4]) != struct.unpack("<I", event[-4:])[0]:
            break
        if kind == 15:
            summed = event[-5] == 1
        yield at, kind
        at += size
    yield at, None


class Lineage:
    def __init__(self, path):
        self.path = path
        self.number = read_line(path / "lineage.json")["number"]

    def files(self):
        """Names in the order of the server."""
        names = {p.name[:-len(end)] for end in (".json", ".part") for p in self.path.glob("*" + end)}
        return sorted(names - {"lineage"}, key=number)

    def is_open(self, file):
        return not (self.path / f"{file}.json").exists()

    def facts(self, file):
        about = read_line(self.path / (file + (".open" if self.is_open(file) else ".json")))
        check(unescape(about["file"]) == file, f"{file}: its facts are those of {about['file']}")
        return about

    def gaps(self):
        """(file behind it, what is said of it)."""
        before = None
        for file in self.files():
            about = self.facts(file)
            if about["gap"]:
                yield file, about["gap"]
            elif before and unescape(about["previous"] or "") != before:
                yield file, "lost"
            before = file

    def index(self, file):
        return json.loads((self.path / f"{file}.json").read_bytes())

    def read(self, file, start=0):
        """Bytes from start on: only of the frames that have them."""
        if self.is_open(file):
            data = (self.path / f"{file}.part").read_bytes()
            return data[start:list(events(data))[-1][0]]
        index, out = self.index(file), []
        with open(self.path / f"{file}.zst", "rb") as zst:
            for raw_at, at, stored, stored_hash, raw_hash in index["frames"]:
                if raw_at + 2**20 <= start:
                    continue
                zst.seek(at)
                frame = zst.read(stored)
                check_hash(frame, stored_hash, f"{file}, frame at {at}")
                raw = subprocess.run(["zstd", "-dcq"], input=frame, check=True,
                                     stdout=subprocess.PIPE).stdout
                check_hash(raw, raw_hash, f"{file}, frame at {at}")
                out.append(raw[max(0, start - raw_at):])
        data = b"".join(out)
        check(len(data) == index["size"] - start, f"{file}: its size is wrong")
        return data

    def check(self, file):
        """All of it, against what is said of it."""
        data = self.read(file)
        found = list(events(data))
        check(found.pop()[0] == len(data), f"{file} goes on behind its last whole event")
        if self.is_open(file):
            return data
        index = self.index(file)
        zst = self.path / f"{file}.zst"
        check(zst.stat().st_size == index["stored"], f"{zst}: its size is wrong")
        check(subprocess.run(["zstd", "-dcq", zst], check=True,
                             stdout=subprocess.PIPE).stdout == data, f"{zst}: not its frames")
        check(len(found) == index["events"], f"{file}: {len(found)} events")
        groups = {at for at, kind in found if kind in (162, 33, 34, 42)}
        check(len(groups) == index["groups"], f"{file}: {len(groups)} groups")
        check(all(at in groups for at, _, _ in index["points"]), f"{file}: its points are wrong")
        return data


def lineages(repository, instance):
    info = json.loads((pathlib.Path(repository) / "mybak-repo.json").read_text())
    check(info["format"] == 1 and info["cipher"] is None, "a format this reader does not know")
    root = pathlib.Path(repository) / instance / "binlogs"
    return sorted((Lineage(p.parent) for p in root.glob("*/lineage.json")), key=lambda l: l.number)


def main(args):
    if len(args) not in (2, 4, 5):
        sys.exit(__doc__)
    try:
        all_of_them = lineages(*args[:2])
        if len(args) == 2:
            for lineage in all_of_them:
                gaps = dict(lineage.gaps())
                for file in lineage.files():
                    print(json.dumps({"lineage": lineage.path.name, "file": file,
                                      "open": lineage.is_open(file), "gap": gaps.get(file)}))
            return
        lineage, = (l for l in all_of_them if l.path.name == args[2])
        if len(args) == 5:
            sys.stdout.buffer.write(lineage.read(args[3], int(args[4])))
            return
        pathlib.Path(args[3]).mkdir()
        for file in lineage.files():
            (pathlib.Path(args[3]) / file).write_bytes(lineage.check(file))
    except Damaged as why:
        sys.exit(f"read_binlog.py: {why}")


if __name__ == "__main__":
    main(sys.argv[1:])
