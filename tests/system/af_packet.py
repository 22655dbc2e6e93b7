#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""af_packet on a veth in the appliance's namespace; a kernel socket in
another one sends."""

from appliance import tell
from fleet_story import FALL, FLEET, Appliance, conserve, fall_and_rise, leave
from network import APPLIANCE_IP, Cable


def story(s):
    cable = Cable(s)
    appliance = Appliance(s, [f"dpdk:net_af_packet0,iface={cable.interface}"], namespace=cable.appliance)
    account = fall_and_rise(appliance, [*FLEET, *FALL, "--lines", 5, "--to", f"socket:{APPLIANCE_IP}:8127"],
                            namespace=cable.sender)
    conserve(appliance.daemon, account)
    leave(appliance.daemon)


tell(story)
