// SPDX-License-Identifier: Apache-2.0
/* Terminals: struct termios and winsize, their bits, and ioctl numbers, as musl's aarch64 has them. */
#pragma once

#include <stdint.h>

enum { ABI_NCCS = 32 };

struct abi_termios {
    uint32_t input;   // c_iflag
    uint32_t output;  // c_oflag
    uint32_t control; // c_cflag
    uint32_t local;   // c_lflag
    uint8_t line;     // c_line
    uint8_t cc[ABI_NCCS];
    uint32_t input_speed;
    uint32_t output_speed;
};
static_assert(sizeof(struct abi_termios) == 60);

struct abi_winsize {
    uint16_t rows;
    uint16_t columns;
    uint16_t width_pixels;
    uint16_t height_pixels;
};

// Indices of cc; a character that is 0 is switched off.
enum {
    ABI_VINTR = 0,
    ABI_VQUIT = 1,
    ABI_VERASE = 2,
    ABI_VKILL = 3,
    ABI_VEOF = 4,
    ABI_VTIME = 5,
    ABI_VMIN = 6,
    ABI_VSTART = 8,
    ABI_VSTOP = 9,
    ABI_VSUSP = 10,
    ABI_VEOL = 11,
    ABI_VREPRINT = 12,
    ABI_VDISCARD = 13,
    ABI_VWERASE = 14,
    ABI_VLNEXT = 15,
    ABI_VEOL2 = 16,
};

enum {
    ABI_PARMRK = 0000010,
    ABI_ISTRIP = 0000040,
    ABI_INLCR = 0000100,
    ABI_IGNCR = 0000200,
    ABI_ICRNL = 0000400,
    ABI_IXON = 0002000,
    ABI_IXANY = 0004000,
    ABI_IXOFF = 0010000,
    ABI_IMAXBEL = 0020000,
    ABI_IUTF8 = 0040000,
};

enum {
    ABI_OPOST = 0000001,
    ABI_ONLCR = 0000004,
    ABI_OCRNL = 0000010,
    ABI_ONOCR = 0000020,
    ABI_ONLRET = 0000040,
    ABI_TABDLY = 0014000,
    ABI_TAB3 = 0014000,
};

enum {
    ABI_B38400 = 0000017,
    ABI_CS8 = 0000060,
    ABI_CREAD = 0000200,
    ABI_HUPCL = 0002000,
};

enum {
    ABI_ISIG = 0000001,
    ABI_ICANON = 0000002,
    ABI_ECHO = 0000010,
    ABI_ECHOE = 0000020,
    ABI_ECHOK = 0000040,
    ABI_ECHONL = 0000100,
    ABI_NOFLSH = 0000200,
    ABI_TOSTOP = 0000400,
    ABI_ECHOCTL = 0001000,
    ABI_ECHOKE = 0004000,
    ABI_IEXTEN = 0100000,
};

enum : uint32_t {
    ABI_TCGETS = 0x5401,
    ABI_TCSETS = 0x5402,
    ABI_TCSETSW = 0x5403, // after output has left
    ABI_TCSETSF = 0x5404, // and input is dropped
    ABI_TCSBRK = 0x5409,
    ABI_TCXONC = 0x540a,
    ABI_TCFLSH = 0x540b,
    ABI_TIOCSCTTY = 0x540e,
    ABI_TIOCGPGRP = 0x540f,
    ABI_TIOCSPGRP = 0x5410,
    ABI_TIOCOUTQ = 0x5411,
    ABI_TIOCGWINSZ = 0x5413,
    ABI_TIOCSWINSZ = 0x5414,
    ABI_FIONREAD = 0x541b,
    ABI_TIOCNOTTY = 0x5422,
    ABI_TIOCGSID = 0x5429,
    ABI_TIOCGPTN = 0x80045430,
    ABI_TIOCSPTLCK = 0x40045431,
    ABI_TIOCGPTLCK = 0x80045439,
};

// Arguments of TCXONC and TCFLSH.
enum { ABI_TCOOFF, ABI_TCOON, ABI_TCIOFF, ABI_TCION };
enum { ABI_TCIFLUSH, ABI_TCOFLUSH, ABI_TCIOFLUSH };
