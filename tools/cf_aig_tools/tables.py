"""Formats rows for a model: values shared by every row are stated once, and empty columns are dropped."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

Cell = str | int | float | bool | None
Columns = Mapping[str, Sequence[Cell]]
"""Cells by column name; every column has one cell per row."""


@dataclass(frozen=True)
class Table:
    """The columns that differ between rows, and the values shared by all rows."""

    columns: list[str]
    rows: list[list[Cell]]
    same: dict[str, Cell]

    def text(self) -> str:
        """Return the table as aligned lines: shared values, header, rows."""
        same = ", ".join(f"{name} {shown(value)}" for name, value in self.same.items())
        lines = [f"in every row: {same}"] if same else []
        if self.rows:
            cells = zip(*self.rows, strict=True)
            columns = [[name, *_texts(each)] for name, each in zip(self.columns, cells, strict=True)]
            line = "  ".join(f"%-{max(map(len, column))}s" for column in columns)
            lines += [(line % row).rstrip() for row in zip(*columns, strict=True)]
        return "\n".join(lines)


def _texts(cells: Sequence[Cell]) -> Iterable[str]:
    """Return the cells of a column as `shown` does, with a fast path for counts and plain words such as ids."""
    kinds = set(map(type, cells))
    if kinds == {int}:
        return map(str, cells)
    if kinds == {str}:
        words = cast(Sequence[str], cells)
        if (joined := "".join(words)).isprintable() and " " not in joined:
            return words
    return map(shown, cells)


def table(rows: Sequence[dict[str, Cell]], keep: str = "", longest: int = 80, whole: Sequence[str] = ()) -> Table:
    """Fold rows with the same keys; a column that is 0 or False in every row is dropped.

    The column `keep` is never folded. Cells are cut to `longest` characters, except in `whole` columns.
    """
    return folded({name: [row[name] for row in rows] for name in (rows[0] if rows else ())}, keep, longest, whole)


def folded(columns: Columns, keep: str = "", longest: int = 80, whole: Sequence[str] = ()) -> Table:
    """Fold columns as `table` does with rows."""
    same: dict[str, Cell] = {}
    kept: dict[str, list[Cell]] = {}
    for name, cells in columns.items():
        first = cells[0]
        held = first not in (None, "", 0)
        if name == keep or cells.count(first) < len(cells) or (held and len(cells) == 1):
            is_text = str in set(map(type, cells))
            kept[name] = [cut(cell, longest) for cell in cells] if is_text and name not in whole else list(cells)
        elif held:
            same[name] = cut(first, longest)
    return Table(list(kept), [list(row) for row in zip(*kept.values(), strict=True)], same)


def cut(cell: Cell, longest: int) -> Cell:
    """Shorten a long text, ending it with …"""
    return cell[: longest - 1] + "…" if isinstance(cell, str) and len(cell) > longest else cell


def shown(cell: Cell) -> str:
    """Return a cell as one line of text: empty for None, and numbers without an exponent."""
    if isinstance(cell, str):
        return cell if " " not in cell and cell.isprintable() else " ".join(cell.split())
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        text = repr(cell)  # a quarter of the time, with the same result for few digits
        return text.removesuffix(".0") if len(text) < 12 and "e" not in text else f"{cell:.12f}".rstrip("0").rstrip(".")
    return str(cell)
