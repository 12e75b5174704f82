#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The simulation can fail: take one rule of the cores away at a time, and it must say so. The world's own
lies (an fsync that is none, a disk that does not freeze …) must be seen as well.

    mutants.py --sim SIMULATOR --cc "COMPILER AND FLAGS" --root SOURCES SCENARIO… --libraries LIBRARY…

A mutant is one file of a core with one text in it replaced; it is linked in front of the libraries, so that
it takes the place of the real one. A text that is no longer there is an error: the rule has moved, this list
follows.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor

STEPS = '4000000'
ROUNDS = '5'

Mutant = namedtuple('Mutant', 'rule file old new')

MUTANTS = [
    Mutant('a silent peer whose kernel still answers is not robbed', 'electd/elect-vip.c',
           '!elect_probed(core) || elect_peer_answers(core)', 'false'),
    Mutant('the evidence includes that nobody answers for the virtual IPs', 'electd/elect-right.c',
           'elect_probed(core) && !elect_peer_answers(core)', 'true'),
    Mutant('two masters that meet: one yields', 'electd/elect-vip.c',
           'bool two = elect_master_heard(core)', 'bool two = false && elect_master_heard(core)'),
    Mutant('an electd that restarts resumes its role', 'electd/elect.c',
           'bool resumes = resumable(core);', 'bool resumes = false && resumable(core);'),
    Mutant('failbacks are damped by the node that stays up', 'electd/elect-switch.c',
           'elect_damping_next(&core->grants, FAILBACKS_PER_HOUR) > core->now_usec', 'false'),
    Mutant('frozen I/O goes on with a durable right only', 'electd/elect-right.c',
           'if (core->memory.sole && core->durable.sole && !core->right_pending)', 'if (true)'),
    Mutant('who has been late voids what it knew', 'electd/elect-know.c',
           '!core->configured || late_usec <= core->settings.dead_usec / 2', 'true'),
    Mutant('only who holds every acknowledged write takes the right by evidence', 'electd/elect-right.c',
           '!lan || !core->memory.elig || !core->durable.elig)', '!lan)'),
    Mutant('a replication link that answers is not cut', 'electd/elect-right.c',
           '!elect_peer_silent(core) || !silence(core)', '!silence(core)'),
    Mutant('a stray primary is demoted', 'electd/elect-volume.c',
           '!core->volume.known || !core->volume.primary) return false; if (core->now_usec < patience)',
           'true) return false; if (core->now_usec < patience)'),
    Mutant('a SESSION is answered as long as anybody asks', 'electd/elect-volume.c',
           'if (!core->in_session || !message->in_session)', 'if (!core->in_session)'),
    Mutant('who was refused rests', 'electd/elect-switch.c',
           'core->preq_next_usec = core->now_usec + ask_life_usec(core);', ''),
    Mutant('a disk that missed writes is not whole', 'electd/elect-disk.c',
           'core->memory.stale = true;', ''),
    Mutant('a master whose peer has no disk takes the right', 'electd/elect-volume.c',
           'if (alone_rule(core) || release_rule(core)', 'if (release_rule(core)'),
    Mutant('what hangs in a stalled disk is not waited for', 'electd/elect-orders.c',
           'core->volume.frozen || elect_disk_stalls(core)', 'core->volume.frozen'),
    Mutant('what freezes on the way down is not waited for', 'electd/elect-orders.c',
           'if (frozen_rule(core) ||', 'if ((false && frozen_rule(core)) ||'),
    Mutant('frozen I/O goes on once, by the handler or by order', 'electd/elect-right.c',
           '.wait_usec = core->now_usec + THAW_USEC,', ''),
    Mutant('a stamp of the future counts as read now', 'hbd/stamp.c',
           'if (moved > tolerance && -moved > tolerance) return s->drain_nsec / 1000; '
           'if (received_nsec <= s->previous_nsec || received_nsec > s->drain_nsec) '
           'return s->drain_nsec / 1000;', ''),
]

LIES = ['fsync', 'freeze', 'record', 'withdraw', 'probe']


def verdicts(sim, scenarios, extra=()):
    """Whether the scenarios or a run by chance fail; the first words of why."""
    for arguments in (['--rounds', ROUNDS, *scenarios], ['--steps', STEPS]):
        run = subprocess.run([sim, *extra, *arguments], capture_output=True, text=True, check=False)
        if run.returncode == 1:
            return next(line for line in run.stdout.splitlines()
                        if ' failed: ' in line or line.startswith('not ok'))
        if run.returncode != 0:
            sys.exit(f'{sim}: exit status {run.returncode}: {run.stderr}')
    return None


def build(mutant, args, folder):
    """The simulator with this rule taken away."""
    path = os.path.join(args.root, 'services', mutant.file)
    with open(path, encoding='utf-8') as f:
        text = f.read()
    # However the formatter breaks its lines.
    old = r'\s+'.join(re.escape(word) for word in mutant.old.split())
    text, times = re.subn(old, lambda _: mutant.new, text)
    if times != 1:
        raise LookupError(f'{path}: {times} times, not once: {mutant.old}')
    source = os.path.join(folder, os.path.basename(mutant.file))
    with open(source, 'w', encoding='utf-8') as f:
        f.write(text)
    sim = os.path.join(folder, 'sim')
    subprocess.run([*args.cc.split(), '-D_GNU_SOURCE', '-w', '-I', args.root, '-I', os.path.dirname(path),
                    source, *args.libraries, '-o', sim], check=True)
    return sim


def try_mutant(mutant, args):
    """As verdicts(), of the mutant. One that cannot be made any more counts as unseen, so that it is looked at."""
    try:
        return run_mutant(mutant, args)
    except LookupError as e:
        print(f'# {e}', flush=True)
        return None


def run_mutant(mutant, args):
    with tempfile.TemporaryDirectory(prefix='hapair-mutant-') as folder:
        return verdicts(build(mutant, args, folder), args.scenarios)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--sim', required=True)
    parser.add_argument('--cc', required=True)
    parser.add_argument('--root', required=True)
    parser.add_argument('scenarios', nargs='*')
    split = sys.argv.index('--libraries')
    args = parser.parse_args(sys.argv[1:split])
    args.libraries = sys.argv[split + 1:]

    tests = [(f'without: {mutant.rule}', try_mutant, (mutant, args)) for mutant in MUTANTS]
    tests += [(f'lie: {lie}', verdicts, (args.sim, args.scenarios, ('--lie', lie))) for lie in LIES]
    print(f'1..{len(tests)}')
    failed = 0
    with ThreadPoolExecutor(max_workers=2) as pool:
        seen = pool.map(lambda test: test[1](*test[2]), tests)
        for number, (test, why) in enumerate(zip(tests, seen), 1):
            failed += why is None
            print(f'{"ok" if why else "not ok"} {number} - {test[0]} # {why or "nobody noticed"}',
                  flush=True)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
