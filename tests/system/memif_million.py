#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A million beats a second of 100,000 nodes over memif; 1,000 fall
silent. Those fail, nobody else does, and no packet is unaccounted for."""

import time

from appliance import Daemon, Load, equal, tell, wait_for
from fleet_story import RETRIES, TIMEOUT_S, await_failed, conserve, leave

NODES = 100_000
KILL = 1000
RATE = 1_000_000


def story(s):
    memif = f"socket={s.path('memif.sock')},socket-abstract=no"
    daemon = Daemon(s, {"ports": [f"dpdk:net_memif0,role=server,{memif}"],
                        "defaults": {"timeout": f"{TIMEOUT_S}s", "retries": RETRIES}})
    load = Load(s, "--nodes", NODES, "--rate", RATE, "--format", "binary", "--kill", KILL, "--at", "3s",
                "--to", f"dpdk:net_memif0,role=client,{memif}")
    wait_for(load.killed.exists, "nodes fall silent")
    await_failed(daemon, KILL)
    time.sleep(2 * TIMEOUT_S)
    equal(daemon.names("failed"), set(load.killed.read_text().split()), "failed nodes")
    account = load.finish(stop=True)
    print(f"{account['beats_per_s']} beats/s in {account['seconds']} s, {account['retries']} retries")
    conserve(daemon, account)
    leave(daemon)


tell(story)
