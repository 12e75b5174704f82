# SPDX-License-Identifier: LGPL-2.1-or-later
"""gen-sdbus.py: what it makes compiles, and what it refuses it refuses with the place and the rule."""

import os
import pathlib
import re
import subprocess
import xml.etree.ElementTree as ET

import pytest

ROOT = pathlib.Path(os.environ["HAPAIR_SOURCE_ROOT"])
GENERATOR = ROOT / "interfaces" / "gen-sdbus.py"

WHOLE = """
<node>
  <interface name="org.hapair.Example1">
    <property name="DeadTimeUSec" type="t" access="read"/>
    <method name="DoAll">
      <annotation name="org.hapair.Polkit" value="org.hapair.test"/>
      <arg name="text" type="s" direction="in"/>
      <arg name="bytes" type="ay" direction="in"/>
      <arg name="yes" type="b" direction="in"/>
      <arg name="number" type="t" direction="out"/>
    </method>
    <method name="Quiet">
      <annotation name="org.hapair.Private" value="hapair-electd"/>
    </method>
    <signal name="Told"><arg name="bytes" type="ay"/><arg name="share" type="d"/></signal>
    <signal name="Nothing"/>
  </interface>
  <interface name="org.hapair.Example1.Child">
    <property name="State" type="s" access="read"/>
    <signal name="Moved"><arg name="by" type="u"/></signal>
  </interface>
</node>
"""


def generate(tmp_path, xml):
    source, out = tmp_path / "org.hapair.Example1.xml", tmp_path / "interfaces"
    source.write_text(xml)
    out.mkdir()
    done = subprocess.run([GENERATOR, source, out], capture_output=True, text=True, check=False)
    return done, out


def test_what_it_makes_compiles_without_a_warning(tmp_path):
    done, out = generate(tmp_path, WHOLE)
    assert done.returncode == 0, done.stderr
    for name in ("server.c", "client.c"):
        subprocess.run(["gcc", "-std=gnu17", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", "-I", tmp_path,
                        "-I", ROOT, "-c", out / f"example1-{name}", "-o", tmp_path / "out.o"], check=True)


def test_a_handler_that_is_missing_is_a_link_error(tmp_path):
    _, out = generate(tmp_path, WHOLE)
    done = subprocess.run(["gcc", "-std=gnu17", "-I", tmp_path, "-I", ROOT, out / "example1-server.c", "-x", "c", "-",
                           "-o", tmp_path / "out"], input="int main(void) { return 0; }", capture_output=True,
                          text=True, check=False)
    assert done.returncode and "example1_method_do_all" in done.stderr


def test_rights_come_from_the_annotations(tmp_path):
    _, out = generate(tmp_path, WHOLE)
    text = (out / "example1-server.c").read_text()
    assert '{ "org.hapair.Example1", "DoAll", "", true }' in text
    assert '{ "org.hapair.Example1", "Quiet", "hapair-electd", false }' in text
    assert 'polkit_guard(message, "org.hapair.test", example1_method_do_all' in text


@pytest.mark.parametrize("change,complaint", [
    (('<annotation name="org.hapair.Private" value="hapair-electd"/>', ""),
     "org.hapair.Example1.Quiet: say who may call it"),
    (('type="t" access="read"', 'type="t" access="readwrite"'), "DeadTimeUSec: a property is for reading"),
    (('<arg name="text" type="s"', '<arg type="s"'), "DoAll: every argument needs a name and a type"),
    (('<arg name="text" type="s"', '<arg name="text" type="a{sv}"'), "type a{sv} cannot be sent"),
    (("org.hapair.Example1.Child", "com.example.Child"), "the name must begin with org.hapair."),
    (("</node>", ""), "no element found"),
])
def test_what_it_cannot_do_it_refuses(tmp_path, change, complaint):
    done, out = generate(tmp_path, WHOLE.replace(*change))
    assert done.returncode == 1 and complaint in done.stderr
    assert not list(out.iterdir())


@pytest.mark.parametrize("xml", sorted((ROOT / "interfaces").glob("*.xml")), ids=lambda p: p.name)
def test_every_member_and_argument_of_ours_is_documented(xml):
    """In the comments that gdbus-codegen makes the reference pages from."""
    text = xml.read_text()
    comments = dict(re.findall(r"<!--\s*([\w.]+):(.*?)-->", text, re.DOTALL))
    for interface in ET.parse(xml).getroot().iter("interface"):
        assert interface.get("name") in comments
        for member in [*interface.iter("method"), *interface.iter("signal"), *interface.iter("property")]:
            assert len(comments[member.get("name")].split()) > 2, member.get("name")
            for argument in member.iter("arg"):
                assert f"@{argument.get('name')}:" in comments[member.get("name")], member.get("name")
