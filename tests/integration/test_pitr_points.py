"""Points that could mean another history, domains that were idle, and what a replay leaves to the
administrator: the GTID position, XA transactions in doubt."""
from harness import Mybak, Server
from harness.pitr import OPTIONS
from test_pitr import CONTINUOUS, archived, restored


def test_points_of_two_histories(place):
    source = Server(place, options=OPTIONS).create().start()
    source.sql("CREATE DATABASE shop", "CREATE TABLE shop.t (id INT PRIMARY KEY)",
               "SET SESSION gtid_domain_id=7", "INSERT INTO shop.t VALUES (1)")
    mybak = Mybak(place, source, **CONTINUOUS).start()
    first = mybak.backup("full")["id"]
    source.sql("INSERT INTO shop.t VALUES (2)")
    source.sql("INSERT INTO shop.t VALUES (3)", "XA START 'a'", "INSERT INTO shop.t VALUES (4)", "XA END 'a'",
               "XA PREPARE 'a'")
    source.sql("XA START 'b'", "INSERT INTO shop.t VALUES (5)", "XA END 'b'", "XA PREPARE 'b'")
    source.sql("XA COMMIT 'b'")
    then = source.value("SELECT @@gtid_binlog_pos")
    assert then.count(",") == 1
    file, pos = source.sql("SHOW MASTER STATUS")[0][:2]
    archived(mybak)

    # One domain was idle since before the backup; what a replay leaves behind is told.
    said = mybak.restore(place / "r", None, "--gtid", then, "--json").json
    assert said["replay"]["gtid_position"] == then and "rolled back: 1 ('a');" in said["note"]
    assert said["replay"]["gtid_statement"] == f"SET GLOBAL gtid_slave_pos='{then}'"
    copy = restored(place, source, place / "r", "r-s")
    copy.sql(said["replay"]["gtid_statement"])
    assert copy.value("SELECT @@gtid_current_pos") == then and len(copy.sql("XA RECOVER")) == 1
    copy.stop()

    # Names and numbers begin again.
    source.sql("XA COMMIT 'a'")
    source.sql("RESET MASTER", "INSERT INTO shop.t VALUES (10)")
    second = mybak.backup("full")["id"]
    source.sql("INSERT INTO shop.t VALUES (11)")
    archived(mybak)
    histories = sorted({s["lineage"] for s in mybak.ctl("--json", "binlog", "list", "--repo", mybak.url).json})
    assert len(histories) == 2
    for words in (("--gtid", then.split(",")[0]), ("--position", f"{file}:{pos}")):
        said = mybak.restore(place / "no", None, *words, expect=2)
        assert all(h in said.err for h in histories) and "--backup" in said.err, said.err
    said = mybak.restore(place / "old", first, "--position", f"{file}:{pos}", "--json").json
    assert said["backup"]["id"] == first and histories[1] in said["note"]
    copy = restored(place, source, place / "old", "old-s")
    assert copy.value("SELECT GROUP_CONCAT(id ORDER BY id) FROM shop.t") == "1,2,3,5"
    copy.stop()
    said = mybak.restore(place / "new", None, "--json").json
    assert said["backup"]["id"] == second and said["note"] is None
    found = mybak.ctl("binlog", "find", "--table", "shop.t", "--repo", mybak.url).out.splitlines()
    assert {line.split("\t")[5] for line in found} == set(histories)
    assert not [line for line in found if "COMMIT" in line.split("\t")[3]]
    assert mybak.stop() == 0
