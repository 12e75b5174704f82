# SPDX-License-Identifier: LGPL-2.1-or-later
"""hapair-electd of a pair with services: orders to svcmand, before and after a restart of either."""

import os

import pytest
from gi.repository import GLib

from daemon import wait_until
from electd_world import (BINARY, MASTER, OPERATOR, PREQ, ROLE_MASTER, ROLE_SLAVE, SLAVE, TAKEOVER, World,  # pylint: disable=unused-import
                          master, slave, world)
from fakes import Refusal

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not BINARY.exists(), reason='only root can make a network')


class ServicesWorld(World):
    """svcmand is a stand-in that obeys at once, or as the test says."""

    def prepare(self):
        super().prepare()
        self.settings['Services'] = GLib.Variant('b', True)
        self.log, self.deferred, self.refusal = [], [], None
        svcmand = self.node.svcmand
        svcmand.methods.update(Start=lambda epoch, alone: self.obey('Start'), Stop=lambda: self.obey('Stop'),
                               SetSlave=lambda on: None, SetMaintenance=lambda on: None)
        svcmand.set(Health='good')
        for name in ('acquire', 'withdraw'):
            self.note(name)

    def note(self, name):
        method = self.node.vipd.methods[name.capitalize()]

        def noted(*arguments):
            self.log.append(name.capitalize())
            return method(*arguments)
        self.node.vipd.methods[name.capitalize()] = noted

    def obey(self, order):
        self.log.append(order)
        if self.refusal and order == 'Start':
            raise Refusal('org.hapair.Error.Failed', self.refusal)
        return GLib.Variant('(a(ss))', (self.deferred,))

    def start(self):
        self.node.start('svcmand')
        return super().start()

    def errors(self):
        return [e['message']['data'] for e in self.electd.property('Errors')]


def serving(make):
    return master(lambda **options: make(ServicesWorld, **options))


def test_services_start_before_the_addresses_come_and_stop_after_they_went(world):
    one = serving(world)
    assert one.log[-2:] == ['Start', 'Acquire']
    one.log.clear()
    one.tell_message(PREQ, nonce=77)
    one.wait_state('slave')
    assert one.log[:2] == ['Withdraw', 'Stop']


def test_the_slaves_services_start_when_the_peer_is_master_and_not_before(world):
    one = serving(world)
    one.tell_message(PREQ, nonce=77)
    one.wait_state('slave')
    assert ('SetSlave', True) not in one.node.svcmand.calls
    one.tell_record(MASTER, ROLE_MASTER, epoch=9)
    wait_until(lambda: ('SetSlave', True) in one.node.svcmand.calls, 'the slave has services of its own')
    one.node.svcmand.calls.clear()
    one.node.svcmand.hang_up()
    wait_until(lambda: ('SetSlave', True) in one.node.svcmand.calls, 'told again')
    assert ('SetSlave', False) not in one.node.svcmand.calls


def test_an_electd_that_comes_back_ends_nothing_of_the_slaves(world):
    one = slave(lambda **options: world(ServicesWorld, **options))
    wait_until(lambda: ('SetSlave', True) in one.node.svcmand.calls, 'the slave has services of its own')
    one.electd.kill()
    one.node.svcmand.calls.clear()
    one.peer = ('unknown', 0, '', 0, b'', 0, 0)
    one.electd.start()
    wait_until(lambda: any(c[0] == 'SetMaintenance' for c in one.node.svcmand.calls), 'it is there')
    one.tell_peer('online')
    one.tell_record(MASTER, ROLE_MASTER, epoch=5)
    wait_until(lambda: ('SetSlave', True) in one.node.svcmand.calls, 'told again')
    assert ('SetSlave', False) not in one.node.svcmand.calls


def test_a_service_that_keeps_failing_hands_over(world):
    one = serving(world)
    one.node.svcmand.change(Health='bad')
    wait_until(lambda: one.sent(TAKEOVER), 'the peer is asked to take over')
    assert any('keeps failing' in e for e in one.errors())


def test_in_maintenance_a_svcmand_that_comes_back_is_told_that_and_no_more(world):
    one = serving(world)
    one.electd.call('SetMaintenance', 'b', 'true')
    wait_until(lambda: ('SetMaintenance', True) in one.node.svcmand.calls, 'it is told')
    one.log.clear()
    one.node.svcmand.calls.clear()
    one.node.svcmand.hang_up()
    wait_until(lambda: ('SetMaintenance', True) in one.node.svcmand.calls, 'told again')
    assert one.log == []
    one.electd.call('SetMaintenance', 'b', 'false')
    wait_until(lambda: one.log == ['Start'], 'told what is wanted')


def test_without_an_able_peer_a_service_that_fails_is_gone_without(world):
    one = world(ServicesWorld)
    one.refusal = 'Service vpn: it does not run'
    one.start()
    one.wait_state('master')
    assert 'Acquire' in one.log and 'Stop' not in one.log[one.log.index('Start'):]
    assert 'svcmand could not start the services: Service vpn: it does not run' in one.electd.log()


def test_a_svcmand_that_comes_back_is_told_what_is_wanted(world):
    one = serving(world)
    one.log.clear()
    one.node.svcmand.hang_up()
    wait_until(lambda: one.log == ['Start'], 'told again')


def test_a_deferred_order_moves_the_role_all_the_same(world):
    one = serving(world)
    one.deferred = [('vpn', 'systemd does not answer')]
    one.tell_message(PREQ, nonce=78)
    one.wait_state('slave')
    assert 'Going on without waiting to stop the services: service vpn: systemd does not answer' in one.electd.log()


def test_what_is_wrong_with_a_service_is_listed(world):
    one = world(ServicesWorld)
    one.node.svcmand.add('service/vpn', 'Service', Problem='This node has no unit vpn.service.')
    one.start()
    wait_until(lambda: 'Service vpn: This node has no unit vpn.service.' in one.errors(), 'it is listed')
