#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Makes a manual page of an interface: gdbus-codegen turns the documented XML into reStructuredText, one file
an interface, and rst2man turns all of it into org.hapair.NAME1(5).

usage: interface-page.py org.hapair.NAME1.xml PAGE
"""

import pathlib
import re
import subprocess
import sys
import tempfile

PAGE = '''{line}
{name}
{line}

{under}
{summary}
{under}

:Manual section: 5
:Manual group: hapair

'''


def generate(xml, directory):
    """The reStructuredText of each interface, the root one first."""
    subprocess.run(['gdbus-codegen', '--generate-rst', directory / 'x', xml], check=True)
    return [path.read_text() for path in sorted(directory.iterdir(), key=lambda path: len(path.name))]


def main(xml, page):
    name = pathlib.Path(xml).stem
    summary = re.search(r'@short_description: (.*)', pathlib.Path(xml).read_text()).group(1)
    head = PAGE.format(name=name, line='#' * len(name), summary=summary, under='*' * len(summary))
    with tempfile.TemporaryDirectory() as directory:
        text = '\n'.join(generate(xml, pathlib.Path(directory)))
    # Link targets that nothing links to, and whose names clash.
    text = re.sub(r'^\.\. _?org\..*:$', '', text, flags=re.MULTILINE)
    subprocess.run(['rst2man', '--report=2', '--halt=2', '-', page], input=head + text, text=True, check=True)


if __name__ == '__main__':
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
