"""A small PromQL: reads the expressions of observability/ strictly, and evaluates them on scrapes of a node.

It knows what these expressions use and refuses everything else. Where the tool of Prometheus is installed, tests ask it
too.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

TOKEN: Final = re.compile(
    r'\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<range>\[\d+[smhd]\])|(?P<name>[a-zA-Z_:][\w:]*)'
    r"|(?P<sign>==|!=|>=|<=|=~|!~|[-+*/(){},=<>]))"
)
AGGREGATIONS: Final = frozenset({"sum", "max", "min", "count", "topk"})
FUNCTIONS: Final = frozenset({"rate", "changes", "histogram_quantile", "vector"})
COMPARISONS: Final = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}
SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
Labels = frozenset[tuple[str, str]]
Vector = dict[Labels, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrape:
    """What one scrape showed."""

    at: float
    """In seconds."""

    samples: Mapping[str, Vector]


@dataclass(slots=True)
class Expression:
    """A parsed expression: its tree, and the metrics and labels that it names."""

    tree: Any
    metrics: set[str] = field(default_factory=set)
    labels: set[tuple[str, str]] = field(default_factory=set)
    """(metric, label) of each matcher."""

    kept: set[str] = field(default_factory=set)
    """Labels of `by`."""


def scrape(at: float, text: str, **extra: str) -> Scrape:
    """The samples of a text; `extra` are labels that Prometheus adds."""
    samples: dict[str, Vector] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = frozenset({**sample.labels, **extra}.items())
            samples.setdefault(sample.name, {})[labels] = sample.value
    return Scrape(at=at, samples=samples)


class Parser:
    """Parses one expression; ValueError if it is not one that this module knows."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        place = 0
        while text[place:].strip():
            found = TOKEN.match(text, place)
            if found is None:
                raise ValueError(f"cannot read {text[place:]!r}")
            kind = found.lastgroup or ""
            self._tokens.append((kind, found.group(kind)))
            place = found.end()
        self._place = 0
        self.result = Expression(None)

    def parse(self) -> Expression:
        """The whole expression."""
        self.result.tree = self._set_operation()
        if self._place != len(self._tokens):
            raise ValueError(f"did not expect {self._tokens[self._place]}")
        return self.result

    def _peek(self) -> str:
        return self._tokens[self._place][1] if self._place < len(self._tokens) else ""

    def _take(self, *wanted: str) -> str:
        token = self._peek()
        if not token or (wanted and token not in wanted):
            raise ValueError(f"expected {wanted}, found {token!r}")
        self._place += 1
        return token

    def _take_kind(self, kind: str) -> str:
        if self._place >= len(self._tokens) or self._tokens[self._place][0] != kind:
            raise ValueError(f"expected a {kind}, found {self._peek()!r}")
        return self._take()

    def _set_operation(self) -> Any:
        left = self._comparison()
        while self._peek() in ("and", "or", "unless"):
            left = (self._take(), left, self._comparison())
        return left

    def _comparison(self) -> Any:
        left = self._primary()
        if self._peek() in COMPARISONS:
            left = ("compare", self._take(), left, self._primary())
        return left

    def _primary(self) -> Any:
        if self._peek() == "(":
            self._take("(")
            inner = self._set_operation()
            self._take(")")
            return inner
        kind = self._tokens[self._place][0] if self._place < len(self._tokens) else ""
        if kind == "number":
            return ("number", float(self._take()))
        name = self._take_kind("name")
        if name in AGGREGATIONS:
            return self._aggregation(name)
        if name in FUNCTIONS:
            return ("call", name, self._arguments())
        return self._selector(name)

    def _aggregation(self, name: str) -> Any:
        by = self._by() if self._peek() == "by" else None
        arguments = self._arguments()
        if by is None and self._peek() == "by":
            by = self._by()
        return ("aggregate", name, frozenset(by or ()), arguments)

    def _by(self) -> list[str]:
        self._take("by")
        self._take("(")
        labels = [self._take_kind("name")]
        while self._peek() == ",":
            self._take(",")
            labels.append(self._take_kind("name"))
        self._take(")")
        self.result.kept.update(labels)
        return labels

    def _arguments(self) -> list[Any]:
        self._take("(")
        arguments = [self._set_operation()]
        while self._peek() == ",":
            self._take(",")
            arguments.append(self._set_operation())
        self._take(")")
        return arguments

    def _selector(self, name: str) -> Any:
        self.result.metrics.add(name)
        matchers: list[tuple[str, str, str]] = []
        if self._peek() == "{":
            self._take("{")
            while self._peek() != "}":
                label = self._take_kind("name")
                matchers.append((label, self._take("=", "!="), self._take_kind("text")[1:-1]))
                self.result.labels.add((name, label))
                if self._peek() == ",":
                    self._take(",")
            self._take("}")
        kind = self._tokens[self._place][0] if self._place < len(self._tokens) else ""
        if kind != "range":
            return ("select", name, matchers)
        span = self._take()
        return ("range", name, matchers, float(span[1:-2]) * SECONDS[span[-2]])


def parse(text: str) -> Expression:
    """Parse an expression; raises ValueError."""
    return Parser(text).parse()


def evaluate(tree: Any, history: Sequence[Scrape]) -> Any:  # noqa: PLR0911 - one case for each kind of node
    """The vector (labels -> value) or the number of an expression at the last scrape."""
    match tree:
        case ("number", value):
            return value
        case ("select", name, matchers):
            return _matching(history[-1].samples.get(name, {}), matchers)
        case ("compare", sign, left, right):
            number = evaluate(right, history)
            return {key: value for key, value in evaluate(left, history).items() if COMPARISONS[sign](value, number)}
        case ("and", left, right):
            known = evaluate(right, history)
            return {key: value for key, value in evaluate(left, history).items() if key in known}
        case ("or", left, right):
            return {**evaluate(right, history), **evaluate(left, history)}
        case ("aggregate", name, by, arguments):
            return _aggregated(name, by, [evaluate(argument, history) for argument in arguments])
        case ("call", "vector", [argument]):
            return {frozenset(): evaluate(argument, history)}
        case ("call", "histogram_quantile", [quantile, argument]):
            return _quantiles(evaluate(quantile, history), evaluate(argument, history))
        case ("call", name, [("range", metric, matchers, seconds)]):
            return _over_time(name, metric, matchers, seconds, history)
    raise ValueError(tree)


def _matching(vector: Vector, matchers: Iterable[tuple[str, str, str]]) -> Vector:
    found = {}
    for key, value in vector.items():
        labels = dict(key)
        if all((labels.get(label, "") == text) == (sign == "=") for label, sign, text in matchers):
            found[key] = value
    return found


def _aggregated(name: str, by: frozenset[str], arguments: list[Any]) -> Vector:
    groups: dict[Labels, list[float]] = {}
    for key, value in arguments[-1].items():
        groups.setdefault(frozenset(pair for pair in key if pair[0] in by), []).append(value)
    functions: dict[str, Callable[[list[float]], float]] = {"sum": sum, "max": max, "min": min, "count": len}
    if name == "topk":
        best = sorted(arguments[-1].items(), key=lambda item: -item[1])
        return dict(best[: int(arguments[0])])
    return {key: float(functions[name](values)) for key, values in groups.items()}


def _over_time(
    name: str, metric: str, matchers: list[tuple[str, str, str]], seconds: float, history: Sequence[Scrape]
) -> Vector:
    within = [look for look in history if look.at >= history[-1].at - seconds]
    found = {}
    for key in _matching(history[-1].samples.get(metric, {}), matchers):
        points = [(look.at, look.samples[metric][key]) for look in within if key in look.samples.get(metric, {})]
        if name == "changes":
            found[key] = float(sum(before[1] != after[1] for before, after in pairwise(points)))
        elif name == "rate" and len(points) > 1:
            found[key] = (points[-1][1] - points[0][1]) / (points[-1][0] - points[0][0])
    return found


def _quantiles(quantile: float, vector: Vector) -> Vector:
    """The bound of the first bucket that reaches the quantile; without a sample there is none."""
    groups: dict[Labels, dict[float, float]] = {}
    for key, value in vector.items():
        rest = frozenset(pair for pair in key if pair[0] != "le")
        groups.setdefault(rest, {})[float(dict(key)["le"].replace("+Inf", "inf"))] = value
    found = {}
    for key, buckets in groups.items():
        total = max(buckets.values())
        if total:
            found[key] = min(bound for bound, value in buckets.items() if value >= quantile * total)
    return found
