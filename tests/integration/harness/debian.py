"""Servers this machine's Debian does not have, as the .debs of another one in a folder of
their own, run through their own ld.so: MariaDB 11.8 (Debian 13), MySQL (unstable).  apt
checks the mirror's signature against the machine's debian-archive-keyring.  Nothing is
installed."""
import fcntl
import functools
import os
import pathlib
import re
import subprocess

import pytest

from .server import Programs

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
PACKAGES = ("mariadb-server-core", "mariadb-client-core", "mariadb-client", "mariadb-server")
WRAPPED = ("usr/sbin/mariadbd", "usr/bin/mariadb", "usr/bin/mariadb-binlog", "usr/bin/my_print_defaults",
           "usr/bin/resolveip")


def cache_folder():
    wanted = os.environ.get("MYBAK_CACHE")
    if wanted:
        return pathlib.Path(wanted)
    if os.geteuid() == 0:
        return pathlib.Path("/var/cache/mybak-tests")
    return pathlib.Path.home() / ".cache" / "mybak-tests"


def mirror():
    """Where this machine gets Debian from."""
    lines = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI)"],
                           capture_output=True, text=True, check=True).stdout.split()
    for uri in lines:
        if re.search(r"/debian/?$", uri):
            return uri
    raise OSError("no Debian mirror in /etc/apt")


def fetch(folder, suite, packages):
    """Extract the packages and all they depend on into folder/root."""
    for sub in ("etc/apt.conf.d", "etc/preferences.d", "etc/sources.list.d", "etc/trusted.gpg.d",
                "state/lists/partial", "cache/archives/partial", "root"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    (folder / "etc/sources.list").write_text(f"deb [signed-by={KEYRING}] {mirror()} {suite} main\n")
    settings = {"Dir::Etc": folder / "etc", "Dir::Etc::sourcelist": folder / "etc/sources.list",
                "Dir::Etc::sourceparts": folder / "etc/sources.list.d", "Dir::State": folder / "state",
                "Dir::State::status": folder / "status", "Dir::Cache": folder / "cache",
                "APT::Install-Recommends": "false", "Acquire::Languages": "none",
                "APT::Sandbox::User": "root", "Debug::NoLocking": "1",
                "APT::Update::Post-Invoke::": "", "DPkg::Post-Invoke::": "",
                "Acquire::http::Timeout": "20", "Acquire::Retries": "1"}
    words = ["apt-get", "-qq"] + [f"-o{k}={v}" for k, v in settings.items()]
    for rest in (["update"], ["-y", "--download-only", "install", *packages]):
        done = subprocess.run(words + rest, capture_output=True, text=True)
        if done.returncode != 0:
            raise OSError((done.stderr.strip().splitlines() or ["apt-get failed"])[-1])
    for deb in sorted((folder / "cache/archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", str(deb), str(folder / "root")], check=True)
        deb.unlink()


def wrap(root, program):
    """The program becomes a script that runs it with the libraries it came with."""
    path, real = root / program, root / (program + ".real")
    if real.exists() or not path.exists():
        return
    path.rename(real)
    lib = root / "usr/lib/x86_64-linux-gnu"
    path.write_text("#!/bin/sh\n"
                    f"exec {root}/usr/lib64/ld-linux-x86-64.so.2 --library-path {lib} {real} \"$@\"\n")
    path.chmod(0o755)


_missing = {}  # why: each further try could take half a minute


def provide(name, say, suite, packages, programs):
    """Folder with the packages' files; skips the test where they cannot be had."""
    if name in _missing:
        pytest.skip(_missing[name])
    folder = cache_folder() / name
    folder.mkdir(parents=True, exist_ok=True)
    root = folder / "root"
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            try:
                fetch(folder, suite, packages)
            except (OSError, subprocess.SubprocessError) as e:
                _missing[name] = f"{say} cannot be had here: {e}"
                pytest.skip(_missing[name])
            for program in programs:
                wrap(root, program)
            (folder / "complete").touch()
    return root


@functools.cache
def mariadb_11_8():
    """Its programs; skips the test where they cannot be had."""
    root = provide("mariadb-11.8", "MariaDB 11.8 of Debian 13", "trixie", PACKAGES, WRAPPED)
    return Programs("mariadb-11.8", str(root / "usr/sbin/mariadbd"),
                    (str(root / "usr/bin/mariadb-install-db"), f"--basedir={root}/usr"),
                    str(root / "usr/bin/mariadb-binlog"), str(root / "usr/bin/mariadb"),
                    (f"--basedir={root}/usr", f"--plugin-dir={root}/usr/lib/mysql/plugin",
                     f"--lc-messages-dir={root}/usr/share/mysql",
                     f"--character-sets-dir={root}/usr/share/mysql/charsets"))


@functools.cache
def mysql_sid():
    """The programs of MySQL 9; skips the test where they cannot be had."""
    root = provide("mysql-sid", "MySQL of Debian unstable", "sid",
                   ("mysql-server-core", "mysql-client-core"),
                   ("usr/sbin/mysqld", "usr/bin/mysql", "usr/bin/mysqlbinlog"))
    extra = (f"--basedir={root}/usr", f"--plugin-dir={root}/usr/lib/mysql/plugin",
             f"--lc-messages-dir={root}/usr/share/mysql", "--mysqlx=OFF",
             f"--character-sets-dir={root}/usr/share/mysql/charsets", "--secure-file-priv=")
    return Programs("mysql-sid", str(root / "usr/sbin/mysqld"),
                    (str(root / "usr/sbin/mysqld"),), str(root / "usr/bin/mysqlbinlog"),
                    str(root / "usr/bin/mysql"), extra)
