#!/usr/bin/python3
"""A live MariaDB, backed up hot while it is written to, destroyed, and brought back: the
whole of mybak in one story.  Everything happens below one temporary folder and is gone
afterwards, also when something fails or you press ^C."""
import io
import pathlib
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent / "integration"))

from harness import Load, Mybak, Server, Workplace  # noqa: E402
from harness.load import volume  # noqa: E402
from harness.server import remove_data  # noqa: E402

BOLD, PLAIN = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")


def say(text):
    print(f"\n{BOLD}{text}{PLAIN}", flush=True)


def ctl(mybak, *words):
    """mybakctl as a person would run it."""
    print("$ mybakctl", *words, flush=True)
    subprocess.run(mybak.ctl_words(*words), check=True)


def restore(mybak, to, backup):
    """Its last words, for the DBA who puts the directory in place, are left out here."""
    words = ("restore", "--repo", mybak.url, "--backup", backup, "--to", to)
    print("$ mybakctl", *words, flush=True)
    done = subprocess.run(mybak.ctl_words(*words), check=True, capture_output=True, text=True)
    for line in io.StringIO(done.stdout):
        if line.startswith(("written", "recovered")):
            print(" ", line.replace("\t", " "), end="")


def ledger(server):
    return server.value("SELECT COUNT(*) FROM bank.ledger")


def money(server):
    return server.value("SELECT SUM(bal) FROM bank.acct")


def megabytes(folder):
    return int(subprocess.run(["du", "-sm", str(folder)], capture_output=True, text=True,
                              check=True).stdout.split()[0])


def take_backups(server, mybak):
    """[(id, rows in the ledger before it began)]"""
    taken = []
    for kind in ("full", "incremental", "incremental"):
        rows = ledger(server)
        ctl(mybak, "run-now", kind, "--wait")
        taken.append((mybak.list()[-1]["id"], rows))
        time.sleep(2)  # let the load write something for the next one
    return taken


def look(place, name, datadir):
    """What a server started on it says: rows in the ledger, money, tables in disorder."""
    server = Server(place, name, datadir=datadir).start()
    try:
        return ledger(server), money(server), len(server.check_tables())
    finally:
        server.stop()


def story(place):
    started = time.monotonic()
    say("1. A MariaDB server of our own, with some data, and clients that write to it")
    server = Server(place, "mariadb").create().start()
    print(server.value("SELECT CONCAT('MariaDB ', VERSION())"), "in", server.datadir)
    volume(server, 200)
    load = Load(server, "--transfers=4", "--pause-us=1000")
    total = money(server)
    print(f"four clients move money between accounts that hold {total} together, and note each move in a\n"
          "ledger; others write MyISAM and Aria tables, create, rename, alter and drop tables")

    say("2. mybakd backs it up while it is written to: one full, two incrementals")
    mybak = Mybak(place, server).start()
    taken = take_backups(server, mybak)
    figures = load.stop()
    print(f"meanwhile: {figures['commits']} transfers committed; commits were locked for"
          f" {max(b['lock_seconds'] for b in mybak.list()):.3f} s at most")

    say("3. What the repository holds")
    ctl(mybak, "list")
    print(f"{megabytes(server.datadir)} MiB of data directory, {megabytes(mybak.repo)} MiB of repository")

    say("4. Disaster: the server is killed and its data directory removed; the daemon is gone, too")
    remove_data(server)
    mybak.kill9()
    print(f"$ rm -rf {server.datadir}")

    say("5. Restore: only the repository is needed")
    targets = [place / "earlier0", place / "earlier1", server.datadir]
    for (backup, _), to in zip(reversed(taken), reversed(targets)):
        restore(mybak, to, backup)

    say("6. Is anything missing?")
    print(f"{'backup':<24}{'ledger before it':>18}{'restored':>12}{'money':>12}   CHECK TABLE EXTENDED")
    good = True
    for (backup, before), datadir in zip(taken, targets):
        rows, sum_, wrong = look(place, datadir.name[-10:], datadir)
        good = good and rows >= before and sum_ == total and wrong == 0
        print(f"{backup:<24}{before:>18}{rows:>12}{sum_:>12}   {'every table is well' if not wrong else wrong}")
    if not good:
        say("Something is missing or wrong.")
        return 1
    say(f"Nothing committed before a backup began is missing, and no money was lost or made. "
        f"({time.monotonic() - started:.0f} s)")
    return 0


def main():
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    with Workplace() as place:
        try:
            return story(place)
        except KeyboardInterrupt:
            return 130
        except (AssertionError, subprocess.CalledProcessError) as e:
            print(f"\nthe demo failed: {e}", file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
