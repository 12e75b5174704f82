# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two machines that are real but for systemd, for tests of how they become a pair: each has a network of its own, a
cable between them, and the whole installation laid over this system's files."""

import os
import pty
import select
import stat
import subprocess
import time

import pytest

from daemon import BUILD

OVERLAY = '''
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs {work}
for tree in etc usr var; do
    mkdir -p {work}/$tree {work}/$tree.work
    mount -t overlay -o lowerdir={installed}/$tree:/$tree,upperdir={work}/$tree,workdir={work}/$tree.work overlay /$tree
done
mount -t tmpfs tmpfs /run
systemd-sysusers /usr/lib/sysusers.d/hapair.conf >&2
systemd-tmpfiles --create /usr/lib/tmpfiles.d/hapair.conf >&2
ip link set lo up
echo ready
exec sleep inf
'''

CONFIG = '''[General]
Cluster=gw
Active=yes
MasterAddress=192.0.2.11/24
SlaveAddress=192.0.2.12/24
Gateway=192.0.2.1
[VirtualIP lan]
Address=192.0.2.10
MasterAddress=192.0.2.11
SlaveAddress=192.0.2.12
'''


class Machine:
    def __init__(self, installed, work):
        work.mkdir()
        self.process = subprocess.Popen(['unshare', '-mnu', 'sh', '-c', OVERLAY.format(work=work, installed=installed)],
                                        stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b'ready\n'
        self.enter = ['nsenter', '-t', str(self.process.pid), '-m', '-n', '-u', '--']

    def run(self, *command, **options):
        return subprocess.run([*self.enter, *command], capture_output=True, text=True, timeout=60,
                              **({'check': False, 'stdin': subprocess.DEVNULL} | options))

    def hapair(self, *arguments, **options):
        return self.run('hapair', *arguments, **options)

    def read(self, path):
        return self.run('cat', path, check=True).stdout

    def mode(self, path):
        text = self.run('stat', '-c', '%U %G %f', path, check=True).stdout.split()
        return text[0], text[1], oct(stat.S_IMODE(int(text[2], 16)))

    def exists(self, path):
        return self.run('test', '-e', path).returncode == 0

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Pair:
    def __init__(self, installed, directory):
        self.master = Machine(installed, directory / 'master')
        self.slave = Machine(installed, directory / 'slave')
        self.master.run('ip', 'link', 'add', 'lan', 'type', 'veth', 'peer', 'name', 'lan',
                        'netns', str(self.slave.process.pid), check=True)
        for machine, address in ((self.master, '192.0.2.11/24'), (self.slave, '192.0.2.12/24')):
            machine.run('ip', 'address', 'add', address, 'dev', 'lan', check=True)
            machine.run('ip', 'link', 'set', 'lan', 'up', check=True)
            # That nobody has an address shows in a third of a second instead of three.
            machine.run('ip', 'ntable', 'change', 'name', 'arp_cache', 'dev', 'lan', 'retrans', '100', check=True)

    def found(self, *arguments, config=CONFIG):
        return self.master.hapair('init', '--config', '/dev/stdin', '--no-start', *arguments, input=config, stdin=None)

    def join(self, token, *arguments):
        return self.slave.hapair('join', '--no-start', *arguments, input=token, stdin=None)


@pytest.fixture(scope='session')
def installed(tmp_path_factory):
    tree = tmp_path_factory.mktemp('installed')
    tree.chmod(0o755)
    subprocess.run(['meson', 'install', '-C', BUILD, '--no-rebuild', '--quiet', '--destdir', tree], check=True,
                   stdout=subprocess.DEVNULL)
    for name in ('etc', 'usr', 'var'):
        (tree / name).mkdir(exist_ok=True)
    return tree


@pytest.fixture
def pair(installed, tmp_path):
    two = Pair(installed, tmp_path)
    yield two
    two.master.close()
    two.slave.close()


def on_terminal(machine, command, answers, limit=20):
    """Runs it on a terminal of its own, typing each answer when its question is there; all it printed, and its
    exit status."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen([*machine.enter, *command], stdin=terminal, stdout=terminal, stderr=terminal,
                               start_new_session=True)
    os.close(terminal)
    text, waiting, end = '', list(answers), time.monotonic() + limit
    while select.select([controller], [], [], max(0, end - time.monotonic()))[0]:
        try:
            text += os.read(controller, 4096).decode()
        except OSError:
            break
        if waiting and waiting[0][0] in text:
            os.write(controller, waiting.pop(0)[1].encode() + b'\n')
    os.close(controller)
    process.kill()
    return text, process.wait()
