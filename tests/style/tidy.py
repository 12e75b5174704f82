#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Run clang-tidy over every C file of ours that the build compiles.

  tidy.py BUILD

That a file is clean is remembered in ~/.cache/hapair/tidy, under a digest of what the compiler makes of it, so
that only what changed is looked at again, from whichever checkout.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys


CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "hapair", "tidy")


def compiled_files(build):
    """One compile command a source file, without what the generators made."""
    seen = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        path = pathlib.Path(entry["directory"], entry["file"]).resolve()
        if build not in path.parents:
            seen.setdefault(path, entry)
    return sorted(seen.items())


def rules():
    """What the verdict depends on besides the file."""
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    return version + pathlib.Path(".clang-tidy").read_bytes()


def digest(entry, judged_by):
    """Of what the compiler sees of the file: its text after the preprocessor."""
    command = shlex.split(entry["command"])
    del command[command.index("-o"):command.index("-o") + 2]
    command = [word for word in command if word not in ("-c", "-MD") and not word.startswith(("-MQ", "-MF"))]
    text = subprocess.run(command + ["-E", "-P"], cwd=entry["directory"], capture_output=True, check=True).stdout
    return hashlib.sha256(judged_by + text).hexdigest()


def judge(build, path, entry, judged_by):
    mark = CACHE / digest(entry, judged_by)
    if mark.exists():
        return None
    done = subprocess.run(["clang-tidy", "--quiet", "--extra-arg=-Wno-unknown-warning-option", "-p", build, path],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stdout + done.stderr
    mark.touch()
    return None


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    CACHE.mkdir(parents=True, exist_ok=True)
    files, judged_by = compiled_files(build), rules()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        findings = [text for text in pool.map(lambda f: judge(build, *f, judged_by), files) if text]
    for text in findings:
        print(text)
    sys.exit(f"{len(findings)} of {len(files)} files have findings" if findings else 0)


if __name__ == "__main__":
    main()
