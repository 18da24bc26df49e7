"""Exports logs as test cases: one JSON line per log."""

import os
import sys
import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import anyio
from pydantic import ValidationError

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.filters import FilterOperator
from cf_aig_server.commands.reach import Progress, chosen_gateway, settings_for
from cf_aig_server.opening import masker_of, open_gateway
from cf_aig_server.settings import Settings
from cf_aig_tools.asked import Asked
from cf_aig_tools.cases.exporting import Export
from cf_aig_tools.parameters import Clause, Wanted, span, wanted, wire_date
from cf_aig_tools.reading.masking import Masker

Write = Callable[[bytes], object]


def run(
    *,
    out: str,
    local: str | None = None,
    gateway: str = "",
    start: str = "",
    end: str = "",
    success: str | None = None,
    feedback: int | None = None,
    provider: str = "",
    model: str = "",
    metadata: Sequence[str] = (),
    filter: Sequence[str] = (),  # noqa: A002 (the option's name)
    limit: int = 1000,
) -> None:
    """Write the cases, and report on stderr how many there are and what was skipped.

    Raises:
        GatewayError: an option is wrong, the gateway did not respond, or the file cannot be written; no file is left
            then.

    """
    settings = settings_for(local)
    asked = selected(masker_of(settings), success, feedback, provider, model, metadata, filter)
    dates = span(start, end)
    with _opened(out) as write:
        anyio.run(_export, settings, chosen_gateway(settings, gateway), asked, dates, limit, write)


def selected(
    masker: Masker,
    success: str | None,
    feedback: int | None,
    provider: str,
    model: str,
    metadata: Sequence[str],
    filters: Sequence[str],
) -> Wanted:
    """Return which logs the options of a command select.

    Raises:
        GatewayError: an option is wrong.

    """
    return wanted(
        [_clause(text) for text in filters],
        dict(map(_pair, metadata)),
        masker,
        success=None if success is None else success == "true",
        feedback=feedback,
        provider=provider.lower(),
        model=model,
    )


async def _export(
    settings: Settings,
    gateway_id: str,
    asked: Wanted,
    dates: tuple[datetime | None, datetime | None],
    limit: int,
    write: Write,
) -> None:
    start, end = dates
    progress = Progress()
    async with open_gateway(settings) as gateway:
        masker = masker_of(settings)
        logs = Asked(gateway, asked, start and wire_date(start), wire_date(end or datetime.now(UTC)), "", masker)
        export = Export(logs, gateway_id, limit, masker)
        async for line in export.lines():
            write(line)
            progress.say(f"{export.written:,} of {min(export.total or 0, limit):,}")
    progress.end(f"{export.told()} From gateway {gateway_id}.")


@contextmanager
def _opened(out: str) -> Generator[Write]:
    """Yield a function that writes lines to stdout, or to a file that appears only when complete, readable only by its
    owner.
    """
    if out == "-":
        yield _to_stdout
        return
    path = Path(out).resolve()
    if path.exists() and not path.is_file():
        raise GatewayError(f"{out} is not a file that can be written. Use another --out, or - for stdout.")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    except OSError as error:
        raise GatewayError(f"{out} cannot be written: {error.strerror}.") from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file.write
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def _to_stdout(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()


def _pair(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not key or not sign:
        raise GatewayError(f"--metadata {text!r} is not KEY=VALUE, such as userId=u12.")
    return key, value


def _clause(text: str) -> Clause:
    key, operator, value = [*text.split(None, 2), "", "", ""][:3]
    if operator not in get_args(FilterOperator) or not value:
        operators = ", ".join(get_args(FilterOperator))
        raise GatewayError(f"--filter {text!r} is not KEY OPERATOR VALUE, such as 'duration gt 5000' ({operators}).")
    try:
        return Clause.model_validate({"key": key, "operator": operator, "value": [value]})
    except ValidationError as error:
        said = error.errors()[0].get("ctx", {}).get("error") or error.errors()[0]["msg"]
        raise GatewayError(f"--filter {text!r}: the key must be {said}") from error
