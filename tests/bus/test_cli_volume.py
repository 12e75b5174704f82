# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair's verbs for the replicated volume, before stand-ins of the daemons: what they show of it, that they destroy
nothing without the sentence that a daemon asks for."""

import json
import os
import re

import pytest

import fakes
from cli import DEGRADED, HEALTHY, REFUSED, hapair, node, start, status_json, volume, wall_usec  # noqa: F401

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root takes the private doors')


def test_a_pair_without_a_volume_shows_none(node):
    node.start()
    status, picture = status_json(node)
    assert (status, picture['volume']) == (HEALTHY, None)
    assert 'Volume:' not in hapair(node, 'status').out
    output = hapair(node, 'replication')
    assert output.status == HEALTHY and 'This pair has no volume' in output.out
    assert json.loads(hapair(node, 'replication', '--json').out) is None


def test_status_shows_the_volume_in_plain_words(node):
    volume(node)
    node.start()
    output = hapair(node, 'status')
    assert output.status == HEALTHY, output
    assert re.search(r'Volume:  mail  primary, up to date; peer secondary, up to date; connected; mounted at /srv/mail; '
                     r'\d+ ms ago\n', output.out)


def test_status_names_what_would_split_the_pair_where_something_could(node):
    risk = 'both nodes would serve if lan and replication failed at the same moment'
    volume(node)
    node.start()
    assert 'Risk:' not in hapair(node, 'status').out
    node.electd.set(SplitRisk=risk)
    assert f'Risk:  {risk}\n' in hapair(node, 'status').out
    assert status_json(node)[1]['split_risk'] == risk


def test_json_has_what_is_promised(node):
    volume(node, AloneSince=wall_usec(60), SyncLeftUSec=2**64 - 1)
    node.start()
    shown = json.loads(hapair(node, 'replication', '--json').out)
    assert shown == status_json(node)[1]['volume'] | {key: shown[key] for key in ('age_ms', 'alone_age_ms')}
    assert (shown['resource'], shown['role'], shown['disk_state']) == ('mail', 'Primary', 'UpToDate')
    assert (shown['generation'], shown['peer_generation']) == ('F123456789ABCDEE', None)
    assert (shown['size_kib'], shown['mounted'], shown['frozen']) == (1048576, True, False)
    assert 60000 <= shown['alone_age_ms'] < 120000
    assert 35 <= shown['age_ms'] < 60000
    assert shown['sync_left_ms'] is None, 'unknown, not half a million years'


@pytest.mark.parametrize('properties', [
    {'Connection': 'Connecting', 'PeerDiskState': 'DUnknown'}, {'DiskState': 'Diskless'}, {'Known': False},
    {'PeerDiskState': 'Inconsistent', 'Sync': 'source', 'SyncDone': 10.0}, {'Frozen': True},
])
def test_a_volume_that_nobody_could_take_over_degrades(node, properties):
    volume(node, **properties)
    node.start()
    status, picture = status_json(node)
    assert (status, picture['healthy']) == (DEGRADED, False)


def test_a_resync_is_shown_with_its_bar_rate_and_time_left(node):
    volume(node, PeerDiskState='Inconsistent', Sync='source', SyncDone=43.2, SyncRate=40755, SyncLeftUSec=80000000,
           OutOfSync=573440)
    node.start()
    line = '[########............] 43.2 % to the peer, 560.0 MiB to go, 39.8 MiB/s, 1 min 20 s left'
    for verb in ['replication', 'status']:
        assert line in hapair(node, verb).out, verb
    assert 'secondary, incomplete until the resync is done' in hapair(node, 'replication').out


def test_what_is_out_of_the_ordinary_is_said(node):
    volume(node, Connection='StandAlone', PeerRole='Unknown', PeerDiskState='DUnknown', Mounted=False, Frozen=True,
           SplitBrain=True, AloneSince=wall_usec(60), OutOfSync=2048, DiskErrors=2, StalledUSec=3000000,
           Snapshot='/dev/vg0/lost')
    node.replicd.set(Problem='the disk is too small')
    node.start()
    page = hapair(node, 'replication').out
    for words in ['not connected, and not trying to', 'not mounted here', 'Peer:  unknown', 'writes are frozen',
                  'split-brain: each node has data of its own', '2.0 MiB written since', 'failed 2 times',
                  'has not finished a write for 3.0 s', 'Kept:  /dev/vg0/lost', 'Problem:  the disk is too small']:
        assert words in page, words
    block = hapair(node, 'status').out
    for words in ['alone for 1 min', 'writes are frozen', 'the disk is too small']:
        assert words in block, words


def test_an_outdated_disk_is_told_as_one_on_either_side(node):
    volume(node, Connection='WFReportParams', PeerRole='Unknown', PeerDiskState='Outdated')
    node.start()
    page = hapair(node, 'replication').out
    assert 'being compared with the peer' in page
    assert 'Peer:  role unknown, outdated, without the newest data' in page


def test_what_the_kernel_is_not_heard_to_say_is_unknown(node):
    volume(node, Known=False, Sync='source', SyncDone=43.2, SyncRate=40755)
    node.start()
    shown = status_json(node)[1]['volume']
    assert {shown[key] for key in ('connection', 'role', 'disk_state', 'peer_disk_state', 'sync')} == {'unknown'}
    assert (shown['frozen'], shown['sync_done'], shown['sync_rate_kib']) == (None, None, None)
    assert 'nothing is known of the volume' in hapair(node, 'replication').out
    assert 'nothing is known of it' in hapair(node, 'status').out


def test_a_volume_that_cannot_be_made_says_why(node):
    node.replicd.set(Enabled=True, Problem='/dev/vdb carries an ext4 file system')
    node.start()
    assert '/dev/vdb carries an ext4 file system' in hapair(node, 'replication').out
    assert '/dev/vdb carries an ext4 file system' in hapair(node, 'status').out


def test_without_replicd_there_may_be_a_volume(node):
    node.start(*(daemon for daemon in fakes.NAMES if daemon != 'replicd'))
    status, picture = status_json(node)
    assert status == DEGRADED
    assert (picture['volume']['known'], picture['volume']['resource']) == (False, 'unknown')


def test_watch_follows_a_resync(node):
    volume(node, PeerDiskState='Inconsistent', Sync='source', SyncDone=10.0)
    node.start()
    process = start(node, 'replication', '--watch', '--json')
    os.set_blocking(process.stdout.fileno(), False)
    shown = []

    def done():
        shown.extend(json.loads(line)['sync_done'] for line in iter(process.stdout.readline, ''))
        return shown[-1:]

    try:
        fakes.run_loop_until(lambda: done() == [10.0])
        node.replicd.objects[node.replicd.root + '/volume/mail'][node.replicd.name + '.Volume']['SyncDone'] = 20.0
        node.replicd.change(Epoch=1)
        fakes.run_loop_until(lambda: done() == [20.0])
    finally:
        process.terminate()
        process.wait()


def prepared_by(sentence):
    """A Prepare that wants that sentence, "" for none."""
    def prepare(typed):
        if typed != sentence:
            raise fakes.Refusal('org.hapair.Error.Refused', f'/dev/vdb carries an ext4 file system; type: {sentence}')
    return prepare


def test_a_blank_disk_is_prepared_without_a_question(node):
    node.replicd.methods['Prepare'] = prepared_by('')
    node.start()
    output = hapair(node, 'replication', 'prepare')
    assert output.status == HEALTHY, output
    assert (output.err, node.replicd.calls) == ('', [('Prepare', '')])


def test_a_disk_with_data_is_prepared_by_the_sentence_only(node):
    node.replicd.methods['Prepare'] = prepared_by('wipe /dev/vdb')
    node.start()
    assert hapair(node, 'replication', 'prepare').status == REFUSED
    assert hapair(node, 'replication', 'prepare', typed='yes\n').status == REFUSED
    output = hapair(node, 'replication', 'prepare', typed='wipe /dev/vdb\n')
    assert output.status == HEALTHY
    assert '/dev/vdb carries an ext4 file system; type: wipe /dev/vdb' in output.err
    assert hapair(node, 'replication', 'prepare', '--confirm', 'wipe /dev/vdb').status == HEALTHY


def test_a_refusal_that_names_no_sentence_asks_for_none(node):
    def refuse(typed):
        raise fakes.Refusal('org.hapair.Error.Refused', 'the disk /dev/vdb is missing')
    node.replicd.methods['Prepare'] = refuse
    node.start()
    output = hapair(node, 'replication', 'prepare', typed='wipe it\n')
    assert (output.status, output.err) == (REFUSED, 'hapair replication: refused: the disk /dev/vdb is missing\n')
    assert node.replicd.calls == [('Prepare', '')]


def test_force_takes_its_sentence_from_the_command_line(node):
    def force(sentence):
        if sentence != 'I mean it':
            raise fakes.Refusal('org.hapair.Error.Refused', 'type: I mean it')
        node.electd.change(State='master', RunningRole='master')

    node.electd.set(State='wait-peer', RunningRole='none')
    node.electd.methods['ForceMaster'] = force
    node.start()
    assert hapair(node, 'become', 'master', '--force', '--confirm', 'yes').status == REFUSED
    assert hapair(node, 'become', 'master', '--force', '--confirm', 'I mean it').status == HEALTHY


