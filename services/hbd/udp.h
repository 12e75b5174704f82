/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One UDP path: two sockets bound to this node's own address of the path and the same port. The kernel sorts
 * (SO_ATTACH_REUSEPORT_CBPF): plain beats go to the quiet one, which is read at our own next turn, as the
 * kernel's stamps say when they came in; only hellos and urgent frames wake us. That halves what heartbeats
 * cost. They are never connected, so that the kernel reports no stranger's ICMP as an error of ours. Nothing
 * here waits.
 */
#pragma once

#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/macros.h"
#include "services/hbd/frame.h"

#define UDP_BATCH 8u

typedef union SocketAddress {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
} SocketAddress;

typedef struct UdpSockets {
        int quiet; /* sends, too; -1: not open */
        int urgent;
} UdpSockets;

typedef struct UdpBatch {
        uint8_t frames[UDP_BATCH][FRAME_MAX];
        size_t sizes[UDP_BATCH];
        uint64_t stamps_nsec[UDP_BATCH]; /* the kernel's, CLOCK_REALTIME; 0: none */
} UdpBatch;

/* An address without prefix, IPv4 or IPv6. Errors: -EINVAL. */
_must_check_ int udp_parse(const char *text, uint16_t port, SocketAddress *ret_address);

/*
 * Opens the path. `ret_device` is the interface that holds the address, of which IF_NAMESIZE bytes are
 * written; a link-local `peer` is completed with it. Errors: -EADDRNOTAVAIL when this node does not have the
 * address (now), those of socket(2) and bind(2).
 */
_must_check_ int udp_open(const SocketAddress *own, SocketAddress *peer, char *ret_device,
                          UdpSockets *ret_sockets);
void udp_close(UdpSockets *sockets);

/* Sends a frame. -EAGAIN: no room just now. Everything else says that the path is down. */
_must_check_ int udp_send(int fd, const SocketAddress *peer, const uint8_t *frame, size_t size);

/* Receives what is there, at most UDP_BATCH frames; returns how many. Errors: those of recvmmsg(2). */
_must_check_ int udp_receive(int fd, UdpBatch *ret_batch);
