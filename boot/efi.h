// SPDX-License-Identifier: Apache-2.0
/*
 * What the loader uses of UEFI 2.10: names and layouts only, sections in parentheses.  On AArch64
 * the firmware's calling convention is the compiler's own (2.3.6.4).  Members that the loader never
 * touches keep their place as `void *`.
 */
#pragma once

#include "lib/base/types.h"

typedef void *efi_handle_t;
typedef uint16_t efi_char_t; // UCS-2

// Appendix D.  Errors have the top bit set.
#define EFI_ERROR(code) (1ull << 63 | (code))
typedef enum [[nodiscard]] efi_status : uint64_t {
    EFI_SUCCESS = 0,
    EFI_LOAD_ERROR = EFI_ERROR(1),
    EFI_INVALID_PARAMETER = EFI_ERROR(2),
    EFI_UNSUPPORTED = EFI_ERROR(3),
    EFI_BUFFER_TOO_SMALL = EFI_ERROR(5),
    EFI_DEVICE_ERROR = EFI_ERROR(7),
    EFI_OUT_OF_RESOURCES = EFI_ERROR(9),
    EFI_VOLUME_CORRUPTED = EFI_ERROR(10),
    EFI_NO_MEDIA = EFI_ERROR(12),
    EFI_MEDIA_CHANGED = EFI_ERROR(13),
    EFI_NOT_FOUND = EFI_ERROR(14),
    EFI_ACCESS_DENIED = EFI_ERROR(15),
    EFI_ABORTED = EFI_ERROR(21),
    EFI_SECURITY_VIOLATION = EFI_ERROR(26),
    EFI_END_OF_FILE = EFI_ERROR(31),
} efi_status_t;

struct efi_guid {
    uint32_t a;
    uint16_t b;
    uint16_t c;
    uint8_t d[8];
};

struct efi_table_header { // (4.2)
    uint64_t signature;
    uint32_t revision;
    uint32_t header_size;
    uint32_t crc32;
    uint32_t reserved;
};

struct efi_text_output { // (12.4)
    void *reset;
    efi_status_t (*output_string)(struct efi_text_output *self, const efi_char_t *string);
};

enum efi_allocate_type : uint32_t { // (7.2.1)
    EFI_ALLOCATE_ANY_PAGES = 0,
    EFI_ALLOCATE_ADDRESS = 2,
};

enum efi_memory_type : uint32_t { // (7.2.1)
    EFI_MEMORY_LOADER_DATA = 2,
    EFI_MEMORY_BOOT_SERVICES_DATA = 4,
};

struct efi_boot_services { // (4.4)
    struct efi_table_header header;
    void *raise_tpl;
    void *restore_tpl;
    efi_status_t (*allocate_pages)(enum efi_allocate_type how, enum efi_memory_type type,
                                   size_t pages, uint64_t *address);
    efi_status_t (*free_pages)(uint64_t address, size_t pages);
    efi_status_t (*get_memory_map)(size_t *size, void *map, size_t *key, size_t *descriptor_size,
                                   uint32_t *descriptor_version);
    void *allocate_pool;
    void *free_pool;
    void *create_event;
    void *set_timer;
    void *wait_for_event;
    void *signal_event;
    void *close_event;
    void *check_event;
    void *install_protocol_interface;
    void *reinstall_protocol_interface;
    void *uninstall_protocol_interface;
    efi_status_t (*handle_protocol)(efi_handle_t handle, const struct efi_guid *protocol,
                                    void **out);
    void *reserved;
    void *register_protocol_notify;
    void *locate_handle;
    void *locate_device_path;
    void *install_configuration_table;
    void *load_image;
    void *start_image;
    void *exit;
    void *unload_image;
    efi_status_t (*exit_boot_services)(efi_handle_t image, size_t key);
    void *get_next_monotonic_count;
    void *stall;
    void *set_watchdog_timer;
    void *connect_controller;
    void *disconnect_controller;
    void *open_protocol;
    void *close_protocol;
    void *open_protocol_information;
    void *protocols_per_handle;
    void *locate_handle_buffer;
    efi_status_t (*locate_protocol)(const struct efi_guid *protocol, void *registration,
                                    void **out);
};

struct efi_configuration_table { // (4.6)
    struct efi_guid guid;
    const void *table;
};

struct efi_system_table { // (4.3)
    struct efi_table_header header;
    const efi_char_t *firmware_vendor;
    uint32_t firmware_revision;
    efi_handle_t console_in_handle;
    void *console_in;
    efi_handle_t console_out_handle;
    struct efi_text_output *console_out;
    efi_handle_t standard_error_handle;
    struct efi_text_output *standard_error;
    void *runtime_services;
    struct efi_boot_services *boot_services;
    size_t table_count;
    const struct efi_configuration_table *tables;
};

struct efi_loaded_image { // (9.1)
    uint32_t revision;
    efi_handle_t parent;
    struct efi_system_table *system;
    efi_handle_t device;
};

struct efi_file { // (13.5)
    uint64_t revision;
    efi_status_t (*open)(struct efi_file *self, struct efi_file **out, const efi_char_t *name,
                         uint64_t mode, uint64_t attributes);
    efi_status_t (*close)(struct efi_file *self);
    void *delete_file;
    efi_status_t (*read)(struct efi_file *self, size_t *size, void *buffer);
    void *write;
    efi_status_t (*get_position)(struct efi_file *self, uint64_t *position);
    efi_status_t (*set_position)(struct efi_file *self, uint64_t position);
};

enum efi_file_mode : uint64_t {
    EFI_FILE_MODE_READ = 1,
};
#define EFI_FILE_END UINT64_MAX // set_position: to the end

struct efi_simple_file_system { // (13.4)
    uint64_t revision;
    efi_status_t (*open_volume)(struct efi_simple_file_system *self, struct efi_file **root);
};

enum efi_pixel_format : uint32_t { // (12.9)
    EFI_PIXEL_RED_FIRST = 0,
    EFI_PIXEL_BLUE_FIRST = 1,
};

struct efi_graphics_mode_info {
    uint32_t version;
    uint32_t horizontal_pixels;
    uint32_t vertical_pixels;
    enum efi_pixel_format format;
    uint32_t masks[4];
    uint32_t pixels_per_line;
};

struct efi_graphics_mode {
    uint32_t max_mode;
    uint32_t mode;
    const struct efi_graphics_mode_info *info;
    size_t info_size;
    uint64_t framebuffer_base;
    size_t framebuffer_size;
};

struct efi_graphics_output { // (12.9)
    void *query_mode;
    void *set_mode;
    void *blt;
    const struct efi_graphics_mode *mode;
};

struct efi_rng { // (37.5)
    void *get_info;
    efi_status_t (*get_rng)(struct efi_rng *self, const struct efi_guid *algorithm, size_t size,
                            uint8_t *value);
};

#define EFI_LOADED_IMAGE_GUID                                                                      \
    {0x5b1b31a1, 0x9562, 0x11d2, {0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b}}
#define EFI_SIMPLE_FILE_SYSTEM_GUID                                                                \
    {0x964e5b22, 0x6459, 0x11d2, {0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b}}
#define EFI_GRAPHICS_OUTPUT_GUID                                                                   \
    {0x9042a9de, 0x23dc, 0x4a38, {0x96, 0xfb, 0x7a, 0xde, 0xd0, 0x80, 0x51, 0x6a}}
#define EFI_RNG_GUID {0x3152bca5, 0xeade, 0x433d, {0x86, 0x2e, 0xc0, 0x1c, 0xdc, 0x29, 0x1f, 0x44}}
#define EFI_DEVICE_TREE_GUID                                                                       \
    {0xb1b621d5, 0xf19c, 0x41a5, {0x83, 0x0b, 0xd9, 0x15, 0x2c, 0x69, 0xaa, 0xe0}}
#define EFI_ACPI_20_TABLE_GUID                                                                     \
    {0x8868e871, 0xe4f1, 0x11d3, {0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81}}
