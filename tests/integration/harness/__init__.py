"""What the tests stand on: real servers, the real daemon and client, a write load,
and the oracle that says whether a restored copy is right."""
from .load import Load
from .mybak import Mybak, Ctl
from .oracle import Truth, check_restored
from .places import BUILD, ROOT, Workplace, wait_for
from .server import MARIADB, Server
from .debian import mariadb_11_8

__all__ = ["BUILD", "Ctl", "Load", "MARIADB", "Mybak", "ROOT", "Server", "Truth",
           "Workplace", "check_restored", "mariadb_11_8", "wait_for"]
