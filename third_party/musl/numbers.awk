# SPDX-License-Identifier: Apache-2.0
# awk -f numbers.awk OUR_NUMBERS THEIR_SYSCALL_H_IN: musl's bits/syscall.h.in with our numbers.
# musl does not compile unless every name it knows exists; those that our table lacks get numbers far
# above its end, which the kernel answers with ENOSYS.
BEGIN { beyond = 4096 }
FNR == 1 { file++ }
file == 1 && $1 == "#define" && $2 ~ /^SYS_/ { ours[substr($2, 5)] = $3; order[++count] = substr($2, 5) }
file == 2 && $1 == "#define" && $2 ~ /^__NR_/ {
    name = substr($2, 6)
    known[name] = 1
    print $1, $2, (name in ours ? ours[name] : beyond + $3)
}
END {
    for (i = 1; i <= count; i++)
        if (!(order[i] in known))
            print "#define __NR_" order[i], ours[order[i]]
}
