"""Print logs for a person at a terminal: the newest, one per line, and new ones as they arrive."""

import os
import sys
from collections.abc import Sequence
from datetime import datetime

import anyio

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.models import Log
from cf_aig_server.commands.export import selected
from cf_aig_server.commands.reach import chosen_gateway, settings_for
from cf_aig_server.opening import desk, http_client, masker_of
from cf_aig_server.settings import Settings
from cf_aig_server.wire import wire
from cf_aig_tools.amounts import dollars, seconds
from cf_aig_tools.asked import Asked
from cf_aig_tools.desk import Desk
from cf_aig_tools.following import Following, follow
from cf_aig_tools.log_rows import time_of, what
from cf_aig_tools.parameters import Wanted, span, wire_date

EVERY_S = 2.0
"""Seconds between checks of an account for new logs."""

EVERY_LOCAL_S = 0.5

RED, PLAIN = "\x1b[31m", "\x1b[0m"

Dates = tuple[datetime | None, datetime | None]


def run(
    *,
    follow: bool = False,
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
    limit: int = 20,
) -> None:
    """Print the newest logs, oldest first; with `follow`, continue until interrupted.

    Raises:
        GatewayError: an option is wrong, or the gateway did not answer.

    """
    settings = settings_for(local)
    if settings.tools and "list_logs" not in settings.tools:
        raise GatewayError("AI_GATEWAY_TOOLS does not offer list_logs, so no logs are shown.")
    if follow and end:
        raise GatewayError("--follow continues with new calls: omit --end.")
    asked = selected(masker_of(settings), success, feedback, provider, model, metadata, filter)
    anyio.run(_run, settings, chosen_gateway(settings, gateway), asked, span(start, end), limit, follow)


async def _run(
    settings: Settings, gateway_id: str, wanted: Wanted, dates: Dates, limit: int, is_following: bool
) -> None:
    start, end = dates
    async with wire(settings, None) as way, http_client(settings, way) as http:
        at = desk(http, settings, b"", offers_cases=False)
        asked = Asked(at.gateway, wanted, start and wire_date(start), end and wire_date(end), "", at.masker)
        following = Following(asked, gateway_id, settings.timeout_s)
        logs = await following.newest(limit)
        _show(logs, at)
        if not is_following:
            if not logs:
                _tell(f"No logs match in gateway {gateway_id}.")
            return
        _tell(f"Waiting for calls through gateway {gateway_id}. Ctrl-C ends it.")
        async for news in follow(following, EVERY_LOCAL_S if settings.local else EVERY_S, _tell_wait):
            _show(news.logs, at)
            if news.is_cut:
                _tell(
                    f"There were more new logs than the {len(news.logs):,} shown. Narrow it with --success or --filter."
                )


def _tell(words: str) -> None:
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


def _tell_wait(words: str, wait_s: float) -> None:
    _tell(f"{words} Trying again in {wait_s:g} s.")


def _show(logs: Sequence[Log], at: Desk) -> None:
    is_colored = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    for log in logs:
        said = at.safe(line(log))
        print(f"{RED}{said}{PLAIN}" if is_colored and log.success is False else said)
    sys.stdout.flush()


def line(log: Log) -> str:
    """Return a log on one line: UTC time, outcome, status, model, seconds, tokens, US dollars, what failed, id."""
    outcome = "FAILED" if log.success is False else "cached" if log.cached else "ok"
    took = "" if log.duration is None else f"{seconds(log.duration):g} s"
    tokens = f"{log.tokens_in or 0:,.0f} in {log.tokens_out or 0:,.0f} out"
    cost = "" if log.cost is None else dollars(log.cost)
    status = "" if log.status_code is None else str(log.status_code)
    told = f"{time_of(log, 0) or '':<19}  {outcome:<6}  {status:<3}  {log.model or log.provider or '':<28}"
    return f"{told}  {took:>7}  {tokens:>16}  {cost:>12}  {log.id}  {what(log)}".rstrip()
