#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks every #include against kernel/LAYERS.

    check_layers.py [ROOT]        prints what is wrong, a line each; exit status 1 if anything is

Refused: an include of a higher level or of a sibling, a header *_priv.h outside its folder, a
header of one architecture outside it, a path that is not from the root, a header of a C library.
"""
import os
import re
import sys

FREESTANDING = {"float.h", "limits.h", "stdalign.h", "stdarg.h", "stdatomic.h", "stdbool.h",
                "stddef.h", "stdint.h", "stdnoreturn.h"}
# Folders whose sub-folders are strangers to each other.
SPLIT = ("kernel/fs", "kernel/drv", "user")
# Where the include path, not the includer, chooses the header.
CHOSEN = {"kernel/arch": re.compile(r"kernel/arch/[^/]+/inc/"),
          "kernel": re.compile(r"kernel/variant/[^/]+/")}
GENERATED = "abi/gen/"
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def read_layers(path):
    levels, may = {}, []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            words = line.partition("#")[0].split()
            if words and words[0] == "may":
                may.append((words[1], words[2]))
            elif words:
                levels[words[1]] = int(words[0])
    return levels, may


def is_in(path, folder):
    return path == folder or path.startswith(folder + "/")


def unit_of(path, levels):
    """The layer of a file, split further where siblings are strangers; None: none of ours."""
    layer = max((f for f in levels if is_in(path, f)), key=len, default=None)
    if layer in SPLIT and path.count("/") > layer.count("/") + 1:
        return layer, "/".join(path.split("/")[:layer.count("/") + 2])
    return layer, layer


def is_test(path):
    return "/test/" in path or is_in(path, "tests")


def complaint(path, target, levels, may):
    """Why `path` must not include the file `target` of the tree, or None."""
    if any(is_in(path, who) and is_in(target, whom) for who, whom in may):
        return None
    if target.endswith("_priv.h") and not is_in(path, os.path.dirname(target)):
        return "private to its folder"
    arch = re.match(r"kernel/arch/[^/]+/", target)
    if arch and not path.startswith(arch.group()):
        return "of one architecture; include kernel/arch/arch.h"
    if is_in(target, "tests/harness") and is_test(path):
        return None
    if is_in(target, "kernel") and not is_in(path, "kernel"):
        return "for the kernel only"
    own, own_unit = unit_of(path, levels)
    layer, unit = unit_of(target, levels)
    if layer is None:
        return "in no folder that kernel/LAYERS names"
    if own_unit == unit or levels[layer] < levels[own]:
        return None
    return "of a higher level" if levels[layer] > levels[own] else "of a sibling"


def check_angle(path, name, chosen):
    for folder, names in chosen.items():
        if name in names:
            wanted = "kernel/arch/arch.h" if folder == "kernel/arch" else folder
            return None if is_in(path, wanted) else f"only for {wanted}"
    # What runs on the building machine has a C library, and so have the tools
    # and those tests of programs that are named for it.
    places = ("tests", "kernel/arch/host", "kernel/test/host", "user/bin", "user/lib", "user/httpd",
              "user/swos-netd", "user/swos-resolver")
    tests_with_libc = path.startswith(("user/tests/libc_", "user/tests/posix_", "user/tests/check.h"))
    hosted = tests_with_libc or any(is_in(path, place) for place in places)
    return None if hosted or name in FREESTANDING else "of a C library"


def check_file(root, path, levels, may, chosen):
    with open(os.path.join(root, path), encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            quote, target = match.groups()
            if quote == "<":
                allowed = (path, f"<{target}>") in may
                why = None if allowed else check_angle(path, target, chosen)
            elif target.startswith(GENERATED):
                why = None  # numbers only, made by the build; everyone may see them
            elif not os.path.exists(os.path.join(root, target)):
                why = "not a path from the root"
            else:
                why = complaint(path, target, levels, may)
            if why:
                yield f"{path}:{number}: {target} is {why}"


def sources(root, levels):
    tops = sorted({folder.split("/")[0] for folder in levels})
    for top in tops:
        for folder, folders, files in os.walk(os.path.join(root, top)):
            folders.sort()
            for name in sorted(files):
                if name.endswith((".c", ".h", ".S")):
                    yield os.path.relpath(os.path.join(folder, name), root)


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else "."
    levels, may = read_layers(os.path.join(root, "kernel/LAYERS"))
    paths = [p for p in sources(root, levels) if unit_of(p, levels)[0] or is_in(p, "kernel")]
    chosen = {folder: {os.path.basename(p) for p in paths if pattern.match(p)}
              for folder, pattern in CHOSEN.items()}
    wrong = []
    for path in paths:
        if unit_of(path, levels)[0] is not None:
            wrong += check_file(root, path, levels, may, chosen)
        elif not any(pattern.match(path) for pattern in CHOSEN.values()):
            wrong.append(f"{path}: in no folder that kernel/LAYERS names")
    print("\n".join(wrong) if wrong else f"{len(paths)} files keep the layers")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
