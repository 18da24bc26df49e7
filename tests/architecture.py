"""The layers and their packages as a diagram: which imports which, drawn from the code."""

import ast
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parent.parent
FLOORS = ("server", "tools", "gateway")

Edges = set[tuple[str, str]]


def diagram() -> str:
    """Return the diagram in Mermaid, without arrows that a longer path implies."""
    names = [name for floor in FLOORS for name in _packages(floor)]
    edges = _needed({(user, used) for user, used in _imports(names) if not _is_within(user, used)})
    lines = ["```mermaid", "flowchart TD"]
    for floor in FLOORS:
        lines.append(f'  subgraph {floor}_floor ["{floor}/"]')
        lines += [f'    {_id(name)}["{_title(name)}"]' for name in _packages(floor)]
        lines.append("  end")
    lines += [f"  {_id(user)} --> {_id(used)}" for user, used in sorted(edges)]
    lines += [f"  {above}_floor ==> {below}_floor" for above, below in pairwise(FLOORS)]
    return "\n".join([*lines, "```"]) + "\n"


def table() -> str:
    """Return each package with its own description."""
    rows = [f"| `{_path(name)}` | {_purpose(name)} |" for floor in FLOORS for name in _packages(floor)]
    return "\n".join(["| package | what it is for |", "|---|---|", *rows]) + "\n"


def _packages(floor: str) -> list[str]:
    """Return the packages of a layer, as dotted names."""
    root = ROOT / floor
    return sorted(".".join(path.parent.relative_to(root).parts) for path in root.rglob("__init__.py"))


def _path(name: str) -> str:
    first, *rest = name.split(".")
    return "/".join([first.removeprefix("cf_aig_"), first, *rest]) + "/"


def _purpose(name: str) -> str:
    said = ast.get_docstring(ast.parse((ROOT / _path(name) / "__init__.py").read_text(encoding="utf-8"))) or ""
    return said.partition("\n\n")[0]


def _imports(names: list[str]) -> Iterator[tuple[str, str]]:
    """Yield pairs of packages in one layer, of which the first imports the second."""
    known = set(names)
    for name in names:
        for path in (ROOT / _path(name)).glob("*.py"):
            for module in _modules(path):
                used = next((part for part in _parents(module) if part in known), name)
                if used != name and used.split(".")[0] == name.split(".")[0]:
                    yield name, used


def _modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[:end]) for end in range(len(parts), 0, -1))


def _is_within(user: str, used: str) -> bool:
    return user.startswith(f"{used}.")


def _needed(edges: Edges) -> Edges:
    """Return the arrows without those that a path of two or more others implies."""
    return {(user, used) for user, used in edges if not _leads(user, used, edges - {(user, used)})}


def _leads(start: str, end: str, edges: Edges) -> bool:
    seen, ahead = {start}, [start]
    while ahead:
        here = ahead.pop()
        for used in {used for user, used in edges if user == here} - seen:
            seen.add(used)
            ahead.append(used)
    return end in seen


def _id(name: str) -> str:
    return name.replace(".", "_")


def _title(name: str) -> str:
    return name.rpartition(".")[2]
