# SPDX-License-Identifier: LGPL-2.1-or-later
"""The usual lab in one piece: the switch, the serial cable and both nodes, made and healed together."""

from . import net as network
from . import node as machine
from .lab import Lab
from .tools import Cable


class Rig:
    """Everything of a run. `layers` are directory trees laid over the nodes' root, topmost first."""

    def __init__(self, lab, ends=(None, None)):
        self.lab = lab
        self.net = network.Net(lab)
        self.cable = Cable(lab)
        layers = lab.facts()["layers"]
        self.nodes = {name: machine.Node(lab, self.net, name, layers, end)
                      for name, end in zip(network.NODES, ends)}

    @classmethod
    def make(cls, lab, layers=(), segments=("lan", "rep")):
        """Build everything and switch both nodes on."""
        lab.note(layers=[*layers, machine.layer(lab)])
        network.Net(lab).build(segments)
        ends = Cable(lab).lay()
        lab.note(ends=ends)
        self = cls(lab, ends)
        for node in self.nodes.values():
            node.make()
        machine.start_together(*self.nodes.values())
        return self

    @classmethod
    def attach(cls, name=None):
        """The rig of a run that someone else owns."""
        lab = Lab.attach(name)
        return cls(lab, lab.facts()["ends"])

    @property
    def master(self):
        """The node that is the configured master."""
        return self.nodes["master"]

    @property
    def slave(self):
        """The node that is the configured slave."""
        return self.nodes["slave"]

    def heal(self):
        """What was broken is whole again: cables, gateway, stranger, frozen nodes, nodes that are off."""
        self.net.mend()
        self.net.gateway(True)
        self.net.retreat_all()
        self.cable.plug()
        for node in self.nodes.values():
            node.resume()
        off = [node for node in self.nodes.values() if not node.pid]
        machine.start_together(*off)
