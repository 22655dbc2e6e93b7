#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""af_xdp on a veth in the appliance's namespace; a kernel socket in
another one sends binary beats, with names told in hellos."""

import socket

from appliance import Skip, tell
from fleet_story import FALL, FLEET, Appliance, conserve, fall_and_rise, leave
from network import APPLIANCE_IP, Cable

AF_XDP = 44


def need_af_xdp():
    try:
        socket.socket(AF_XDP, socket.SOCK_RAW, 0).close()
    except OSError as why:
        raise Skip(f"this kernel has no AF_XDP sockets: {why}") from why


def story(s):
    need_af_xdp()
    cable = Cable(s)
    appliance = Appliance(s, [f"dpdk:net_af_xdp0,iface={cable.interface}"], namespace=cable.appliance)
    account = fall_and_rise(appliance, [*FLEET, *FALL, "--format", "binary", "--hello",
                                        "--to", f"socket:{APPLIANCE_IP}:8127"], namespace=cable.sender)
    conserve(appliance.daemon, account)
    leave(appliance.daemon)


tell(story)
