"""Small changes of a module's functions, derived from its syntax tree: each takes out one rule.

For each function of a module `mutants` finds:
- a condition: one operand of `and` or `or` is left out; a condition that stands alone is always false, or always true;
- a comparison: `<` becomes `<=` and the reverse, and likewise `>`; one link of `a <= b <= c` is left out;
- a member of a tuple, list or set that `in` searches is left out;
- a step: a call as a statement, an augmented assignment, an assignment to an attribute or an item is left out;
- a code: an identifier in a string that is an argument, returned or chosen is another one, as is a number that is an
  argument;
- `max` and `min` return one of their arguments, `a + b` and `a - b` are `a`, the first item is the last one;
- an item that `frame` and `expand` bind is left out.

Not changed: constants of a module, default values, decorators, annotations, messages.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from types import CodeType
from typing import Final

CODE: Final = re.compile(r"[a-z][a-z0-9]*([._][a-z0-9]+)*|enlace/1 .+")
"""A string that a program compares: an error code, an outcome, the name of a field, the context of a hash."""

SHIFTED: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
}
BINDING: Final = frozenset({"frame", "expand"})
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """Where a node hangs in the tree."""

    holder: ast.AST
    field: str
    index: int | None

    @property
    def node(self) -> ast.AST:
        """What hangs there."""
        value = getattr(self.holder, self.field)
        found: ast.AST = value if self.index is None else value[self.index]
        return found

    def put(self, node: ast.AST) -> None:
        """Hang another node there."""
        if self.index is None:
            setattr(self.holder, self.field, node)
        else:
            getattr(self.holder, self.field)[self.index] = node


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change of one function."""

    function: str
    """Qualified name, as `SignatureMemory.get`."""

    change: str
    """What is different, in the words of the source."""

    slot: Slot
    node: ast.AST
    """What stands in the slot instead."""

    @property
    def name(self) -> str:
        """Unique in its module; changes only if the function does."""
        return f"{self.function}: {self.change}"


def mutants(tree: ast.Module) -> list[Mutant]:
    """Every mutant of a module, in the order of the source; equal changes of one function are numbered."""
    found: list[Mutant] = []
    counts: dict[str, int] = {}
    for name, function in functions(tree):
        for slot in slots(function):
            for change, node in changes(slot):
                mutant = Mutant(function=name, change=change, slot=slot, node=node)
                count = counts[mutant.name] = counts.get(mutant.name, 0) + 1
                found.append(mutant if count == 1 else replace(mutant, change=f"{change} ({count})"))
    return found


def functions(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    """Functions and methods with their qualified names; what is defined inside a function belongs to it."""
    for node in tree.body:
        if isinstance(node, Function):
            yield node.name, node
        if isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{method.name}", method) for method in node.body if isinstance(method, Function))


def compiled(tree: ast.Module, mutant: Mutant, file: str) -> CodeType:
    """The code of the mutant's function, with the change; the tree stays as it is."""
    original = mutant.slot.node
    mutant.slot.put(ast.copy_location(mutant.node, original))
    try:
        changed = deepcopy(tree)
    finally:
        mutant.slot.put(original)
    [free] = [code.co_freevars for code in codes(_compile(tree, file)) if code.co_qualname == mutant.function]
    for name, function in functions(changed):
        if name == mutant.function and free:
            function.body.append(_unreachable(free))
    [code] = [code for code in codes(_compile(changed, file)) if code.co_qualname == mutant.function]
    return code


def _compile(tree: ast.Module, file: str) -> CodeType:
    return compile(ast.fix_missing_locations(tree), file, "exec", dont_inherit=True)


def _unreachable(names: Sequence[str]) -> ast.stmt:
    """Names in a branch that is never taken: code without `super()` has another closure, and could not be exchanged."""
    body: list[ast.stmt] = [ast.Expr(value=ast.Name(id=name, ctx=ast.Load())) for name in names]
    return ast.If(test=ast.Constant(value=False), body=body, orelse=[])


def codes(code: CodeType) -> Iterator[CodeType]:
    """A code object and all inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def slots(function: Function) -> Iterator[Slot]:
    """Every place of a function's body that holds a statement or an expression, from the outside to the inside."""
    for index in range(len(function.body)):
        slot = Slot(holder=function, field="body", index=index)
        yield slot
        yield from below(slot.node)


def below(node: ast.AST) -> Iterator[Slot]:
    """Every place below a node, without annotations and defaults."""
    for field, value in ast.iter_fields(node):
        if field in {"annotation", "returns", "args", "decorator_list"} and not isinstance(node, ast.Call):
            continue
        if isinstance(node, ast.JoinedStr):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(child, ast.AST):
                yield Slot(holder=node, field=field, index=index)
                yield from below(child)


def changes(slot: Slot) -> Iterator[tuple[str, ast.AST]]:
    """What may stand in a slot instead: a description, and the node."""
    node = slot.node
    if isinstance(node, ast.expr) and alone(slot):
        yield from constants(node, may_loop=not isinstance(slot.holder, ast.While))
    match node:
        case ast.BoolOp(values=values):
            for place, value in enumerate(values):
                others = [ignored(value, neutral=isinstance(node.op, ast.And))] if binds(value) else []
                kept = [*values[:place], *others, *values[place + 1 :]]
                yield f"without {text(value)}", kept[0] if len(kept) == 1 else ast.BoolOp(op=node.op, values=kept)
        case ast.Compare():
            yield from comparisons(node)
        case ast.Call():
            yield from calls(node)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub()):
            yield f"{text(node)} as {text(left)}", left
        case ast.Subscript(value=value, slice=ast.Constant(value=0), ctx=ast.Load()):
            yield f"the last of {text(value)}", item(value, -1)
        case ast.Subscript(
            value=value, slice=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)), ctx=ast.Load()
        ):
            yield f"the first of {text(value)}", item(value, 0)
        case ast.Constant(value=str() as code) if CODE.fullmatch(code) and chosen(slot):
            yield f"another code than {code}", ast.Constant(value=f"{code}_changed")
        case ast.Constant(value=int() as number) if type(number) is int and isinstance(
            slot.holder, (ast.Call, ast.keyword)
        ):
            yield f"another number than {number}", ast.Constant(value=number + 1)
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.AugAssign():
            yield f"without step {text(node)}", ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield f"without step {text(node)}", ast.Pass()


def alone(slot: Slot) -> bool:
    """Whether a slot holds a condition that is not an operand of `and`, `or` or `not`."""
    match slot.holder:
        case ast.If() | ast.IfExp() | ast.While():
            condition = slot.field == "test"
        case ast.comprehension():
            condition = slot.field == "ifs"
        case ast.match_case():
            condition = slot.field == "guard"
        case ast.BoolOp() | ast.UnaryOp():
            condition = False
        case _:
            condition = isinstance(slot.node, ast.Compare) or (
                isinstance(slot.node, ast.UnaryOp) and isinstance(slot.node.op, ast.Not)
            )
    return condition and not isinstance(slot.node, ast.BoolOp)


def constants(test: ast.expr, *, may_loop: bool) -> Iterator[tuple[str, ast.expr]]:
    """A condition that is always false or always true; a loop that never ends shows nothing."""
    yield f"never {text(test)}", ignored(test, neutral=False)
    if may_loop:
        yield f"always {text(test)}", ignored(test, neutral=True)


def comparisons(node: ast.Compare) -> Iterator[tuple[str, ast.expr]]:
    """Boundaries that shift, links and members that are left out."""
    values = [node.left, *node.comparators]
    for place, operator in enumerate(node.ops):
        left, right = values[place : place + 2]
        link = text(ast.Compare(left=left, ops=[operator], comparators=[right]))
        if type(operator) in SHIFTED:
            ops = [*node.ops[:place], SHIFTED[type(operator)](), *node.ops[place + 1 :]]
            shifted = ast.Compare(left=node.left, ops=ops, comparators=node.comparators)
            yield f"boundary of {link}", shifted
        if len(node.ops) > 1:
            links = [
                ast.Compare(left=values[other], ops=[node.ops[other]], comparators=[values[other + 1]])
                for other in range(len(node.ops))
                if other != place
            ]
            yield f"without {link}", links[0] if len(links) == 1 else ast.BoolOp(op=ast.And(), values=[*links])
        if isinstance(operator, (ast.In, ast.NotIn)) and isinstance(right, (ast.Tuple, ast.List, ast.Set)):
            for member in right.elts:
                kept = ast.Tuple(elts=[other for other in right.elts if other is not member], ctx=ast.Load())
                comparators = [*node.comparators[:place], kept, *node.comparators[place + 1 :]]
                yield (
                    f"{link} without {text(member)}",
                    ast.Compare(left=node.left, ops=node.ops, comparators=comparators),
                )


def calls(node: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """`max` and `min` that do not compare; a hash that binds one item less."""
    match node:
        case ast.Call(func=ast.Name(id="max" | "min"), args=[_, _, *_], keywords=[]):
            yield from ((f"{text(node)} as {text(argument)}", argument) for argument in node.args)
        case ast.Call(func=ast.Name(id=name), args=args) if name in BINDING:
            for place in range(1, len(args)):
                kept = [*args[:place], *args[place + 1 :]]
                yield (
                    f"{name} without {text(args[place])}",
                    ast.Call(func=node.func, args=kept, keywords=node.keywords),
                )


def chosen(slot: Slot) -> bool:
    """Whether a string is an argument, is returned, or is chosen by a condition."""
    holder = slot.holder
    return isinstance(holder, (ast.Call, ast.keyword, ast.Return)) or (
        isinstance(holder, ast.IfExp) and slot.field != "test"
    )


def binds(node: ast.expr) -> bool:
    """Whether an expression gives a name to a value, which others need."""
    return any(isinstance(inner, ast.NamedExpr) for inner in ast.walk(node))


def ignored(node: ast.expr, *, neutral: bool) -> ast.expr:
    """A constant in the place of an expression, which is still evaluated if it binds a name."""
    constant = ast.Constant(value=neutral)
    return item(ast.Tuple(elts=[node, constant], ctx=ast.Load()), 1) if binds(node) else constant


def item(value: ast.expr, index: int) -> ast.expr:
    """`value[index]`."""
    return ast.Subscript(value=value, slice=ast.Constant(value=index), ctx=ast.Load())


def text(node: ast.AST) -> str:
    """A node in one line of source."""
    return " ".join(ast.unparse(node).split())
