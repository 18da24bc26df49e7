"""Gathers failed calls into notices in our own words: counts, causes from a closed list, ids.

A notice reaches the model unasked, so it must not contain anything that was logged.
"""

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import anyio

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.models import Log
from cf_aig_tools.amounts import counted
from cf_aig_tools.asked import Asked
from cf_aig_tools.desk import Desk
from cf_aig_tools.failures import from_status
from cf_aig_tools.following import Following, News, follow
from cf_aig_tools.parameters import wanted

LOG = logging.getLogger(__name__)

EVERY_S, EVERY_LOCAL_S = 15.0, 2.0
"""Seconds between two looks at a gateway: of an account, and in this process."""

PAUSE_S = 60.0
"""Seconds between two notices at least; what comes in between is added up."""

AGAIN_S = 60.0
"""Seconds to wait after a gateway refused: a token may be rotated."""

MOST_CAUSES = 5
"""Causes told one by one; the rest are only counted."""

NO_CAUSE = "cause unknown"

_LOG_ID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Z]{25}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A ULID or a UUID, as log ids are: any other text could say something."""

_GATEWAY_ID = re.compile(r"[a-z0-9_-]{1,64}")

Send = Callable[[str, dict[str, str]], Awaitable[None]]


@dataclass
class Group:
    """Failures of one gateway with one cause, and the id of the first of them; empty if it is no proper id."""

    count: int = 0
    log_id: str = ""


@dataclass
class Failures:
    """Failures not yet reported to the client. `pause` is awaited between two notices."""

    desk: Desk
    gateways: Sequence[str]
    every_s: float = EVERY_S
    pause: Callable[[], Awaitable[object]] = field(default=partial(anyio.sleep, PAUSE_S))
    groups: dict[tuple[str, str], Group] = field(default_factory=dict[tuple[str, str], Group])
    _is_cut: bool = False
    _begun: set[str] = field(default_factory=set[str])
    _came: anyio.Event = field(default_factory=anyio.Event)

    async def tell(self, send: Send) -> None:
        """Follow the gateways and tell what fails, until cancelled."""
        async with anyio.create_task_group() as tasks:
            for gateway_id in self.gateways:
                tasks.start_soon(self._follow, gateway_id)
            while True:
                await self._came.wait()
                await send(*self.taken())
                await self.pause()

    def add(self, gateway_id: str, news: News) -> None:
        """Count failures of a gateway."""
        for log in news.logs:
            group = self.groups.setdefault((gateway_id, from_status(log.status_code) or NO_CAUSE), Group())
            group.count += 1
            group.log_id = group.log_id or _id_of(log)
        self._is_cut |= news.is_cut
        if self.groups:
            self._came.set()

    def taken(self) -> tuple[str, dict[str, str]]:
        """Return what to tell, with its attributes, and start over."""
        found = sorted(self.groups.items(), key=lambda item: -item[1].count)
        is_cut, self._is_cut, self.groups, self._came = self._is_cut, False, {}, anyio.Event()
        total = sum(group.count for _, group in found)
        parts = [
            self._part(gateway, cause, group, alone=len(found) == 1) for (gateway, cause), group in found[:MOST_CAUSES]
        ]
        rest = sum(group.count for _, group in found[MOST_CAUSES:])
        parts += [f"{rest} of other causes"] if rest else []
        ids = [group.log_id for _, group in found[:MOST_CAUSES] if group.log_id]
        (gateway_id, cause), _ = found[0]
        meta = {"failed": str(total), "cause": cause, "log_id": ids[0] if ids else "", "gateway_id": _shown(gateway_id)}
        said = f"{'At least ' if is_cut else ''}{counted(total, 'call')} failed: {'; '.join(parts)}. {_next(len(ids))}"
        return said, {name: value for name, value in meta.items() if value}

    def _part(self, gateway_id: str, cause: str, group: Group, *, alone: bool) -> str:
        count = "" if alone else f"{group.count} "
        log = f", log {group.log_id}" if group.log_id else ""
        shown = _shown(gateway_id)
        is_named = shown and gateway_id != self.desk.default_gateway
        return f"{count}{cause}{log}{f', gateway {shown}' if is_named else ''}"

    async def _follow(self, gateway_id: str) -> None:
        """Add what fails on a gateway, whatever happens to it."""
        failed = wanted([], {}, self.desk.masker, success=False)
        asked = Asked(self.desk.gateway, failed, None, None, "", self.desk.masker)
        following = Following(asked, gateway_id, self.desk.timeout_s)
        told = ""
        while True:
            why = await self._ended(gateway_id, following)
            if why != told:
                LOG.warning("The channel cannot follow gateway %s, and tries again: %s", _shown(gateway_id), why)
                told = why
            await anyio.sleep(AGAIN_S)

    async def _ended(self, gateway_id: str, following: Following) -> str:
        """Add what fails on a gateway until it can no longer be read; return why."""
        try:
            if gateway_id not in self._begun:
                await following.newest(1)
                self._begun.add(gateway_id)
            async for news in follow(following, self.every_s, _wait):
                self.add(gateway_id, news)
        except GatewayError as error:
            return str(self.desk.safe(str(error)))
        except Exception as error:  # noqa: BLE001 (the session goes on without its channel)
            return type(error).__name__
        return ""


def _wait(_words: str, _wait_s: float) -> None:
    """Say nothing of a failure that may pass."""


def _id_of(log: Log) -> str:
    return log.id if _LOG_ID.fullmatch(log.id) else ""


def _shown(gateway_id: str) -> str:
    return gateway_id if _GATEWAY_ID.fullmatch(gateway_id) else ""


def _next(ids: int) -> str:
    match ids:
        case 0:
            return "Call list_logs with success=false."
        case 1:
            return "Call get_log_details with this id."
        case _:
            return "Call get_log_details with these ids."
