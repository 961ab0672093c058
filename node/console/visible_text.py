"""Makes characters visible that would hide or reorder a text on a page. Pure.

A report may contain any character that its originator sealed. Escaping keeps it from becoming markup; this module keeps
it from deceiving the reader. Rules:

- a control character other than tab and newline, a surrogate, and a private-use character become their number;
- so does a character that has no width or that overrides the direction of the text after it;
- letters of a script from right to left stay as they are: each value is isolated by `<bdi>`.
"""

import re
from typing import Any, Final

from markupsafe import Markup

_HIDDEN: Final = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters
    "\xad\u200b\u2060-\u2064\ufeff\u180e"  # no width
    "\u202a-\u202e\u2028\u2029"  # embeddings and overrides of the direction; separators of lines
    "\U000e0000-\U000e007f"  # tags
    "\ud800-\udfff\ufff9-\uffff\ue000-\uf8ff"  # surrogates, and what no font can show
    "]"
)


def visible(text: str) -> str:
    """`text` with each hidden character as its number, such as ⟨U+202E⟩. The result can be encoded as UTF-8."""
    return _HIDDEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text.replace("\r\n", "\n"))


def finalized(value: Any) -> Any:
    """What a template writes for a value: texts become visible ones, and markup of the templates stays as it is."""
    if isinstance(value, Markup):
        return value
    return visible(value) if isinstance(value, str) else value
