# SPDX-License-Identifier: Apache-2.0
"""Where the CPUs of a guest are: backtraces through QEMU's monitor, for tools/guest."""
import os
import re
import subprocess

DEPTH = 24
KERNEL_HALF = 1 << 63
IMAGE_SPAN = 1 << 24


def chain(monitor, cpu, registers):
    """Program counters, innermost first, along the frame pointers (AAPCS64 6.4.6)."""
    found = [registers["PC"]]
    if registers["PC"] < KERNEL_HALF:
        return found
    monitor(f"cpu {cpu}")
    frame = registers["X29"]
    while frame >= KERNEL_HALF and len(found) < DEPTH:
        words = re.findall(r"0x[0-9a-f]{16}", monitor(f"x /2gx {frame:#x}"))
        if len(words) != 2 or int(words[0], 16) == frame:
            break
        frame = int(words[0], 16)
        found.append(int(words[1], 16) - 4)  # the call, not what comes after it
    return found


def names_of(elf, offsets):
    """{offset: function and place} for offsets into the image."""
    if not offsets or not os.path.exists(elf):
        return {}
    try:
        result = subprocess.run(
            ["llvm-symbolizer-19", "--obj", elf, "--no-inlines", "--output-style=GNU"],
            input="".join(f"{offset:#x}\n" for offset in offsets), capture_output=True, text=True,
            check=True)
    except (OSError, subprocess.CalledProcessError):
        return {}
    lines = result.stdout.splitlines()
    return {offset: f"{lines[2 * i]} {lines[2 * i + 1]}" for i, offset in enumerate(offsets)
            if len(lines) >= 2 * len(offsets)}


def describe(monitor, elf, log):
    """Lines for a person.  `log` is the kernel's; it says where the image lies."""
    base = [int(word, 16) for word in re.findall(r"image at (0x[0-9a-f]+)", log)]
    base = base[-1] if base else 0
    lines, chains = [], []
    for part in re.split(r"CPU#", monitor("info registers -a"))[1:]:
        registers = {name: int(value, 16)
                     for name, value in re.findall(r"\b(PC|X29)\s*=([0-9a-f]+)", part)}
        if len(registers) == 2:
            cpu = int(re.match(r"\d+", part).group())
            chains.append((cpu, chain(monitor, cpu, registers)))
    offsets = sorted({pc - base for _, pcs in chains for pc in pcs if 0 <= pc - base < IMAGE_SPAN})
    names = names_of(elf, offsets)
    for cpu, pcs in chains:
        lines.append(f"CPU {cpu}:")
        lines += [f"    {pc:#018x} {names.get(pc - base, 'user' if pc < KERNEL_HALF else '?')}"
                  for pc in pcs]
    return lines
