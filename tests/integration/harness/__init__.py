"""What the tests stand on: real servers, the real daemon and client, a write load,
and the oracle that says whether a restored copy is right."""
from .archive import Archive
from .chain import Burner, restore_all, take
from .load import Load
from .mybak import Mybak, Ctl
from .oracle import Truth, check_restored
from .places import BUILD, ROOT, Workplace, wait_for
from .server import MARIADB, Server
from .mysql import MySQLServer, with_keyring
from .netns import Wire
from .debian import mariadb_11_8, mysql_sid

__all__ = ["Archive", "BUILD", "Burner", "Ctl", "Load", "MARIADB", "Mybak", "MySQLServer", "ROOT", "Server",
           "Truth", "Wire", "Workplace", "check_restored", "mariadb_11_8", "mysql_sid",
           "restore_all", "take",
           "wait_for", "with_keyring"]
