# SPDX-License-Identifier: Apache-2.0
"""tools/check_layers.py, on small trees with the real kernel/LAYERS."""
import shutil
import subprocess

import pytest


@pytest.fixture
def check(tools, tmp_path):
    """Checks a tree in which the file `path` has `line`, and all that it might include exists."""
    for name in ("abi/status.h", "lib/base/list.h", "kernel/arch/arch.h", "kernel/core/log.h",
                 "kernel/core/log_priv.h", "kernel/mm/page.h", "kernel/ipc/port.h",
                 "kernel/dev/bus.h", "kernel/drv/a/a.h", "kernel/drv/b/b.h", "user/sh/sh.h", "user/vi/vi.h",
                 "user/libswos/print.h",
                 "kernel/arch/arm64/sysreg.h", "kernel/arch/arm64/inc/arch_inline.h",
                 "kernel/arch/arm64/inc/arch_layout.h",
                 "kernel/variant/checked/lock_check.h", "tests/harness/test.h"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    shutil.copy(tools.parent / "kernel/LAYERS", tmp_path / "kernel")

    def run(path, line):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(line + "\n")
        return subprocess.run([tools / "check_layers.py", tmp_path], capture_output=True, text=True)
    return run


@pytest.mark.parametrize("path,header", [
    ("kernel/mm/x.c", "kernel/core/log.h"),
    ("kernel/mm/x.c", "lib/base/list.h"),
    ("kernel/core/x.c", "kernel/core/log_priv.h"),
    ("kernel/core/test/x_test.c", "kernel/core/log_priv.h"),
    ("kernel/core/test/x_test.c", "tests/harness/test.h"),
    ("lib/elf/x.c", "lib/base/list.h"),
    ("kernel/main.c", "kernel/drv/a/a.h"),
    ("kernel/arch/arm64/x.S", "kernel/arch/arm64/sysreg.h"),
    ("user/sh/x.c", "lib/base/list.h"),
    ("user/sh/x.c", "abi/gen/numbers.h"),
    ("user/sh/x.c", "user/libswos/print.h"),
])
def test_downward_and_own_includes_are_fine(check, path, header):
    result = check(path, f'#include "{header}"')
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("path,header,why", [
    ("kernel/core/x.c", "kernel/mm/page.h", "higher level"),
    ("lib/elf/x.c", "kernel/core/log.h", "kernel only"),
    ("abi/x.h", "lib/base/list.h", "higher level"),
    ("kernel/dev/x.c", "kernel/ipc/port.h", "sibling"),
    ("kernel/drv/a/x.c", "kernel/drv/b/b.h", "sibling"),
    ("kernel/mm/x.c", "kernel/core/log_priv.h", "private"),
    ("kernel/core/x.c", "kernel/arch/arm64/sysreg.h", "one architecture"),
    ("user/sh/x.c", "kernel/arch/arch.h", "kernel only"),
    ("user/sh/x.c", "user/vi/vi.h", "sibling"),
    ("user/libswos/x.c", "user/sh/sh.h", "higher level"),
    ("boot/x.c", "kernel/core/log.h", "kernel only"),
    ("kernel/core/x.c", "log.h", "from the root"),
    ("lib/base/x.c", "tests/harness/test.h", "higher level"),
])
def test_other_includes_are_refused_with_place_and_reason(check, path, header, why):
    result = check(path, f'// first line\n  #  include "{header}"')
    assert result.returncode == 1
    assert f"{path}:2: {header}" in result.stdout and why in result.stdout


@pytest.mark.parametrize("path,header,status", [
    ("lib/base/x.c", "stdint.h", 0),
    ("lib/base/x.c", "stdio.h", 1),
    ("tests/fuzz/x.c", "stdio.h", 0),
    ("kernel/arch/arch.h", "arch_inline.h", 0),
    ("kernel/core/x.c", "arch_inline.h", 1),
    ("kernel/mm/layout.h", "arch_layout.h", 0),
    ("kernel/mm/page.h", "arch_layout.h", 1),
    ("kernel/core/x.h", "lock_check.h", 0),
    ("lib/base/x.h", "lock_check.h", 1),
])
def test_headers_from_the_include_path(check, path, header, status):
    assert check(path, f"#include <{header}>").returncode == status


def test_a_kernel_folder_that_no_line_names_is_refused(check):
    assert check("kernel/stray/x.c", "").returncode == 1
