"""The characters that XLSX files write as `_x000D_`, by their code (ECMA-376, part 1, 22.9.2.19). Pure."""

import re
from typing import Final

_SURROGATES: Final = (0xD800, 0xDFFF)
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")


def unescaped(text: str) -> str:
    """The text with the characters for which `_xHHHH_` stands; halves of a surrogate pair stay as they are."""
    return _ESCAPED.sub(_character, text) if "_x" in text else text


def _character(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return found[0] if _SURROGATES[0] <= code <= _SURROGATES[1] else chr(code)
