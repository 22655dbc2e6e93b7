/* SPDX-License-Identifier: Apache-2.0 */
/* drop: every reason for which a packet or a record (a text line, a beat
 * of a batch) is not taken, in one list. The list makes the counters,
 * the CLI's and JSON's names and the text that explains each.
 *
 * Conservation, to the packet and to the record:
 *   packets = packets taken apart + sum of the packet reasons
 *   records = beats + settings + sum of the record reasons
 * One packet or record goes to exactly one reason. */
#pragma once

/* X(name, sentence) */
#define BL_DROP_PACKET_REASONS(X)                                                                            \
    X(missed, "the port had no room: we polled too late or ran out of buffers")                              \
    X(runt, "frame too short for its headers")                                                               \
    X(multi_segment, "frame larger than one buffer (jumbo)")                                                 \
    X(not_ip, "not IPv4 or IPv6 (ARP, LLDP, too many VLAN tags, ...)")                                       \
    X(ip_header, "IP header malformed (version, length, extension headers)")                                 \
    X(ip_checksum, "IPv4 header checksum wrong")                                                             \
    X(ip_fragment, "IP fragment: fragments are not reassembled")                                             \
    X(ip_length, "IP length does not fit the frame")                                                         \
    X(not_udp, "IP, but not UDP")                                                                            \
    X(udp_length, "UDP length does not fit the IP payload")                                                  \
    X(udp_checksum, "UDP checksum wrong")                                                                    \
    X(wrong_port, "UDP, but to another port than ours")                                                      \
    X(empty, "UDP datagram without payload")                                                                 \
    X(binary_short, "binary datagram shorter than its header, or its length does not fit its type")          \
    X(binary_version, "binary datagram of a version we do not speak")                                        \
    X(binary_type, "binary datagram of an unknown type")                                                     \
    X(binary_field, "binary datagram with a field out of range (flags, name, policy)")                       \
    X(bad_tag, "authentication tag missing or wrong")

#define BL_DROP_RECORD_REASONS(X)                                                                            \
    X(bad_line, "text line without name.action:value|type")                                                  \
    X(bad_name, "node name empty, over 200 bytes, or with a byte that names may not have")                   \
    X(bad_action, "text line with an action we do not know")                                                 \
    X(bad_value, "value of a text line or age in a batch that is no number or out of range")                 \
    X(table_full, "new node, but the table has no room until it has grown")                                  \
    X(max_nodes, "new node, but max_nodes are known already")                                                \
    X(unknown_node, "new node, but nodes.unknown says reject")                                               \
    X(ring_full, "setting not handed to control: its ring was full; send it again")

enum bl_drop {
#define BL_DROP_ENUM(name, sentence) BL_DROP_##name,
    BL_DROP_PACKET_REASONS(BL_DROP_ENUM) BL_DROP_RECORD_REASONS(BL_DROP_ENUM) BL_DROP_COUNT,
#undef BL_DROP_ENUM
    BL_DROP_FIRST_RECORD = BL_DROP_bad_line,
};

/* "runt", ...; and its sentence. Any thread. */
const char *bl_drop_name(enum bl_drop d);
const char *bl_drop_sentence(enum bl_drop d);
