# SPDX-License-Identifier: LGPL-2.1-or-later
"""A package, so that the labs can use each other: tests.lab, tests.vm."""
