"""The encodings of ISO 8859 without the bytes 0x80 to 0x9F: these are control codes, and no text of an office has them.

A file with such bytes is in another encoding, mostly Windows-1252, where they are quotation marks, dashes and the euro.
Read as ISO 8859, it would be another text without a word. Python decodes them, so the codecs here refuse them.
"""

import codecs
from functools import cache
from typing import Final

_PREFIX: Final = "enlace_"
_CONTROLS: Final = range(0x80, 0xA0)
_UNDEFINED: Final = "\ufffe"


def strict_codec(encoding: str) -> str:
    """The name of the codec that reads `encoding` without control codes; other encodings have their own."""
    name = codecs.lookup(encoding).name
    return _PREFIX + name.replace("-", "_") if name.startswith("iso8859") else name


@cache
def _table(name: str) -> str:
    """The character of each byte; those that a text does not have are undefined."""
    known = (bytes([code]).decode(name, "replace") for code in range(256))
    return "".join(
        _UNDEFINED if code in _CONTROLS or character == "\ufffd" else character for code, character in enumerate(known)
    )


def _info(name: str) -> codecs.CodecInfo | None:
    if not name.startswith(_PREFIX + "iso8859"):
        return None
    table = _table(name.removeprefix(_PREFIX))

    class Decoder(codecs.IncrementalDecoder):
        def decode(self, data: object, final: bool = False) -> str:  # noqa: ARG002, the interface of codecs
            return codecs.charmap_decode(data, self.errors, table)[0]  # type: ignore[arg-type]

    return codecs.CodecInfo(
        name=name,
        encode=_encode,
        decode=lambda data, errors="strict": codecs.charmap_decode(data, errors, table),
        incrementaldecoder=Decoder,
    )


def _encode(text: str, errors: str = "strict") -> tuple[bytes, int]:
    raise NotImplementedError("these codecs only read")


codecs.register(_info)
