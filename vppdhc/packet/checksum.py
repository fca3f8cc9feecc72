"""The Internet checksum (RFC 1071), and that of UDP and ICMPv6 with its pseudo-header.

The ones' complement sum of 16-bit words is the remainder of the whole taken as one number divided by 0xffff,
since 0x10000 leaves a remainder of one. So numbers of any length can be added as they are: an IPv6
address, a header field, or a payload read as one integer, without a loop over its words.
"""


def complement_sum(data: bytes) -> int:
    """Return a number that adds to a checksum's sum as data does; an odd length is padded with a zero byte."""
    number = int.from_bytes(data, "big")
    return (number << 8 if len(data) & 1 else number) % 0xFFFF


def transport_checksum(source: int, destination: int, protocol: int, length: int, segment_sum: int) -> int:
    """Return the checksum of a segment with its pseudo-header (RFC 768; RFC 8200, 8.1), never 0.

    source, destination: IPv4 or IPv6 addresses as integers.
    length: bytes of the segment, its header included.
    segment_sum: complement_sum() of the segment, or anything congruent to it, with the checksum field zero.

    A result of zero becomes 0xffff, the same in ones' complement: 0 in a UDP header says that there is none.
    """
    return -(source + destination + protocol + length + segment_sum) % 0xFFFF or 0xFFFF
