"""Names of months in Spanish, Portuguese, French, English and Dutch, full and short. Pure.

No short name stands for two months, so a file may use several languages.
"""

import unicodedata
from functools import cache
from typing import Final

_NAMES: Final = (
    "january jan enero ene janeiro janvier janv januari",
    "february feb febrero fevereiro fev fevrier fevr februari febr",
    "march mar marzo março mars maart mrt",
    "april apr abril abr avril avr",
    "may mayo maio mai mei",
    "june jun junio junho juin juni",
    "july jul julio julho juillet juil juli",
    "august aug agosto ago août aou augustus",
    "september sep sept septiembre setiembre set setembro septembre",
    "october oct octubre outubro out octobre oktober okt",
    "november nov noviembre novembro novembre",
    "december dec diciembre dic dezembro dez décembre",
)


def folded(name: str) -> str:
    """A name in lower case without accents and without a point behind it."""
    bare = unicodedata.normalize("NFKD", name.casefold()).removesuffix(".")
    return "".join(character for character in bare if not unicodedata.combining(character))


@cache
def months() -> dict[str, int]:
    """Folded name -> number of the month."""
    return {folded(name): number for number, names in enumerate(_NAMES, start=1) for name in names.split()}
