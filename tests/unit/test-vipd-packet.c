/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is built is what the RFCs say, byte by byte; what is read back is what was built; broken is refused.
 */
#include "services/vipd/packet.h"

#include <errno.h>
#include <glib.h>

static const uint8_t mac[MAC_SIZE] = { 0x02, 0, 0, 0, 0, 0x0a };
static const IpAddress four = { AF_INET, 24, { 192, 0, 2, 10 } };
static const IpAddress six = { AF_INET6, 64, { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x10 } };
static const IpAddress own_six = { AF_INET6, 64, { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x11 } };
static const IpAddress nobody = { 0 };

static void test_gratuitous_arp_is_a_broadcast_request(void)
{
        static const uint8_t expected[] = {
                0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0, 0, 0,  0,
                0x0a, 0x08, 0x06, 0,    1,    8,    0,    6, 4, 0,  1, /* Ethernet, IPv4, request */
                0x02, 0,    0,    0,    0,    0x0a, 192,  0, 2, 10,    /* sender */
                0,    0,    0,    0,    0,    0,    192,  0, 2, 10,    /* target */
        };
        uint8_t frame[PACKET_SIZE_MAX];
        size_t size = packet_announcement(&four, mac, true, frame);

        g_assert_cmpmem(frame, size, expected, sizeof(expected));
}

static void test_advertisement_overrides_and_tells_router(void)
{
        uint8_t frame[PACKET_SIZE_MAX];

        g_assert_cmpuint(packet_announcement(&six, mac, true, frame), ==, PACKET_SIZE_MAX);
        g_assert_cmpuint(frame[0], ==, 0x33);
        g_assert_cmpuint(frame[5], ==, 1);
        g_assert_cmpuint(frame[14 + 7], ==, 255);      /* hop limit */
        g_assert_cmpuint(frame[14 + 40], ==, 136);     /* advertisement */
        g_assert_cmphex(frame[14 + 40 + 4], ==, 0xa0); /* router, override, not solicited */
        g_assert_cmpuint(frame[14 + 40 + 24], ==, 2);  /* target link-layer address */
        packet_announcement(&six, mac, false, frame);
        g_assert_cmphex(frame[14 + 40 + 4], ==, 0x20);
}

static void test_announcement_is_read_back_as_claim(void)
{
        const IpAddress *addresses[] = { &four, &six };

        for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
                uint8_t frame[PACKET_SIZE_MAX], read_mac[MAC_SIZE];
                size_t size = packet_announcement(addresses[i], mac, false, frame);
                IpAddress read;

                g_assert_cmpint(packet_claim(frame, size, &read, read_mac), ==, 1);
                g_assert_true(ip_address_equal(&read, addresses[i]));
                g_assert_cmpmem(read_mac, MAC_SIZE, mac, MAC_SIZE);
        }
}

static void test_question_claims_only_its_sender(void)
{
        uint8_t frame[PACKET_SIZE_MAX], read_mac[MAC_SIZE];
        IpAddress own = { AF_INET, 24, { 192, 0, 2, 11 } }, read;

        g_assert_cmpint(packet_claim(frame, packet_question(&four, &nobody, mac, frame), &read, read_mac),
                        ==, 0);
        g_assert_cmpint(packet_claim(frame, packet_question(&four, &own, mac, frame), &read, read_mac), ==,
                        1);
        g_assert_true(ip_address_equal(&read, &own));
        g_assert_cmpint(packet_claim(frame, packet_question(&six, &own_six, mac, frame), &read, read_mac),
                        ==, 0);
}

static void test_solicitation_without_own_address_has_no_option(void)
{
        uint8_t frame[PACKET_SIZE_MAX];

        /* RFC 4861, 4.3: the source link-layer option must not be there when the source is unspecified. */
        g_assert_cmpuint(packet_question(&six, &nobody, mac, frame), ==, PACKET_SIZE_MAX - 8);
        g_assert_cmpuint(packet_question(&six, &own_six, mac, frame), ==, PACKET_SIZE_MAX);
        g_assert_cmpuint(frame[14 + 40 + 24], ==, 1);
        /* To the solicited-node group ff02::1:ff00:10. */
        g_assert_cmphex(frame[2], ==, 0xff);
        g_assert_cmphex(frame[5], ==, 0x10);
}

/* Each byte that a receiver must check, spoilt: never a claim. */
static void test_spoilt_advertisement_is_refused(void)
{
        static const size_t spoilt[] = { 14 + 7,      14 + 40 + 1,  14 + 40 + 2,
                                         14 + 40 + 8, 14 + 40 + 20, 14 + 40 + 25 };

        for (size_t i = 0; i < G_N_ELEMENTS(spoilt); i++) {
                uint8_t frame[PACKET_SIZE_MAX], read_mac[MAC_SIZE];
                size_t size = packet_announcement(&six, mac, false, frame);
                IpAddress read;

                frame[spoilt[i]] ^= 0xff;
                g_assert_cmpint(packet_claim(frame, size, &read, read_mac), ==, -EBADMSG);
        }
}

static void test_truncated_frame_is_never_a_claim(void)
{
        const IpAddress *addresses[] = { &four, &six };

        for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
                uint8_t frame[PACKET_SIZE_MAX], read_mac[MAC_SIZE];
                size_t size = packet_announcement(addresses[i], mac, false, frame);
                IpAddress read;

                for (size_t cut = 0; cut < size; cut++) {
                        g_autofree uint8_t *copy =
                                        g_memdup2(frame, cut); /* so that a sanitizer sees the end */

                        g_assert_cmpint(packet_claim(copy, cut, &read, read_mac), <=, 0);
                }
        }
}

static void test_group_address_cannot_claim(void)
{
        uint8_t frame[PACKET_SIZE_MAX], read_mac[MAC_SIZE];
        size_t size = packet_announcement(&four, mac, false, frame);
        IpAddress read;

        frame[14 + 8] |= 1;
        g_assert_cmpint(packet_claim(frame, size, &read, read_mac), ==, -EBADMSG);
}

static void test_network_of_an_address(void)
{
        IpAddress net = { AF_INET, 23, { 192, 0, 2, 11 } }, in = { AF_INET, 0, { 192, 0, 3, 200 } };
        IpAddress out = { AF_INET, 0, { 192, 0, 4, 1 } }, all = { AF_INET, 32, { 192, 0, 2, 11 } };

        g_assert_true(ip_address_in_range(&in, &net));
        g_assert_false(ip_address_in_range(&out, &net));
        g_assert_false(ip_address_in_range(&six, &net));
        g_assert_false(ip_address_in_range(&in, &all));
        g_assert_true(ip_address_in_range(&own_six, &six));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/packet/gratuitous-arp-is-a-broadcast-request",
                        test_gratuitous_arp_is_a_broadcast_request);
        g_test_add_func("/packet/advertisement-overrides-and-tells-router",
                        test_advertisement_overrides_and_tells_router);
        g_test_add_func("/packet/announcement-is-read-back-as-claim",
                        test_announcement_is_read_back_as_claim);
        g_test_add_func("/packet/question-claims-only-its-sender", test_question_claims_only_its_sender);
        g_test_add_func("/packet/solicitation-without-own-address-has-no-option",
                        test_solicitation_without_own_address_has_no_option);
        g_test_add_func("/packet/spoilt-advertisement-is-refused", test_spoilt_advertisement_is_refused);
        g_test_add_func("/packet/truncated-frame-is-never-a-claim", test_truncated_frame_is_never_a_claim);
        g_test_add_func("/packet/group-address-cannot-claim", test_group_address_cannot_claim);
        g_test_add_func("/packet/network-of-an-address", test_network_of_an_address);
        return g_test_run();
}
