# SPDX-License-Identifier: LGPL-2.1-or-later
"""The command line, and the rounds: every case so many times, hapair and keepalived in turn."""

import argparse
import contextlib
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.lab.host import LabError

from . import contenders, measure, report
from .cases import CASES

# A case whose runs are spoiled so often has shown that this machine cannot measure it now.
SPOILED_MAX = 3


def say(text):
    """Progress, for whoever waits."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(prog="bench", description="measure hapair and keepalived in turn; needs root")
    parser.add_argument("--build", default="build", help="the build directory")
    parser.add_argument("--runs", type=int, default=10, help="how often each case is measured")
    parser.add_argument("--only", metavar="CASE", action="append", choices=[case.name for case in CASES],
                        help="measure this case only; may be given more than once")
    parser.add_argument("--contender", action="append", choices=sorted(contenders.CONTENDERS),
                        help="measure this one only")
    parser.add_argument("--json", metavar="FILE", help="write every figure of every run to FILE")
    parser.add_argument("--list", action="store_true", help="list the cases and end")
    return parser.parse_args()


def make_whole(contender):
    """Settle it; returns why not where that fails."""
    try:
        contender.settle()
    except LabError as e:
        return e
    return None


def measure_once(case, contender, result):
    """One run that counts, repeated while the measuring itself is late. The contender is whole."""
    for _ in range(SPOILED_MAX):
        measure.wait_quiet()
        try:
            return case.run(contender)
        except measure.Spoiled as e:
            result["spoiled"] += 1
            say(f"{case.name}: {contender.name}: does not count: {e}")
        contender.settle()
    return None


def measure_run(case, contender, result, trouble):
    """One run of one contender, noted as figures or as failed; a failure of one run is not the end of the others."""
    try:
        if trouble:
            raise trouble
        figures = measure_once(case, contender, result)
    except LabError as e:
        result["failed"].append(str(e))
        say(f"{case.name}: {contender.name}: failed: {e}")
        return
    if figures is not None:
        result["figures"].append(figures)
        say(f"{case.name} {len(result['figures'])}: {contender.name}: " +
            ", ".join(f"{name} {value:.1f}" for name, value in figures.items()))


def measure_case(case, fighters, runs, results, keep):
    """Every run of a case, in turn, whoever was second first the next time."""
    fighters = [f for f in fighters if case.only in ("", f.name)]
    results.update((f.name, {"figures": [], "spoiled": 0, "failed": []}) for f in fighters)
    with ThreadPoolExecutor() as pool:
        for fighter in fighters:
            if fighter.setup != case.setup:
                fighter.configure(case.setup)
        for i in range(runs):
            # Both are made whole at the same time, before either is measured: no boot disturbs the other's run.
            troubles = dict(zip(fighters, pool.map(make_whole, fighters)))
            for fighter in fighters[::-1] if i % 2 else fighters:
                measure_run(case, fighter, results[fighter.name], troubles[fighter])
            keep()


def main():
    """Measure, then print the tables."""
    args = arguments()
    if args.list:
        for case in CASES:
            print(f"{case.name:16} {case.title}")
        return 0
    cases = [case for case in CASES if not args.only or case.name in args.only]
    results, begin = {case.name: {} for case in cases}, time.monotonic()
    taken = {"machine": report.machine(), "runs": args.runs, "cases": results}

    def keep():
        if args.json:
            with open(args.json, "w", encoding="ascii") as f:
                json.dump(taken, f, indent=1)

    # Whoever has no time for the rest still gets the table of what there is.
    with contextlib.suppress(KeyboardInterrupt, SystemExit), contextlib.ExitStack() as stack:
        fighters = []
        for name in args.contender or sorted(contenders.CONTENDERS):
            say(f"{name}: starting its two nodes")
            lab, fighter = contenders.make(name, args.build)
            stack.enter_context(lab)
            fighters.append(fighter)
        for case in cases:
            measure_case(case, fighters, args.runs, results[case.name], keep)
    say(f"{(time.monotonic() - begin) / 60:.0f} minutes")
    print(report.markdown(cases, taken))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except LabError as e:
        print(f"bench: {e}", file=sys.stderr)
        sys.exit(1)
