/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Message ids of the log entries that a person may want to look up: `journalctl -x` shows the catalogue
 * entry (units/hapair.catalog) behind each. Ids are random 128-bit numbers, made once (`journalctl
 * --new-id128`).
 */
#pragma once

#define MESSAGE_ROLE_CHANGED        "6c1f0f4c9a6e4b1f9b0c7d5d3f2a8e11"
#define MESSAGE_SWITCHOVER_REFUSED  "a2d9c4f3b18e47d0832e6f5a9c07b412"
#define MESSAGE_PEER_CHANGED        "0f5b7ad2c36d4e1b96a8e4f07d21c513"
#define MESSAGE_PATH_CHANGED        "d34c8e6f0a1b4972b5f7c92e18a06d14"
#define MESSAGE_PATH_REFUSED        "51e7a90b6d2c4f38a4c6b3f1e8d97015"
#define MESSAGE_FRAMES_REFUSED      "8b02f6d17c5a43e9bd1e4a70c963f816"
#define MESSAGE_LATE                "e9a4d57031fc4b62877c0e2b5d18fa17"
#define MESSAGE_NO_REAL_TIME        "37d1c8b6e45f402a9e80f6a1b2c73d18"
#define MESSAGE_ADDRESSES_HELD      "b86e2f9d50174ac3a1d4c7e60f8b3919"
#define MESSAGE_ADDRESSES_WITHDRAWN "1d7f3a0e8cb64592be06d9f4a75c821a"
#define MESSAGE_ADDRESS_RESTORED    "f2c5906b7e1d48a3937ab0c84d6e5f1b"
#define MESSAGE_ADDRESS_CONFLICT    "4ea8b1d37f604c95a0e2d86c9b35171c"
#define MESSAGE_ADDRESS_FOREIGN     "9067e4c2ad3f4b1885d1f07a6e2bc91d"
#define MESSAGE_STATE_LOST          "c5d80f1b9a764e23b6f4a13e7d82501e"
#define MESSAGE_CONFIG_LOADED       "2b94e7f06dc84a51938f5e0c1a67d31f"
#define MESSAGE_CONFIG_REFUSED      "7a3e15c9d8b042f6a5b7e9604fc1d820"
#define MESSAGE_FENCE_ANSWERED      "07dd4c3262464a769418a8a3170ecd40"
#define MESSAGE_FENCE_UNANSWERED    "89bf06d98db2469baa2808a1f4add977"
#define MESSAGE_RESET               "e8280e5351b249b387e3dbdac5828dee"
#define MESSAGE_WATCHDOG_AWAY       "7f6b02af76ce4d2984474abf41c98b0c"
#define MESSAGE_VOLUME_CONNECTED    "d967e1f38d7949f2b6cc2b272b4a840d"
#define MESSAGE_VOLUME_DISCONNECTED "f5ee8fe5b4c64ecca0481711f7368968"
#define MESSAGE_VOLUME_SPLIT_BRAIN  "79c85802170340f881cd28eaddc50904"
#define MESSAGE_VOLUME_DISK_FAILED  "1a36020361e142f183cb4910171cf52b"
#define MESSAGE_VOLUME_SYNC_BEGUN   "07e9f56a60b44b07b7351fce3353a25d"
#define MESSAGE_VOLUME_SYNC_ENDED   "63f5e34fa2b94777a10659ff9726a5f3"
#define MESSAGE_VOLUME_FROZEN       "c6207516aba94226a1f8de1d0eab6358"
#define MESSAGE_VOLUME_THAWED       "a2e148f458b541b39a245ef7d2efc665"
#define MESSAGE_VOLUME_KEPT         "5d440f32f7584ead886cf9da2a3a0bcf"
#define MESSAGE_VOLUME_ORDER_FAILED "fd5bcba0740d4c8a96b3ebfb42efdd9a"
#define MESSAGE_VOLUME_FORCED       "cdc35729fc2845bbbe4a6b56d355bd4c"
#define MESSAGE_VOLUME_PROBLEM      "bbcb95c507ae4417aeb5b286430f6a53"
#define MESSAGE_WAITS               "1c2fea643bc34deb926029384b1ba86b"
