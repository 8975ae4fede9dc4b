"""Throw-away MySQL servers."""
import dataclasses
import json
import pathlib
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


def with_keyring(programs, folder):
    """The same programs with a keyring in a file: a server looks for its manifest beside
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
        json.dumps({"path": str(folder / "keyring"), "read_only": False}))
    extra = tuple(o for o in programs.extra if not o.startswith("--plugin-dir="))
    return dataclasses.replace(programs, mariadbd=str(script), extra=(*extra, f"--plugin-dir={folder}"))
