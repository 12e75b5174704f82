# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair-replicd ends a split-brain at the expense of its node, in the surroundings of replicd_world: nothing is
discarded that was not kept. How it is kept is shown on real disks, by tests/vm."""

import os
import subprocess
import threading

import pytest

from daemon import CallError, wait_until
from replicd_world import loop, new, node  # pylint: disable=unused-import

KEEP = ('RestartUnit', 'hapair-keep@hapair.service')
DISCARD = 'ipv4:192.0.2.11:7788 ipv4:192.0.2.12:7788 --protocol=C --discard-my-data'

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root takes the private doors')


def connects(node):
    """With which options it was ever connected, but for the first time."""
    return [line.split(None, 3)[3] for line in node.read('calls').splitlines()
            if line.startswith('drbdsetup connect ')]


@pytest.fixture
def split(node):
    gone = 'change connection name:hapair peer-node-id:0 conn-name:peer connection:{} role:Unknown'
    node.tell('call helper name:hapair peer-node-id:0 conn-name:peer helper:split-brain',
              gone.format('Disconnecting'), gone.format('StandAlone'))
    wait_until(lambda: node.volume('SplitBrain') == 'true', 'it is noticed')
    return node


def keeps(node, outcome):
    """What hapair-keep-disk leaves."""
    kept = node.daemon.state / 'kept'
    node.systemd.does = (lambda: kept.write_text(outcome)) if outcome else (lambda: None)


def test_what_is_here_is_kept_then_discarded_and_the_split_brain_is_over(split):
    keeps(split, 'kept /dev/vg/hapair-kept-1\n')
    split.daemon.call('Discard')
    assert KEEP in split.systemd.calls and connects(split)[-1] == DISCARD
    assert split.volume('Snapshot') == '/dev/vg/hapair-kept-1'
    assert (split.volume('SplitBrain'), split.volume('Connection')) == ('false', 'Connected')


@pytest.mark.parametrize('outcome,reason', [('refused there is no room\n', 'there is no room'),
                                            ('', 'nothing was kept'), ('kept \n', 'nothing was kept'),
                                            ('perhaps /dev/vg/x\n', 'nothing was kept'),
                                            (f'kept /{"x" * 300}\n', 'nothing was kept')])
def test_what_could_not_be_kept_is_not_discarded(split, outcome, reason):
    (split.daemon.state / 'kept').write_text('kept /dev/vg/of-another-time\n')
    keeps(split, outcome)
    with pytest.raises(CallError, match=reason):
        split.daemon.call('Discard')
    assert connects(split) == [] and split.volume('Snapshot') == ''
    assert split.volume('SplitBrain') == 'true'


def test_a_unit_that_failed_kept_nothing_whatever_it_left(split):
    keeps(split, 'kept /dev/vg/half\n')
    split.systemd.results['RestartUnit'] = 'failed'
    with pytest.raises(CallError, match='nothing was kept'):
        split.daemon.call('Discard')
    assert connects(split) == []


def test_without_a_split_brain_nothing_is_discarded(node):
    with pytest.raises(CallError, match='there is no split-brain'):
        node.daemon.call('Discard')
    assert KEEP not in node.systemd.calls


def test_a_primary_discards_nothing(split):
    split.daemon.call('Primary', 'tb', 1, 'false')
    with pytest.raises(CallError, match='primary here'):
        split.daemon.call('Discard')
    assert KEEP not in split.systemd.calls


def test_what_is_being_kept_is_not_written_to(split):
    kept, outcome = threading.Event(), split.daemon.state / 'kept'
    split.systemd.does = lambda: kept.wait(20) and outcome.write_text('kept /dev/vg/hapair-kept-1\n')
    command = ['busctl', f'--address=unix:path={split.daemon.socket_path}', 'call', split.daemon.interface,
               split.daemon.object, split.daemon.interface, 'Discard']
    with subprocess.Popen(command) as discard:
        wait_until(lambda: KEEP in split.systemd.calls, 'it is being kept')
        with pytest.raises(CallError, match='about to be discarded'):
            split.daemon.call('Primary', 'tb', 1, 'false')
        kept.set()
        assert discard.wait() == 0
    assert split.volume('Role') == 'Secondary' and connects(split)[-1] == DISCARD
