# SPDX-License-Identifier: LGPL-2.1-or-later
"""The report: a table of every figure of both, and a table of what must be reached and whether it was. Markdown."""

import os
import platform
import statistics

# What a run returns, in the order of the rows, with its unit.
FIGURES = {
    "gap": ("client without an answer", "ms", 1),
    "beyond": ("beyond the dead time", "ms", 1),
    "shared": ("two nodes hold the address", "ms", 1),
    "changes": ("role changes", "", 0),
    "cpu": ("CPU", "% of a core", 2),
    "pss": ("memory (PSS)", "MB", 1),
}
PAIR, PEER = "hapair", "keepalived"


def machine():
    """The machine the figures are taken on, in words."""
    model = "unknown CPU"
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}"


def values(results, case, contender, figure):
    """A figure of every run of a case that counted."""
    runs = results.get(case, {}).get(contender, {}).get("figures", [])
    return [run[figure] for run in runs if figure in run]


def _spread(numbers, digits):
    if not numbers:
        return "–"
    return " / ".join(f"{v:.{digits}f}" for v in (min(numbers), statistics.median(numbers), max(numbers)))


def _ratio(ours, theirs):
    if not ours or not theirs or not statistics.median(theirs):
        return "–"
    return f"{statistics.median(ours) / statistics.median(theirs):.2f}"


def _against(setup):
    return f"{setup.dead:g} / {setup.interval:g}" + ("" if setup.bus else ", no bus") + \
        ("" if setup.serial else ", no serial line")


def _goes_without_saying(case, figure, numbers):
    """What never happened, where it is not the very question, needs no row of its own."""
    return figure in ("shared", "changes") and "load" not in case.name and not any(numbers)


def _measured(cases, results):
    yield f"| case | dead time / interval, s | figure | {PAIR} | {PEER} | ratio |"
    yield "|---|---|---|---|---|---|"
    for case in cases:
        for figure, (words, unit, digits) in FIGURES.items():
            ours = values(results, case.name, PAIR, figure)
            theirs = values(results, case.name, PEER, figure)
            if (ours or theirs) and not _goes_without_saying(case, figure, ours + theirs):
                yield (f"| {case.title.removesuffix(', no system bus')} | {_against(case.setup)} "
                       f"| {words}{', ' if unit else ''}{unit} "
                       f"| {_spread(ours, digits)} | {_spread(theirs, digits)} | {_ratio(ours, theirs)} |")


class Target:
    """One thing to reach: `what` in words, and a limit that the worst (or the median) of some figures keeps."""

    def __init__(self, what, cases, figure, limit, judge=statistics.median, ratio=False):
        self.what, self.cases, self.figure, self.limit = what, cases, figure, limit
        self.judge, self.ratio = judge, ratio

    def reached(self, results):
        """The figure of the case that comes off worst, None if none was measured."""
        found = []
        for case in self.cases:
            ours = values(results, case, PAIR, self.figure)
            theirs = values(results, case, PEER, self.figure)
            if ours and not self.ratio:
                found.append(self.judge(ours))
            elif ours and theirs:
                found.append(self.judge(ours) / self.judge(theirs))
        return max(found, default=None)


def _with_bus_or_without(what, cases, *rest, **more):
    yield Target(what, cases, *rest, **more)
    yield Target(what + ", no system bus", [case + "-nobus" for case in cases], *rest, **more)


def _targets():
    daemons = ["kill-hbd", "kill-electd", "kill-vipd", "kill-confd"]
    yield from _with_bus_or_without("node death: times keepalived's median", ["death"], "gap", 1.0, ratio=True)
    yield from _with_bus_or_without("hang: times keepalived's median", ["hang"], "gap", 1.0, ratio=True)
    yield from _with_bus_or_without("LAN cut, another path alive: median, ms", ["cut"], "gap", 60)
    yield from _with_bus_or_without("graceful stop: median, ms", ["stop"], "gap", 20)
    yield from _with_bus_or_without("`become`: median, ms", ["become"], "gap", 20)
    yield Target("dead time 0.03 s, node death: times keepalived's median", ["fast"], "gap", 1.2, ratio=True)
    yield from _with_bus_or_without("a daemon killed with -9: role changes, worst", daemons, "changes", 0, judge=max)
    yield from _with_bus_or_without("a daemon killed with -9: longest without an answer, worst, ms", daemons, "gap",
                                    50, judge=max)
    yield from _with_bus_or_without("a daemon killed with -9: two holders, worst, ms", daemons, "shared", 0, judge=max)
    yield Target("beyond the dead time, 1 address: median, ms", ["death"], "beyond", 5)
    yield Target("beyond the dead time, 100 addresses: median, ms", ["hundred"], "beyond", 8)
    yield Target("beyond the dead time, 1000 addresses: median, ms", ["thousand"], "beyond", 30)
    yield Target("at rest, all daemons: PSS, worst, MB", ["rest"], "pss", 12, judge=max)
    yield Target("at rest, all daemons: median, % of one core", ["rest"], "cpu", 0.3)
    yield from _with_bus_or_without("eight busy loops for 30 s: role changes, worst", ["load"], "changes", 0,
                                    judge=max)


def _reached(results):
    yield "| must be reached | at most | reached | |"
    yield "|---|---|---|---|"
    for target in _targets():
        reached = target.reached(results)
        if reached is not None:
            yield (f"| {target.what} | {target.limit:g} | {reached:.2f} | "
                   f"{'met' if reached <= target.limit else 'missed'} |")


def _notes(cases, results, runs):
    load = " / ".join(f"{value:.1f}" for value in os.getloadavg())
    yield "A daemon was watched for a second after it was killed. Where no row says otherwise, no role changed and " \
        "no two nodes held the address. Memory is counted as if each node were a machine of its own."
    yield f"Load average of the machine at the end: {load}."
    repeated = sum(r["spoiled"] for case in results.values() for r in case.values())
    yield (f"Each case {runs} times with each, in turn; min / median / max; the ratio is that of the medians. "
           f"Repeated because the probe itself was late: {repeated} runs.")
    for case in cases:
        for name, result in results[case.name].items():
            for reason in sorted(set(result["failed"])):
                yield f"{case.title}, {name}: {result['failed'].count(reason)} runs failed: {reason}."
            if len(result["figures"]) < runs:
                yield f"{case.title}, {name}: {len(result['figures'])} runs that count, not {runs}."


def markdown(cases, taken):
    """Both tables, with the machine they were taken on."""
    results = taken["cases"]
    return "\n".join([f"Taken on: {taken['machine']}.", "", *_measured(cases, results), "", *_reached(results), "",
                      *_notes(cases, results, taken["runs"])])
