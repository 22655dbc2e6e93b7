#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""memif: beatline-load and beatlined are two processes that share a ring
of packets, no kernel in between."""

from appliance import tell
from fleet_story import FALL, FLEET, Appliance, conserve, fall_and_rise, leave


def story(s):
    memif = f"socket={s.path('memif.sock')},socket-abstract=no"
    appliance = Appliance(s, [f"dpdk:net_memif0,role=server,{memif}"])
    account = fall_and_rise(appliance, [*FLEET, *FALL, "--format", "binary",
                                        "--to", f"dpdk:net_memif0,role=client,{memif}"])
    conserve(appliance.daemon, account)
    leave(appliance.daemon)


tell(story)
