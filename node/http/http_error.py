"""The error of a request, with the status of its answer."""

from collections.abc import Mapping, Sequence

from node.errors import EnlaceError
from schemas.field_errors import FieldError


class HttpError(EnlaceError):
    """An error with the status of its answer."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        path: str | None = None,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[FieldError] = (),
    ) -> None:
        super().__init__(code, message, path=path, hint=hint)
        self.status = status
        self.headers = dict(headers or {})
        self.errors = tuple(errors)
        """What is wrong with the fields of the body."""
