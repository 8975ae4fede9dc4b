"""What of a MySQL's data directory is in no backup, wherever the server was told to keep it."""
import json

import pytest

from harness import Mybak, MySQLServer, mysql_sid, with_keyring

pytestmark = pytest.mark.mysql


def test_settings_of_keyrings(place):
    """Whatever opens the keys is in no backup, and what is left out is named."""
    server = MySQLServer(place, programs=mysql_sid()).create()
    data = server.datadir
    (data / "kmip").mkdir()
    secret = {"component_keyring_encrypted_file.cnf": json.dumps({"path": "all.keys", "password": "pass word"}),
              "component_keyring_vault.cnf": json.dumps({"token": "to ken", "vault_ca": f"{data}/vault.pem"}),
              "component_keyring_kmip.cnf": json.dumps({"path": f"{data}/kmip", "server_addr": "k:1"}),
              "component_keyring_broken.cnf": "password: x",
              "all.keys": "k", "all.keys.backup": "k", "vault.pem": "c", "kmip/key.pem": "k",
              "old.keys": "k", "old.keys.backup": "k"}
    settings = "component_keyring_file.cnf"  # says where the keys are, and nothing else
    for name, text in {**secret, settings: json.dumps({"path": "old.keys"})}.items():
        (data / name).write_text(text)
    mybak = Mybak(place, server.start()).start()
    b = mybak.backup("full")
    files = {f["path"] for f in mybak.ctl("--json", "show", "--files", b["id"], "--repo", mybak.url).json["files"]}
    assert not files & {*secret, "kmip"} and settings in files
    said = "\n".join(b["warnings"])
    assert all(f"{data}/{name}" in said for name in secret if name != "kmip/key.pem" and not name.endswith(".backup"))
    line, = (line for line in mybak.ctl("check", expect=None).out.splitlines() if "are in no backup" in line)
    assert f"{data}/old.keys" in line and f"{data}/all.keys" in line


def test_keyring_whose_settings_are_not_seen(place):
    """As where the server is in a container and has its programs there: it says itself where
    its keys are."""
    keys = place / "source.data" / "keyring"
    programs = with_keyring(mysql_sid(), place / "sbin", keys)
    server = MySQLServer(place, programs=programs)
    MySQLServer(place, "plain", programs=mysql_sid(), datadir=server.datadir).create()
    server.start().sql("CREATE DATABASE db", "CREATE TABLE db.t (id INT PRIMARY KEY) ENCRYPTION='Y'")
    assert keys.exists()
    (place / "sbin" / "component_keyring_file.cnf").unlink()
    mybak = Mybak(place, server).start()
    b = mybak.backup("full")
    files = {f["path"] for f in mybak.ctl("--json", "show", "--files", b["id"], "--repo", mybak.url).json["files"]}
    assert "keyring" not in files and "db/t.ibd" in files
    assert any(str(keys) in w for w in b["warnings"]), b["warnings"]


def test_member_of_a_group(place):
    """A copy keeps what was persisted, but does not join the group of its source."""
    server = MySQLServer(place, programs=mysql_sid()).create().start()
    server.sql("INSTALL PLUGIN group_replication SONAME 'group_replication.so'",
               "SET PERSIST group_replication_start_on_boot=ON", "SET PERSIST max_connections=77",
               "SET PERSIST_ONLY group_replication_group_seeds='127.0.0.1:1'",
               "SET PERSIST_ONLY group_replication_group_name='11111111-2222-3333-4444-555555555555'")
    mybak = Mybak(place, server).start()
    b = mybak.backup("full")
    for name, options in (("recovered", ()), ("raw", ("--no-recover",))):
        said = mybak.restore(place / name, b, *options)
        assert "group_replication_group_seeds" in said.out + said.err
        was, now = (json.loads((d / "mysqld-auto.cnf").read_text()) for d in (server.datadir, place / name))
        assert "group_replication" not in str(now) and "max_connections" in str(now)
        for section in was.values():
            for variable in [v for v in section if v.startswith("group_replication")] if isinstance(section, dict) else ():
                del section[variable]
        assert now == was


class Persisting(MySQLServer):
    persisted = True


def test_persisted_paths(place):
    """A copy that starts beside the server it was made of touches none of its files; in the
    place of that server it has what was there."""
    server = Persisting(place, programs=mysql_sid()).create().start()
    doublewrite, log = place / "doublewrite", place / "live.log"
    doublewrite.mkdir()
    server.sql(f"SET PERSIST_ONLY innodb_doublewrite_dir='{doublewrite}'", f"SET PERSIST general_log_file='{log}'",
               "SET PERSIST general_log=ON", "SET PERSIST max_connections=77",
               "SET PERSIST_ONLY skip_replica_start=OFF")
    server.stop()
    server.start().sql("CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY)", "INSERT INTO d.t VALUES (1)")
    assert list(doublewrite.iterdir())
    mybak = Mybak(place, server).start()
    b = mybak.backup("full")
    for name, options in (("recovered", ()), ("raw", ("--no-recover",))):
        said = mybak.restore(place / name, b, *options)
        assert f"innodb_doublewrite_dir={doublewrite}" in said.out + said.err
        assert f"general_log_file={log}" in said.out + said.err
        assert "skip_replica_start" in said.out + said.err
    copy = Persisting(place, "copy", programs=server.programs, datadir=place / "recovered", binlog=False).start()
    assert copy.sql("SELECT 'of the copy', @@max_connections, @@general_log FROM d.t") == [("of the copy", 77, 1)]
    assert "of the copy" not in log.read_text()
    assert not copy.value("SELECT @@innodb_doublewrite_dir")
    copy.stop()
    server.stop()
    said = mybak.restore(server.datadir, b, "--force")
    assert "innodb_doublewrite_dir" not in said.out + said.err
    server.start()
    assert server.value("SELECT @@innodb_doublewrite_dir") == str(doublewrite)
    assert server.value("SELECT @@general_log_file") == str(log)
