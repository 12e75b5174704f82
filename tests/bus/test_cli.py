# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair, the command line, before stand-ins of the daemons: what it shows, what it exits with, and that it
neither hangs nor makes things up when a daemon does not answer."""

import json
import os
import re
import socket
import subprocess
import time

import pytest
from gi.repository import GLib

import fakes
from cli import (DEGRADED, HAPAIR, HEALTHY, NOT_RUNNING, REFUSED, SOURCE, USAGE, error, hapair, node, start,  # noqa: F401
                 status_json, without_ages)
from fakes import boottime_usec

VERBS = ['status', 'errors', 'paths', 'vips', 'services', 'replication', 'why', 'logs', 'become', 'maintenance', 'split-brain',
         'reboot', 'poweroff', 'config', 'init', 'join']

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root takes the private doors')


def test_status_says_both_roles_of_both_nodes_first(node):
    node.start()
    output = hapair(node, 'status')
    assert output.status == HEALTHY, output
    assert re.match(r'● \S+: running master \(configured master\); peer: running slave, online\n',
                    output.out)
    assert 'both nodes agreed' in output.out
    assert '192.0.2.10/24 +1' in output.out
    assert output.err == ''


def test_status_as_json_has_what_is_promised(node):
    node.start()
    status, picture = status_json(node)
    assert status == HEALTHY
    assert (picture['configured_role'], picture['running_role'], picture['state']) == ('master',) * 3
    peer = picture['peer']
    assert (picture['epoch'], peer['online'], peer['running_role']) == (7, True, 'slave')
    assert 12 <= peer['age_ms'] < 60000
    assert 5000 <= picture['state_age_ms'] < 60000
    assert picture['errors'] == []
    assert [path['name'] for path in picture['paths']] == ['dmz-2', 'lan']
    assert picture['paths'][1]['round_trip_ms'] == 0.23
    assert picture['vips'][0]['state'] == 'held'
    assert picture['healthy'] is True


def test_nothing_is_coloured_outside_of_a_terminal(node):
    node.start()
    assert '\033' not in hapair(node, 'status', TERM='xterm').out


@pytest.mark.parametrize('severity,expected', [('error', DEGRADED), ('warning', HEALTHY)])
def test_an_error_degrades_and_a_warning_does_not(node, severity, expected):
    node.electd.set(Errors=[error(severity)])
    node.start()
    output = hapair(node, 'status')
    assert output.status == expected
    assert re.search(rf'{severity}: replication is off \(for \d', output.out)
    assert '→ switch it on' in output.out


@pytest.mark.parametrize('change', [
    lambda node: node.electd.set(State='fault'),
    lambda node: node.electd.set(PeerOnline=False, PeerRunningRole='unknown'),
    lambda node: node.hbd.add('path/lan', 'Path', Kind='udp', Device='eth0', State='lost'),
    lambda node: node.vipd.add('vip/lan', 'VirtualIP', Address='192.0.2.10/24', State='conflict'),
])
def test_what_is_not_as_it_should_be_degrades(node, change):
    change(node)
    node.start()
    status, picture = status_json(node)
    assert (status, picture['healthy']) == (DEGRADED, False)


def test_a_role_of_a_silent_peer_is_unknown(node):
    node.electd.set(PeerOnline=False, PeerRunningRole='unknown', PeerState='unknown')
    node.hbd.set(PeerState='lost', PeerLastHeard=boottime_usec(61000))
    node.start()
    output = hapair(node, 'status')
    assert 'peer: running role unknown, not heard' in output.out
    assert 'heartbeat 1 min' in output.out


@pytest.mark.parametrize('dead', list(fakes.NAMES))
def test_a_daemon_that_does_not_run_is_told_and_the_rest_shown(node, dead):
    node.start(*(daemon for daemon in fakes.NAMES if daemon != dead))
    status, picture = status_json(node)
    assert status == DEGRADED
    assert picture['daemons'] == {daemon: daemon != dead for daemon in fakes.NAMES}
    assert [e['message'] for e in picture['errors']] == [f'hapair-{dead} does not run']
    assert picture['state'] == ('unknown' if dead == 'electd' else 'master')
    assert picture['peer']['online'] is True  # hbd knows it, and electd too
    assert (picture['paths'] == []) == (dead == 'hbd')
    assert (picture['vips'] == []) == (dead == 'vipd')


@pytest.mark.parametrize('hung', list(fakes.NAMES))
def test_a_daemon_that_hangs_is_unknown_after_its_time_limit(node, hung):
    """Its socket accepts, by the kernel's grace, and nobody reads: as with SIGSTOP."""
    node.start(*(daemon for daemon in fakes.NAMES if daemon != hung))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f'{node.directory}/{hung}.socket')
        listener.listen()
        status, picture = status_json(node)
    assert status == DEGRADED
    assert [e['message'] for e in picture['errors']] == [f'hapair-{hung} does not answer']
    if hung != 'hbd':
        assert picture['peer']['age_ms'] < 2000  # waiting for one daemon does not make another's news old


def test_a_node_without_hapair_is_not_running(node):
    for verb in ['status', 'errors', 'paths', 'vips', 'replication', 'why']:
        output = hapair(node, verb)
        assert (output.status, output.out) == (NOT_RUNNING, ''), verb
        assert 'systemctl start hapair.target' in output.err
    for arguments in [('become', 'master'), ('maintenance', 'on'), ('reboot',), ('poweroff',), ('split-brain', 'show'),
                      ('split-brain', 'resolve', '--keep', 'master'), ('replication', 'prepare')]:
        assert hapair(node, *arguments).status == NOT_RUNNING


def test_lists_come_as_tables_and_as_json(node):
    node.electd.set(Errors=[error('error')])
    node.start()
    assert re.search(r'^lan +udp +eth0 +up ', hapair(node, 'paths').out, re.M)
    vips = hapair(node, 'vips').out
    assert re.search(r'^lan +192\.0\.2\.10/24 +eth0 +held ', vips, re.M)
    assert '192.0.2.20/24' in vips
    for verb in ['paths', 'vips', 'errors']:
        listed, shown = json.loads(hapair(node, verb, '--json').out), status_json(node)[1][verb]
        assert [without_ages(entry) for entry in listed] == [without_ages(entry) for entry in shown] != []


def test_a_reason_stands_whole_below_its_line(node):
    reason = 'a reason that is longer than any column could ever be, and is not cut off anywhere'
    node.hbd.add('path/serial', 'Path', Kind='serial', Device='/dev/ttyS0', State='down', Reason=reason)
    node.start()
    assert re.search(rf'^serial .* down .*\n  {reason}$', hapair(node, 'paths').out, re.M)
    assert re.search(rf'^ +serial .* down .*\n +{reason}\n  Errors:', hapair(node, 'status').out, re.M)


def test_why_shows_decisions_with_their_inputs(node):
    decision = {'time': GLib.Variant('t', 1700000000123456), 'usec': GLib.Variant('t', 1),
                'from': GLib.Variant('s', 'slave'), 'to': GLib.Variant('s', 'promoting'),
                'reason': GLib.Variant('s', 'the master is dead'), 'epoch': GLib.Variant('t', 8),
                'inputs': GLib.Variant('a{ss}', {'peer': 'lost', 'carrier': 'up'})}
    node.electd.methods['GetDecisions'] = lambda: GLib.Variant('(aa{sv})', ([decision, decision],))
    node.start()
    output = hapair(node, 'why', '-n', '1')
    assert output.status == HEALTHY
    assert output.out.count('slave → promoting') == 1
    assert '2023-11-14 22:13:20.123456' in output.out
    assert 'because the master is dead' in output.out
    assert re.search(r'^ +peer +lost$', output.out, re.M)
    assert json.loads(hapair(node, 'why', '--json').out)[1]['inputs'] == {'peer': 'lost', 'carrier': 'up'}


@pytest.mark.parametrize('role,method', [('master', 'MakeMaster'), ('slave', 'MakeSlave')])
def test_become_tells_the_way_and_the_outcome(node, role, method):
    def switch():
        node.electd.change(State='demoting')
        node.electd.change(State=role, RunningRole=role)
    node.electd.methods[method] = switch
    node.electd.set(RunningRole='slave' if role == 'master' else 'master')
    node.start()
    output = hapair(node, 'become', role)
    assert output.status == HEALTHY, output
    assert re.findall(r' ms  (.*)', output.out) == ['master → demoting', f'demoting → {role}']
    assert f'This node is the running {role}' in output.out
    assert (method,) in node.electd.calls


def test_become_says_when_nothing_had_to_change(node):
    node.electd.methods['MakeMaster'] = lambda: None
    node.start()
    assert 'and was it before' in hapair(node, 'become', 'master').out


def test_how_good_a_silent_path_was_is_not_shown(node):
    node.hbd.add('path/lan', 'Path', Kind='udp', Device='eth0', State='lost', LastHeard=boottime_usec(90000),
                 RoundTrip=230, Jitter=50, Loss=0.0)
    node.start()
    lan = status_json(node)[1]['paths'][1]
    assert (lan['name'], lan['round_trip_ms'], lan['jitter_ms'], lan['loss']) == ('lan', None, None, None)
    assert lan['age_ms'] >= 90000


def test_become_gives_the_reason_of_a_refusal(node):
    def refuse():
        raise fakes.Refusal('org.hapair.Error.Refused', 'the peer is not able: its LAN has no carrier')
    node.electd.methods['MakeSlave'] = refuse
    node.start()
    output = hapair(node, 'become', 'slave')
    assert output.status == REFUSED
    assert output.err == 'hapair become: refused: the peer is not able: its LAN has no carrier\n'


def test_become_does_not_take_an_answer_for_a_success(node):
    node.electd.methods['MakeSlave'] = lambda: None
    node.start()
    output = hapair(node, 'become', 'slave')
    assert output.status == DEGRADED
    assert 'the running role is master' in output.err


def forced_by(typed):
    """A ForceMaster that wants a sentence, and how hapair ends when that is typed."""
    def run(node):
        def force(sentence):
            if sentence != 'I mean it':
                raise fakes.Refusal('org.hapair.Error.Refused', 'To force the role, type: I mean it')
            node.electd.change(State='master', RunningRole='master')
        node.electd.set(State='wait-peer', RunningRole='none')
        node.electd.methods['ForceMaster'] = force
        node.start()
        return hapair(node, 'become', 'master', '--force', typed=typed)
    return run


def test_force_wants_the_sentence_that_it_names(node):
    output = forced_by('I mean it\n')(node)
    assert output.status == HEALTHY, output
    assert 'To force the role, type: I mean it' in output.err
    assert 'wait-peer → master' in output.out


@pytest.mark.parametrize('typed', ['', '\n', 'yes\n'])
def test_force_without_the_sentence_does_nothing(node, typed):
    assert forced_by(typed)(node).status == REFUSED
    assert node.electd.objects[node.electd.root][node.electd.name]['RunningRole'] == 'none'


def test_a_daemon_that_dies_during_a_change_leaves_the_outcome_open(node):
    node.electd.methods['MakeSlave'] = node.electd.hang_up
    node.start()
    output = hapair(node, 'become', 'slave')
    assert output.status == DEGRADED
    assert 'does not answer' in output.err


@pytest.mark.parametrize('word,on', [('on', True), ('off', False)])
def test_maintenance_is_switched(node, word, on):
    node.electd.methods['SetMaintenance'] = lambda on: None
    node.start()
    assert hapair(node, 'maintenance', word).status == HEALTHY
    assert ('SetMaintenance', on) in node.electd.calls


@pytest.mark.parametrize('arguments', [
    (), ('no-such-verb',), ('--no-such-option',), ('status', 'x'), ('status', '--x'), ('become',),
    ('become', 'x'), ('become', 'slave', '--force'), ('become', 'master', '--confirm', 'x'), ('maintenance', 'perhaps'),
    ('why', '-n', 'x'), ('why', '-n', '0'), ('logs', 'x'), ('logs', '-n', '-1'), ('replication', 'x'),
    ('replication', 'prepare', 'x'), ('split-brain',), ('split-brain', 'resolve'),
    ('split-brain', 'resolve', '--keep', 'mine'), ('split-brain', 'show', 'x'), ('reboot', 'now'), ('poweroff', '--x'),
])
def test_bad_usage_exits_2_with_a_hint_and_asks_no_daemon(node, arguments):
    node.start()
    output = hapair(node, *arguments)
    assert (output.status, output.out) == (USAGE, '')
    assert '--help' in output.err
    assert node.electd.calls == []


@pytest.mark.parametrize('verb', VERBS)
def test_every_verb_has_help(node, verb):
    output = hapair(node, verb, '--help')
    assert (output.status, output.err) == (HEALTHY, '')
    assert output.out.startswith(f'Usage: hapair {verb}')
    assert output.out == hapair(node, 'help', verb).out


def test_the_overview_lists_every_verb(node):
    output = hapair(node, '--help')
    assert output.status == HEALTHY
    assert re.findall(r'^  ([a-z-]+) ', output.out, re.M) == VERBS


@pytest.mark.parametrize('typed,expected', [
    (['be'], {'become'}), (['become', ''], {'master', 'slave'}), (['become', 'm'], {'master'}),
    (['logs', ''], {'heartbeat', 'failover', 'all'}), (['status', '--'], {'--json', '--watch', '--help'}),
    (['no-such-verb', ''], set()), (['split-brain', ''], {'show', 'resolve', 'master', 'slave'}),
    (['replication', 'p'], {'prepare'}), (['reboot', '-'], {'--check', '--help'}),
])
def test_the_shell_completes_what_the_help_names(typed, expected):
    script = f'. "{SOURCE}/clients/cli/completion.bash"; COMP_WORDS=(hapair "$@"); COMP_CWORD=$#; _hapair; ' \
             'printf "%s\\n" "${COMPREPLY[@]}"'
    completed = subprocess.run(['bash', '-c', script, 'bash', *typed], text=True, stdout=subprocess.PIPE,
                               env={'PATH': f'{HAPAIR.parent}:{os.environ["PATH"]}'}, check=True).stdout
    assert set(completed.split()) == expected


def test_the_manual_has_every_verb_with_every_option():
    manual = (SOURCE / 'doc/man/hapair.1.rst').read_text()
    for verb in VERBS:
        text = subprocess.run([HAPAIR, verb, '--help'], text=True, stdout=subprocess.PIPE).stdout
        chapter = re.search(rf'^\*\*{verb}[ *].*?(?=^\*\*(?!{verb})|^---|^===)', manual, re.M | re.S).group()
        for option in re.findall(r'--[a-z][a-z-]*', text):
            assert option in chapter, f'{verb} {option}'


def test_output_that_cannot_be_written_is_no_success(node):
    node.start()
    with open('/dev/full', 'w') as full:
        process = subprocess.Popen([HAPAIR, 'status'], stdout=full, stderr=subprocess.PIPE, text=True,
                                   env={'HAPAIR_RUNTIME_DIR': str(node.directory)})
        fakes.run_loop_until(lambda: process.poll() is not None)
    assert process.returncode == DEGRADED
    assert 'cannot write' in process.communicate()[1]


@pytest.fixture
def bus(node):
    """A bus that lets everybody do everything: the right policy is test_policy's affair."""
    config = node.directory / 'bus.conf'
    config.write_text(f'''<busconfig><type>system</type><listen>unix:path={node.directory}/bus</listen>
        <auth>EXTERNAL</auth><policy context="default"><allow user="*"/><allow own="*"/>
        <allow send_type="method_call"/><allow send_type="signal"/><allow send_requested_reply="true"/>
        <allow receive_sender="*"/></policy></busconfig>''')
    node.directory.chmod(0o755)
    daemon = subprocess.Popen(['dbus-daemon', '--nofork', '--nopidfile', '--print-address',
                               f'--config-file={config}'], stdout=subprocess.PIPE)
    daemon.stdout.readline()
    try:
        yield f'unix:path={node.directory}/bus'
    finally:
        daemon.terminate()
        daemon.wait()


def stranger(node, bus, *arguments):
    return hapair(node, *arguments, user='nobody', DBUS_SYSTEM_BUS_ADDRESS=bus)


def test_everybody_may_look_over_the_system_bus(node, bus):
    node.start_on_bus(bus)
    output = stranger(node, bus, 'status', '--json')
    assert output.status == HEALTHY, output
    assert json.loads(output.out)['running_role'] == 'master'


def test_over_the_system_bus_too_a_node_without_hapair_is_not_running(node, bus):
    assert stranger(node, bus, 'status').status == NOT_RUNNING


@pytest.mark.parametrize('name', ['AccessDenied', 'InteractiveAuthorizationRequired'])
def test_who_may_not_change_things_is_told_to_use_sudo(node, bus, name):
    def deny():
        raise fakes.Refusal(f'org.freedesktop.DBus.Error.{name}', 'no')
    node.electd.methods['MakeSlave'] = deny
    node.start_on_bus(bus)
    output = stranger(node, bus, 'become', 'slave')
    assert output.status == REFUSED
    assert 'sudo' in output.err


def test_without_a_system_bus_the_way_for_root_is_named(node):
    node.directory.chmod(0o755)
    output = stranger(node, f'unix:path={node.directory}/no-bus', 'become', 'slave')
    assert output.status == DEGRADED
    assert 'root' in output.err


def test_watch_shows_a_change_at_once(node):
    node.start()
    process = start(node, 'status', '--watch', '--json')
    os.set_blocking(process.stdout.fileno(), False)
    pictures = []

    def read_until(n):
        def enough():
            pictures.extend(json.loads(line) for line in iter(process.stdout.readline, ''))
            return len(pictures) >= n
        fakes.run_loop_until(enough)

    try:
        read_until(1)
        changed = time.monotonic()
        node.electd.change(State='demoting', RunningRole='none')
        read_until(2)
        assert time.monotonic() - changed < 0.9  # the next look would have been after a second
        assert pictures[-1]['state'] == 'demoting'
    finally:
        process.terminate()
        process.wait()
