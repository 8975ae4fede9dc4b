"""Repositories of every released format stay restorable for ever: tests/golden/format-N,
each with what its backups hold.  They are never made anew; a new format adds a folder."""
import json
import shutil

import pytest

from harness import ROOT, Mybak, Server

GOLDEN = sorted((ROOT / "tests/golden").glob("format-*"))


@pytest.mark.parametrize("folder", GOLDEN, ids=lambda f: f.name)
def test_golden_repository(place, folder):
    repo = place / "repo"
    shutil.copytree(folder / "repo", repo)  # a reader's lock is made in it
    expected = json.loads((folder / "expected.json").read_text())["checksums"]
    mybak = Mybak(place, repo=repo)
    assert [b["id"] for b in mybak.list()] == sorted(expected)
    mybak.ctl("verify", "--repo", mybak.url)
    for backup, checksums in expected.items():
        target = place / backup
        mybak.restore(target, backup)
        server = Server(place, f"s-{backup[9:15]}", datadir=target, binlog=False).start()
        assert server.check_tables() == []
        assert {".".join(t): c for t, c in server.checksum_tables().items()} == checksums
        server.stop()
