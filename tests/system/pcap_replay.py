#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A capture file is replayed; most of its nodes beat on over a socket,
which is another port of the same daemon. Those that do not, fail."""

import os

from appliance import Load, equal, tell, wait_for
from fleet_story import FALL, FLEET, NODES, Appliance, conserve, fall_and_rise, leave

UDP_PORT = 20000 + os.getpid() % 10000


def story(s):
    capture = s.path("fleet.pcap")
    recorded = Load(s, *FLEET, "--duration", "5s", "--to", f"pcap:{capture}").finish()
    equal(recorded["beats"], NODES * 20, "beats in the capture file")
    target = f"socket:127.0.0.1:{UDP_PORT}"
    appliance = Appliance(s, [f"dpdk:net_pcap0,rx_pcap={capture}", target])
    wait_for(lambda: appliance.daemon.status()["nodes"]["total"] == NODES, "the file's nodes are known")
    account = fall_and_rise(appliance, [*FLEET, *FALL, "--to", target])
    conserve(appliance.daemon, recorded, account)
    leave(appliance.daemon)


tell(story)
