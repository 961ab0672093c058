"""Compiles the source text of a function that was generated from a schema.

Only `schemas.avro.encoder` and `schemas.avro.reader` generate texts. The texts contain names and numbers from the
`.avsc` files of this package, and no input from the wire or from an operator. Such a function reads or writes a record
about twice as fast as a function that interprets the schema for each field.
"""

import linecache
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def function(name: str, parameters: str, body: Sequence[str], bound: Mapping[str, Any]) -> Callable[..., Any]:
    """The function `name(parameters)` with the lines of `body` and the names in `bound`. Tracebacks show its text."""
    text = "\n".join([f"def {name}({parameters}):", *(f"    {line}" for line in body), ""])
    file = f"<schemas: {name}>"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    namespace = dict(bound)
    exec(compile(text, file, "exec"), namespace)  # noqa: S102, the text is generated from our files: see above
    made: Callable[..., Any] = namespace[name]
    return made


class Names:
    """Gives names to values that a generated text uses."""

    def __init__(self) -> None:
        self.bound: dict[str, Any] = {}

    def name(self, value: Any) -> str:
        """A new name for `value`."""
        name = f"_{len(self.bound)}"
        self.bound[name] = value
        return name
