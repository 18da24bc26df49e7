"""Formats counts, times and money."""


def counted(count: float, noun: str, plural: str = "") -> str:
    """Return a count with its noun, such as `1 log` or `2,000 logs`."""
    return f"{round(count):,} {noun if round(count) == 1 else plural or f'{noun}s'}"


def seconds(milliseconds: float) -> float:
    """Return milliseconds as seconds, rounded to what a reader needs."""
    return round(milliseconds / 1000, 1 if milliseconds >= 1000 else 2)


def significant(value: float) -> float:
    """Return three significant digits."""
    return float(f"{value:.3g}")


def spent(value: float) -> float:
    """Return a sum of US dollars rounded to the millionth, or to three significant digits if it is smaller."""
    return round(round(value, 9), 6) if abs(value) >= 0.0001 else significant(value)  # first without the error of sums


def dollars(value: float) -> str:
    """Return US dollars without an exponent: $0.0000026, or to the cent from $100 up: $1,234.57."""
    if abs(value) >= 100:
        return f"${value:,.2f}"
    return f"${significant(value):.12f}".rstrip("0").rstrip(".")
