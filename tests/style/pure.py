#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Cores are pure: they call nothing that has a clock, does I/O, allocates, or logs, and keep no variable.

  pure.py BASE CORE...    archives of objects; BASE is common/base, whose pure objects a core may use

What a core leaves undefined must be among a few functions of libc that only touch the memory they are given. Since
the linker is asked, no include, macro or comment can hide a call.
"""

import collections
import subprocess
import sys

ALLOWED = set("memcpy memmove memset memcmp bcmp strcmp strlen __stack_chk_fail _GLOBAL_OFFSET_TABLE_".split())
SANITIZERS = ("__asan_", "__ubsan_", "__sanitizer_")


def objects(archive):
    """Object name to (defined, undefined, variables) of an archive."""
    found = collections.defaultdict(lambda: (set(), set(), set()))
    text = subprocess.run(["nm", "--print-file-name", archive], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        where, _, rest = line.rpartition(":")
        *_, kind, symbol = rest.split()
        if not symbol.startswith(SANITIZERS):
            found[where][1 if kind in "Uwv" else 0].add(symbol)
            if kind in "bBC":
                found[where][2].add(symbol)
    return found


def main():
    """Print each offence; exit 1 when there is one."""
    base, *cores = sys.argv[1:]
    allowed = set(ALLOWED)
    for defined, undefined, _ in objects(base).values():
        if undefined <= ALLOWED:
            allowed |= defined

    impure = 0
    for core in cores:
        found = objects(core)
        if not found:
            raise SystemExit(f"{core} has no symbols: nothing was checked")
        own = set().union(*(defined for defined, *_ in found.values()))
        for where, (_, undefined, variables) in sorted(found.items()):
            offences = [f"calls {symbol}" for symbol in sorted(undefined - own - allowed)]
            offences += [f"has the variable {symbol}" for symbol in sorted(variables)]
            for offence in offences:
                print(f"{where} {offence}: a core must not")
            impure += len(offences)
    return impure != 0


if __name__ == "__main__":
    sys.exit(main())
