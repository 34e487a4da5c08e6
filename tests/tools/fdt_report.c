// SPDX-License-Identifier: Apache-2.0
/* Prints what the kernel reads of the device tree in a file: `fdt_report FILE BOOT_HWID`. */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/dev/fdt_platform.h"

enum { BLOB_MAX = 2 << 20 };
static uint8_t blob[BLOB_MAX];

static status_t print_ram(paddr_t base, uint64_t size)
{
    printf("ram %#llx %#llx\n", (unsigned long long)base.raw, (unsigned long long)size);
    return OK;
}

static status_t print_reserved(paddr_t base, uint64_t size)
{
    printf("reserved %#llx %#llx\n", (unsigned long long)base.raw, (unsigned long long)size);
    return OK;
}

static status_t print_cpu(uint64_t hwid)
{
    printf("cpu %#llx\n", (unsigned long long)hwid);
    return OK;
}

static void print_chosen(const struct fdt *fdt)
{
    struct fdt_chosen chosen;
    struct fdt_node node;
    fdt_platform_chosen(fdt, &chosen);
    printf("bootargs %.*s\n", (int)chosen.bootargs.size, (const char *)chosen.bootargs.data);
    printf("initrd %#llx %#llx\n", (unsigned long long)chosen.initrd.raw,
           (unsigned long long)chosen.initrd_size);
    printf("seeds %zu %zu\n", chosen.kaslr_seed.size, chosen.rng_seed.size);
    if (fdt_platform_stdout(fdt, &node) == OK) {
        printf("stdout %s\n", fdt_node_name(fdt, &node));
    }
}

int main(int argc, char **argv)
{
    struct fdt fdt;
    FILE *file = argc == 3 ? fopen(argv[1], "rb") : NULL;
    if (file == NULL) {
        return 2;
    }
    size_t size = fread(blob, 1, BLOB_MAX, file);
    (void)fclose(file);
    if (fdt_open(span_of(blob, size), &fdt) != OK) {
        return 1;
    }
    bool is_complete =
        fdt_platform_memory(&fdt, print_ram, print_reserved) == OK &&
        fdt_platform_cpus(&fdt, strtoull(argv[2], NULL, 0), UINT64_MAX, print_cpu) == OK;
    print_chosen(&fdt);
    return is_complete ? 0 : 1;
}
