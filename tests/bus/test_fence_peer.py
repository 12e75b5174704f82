# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair-fence-peer, before a stand-in of electd: it ends with the answer, and on any doubt with 1, which keeps the
volume frozen."""

import os
import pathlib
import socket
import subprocess
import tempfile
import threading
import time

import pytest
from gi.repository import GLib

import fakes

HELPER = pathlib.Path(os.environ['HAPAIR_BUILD_ROOT']) / 'services/replicd/hapair-fence-peer'
UNKNOWN = 1

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='only root takes the private doors')


@pytest.fixture
def node():
    with tempfile.TemporaryDirectory() as directory:
        node = fakes.Node(directory)
        yield node
        node.stop()


def start(directory, *arguments, resource='hapair'):
    """As drbdadm starts it."""
    environment = {'PATH': '/usr/sbin:/usr/bin', 'HAPAIR_RUNTIME_DIR': str(directory)}
    if resource is not None:
        environment['DRBD_RESOURCE'] = resource
    return subprocess.Popen([HELPER, *arguments], env=environment, stderr=subprocess.PIPE, text=True)


def run(directory, *arguments, **options):
    with start(directory, *arguments, **options) as process:
        try:
            fakes.run_loop_until(lambda: process.poll() is not None)
        finally:
            process.kill()
        return process.returncode


def answer(node, value):
    node.electd.methods['FencePeer'] = lambda resource: GLib.Variant('(y)', (value,))
    node.start('electd')


@pytest.mark.parametrize('value', [4, 6, 7])
def test_ends_with_the_answer(node, value):
    answer(node, value)
    assert run(node.directory) == value
    assert node.electd.calls == [('FencePeer', 'hapair')]


@pytest.mark.parametrize('value', [0, 1, 2, 3, 5, 8, 255])
def test_any_other_answer_keeps_the_volume_frozen(node, value):
    answer(node, value)
    assert run(node.directory) == UNKNOWN


def test_a_refusal_keeps_the_volume_frozen(node):
    def refuse(resource):
        raise fakes.Refusal('org.freedesktop.DBus.Error.AccessDenied', 'not you')
    node.electd.methods['FencePeer'] = refuse
    node.start('electd')
    assert run(node.directory) == UNKNOWN
    assert len(node.electd.calls) == 1


def test_a_stranger_behind_the_door_keeps_the_volume_frozen(node):
    with serve(node.directory, b'DATA\r\nREJECTED\r\nREJECTED\r\n'):
        assert run(node.directory) == UNKNOWN


def test_without_electd_the_volume_stays_frozen(node):
    assert run(node.directory) == UNKNOWN


@pytest.mark.parametrize('arguments', [['0'], ['-1'], ['many'], ['100000'], ['5', '5']])
def test_wrong_arguments_keep_the_volume_frozen(node, arguments):
    answer(node, 4)
    assert run(node.directory, *arguments) == UNKNOWN


@pytest.mark.parametrize('resource', [None, ''])
def test_called_by_someone_else_it_asks_nothing(node, resource):
    answer(node, 4)
    assert run(node.directory, resource=resource) == UNKNOWN
    assert not node.electd.calls


class serve:
    """A socket of electd's name that takes connections and says `greeting`, if anything."""

    def __init__(self, directory, greeting=None):
        self.greeting = greeting
        self.connections = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f'{directory}/electd.socket')
        self.listener.listen()
        self.thread = threading.Thread(target=self.accept)

    def accept(self):
        try:
            while True:
                connection, _ = self.listener.accept()
                self.connections.append(connection)
                if self.greeting:
                    connection.sendall(self.greeting)
        except OSError:
            pass

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        for connection in self.connections:
            connection.close()


def test_an_electd_that_never_answers_is_waited_for_no_longer_than_allowed(node):
    with serve(node.directory):
        began = time.monotonic()
        assert run(node.directory, '1') == UNKNOWN
        assert 0.9 < time.monotonic() - began


def test_an_electd_that_is_killed_while_asked_is_asked_again(node):
    def die_three_times(resource):
        if len(node.electd.calls) <= 3:
            node.electd.hang_up()
        return GLib.Variant('(y)', (4,))
    node.electd.methods['FencePeer'] = die_three_times
    node.start('electd')
    assert run(node.directory) == 4
    assert len(node.electd.calls) == 4
