# SPDX-License-Identifier: Apache-2.0
"""tools/swos-cc is a compiler as build systems expect it, for this system and no other."""
import os
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SWOS_BUILD", ROOT / "build"))


@pytest.fixture
def cc(tools, tmp_path):
    def run(*words, text=None):
        return subprocess.run([tools / "swos-cc", *words], capture_output=True, text=True, input=text,
                              cwd=tmp_path, env=os.environ | {"SWOS_BUILD": str(BUILD)})
    return run


@pytest.fixture
def program(tmp_path):
    (tmp_path / "prog.c").write_text("#include <stdio.h>\nint main(void) { return puts(\"x\") < 0; }\n")
    return "prog.c"


def headers(path):
    return subprocess.run(["llvm-readelf-19", "-hlnrd", path], capture_output=True, text=True,
                          check=True).stdout


def test_a_program_is_a_static_pie_with_landing_pads_and_no_writable_code(cc, program, tmp_path):
    result = cc("-O2", "-o", "prog", program, "-pthread", "-lm", "-static")
    assert (result.returncode, result.stderr) == (0, "")
    text = headers(tmp_path / "prog")
    assert re.search(r"Type:\s+DYN", text) and "INTERP" not in text and "NEEDED" not in text
    assert "aarch64 feature: BTI" in text
    assert not re.search(r"LOAD .* RWE ", text) and re.search(r"GNU_STACK .* RW ", text)


def test_no_pie_gives_a_program_at_a_fixed_address(cc, program, tmp_path):
    assert cc("-no-pie", "-o", "prog", program).returncode == 0
    assert re.search(r"Type:\s+EXEC", headers(tmp_path / "prog"))


@pytest.mark.parametrize("words,output", [
    (["-c"], "prog.o"), (["-S"], "prog.s"), (["-c", "-o", "other.o"], "other.o"), ([], "a.out"),
    (["-MMD", "-MF", "dep", "-c"], "dep")])
def test_what_comes_out_lies_where_any_compiler_puts_it(cc, program, tmp_path, words, output):
    assert cc(*words, program).returncode == 0
    assert (tmp_path / output).exists()


def test_a_program_may_come_from_standard_input_in_parts_and_from_archives(cc, tools, tmp_path):
    assert cc("-x", "c", "-c", "-", "-o", "part.o", text="int part(void) { return 0; }").returncode == 0
    subprocess.run([tools / "swos-ar", "rc", "libpart.a", "part.o"], cwd=tmp_path, check=True)
    subprocess.run([tools / "swos-ranlib", "libpart.a"], cwd=tmp_path, check=True)
    result = cc("-x", "c", "-", "-o", "prog", "-L.", "-lpart",
                text="int part(void); int main(void) { return part(); }")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("standard", ["c99", "c11", "gnu17", "c23"])
def test_what_is_native_compiles_as_any_standard_of_c(cc, standard):
    result = cc(f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-x", "c", "-", "-o", "prog",
                text="""
#include <swiftos.h>
int main(void)
{
    struct swiftos_spawn_handle handles[] = {
        { 1, 1, SWIFTOS_RIGHT_ALL, 0 },
        { 9, 3, SWIFTOS_RIGHT_READ | SWIFTOS_RIGHT_GETATTR, 0 },
    };
    char *const argv[] = { "program", 0 };
    long status = spawn_handles("/bin/program", argv, handles, 2);
    return (int)status;
}
""")
    assert (result.returncode, result.stderr) == (0, "")


def test_it_is_no_linux_and_says_what_it_is(cc):
    macros = cc("-dM", "-E", "-x", "c", "-", text="").stdout
    assert "#define __swos__ 1" in macros and "#define __unix__ 1" in macros
    assert "linux" not in macros
    assert cc("-dumpmachine").stdout == "aarch64-swos\n"
    assert "clang version" in cc("--version").stdout
    assert "no input files" in cc().stderr


def test_errors_are_errors(cc, program, tmp_path):
    assert cc("-shared", program).returncode == 1
    assert cc("missing.c").returncode != 0
    (tmp_path / "bad.c").write_text("int main(void) { return nowhere(); }\n")
    assert cc("bad.c").returncode != 0
    assert not (tmp_path / "a.out").exists()


def test_what_the_compiler_calls_by_itself_is_there(cc):
    result = cc("-O2", "-x", "c", "-", "-o", "prog", text="""
        #include <complex.h>
        volatile long double a = 3; volatile unsigned __int128 b = 7; volatile double complex c = 1;
        volatile struct { char bytes[24]; } *d;
        int main(void) { a = a / 3 + (long double)b; b = b / 3 % (unsigned __int128)a; c = c * c / 2;
            __builtin___clear_cache((char *)main, (char *)main + 4); return (int)a; }""")
    assert result.returncode == 0, result.stderr


def test_numbers_of_system_calls_are_those_of_the_table(cc):
    """And every other that musl knows is far above."""
    table = dict(re.findall(r"^\d+\s+\w+", line)[0].split()[::-1]
                 for line in (ROOT / "abi/syscalls.tbl").read_text().splitlines()
                 if re.match(r"\d", line))
    text = cc("-dM", "-E", "-x", "c", "-", text="#include <sys/syscall.h>\n").stdout
    ours = dict(re.findall(r"#define SYS_(\w+) (\d+)", text))
    assert {name: ours.get(name) for name in table} == table
    assert all(int(number) >= 4096 for name, number in ours.items() if name not in table)
    assert len(ours) > 300


def test_headers_of_the_system_can_be_used_alone(cc):
    for header in sorted((BUILD / "sysroot/include/swos").rglob("*.h")):
        name = header.relative_to(BUILD / "sysroot/include")
        result = cc("-std=c23", "-Wall", "-Werror", "-fsyntax-only", "-x", "c", "-",
                    text=f"#include <{name}>\n")
        assert result.returncode == 0, result.stderr
