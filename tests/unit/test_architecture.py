"""The rules of ARCHITECTURE.md, whose table of parts is read here."""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
OURS = ("bridge", "bots", "alembic")
MAX_FILE, MAX_FUNCTION = 400, 60

# path, or path:function -> why, and until when (a date)
LARGER: dict[str, str] = {}

SQL = re.compile(
    r"\s*(SELECT\s|INSERT INTO\s|DELETE FROM\s|UPDATE \w+ SET\s|WITH \w+ AS\s|TRUNCATE\s|LISTEN \w|NOTIFY \w|COPY \w|"
    r"(CREATE|ALTER|DROP) (TABLE|INDEX|SCHEMA|FUNCTION|TRIGGER|TYPE|DATABASE|ROLE)\s)"
)
MUTABLE_CALLS = {"list", "dict", "set", "bytearray", "deque", "defaultdict", "Counter", "OrderedDict", "Event", "Queue"}
MUTABLE_LITERALS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


@dataclass(frozen=True)
class Part:
    name: str
    paths: frozenset[str]
    may_use: frozenset[str]
    packages: frozenset[str]


def read_parts(text: str) -> list[Part]:
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| part |"))
    rows = takewhile(lambda line: line.startswith("|"), lines[start + 2 :])
    parts = []
    for row in rows:
        name, *cells = (cell.strip() for cell in row.strip("|").split("|"))
        paths, may_use, packages = map(_names, cells)
        parts.append(Part(name, paths, may_use, packages))
    return parts


def _names(cell: str) -> frozenset[str]:
    return frozenset() if cell == "-" else frozenset(word.strip(" `") for word in cell.split(","))


PARTS = read_parts((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8"))


def part_of(path: str) -> Part:
    fitting = {prefix: part for part in PARTS for prefix in part.paths if path.startswith(prefix)}
    return fitting[max(fitting, key=len)]


@cache
def sources() -> dict[str, ast.Module]:
    """Each module of ours by its path from the root."""
    files = (path for folder in OURS for path in sorted((ROOT / folder).rglob("*.py")))
    return {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in files}


def module_path(name: str) -> str | None:
    """The file of a module of ours; None for other modules. The package alembic is not our folder of that name."""
    if name.split(".", maxsplit=1)[0] not in {"bridge", "bots"}:
        return None
    base = name.replace(".", "/")
    return next((path for path in (f"{base}.py", f"{base}/__init__.py") if (ROOT / path).is_file()), None)


def imports(path: str, tree: ast.Module) -> set[str]:
    """The full names of all that is imported, at the top, in functions, and for types alone."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            assert node.module is not None
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = {name for name in names if module_path(name)}
            found |= modules
            if len(modules) < len(names):
                found.add(node.module)
    return found


def refused_imports(path: str, tree: ast.Module) -> list[str]:
    part = part_of(path)
    problems = []
    for name in sorted(imports(path, tree)):
        top = name.split(".")[0]
        target = module_path(name)
        if target is not None:
            other = part_of(target).name
            if other != part.name and other not in part.may_use:
                problems.append(f"{path}: {part.name} must not import {name} ({other})")
        elif top in {"bridge", "bots"}:
            problems.append(f"{path}: there is no module {name}")
        elif top not in sys.stdlib_module_names and top not in part.packages:
            problems.append(f"{path}: {part.name} must not import the package {top}")
    return problems


def docstrings(tree: ast.AST) -> set[int]:
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, holders) and node.body and isinstance(node.body[0], ast.Expr)
    }


def sql(tree: ast.AST) -> list[int]:
    """The lines on which a text begins like SQL."""
    skip = docstrings(tree)
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in skip
        and SQL.match(node.value)
    ]


def seals(tree: ast.AST) -> list[int]:
    """The lines that name what makes a `Readable`."""
    names = {"seal_for_access", "_SEAL"}
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in names:
            found.add(node.lineno)
        named = {getattr(node, "id", None), getattr(node, "attr", None), getattr(node, "name", None)}
        if named & names and isinstance(node, (ast.expr, ast.alias)):
            found.add(node.lineno)
    return sorted(found)


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        for inner in ("body", "orelse", "finalbody"):
            if isinstance(node, (ast.If, ast.Try, ast.With)):
                yield from _top_level(getattr(node, inner, []))


def state(tree: ast.Module) -> list[str]:
    """Names at the top of a module that hold something that changes, and all that is declared `global`."""
    found = [f"global {', '.join(node.names)}" for node in ast.walk(tree) if isinstance(node, ast.Global)]
    for node in _top_level(tree.body):
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        function = value.func if isinstance(value, ast.Call) else None
        called = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        mutable = isinstance(value, MUTABLE_LITERALS) or called in MUTABLE_CALLS
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        found += [name for name in names if mutable and not name.isupper() and not name.startswith("__")]
    return found


def circle(graph: dict[str, set[str]]) -> list[str]:
    """One circle in a graph, or nothing."""
    done: set[str] = set()

    def walk(node: str, way: list[str]) -> list[str]:
        if node in way:
            return [*way[way.index(node) :], node]
        if node in done:
            return []
        for following in sorted(graph.get(node, ())):
            found = walk(following, [*way, node])
            if found:
                return found
        done.add(node)
        return []

    return next((found for node in sorted(graph) if (found := walk(node, []))), [])


@pytest.mark.parametrize("path", sorted(sources()))
def test_imports_follow_the_arrows(path: str) -> None:
    assert refused_imports(path, sources()[path]) == []


@pytest.mark.parametrize("path", sorted(sources()))
def test_sql_stands_in_storage_alone(path: str) -> None:
    if part_of(path).name not in {"storage", "migrations"}:
        assert sql(sources()[path]) == []


@pytest.mark.parametrize("path", sorted(sources()))
def test_the_access_rule_alone_says_what_may_be_read(path: str) -> None:
    if path not in {"bridge/archive/access.py", "bridge/storage/readable.py"}:
        assert seals(sources()[path]) == []


@pytest.mark.parametrize("path", sorted(sources()))
def test_modules_keep_no_state(path: str) -> None:
    assert state(sources()[path]) == []


def test_no_import_goes_in_a_circle() -> None:
    graph = {
        path: {target for name in imports(path, tree) if (target := module_path(name)) and target != path}
        for path, tree in sources().items()
    }
    assert circle(graph) == []


def test_sizes() -> None:
    too_large = []
    for folder in (*OURS, "tests", "bench"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
            lines = len(text.splitlines())
            if lines > MAX_FILE and name not in LARGER:
                too_large.append(f"{name}: {lines} lines")
            for node in ast.walk(ast.parse(text)):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    length = (node.end_lineno or node.lineno) - node.lineno + 1
                    if length > MAX_FUNCTION and f"{name}:{node.name}" not in LARGER:
                        too_large.append(f"{name}:{node.name}: {length} lines")
    assert too_large == []


def test_the_table_speaks_of_what_is_there() -> None:
    names = {part.name for part in PARTS}
    assert len(names) == len(PARTS)
    for part in PARTS:
        assert part.may_use <= names, part.name
        assert any(part_of(path) == part for path in sources()), f"nothing is in {part.name}"


def test_the_table_says_what_was_decided() -> None:
    """The arrows that no edit of the table may add."""
    by_name = {part.name: part for part in PARTS}
    who_has = {package: {part.name for part in PARTS if package in part.packages} for package in ("mautrix", "asyncpg")}
    assert who_has == {"mautrix": {"crypto", "demo person"}, "asyncpg": {"storage", "migrations"}}
    assert {part.name for part in PARTS if "app" in part.may_use} == {"cli", "demo"}
    assert by_name["archive"].may_use == {"basics", "config", "storage"}
    assert by_name["storage"].may_use == by_name["config"].may_use == {"basics"}


@pytest.mark.parametrize(
    ("path", "source", "problem"),
    [
        ("bridge/archive/x.py", "from bridge.matrix.inbox import Inbox", "must not import bridge.matrix.inbox"),
        ("bridge/archive/x.py", "from bridge.matrix import inbox", "must not import bridge.matrix.inbox"),
        ("bridge/archive/x.py", "def f():\n    import mautrix.types", "must not import the package mautrix"),
        ("bridge/storage/x.py", "from bridge import app", "must not import bridge.app"),
        ("bridge/config/x.py", "import asyncpg", "must not import the package asyncpg"),
        ("bridge/app.py", "from bridge.nowhere import x", "there is no module bridge.nowhere"),
        ("bridge/errors.py", "from tests import postgres", "must not import the package tests"),
    ],
)
def test_a_wrong_import_is_found(path: str, source: str, problem: str) -> None:
    assert problem in "\n".join(refused_imports(path, ast.parse(source)))


def test_sql_is_found() -> None:
    assert sql(ast.parse('"""SELECT in a docstring"""\nQ = "SELECT 1"\nf"DELETE FROM {x}"\nHELP = "Select one"')) == [
        2,
        3,
    ]


def test_a_seal_is_found() -> None:
    source = "from x import seal_for_access as a\nx.seal_for_access()\nr._SEAL\nseal_for_access\n'_SEAL'\nseal = 1"
    assert seals(ast.parse(source)) == [1, 2, 3, 4, 5]


def test_state_is_found() -> None:
    source = (
        "seen = []\nif x:\n    cache: dict = {}\nTABLE = {}\nlog = make()\ndef f():\n    global counter\n    y = []"
    )
    assert state(ast.parse(source)) == ["global counter", "seen", "cache"]


def test_a_circle_is_found() -> None:
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []
