"""Throw-away MySQL servers."""
import shutil
import subprocess

from .server import _RUN_AS, Server, copy_tree, template_folder


class MySQLServer(Server):
    END = "SHOW BINARY LOG STATUS"

    def create(self):
        template = template_folder() / self.programs.name
        if not template.exists():
            half = template.with_suffix(".half")
            shutil.rmtree(half, ignore_errors=True)
            done = subprocess.run([*self.programs.install_db, "--no-defaults",
                                   *self.programs.extra, *_RUN_AS, f"--datadir={half}", "--initialize-insecure"],
                                  capture_output=True, text=True)
            assert done.returncode == 0, f"mysqld --initialize: {done.stderr[-2000:]}"
            (half / "auto.cnf").unlink(missing_ok=True)  # each has an identity of its own
            half.rename(template)
        copy_tree(template, self.datadir)
        return self

    def command(self, *more):
        words = [self.programs.mariadbd, "--no-defaults", *self.programs.extra, f"--datadir={self.datadir}",
                 f"--socket={self.socket}", f"--pid-file={self.datadir}/{self.name}.pid",
                 f"--log-error={self.log}", f"--tmpdir={self.tmpdir}", "--skip-networking",
                 "--innodb-buffer-pool-size=64M", *_RUN_AS]
        words += (["--log-bin=binlog", "--server-id=1", "--sync-binlog=0"] if self.binlog
                  else ["--skip-log-bin"])
        return words + list(self.init) + list(self.options) + list(more)
