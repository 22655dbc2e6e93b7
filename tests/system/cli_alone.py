#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line where no daemon runs: each command explains itself,
with its options, by its name behind help and by --help."""

from appliance import BUILD, check, equal, run, tell


def beatline(*words):
    return run(BUILD / "beatline", "-s", "/nonexistent/socket", *words, ok=False)


def each_command_explains_itself(names):
    for name in names:
        words = name.split()
        for asked in ((*words, "--help"), (*words, "-j", "-h", "more")):
            done = beatline(*asked)
            equal((done.returncode, done.stderr), (0, ""), f"{asked}: exit code and stderr")
            check(name in done.stdout.splitlines()[0], f"{asked}: {done.stdout}")
        equal(beatline("help", *words).stdout, beatline(*words, "--help").stdout, f"help {name}")


def story(_):
    listed = [line[2:17].strip() for line in beatline("help").stdout.splitlines() if line.startswith("  ") and line[2] != "-"]
    check({"status", "nodes list", "help"} <= set(listed), f"the commands: {listed}")
    each_command_explains_itself(listed)
    for words in (("help", "nodes", "list"), ("nodes", "list", "--help")):
        text = beatline(*words).stdout
        check(text.startswith("usage: beatline nodes list ") and "-s, --state S" in text, f"{words}: {text}")
    group = beatline("nodes", "--help")
    check(group.returncode == 0 and "beatline nodes list" in group.stdout, f"a group: {group}")
    equal(beatline("nodes", "frob", "--help").returncode, 2, "no such command")
    equal(beatline("nodes", "list").returncode, 3, "no daemon")
    equal(beatline("nodes", "show", "--", "--help").returncode, 3, "behind -- it is a name")


tell(story)
