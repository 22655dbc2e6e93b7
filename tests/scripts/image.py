#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What scripts/Dockerfile makes, without an engine: each stage's steps run
in a root of its own (an overlay over this machine's, whose packages
section [build] put there), and the last one's daemon runs as its user, to
the first beat and across a restart. That the packages of section [image]
bring every library which the programs load is read from their metadata.

    image.py TREE

Needs root for the overlay: exit code 77 without."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import dockerfile

SKIPPED = 77
PATIENCE_S = 20
HIDDEN = ("/tmp", "/root", "/home", "/run", "/mnt", "/src", "/build", "/work")
# The tests do not need it fast: that keeps this one short.
CFLAGS = "-O0 -U_FORTIFY_SOURCE -Wno-error"
CCACHE = Path("/usr/lib/ccache")


class Wrong(Exception):
    pass


def sh(*argv, **more):
    return subprocess.run([str(a) for a in argv], check=True, **more)


# ---- roots ------------------------------------------------------------------


class Root:
    """A stage's file system, and what its instructions have set."""

    def __init__(self, base, number, tree, stage):
        self.tree, self.stage = tree, stage
        self.patterns = dockerfile.ignore_patterns(tree)
        self.path = base / f"root{number}"
        upper, work = base / f"upper{number}", base / f"work{number}"
        for folder in (self.path, upper, work):
            folder.mkdir()
        sh("mount", "-t", "overlay", "overlay", "-o", f"lowerdir=/,upperdir={upper},workdir={work}", self.path)
        for hidden in HIDDEN:
            if (self.path / hidden[1:]).is_dir():
                sh("mount", "-t", "tmpfs", "tmpfs", self.path / hidden[1:])
        sh("mount", "-t", "proc", "proc", self.path / "proc")
        sh("mount", "--rbind", "/dev", self.path / "dev")
        self.workdir, self.user = "/", None
        self.env = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.run_env = [f"CFLAGS={CFLAGS}", *self.borrow_ccache()]

    def borrow_ccache(self):
        """This machine's cache of objects, where there is one, for RUN."""
        if not CCACHE.is_dir():
            return []
        cache = sh("ccache", "--get-config", "cache_dir", capture_output=True, text=True).stdout.strip()
        Path(cache).mkdir(parents=True, exist_ok=True)
        (self.path / "mnt/ccache").mkdir()
        sh("mount", "--bind", cache, self.path / "mnt/ccache")
        return ["CCACHE_DIR=/mnt/ccache", f"PATH={CCACHE}:{self.env['PATH']}"]

    def inside(self, path):
        return self.path / os.path.normpath(os.path.join(self.workdir, path)).lstrip("/")

    def command(self, argv, user=None):
        as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
        return ["chroot", str(self.path), "env", "-i", "-C", self.workdir,
                *[f"{k}={v}" for k, v in self.env.items()], *as_user, *argv]

    def copy(self, rest, roots):
        given, plain = dockerfile.options(rest)
        *sources, target = plain.split()
        origin = roots[given["from"]].path if "from" in given else self.tree
        to = self.inside(target)
        for source in sources:
            path = origin / source.lstrip("/")
            if path.is_dir():
                self.copy_folder(path, to, origin)
                continue
            into = to / path.name if target.endswith("/") or len(sources) > 1 else to
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, into)

    def copy_folder(self, folder, to, origin):
        def keeps_out(at, names):
            return {n for n in names
                    if dockerfile.ignored(self.patterns, os.path.relpath(os.path.join(at, n), origin))}
        shutil.copytree(folder, to, ignore=keeps_out, dirs_exist_ok=True)

    def take(self, word, rest, roots):
        if word == "WORKDIR":
            self.workdir = rest
            self.inside(rest).mkdir(parents=True, exist_ok=True)
        elif word == "ENV":
            self.env.update(pair.split("=", 1) for pair in rest.split())
        elif word == "COPY":
            self.copy(rest, roots)
        elif word == "USER":
            self.user = rest
        elif word == "RUN":
            begin = time.monotonic()
            done = subprocess.run(self.command(["env", *self.run_env, "sh", "-c", rest]), check=False,
                                  capture_output=True, text=True)
            print(f"image: {time.monotonic() - begin:.1f} s: RUN {rest[:70]}", flush=True)
            if done.returncode != 0:
                raise Wrong(f"RUN {rest}:\n{(done.stdout + done.stderr)[-3000:]}")


# ---- what it loads ------------------------------------------------------------


def closure(packages):
    """These packages and all that they depend on."""
    out = subprocess.run(["dpkg-query", "-W", "-f=${Package}\t${Pre-Depends}, ${Depends}\t${Provides}\n"],
                         capture_output=True, text=True, check=True).stdout
    needs, provides = {}, {}
    for line in out.splitlines():
        name, depends, provided = line.split("\t")
        needs[name] = [re.split(r"[\s:(|]", d.strip())[0] for d in depends.split(",") if d.strip()]
        for p in provided.split(","):
            provides[re.split(r"[\s(]", p.strip())[0]] = name
    seen, todo = set(), list(packages)
    while todo:
        name = todo.pop()
        name = name if name in needs else provides.get(name, name)
        if name not in seen:
            seen.add(name)
            todo += needs.get(name, [])
    return seen


def owner(library):
    """The package that a library's file belongs to."""
    real = os.path.realpath(library)
    for path in (real, real.removeprefix("/usr")):
        out = subprocess.run(["dpkg-query", "-S", path], capture_output=True, text=True, check=False)
        if out.returncode == 0:
            return out.stdout.split(":")[0]
    raise Wrong(f"{library}: of no package")


def expect_libraries(root):
    packages = sh(root.tree / "scripts/install-packages", "--list", "image", capture_output=True,
                  text=True).stdout.split()
    has = closure(packages + ["libc6", "libgcc-s1", "libstdc++6"])
    count = 0
    for program in ("beatlined", "beatline"):
        out = sh(*root.command(["ldd", f"/usr/local/bin/{program}"]), capture_output=True, text=True).stdout
        if "not found" in out:
            raise Wrong(f"{program} misses a library: {out}")
        for library in re.findall(r"=> (/\S+)", out):
            count += 1
            if owner(library) not in has:
                raise Wrong(f"{program}: {library} is of {owner(library)}, which section [image] does not bring")
    for driver in ("af-packet23", "af-xdp23", "memif23", "pcap23", "tap23", "ixgbe23", "mlx5-23", "virtio23"):
        if f"librte-net-{driver}" not in has:
            raise Wrong(f"section [image] brings no driver librte-net-{driver}")
    print(f"image: {count} libraries, all of packages of section [image]")


# ---- what it does ----------------------------------------------------------------


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise Wrong(f"after {PATIENCE_S} s still not: {what}")
        time.sleep(0.1)


class Container:
    """The last stage, started as an engine would."""

    def __init__(self, root):
        self.root = root
        argv = dockerfile.json_words(root.stage.last("ENTRYPOINT")) + dockerfile.json_words(root.stage.last("CMD"))
        self.log = root.path / "tmp/log"
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(root.command(argv, root.user), stdout=out, stderr=subprocess.STDOUT)

    def exec(self, *argv):
        return subprocess.run(self.root.command(argv, self.root.user), capture_output=True, text=True, check=False)

    def healthy(self):
        check = self.root.stage.last("HEALTHCHECK").split("CMD ", 1)[1]
        return self.exec("sh", "-c", check).returncode == 0

    def node(self, name):
        shown = self.exec("beatline", "-j", "nodes", "show", name)
        return json.loads(shown.stdout) if shown.returncode == 0 else {}

    def end(self):
        self.process.terminate()
        if self.process.wait(PATIENCE_S) != 0:
            raise Wrong(f"ended with {self.process.returncode} on SIGTERM")


def expect_user(container):
    status = (container.root.path / f"proc/{container.process.pid}/status").read_text()
    if re.search(r"^Uid:\s+0\b", status, re.M):
        raise Wrong("the daemon runs as root")
    capable = re.search(r"^CapEff:\s+(\w+)", status, re.M).group(1)
    if int(capable, 16) != 0:
        raise Wrong(f"the daemon has capabilities: {capable}")


def expect_beats(container):
    for line, kind in (("over.udp.beat:1|c", "-u"), ("over.tcp.beat:1|c", "-N")):
        sh("nc", "-4", kind, "-q0", "-w2", "127.0.0.1", "8127", input=line + "\n", text=True)
    wait_for(lambda: container.node("over.udp") and container.node("over.tcp"), "beats over UDP and TCP count")
    token = container.exec("cat", "/var/lib/beatline/token").stdout
    url = "http://127.0.0.1:8080/api/v1/nodes/over.udp"
    for header, code in (("", "401"), (f"Authorization: Bearer {token}", "200")):
        got = sh("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", header, url, capture_output=True,
                 text=True).stdout
        if got != code:
            raise Wrong(f"HTTP with {header or 'no token'}: {got}, should be {code}")


def run_image(tree, base):
    sh("mount", "--make-rprivate", "/")
    sh("mount", "-t", "tmpfs", "tmpfs", base)
    sh("ip", "link", "set", "lo", "up")
    roots, root = {}, None
    for number, stage in enumerate(dockerfile.stages((tree / "scripts/Dockerfile").read_text())):
        root = roots[stage.name] = Root(base, number, tree, stage)
        for word, rest in stage.steps:
            root.take(word, rest, roots)
    expect_libraries(root)
    for start in ("first", "second"):
        container = Container(root)
        try:
            wait_for(container.healthy, "healthy")
            expect_user(container)
            if start == "first":
                expect_beats(container)
            elif not container.node("over.udp"):
                raise Wrong("a restart forgot the node: the volume does not keep it")
            container.end()
            if container.healthy():
                raise Wrong("healthy without a daemon")
        except Wrong:
            print(container.log.read_text(errors="replace")[-3000:], file=sys.stderr)
            raise
        finally:
            container.process.kill()
    print("image: beats over UDP and TCP, HTTP with its token, healthy, as nobody special, twice")


def main(tree, base):
    if base:
        try:
            run_image(tree, base)
        except (Wrong, subprocess.CalledProcessError) as what:
            print(f"WRONG: {what}", file=sys.stderr)
            return 1
        return 0
    if os.geteuid() != 0:
        print("skipped: needs root for an overlay to build in")
        return SKIPPED
    base = Path("/tmp") / f"bli-{os.getpid()}"
    base.mkdir()
    try:
        # Mounts, network and processes of its own: they end with it.
        return subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", sys.executable, "-B",
                               __file__, str(tree), str(base)], check=False).returncode
    finally:
        base.rmdir()


if __name__ == "__main__":
    sys.exit(main(Path(os.path.abspath(sys.argv[1])), Path(sys.argv[2]) if len(sys.argv) > 2 else None))
