# SPDX-License-Identifier: Apache-2.0
"""Two network namespaces with a cable between them: the appliance's, in
which beatlined takes frames off its end, and the sender's, from which a
kernel socket sends. Nothing leaves them."""

from appliance import Skip, need_root, run

SENDER_IP = "198.18.0.1"
APPLIANCE_IP = "198.18.0.2"
APPLIANCE_MAC = "02:00:00:00:be:02"


class Cable:
    def __init__(self, story):
        need_root()
        self.appliance = f"{story.name}-a"
        self.sender = f"{story.name}-s"
        # Interfaces bear the story's name too, until they are in their
        # namespace: whoever dies in between leaves nothing nameless.
        self.interface = self.appliance
        for namespace in (self.appliance, self.sender):
            made = run("ip", "netns", "add", namespace, ok=False)
            if made.returncode != 0:
                raise Skip(f"no network namespaces here: {made.stderr.strip()}")
            story.undo.callback(run, "ip", "netns", "delete", namespace, ok=False)
            # Neighbour discovery and the like are packets that nobody offered.
            self.sysctl(namespace, "net.ipv6.conf.default.disable_ipv6", 1)
            run("ip", "-n", namespace, "link", "set", "lo", "up")
        self.plug(story)

    @staticmethod
    def sysctl(namespace, key, value):
        run("ip", "netns", "exec", namespace, "sh", "-c", f"echo {value} >/proc/sys/{key.replace('.', '/')}", ok=False)

    def plug(self, story):
        made = run("ip", "link", "add", self.interface, "numrxqueues", 1, "numtxqueues", 1, "type", "veth",
                   "peer", "name", self.sender, "numrxqueues", 1, "numtxqueues", 1, ok=False)
        if made.returncode != 0:
            raise Skip(f"no veth here: {made.stderr.strip()}")
        story.undo.callback(run, "ip", "link", "delete", self.interface, ok=False)
        for name in (self.appliance, self.sender):
            run("ip", "link", "set", name, "netns", name)
            run("ip", "-n", name, "link", "set", name, "arp", "off")
        # No address here: the kernel's own UDP must not answer "port unreachable".
        run("ip", "-n", self.appliance, "link", "set", self.appliance, "address", APPLIANCE_MAC, "up")
        run("ip", "-n", self.sender, "address", "add", f"{SENDER_IP}/30", "dev", self.sender)
        self.mend()

    def cut(self):
        """Out at the sender's end: the appliance's has no carrier."""
        run("ip", "-n", self.sender, "link", "set", self.sender, "down")

    def mend(self):
        run("ip", "-n", self.sender, "link", "set", self.sender, "up")
        run("ip", "-n", self.sender, "neighbour", "replace", APPLIANCE_IP, "lladdr", APPLIANCE_MAC, "dev", self.sender,
            "nud", "permanent")
