#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The one place that composes QEMU command lines; `make run` and tools/guest use it.

As a program it boots swift-os at this terminal:

    tools/qemu.py [--smp N] [--mem SIZE] [--uefi] [--dry-run] ...      (Ctrl-A X ends it)
"""
import argparse
import os
import shlex
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIRMWARE_CODE = "/usr/share/AAVMF/AAVMF_CODE.fd"
FIRMWARE_VARS = "/usr/share/AAVMF/AAVMF_VARS.fd"


def add_options(parser):
    """The options that describe the machine, the same for every tool."""
    build = os.environ.get("SWOS_BUILD", os.path.join(ROOT, "build"))
    add = parser.add_argument
    add("--smp", default="1", metavar="N", help="number of CPUs (1)")
    add("--mem", default="256M", metavar="SIZE", help="memory (256M)")
    add("--cpu", default="cortex-a72", metavar="MODEL", help="CPU model (cortex-a72)")
    add("--machine", default="", metavar="OPTS",
        help="options of -M virt, as gic-version=3,virtualization=on")
    add("--uefi", action="store_true", help="start through the firmware and our loader")
    add("--net", nargs="*", action="extend", metavar="FORWARD",
        help="a network card; each FORWARD is a port of this host, as tcp::8080-:80")
    add("--nic", nargs="+", action="append", default=[], metavar=("BACKEND", "OPTIONS"),
        help="a network card on this back end of QEMU (-netdev), and options of the card")
    add("--disk", action="append", default=[], metavar="FILE", help="a raw image as virtio-blk")
    add("--bus", choices=("mmio", "pci"), default="mmio", help="where virtio devices sit (mmio)")
    add("--boot-disk", metavar="FILE", help="boot this disk by UEFI; it has kernel and options")
    add("--kernel", metavar="FILE", default=os.path.join(build, "release/kernel.img"))
    add("--base", metavar="FILE", default=os.path.join(build, "base.img"),
        help="base image, attached as the first disk, read-only, when the file is there")
    add("--base-initrd", action="store_true", help="hand the base image over in memory instead")
    add("--loader", metavar="FILE", default=os.path.join(build, "boot/BOOTAA64.EFI"))
    add("--append", action="append", default=[], metavar="TEXT", help="kernel command line")
    add("--icount", action="store_true", help="count instructions: virtual time follows them")
    add("--qemu", action="append", default=[], metavar="WORDS", help="more options for QEMU")
    add("-n", "--dry-run", action="store_true",
        help="print the command line, quoted for the shell, and stop")


def virtio(options, kind, rest):
    """A virtio device.  A PCI card would ask for an option ROM, which need not be installed."""
    if options.bus == "pci":
        rom = ",romfile=" if kind == "net" else ""
        return ["-device", f"virtio-{kind}-pci,{rest}{rom},disable-legacy=on"]
    return ["-device", f"virtio-{kind}-device,{rest}"]


def network(options):
    """The cards of --net and --nic."""
    words = []
    if options.net is not None:
        forwards = "".join(f",hostfwd={rule}" for rule in options.net)
        words += ["-netdev", f"user,id=net0{forwards}"] + virtio(options, "net", "netdev=net0")
    for number, (backend, *card) in enumerate(options.nic, 1):
        words += ["-netdev", f"{backend},id=net{number}"] + virtio(
            options, "net", ",".join([f"netdev=net{number}", *card]))
    return words


def quoted(path):
    """A path inside a QEMU option, where a comma separates settings."""
    return path.replace(",", ",,")


def disk(options, number, path, rest=""):
    return ["-drive", f"if=none,id=disk{number},format=raw,file={quoted(path)}"] + virtio(
        options, "blk", f"drive=disk{number}{rest}")


def base_disk(options):
    """The base image.  Several guests may have it at the same time, so nobody locks it."""
    return ["-drive", f"if=none,id=base,format=raw,readonly=on,file.locking=off,"
                      f"file={quoted(options.base)}"] + virtio(options, "blk", "drive=base")


def kernel_line(options):
    """The kernel's command line."""
    words = list(options.append)
    if options.icount:
        # While the guest is idle its time jumps, past what a disk of this host can do.
        words.append("disk-timeout=0")
    return " ".join(words)


def esp_command(options, esp):
    """What makes the boot volume that the firmware starts from, for --uefi without a boot disk."""
    command = [os.path.join(ROOT, "tools/mkdisk"), "--esp-only", "--loader", options.loader,
               "--kernel", options.kernel, "--cmdline", kernel_line(options)]
    if os.path.exists(options.base):
        command += ["--base", options.base]
    return command + [esp]


def boot_options(options, esp):
    """What is started, and how."""
    if options.boot_disk or options.uefi:
        # A variable store that an earlier run wrote for other devices ends in the firmware's
        # shell, so each run has fresh ones.  Without splash-time the menu waits five seconds.
        return ["-drive", f"if=pflash,format=raw,readonly=on,file={FIRMWARE_CODE}",
                "-drive", f"if=pflash,format=raw,snapshot=on,file={FIRMWARE_VARS}",
                "-boot", "menu=on,splash-time=0"] + disk(
                    options, "boot", options.boot_disk or esp, ",bootindex=0")
    command = ["-kernel", options.kernel]
    if options.base_initrd and os.path.exists(options.base):
        command += ["-initrd", options.base]
    line = kernel_line(options)
    if line:
        command += ["-append", line]
    return command


def command_line(options, esp="", extra=()):
    """The words of the QEMU command.  `esp` is the boot volume that esp_command made."""
    machine = "virt"
    if (options.uefi or options.boot_disk) and "acpi=" not in options.machine:
        machine += ",acpi=off"  # else the firmware hands over no device tree
    if options.machine:
        machine += "," + options.machine
    # Without -cpu, virt is a 32-bit machine.
    command = ["qemu-system-aarch64", "-nodefaults", "-display", "none", "-M", machine,
               "-cpu", options.cpu, "-smp", options.smp, "-m", options.mem,
               "-global", "virtio-mmio.force-legacy=false"]
    if options.icount:
        # The seeds in the device tree are part of the run, so they are fixed as well.
        command += ["-icount", "shift=0,sleep=off", "-seed", "1"]
    command += boot_options(options, esp)
    if not (options.uefi or options.boot_disk or options.base_initrd) and os.path.exists(options.base):
        command += base_disk(options)
    for number, path in enumerate(options.disk):
        command += disk(options, number, path)
    command += network(options)
    for words in options.qemu:
        command += shlex.split(words)
    return command + list(extra)


def missing_file(options):
    """Names the first file that the run needs and that is not there, or None."""
    needed = list(options.disk)
    if options.boot_disk:
        needed.append(options.boot_disk)
    else:
        needed.append(options.kernel)
        needed += [options.loader] if options.uefi else []
    return next((path for path in needed if not os.path.exists(path)), None)


def needs_esp(options):
    return options.uefi and not options.boot_disk


def print_dry_run(options, esp, command):
    if needs_esp(options):
        print(shlex.join(esp_command(options, esp)))
    print(shlex.join(command))


def main():
    parser = argparse.ArgumentParser(description="Boot swift-os at this terminal.")
    add_options(parser)
    parser.add_argument("--gdb", metavar="PORT",
                        help="wait for a debugger on this port before the first instruction")
    options = parser.parse_args()
    esp = os.path.join(os.path.dirname(os.path.abspath(options.loader)), "esp.img")
    extra = ["-serial", "mon:stdio"]
    if options.gdb:
        extra += ["-gdb", f"tcp:127.0.0.1:{options.gdb}", "-S"]
    command = command_line(options, esp, extra)
    if options.dry_run:
        print_dry_run(options, esp, command)
        return
    missing = missing_file(options)
    if missing:
        sys.exit(f"{missing}: not there; `make build` makes kernel and loader")
    if needs_esp(options):
        subprocess.run(esp_command(options, esp), check=True)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
