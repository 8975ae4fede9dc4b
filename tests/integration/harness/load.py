"""The write load (tests/tools/load.c) as an object."""
import json
import signal
import subprocess

from .places import BUILD


class Load:
    def __init__(self, server, *args, setup=True):
        self.server = server
        self.process = subprocess.Popen(
            [str(BUILD / "tools" / "load"), f"--socket={server.socket}", *(["--setup"] if setup else []),
             *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        server.place.at_end(self.kill)
        line = self.process.stdout.readline()
        if line != "running\n":
            raise AssertionError("load: " + self.process.stderr.read())

    def stop(self, server_gone=False):
        """What was done and how long a client waited at most (seconds)."""
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=120)
        assert self.process.returncode == (3 if server_gone else 0), err
        return json.loads(out)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def ledger_floor(server):
    """{thread: last seq}: committed by now, so a backup that begins later has it."""
    return dict(server.sql("SELECT thread, MAX(seq) FROM bank.ledger GROUP BY thread"))


def volume(server, megabytes, schema="vol", tables=2):
    """Rows of text that compresses about as well as people's data, all of it behind the last
    checkpoint: what an incremental has to store is only what is changed later."""
    server.sql(f"CREATE DATABASE {schema}")
    rows = megabytes * 1024 * 1024 // tables // 256
    for i in range(tables):
        server.sql(f"CREATE TABLE {schema}.t{i} (id INT PRIMARY KEY, k INT, pad VARCHAR(250), KEY (k))",
                   *server.BEFORE_SEQUENCE,
                   f"INSERT INTO {schema}.t{i} SELECT seq, seq * 7919 % 1000003,"
                   " CONCAT(LEFT(SHA2(seq, 512), 72), REPEAT(CHAR(65 + seq % 26), 60), SHA2(seq, 256))"
                   f" FROM {server.sequence(schema, rows)}")
    server.settle()


def change_rows(server, share, schema="vol", tables=2):
    """Touch about `share` of the pages, spread evenly."""
    step = max(1, int(1 / share)) * 60  # about 60 rows a page
    for i in range(tables):
        server.sql(f"UPDATE {schema}.t{i} SET pad=REVERSE(pad) WHERE id % {step} = 1")
