# SPDX-License-Identifier: Apache-2.0
"""tools/gen_syscalls: what it refuses, what it makes, and that the reference in docs/ is current."""
import shutil
import subprocess

import pytest


@pytest.fixture
def generate(tools, tmp_path):
    """Runs the generator on a table of these lines beside the real headers."""
    abi = tools.parent / "abi"
    (tmp_path / "abi").mkdir()
    for name in ("status.h", "rights.h"):
        shutil.copy(abi / name, tmp_path / "abi")

    def run(*lines):
        table = tmp_path / "abi/syscalls.tbl"
        table.write_text("\n".join(lines) + "\n")
        result = subprocess.run([tools / "gen_syscalls", table, tmp_path / "out"],
                                capture_output=True, text=True)
        result.read = lambda name: (tmp_path / "out" / name).read_text()
        return result
    return run


@pytest.mark.parametrize("line,why", [
    ("1 a() | - | -", "not `NUMBER NAME"),
    ("1 a(int x) | - | - | Text.", "`int x` is not `TYPE name`"),
    ("1 a(file x) | - | - | Text.", "have rights in brackets"),
    ("1 a(u32[READ] x) | - | - | Text.", "have rights in brackets"),
    ("1 a(file[REED] x) | - | - | Text.", "no right REED"),
    ("1 a() | ROOT | - | Text.", "no grant ROOT"),
    ("1 a() | - | WRONG | Text.", "no error WRONG"),
    ("1 a() | - | INVAL INVAL | Text.", "INVAL twice"),
    ("1 a(file[] x) | - | BADF | Text.", "BADF follows from the handle"),
    ("1 a() | POWER | PERM | Text.", "PERM follows from the grant"),
    ("1 a(user x) | - | - | Text.", "no FAULT"),
    ("1 a(at x) | - | - | Text.", "no path for x"),
    ("1 a(u32 x, u32 x) | - | - | Text.", "two arguments of one name"),
    ("1 a(u32 a, u32 b, u32 c, u32 d, u32 e, u32 f, u32 g) | - | - | Text.", "more than 6"),
    ("1 a() | - | - | no sentence", "not a sentence"),
    ("0 a() | - | - | Text.", "numbers must rise from 1"),
])
def test_a_line_that_is_wrong_is_refused_with_its_reason(generate, line, why):
    result = generate(line)
    assert result.returncode != 0 and why in result.stderr


def test_all_problems_are_reported_at_once(generate):
    result = generate("2 a() | ROOT | - | Text.", "1 a() | - | WRONG | Text.")
    for why in ("no grant ROOT", "no error WRONG", "numbers must rise", "a: twice"):
        assert why in result.stderr


def test_handles_are_looked_up_in_order_and_dropped_in_reverse(generate):
    result = generate("1 copy(file[READ] from, any[WAIT] to) | - | - | Text.")
    assert result.returncode == 0, result.stderr
    text = result.read("syscall_table.c")
    order = ["decode_file((int32_t)a0, SWIFTOS_RIGHT_READ, &o0)", "decode_any((int32_t)a1, SWIFTOS_RIGHT_WAIT, &o1)",
             "decode_drop_file(o0);\n        return", "sys_copy(o0, o1)", "decode_drop_any(o1)", "decode_drop_file(o0)"]
    places = [text.find(part, 0 if i < 4 else text.find("sys_copy(o0, o1)")) for i, part in enumerate(order)]
    assert -1 not in places and places == sorted(places)


def test_grants_are_checked_before_handles(generate):
    result = generate("1 boom(file[] f) | POWER+TIME | - | Text.")
    text = result.read("syscall_table.c")
    assert text.index("decode_grants(1u << SWOS_GRANT_POWER | 1u << SWOS_GRANT_TIME)") < \
        text.index("decode_file(")


def test_a_directory_comes_with_the_path_behind_it(generate):
    result = generate("1 link(user target, at dir, u32 x, user path) | - | FAULT | Text.")
    assert "decode_at((int32_t)a1, a3, &o1)" in result.read("syscall_table.c")


def test_a_call_without_checks_has_its_handler_in_the_table(generate):
    text = generate("1 a(u64 x) | - | - | Text.").read("syscall_table.c")
    assert "[1] = TIMED(sys_a)," in text


def test_the_time_of_a_short_call_is_not_counted_and_it_takes_no_handles(generate):
    text = generate("1 a(u64 x) | short | - | Text.").read("syscall_table.c")
    assert "[1] = SHORT(sys_a)," in text
    result = generate("1 a(file[] x) | short | - | Text.")
    assert result.returncode != 0 and "what takes handles is not short" in result.stderr


def test_stubs_and_grammar_compile(generate, tmp_path):
    assert generate("1 a(user x, i32 y) | TIME | FAULT | Text.", "3 b() | - | - | Text.").returncode == 0
    source = tmp_path / "use.c"
    source.write_text('#include "abi/gen/syscall_stubs.h"\n#include "abi/gen/syscall_grammar.h"\n'
                      "long use(void) { return sys_a(0, -1) + sys_b() + syscall_grammar[1].number; }\n")
    subprocess.run(["clang-19", "--target=aarch64-none-elf", "-std=c23", "-Wall", "-Wextra", "-Werror", "-ffreestanding",
                    f"-I{tmp_path}/out", f"-I{tmp_path}", "-fsyntax-only", source], check=True)


def test_the_reference_in_docs_is_current(tools):
    root = tools.parent
    made = subprocess.run([tools / "gen_syscalls", "--reference", root / "abi/syscalls.tbl"],
                          capture_output=True, text=True, check=True).stdout
    assert made == (root / "docs/system-calls.md").read_text(), "make docs"
