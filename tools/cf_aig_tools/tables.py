"""Rows for a model: a value that stands in every row is said once, and what holds nothing is left out."""

from collections.abc import Sequence
from dataclasses import dataclass

Cell = str | int | float | bool | None


@dataclass(frozen=True)
class Table:
    """Columns that differ between rows, and what is the same in all of them."""

    columns: list[str]
    rows: list[list[Cell]]
    same: dict[str, Cell]

    def text(self) -> str:
        """Return the table as aligned lines: what is the same, the head, the rows."""
        same = ", ".join(f"{name} {shown(value)}" for name, value in self.same.items())
        lines = [self.columns, *([shown(cell) for cell in row] for row in self.rows)] if self.rows else []
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.columns))]
        aligned = (
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )
        return "\n".join([*([f"in every row: {same}"] if same else []), *aligned])


def table(rows: Sequence[dict[str, Cell]], keep: str = "", longest: int = 80, whole: Sequence[str] = ()) -> Table:
    """Fold rows with the same keys; 0 and False in every row hold nothing.

    The column `keep` stays in any case. Cells are cut to `longest` characters, but for those of `whole` columns.
    """
    same: dict[str, Cell] = {}
    columns: list[str] = []
    for name in rows[0] if rows else ():
        values = [row[name] for row in rows]
        held = values[0] not in (None, "", 0)
        if name == keep or any(value != values[0] for value in values) or (held and len(rows) == 1):
            columns.append(name)
        elif held:
            same[name] = cut(values[0], longest)
    cells = [[row[name] if name in whole else cut(row[name], longest) for name in columns] for row in rows]
    return Table(columns, cells, same)


def cut(cell: Cell, longest: int) -> Cell:
    """Shorten a long text; it then ends in …"""
    return cell[: longest - 1] + "…" if isinstance(cell, str) and len(cell) > longest else cell


def shown(cell: Cell) -> str:
    """Return a cell as one line of text; nothing for None, no exponent for a number."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.12f}".rstrip("0").rstrip(".")
    return " ".join(str(cell).split())
