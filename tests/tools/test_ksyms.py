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
    size, count, tokens, token_count, names = struct.unpack_from("<5I", blob)
    assert size == len(blob) and token_count <= 128

    def counted(at, number):
        for _ in range(number):
            yield blob[at + 1:at + 1 + blob[at]]
            at += 1 + blob[at]
    words = list(counted(tokens, token_count))
    texts = [b"".join(words[c - 0x80] if c >= 0x80 else bytes([c]) for c in name).decode()
             for name in counted(names, count)]
    return list(zip(struct.unpack_from(f"<{count}I", blob, 20), texts))


def test_functions_are_there_by_address_with_the_end_of_the_text(table):
    assert table(SOURCE) == [(0x1000, "vm_map"), (0x1008, "vm_unmap"), (0x100c, "label"),
                             (0x1010, "")]


def test_many_names_come_back_unchanged(table):
    names = [f"{a}_{b}_{i}__{a}" for i, a in enumerate(["page", "vmo", "object", "x"] * 60)
             for b in ("create", "destroy_locked")]
    lines = "".join(f".type {n}, %function\n{n}: nop\n" for n in names)
    assert [name for _, name in table(lines)][:-1] == names


def test_an_overlong_name_is_cut(table):
    name = "n" * 100
    assert table(f".type {name}, %function\n{name}: nop\n")[0] == (0x1000, "n" * 63)


def test_the_empty_table_has_no_entries(tools, tmp_path):
    subprocess.run([tools / "ksyms", "--empty", tmp_path / "out"], check=True)
    assert decode((tmp_path / "out").read_bytes()) == []
