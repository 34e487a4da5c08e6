# SPDX-License-Identifier: Apache-2.0
"""tools/ksyms writes the table that lib/ksym reads."""
import struct
import subprocess

import pytest

SOURCE = """
    .text
    .globl vm_map, vm_unmap, label
    .type vm_map, %function
vm_map: nop
inside: nop
    .type vm_unmap, %function
    .type vm_alias, %function
vm_alias:
vm_unmap: ret
label: ret
    .data
    .globl variable
variable: .quad 0
"""


@pytest.fixture
def table(tools, tmp_path):
    """[(start, name)] of an assembler file's functions."""
    def build(source):
        (tmp_path / "x.S").write_text(source)
        subprocess.run(["clang-19", "--target=aarch64-none-elf", "-c", tmp_path / "x.S", "-o",
                        tmp_path / "x.o"], check=True)
        subprocess.run(["ld.lld-19", "-Ttext=0x1000", "-e", "0", tmp_path / "x.o", "-o",
                        tmp_path / "x.elf"], check=True)
        subprocess.run([tools / "ksyms", tmp_path / "x.elf", tmp_path / "out"], check=True)
        return decode((tmp_path / "out").read_bytes())
    return build


def decode(blob):
    """[(start, name)], ending with the end of the text and an empty name."""
    size, count, start, tokens, token_count, at = struct.unpack_from("<6I", blob)
    assert size == len(blob) and token_count <= 128
    words, entries = [], []
    for _ in range(token_count):
        words.append(blob[tokens + 1:tokens + 1 + blob[tokens]])
        tokens += 1 + blob[tokens]
    for _ in range(count):
        words_long, shift = 0, 0
        while blob[at] >= 0x80:
            words_long |= (blob[at] & 0x7F) << shift
            at, shift = at + 1, shift + 7
        words_long |= blob[at] << shift
        name = blob[at + 2:at + 2 + blob[at + 1]]
        at += 2 + len(name)
        entries.append((start, b"".join(words[c - 0x80] if c >= 0x80 else bytes([c])
                                        for c in name).decode()))
        start += 4 * words_long
    return entries + [(start, "")] if entries else []


def test_functions_are_there_by_address_with_the_end_of_the_text(table):
    assert table(SOURCE) == [(0x1000, "vm_map"), (0x1008, "vm_unmap"), (0x100c, "label"),
                             (0x1010, "")]


def test_many_names_come_back_unchanged(table):
    names = [f"{a}_{b}_{i}__{a}" for i, a in enumerate(["page", "vmo", "object", "x"] * 60)
             for b in ("create", "destroy_locked")]
    lines = "".join(f".type {n}, %function\n{n}: nop\n" for n in names)
    assert [name for _, name in table(lines)][:-1] == names


def test_a_large_function_keeps_its_size(table):
    source = ".type a, %function\na: .skip 70000\n.type b, %function\nb: nop\n"
    assert table(source) == [(0x1000, "a"), (0x1000 + 70000, "b"), (0x1000 + 70004, "")]


def test_an_overlong_name_is_cut(table):
    name = "n" * 100
    assert table(f".type {name}, %function\n{name}: nop\n")[0] == (0x1000, "n" * 63)


def test_the_empty_table_has_no_entries(tools, tmp_path):
    subprocess.run([tools / "ksyms", "--empty", tmp_path / "out"], check=True)
    assert decode((tmp_path / "out").read_bytes()) == []
