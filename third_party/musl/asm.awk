# SPDX-License-Identifier: Apache-2.0
# awk -f asm.awk OUR_NUMBERS FILE: one of musl's assembly files for aarch64, made ours.
# System calls get our numbers, functions begin with the landing pad of BTI, and the object says so:
# the linker turns BTI off for the whole program if one object does not.
FNR == NR { if ($2 ~ /^SYS_/) number[$2] = $3; next }
/^[ \t]*\.type[ \t].*function/ { split($2, type, ","); is_function[type[1]] = 1 }
/\/\/ SYS_[a-z_0-9]+$/ {
    if (!($NF in number)) {
        print FILENAME ": no " $NF > "/dev/stderr"
        exit 1
    }
    sub(/#?[0-9]+[ \t]*\/\/.*/, "#" number[$NF] " // " $NF)
}
{ print }
/^[a-zA-Z_][a-zA-Z_0-9]*:/ {
    label = $0
    sub(/:.*/, "", label)
    if (label in is_function)
        print "\thint #34 // bti c"
}
END {
    print ".section .note.gnu.property,\"a\""
    print "\t.p2align 3"
    print "\t.word 4, 16, 5"
    print "\t.asciz \"GNU\""
    print "\t.word 0xc0000000, 4, 1, 0"
    print ".section .note.GNU-stack,\"\",%progbits"
}
