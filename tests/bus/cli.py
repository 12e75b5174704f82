# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair, the command line, run before stand-ins of the daemons: what its tests have in common."""

import json
import os
import pathlib
import subprocess
import tempfile
import time

import pytest
from gi.repository import GLib

import fakes
from fakes import boottime_usec

SOURCE = pathlib.Path(os.environ['HAPAIR_SOURCE_ROOT'])
HAPAIR = pathlib.Path(os.environ['HAPAIR_BUILD_ROOT']) / 'clients/cli/hapair'
HEALTHY, DEGRADED, USAGE, NOT_RUNNING, REFUSED = range(5)
GENERATION = 0xF123456789ABCDEE  # an identifier may use all 64 bits


def fill(node):
    """A healthy running master."""
    node.electd.set(ConfiguredRole='master', RunningRole='master', State='master',
                    StateSince=boottime_usec(5000), Epoch=7, PeerOnline=True, PeerRunningRole='slave', PeerState='slave',
                    PeerRecordUSec=boottime_usec(30), Reason='both nodes agreed', Arbiter='paths')
    node.hbd.set(PeerState='online', PeerLastHeard=boottime_usec(12))
    node.hbd.add('path/lan', 'Path', Kind='udp', Device='eth0', State='up', Since=boottime_usec(60000),
                 LastHeard=boottime_usec(12), RoundTrip=230, Jitter=50, Loss=0.0)
    node.hbd.add('path/dmz_2d2', 'Path', Kind='udp', Device='eth1', State='up', LastHeard=boottime_usec(15))
    node.vipd.add('vip/lan', 'VirtualIP', Enabled=True, Address='192.0.2.10/24', Aliases=['192.0.2.20/24'],
                  Device='eth0', State='held', Since=boottime_usec(5000), Announced=boottime_usec(4000))


def wall_usec(ago_s):
    return time.time_ns() // 1000 - ago_s * 1000000


def volume(node, **properties):
    """A healthy volume of a running master, but for what is given."""
    sound = {'Resource': 'mail', 'Device': '/dev/drbd0', 'Disk': '/dev/vdb', 'MountPoint': '/srv/mail', 'Mounted': True,
             'Known': True, 'Connection': 'Connected', 'Role': 'Primary', 'PeerRole': 'Secondary',
             'DiskState': 'UpToDate', 'PeerDiskState': 'UpToDate', 'Sync': 'none', 'SyncDone': 100.0,
             'Size': 1048576, 'Generation': GENERATION, 'CheckedUSec': boottime_usec(35)}
    node.replicd.set(Enabled=True)
    node.replicd.add('volume/mail', 'Volume', **(sound | properties))


def error(severity, message='replication is off', remedy='switch it on'):
    return {'code': GLib.Variant('s', 'an-error'), 'severity': GLib.Variant('s', severity),
            'message': GLib.Variant('s', message), 'remedy': GLib.Variant('s', remedy),
            'since': GLib.Variant('t', boottime_usec(1500))}


def without_ages(entry):
    return {key: value for key, value in entry.items() if not key.endswith('age_ms')}


@pytest.fixture
def node():
    with tempfile.TemporaryDirectory() as directory:
        node = fakes.Node(directory)
        fill(node)
        yield node
        node.stop()


class Output(tuple):
    status = property(lambda self: self[0])
    out = property(lambda self: self[1])
    err = property(lambda self: self[2])


def start(node, *arguments, user='root', typed='', **environment):
    env = {'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8', 'TZ': 'UTC',
           'HAPAIR_RUNTIME_DIR': str(node.directory), **environment}
    process = subprocess.Popen([HAPAIR, *arguments], env=env, text=True, stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, user=user)
    process.stdin.write(typed)
    process.stdin.close()
    return process


def hapair(node, *arguments, **environment):
    process = start(node, *arguments, **environment)
    fakes.run_loop_until(lambda: process.poll() is not None)
    out, err = process.stdout.read(), process.stderr.read()
    return Output((process.returncode, out, err))


def status_json(node):
    output = hapair(node, 'status', '--json')
    return output.status, json.loads(output.out)
