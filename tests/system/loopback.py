#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Loopback, kernel UDP, and neither daemon nor sender has any privilege."""

import os

from appliance import nobody, tell
from fleet_story import FALL, FLEET, Appliance, conserve, fall_and_rise, leave

UDP_PORT = 20000 + os.getpid() % 10000


def story(s):
    user = nobody()
    target = f"socket:127.0.0.1:{UDP_PORT}"
    appliance = Appliance(s, [target], user=user)
    account = fall_and_rise(appliance, [*FLEET, *FALL, "--to", target], user=user)
    conserve(appliance.daemon, account)
    leave(appliance.daemon)


tell(story)
