"""A network of our own: one wire between this machine and a namespace, which can be cut."""
import itertools
import os
import subprocess

import pytest

_numbers = itertools.count()


def _ip(*words):
    return subprocess.run(["ip", *map(str, words)], capture_output=True, text=True)


class Wire:
    """`here` and `there` are the addresses of its two ends.  Programs run by `inside` see
    nothing else of the network.  Skips the test where there cannot be one."""

    def __init__(self, place):
        number = next(_numbers)
        self.name = f"mybak-{os.getpid()}-{number}"
        self.near, self.far = (f"mb{side}{os.getpid() % 10**8}{number}"[:15] for side in "ab")
        net = 4 * ((os.getpid() + number) % 16384)  # one of 16384 networks of four addresses
        self.here, self.there = (f"198.18.{net // 256}.{net % 256 + i}" for i in (1, 2))
        place.at_end(self._remove)
        for words in (("netns", "add", self.name),
                      ("link", "add", self.near, "type", "veth", "peer", "name", self.far,
                       "netns", self.name),
                      ("addr", "add", f"{self.here}/30", "dev", self.near),
                      ("link", "set", self.near, "up"),
                      ("-n", self.name, "addr", "add", f"{self.there}/30", "dev", self.far),
                      ("-n", self.name, "link", "set", self.far, "up"),
                      ("-n", self.name, "link", "set", "lo", "up")):
            done = _ip(*words)
            if done.returncode != 0:
                pytest.skip(f"no network namespace can be made here: ip {' '.join(words)}:"
                            f" {done.stderr.strip()}")

    def inside(self, place, program):
        """Path of a script that runs the program in the namespace."""
        path = place / f"{os.path.basename(program)}.{self.name}"
        path.write_text(f"#!/bin/sh\nexec nsenter --net=/run/netns/{self.name} {program} \"$@\"\n")
        path.chmod(0o755)
        return str(path)

    def cut(self):
        assert _ip("link", "set", self.near, "down").returncode == 0

    def mend(self):
        assert _ip("link", "set", self.near, "up").returncode == 0

    def _remove(self):
        _ip("link", "del", self.near)
        _ip("netns", "del", self.name)
