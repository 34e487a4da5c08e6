# SPDX-License-Identifier: Apache-2.0
"""From power-on to a program, on machines of many shapes, and what the command line does."""
import re

import pytest

NUMA = ["--mem", "512M", "--smp", "2", "--qemu",
        "-object memory-backend-ram,id=m0,size=128M -object memory-backend-ram,id=m1,size=384M "
        "-numa node,memdev=m0,cpus=0 -numa node,memdev=m1,cpus=1"]
# Without reserve=off the host would have to have it all.
HUGE = ["--smp", "2", "--mem", "64G", "--machine", "memory-backend=ram", "--qemu",
        "-object memory-backend-ram,id=ram,size=64G,reserve=off"]
MACHINES = {
    "16M": (["--mem", "16M"], 16),
    "17M": (["--mem", "17M"], 17),
    "64M-smp8": (["--mem", "64M", "--smp", "8"], 64),
    "4G": (["--mem", "4G"], 4096),
    "64G": (HUGE, 65536),
    "numa": (NUMA, 512),
    "el2-gic3": (["--machine", "virtualization=on,gic-version=3", "--smp", "2"], 256),
    "cortex-a53": (["--cpu", "cortex-a53"], 256),
    "neoverse-n1": (["--cpu", "neoverse-n1", "--machine", "gic-version=3"], 256),
    "max": (["--cpu", "max"], 256),
}


@pytest.fixture
def boot(guest, build, tmp_path):
    """Boots, runs a program that needs its arguments, gives the kernel's log."""
    def run(*words, options=()):
        log = tmp_path / "log"
        appended = [word for option in options for word in ("--append", option)]
        result = guest("--base", build / "test/base.img", "--log", log, *words, *appended, "--",
                       "/bin/args", "x")
        assert (result.returncode, result.stdout) == (2, "/bin/args\nx\n"), result.stderr
        return log.read_text(errors="replace").replace("\r\n", "\n")
    return run


def image_address(log):
    return int(re.search(r"image at (0x[0-9a-f]+)", log)[1], 16)


@pytest.mark.parametrize("machine", MACHINES)
def test_boots_and_has_nearly_all_memory(boot, machine):
    words, megabytes = MACHINES[machine]
    log = boot(*words)
    assert "error:" not in log and "warning:" not in log
    found = int(re.search(r"(\d+) MiB RAM", log)[1])
    # What is missing is the kernel image, the ramdisk, page tables and the page array.
    assert megabytes * 0.96 - 5 <= found <= megabytes


@pytest.mark.parametrize("smp", ["1", "2", "4", "8"])
def test_all_cpus_come_up(boot, smp):
    assert f"{smp} of {smp} CPU" in boot("--smp", smp) or smp == "1"


def test_maxcpus_leaves_the_others_alone(boot):
    log = boot("--smp", "4", options=["maxcpus=2"])
    assert "2 of 2 CPUs" in log


@pytest.mark.parametrize("loader", [[], ["--uefi"]])
def test_the_kernel_lies_elsewhere_at_each_boot_unless_told(boot, loader):
    assert image_address(boot(*loader)) != image_address(boot(*loader))
    fixed = image_address(boot(*loader, options=["nokaslr"]))
    assert fixed & 0x1fffff == 0
    assert fixed == image_address(boot(*loader, options=["nokaslr"]))


def test_quiet_keeps_the_console_silent(boot):
    assert boot(options=["quiet"]) == ""


def test_the_log_level_chooses_lines(boot):
    assert "timer:" not in boot()
    assert "timer:" in boot(options=["log=debug"])
    log = boot(options=["log=error,timer:debug"])
    assert "timer:" in log and "boot:" not in log


def test_a_log_level_that_means_nothing_is_said_and_ignored(boot):
    log = boot(options=["log=loud"])
    assert "warning: log:" in log and "MiB RAM" in log


def test_lines_have_rising_times(boot):
    times = [float(t) for t in re.findall(r"^\[ *(\d+\.\d{6})\] ", boot(), re.M)]
    assert len(times) >= 3 and times == sorted(times)
