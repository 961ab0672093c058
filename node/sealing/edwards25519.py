"""Arithmetic on points of edwards25519, as needed to check a public key.

Pure. It is not constant in time, because it handles only public keys. It neither signs nor verifies; `cryptography`
does. Rules (RFC 8032, 5.1.2 and 5.1.3, strict reading):

- an encoding is canonical if y is below p and x = 0 has no sign bit; it must decode to a point of the curve;
- a key must be in the subgroup of prime order L: `[L]A = identity`. The identity satisfies this equation, so
  public_keys.py refuses it with the other points of small order.
"""

from typing import Final

P: Final = 2**255 - 19
L: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, P) % P
_SQRT_MINUS_ONE: Final = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]
"""Extended coordinates X, Y, Z, T with x = X/Z, y = Y/Z, xy = T/Z."""

IDENTITY: Final[Point] = (0, 1, 1, 0)


def add(a: Point, b: Point) -> Point:
    """a + b by the complete addition law of RFC 8032, 5.1.4. It also doubles a point."""
    p = (a[1] - a[0]) * (b[1] - b[0]) % P
    q = (a[1] + a[0]) * (b[1] + b[0]) % P
    r = 2 * a[3] * b[3] * _D % P
    s = 2 * a[2] * b[2] % P
    e, f, g, h = q - p, s - r, s + r, q + p
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar: int, point: Point) -> Point:
    """[scalar]point, by double-and-add."""
    result = IDENTITY
    while scalar:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def is_identity(point: Point) -> bool:
    """Whether the point is the identity: x = 0 and y = 1."""
    return point[0] % P == 0 and (point[1] - point[2]) % P == 0


def decode(encoding: bytes) -> Point | None:
    """The point of a canonical encoding of 32 bytes, or None for any other bytes."""
    number = int.from_bytes(encoding, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if len(encoding) != 32 or y >= P:
        return None
    numerator, denominator = (y * y - 1) % P, (_D * y * y + 1) % P
    x = numerator * pow(denominator, 3, P) * pow(numerator * pow(denominator, 7, P), (P - 5) // 8, P) % P
    if (denominator * x * x + numerator) % P == 0:
        x = x * _SQRT_MINUS_ONE % P
    if (denominator * x * x - numerator) % P != 0:
        return None
    if x == 0 and sign:
        return None
    if x & 1 != sign:
        x = P - x
    return (x, y, 1, x * y % P)
