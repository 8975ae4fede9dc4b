"""What of a MySQL's data directory is in no backup, wherever the server was told to keep it."""
import json

import pytest

from harness import Mybak, MySQLServer, mysql_sid

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
