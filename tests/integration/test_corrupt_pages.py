"""A page of the source that does not match its checksum: the backup says which, or lists it."""
import pytest

from harness import Mybak
from harness.load import volume
from test_faults import BOTH, assert_unlocked

PAGE = 16384


@BOTH
@pytest.mark.parametrize("table", ["plain", "compressed"])
def test_corrupt_page(place, kind_of, table):
    server = kind_of(place).create().start()
    volume(server, 4)
    server.sql("CREATE TABLE vol.compressed (id INT PRIMARY KEY, pad VARCHAR(250)) ROW_FORMAT=COMPRESSED KEY_BLOCK_SIZE=8",
               "INSERT INTO vol.compressed SELECT id, pad FROM vol.t0")
    server.settle()
    name, size = ("t0", PAGE) if table == "plain" else ("compressed", PAGE // 2)
    with open(server.datadir / "vol" / f"{name}.ibd", "r+b") as f:
        f.seek(7 * size + 200)
        before = f.read(3)
        f.seek(7 * size + 200)
        f.write(bytes(b ^ 0xff for b in before))
    mybak = Mybak(place, server).start()
    job = mybak.wait_job(mybak.start_job("full"))
    assert (job["state"], job["error"]["kind"]) == ("failed", "damaged"), job
    assert f"vol/{name}.ibd: page 7 is corrupt" in job["error"]["message"]
    assert "corrupt_pages: list" in job["error"]["hint"]
    assert mybak.backup_dirs() == []
    assert_unlocked(server)
    mybak.policy["instances"][0]["corrupt_pages"] = "list"
    mybak.write_policy()
    mybak.ctl("reload")
    backup = mybak.backup("full")
    assert backup["corrupt"] == [{"path": f"vol/{name}.ibd", "page": 7}]
    assert backup["pages"]["corrupt"] == 1
    # A parent with such a page is built upon by nothing.
    with open(server.datadir / "vol" / f"{name}.ibd", "r+b") as f:
        f.seek(7 * size + 200)
        f.write(before)
    assert mybak.backup("incremental")["corrupt"] == []
