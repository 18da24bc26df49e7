"""Rows for a model: a value that stands in every row is said once, and what holds nothing is left out."""

from collections.abc import Sequence
from dataclasses import dataclass

Cell = str | int | float | bool | None

MAX_CELL = 80
"""Characters of a cell; a longer one is cut, and ends in …"""


@dataclass(frozen=True)
class Table:
    """Columns that differ between rows, and what is the same in all of them."""

    columns: list[str]
    rows: list[list[Cell]]
    same: dict[str, Cell]

    def text(self) -> str:
        """Return the table as aligned lines, its head first."""
        lines = [self.columns, *([shown(cell) for cell in row] for row in self.rows)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )


def table(rows: Sequence[dict[str, Cell]], keep: Sequence[str] = ()) -> Table:
    """Fold rows with the same keys. Columns in `keep` stay though every row has the same value."""
    same: dict[str, Cell] = {}
    columns: list[str] = []
    for name in rows[0] if rows else ():
        values = [row[name] for row in rows]
        if name in keep or any(value != values[0] for value in values):
            columns.append(name)
        elif values[0] not in (None, "", False):
            same[name] = cut(values[0])
    return Table(columns, [[cut(row[name]) for name in columns] for row in rows], same)


def cut(cell: Cell) -> Cell:
    """Shorten a long text."""
    return cell[: MAX_CELL - 1] + "…" if isinstance(cell, str) and len(cell) > MAX_CELL else cell


def shown(cell: Cell) -> str:
    """Return a cell as text; nothing for None, yes or no for a boolean."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return f"{cell:.15g}" if isinstance(cell, float) else " ".join(str(cell).split())
