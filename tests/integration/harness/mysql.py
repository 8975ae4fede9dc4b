"""Throw-away MySQL servers."""
import dataclasses
import hashlib
import json
import pathlib
import re
import shutil
import subprocess

from .places import wait_for
from .server import _RUN_AS, Server, copy_tree, template_folder


class MySQLServer(Server):
    END = "SHOW BINARY LOG STATUS"
    BEFORE_SEQUENCE = ("USE mysql", "SET SESSION cte_max_recursion_depth=4294967295")
    SEQUENCES = ("ledger",)  # no lock of a backup's holds MyISAM
    GRANTS = ("BACKUP_ADMIN", "RELOAD", "REPLICATION CLIENT", "REPLICATION SLAVE", "PROCESS")
    TABLES = ("log_status", "keyring_component_status")  # of performance_schema
    persisted = False  # does it read what SET PERSIST wrote?

    def create(self):
        key = hashlib.sha1(repr((self.programs.name, self.init)).encode()).hexdigest()[:12]
        template = template_folder() / key
        if not template.exists():
            half = template.with_suffix(".half")
            shutil.rmtree(half, ignore_errors=True)
            done = subprocess.run([*self.programs.install_db, "--no-defaults",
                                   *self.programs.extra, *_RUN_AS, f"--datadir={half}", "--initialize-insecure", *self.init],
                                  capture_output=True, text=True)
            assert done.returncode == 0, f"mysqld --initialize: {done.stderr[-2000:]}"
            (half / "auto.cnf").unlink(missing_ok=True)  # each has an identity of its own
            half.rename(template)
        copy_tree(template, self.datadir)
        return self

    def command(self, *more):
        defaults = "--no-defaults"
        if self.persisted:
            (self.place / "empty.cnf").touch(mode=0o644)
            defaults = f"--defaults-file={self.place}/empty.cnf"
        words = [self.programs.mariadbd, defaults, *self.programs.extra, f"--datadir={self.datadir}",
                 f"--socket={self.socket}", f"--pid-file={self.datadir}/{self.name}.pid",
                 f"--log-error={self.log}", f"--tmpdir={self.tmpdir}", "--skip-networking",
                 "--innodb-buffer-pool-size=64M", *_RUN_AS]
        words += (["--log-bin=binlog", "--server-id=1", "--sync-binlog=0"] if self.binlog
                  else ["--skip-log-bin"])
        return words + list(self.init) + list(self.options) + list(more)

    def create_account(self, grants):
        self.sql("DROP USER IF EXISTS mybak@localhost", "CREATE USER mybak@localhost IDENTIFIED BY 'secret word'",
                 f"GRANT {', '.join(grants)} ON *.* TO mybak@localhost",
                 *(f"GRANT SELECT ON performance_schema.{t} TO mybak@localhost" for t in self.TABLES))

    def sequence(self, schema, rows):
        return (f"(WITH RECURSIVE s (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM s WHERE seq < {rows})"
                " SELECT seq FROM s) AS numbers")

    def gtid_at(self, binlog):
        """By the events before it: those of earlier files, and of this one."""
        text = subprocess.run([self.programs.binlog, "--no-defaults", "--base64-output=decode-rows",
                               f"--stop-position={binlog['position']}", self.datadir / binlog["file"]],
                              capture_output=True, text=True, errors="replace", check=True).stdout
        earlier = re.search(r"Previous-GTIDs\n((?:# [0-9a-f]{8}-.*\n)*)", text).group(1).replace("# ", "")
        inside = re.findall(r"^SET @@SESSION.GTID_NEXT= '([^']*:[^']*)'", text, re.MULTILINE)
        union = ",".join([earlier.replace("\n", ""), *inside]).strip(",")
        return self.value(f"SELECT REPLACE(GTID_SUBTRACT('{union}', ''), '\\n', '')") or None

    def check_gtid(self, gtid):
        """What was executed is what the backup says, and none of it is in a binlog."""
        for what in ("executed", "purged"):
            assert self.value(f"SELECT REPLACE(@@gtid_{what}, '\\n', '')") == (gtid or "")

    EAGER = ("SET GLOBAL innodb_io_capacity_max=40000", "SET GLOBAL innodb_io_capacity=20000",
             "SET GLOBAL innodb_max_dirty_pages_pct_lwm=0", "SET GLOBAL innodb_max_dirty_pages_pct=0")
    AS_EVER = "SET GLOBAL innodb_max_dirty_pages_pct=90"

    def settle(self):
        self.sql(*self.EAGER)
        wait_for(lambda: self.status("Innodb_buffer_pool_pages_dirty") == 0, 300,
                 say=f"{self.name} goes on writing")
        self.sql(self.AS_EVER)

    def series(self):
        """Of its version: ("9.7", 4)."""
        major, minor, patch = re.match(r"(\d+)\.(\d+)\.(\d+)", self.value("SELECT VERSION()")).groups()
        return f"{major}.{minor}", int(patch)

    def checkpoint(self):
        now = self.status("Innodb_redo_log_current_lsn")
        self.sql(*self.EAGER)
        wait_for(lambda: self.status("Innodb_redo_log_checkpoint_lsn") >= now, 300,
                 say=f"{self.name} makes no checkpoint")
        self.sql(self.AS_EVER)


def with_keyring(programs, folder, keys=None):
    """The same programs with a keyring in a file (`keys`): a server looks for its manifest beside
    itself, and for the settings of a component beside that."""
    folder.mkdir()
    real = pathlib.Path(programs.mariadbd + ".real")
    plugins, = (o.partition("=")[2] for o in programs.extra if o.startswith("--plugin-dir="))
    for name in pathlib.Path(plugins).iterdir():
        (folder / name.name).symlink_to(name)
    (folder / real.name).symlink_to(real)
    script = folder / "mysqld"
    script.write_text(pathlib.Path(programs.mariadbd).read_text().replace(str(real), str(folder / real.name)))
    script.chmod(0o755)
    (folder / f"{real.name}.my").write_text(json.dumps({"components": "file://component_keyring_file"}))
    (folder / "component_keyring_file.cnf").write_text(
        json.dumps({"path": str(keys or folder / "keyring"), "read_only": False}))
    extra = tuple(o for o in programs.extra if not o.startswith("--plugin-dir="))
    return dataclasses.replace(programs, mariadbd=str(script), extra=(*extra, f"--plugin-dir={folder}"))
