"""What the account of a backup needs, no more and no less, and how it is told so."""
import re

import pytest

from harness import MARIADB, Mybak, Server, mariadb_11_8


@pytest.fixture(params=["10.11", "11.8"])
def server(request, place):
    programs = MARIADB if request.param == "10.11" else mariadb_11_8()
    return Server(place, programs=programs).create().start()


def failed_job(mybak):
    job = mybak.wait_job(mybak.start_job("full"))
    assert job["state"] == "failed", job
    return job["error"]


def test_grants_named_are_enough(place, server):
    """An account without any privilege is told what to run; after just that, all works."""
    mybak = Mybak(place, server)
    mybak.create_user(grants=["USAGE"])
    mybak.start()
    error = failed_job(mybak)
    assert error["kind"] == "refused"
    grant = re.search(r"GRANT .*?;", error["hint"]).group(0)
    assert grant == "GRANT RELOAD, BINLOG MONITOR ON *.* TO `mybak`@`localhost`;"
    assert grant in error["message"]
    assert not mybak.backup_dirs()

    server.sql(grant)
    assert mybak.backup("full")["binlog"]["file"].startswith("binlog.")
    assert server.sql("SHOW GRANTS FOR mybak@localhost")[0][0].startswith(
        "GRANT RELOAD, BINLOG MONITOR ON *.* TO")


@pytest.mark.parametrize("grants, missing", [(["RELOAD"], "BINLOG MONITOR"),
                                             (["BINLOG MONITOR"], "RELOAD")])
def test_only_what_is_missing_is_named(place, grants, missing):
    mybak = Mybak(place, Server(place).create().start())
    mybak.create_user(grants=grants)
    mybak.start()
    error = failed_job(mybak)
    assert error["kind"] == "refused"
    assert f"GRANT {missing} ON *.* TO `mybak`@`localhost`;" in error["hint"]


def test_without_binlog_reload_is_enough(place):
    mybak = Mybak(place, Server(place, binlog=False).create().start())
    mybak.create_user(grants=["RELOAD"])
    mybak.start()
    assert mybak.backup("full")["kind"] == "full"


def test_privileges_of_a_role_count(place):
    server = Server(place).create().start()
    mybak = Mybak(place, server)
    mybak.create_user(grants=["USAGE"])
    server.sql("CREATE ROLE backups", "GRANT RELOAD, BINLOG MONITOR ON *.* TO backups",
               "GRANT backups TO mybak@localhost",
               "SET DEFAULT ROLE backups FOR mybak@localhost")
    mybak.start()
    assert mybak.backup("full")["kind"] == "full"


def test_a_file_opened_to_others_is_refused(place):
    """The policy is checked at the start; the file is checked each time it is read."""
    mybak = Mybak(place, Server(place).create().start()).start()
    mybak.defaults_file.chmod(0o644)
    error = failed_job(mybak)
    assert error["kind"] == "refused"
    assert "chmod 600" in error["hint"]
    assert "secret word" not in mybak.logged()
