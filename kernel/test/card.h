// SPDX-License-Identifier: Apache-2.0
/* The machine's network card, driven by somebody at the other end of its cable. */
#pragma once

// Brings eth0 up and sends back each frame of type 0x88b6 (for experiments, IEEE 802), whose first byte
// says what is to be done beside that:
//
//   b  nothing         s  nothing, and it is not sent back
//   d  down and up     g  joins the group 01:00:5e:01:02:03     p  is promiscuous     n  neither
//   l  it was the last
//
// Gives 0 after the last one; 1 when there is no card, or nobody asks for anything for five minutes.
int card_bounce(void);
