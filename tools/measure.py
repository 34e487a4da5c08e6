#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the sizes of the tree beside what they should be about: `make measure`.

Orientation, not law: drift is discussed, so this never fails.  Functions are found by the house
style: a body begins and ends with a brace in the first column.
"""
import os
import re
import statistics
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = ("abi", "lib", "kernel", "boot", "user", "tests")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)
IMAGE_LIMIT = 400 * 1024


class Folder:
    def __init__(self):
        self.code, self.comment, self.conditionals = 0, 0, 0
        self.files, self.headers = [], []  # (lines, path)
        self.functions = []  # (lines, parameters, name and place)

    def add(self, path, text):
        lines = text.splitlines()
        bare = COMMENT.sub(lambda m: "\n" * m.group().count("\n"), text).splitlines()
        code = sum(1 for line in bare if line.strip())
        self.code += code
        self.comment += sum(1 for line in lines if line.strip()) - code
        (self.headers if path.endswith(".h") else self.files).append((len(lines), path))
        if path.endswith(".c"):
            self.conditionals += sum(1 for line in bare if re.match(r"\s*#\s*if", line))
            self.functions += functions(path, bare)


def functions(path, lines):
    begin = None
    for number, line in enumerate(lines):
        if line == "{":
            begin = number
        elif line == "}" and begin is not None:
            head = begin - 1
            while head > 0 and lines[head - 1] and lines[head - 1][0] not in "}#":
                head -= 1
            declaration = " ".join(lines[head:begin])
            match = re.search(r"(\w+)\s*\((.*)\)", declaration)
            if match:
                inside = re.sub(r"\([^()]*\)", "", match[2])  # of a function pointer
                parameters = 0 if inside.strip() == "void" else inside.count(",") + 1
                yield number - begin + 1, parameters, f"{path}: {match[1]}"
            begin = None


def read(top):
    result = Folder()
    for folder, _, names in os.walk(os.path.join(ROOT, top)):
        for name in sorted(names):
            if name.endswith((".c", ".h", ".S")):
                path = os.path.join(folder, name)
                with open(path, encoding="utf-8") as file:
                    result.add(os.path.relpath(path, ROOT), file.read())
    return result


def share(part, whole):
    return f"{100 * part / whole:.0f}%" if whole else "-"


def print_table(folders):
    print(f"{'':8}{'code':>8}{'comment':>9}{'files':>7}{'median':>8}{'longest':>9}{'#if/k':>7}"
          f"{'functions':>11}{'median':>8}{'>50':>5}{'longest':>9}")
    print(f"{'aim':8}{'':8}{'15-30%':>9}{'':7}{'100-400':>8}{'1000':>9}{'<2':>7}{'':11}{'5-25':>8}"
          f"{'few':>5}{'80':>9}")
    for top, f in folders.items():
        if not f.code:
            continue
        sizes = [lines for lines, _ in f.files + f.headers]
        lengths = [lines for lines, _, _ in f.functions] or [0]
        print(f"{top:8}{f.code:8}{share(f.comment, f.code + f.comment):>9}{len(sizes):7}"
              f"{statistics.median(sizes):8.0f}{max(sizes):9}{1000 * f.conditionals / f.code:7.1f}"
              f"{len(f.functions):11}{statistics.median(lengths):8.0f}"
              f"{sum(1 for n in lengths if n > 50):5}{max(lengths):9}")


def print_list(title, entries):
    entries = sorted(entries, reverse=True)
    if entries:
        print(f"\n{title}")
        for size, place in entries:
            print(f"{size:6}  {place}")


def print_images(build):
    for variant in ("release", "test", "checked"):
        path = os.path.join(build, variant, "kernel.img")
        if os.path.exists(path):
            size = os.path.getsize(path)
            names = os.path.join(build, variant, "ksyms.bin")
            print(f"{path}: {size} bytes, of them {os.path.getsize(names)} function names"
                  + (f"; {share(size, IMAGE_LIMIT)} of the limit" if variant == "release" else ""))


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build")
    folders = {top: read(top) for top in FOLDERS}
    print_table(folders)
    every = list(folders.values())
    print_list("Functions over 50 lines", [(n, p) for f in every for n, _, p in f.functions if n > 50])
    print_list("Functions with more than 5 parameters",
               [(n, p) for f in every for _, n, p in f.functions if n > 5])
    print_list("Files over 400 lines", [e for f in every for e in f.files if e[0] > 400])
    print_list("Headers over 200 lines", [e for f in every for e in f.headers if e[0] > 200])
    print()
    print_images(build)


if __name__ == "__main__":
    main()
