# SPDX-License-Identifier: Apache-2.0
import subprocess

import pytest


def translate(tools, folder, text):
    source, target = folder / "in.c", folder / "out.c"
    source.write_text(text)
    run = subprocess.run([tools / "c23to11", source, target], capture_output=True, text=True)
    return target.read_text() if run.returncode == 0 else None, run.stderr


@pytest.mark.parametrize("new, old", [
    ("enum e : int { A };", "enum e { A };"),
    ("enum : uint32_t { A };", "enum { A };"),
    ("typedef enum [[nodiscard]] s : int { OK } s_t;", "typedef enum s { OK } s_t;"),
    ("constexpr int a = 1;", "static const int a = 1;"),
    ('static_assert(1, "yes");', '_Static_assert(1, "yes");'),
    ('char *s = "auto"; /*@ typeof */ // nullptr', 'char *s = "auto"; /*@ typeof */ // nullptr'),
])
def test_known_forms_become_c11(tools, tmp_path, new, old):
    text, error = translate(tools, tmp_path, new + "\n")
    assert error == "" and text.splitlines()[-1] == old


@pytest.mark.parametrize("text", [
    "int *p = nullptr;", "void f(void) { auto x = 1; }", "[[maybe_unused]] static int x;",
    "enum e : unsigned long long { A };", "int a = 0b11;", "int a = 1'000;", "typeof(int) z;",
    "_BitInt(9) b;", "thread_local int t;",
])
def test_an_unknown_form_is_refused(tools, tmp_path, text):
    out, error = translate(tools, tmp_path, text + "\n")
    assert out is None and "no C11 is known for" in error
