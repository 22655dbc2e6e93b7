# SPDX-License-Identifier: Apache-2.0
"""What every system test stands on: a daemon, its CLI, a load, and a
clean floor afterwards.

A test is a script with one story, a function that takes a Story and is
handed to tell(). All it makes (processes, files, namespaces) carries the
name blt-PID and is removed at the end, also after a failure or a signal;
what a test that was killed left behind is removed by the next one.

Exit code 0: holds; 1: does not, with the daemon's log; 77: this kernel
or machine lacks a part, with its name."""

import contextlib
import ctypes
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

SKIPPED = 77
BUILD = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BL_BUILD", "build")).resolve()
OURS = re.compile(r"^blt-(\d+)")
PR_SET_PDEATHSIG = 1
CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 1 << 18
LIBC = ctypes.CDLL(None, use_errno=True)
# A loaded machine may be slow to start and stop; only true failures wait
# this long.
PATIENCE_S = 20

# dataplane/base/drop.h: what counts records, not packets.
RECORD_REASONS = {"bad_line", "bad_name", "bad_action", "bad_value", "table_full", "max_nodes", "unknown_node",
                  "ring_full"}


class Skip(Exception):
    """A part that this test needs is not there."""


class Wrong(Exception):
    """Something is not as it should be."""


def check(holds, what):
    if not holds:
        raise Wrong(what)


def equal(is_, should, what):
    check(is_ == should, f"{what}: is {is_}, should be {should}")


def wait_for(condition, what, seconds=PATIENCE_S, every=0.02):
    """Polls until condition() is true and returns what it returned."""
    end = time.monotonic() + seconds
    while True:
        got = condition()
        if got:
            return got
        check(time.monotonic() < end, f"after {seconds} s still not: {what}")
        time.sleep(every)


def run(*argv, ok=True, **more):
    """Runs a command to its end."""
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=False, **more)
    check(not ok or done.returncode == 0, f"{' '.join(map(str, argv))}: {done.stderr.strip()}")
    return done


def keeps_freed_memory():
    """AddressSanitizer does, 256 MiB of it: what a process has says nothing."""
    return b"__asan_init" in (BUILD / "beatlined").read_bytes()


def is_root():
    return os.geteuid() == 0


def need_root():
    if not is_root():
        raise Skip("needs root (network namespaces)")


def own_mounts():
    """What is mounted from here on, only this test and what it starts see.
    None; or why it cannot be."""
    if not is_root():
        return "needs root for mounts of its own"
    if LIBC.unshare(CLONE_NEWNS) != 0 or LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None) != 0:
        return f"no mount namespace here: {os.strerror(ctypes.get_errno())}"
    return None


def die_with_parent():
    """In a child before exec: nobody outlives the test."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def inside(namespace):
    """Sockets opened meanwhile belong to the network namespace."""
    if namespace is None:
        yield
        return
    with open("/proc/thread-self/ns/net") as home, open(f"/run/netns/{namespace}") as there:
        check(LIBC.setns(there.fileno(), CLONE_NEWNET) == 0, f"cannot enter namespace {namespace}")
        try:
            yield
        finally:
            LIBC.setns(home.fileno(), CLONE_NEWNET)


class Story:
    """What one test has made, to be undone in reverse order."""

    def __init__(self):
        self.name = f"blt-{os.getpid()}"
        self.undo = contextlib.ExitStack()
        self.dir = Path("/tmp") / self.name
        self.count = 0
        self.logs = []

    def __enter__(self):
        remove_leftovers()
        self.dir.mkdir(mode=0o755)
        self.undo.callback(shutil.rmtree, self.dir, ignore_errors=True)
        return self

    def __exit__(self, *_):
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        self.undo.close()

    def path(self, name):
        return self.dir / name

    def folder(self, what, user):
        """A directory of its own for a process of `user`."""
        self.count += 1
        made = self.path(f"{what}-{self.count}")
        made.mkdir()
        if user is not None:
            os.chown(made, user, 65534)
        return made

    def start(self, argv, log, user=None, namespace=None):
        """Starts a process whose output goes to the file `log`; it ends
        with the test at the latest."""
        argv = [str(a) for a in argv]
        if user is not None:
            argv = ["setpriv", f"--reuid={user}", "--regid=65534", "--clear-groups", "--pdeathsig", "KILL", *argv]
        if namespace is not None:
            argv = ["ip", "netns", "exec", namespace, *argv]
        with open(log, "wb") as out:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                       preexec_fn=die_with_parent)
        self.logs.append(log)
        self.undo.callback(end_process, process)
        return process


def end_process(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


def is_leftover(name):
    """Made by a test whose process is gone."""
    ours = OURS.match(name)
    return bool(ours) and not Path("/proc", ours.group(1)).exists()


def remove_leftovers():
    if is_root() and shutil.which("ip"):
        for line in run("ip", "netns", "list", ok=False).stdout.splitlines():
            if line and is_leftover(line.split()[0]):
                run("ip", "netns", "delete", line.split()[0], ok=False)
        for name in os.listdir("/sys/class/net"):
            if is_leftover(name):
                run("ip", "link", "delete", name, ok=False)
    for path in Path("/tmp").glob("blt-*"):
        if is_leftover(path.name) and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)


class Daemon:
    """beatlined on a config (a dict; JSON is YAML), ready to be asked.
    Listens on free ports of loopback unless the config says where."""

    def __init__(self, story, config, user=None, namespace=None, ready=True):
        self.story = story
        self.dir = story.folder("daemon", user)
        self.socket = self.dir / "sock"
        self.config = self.dir / "beatline.yaml"
        self.log = self.dir / "log"
        self.settings = config
        self.write_config(config)
        self.process = story.start([program("beatlined", story, user), "-c", self.config], self.log, user, namespace)
        if ready:
            wait_for(self.answers, "beatline status answers")

    def write_config(self, config):
        # A test that says nothing of receivers has none: there may be no /dev/log.
        # HTTP is off unless the test serves it, on a free port: {"http": {"listen": ["127.0.0.1:0"]}}.
        defaults = {"socket": str(self.socket), "ports": ["socket:127.0.0.1:0"],
                    "tcp": {"listen": ["127.0.0.1:0"]}, "http": {"listen": []}, "notify": {"syslog": []}}
        self.config.write_text(json.dumps({**defaults, **config}))

    def answers(self):
        check(self.process.poll() is None, f"beatlined ended at once, exit code {self.process.returncode}")
        return self.cli("status", ok=False).returncode == 0

    def cli(self, *args, ok=True):
        return run(BUILD / "beatline", "-s", self.socket, "-j", *args, ok=ok)

    def status(self):
        return json.loads(self.cli("status").stdout)

    def port(self, kind):
        """What `stats ports` says of the first port of a kind ("socket",
        "tcp"); "number" is the port that clients send to."""
        for line in self.cli("stats", "ports").stdout.splitlines():
            port = json.loads(line)
            if port["port"].startswith(kind + ":"):
                return {**port, "number": port.get("udp_port") or int(port["port"].rsplit(":", 1)[1])}
        raise Wrong(f"no port of kind {kind}")

    def tcp(self):
        return self.port("tcp")

    def count(self, state):
        return self.status()["nodes"][state]

    def names(self, state):
        lines = self.cli("nodes", "list", "--state", state).stdout.splitlines()
        return {json.loads(line)["name"] for line in lines}

    def events(self):
        return [json.loads(line) for line in self.cli("events", "-n", 1_000_000).stdout.splitlines()]

    def http_address(self):
        """ADDR:PORT of the first http.listen, as bound."""
        return re.search(r"listening on http://(\S+)", self.said()).group(1)

    def said(self):
        return self.log.read_text(errors="replace")

    def stop(self):
        """SIGTERM; returns exit code and seconds."""
        begin = time.monotonic()
        self.process.terminate()
        code = self.process.wait(PATIENCE_S)
        return code, time.monotonic() - begin


class Load:
    """beatline-load at work; finish() ends it and returns its account."""

    def __init__(self, story, *args, user=None, namespace=None):
        self.dir = story.folder("load", user)
        self.log = self.dir / "log"
        self.killed = self.dir / "killed"
        self.process = story.start([program("beatline-load", story, user), "-j", *args, "--killed-file", self.killed],
                                   self.log, user, namespace)

    def finish(self, stop=False):
        if stop:
            self.process.send_signal(signal.SIGINT)
        code = self.process.wait(60)
        said = self.log.read_text(errors="replace")
        equal(code, 0, f"beatline-load's exit code ({said.strip()})")
        return json.loads([line for line in said.splitlines() if line.startswith("{")][-1])


def program(name, story, user):
    """The program's path; a copy where the user cannot reach the build."""
    path = BUILD / name
    if user is None:
        return path
    probe = run("setpriv", f"--reuid={user}", "--regid=65534", "--clear-groups", "test", "-x", path, ok=False)
    if probe.returncode != 0:
        copy = story.path(name)
        if not copy.exists():
            shutil.copy(path, copy)
        return copy
    return path


def nobody():
    """An unprivileged user to be; None if we are one."""
    return pwd.getpwnam("nobody").pw_uid if is_root() else None


def on_signal(number, _frame):
    raise SystemExit(128 + number)


def tell(story):
    """Runs a story and ends the program with its verdict."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    code = 1
    with Story() as s:
        try:
            story(s)
            code = 0
        except Skip as why:
            print(f"skipped: {why}")
            code = SKIPPED
        except Wrong as what:
            print(f"WRONG: {what}", file=sys.stderr)
        except SystemExit as stopped:
            code = stopped.code
        finally:
            if code == 1:
                show_logs(s)
    sys.exit(code)


def show_logs(story):
    for log in story.logs:
        with contextlib.suppress(OSError):
            print(f"---- {log}\n{log.read_text(errors='replace')[-8000:]}", file=sys.stderr)
