"""The binlog archive of a repository, read by nothing but its own documentation, a JSON
parser and the zstd program."""
import json
import pathlib
import struct
import subprocess

MAGIC = b"\xfebin"


class Archive:
    def __init__(self, repo, instance="main"):
        self.root = pathlib.Path(repo) / instance / "binlogs"

    def lineages(self):
        """Names, oldest first."""
        if not self.root.is_dir():
            return []
        found = []
        for folder in self.root.iterdir():
            about = folder / "lineage.json"
            if about.exists():
                found.append((json.loads(about.read_text())["number"], folder.name))
        return [name for _, name in sorted(found)]

    def names(self, lineage=-1):
        """Binlogs of a lineage in their order."""
        folder = self._folder(lineage)
        if folder is None:
            return []
        return sorted({p.stem for p in folder.iterdir() if p.suffix in (".part", ".json")} - {"lineage"},
                      key=lambda name: int(name.rpartition(".")[2]))

    def is_open(self, name, lineage=-1):
        return not (self._folder(lineage) / f"{name}.json").exists()

    def read(self, name, lineage=-1):
        folder = self._folder(lineage)
        if self.is_open(name, lineage):
            return (folder / f"{name}.part").read_bytes()
        return subprocess.run(["zstd", "-dcq", str(folder / f"{name}.zst")], check=True,
                              capture_output=True).stdout

    def about(self, name, lineage=-1):
        """Facts of a closed binlog, or of the open one what came before it."""
        suffix = ".open" if self.is_open(name, lineage) else ".json"
        text = (self._folder(lineage) / f"{name}{suffix}").read_text()
        return json.JSONDecoder().raw_decode(text)[0]

    def gaps(self, lineage=-1):
        return [(name, self.about(name, lineage)["gap"]) for name in self.names(lineage)
                if self.about(name, lineage).get("gap")]

    def end(self, lineage=-1):
        """(file, size) of the newest, ('', 0) without any."""
        names = self.names(lineage)
        if not names:
            return "", 0
        try:
            return names[-1], len(self.read(names[-1], lineage))
        except FileNotFoundError:  # it was closed at this moment
            return "", 0

    def _folder(self, lineage):
        names = self.lineages()
        if isinstance(lineage, int):
            try:
                return self.root / names[lineage]
            except IndexError:
                return None
        return self.root / lineage


def settled(data):
    """The same binlog without the mark its server sets while it writes it."""
    if len(data) < 22:  # just begun
        return data
    return data[:21] + bytes([data[21] & 0xfe]) + data[22:]


def events(data):
    """(offset, type, whole bytes) of each event."""
    assert data[:4] == MAGIC
    at = 4
    while at < len(data):
        size, = struct.unpack_from("<I", data, at + 9)
        assert size >= 19 and at + size <= len(data), f"at {at}: an event of {size} bytes"
        yield at, data[at + 4], data[at:at + size]
        at += size
