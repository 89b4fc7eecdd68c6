"""The clients of a soak: load generators in the two homes, each with a stay of random length."""

import signal
import subprocess

HOMES = ("client1", "client2")
AT_ONCE = 5
FEW = ["--publishers", "3", "--meeting", "--audio", "--video-bps", "200000"]
CROWD = ["--publishers", "1", "--viewers", "30", "--audio", "--video-bps", "300000"]
ONE = ["--publishers", "1", "--viewers", "2", "--video-bps", "100000", "--cm"]
JOINERS = ["--publishers", "1", "--viewers", "40", "--no-video", "--audio", "--join-rate", "40"]


class Guests:
    def __init__(self, build, url, dice):
        self.tool, self.url, self.dice = build / "monoport-load", url, dice
        self.here = []
        self.rooms = 0
        self.joined = 0
        self.problems = []

    def come(self, fair):
        """Starts one more group, if there is room. `fair`: no fault is active, so its joins must succeed."""
        if len(self.here) >= AT_ONCE:
            return
        kind, people = self.dice.choice([(FEW, 3), (CROWD, 31), (ONE, 3), (JOINERS, 41)])
        self.rooms += 1
        argv = ["nsenter", f"--net=/run/netns/{self.dice.choice(HOMES)}", "--", self.tool, self.url, "--room", f"soak-{self.rooms}",
                "--seconds", str(self.dice.randint(3, 45)), "--keyframes", "10", *kind]
        child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.here.append({"child": child, "people": people, "fair": fair})

    def storm(self):
        """Marks all present groups: a fault is active, so they may fail."""
        for guest in self.here:
            guest["fair"] = False

    def go(self):
        """Collects the results of groups that have ended."""
        for guest in [g for g in self.here if g["child"].poll() is not None]:
            self.here.remove(guest)
            said = guest["child"].stderr.read().strip()
            if guest["child"].returncode == 0:
                self.joined += guest["people"]
            elif guest["fair"]:
                self.problems.append(f"a group failed in fair weather ({guest['child'].returncode}): {said.splitlines()[-1:]}")

    def vanish(self):
        """Kills one group."""
        if self.here:
            guest = self.dice.choice(self.here)
            guest["fair"] = False
            guest["child"].kill()

    def leave(self):
        for guest in self.here:
            guest["fair"] = False
            guest["child"].send_signal(signal.SIGINT)
        for guest in self.here:
            try:
                guest["child"].wait(15)
            except subprocess.TimeoutExpired:
                guest["child"].kill()
                guest["child"].wait()
        self.go()
