#!/usr/bin/python3
"""Restore a backup of mybak without mybak: an independent reader of a repository,
written from mybak-repo(5) alone.  Needs Python and the zstd command; the hashes are
checked if the xxhash module is there.

    read_repo.py REPOSITORY INSTANCE BACKUP TARGET [EXTERNAL=NEW ...]

Clear rather than fast, and it puts every backup of a chain together in full.
"""
import json
import os
import pathlib
import re
import shlex
import shutil
import struct
import subprocess
import sys
import tempfile

try:
    from xxhash import xxh3_128_digest
except ImportError:
    xxh3_128_digest = None

RAW_MAX = 1 << 20
RING = 12288  # where the ring of ib_logfile0 begins
NO_OPTIONS = ("system_time_zone", "system_utc_offset")  # settings that are the environment's


class Damaged(Exception):
    pass


def check(good, why):
    if not good:
        raise Damaged(why)


def check_hash(data, expected, what):
    if xxh3_128_digest:
        check(xxh3_128_digest(data) == expected, f"{what}: its hash is wrong")


def unescape(text):
    """To bytes, as names of files are."""
    return re.sub(rb"%([0-9A-F]{2})", lambda m: bytes.fromhex(m[1].decode()), text.encode("ascii"))


class Backup:
    def __init__(self, repository, instance, name):
        check(re.fullmatch(r"\d{8}T\d{6}Z-(full|incr)", name), f"{name} is no backup id")
        self.dir = pathlib.Path(repository) / instance / "backups" / name
        text = subprocess.run(["zstd", "-dcq", self.dir / "manifest"], check=True,
                              stdout=subprocess.PIPE).stdout
        head, *files, tail = [json.loads(line) for line in text.splitlines()]
        check(head["format"] == 1, f"{name}: format {head['format']}")
        check(tail == {"end": True, "files": len(files)}, f"{name}: the manifest is incomplete")
        self.head, self.files = head, files
        for f in files:
            f["path"] = unescape(f["p"])
            parts = f["path"].split(b"/")
            check(not {b"", b".", b".."} & set(parts), f"{name}: unsafe path {f['p']}")

    def frames(self, pack):
        """(extents, raw bytes) of each frame of a pack, checked."""
        number = f"{pack['number']:03}"
        index = (self.dir / f"index.{number}").read_bytes()
        check(len(index) == pack["index_bytes"], f"index.{number}: its size is wrong")
        check_hash(index, bytes.fromhex(pack["index_hash"]), f"index.{number}")
        check(struct.unpack_from("<8sII", index) == (b"MYBAKIDX", 1, pack["number"]),
              f"index.{number}: not an index")
        name = self.dir / f"pack.{number}"
        check(name.stat().st_size == pack["bytes"], f"pack.{number}: its size is wrong")
        at, count = 16, 0
        # zstd takes an empty file for a torn one; so for a pack of zero extents alone it is `true`.
        command = ["zstd", "-dcq", name] if pack["bytes"] else ["true"]
        with open(name, "rb") as stored_file, subprocess.Popen(command, stdout=subprocess.PIPE) as zstd:
            while at < len(index):
                stored, raw, extent_n, zero, stored_hash, raw_hash = \
                    struct.unpack_from("<4I16s16s", index, at)
                at += 48
                check(raw <= RAW_MAX and 0 < extent_n <= 1024 and zero == 0, f"index.{number}")
                extents = [struct.unpack_from("<IIQQ", index, at + 24 * i)
                           for i in range(extent_n)]
                at += 24 * extent_n
                if stored:
                    check_hash(stored_file.read(stored), stored_hash, f"pack.{number}")
                data = zstd.stdout.read(raw)
                check(len(data) == raw, f"pack.{number} ends early")
                if stored:
                    check_hash(data, raw_hash, f"pack.{number}")
                check(sum(x[3] for x in extents if not x[1] & 1) == raw, f"index.{number}")
                count += 1
                yield extents, data
            check(zstd.stdout.read(1) == b"", f"pack.{number} goes on")
        check(zstd.returncode in (0, None) and count == pack["frames"], f"pack.{number}")


def assemble(backup, into, parent_dir):
    """Each file of the backup as into/<its number>."""
    for number, f in enumerate(backup.files):
        if f["k"] not in ("plain", "innodb", "redo"):
            continue
        path = into / str(number)
        if "b" in f:
            shutil.copyfile(parent_dir / str(f["b"]), path)
            os.truncate(path, min(f["s"], path.stat().st_size))
        else:
            path.touch()
        os.truncate(path, f["s"])
    for pack in backup.head["packs"]:
        for extents, data in backup.frames(pack):
            pos = 0
            for number, flags, off, length in extents:
                piece = None
                if not flags & 1:
                    piece = data[pos:pos + length]
                    pos += length
                f = backup.files[number]
                if f["k"] in ("plain", "innodb", "redo"):
                    put(into / str(number), off, length, piece, f["s"])


def put(path, off, length, piece, size):
    """Bytes, or `length` zeros if piece is None, cut off at size."""
    length = min(length, max(0, size - off))
    with open(path, "r+b") as out:
        while length > 0:
            part = piece[:length] if piece is not None else bytes(min(length, RAW_MAX))
            out.seek(off)
            out.write(part)
            off += len(part)
            length -= len(part)


def crc32c(data, crc=0):
    crc ^= 0xffffffff
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xff]
    return crc ^ 0xffffffff


def crc_entry(n):
    for _ in range(8):
        n = n >> 1 ^ (0x82f63b78 if n & 1 else 0)
    return n


CRC_TABLE = [crc_entry(n) for n in range(256)]


def integer(data, at):
    """(value, bytes it takes) of the integer of variable length."""
    first = data[at]
    for below, size, mask, add in ((0x80, 1, 0x7f, 0), (0xc0, 2, 0x3fff, 0x80),
                                   (0xe0, 3, 0x1fffff, 0x4080), (0xf0, 4, 0xfffffff, 0x204080)):
        if first < below:
            return (int.from_bytes(data[at:at + size], "big") & mask) + add, size
    check(first == 0xf0, "the redo log makes no sense")
    return int.from_bytes(data[at + 1:at + 5], "big") + 0x10204080, 5


def make_linear(data, encrypted):
    """Set every sequence byte to 1."""
    data, at = bytearray(data), 0
    while at < len(data):
        start = at
        while data[at] > 1:
            length = data[at] & 15
            if length == 0:
                length = integer(data, at + 1)[0] + 15
            at += 1 + length
        nonce = 8 if encrypted else 0
        check(at + 5 + nonce <= len(data), "the redo log ends within a mini-transaction")
        crc = crc32c(data[at + 1:at + 1 + nonce], crc32c(data[start:at]))
        check(crc == int.from_bytes(data[at + 1 + nonce:at + 5 + nonce], "big"),
              f"the redo log is damaged at byte {start}")
        data[at] = 1
        at += 5 + nonce
    return bytes(data)


def write_redo(head, captured, path):
    lsn, redo = head["lsn"], head["redo"]
    captured = captured[:lsn["end"] - lsn["checkpoint"]]
    check(len(captured) == lsn["end"] - lsn["checkpoint"], "the redo log is incomplete")
    header = bytearray.fromhex(redo["header"])
    encrypted = header[:4] == b"\xf0\x9f\x97\x9d" or header[48:52] != bytes(4)
    first, capacity, size = redo["first_lsn"], redo["capacity"], redo["file_size"]
    if len(captured) >= capacity - 8192:
        captured = make_linear(captured, encrypted)
        first = lsn["checkpoint"]
        size = max(4 << 20, -(-(RING + len(captured) + 65536) // 4096) * 4096)
        capacity = size - RING
        struct.pack_into(">Q", header, 8, first)
    header[16:48] = b"Backup mybak".ljust(32, b"\0")
    header[508:512] = struct.pack(">I", crc32c(header[:508]))
    block = struct.pack(">QQ44x", lsn["checkpoint"], redo["checkpoint_end_lsn"])
    block += struct.pack(">I", crc32c(block))
    with open(path, "wb") as out:
        out.truncate(size)
        out.write(header)
        out.seek(4096)
        out.write(block)
        at = lsn["checkpoint"]
        while captured:
            off = (at - first) % capacity
            part, captured = captured[:capacity - off], captured[capacity - off:]
            out.seek(RING + off)
            out.write(part)
            at += len(part)


def with_sum(block, *fields):
    for form, at, value in fields:
        struct.pack_into(form, block, at, value)
    struct.pack_into(">I", block, 508, crc32c(block[:508]))
    return bytes(block)


def write_mysql_redo(head, captured, path):
    lsn, redo = head["lsn"], head["redo"]
    first, last = lsn["checkpoint"] // 512 * 512, lsn["end"] // 512 * 512
    between = lsn["end"] % 512 <= 12
    check(len(captured) == last - first + (0 if between else 512), "the redo log is incomplete")
    header = with_sum(bytearray.fromhex(redo["header"]), (">Q", 8, first), (">I", 48, 0))
    block = with_sum(bytearray(512), (">Q", 8, lsn["checkpoint"]))
    key = bytes.fromhex(redo.get("encryption", "00" * 512))
    if between:
        captured += with_sum(bytearray(512), (">I", 0, last // 512 % 0x40000000 + 1), (">H", 4, 12),
                             (">H", 6, 12), (">I", 8, last // 512 // 0x40000000 + 1))
    with open(path, "wb") as out:
        out.write(header + block + key + block + captured)
        out.truncate(max(1 << 20, -(-out.tell() // 65536) * 65536))


def lay_out(backup, parts, target, external):
    """The files under their names, with modes and owners."""
    roots = [os.fsencode(target) if root["role"] != "external" else external.get(root["path"])
             for root in backup.head["roots"]]
    done = []
    for number, f in enumerate(backup.files):
        if f["k"] == "gone":
            continue
        r = f.get("r", 0)
        root = roots[r]
        check(root is not None, f"say where {backup.head['roots'][r]['path']} goes")
        path = os.path.join(root, f["path"])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if f["k"] == "dir":
            os.makedirs(path, exist_ok=True)
        elif f["k"] == "symlink":
            os.symlink(unescape(f["t"]), path)
        elif f["k"] == "redo":
            write = write_mysql_redo if backup.head["server"]["flavour"] == "mysql" else write_redo
            write(backup.head, (parts / str(number)).read_bytes(), path)
        elif f.get("z"):
            subprocess.run(["cp", "--sparse=always", parts / str(number), path], check=True)
        else:
            shutil.move(parts / str(number), path)
        done.append((path, f))
    for path, f in reversed(done):
        if os.geteuid() == 0:
            os.lchown(path, f["u"], f["g"])
        if f["k"] != "symlink":
            os.chmod(path, f["m"] & 0o7777)


def restore(repository, instance, name, target, external):
    info = json.loads((pathlib.Path(repository) / "mybak-repo.json").read_text())
    check(info["format"] == 1 and info["cipher"] is None, "a format this reader does not know")
    chain = [Backup(repository, instance, name)]
    while chain[-1].head["parent"]:
        chain.append(Backup(repository, instance, chain[-1].head["parent"]))
    os.makedirs(target)
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(target))) as work:
        parts = None
        for n, backup in enumerate(reversed(chain)):
            into = pathlib.Path(work) / str(n)
            into.mkdir()
            assemble(backup, into, parts)
            if parts:
                shutil.rmtree(parts)
            parts = into
        lay_out(chain[0], parts, target, external)
    return chain[0]


def every_start(head, external):
    """Options that the server needs from now on."""
    settings = {name: unescape(value).decode() for name, value in head["settings"].items()}
    words = [f"--{name}={value}" for name, value in settings.items() if name not in NO_OPTIONS]
    if external and head["server"]["flavour"] == "mysql":
        words.append("--innodb-directories=" + ";".join(external.values()))
    return words


def first_start(backup, target):
    """Options that a MySQL needs the first time; beside them goes what it reads then."""
    words = []
    for f in backup.files:
        if f["k"] == "plain" and f.get("r", 0) == 0 and f["path"].startswith(b"#mybak-binlog/"):
            name = f["path"].decode()
            pathlib.Path(target, "#mybak-binlog/mybak.index").write_text(f"./{name}\n")
            words += ["--log-bin=" + name.rsplit(".", 1)[0], "--log-bin-index=#mybak-binlog/mybak.index"]
    if "replica" in backup.head:
        words.append("--skip-replica-start")
    if "encryption" in backup.head["redo"]:
        words.append("--innodb-log-checksums=OFF")
    return words


def tell(backup, target, external):
    """What is left to do, in the words of mybak-repo(5)."""
    words = every_start(backup.head, external)
    first = first_start(backup, target) if backup.head["server"]["flavour"] == "mysql" else []
    if first:
        print("start the server the first time with:", shlex.join(words + first))
        if "encryption" in backup.head["redo"]:
            print("then say: SET GLOBAL innodb_log_checksums = ON")
        if "replica" in backup.head:
            print("then say: RESET REPLICA ALL")
        made = [os.path.join(target, "auto.cnf")]
        if os.path.exists(os.path.join(target, "#mybak-binlog")):
            made.append(os.path.join(target, "#mybak-binlog"))
        print("after a clean shutdown remove:", shlex.join(made))
    print("start the server with:", shlex.join(words))


def main(args):
    if len(args) < 4:
        sys.exit(__doc__)
    external = dict(words.split("=", 1) for words in args[4:])
    try:
        backup = restore(*args[:4], {old: os.fsencode(new) for old, new in external.items()})
    except Damaged as why:
        sys.exit(f"read_repo.py: {why}")
    tell(backup, args[3], external)


if __name__ == "__main__":
    main(sys.argv[1:])
