"""The chart of a soak: memory, descriptors, sessions and drops over time."""

WIDTH, ROW, LEFT, TOP = 900, 110, 112, 46
STYLE = ("<style>text{font:12px system-ui,sans-serif;fill:#57606a}.title{font-size:15px;font-weight:600;fill:#24292f}.name{fill:#24292f}"
         ".axis{stroke:#d0d7de}.line{fill:none;stroke:#0969da;stroke-width:1.4}.empty{fill:#cf222e}.storm{fill:#fff3cd}"
         "@media(prefers-color-scheme:dark){text{fill:#9198a1}.title,.name{fill:#f0f6fc}.axis{stroke:#3d444d}.storm{fill:#3b2f0b}}</style>")


def row(y, name, samples, value, span, empties):
    top = max(max(value(s) for s in samples), 1)
    x = lambda s: LEFT + (WIDTH - LEFT - 20) * s["at"] / span
    height = lambda s: y + ROW - 26 - (ROW - 40) * value(s) / top
    points = " ".join(f"{x(s):.1f},{height(s):.1f}" for s in samples)
    parts = [f'<text class="name" x="{LEFT - 8}" y="{y + 22}" text-anchor="end">{name}</text>', f'<text x="{LEFT - 8}" y="{y + 40}" text-anchor="end">max {top:,.0f}</text>',
             f'<line class="axis" x1="{LEFT}" x2="{WIDTH - 20}" y1="{y + ROW - 26}" y2="{y + ROW - 26}"/>', f'<polyline class="line" points="{points}"/>']
    parts += [f'<circle class="empty" r="2.6" cx="{x(s):.1f}" cy="{height(s):.1f}"/>' for s in empties]
    return "".join(parts)


def rates(samples, total):
    """The rate of a counter per second since the sample before."""
    result = {samples[0]["at"]: 0}
    for before, after in zip(samples, samples[1:]):
        result[after["at"]] = max(total(after) - total(before), 0) / max(after["at"] - before["at"], 0.1)
    return lambda s: result[s["at"]]


def svg(result):
    samples = result["samples"]
    empties = [s for s in samples if s["what"] == "empty"]
    span = max(samples[-1]["at"], 1)
    rows = [("memory, MiB", lambda s: s["rss_kib"] / 1024), ("descriptors", lambda s: s["descriptors"]), ("sessions", lambda s: s["sessions"]),
            ("packets out/s", rates(samples, lambda s: s["packets_out"])), ("drops/s", rates(samples, lambda s: sum(s["drops"].values())))]
    height = TOP + ROW * len(rows) + 30
    x = lambda at: LEFT + (WIDTH - LEFT - 20) * at / span
    storms = "".join(f'<rect class="storm" x="{x(a["at"]):.1f}" y="{TOP}" width="{max(x(b["at"]) - x(a["at"]), 1):.1f}" height="{ROW * len(rows) - 26}"/>'
                     for a, b in zip(samples, samples[1:]) if a["what"] not in ("fair", "empty", "leaving"))
    title = (f'{span / 60:.0f} minutes, {result["joined"]:,} joins, {sum(v for k, v in result["weather"].items() if k != "fair")} faults. '
             f'Red: the server empty again. Shaded: a fault.')
    lines = "".join(row(TOP + ROW * i, name, samples, value, span, empties) for i, (name, value) in enumerate(rows))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">{STYLE}'
            f'<text class="title" x="20" y="26">{title}</text>{storms}{lines}<text x="{LEFT}" y="{height - 12}">0</text>'
            f'<text x="{WIDTH - 20}" y="{height - 12}" text-anchor="end">{span / 60:.0f} min</text></svg>\n')
