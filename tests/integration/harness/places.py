"""Folders, and things that must be gone when a test ends."""
import os
import pathlib
import shutil
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("MYBAK_BUILD", ROOT / "build"))


def wait_for(what, limit=60, every=0.05, say="it did not happen"):
    """The first true value of what(); the limit is only there so that a test that
    fails ends."""
    end = time.monotonic() + limit
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"after {limit} s: {say}")
        time.sleep(every)


class Workplace:
    """A folder with a short name (UNIX socket paths are short) and a list of things to
    stop, last one first.  MYBAK_KEEP=1 keeps the folder, MYBAK_TMP says where."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="mybak-t-", dir=os.environ.get("MYBAK_TMP")))
        self._endings = []

    def at_end(self, call):
        self._endings.append(call)

    def __str__(self):
        return str(self.path)

    def __truediv__(self, name):
        return self.path / name

    def close(self):
        first = None
        while self._endings:
            try:
                self._endings.pop()()
            except Exception as e:  # the others must be ended all the same
                first = first or e
        if os.environ.get("MYBAK_KEEP"):
            print(f"kept: {self.path}")
        else:
            shutil.rmtree(self.path, ignore_errors=True)
        if first:
            raise first

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
