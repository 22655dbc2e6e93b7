# SPDX-License-Identifier: Apache-2.0
"""A real browser for stories about the web page: Chromium, driven by
playwright-core (Apache-2.0, of tests/web/package-lock.json), which npm
brings into the build folder once. beatline itself has none of it, and no
browser is downloaded: it is Debian's."""

import json
import shutil
import subprocess
from pathlib import Path

from appliance import BUILD, Skip, Wrong, check, die_with_parent, end_process, run, wait_for

WEB = Path(__file__).resolve().parents[1] / "web"
HOME = BUILD / "web-test"
PICTURES = BUILD / "web-pictures"


def need(*names):
    for name in names:
        if not shutil.which(name):
            raise Skip(f"no {name}; scripts/install-packages test brings it")


def bring():
    """playwright-core of the version in the lock file."""
    lock = (WEB / "package-lock.json").read_text()
    here = HOME / "node_modules" / ".package-lock.json"
    if here.exists() and (HOME / "package-lock.json").read_text() == lock:
        return
    HOME.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(WEB / name, HOME / name)
    done = run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", cwd=HOME, ok=False)
    if done.returncode != 0:
        raise Skip(f"npm ci brings no playwright-core: {done.stderr.strip()[-400:]}")


class Browser:
    """One page at a time. Each method is one of drive.mjs."""

    def __init__(self, story):
        need("node", "npm", "chromium")
        bring()
        PICTURES.mkdir(exist_ok=True)
        shutil.copy(WEB / "drive.mjs", HOME / "drive.mjs")
        self.log = story.path("browser.log")
        story.logs.append(self.log)
        with open(self.log, "wb") as errors:
            self.process = subprocess.Popen(
                ["node", HOME / "drive.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
                preexec_fn=die_with_parent, env={"PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(story.dir),
                                                 "BL_CHROMIUM": shutil.which("chromium")})
        story.undo.callback(self.end)

    def end(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            end_process(self.process)

    def __getattr__(self, what):
        return lambda **more: self.do(what, more)

    def do(self, what, more):
        self.process.stdin.write(json.dumps({"do": what, **more}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        check(line, "the browser is gone")
        answer = json.loads(line)
        if "error" in answer:
            raise Wrong(f"{what} {more}: {answer['error']}")
        return answer["value"]

    def open(self, url, **how):
        self.start(**how)
        self.go(url=url)
        self.wait(at='html[data-ready="yes"]')

    def text(self, at):
        return " ".join(self.texts(at=at)).strip()

    def picture(self, name):
        self.shot(path=str(PICTURES / f"{name}.png"))

    def settle(self, what, condition):
        return wait_for(lambda: condition(self), what, every=0.1)

    def quiet(self):
        """Nothing was wrong in the page's own eyes: no error, no breach of
        its policy. Answers that were refusals are the page's to show."""
        said = [line for line in self.said() if "Failed to load resource" not in line]
        check(not said, f"the page's console: {said}")
