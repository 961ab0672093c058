"""Turns the text of a function that was put together from a schema into the function.

Only `schemas.avro.encoder` and `schemas.avro.reader` put texts together, and only from this package's own `.avsc`
files: names of
fields and numbers; nothing from the wire, nothing from an operator. A function made so reads or writes a record about
twice as fast as one that looks at the schema for each field.
"""

import linecache
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def function(name: str, parameters: str, body: Sequence[str], bound: Mapping[str, Any]) -> Callable[..., Any]:
    """The function `name(parameters)` of these lines, whose names are those in `bound`. A traceback shows its text."""
    text = "\n".join([f"def {name}({parameters}):", *(f"    {line}" for line in body), ""])
    file = f"<schemas: {name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    namespace = dict(bound)
    exec(compile(text, file, "exec"), namespace)  # noqa: S102, the text is ours: see above
    made: Callable[..., Any] = namespace[name]
    return made


class Names:
    """Gives values names under which a text can use them."""

    def __init__(self) -> None:
        self.bound: dict[str, Any] = {}

    def name(self, value: Any) -> str:
        """A new name for `value`."""
        name = f"_{len(self.bound)}"
        self.bound[name] = value
        return name
