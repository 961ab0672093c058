"""A cell of a spreadsheet whose value cannot be known: an error of the fields that read it. Pure."""


class UnreadableCell(str):
    """A text that no field may have, with the reason."""

    __slots__ = ("reason",)

    reason: str
    """Completes a sentence that begins with the column."""

    @classmethod
    def of(cls, reason: str) -> "UnreadableCell":
        """The cell that is unreadable for this reason."""
        made = cls(f"({reason})")
        made.reason = reason
        return made
