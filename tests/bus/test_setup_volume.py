# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair init and hapair join of a pair with a volume: what they say of the disk, and that one with data on it is not
touched without the sentence for it. The disk is real; replicd is a stand-in, and so is systemctl."""

import os
import subprocess
import threading

import pytest

import fakes
from machines import CONFIG, installed, on_terminal, pair  # noqa: F401

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root can make networks and disks')

SENTENCE = 'wipe the disk'


@pytest.fixture
def disk(tmp_path):
    """A disk of 8 MiB with an ext4 file system named mail on it."""
    image = tmp_path / 'disk'
    image.write_bytes(b'')
    os.truncate(image, 8 << 20)
    subprocess.run(['mkfs.ext4', '-q', '-L', 'mail', image], check=True)
    attached = subprocess.run(['losetup', '--find', '--show', image], capture_output=True, text=True, check=False)
    if attached.returncode:
        pytest.skip('this machine has no loop devices')
    yield attached.stdout.strip()
    subprocess.run(['losetup', '--detach', attached.stdout.strip()], check=True)


def config(disk):
    return CONFIG.replace('Active=yes', 'Active=yes\nAcceptSplitRisk=yes') + \
        f'[Replication]\nEnabled=yes\nOverLan=yes\nMasterDisk={disk}\nSlaveDisk={disk}\n'


def test_both_say_which_disk_it_will_be_and_what_is_on_it(pair, disk):
    result = pair.found(config=config(disk))
    assert result.returncode == 0, result.stderr
    told = f'This node\'s disk for the volume is {disk}, 8.0 MiB: it carries data: ext4 "mail".\n'
    assert told in result.stderr
    assert told in pair.join(result.stdout).stderr


def test_a_blank_disk_is_told_as_one(pair, disk):
    subprocess.run(['wipefs', '-qa', disk], check=True)
    assert 'no file system or the like is seen on it' in pair.found(config=config(disk)).stderr


def test_a_disk_that_is_missing_is_refused(pair):
    result = pair.found(config=config('/dev/no-such-disk'))
    assert result.returncode == 4
    assert 'MasterDisk=/dev/no-such-disk: cannot be looked at: No such file or directory' in result.stderr
    assert not pair.master.exists('/etc/hapair/keys/pair')


def test_what_is_no_disk_is_refused(pair):
    assert 'MasterDisk=/dev/null: is no block device' in pair.found(config=config('/dev/null')).stderr


def test_a_disk_that_is_mounted_is_refused(pair, disk):
    pair.master.run('mount', disk, '/mnt', check=True)
    result = pair.found(config=config(disk))
    assert result.returncode == 4
    assert f'MasterDisk={disk}: is mounted at /mnt: the volume needs it for itself' in result.stderr


@pytest.fixture
def running(pair, tmp_path):
    """A master on which hapair can be started: the stand-in of replicd wants a sentence."""
    def prepare(typed):
        if typed != SENTENCE:
            raise fakes.Refusal('org.hapair.Error.Refused', f'the disk carries an ext4 file system; type: {SENTENCE}')

    node = fakes.Node(tmp_path)
    node.replicd.set(Enabled=True)
    node.replicd.methods['Prepare'] = prepare
    node.start('replicd')
    systemctl = tmp_path / 'systemctl'
    systemctl.write_text('#!/bin/sh\n')
    systemctl.chmod(0o755)
    node.command = ['env', f'HAPAIR_RUNTIME_DIR={tmp_path}', f'PATH={tmp_path}:{os.environ["PATH"]}', 'hapair', 'init',
                    '--config', '/etc/volume.conf']
    yield node
    node.stop()


def beside(function, *arguments, **options):
    """What the function returns, which runs while the stand-ins answer."""
    result = []
    thread = threading.Thread(target=lambda: result.append(function(*arguments, **options)))
    thread.start()
    fakes.run_loop_until(lambda: not thread.is_alive())
    return result[0]


def test_without_a_person_the_disk_is_not_touched_and_the_command_named(pair, disk, running):
    pair.master.run('sh', '-c', 'cat >/etc/volume.conf', input=config(disk), stdin=None, check=True)
    result = beside(pair.master.run, *running.command, input=SENTENCE + '\n', stdin=None)
    assert result.returncode == 1
    assert result.stdout.startswith('hapair1.'), 'the slave can join all the same'
    assert 'the disk carries an ext4 file system' in result.stderr
    assert 'hapair replication prepare' in result.stderr
    assert ('Prepare', SENTENCE) not in running.replicd.calls


@pytest.mark.parametrize('typed,status', [(SENTENCE, 0), ('yes', 1)])
def test_a_person_is_asked_for_the_sentence(pair, disk, running, typed, status):
    pair.master.run('sh', '-c', 'cat >/etc/volume.conf', input=config(disk), stdin=None, check=True)
    text, ended = beside(on_terminal, pair.master, running.command, [('> ', typed)])
    assert ended == status, text
    assert 'the disk carries an ext4 file system' in text
    assert running.replicd.calls == [('Prepare', ''), ('Prepare', typed)]


def test_a_blank_disk_is_prepared_without_a_word(pair, disk, running):
    running.replicd.methods['Prepare'] = lambda typed: None
    pair.master.run('sh', '-c', 'cat >/etc/volume.conf', input=config(disk), stdin=None, check=True)
    result = beside(pair.master.run, *running.command)
    assert result.returncode == 0, result.stderr
    assert running.replicd.calls == [('Prepare', '')]
