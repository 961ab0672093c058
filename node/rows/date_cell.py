"""A cell of a spreadsheet that is a date: its text for a person, and the date itself. Pure."""

from datetime import date, datetime, time


class DateCell(str):
    """The text of a date as YYYY-MM-DD, with HH:MM:SS behind it if the cell has a time of day, or of a time alone."""

    __slots__ = ("moment",)

    moment: datetime
    """The local time of the cell; of a time of day without a date, the day is the first of the calendar."""

    @classmethod
    def of(cls, moment: datetime) -> "DateCell":
        """The cell of a local time."""
        day = moment.date().isoformat() if moment.date() != date.min or moment.time() == time() else ""
        clock = moment.time().isoformat(timespec="seconds") if moment.time() != time() else ""
        made = cls(f"{day} {clock}".strip())
        made.moment = moment
        return made
