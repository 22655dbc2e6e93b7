#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/Dockerfile, read: its instructions for whoever runs them (image.py),
and what must hold for it without an engine at hand.

    dockerfile.py TREE"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

KNOWN = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "VOLUME", "HEALTHCHECK", "STOPSIGNAL",
         "ENTRYPOINT", "CMD", "LABEL", "ARG"}
PORTS = {"8127/udp", "8127/tcp", "8080/tcp"}


class Stage:
    def __init__(self, image, name):
        self.image, self.name, self.steps = image, name, []

    def all(self, word):
        return [rest for w, rest in self.steps if w == word]

    def last(self, word):
        return (self.all(word) or [None])[-1]


def instructions(text):
    """(WORD, rest) of each, continuation lines joined, comments left out."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word, rest.strip()


def stages(text):
    found = []
    for word, rest in instructions(text):
        if word == "FROM":
            image, _, name = rest.partition(" AS ")
            found.append(Stage(image.strip(), name.strip()))
        else:
            found[-1].steps.append((word, rest))
    return found


def options(rest):
    """--name=value words in front, and what comes after them."""
    given = {}
    while rest.startswith("--"):
        word, _, rest = rest.partition(" ")
        name, _, value = word[2:].partition("=")
        given[name] = value
        rest = rest.lstrip()
    return given, rest


def ignored(patterns, path):
    """Whether .dockerignore keeps a path (relative, no leading ./) out."""
    parts = Path(path).parts
    for pattern in patterns:
        regex = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        if any(re.fullmatch(regex, "/".join(parts[:n])) for n in range(1, len(parts) + 1)):
            return True
    return False


def ignore_patterns(tree):
    lines = (tree / "scripts/Dockerfile.dockerignore").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def json_words(rest):
    try:
        words = json.loads(rest or "")
    except ValueError:
        return None
    return words if isinstance(words, list) and all(isinstance(w, str) for w in words) else None


def stage_faults(stage, earlier):
    if not re.fullmatch(r"debian:12(-slim)?", stage.image):
        yield f"FROM {stage.image}: Debian 12 by its short name, no registry in front"
    for word, rest in stage.steps:
        given, plain = options(rest)
        if word not in KNOWN:
            yield f"{word}: not an instruction that is used here"
        if word == "WORKDIR" and not rest.startswith("/"):
            yield f"WORKDIR {rest}: relative to what?"
        if word == "COPY":
            if given.get("from") and given["from"] not in earlier:
                yield f"COPY --from={given['from']}: no earlier stage of that name"
            if any(src.startswith(("/", "..")) for src in plain.split()[:-1]) and "from" not in given:
                yield f"COPY {plain}: from outside the context"
        if word == "RUN":
            check = subprocess.run(["sh", "-n", "-c", plain], capture_output=True, text=True, check=False)
            if check.returncode != 0:
                yield f"RUN {plain}: {check.stderr.strip()}"
            if re.search(r"\b(curl|wget|git clone|pip|npm)\b", plain):
                yield f"RUN {plain}: fetches what nobody checks; packages come from scripts/packages"
            if re.search(r"\b(apt|apt-get)\b", plain.replace("/var/lib/apt/lists", "")):
                yield f"RUN {plain}: by scripts/install-packages, which has the list"


def last_stage_faults(stage):
    words = [w for w, _ in stage.steps]
    if set(" ".join(stage.all("EXPOSE")).split()) != PORTS:
        yield f"EXPOSE: is {stage.all('EXPOSE')}, should be {sorted(PORTS)}"
    if stage.last("USER") in (None, "root", "0"):
        yield "USER: root at run time"
    elif words.index("USER") < max([i for i, w in enumerate(words) if w in ("RUN", "COPY")]):
        yield "USER: stands before a step that needs root"
    if not stage.all("VOLUME"):
        yield "VOLUME: the state would go with the container"
    if "beatline status --check" not in (stage.last("HEALTHCHECK") or ""):
        yield "HEALTHCHECK: should ask beatline status --check"
    for word in ("ENTRYPOINT", "CMD"):
        if not json_words(stage.last(word)):
            yield f"{word}: as a JSON list, so that signals reach the daemon and no shell"
    for rest in stage.all("RUN"):
        if "install-packages" in rest and "rm -rf /var/lib/apt/lists" not in rest:
            yield "RUN install-packages: package lists stay in the layer"


def faults(text):
    found = stages(text)
    if len(found) < 2:
        return ["one stage: the compiler would be in the image"]
    said = []
    for i, stage in enumerate(found):
        said += stage_faults(stage, [s.name for s in found[:i] if s.name])
    return said + list(last_stage_faults(found[-1]))


# Each must be found when it is planted: what, by what.
PLANTED = [
    ("debian:12-slim AS", "registry.example/debian:12-slim AS"),
    ("debian:12-slim AS", "debian AS"),
    ("USER beatline\n", ""),
    ("USER beatline\n", "USER root\n"),
    ("EXPOSE 8127/udp ", "EXPOSE "),
    ("VOLUME", "# VOLUME"),
    ("status --check", "status"),
    ('["container-start"]', "container-start"),
    ("COPY --from=build", "COPY --from=builder"),
    ("COPY . .", "ADD . ."),
    (" && rm -rf /var/lib/apt/lists/*", ""),
    ("&& ninja", "&& && ninja"),
]


def main(tree):
    text = (tree / "scripts/Dockerfile").read_text()
    said = faults(text)
    for what, by in PLANTED:
        if what not in text or not faults(text.replace(what, by, 1)):
            said.append(f"does not bite: {what!r} -> {by!r}")
    patterns = ignore_patterns(tree)
    for path, kept_out in ((".git/HEAD", True), ("build-asan/x.o", True), ("tests/system/__pycache__/a.pyc", True),
                           ("meson.build", False), ("scripts/packages", False), ("engine/table/table.c", False)):
        if ignored(patterns, path) != kept_out:
            said.append(f"Dockerfile.dockerignore: {path} is {'in' if kept_out else 'out'}")
    print("\n".join(said) or "dockerfile: fine")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main(Path(os.path.abspath(sys.argv[1]))))
