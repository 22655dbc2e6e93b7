#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From what scripts/bench measured on one core to boxes with 100 and 200
Gbit/s: how many cores, how much memory bandwidth, what an uneven spread
over the queues costs, and what the control core can hold.

    scaling.py RESULTS.csv >SCALING.md

Measured figures come from the file alone; what is assumed (the boxes,
the efficiency of their memory) stands in capitals below and is printed
as an assumption. Exit code 1: a row that the model needs is not there."""

import csv
import math
import random
import sys

# ---- assumed ---------------------------------------------------------------

# Name, Gbit/s, worker cores, memory channels.
BOXES = [("100 GbE", 100, 16, 8), ("200 GbE", 200, 32, 12)]
# A channel of DDR5-4800, and how much of it random lines get.
CHANNEL_GB_S = 38.4
RANDOM_EFFICIENCY = 0.5
# Ethernet around a frame: preamble 8, FCS 4, gap 12.
WIRE_BYTES = 24
# Ethernet, IPv4 and UDP headers.
HEADERS = 42
LINE = 64
# Entries of an RSS indirection table (mlx5, ice: 512 and more; ixgbe: 128).
RETA = 512
# Senders (source addresses and ports) that the boxes are reckoned with.
FLOWS = 10_000
SEED = 1
ROUNDS = 20
# A worker that is to take bursts, pauses and the kernel's visits.
FULL = 0.8
# The control core serves people, too.
CONTROL_SHARE = 0.5

# Kind, row with its rate on one core, bytes of a datagram, beats in it.
KINDS = [
    ("binary, 1 beat a datagram, 10 M nodes", "worker/memory/10M", 32, 1),
    ("binary, 16 beats a datagram, 10 M nodes", "worker/memory/10M/batch-16", 32 + 16 * 16, 16),
    ("text, 1 line a datagram, 1 M nodes", "worker/memory/1M/text-1", 34, 1),
    ("text, 20 lines a datagram, 1 M nodes", "worker/memory/1M/text-20", 20 * 34, 20),
]


class Results:
    """results.csv: rows by name; a counter is a number beside one."""

    def __init__(self, path):
        with open(path, newline="") as f:
            self.rows = {row["name"]: row for row in csv.DictReader(f)}

    def has(self, name):
        return name in self.rows

    def row(self, name):
        if name not in self.rows:
            sys.exit(f"scaling.py: no row {name}; run scripts/bench whole")
        return self.rows[name]

    def value(self, name, field="measured"):
        return float(self.row(name)[field])

    def counter(self, name, counter):
        pairs = dict(word.split("=", 1) for word in self.row(name)["counters"].split())
        return float(pairs[counter])


# ---- one core -----------------------------------------------------------------


def tsc_hz(r):
    return r.counter("worker/memory/10M", "ticks_per_beat") * r.counter("worker/memory/10M", "a_per_s")


def stages(r):
    """TSC ticks of a binary beat, 10 M nodes: what each part takes when it
    is measured by itself; the rest is what they cost each other."""
    total = r.counter("worker/memory/10M", "ticks_per_beat")
    parts = [
        ("receive and release (net_null), and write the ids",
         r.counter("worker/memory/10M", "receiving_alone_ticks_per_beat"), "worker/memory/10M"),
        ("decode and parse", r.value("wire/binary"), "wire/binary"),
        ("update the table", tsc_hz(r) / r.counter("table/10M/limit", "a_per_s"), "table/10M/limit"),
    ]
    rest = total - sum(ticks for _, ticks, _ in parts)
    return total, [*parts, ("hashing, the loop, waiting for each other", rest, "the difference")]


def beside_another(r):
    """What a worker does beside another one, of what it does alone. They
    share no lock, counter or table, so nothing in it grows with their
    number but the memory traffic, which has a column of its own."""
    return min(1.0, r.value("cores/workers") / 2.0)


# ---- the wire and the memory -----------------------------------------------------


def packets_per_s(gbit, payload):
    return gbit * 1e9 / 8 / (max(60, HEADERS + payload) + WIRE_BYTES)


def bytes_per_packet(payload, beats, cached):
    """DRAM traffic: each beat reads a line of the table and writes it back;
    the frame is written by the card and read by us, unless the card writes
    into the cache (DDIO)."""
    table = beats * 2 * LINE
    frame = 0 if cached else 2 * LINE * math.ceil((HEADERS + payload) / LINE)
    return table + frame


# ---- the spread over queues ----------------------------------------------------------


def skew(flows, queues):
    """Load of the fullest queue over the mean: flows of equal weight, each
    hashed to an entry of the table, entries dealt out in turn. The 99th
    percentile would need more rounds; this is the worst of a few."""
    rng = random.Random(SEED)
    worst = 0.0
    for _ in range(ROUNDS):
        if flows > 200_000:  # entries are then even: sampling them is enough
            mean = flows / RETA
            entry = [rng.gauss(mean, math.sqrt(mean)) for _ in range(RETA)]
        else:
            entry = [0] * RETA
            for _ in range(flows):
                entry[rng.randrange(RETA)] += 1
        load = [sum(entry[q::queues]) for q in range(queues)]
        worst = max(worst, max(load) * queues / sum(load))
    return worst


# ---- the control core ------------------------------------------------------------------


def sweep_line(r):
    """Share of the control core (percent) = fixed + per million nodes, from
    the two largest fleets that were measured."""
    sizes = [(n, r.value(f"sweep/{n}M/share")) for n in (1, 10, 100) if r.has(f"sweep/{n}M/share")]
    if len(sizes) < 2:
        sys.exit("scaling.py: fewer than two rows sweep/*/share; run scripts/bench whole")
    (n1, s1), (n2, s2) = sizes[-2:]
    per_million = (s2 - s1) / (n2 - n1)
    return max(0.0, s1 - per_million * n1), per_million


# ---- the page -----------------------------------------------------------------------------


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()


def print_core(r):
    total, parts = stages(r)
    print("## One core\n")
    print(f"TSC ticks ({tsc_hz(r) / 1e9:.2f} GHz) of a binary beat, 10 M nodes, frames in memory:\n")
    rows = [(what, f"{ticks:.0f}", f"{100 * ticks / total:.0f} %", f"`{row}`") for what, ticks, row in parts]
    table(["stage", "ticks", "share", "row"], [*rows, ("**a beat, end to end**", f"**{total:.0f}**", "", "`worker/memory/10M`")])
    print("Receiving stands for a card's driver: it hands out buffers whose frames are in place. What the card's own\n"
          "descriptors cost comes on top, and is not measured here.\n")


def print_check(r):
    row = r.row("cores/workers")
    need = 2 * r.value("worker/memory/10M") * 1e6 * 2 * LINE / 1e9
    lines = r.counter("table/10M/limit-1GiB", "b_per_s") * 2 * LINE / 1e9
    print("## Checked with two workers on two cores\n")
    print(f"Two workers move {need:.1f} GB/s of table lines; one core alone was seen to move {lines:.1f} GB/s of random\n"
          f"lines (`table/10M/limit-1GiB`). So memory is no limit here and the model says **2.00**; measured were\n"
          f"**{float(row['measured']):.2f}** ({float(row['p10']):.2f} .. {float(row['p90']):.2f}), `cores/workers`: beside "
          f"another a worker does {beside_another(r):.3f} of what it\n"
          f"does alone. Workers share no lock, counter or table, only cache and memory; so this share is taken\n"
          f"for any number of them, in the columns called worst, and memory is counted by itself.\n")


def box_row(r, box, kind):
    _, gbit, cores, channels = box
    what, row, payload, beats = kind
    packets = packets_per_s(gbit, payload)
    work = packets * beats / r.counter(row, "a_per_s") / FULL
    linear = math.ceil(work)
    worst = math.ceil(work / beside_another(r) * skew(FLOWS, linear))
    room = channels * CHANNEL_GB_S * RANDOM_EFFICIENCY
    least, most = (packets * bytes_per_packet(payload, beats, cached) / 1e9 for cached in (True, False))
    limits = []
    if worst > cores:
        limits.append("cores" if linear > cores else "cores, if worst")
    if most > room:
        limits.append("memory" if least > room else "memory, if worst")
    reach = [min(1.0, cores / n, room / memory) for n, memory in ((work, least), (worst, most))]
    return (what, f"{packets * beats / 1e6:.0f}", linear, worst, f"{least:.0f} .. {most:.0f} of {room:.0f}",
            ", ".join(limits) or "the wire", f"{100 * reach[1]:.0f} .. {100 * reach[0]:.0f} %")


def print_boxes(r):
    print("## Boxes\n")
    print(f"At line rate, workers {100 * FULL:.0f} % full. Worst: each beside others as measured above, and {FLOWS} flows\n"
          f"spread over the queues as further down. Memory: table lines alone (the card writes frames into the cache,\n"
          f"DDIO) up to lines and frames, of what the channels give. Reach: how much of line rate that carries.\n")
    for box in BOXES:
        name, _, cores, channels = box
        print(f"**{name}, {cores} worker cores, {channels} channels**\n")
        table(["traffic", "M beats/s", "cores", "worst", "memory GB/s", "limit", "reach"],
              [box_row(r, box, kind) for kind in KINDS if r.has(kind[1])])


def print_skew():
    print("## What the spread over queues costs\n")
    print(f"RSS deals flows out by hash over {RETA} entries. Load of the fullest queue over the mean, worst of {ROUNDS}\n"
          f"draws (seed {SEED}); so many more cores, or so much less of the rate. Nodes that send for themselves spread\n"
          f"well; a few relays do not: give each relay several source ports.\n")
    queues = sorted({box[2] for box in BOXES} | {4, 8})
    rows = [(what, *(f"{skew(flows, q):.2f}" for q in queues))
            for what, flows in [("1 M nodes", 1_000_000), ("10 k nodes or ports", 10_000), ("1000 relays", 1000),
                                ("100 relays", 100)]]
    table(["senders", *(f"{q} queues" for q in queues)], rows)


def print_control(r):
    fixed, per_million = sweep_line(r)
    most = (100 * CONTROL_SHARE - fixed) / per_million
    print("## The control core\n")
    print(f"There is one, however many workers. Sweeping takes {fixed:.2f} % + {per_million:.3f} % a million nodes (30 s\n"
          f"timeouts, 10 ms tick; `sweep/*/share`): half of it is gone at **{most:.0f} M nodes**.")
    found = r.value("sweep/10M/all-expired")
    print(f"All nodes silent at once: {found:.0f} M are found per second (`sweep/10M/all-expired`).")
    if r.has("appliance/register/10M"):
        new = r.value("appliance/register/10M")
        print(f"New nodes: {new:.2f} M/s from packet to registry (`appliance/register/10M`), whatever the workers: a\n"
              f"cold start of 10 M nodes is registered in {10 / new:.0f} s, of 100 M in {100 / new:.0f} s. Beats of the\n"
              f"known go on meanwhile; it is the limit of churn, not of beats.")
    else:
        print("How fast new nodes are registered was not measured in this run (`appliance/register/10M`).")
    print("\nBeats that a fleet sends, and the workers of this machine's speed that take them:\n")
    per_core = r.counter("worker/memory/10M", "a_per_s") * FULL
    rows = []
    for nodes, interval in [(1, 1), (10, 1), (100, 10), (100, 1)]:
        rate = nodes * 1e6 / interval
        rows.append((f"{nodes} M every {interval} s", f"{rate / 1e6:.0f} M/s", math.ceil(rate / per_core),
                     f"{fixed + per_million * nodes:.1f} %"))
    table(["fleet", "beats", "workers", "control core sweeping"], rows)


def main():
    r = Results(sys.argv[1])
    print("# To 100 and 200 Gbit/s, on paper\n")
    print("Written by `bench/scaling.py` from `bench/results/results.csv`, at the end of `scripts/bench`: every measured\n"
          "figure is of one core of that machine. Assumed: "
          f"a memory channel gives {CHANNEL_GB_S} GB/s, random lines {100 * RANDOM_EFFICIENCY:.0f} %\n"
          "of it; cores as fast as the measured one; binary frames of 74 bytes, 98 on the wire.\n")
    print_core(r)
    print_check(r)
    print_boxes(r)
    print_skew()
    print_control(r)


main()
