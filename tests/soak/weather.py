"""The faults of a soak: one after the other, chosen at random."""

import socket
import subprocess
import time
from collections import Counter

HOMES = ("nat1", "nat2")


def on(host, *argv, data=None):
    subprocess.run(["nsenter", f"--net=/run/netns/{host}", "--", *argv], input=data, text=True, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Weather:
    def __init__(self, address, port, guests, dice):
        self.server = (address, port)
        self.guests, self.dice = guests, dice
        self.count = Counter()
        self.until = 0.0
        self.is_fair = True

    def change(self):
        """Continues the present fault until its time is over, then begins another. Returns its name."""
        if time.monotonic() < self.until:
            return self.name
        self.clear()
        self.name, least, most = self.dice.choice([("fair", 15, 30), ("fair", 15, 30), ("loss", 10, 20), ("outage", 1, 35), ("rebinding", 0, 0), ("vanish", 0, 0), ("rubbish", 0, 0)])
        self.count[self.name] += 1
        self.until = time.monotonic() + self.dice.uniform(least, most)
        if self.name != "fair":
            self.is_fair = False
            self.guests.storm()
            getattr(self, self.name)(self.dice.choice(HOMES))
        return self.name

    def clear(self):
        self.name = "fair"
        self.until = 0.0
        self.is_fair = True
        for home in HOMES:
            on(home, "nft", "-f", "-", data="table inet weather\ndelete table inet weather\n")

    def dropping(self, home, match):
        on(home, "nft", "-f", "-", data=f"table inet weather {{ chain forward {{ type filter hook forward priority -10\n meta l4proto udp {match} drop\n }}\n }}\n")

    def loss(self, home):
        self.dropping(home, f"numgen random mod 100 < {self.dice.randint(1, 30)}")

    def outage(self, home):
        self.dropping(home, "")

    def rebinding(self, home):
        on(home, "conntrack", "-F")

    def vanish(self, _):
        self.guests.vanish()

    def rubbish(self, _):
        """Datagrams of every length and first byte, as from strangers on the internet."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for number in range(2000):
                s.sendto(bytes([number & 255]) + self.dice.randbytes(self.dice.randint(0, 1300)), self.server)
