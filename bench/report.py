"""RESULTS.md and the chart."""

from statistics import median
from xml.sax.saxutils import escape

from measure import QUICK
from scenarios import PEERS


def number(value, digits=2, none="–"):
    return none if value is None else f"{value:,.{digits}f}"


def notes(figures, limit):
    said = []
    if figures["joins_failed"]:
        said.append(f"{figures['joins_failed']} joins failed")
    if figures["bad_packets"]:
        said.append(f"{figures['bad_packets']} packets do not verify")
    if figures["lost_joining"]:
        said.append(f"{figures['lost_joining']} packets lost while joining")
    if figures["load_core_percent"] > 90 * limit:
        said.append("the load generator was at its limit")
    if figures["memory"] > QUICK:
        said.append(f"memory was slow ({figures['memory']:.1f} times)")
    if figures["foreign_core_percent"] > 5:
        said.append(f"other processes took {figures['foreign_core_percent']:.0f} % of a core")
    if layers := figures.get("layers"):
        said.append("pictures received: " + ", ".join(f"{rid} {count}" for rid, count in layers.items()))
    said += [f"{count} × {reason}" for reason, count in figures["drops"].items()]
    return "; ".join(said)


def floor_text(floor):
    return f"{floor['burst']:.2f} µs in runs of 5 to 400, {floor['even']:.2f} µs one by one to 400, {floor['audio']:.2f} µs of audio to 100"


def clock_text(machine):
    return f"Arithmetic takes {machine['slowdown']:.2f} times as long on a core that is woken 50 times a second as on a busy one."


# --- Markdown ---

COLUMNS = ["", "µs a packet", "user", "packets/s", "packets a send", "loss %", "p50 µs", "p99 µs", "KiB a viewer", "CPU ms a join", "remarks"]


def row(title, f, limit):
    return [title, number(f["us_per_packet"]), number(f["user_share"] and 100 * f["user_share"], 0) + " %", number(f["packets_per_s"], 0),
            number(f["packets_per_send"], 1), number(f["loss_percent"], 3), number(f["latency_p50_us"], 0), number(f["latency_p99_us"], 0),
            number(f["rss_kib_per_viewer"], 1), number(f["cpu_ms_per_join"]), notes(f, limit)]


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in cells) + " |" for cells in rows])


def ratio(results, name, plain):
    a, b = (results.get(key, {}).get("us_per_packet") for key in (name, plain))
    return b / a if a and b else None


def balance(results):
    workers = results.get("400-workers-2", {}).get("workers", [])
    return 100 * (max(workers) - min(workers)) / max(workers) if len(workers) > 1 and max(workers) else None


def marginal_memory(results):
    if "100" not in results or "1000" not in results:
        return None
    return (results["1000"]["rss_kib"] - results["100"]["rss_kib"]) / 900


def targets(results):
    def get(name, key="us_per_packet"):
        return results.get(name, {}).get(key)

    two = get("400-workers-2")
    rows = [
        ("1→400 in bursts, µs a packet", get("400"), "≤", 1.5, 2),
        ("1→400 evenly spaced, µs a packet", get("400-even"), "≤", 3.0, 2),
        ("audio 1→100, µs a packet", get("audio"), "≤", 3.2, 2),
        ("meeting of 10, µs a packet", get("meeting"), "≤", 3.2, 2),
        ("1→400 with feedback, µs a packet", get("400-feedback"), "≤", 1.5, 2),
        ("1→400 in three layers, µs a packet", get("400-layers"), "≤", 1.8, 2),
        ("1→400 stepping, µs a packet", get("400-step"), "≤", 2.2, 2),
        ("1→400 stepping, p99 latency in ms", get("400-step", "latency_p99_us") and get("400-step", "latency_p99_us") / 1000, "≤", 5, 2),
        ("meeting of 10 in layers, µs a packet", get("meeting-stage"), "≤", 2.0, 2),
        ("1→10, µs a packet", get("10"), "≤", 5.0, 2),
        ("1→400, times less than plain", ratio(results, "400", "400-plain"), "≥", 2.5, 2),
        ("1→1,000, loss in %", get("1000", "loss_percent"), "≤", 0, 3),
        ("1→400, p99 latency in ms", get("400", "latency_p99_us") and get("400", "latency_p99_us") / 1000, "≤", 5, 2),
        ("KiB a viewer, from 100 to 1,000 viewers", marginal_memory(results), "≤", 24, 1),
        ("CPU ms a join, 1,000 viewers without media", get("idle", "cpu_ms_per_join"), "≤", 1.0, 2),
        ("two workers, µs a packet over one worker's, in %", two and get("400") and 100 * (two / get("400") - 1), "≤", 15, 0),
        ("two workers, difference of their shares in %", balance(results), "≤", 20, 0),
        ("1,000 idle sessions, % of a core", get("idle", "core_percent"), "≤", 3, 2),
    ]
    for what, value, sign, bound, digits in rows:
        if value is not None:
            good = value <= bound if sign == "≤" else value >= bound
            yield what, f"{sign} {bound:g}", number(value, digits), "yes" if good else "**no**"


def peers(scenarios, results):
    compared = [s for s in scenarios if s.peers and s.name in results]
    yield ["Monoport, this run", *(number(results[s.name]["us_per_packet"], 1) for s in compared)]
    yield ["Monoport, plain mode, this run", *(number(results.get(f"{s.name}-plain", {}).get("us_per_packet"), 1) for s in compared)]
    for peer, values in PEERS.items():
        yield [f"{peer} (reference)", *(number(values[s.peers], 1) for s in compared)]


def disturbed(scenarios, runs):
    """For each scenario that has both undisturbed and disturbed runs: the cost of either."""
    for s in scenarios:
        key = "core_percent" if s.name.startswith("idle") else "us_per_packet"
        quick, slow = ([run[key] for run in runs.get(s.name, []) if (run["memory"] > QUICK) == late] for late in (False, True))
        if quick and slow:
            yield f"{s.title} {median(quick):.2f} and {median(slow):.2f}{' % of a core' if key == 'core_percent' else ''} ({max(run['memory'] for run in runs[s.name]):.1f} times)"


def memory_text(scenarios, runs):
    both = list(disturbed(scenarios, runs))
    return (
        "**Memory.** Other load on the host shares the caches, for minutes at a time and unevenly over the cores. So `bench-machine memory` "
        "measures, before and after each run, how many times longer a walk over 1 MiB takes 50 times a second than immediately after another "
        "walk: 1.0 to 1.3 times without other load. The server gets a core with fast memory as soon as there is one. A run during which the "
        f"walk took more than {QUICK:g} times as long counts only if there is no better one, and a remark says so. "
        + ("Undisturbed and disturbed runs: " + "; ".join(both) + "." if both else "No scenario has both undisturbed and disturbed runs.")
    )


def markdown(machine, scenarios, results, runs, failures, micro):
    compared = [s.peers for s in scenarios if s.peers and s.name in results]
    limit = machine["load_threads"]
    parts = [
        "# Benchmark results",
        "Written by `make bench`. " + machine["text"],
        "Server and load generator are at the two ends of a veth pair, each on its own cores; with two workers on two cores they share the "
        "cores. The load, unless a line says otherwise: 1.5 Mbit/s of video in packets of 1200 bytes, 30 frames a second, each sent in one "
        "burst; AES-GCM; one worker. The columns:",
        "- *µs a packet*: CPU time of the whole server process over the steady window, divided by the packets forwarded in it. It is user plus "
        "system time and includes the kernel's send path, on a veth up to the receiver's socket. No receiver sleeps on that socket: the "
        "generator reads at fixed intervals.\n"
        "- *p50*, *p99*: one-way latency to the kernel's receipt, of one packet in 101.\n"
        "- *KiB a viewer*: growth of resident memory since before the joins, pools included, divided by the viewers.\n"
        "- *CPU ms a join*: server CPU time while clients joined, without the share for forwarding.\n"
        "- *three layers*: 150, 450 and 1800 kbit/s (rids q, h, f), viewers wish the sizes of all three; the remarks tell which layer they "
        "received. *speaker large*: each wishes 1280x720 of who speaks and 320x180 of the others; publishers speak in turn for 4 s. In the "
        "sound room the same, without video; the server forwards the loudest. All of these, and the line that says so, send transport-wide "
        "feedback every 100 ms.\n"
        "- *plain*: `--cipher openssl --send single`, which makes one EVP call and one `sendto` a packet.",
        "**The kernel alone.** `bench-floor` sends the same datagrams from a bare `sendmmsg` loop over the same veth pair; it receives, looks "
        "up and encrypts nothing. During this run it took " + floor_text(machine["floor"]) + " (with cores not kept awake: "
        + floor_text(machine["floor_drowsy"]) + "). The cipher and the core come on top (see *Parts alone*). The targets were set on a machine "
        "where the kernel alone took about 0.9 and 2.4 µs over loopback; compare the figures with that in mind.",
        "**The clock.** " + clock_text(machine) + " The reason is the machine's power saving. A server with little to do would be charged for "
        "it, because its CPU time would be that of a slower core. So a loop keeps the server's cores awake, unless a line says otherwise; it "
        "runs only while no other thread needs the core (`bench-machine awake`, scheduling class SCHED_IDLE). The cores of a busy server are "
        "awake anyway.",
        memory_text(scenarios, runs),
        table(COLUMNS, [row(s.title, results[s.name], limit) for s in scenarios if s.name in results]),
    ]
    if rows := list(targets(results)):
        parts += ["## Targets", table(["", "target", "measured", "reached"], rows)]
    if compared:
        parts += ["## Other servers", "µs of server CPU time for each forwarded packet. The figures of the other servers are reference values from an earlier "
                  "run on a machine of the same kind with the same load; this run did not measure them.",
                  table(["", *compared], peers(scenarios, results)), "![µs a packet](results.svg)"]
    if micro:
        parts += ["## Parts alone", "`bench-micro`: thread CPU time, the minimum of several runs.", f"```\n{micro.strip()}\n```"]
    if failures:
        parts += ["## Not measured", "\n".join(f"- {name}: {why}" for name, why in failures.items())]
    return "\n\n".join(parts) + "\n"


# --- the chart ---

WIDTH, LABEL, BAR, GAP = 900, 270, 16, 30
COLOURS = {"Monoport": "#1a7f5a", "plain": "#8cc7ad"}


def bars(scenarios, results):
    for s in scenarios:
        if not s.peers or s.name not in results:
            continue
        group = [("Monoport", results[s.name]["us_per_packet"], COLOURS["Monoport"])]
        if f"{s.name}-plain" in results:
            group.append(("Monoport, plain mode", results[f"{s.name}-plain"]["us_per_packet"], COLOURS["plain"]))
        group += [(f"{peer} (reference)", values[s.peers], "#b8bcc4") for peer, values in PEERS.items()]
        yield s.title, group


def svg(scenarios, results):
    groups = list(bars(scenarios, results))
    most = max((value for _, group in groups for _, value, _ in group), default=1)
    scale = (WIDTH - LABEL - 70) / most
    out, y = [], 54
    for title, group in groups:
        out.append(f'<text x="10" y="{y}" font-weight="bold">{escape(title)}</text>')
        y += 8
        for label, value, colour in group:
            out.append(f'<text x="{LABEL - 8}" y="{y + 12}" text-anchor="end" font-size="12">{escape(label)}</text>'
                       f'<rect x="{LABEL}" y="{y}" width="{max(value * scale, 1):.1f}" height="{BAR - 3}" fill="{colour}"/>'
                       f'<text x="{LABEL + value * scale + 6:.1f}" y="{y + 12}" font-size="12">{value:.1f}</text>')
            y += BAR
        y += GAP
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" font-family="sans-serif" font-size="14">'
            f'<rect width="{WIDTH}" height="{y}" fill="white"/>'
            '<text x="10" y="26" font-size="17">Server CPU a forwarded packet, in µs (less is better)</text>')
    return head + "\n" + "\n".join(out) + "\n</svg>\n"
