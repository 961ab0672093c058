"""The languages of the console: which one a person reads, and the texts of each.

One file for each language, `texts/LANGUAGE.json`, has every text of the pages; the templates have none. The labels of
codes are English in the code lists (schemas/codes); another language has them in its file under `codes`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from schemas import codes

LANGUAGES: Final = ("en", "es")
"""The first is the one for a person whose browser names none of them."""

_FOLDER: Final = Path(__file__).with_name("texts")
_PARTS_MAX: Final = 10  # of an Accept-Language that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """The texts of one language."""

    language: str
    texts: Mapping[str, str]
    labels: Mapping[str, Mapping[str, str]]
    """Code list -> code -> label."""

    def text(self, key: str, **values: Any) -> str:
        """The text of a key, with the values in its places. Raises KeyError."""
        text = self.texts[key]
        return text.format(**values) if values else text

    def text_or(self, key: str, other: str) -> str:
        """The text of a key, or `other` if a later version of the node made it."""
        return self.texts.get(key, other)

    def label(self, code_list: str, code: str) -> str:
        """The label of a code; the code itself if a later list or another node made it."""
        return self.labels.get(code_list, {}).get(code, code)


@cache
def texts_of(language: str) -> Texts:
    """The texts of one of LANGUAGES."""
    read = json.loads((_FOLDER / f"{language}.json").read_text("utf-8"))
    labels = {name: dict(codes.load(name).texts) for name in codes.names()}
    for name, of_list in read.get("codes", {}).items():
        labels[name] |= of_list
    return Texts(language=language, texts=read["texts"], labels=labels)


def language_of(chosen: str | None, accepted: str) -> str:
    """The language that was chosen, or else the first one of an Accept-Language that there is."""
    if chosen in LANGUAGES:
        return str(chosen)
    wanted = []
    for place, part in enumerate(accepted[:500].split(",")[:_PARTS_MAX]):
        name, _, quality = part.partition(";q=")
        language = name.strip().lower().split("-")[0]
        if language in LANGUAGES:
            wanted.append((-_quality(quality), place, language))
    return min(wanted)[2] if wanted else LANGUAGES[0]


def _quality(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
