"""Encodes single numbers and strings as Avro does, without limits. Pure."""

from typing import Final

_SIX_BYTES: Final = 1 << 35
_SEVEN_BYTES: Final = 1 << 42


def varint(number: int) -> bytes:
    """An int or long as Avro encodes it: zigzag, seven bits in a byte, lowest first."""
    rest = number << 1 if number >= 0 else (-number << 1) - 1
    if _SIX_BYTES <= rest < _SEVEN_BYTES:  # a present time in ms
        return bytes(
            (
                rest & 0x7F | 0x80,
                rest >> 7 & 0x7F | 0x80,
                rest >> 14 & 0x7F | 0x80,
                rest >> 21 & 0x7F | 0x80,
                rest >> 28 & 0x7F | 0x80,
                rest >> 35,
            )
        )
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def encode_text(text: str) -> bytes:
    """A string as Avro encodes it: its length in bytes, then UTF-8."""
    data = text.encode()
    return varint(len(data)) + data
