#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Search the Promela model, and compare what is found with the table in the file `searches`.

    search.py                 the short searches, as TAP (what `make check` runs)
    search.py --long          the full ones too
    search.py --only NAME     one of them
    search.py --trail NAME    one of them, then its counterexample step by step

A search that should pass must find no error and visit exactly the states it visited when the row was
written: a model that suddenly has fewer states has lost a behaviour. One that should fail must fail.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, 'hapair.pml')
PAN = ['-O2', '-w', '-DNOREDUCE', '-DVECTORSZ=1024']
COMPILE = {'safety': ['-DSAFETY', '-DNOCLAIM'], 'live': ['-DNFAIR=3']}
RUN = {'safety': [], 'live': ['-a', '-f']}
# Exhaustive where it fits; the full searches of millions of states by hash-compact.
STORE = {'short': ['-DCOLLAPSE', '-DMEMLIM=2000'], 'long': ['-DHC4', '-DMEMLIM=9000']}

Search = namedtuple('Search', 'set kind errors states name flags')
Found = namedtuple('Found', 'errors states remark')


def read_table():
    with open(os.path.join(HERE, 'searches'), encoding='utf-8') as table:
        rows = [line.split(None, 5) for line in table if line.strip() and not line.startswith('#')]
    return [Search(*row[:5], row[5].split()) for row in rows]


def run(search, folder):
    """Build the verifier of one search in `folder` and run it to its end."""
    subprocess.run(['spin', '-a', *search.flags, MODEL], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(['gcc', *PAN, *COMPILE[search.kind], *STORE[search.set], '-o', 'pan', 'pan.c'],
                   cwd=folder, check=True)
    out = subprocess.run(['./pan', '-E', '-m2000000', '-w22', *RUN[search.kind]],
                         cwd=folder, check=False, capture_output=True, text=True).stdout
    errors = re.search(r'errors: (\d+)', out)
    states = re.search(r'(\d+) states, stored', out)
    remark = re.search(r'assertion violated.*|acceptance cycle.*|out of memory|max search depth.*', out)
    return Found(int(errors[1]) if errors else -1, states[1] if states else '?', remark[0] if remark else '')


def fault(search, found):
    """What is wrong with the outcome, or None."""
    if found.errors != int(search.errors):
        return f'{found.errors} errors, expected {search.errors}: {found.remark}'
    if found.errors == 0 and found.remark:
        return f'the search is not complete: {found.remark}'
    if search.states not in ('-', found.states):
        return f'{found.states} states, expected {search.states}'
    return None


def check(search):
    with tempfile.TemporaryDirectory(prefix='hapair-model-') as folder:
        return run(search, folder)


def show_trail(search):
    with tempfile.TemporaryDirectory(prefix='hapair-model-') as folder:
        print(run(search, folder))
        trails = [name for name in os.listdir(folder) if name.endswith('.trail')]
        if not trails:
            return 1
        subprocess.run(['spin', '-k', trails[0], '-p', '-g', *search.flags, MODEL], cwd=folder, check=False)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--long', action='store_true', help='run the full searches too')
    parser.add_argument('--only', metavar='NAME', help='run this one alone')
    parser.add_argument('--trail', metavar='NAME', help='run this one and replay its counterexample')
    args = parser.parse_args()

    table = read_table()
    wanted = args.trail or args.only
    chosen = [s for s in table if s.name == wanted] if wanted else \
             [s for s in table if args.long or s.set == 'short']
    if not chosen:
        parser.error(f'no search is named {wanted}')
    if args.trail:
        return show_trail(chosen[0])

    # Two at a time: the largest short one takes 0.6 GB.
    failed = 0
    print(f'1..{len(chosen)}')
    with ThreadPoolExecutor(max_workers=2) as pool:
        for number, (search, found) in enumerate(zip(chosen, pool.map(check, chosen)), 1):
            wrong = fault(search, found)
            failed += wrong is not None
            print(f'{"not ok" if wrong else "ok"} {number} - {search.name}: {found.errors} errors, '
                  f'{found.states} states', f'# {wrong}' if wrong else '', flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
