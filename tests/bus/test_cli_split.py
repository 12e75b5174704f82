# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair split-brain, reboot and poweroff before stand-ins of the daemons: both histories are shown, nothing is
discarded without the sentence for it, and no node goes down into a loss."""

import json
import os
import re

import pytest
from gi.repository import GLib

import fakes
from cli import DEGRADED, GENERATION, HEALTHY, NOT_RUNNING, REFUSED, hapair, node, volume, wall_usec  # noqa: F401

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root takes the private doors')


def split_brain(node):
    volume(node, Connection='StandAlone', PeerRole='Unknown', PeerDiskState='DUnknown', SplitBrain=True,
           AloneSince=wall_usec(3600), OutOfSync=123456)
    node.electd.set(SplitBrain={
        'master': {'since': GLib.Variant('t', wall_usec(3600)), 'written': GLib.Variant('t', 123456),
                   'generation': GLib.Variant('t', GENERATION)},
        'slave': {'since': GLib.Variant('t', wall_usec(1800)), 'written': GLib.Variant('t', 12)}})


def test_without_a_split_brain_it_is_said(node):
    volume(node)
    node.start()
    assert hapair(node, 'split-brain', 'show').out == 'There is no split-brain.\n'
    assert json.loads(hapair(node, 'split-brain', 'show', '--json').out) is None


def test_both_histories_stand_side_by_side(node):
    split_brain(node)
    node.start()
    output = hapair(node, 'split-brain', 'show')
    assert output.status == DEGRADED
    assert re.search(r'^ +CONFIGURED MASTER +CONFIGURED SLAVE$', output.out, re.M)
    assert re.search(r'^node +this one +the other one *$', output.out, re.M)
    assert re.search(r'^that is, for +1 h 0 min +30 min 0 s *$', output.out, re.M)
    assert re.search(r'^written alone +120.6 MiB +12 KiB *$', output.out, re.M)
    assert re.search(r'^data generation +F123456789ABCDEE +unknown *$', output.out, re.M)
    assert 'hapair split-brain resolve --keep master|slave' in output.out
    shown = json.loads(hapair(node, 'split-brain', 'show', '--json').out)
    assert shown['master']['written_kib'] == 123456 and shown['slave']['generation'] is None


def test_a_split_brain_that_only_the_kernel_knows_is_not_denied(node):
    volume(node, SplitBrain=True, Connection='StandAlone')
    node.start()
    assert 'The kernel says split-brain' in hapair(node, 'split-brain', 'show').out


SENTENCE = 'discard what the slave wrote'


def resolvable(node):
    """An electd that wants the sentence, and then has the volume resynced."""
    def resolve(keep, sentence):
        if sentence != SENTENCE:
            raise fakes.Refusal('org.hapair.Error.Refused', f'12 KiB of the slave will be lost; type: {SENTENCE}')
        node.electd.set(SplitBrain={})
        volume(node)

    split_brain(node)
    node.electd.methods['ResolveSplitBrain'] = resolve
    node.start()


def test_resolve_shows_the_histories_and_wants_the_sentence(node):
    resolvable(node)
    output = hapair(node, 'split-brain', 'resolve', '--keep', 'master', typed=SENTENCE + '\n')
    assert output.status == HEALTHY, output
    assert 'written alone    120.6 MiB' in output.out
    assert f'12 KiB of the slave will be lost; type: {SENTENCE}' in output.err
    assert 'Both nodes have the same data again.' in output.out
    assert ('ResolveSplitBrain', 'master', SENTENCE) in node.electd.calls


def test_resolve_takes_the_sentence_from_the_command_line(node):
    resolvable(node)
    output = hapair(node, 'split-brain', 'resolve', '--keep', 'master', '--confirm', SENTENCE)
    assert output.status == HEALTHY, output
    assert [call for call in node.electd.calls if call[0] == 'ResolveSplitBrain'] == \
        [('ResolveSplitBrain', 'master', SENTENCE)]


@pytest.mark.parametrize('typed', ['', '\n', 'yes\n'])
def test_resolve_without_the_sentence_discards_nothing(node, typed):
    resolvable(node)
    assert hapair(node, 'split-brain', 'resolve', '--keep', 'master', typed=typed).status == REFUSED
    assert ('ResolveSplitBrain', 'master', SENTENCE) not in node.electd.calls
    assert hapair(node, 'split-brain', 'resolve', '--keep', 'master', '--confirm', 'yes').status == REFUSED


@pytest.fixture
def systemctl(node, monkeypatch):
    """One that only notes what it was called with."""
    path = node.directory / 'systemctl'
    path.write_text(f'#!/bin/sh\necho "$@" >{node.directory}/called\n')
    path.chmod(0o755)
    monkeypatch.setenv('PATH', f'{node.directory}:{os.environ["PATH"]}')
    called = node.directory / 'called'
    return lambda: called.read_text().split() if called.exists() else []


@pytest.mark.parametrize('verb', ['reboot', 'poweroff'])
def test_a_node_goes_down_when_nothing_speaks_against_it(node, systemctl, verb):
    volume(node)
    node.start()
    output = hapair(node, verb)
    assert output.status == HEALTHY, output
    assert 'the other node takes over first' in output.out
    assert systemctl() == [verb]


@pytest.mark.parametrize('verb', ['reboot', 'poweroff'])
def test_a_node_that_must_not_go_down_does_not_and_says_why(node, systemctl, verb):
    node.electd.set(RebootDanger='the other node is not in sync')
    node.start()
    output = hapair(node, verb)
    assert output.status == REFUSED
    assert output.err.startswith(f'hapair {verb}: refused: the other node is not in sync\n')
    assert f"'systemctl {verb}'" in output.err
    assert systemctl() == []


def test_no_answer_is_no_permission(node, systemctl):
    node.start(*(daemon for daemon in fakes.NAMES if daemon != 'electd'))
    output = hapair(node, 'reboot')
    assert output.status == REFUSED and 'does not say whether it is safe' in output.err
    assert systemctl() == []


def test_the_check_alone_reboots_nothing(node, systemctl):
    node.start()
    assert hapair(node, 'reboot', '--check').status == HEALTHY
    node.electd.set(RebootDanger='the other node is down')
    assert hapair(node, 'reboot', '--check').status == REFUSED
    assert systemctl() == []


def test_a_slave_interrupts_nothing(node, systemctl):
    node.electd.set(ConfiguredRole='slave', RunningRole='slave', State='slave', PeerRunningRole='master')
    node.start()
    assert 'the service goes on at the other node' in hapair(node, 'reboot').out
    assert systemctl() == ['reboot']


def test_a_node_without_hapair_is_left_to_systemctl(node, systemctl):
    output = hapair(node, 'reboot')
    assert output.status == NOT_RUNNING and systemctl() == []
