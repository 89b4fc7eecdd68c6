"""Runs one scenario: a server here, the load generator on the lab's other host; reads the kernel's counters of both."""

import json
import os
import re
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

PORT = 8000
WARM_UP = 2.0  # s, after everybody has joined
QUICK = 2.0  # slowdown of memory above which other programs disturb the run: on an idle machine it is 1.0 to 1.3
TICK = os.sysconf("SC_CLK_TCK")


class Failed(Exception):
    """A scenario that could not be measured."""


# --- the kernel's counters ---

def cpu_ns(pid):
    """CPU time of each thread of a process, in ns: the scheduler's own sum, finer than the clock ticks of stat."""
    threads = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip()
        threads[f"{name}/{task.name}"] = int((task / "schedstat").read_text().split()[0])
    return threads


def ticks(pid):
    """User and system time in s: sampled by the clock, so only their proportion is used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) / TICK, int(fields[12]) / TICK


def busy_s():
    """All CPU time of the machine that was not idle."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICK


def rss_kib(pid):
    return int(re.search(r"^VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1])


def metrics(address):
    """Counters by name; those of workers as lists, drops by reason."""
    text = urllib.request.urlopen(f"http://{address}:{PORT}/metrics", timeout=5).read().decode()
    found = {}
    for name, labels, value in re.findall(r"^monoport_(\w+?)(?:\{(.*)\})? (\d+)$", text, re.MULTILINE):
        if reason := re.search(r'reason="(\w+)"', labels):
            name = f"drop:{reason[1]}"
        found.setdefault(name, []).append(int(value))
    return found


class Snapshot:
    def __init__(self, server, load, awake, address):
        self.metrics = metrics(address)
        self.server = cpu_ns(server)
        self.server_ticks = ticks(server)
        self.load = sum(cpu_ns(load).values()) if load else 0
        self.awake = awake.used()
        self.busy = busy_s()
        self.time = time.monotonic()


def difference(before, after, name):
    return [b - a for a, b in zip(before.metrics.get(name, [0]), after.metrics.get(name, [0]))]


# --- processes ---

class Patience:
    """Time that all runs together may wait until other programs stop slowing down memory."""

    def __init__(self, seconds):
        self.left = seconds

    def until(self, look, good):
        """Calls `look` until its result is `good` or no time is left; returns the last result."""
        seen = look()
        while not good(seen) and self.left > 0:
            began = time.monotonic()
            time.sleep(2)
            seen = look()
            self.left -= time.monotonic() - began
        return seen


def cpus_for(workers, build, patience):
    """Returns the server's cores (one for each worker), the load generator's (the rest; all cores if none is left), and
    how slow memory is on the server's."""
    return patience.until(lambda: choose_cpus(workers, build), lambda chosen: chosen[2] <= QUICK)


def choose_cpus(workers, build):
    """Other programs disturb some cores more than others: the server gets the first undisturbed cores, or the least
    disturbed ones."""
    cpus, seen = sorted(os.sched_getaffinity(0)), {}
    for cpu in cpus:
        seen[cpu] = slowdown(build, "memory", [cpu])
        if sum(slow <= QUICK for slow in seen.values()) == workers:
            break
    server = sorted(seen, key=seen.get)[:workers]
    return server, [cpu for cpu in cpus if cpu not in server] or cpus, max(seen[cpu] for cpu in server)


def start(argv, cpus, **options):
    return subprocess.Popen([str(part) for part in argv], preexec_fn=lambda: os.sched_setaffinity(0, cpus), stdin=subprocess.DEVNULL, **options)


def stop(child):
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
    child.wait()


def wait_ready(server, address):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise Failed(f"the server ended ({server.returncode}) at its start")
        try:
            urllib.request.urlopen(f"http://{address}:{PORT}/healthz", timeout=1).read()
            return
        except OSError:
            time.sleep(0.02)
    raise Failed("the server does not answer")


def wait_joined(load, said):
    """Waits until the load generator says that it measures."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        said.seek(0)
        if "measuring for" in said.read():
            return
        if load.poll() is not None:
            break
        time.sleep(0.02)
    raise Failed("the clients did not join")


# --- the machine ---

def slowdown(build, what, cpus):
    """How many times longer the work takes on a core that is woken 50 times a second than on a busy one. `what`: "clock"
    is arithmetic and shows the cost of power saving; "memory" is a walk over a MiB and shows the cost of other programs
    in the same caches."""
    return float(start([build / "bench-machine", what], cpus, stdout=subprocess.PIPE, text=True).communicate(timeout=20)[0])


class Awake:
    """A context that keeps cores awake with loops of idle priority; knows the CPU time of those loops, in ns."""

    def __init__(self, build, cpus):
        self.argv = [[build / "bench-machine", "awake", cpu] for cpu in cpus]
        self.children = []

    def __enter__(self):
        for argv in self.argv:
            child = start(argv, [argv[2]], stdout=subprocess.PIPE, text=True)
            self.children.append(child)
            if child.stdout.readline().strip() != "ready":
                raise Failed("bench-machine does not start")
        return self

    def __exit__(self, *_):
        for child in self.children:
            child.kill()
            child.wait()

    def used(self):
        return sum(sum(cpu_ns(child.pid).values()) for child in self.children)


# --- the kernel alone ---

# Viewers, datagrams of a run, their size, µs from one to the next.
FLOORS = {"burst": (400, 5, 1200, 33333), "even": (400, 1, 1200, 6400), "audio": (100, 1, 100, 20000)}


def floor(build, awake, patience):
    """µs of CPU per datagram for sending the same datagrams and nothing else: the lower bound for any server here."""
    cpus, others, _ = cpus_for(1, build, patience)
    with Awake(build, cpus if awake else []):
        return floor_of(build, cpus, others)


def floor_of(build, cpus, others):
    receiver = start(["nsenter", "--net=/run/netns/client", "--", build / "bench-floor", "receive"], others, stdout=subprocess.PIPE, text=True)
    try:
        if receiver.stdout.readline().strip() != "ready":
            raise Failed("bench-floor does not start")
        client = os.environ["LAB_CLIENTS"].rpartition("/")[2]
        return {name: float(start([build / "bench-floor", "send", client, *load], cpus, stdout=subprocess.PIPE, text=True).communicate(timeout=20)[0])
                for name, load in FLOORS.items()}
    finally:
        receiver.kill()
        receiver.wait()


# --- one run ---

def run(scenario, build, seconds, patience):
    """The figures of one run of the scenario; "memory": how slow it was right before or after, the worse of both."""
    server_cpus, load_cpus, before = cpus_for(scenario.workers, build, patience)
    with Awake(build, server_cpus if scenario.awake else []) as awake:
        result = run_on(server_cpus, load_cpus, awake, scenario, build, seconds)
    return result | {"memory": max(before, *(slowdown(build, "memory", [cpu]) for cpu in server_cpus))}


def run_on(server_cpus, load_cpus, awake, scenario, build, seconds):
    address = os.environ["LAB_SERVER"]
    with tempfile.TemporaryFile("w+") as log, tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as output:
        server = start([build / "monoport", "--port", PORT, "--listen", address, "--workers", scenario.workers, "--log-level", "warn", "--plain",
                        *scenario.server], server_cpus, stdout=log, stderr=log)
        load = None
        try:
            wait_ready(server, address)
            time.sleep(0.2)
            rss = rss_kib(server.pid)
            fresh = Snapshot(server.pid, None, awake, address)
            load = start(["nsenter", "--net=/run/netns/client", "--", build / "monoport-load", f"ws://{address}:{PORT}/sdp",
                          "--seconds", int(seconds + WARM_UP + 2), "--json", "-", *scenario.load], load_cpus, stdout=output, stderr=said)
            wait_joined(load, said)
            joined = Snapshot(server.pid, load.pid, awake, address)
            time.sleep(WARM_UP)
            begin = Snapshot(server.pid, load.pid, awake, address)
            time.sleep(seconds)
            end = Snapshot(server.pid, load.pid, awake, address)
            rss = rss_kib(server.pid) - rss
            load.wait(30)
            output.seek(0)
            report = json.loads(output.read() or "null")
            if not report:
                said.seek(0)
                raise Failed(said.read().strip().splitlines()[-1])
        except subprocess.TimeoutExpired:
            raise Failed("the load generator does not end") from None
        finally:
            if load:
                stop(load)
            stop(server)
            if server.returncode != 0:
                log.seek(0)
                print(log.read())
        if server.returncode != 0:
            raise Failed(f"the server ended with {server.returncode}")
        return figures(scenario, fresh, joined, begin, end, rss, report)


def figures(scenario, fresh, joined, begin, end, rss, report):
    wall = end.time - begin.time
    used = sum(end.server.values()) - sum(begin.server.values())
    forwarded = difference(begin, end, "rtp_out_total")
    packets = sum(forwarded)
    user, system = (after - before for before, after in zip(begin.server_ticks, end.server_ticks))
    sends = sum(difference(begin, end, "sends_total"))
    if sum(difference(begin, end, "stream_frames_out_total")) > packets / 2:
        sends = 0  # media goes by TCP: the UDP sends are only the reports to publishers
    cost = used / 1000 / packets if packets else None
    # Clients join while media flows to the earlier ones: subtract the cost of that media.
    joining = (sum(joined.server.values()) - sum(fresh.server.values())) / 1000
    joining -= sum(difference(fresh, joined, "rtp_out_total")) * (cost or 0)
    clients = report["joins"]["ok"]
    drops = {name[5:]: sum(difference(begin, end, name)) for name in end.metrics if name.startswith("drop:")}
    load = (end.load - begin.load) / 1e9
    awake = (end.awake - begin.awake) / 1e9
    foreign = max(0.0, end.busy - begin.busy - used / 1e9 - load - awake) / wall
    return {
        "us_per_packet": cost,
        "core_percent": used / 1e7 / wall,
        "user_share": user / (user + system) if user + system else None,
        "packets_per_s": packets / wall,
        "packets_per_send": sum(difference(begin, end, "packets_out_total")) / sends if sends else None,
        "loss_percent": report["packets"]["loss_percent"],
        "lost_joining": report["packets"]["lost_joining"],
        "joins_failed": report["joins"]["failed"],
        "latency_p50_us": report["latency_us"]["p50"],
        "latency_p99_us": report["latency_us"]["p99"],
        "join_p50_ms": report["joins"]["p50_ms"],
        "rss_kib": rss,
        "rss_kib_per_viewer": rss / scenario.receivers if scenario.receivers else None,
        "cpu_ms_per_join": joining / 1000 / clients if clients else None,
        "workers": forwarded,
        "threads_ms": {name.rpartition("/")[0]: round((end.server[name] - begin.server.get(name, 0)) / 1e6, 2) for name in end.server},
        "drops": {reason: count for reason, count in drops.items() if count},
        "load_core_percent": 100 * load / wall,
        "load_us_per_packet": report["cpu"]["us_per_packet"],
        "foreign_core_percent": 100 * foreign,
        "bad_packets": report["verified"]["bad"],
        "layers": report.get("layers", {}).get("streams"),  # pictures by the layer that a viewer last received
    }
