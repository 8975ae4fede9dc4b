"""The daemon and the client under test."""
import http.client
import json
import os
import signal
import socket
import subprocess

from .places import BUILD, wait_for

def yaml(value, indent=0):
    """Just enough YAML for a policy."""
    pad = "  " * indent
    if isinstance(value, dict):
        lines = []
        for k, v in value.items():
            if isinstance(v, (dict, list)) and v:
                lines += [f"{pad}{k}:", yaml(v, indent + 1)]
            else:
                lines.append(f"{pad}{k}: {yaml(v)}")
        return "\n".join(lines)
    if isinstance(value, list):
        if not value:
            return "[]"
        return "\n".join(pad + "- " + yaml(v, indent + 1).lstrip() for v in value)
    return json.dumps(value)


class Ctl:
    """What one run of mybakctl said."""

    def __init__(self, done, args):
        self.code, self.out, self.err, self.args = done.returncode, done.stdout, done.stderr, args

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"mybakctl {' '.join(map(str, self.args))}: exit {self.code}\n{self.out}{self.err}"


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=30):
        super().__init__("localhost", timeout=timeout)
        self.unix_path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.unix_path)


class Mybak:
    """One daemon with a policy, a repository and a state directory below `place`."""
    as_root = True

    def __init__(self, place, server=None, name="mybak", repo=None, **policy):
        self.place, self.server, self.name = place, server, name
        self.dir = place / name
        self.dir.mkdir()
        self.repo = repo or self.dir / "repo"
        self.socket, self.state = self.dir / "sock", self.dir / "state"
        self.policy_file, self.log = self.dir / "policy.yaml", self.dir / "log"
        self.defaults_file = self.dir / "user.cnf"
        self.process = None
        if server is not None:
            self.create_user()
        self.policy = self.default_policy()
        for key, value in policy.items():
            if isinstance(value, dict):
                self.policy.setdefault(key, {}).update(value)
            else:
                self.policy[key] = value
        self.write_policy()
        place.at_end(self.kill9)

    # ---- policy

    def create_user(self, grants=None):
        self.server.create_account(grants or self.server.GRANTS)
        self.defaults_file.write_text("[client]\nuser=mybak\npassword='secret word'\n")
        self.defaults_file.chmod(0o600)

    def default_policy(self):
        instance = {"name": "main", "defaults_file": str(self.defaults_file)}
        if self.server is not None:
            instance["socket"] = str(self.server.socket)
            instance["server_binary"] = self.server.programs.mariadbd
        return {"repositories": [{"name": "local", "url": self.url}],
                "instances": [instance],
                "schedule": {"full": "off", "incremental": "off", "binlog": "off", "verify": "off",
                             "drill": "off"},
                "compression": {"level": 1}}

    def write_policy(self, text=None):
        self.policy_file.write_text(text if text is not None else yaml(self.policy) + "\n")

    # ---- the daemon

    def command(self, *more):
        return [str(BUILD / "mybakd"), "--policy", str(self.policy_file), "--socket",
                str(self.socket), "--state-dir", str(self.state), *more]

    def start(self, before=()):
        """before: a program to run it under (strace …)."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*before, *self.command()], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)

        def up():
            if self.process.poll() is not None:
                raise AssertionError(f"mybakd ended with {self.process.returncode}:\n{self.logged()}")
            try:
                return self.http("GET", "/healthz")[0] == 200
            except OSError:
                return False
        wait_for(up, 30, say="mybakd does not answer")
        return self

    def stop(self):
        """Its exit code after SIGTERM."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=90)
        self.process = None
        return code

    def kill9(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def logged(self):
        return self.log.read_text(errors="replace")

    def memory_peak(self):
        """VmHWM in bytes."""
        with open(f"/proc/{self.process.pid}/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        raise AssertionError("no VmHWM")

    def http(self, method, path, body=None, timeout=30):
        """(status, text)"""
        connection = UnixConnection(self.socket, timeout)
        try:
            data = json.dumps(body) if isinstance(body, (dict, list)) else body
            connection.request(method, path, data, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def get(self, path):
        status, text = self.http("GET", path)
        assert status == 200, f"GET {path}: {status} {text}"
        return json.loads(text)

    # ---- the client

    def ctl_words(self, *args):
        words = list(map(str, args))
        # Servers that tests start as root have data directories that are root's.
        if "restore" in words and os.geteuid() == 0 and self.as_root:
            words.insert(words.index("restore") + 1, "--as-root")
        return [str(BUILD / "mybakctl"), "-s", str(self.socket), *words]

    def ctl(self, *args, expect=0, env=None, timeout=600):
        """Run mybakctl; `expect` is the exit code it must have, None for any."""
        done = subprocess.run(self.ctl_words(*args), capture_output=True, text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})
        result = Ctl(done, args)
        if expect is not None:
            assert result.code == expect, repr(result) + self.logged()[-3000:]
        return result

    def job(self, number):
        return self.get(f"/v1/jobs/{number}")

    def start_job(self, kind, instance="main"):
        status, text = self.http("POST", "/v1/jobs", {"type": kind, "instance": instance})
        assert status == 202, f"{status} {text}"
        return json.loads(text)["id"]

    def wait_job(self, number, limit=600):
        def ended():
            job = self.job(number)
            return job if job["state"] not in ("queued", "running") else None
        return wait_for(ended, limit, say=f"job {number} goes on")

    def backup(self, kind):
        """Take one and say what it is: the JSON of `show`."""
        job = self.wait_job(self.start_job(kind))
        assert job["state"] == "done", f"{job}\n{self.logged()[-3000:]}"
        return self.show(job["backup"])

    @property
    def url(self):
        return f"file://{self.repo}"

    def list(self):
        """What the repository itself says, daemon or not."""
        return self.ctl("--json", "list", "--repo", self.url).json

    def show(self, backup):
        return self.ctl("--json", "show", backup, "--repo", self.url).json

    def restore(self, to, backup=None, *more, expect=0):
        words = ["restore", "--to", to, "--repo", self.url]
        if self.server is not None:
            words += ["--server-binary", self.server.programs.mariadbd]
        if backup is not None:
            words += ["--backup", backup if isinstance(backup, str) else backup["id"]]
        return self.ctl(*words, *more, expect=expect)

    def backup_dirs(self):
        """Every directory of a backup, also half-made ones."""
        return sorted((self.repo / "main" / "backups").glob("2*"))
