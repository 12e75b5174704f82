#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run every tier of tests that can run here and end with one line: N passed, N failed[, N skipped].

  check.py BUILD CHECK    BUILD: the build that is installed in the labs; CHECK: the one with sanitizers

The tiers without a lab are tests of the CHECK build (meson); containers and virtual machines are pytest on the BUILD.
"""

import os
import pathlib
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

ROOT = pathlib.Path(__file__).resolve().parent.parent
TIERS = ["style", "unit", "fuzz", "sim", "model", "bus"]


class Tally:
    """Counts over all tiers, with the reasons of what was skipped and the names of what failed."""

    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []

    def add_junit(self, path):
        """Count the cases of a JUnit report; returns how many there were."""
        cases = list(ET.parse(path).getroot().iter("testcase"))
        for case in cases:
            name = f"{case.get('classname', '')} {case.get('name', '')}".strip()
            skip = case.find("skipped")
            if case.find("failure") is not None or case.find("error") is not None:
                self.failed.append(name)
            elif skip is not None:
                self.skipped.append(f"{name}: {skip.get('message') or skip.text or 'no reason given'}")
            else:
                self.passed += 1
        return len(cases)


def run_tier(tally, name, command, report, environment=None):
    """Run one tier; a tier that fails without saying which test did counts as one failure."""
    print(f"\n== {name}", flush=True)
    report.unlink(missing_ok=True)
    begin, failures = time.monotonic(), len(tally.failed)
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False,
                          env={**os.environ, **(environment or {})})
    cases = tally.add_junit(report) if report.exists() else 0
    if (done.returncode or not cases) and len(tally.failed) == failures:
        tally.failed.append(f"the tier {name} itself: exit status {done.returncode}, {cases} tests")
    print(f"== {name}: {cases} tests, {time.monotonic() - begin:.0f} s", flush=True)


def run_meson(tally, check, tier):
    report = check / "meson-logs" / f"testlog-{tier}.junit.xml"
    run_tier(tally, tier, ["meson", "test", "-C", check, "--no-rebuild", "--suite", tier, "--logbase",
                           f"testlog-{tier}", "--print-errorlogs"], report)


def run_labs(tally, build):
    if os.geteuid() != 0:
        tally.skipped.append("lab, vm: containers, network namespaces and taps need root")
        return
    # Most of a scenario is waiting: several labs at once. What measures or loads the machine comes after, and
    # the virtual machines, whose processors are emulated.
    for name, *selection in (("lab-scenarios", "tests/lab", "-m", "not alone", "-n", "4"),
                             ("lab", "tests/lab", "-m", "alone"), ("vm", "tests/vm", "-m", "brief")):
        report = build / f"{name}.junit.xml"
        run_tier(tally, name, ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider",
                               *selection, f"--junitxml={report}", "--durations=10"], report,
                 {"HAPAIR_BUILD": str(build), "PYTHONDONTWRITEBYTECODE": "1"})


def main():
    build, check = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
    tally = Tally()
    for tier in TIERS:
        run_meson(tally, check, tier)
    run_labs(tally, build)

    print()
    for line in tally.skipped:
        print(f"skipped: {line}")
    for line in tally.failed:
        print(f"failed: {line}")
    skipped = f", {len(tally.skipped)} skipped" if tally.skipped else ""
    print(f"{tally.passed} passed, {len(tally.failed)} failed{skipped}")
    sys.exit(1 if tally.failed else 0)


if __name__ == "__main__":
    main()
