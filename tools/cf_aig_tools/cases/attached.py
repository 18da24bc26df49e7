"""Logs as test cases for an agent: as many JSON lines as the limit allows."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.json_text import read_json, write_json
from cf_aig_tools.asked import Asked
from cf_aig_tools.cases.exporting import Export
from cf_aig_tools.cases_link import MOST_BYTES, MOST_LOGS
from cf_aig_tools.desk import Desk, time_limit
from cf_aig_tools.parameters import Clause, Wanted, span, wanted, wire_date
from cf_aig_tools.reading.masking import Masker

FLAGS = {"true": True, "false": False}
FEEDBACK = {"-1": -1, "0": 0, "1": 1}

_CLAUSES = TypeAdapter(list[Clause])


async def attached(desk: Desk, gateway_id: str, asked: Mapping[str, str]) -> str:
    """Return the selected logs as lines. If some are left out, the last line, `{"note": …}`, says so.

    Raises:
        GatewayError: a value is wrong, or the gateway is not allowed or does not respond in time.

    """
    desk.check_allowed(gateway_id)
    start, end = span(asked["start_date"], asked["end_date"])
    dates = start and wire_date(start), wire_date(end or datetime.now(UTC))
    export = Export(
        Asked(desk.gateway, _wanted(asked, desk.masker), *dates, asked["search"], desk.masker),
        gateway_id,
        MOST_LOGS,
        desk.masker,
    )
    lines: list[bytes] = []
    size = 0
    with time_limit(desk.timeout_s):
        async for line in export.lines():
            size += len(line)
            if size > MOST_BYTES:
                break
            lines.append(line)
    note = export.told()
    if size > MOST_BYTES:
        note += f" Only {len(lines)} fit here, in {MOST_BYTES:,} bytes: the export command writes all."
    if size > MOST_BYTES or export.is_partial:
        lines.append(write_json({"note": note}) + b"\n")
    return b"".join(lines).decode()


def _wanted(asked: Mapping[str, str], masker: Masker) -> Wanted:
    known = {"success": FLAGS, "cached": FLAGS, "feedback": FEEDBACK}
    values: dict[str, Any] = {name: _one_of(name, asked[name], choices) for name, choices in known.items()}
    values |= {"provider": asked["provider"].lower(), "model": asked["model"]}
    metadata = read_json(asked["metadata"] or "{}")
    if not isinstance(metadata, dict):
        raise GatewayError('metadata must be a JSON object, such as {"userId": "u12"}.')
    try:
        clauses = _CLAUSES.validate_json(asked["filters"] or "[]")
    except ValidationError as error:
        raise GatewayError(f"filters must use list_logs syntax: {error.errors()[0]['msg']}.") from error
    return wanted(clauses, metadata, masker, asked["search"], **values)  # pyright: ignore[reportUnknownArgumentType] # any JSON object


def _one_of(name: str, text: str, known: Mapping[str, Any]) -> Any:
    if text and text not in known:
        raise GatewayError(f"{name} must be one of {', '.join(known)} (got {text[:80]}).")
    return known.get(text)
