"""The figures of calls, from logs or analytics, and how calls are grouped."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import add

from cf_aig_gateway.analytics import Dimension, RequestGroup
from cf_aig_gateway.models import Log
from cf_aig_gateway.one_line import MOST, named
from cf_aig_tools.log_rows import plain, usage_of, when
from cf_aig_tools.prompt_cache import LEAST
from cf_aig_tools.sessions import CLIENT_NAMES, client_named, client_of, session_of, user_of
from cf_aig_tools.summary.pages import Row
from cf_aig_tools.tables import shown

FROM_CACHE = "from the gateway cache"
NONE = "(none)"
"""The group of calls without a value for the grouping key."""

GATEWAY = "gateway"
DIMENSIONS: dict[str, Dimension] = {
    "model": "model",
    "provider": "provider",
    "status": "statusCode",
    "cached": "cached",
    "hour": "datetimeHour",
    "day": "date",
    "user_agent": "userAgent",
    GATEWAY: "gateway",
}
TIMES = {"hour": "%m-%d %H:00", "day": "%Y-%m-%d"}

SESSION = "session"
ASKERS: dict[str, Callable[[Log], str]] = {SESSION: session_of, "user": user_of, "user_agent": client_of}
"""Groupings by origin, and how a log states it."""

Label = tuple[tuple[Dimension, ...], bool]
"""The analytics dimension for a grouping, and whether it only counts if it covers all calls."""

OF_METADATA: tuple[Label, ...] = ((("metadataRaw",), False),)
OF_SESSIONS: tuple[Label, ...] = (
    (("sessionId",), True),
    (("sessionId", "metadataRaw"), False),
    (("metadataRaw",), True),
)

SLICES = frozenset({*TIMES, "status", "cached", SESSION})
"""Groups that do not change by themselves: changes are detected across all calls."""


@dataclass(frozen=True)
class Figures:
    """Counts and sums over calls (cost in US dollars); `cached` refers to the gateway's cache.

    `promptable` counts calls whose prompt the provider can cache, and `prompt_hits` sums the cached share of each
    prompt. Only logs have these.
    """

    calls: float = 0
    failed: float = 0
    cached: float = 0
    cost: float = 0
    tokens_in: float = 0
    tokens_out: float = 0
    saved: float = 0
    promptable: float = 0
    prompt_hits: float = 0

    def __add__(self, other: "Figures") -> "Figures":
        """Return the combined figures."""
        return Figures(*map(add, vars(self).values(), vars(other).values()))

    @property
    def paid(self) -> float:
        """Successful calls that were not answered from the cache."""
        return max(0, self.calls - self.failed - self.cached)

    def with_saved(self) -> "Figures":
        """Return the same with the cache's savings: each hit counts as the average cost of a paid call."""
        return replace(self, saved=self.cached * self.cost / self.paid if self.paid else 0)


def of_row(log: Log, weight: float = 1) -> Figures:
    """Return the figures of this many identical calls; unknown values count as zero."""
    held = (1, log.success is False, log.cached is True, log.cost or 0, log.tokens_in or 0, log.tokens_out or 0)
    share = prompt_share(log)
    return Figures(
        *(weight * value for value in held),
        promptable=0 if share is None else weight,
        prompt_hits=weight * (share or 0),
    )


def prompt_share(log: Log) -> float | None:
    """Return the cached share of a prompt; None if the provider does not cache it."""
    if log.cached or log.success is False or not log.tokens_in or log.tokens_in < LEAST:
        return None
    return min(1.0, usage_of(log).cache_read / log.tokens_in)


def of_group(group: RequestGroup) -> Figures:
    """Return the figures of an analytics group."""
    return Figures(
        group.count,
        group.errored_requests,
        group.cached_requests,
        group.cost,
        group.cached_tokens_in + group.uncached_tokens_in,
        group.cached_tokens_out + group.uncached_tokens_out,
    )


def total(parts: Iterable[Figures]) -> Figures:
    """Return the combined figures."""
    return sum(parts, Figures())


def by_log(rows: Sequence[Row], by: str, later: timedelta = timedelta()) -> dict[str, list[Row]]:
    """Return rows by group name; `later` is added to times used as groups."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[_of_log(row.log, by, later)].append(row)
    return groups


def labels(by: str) -> tuple[Label, ...]:
    """Return the analytics dimensions for groups that come from the calls themselves, in the order to try."""
    return OF_SESSIONS if by == SESSION else OF_METADATA


def of_dimension(group: RequestGroup, by: str, later: timedelta = timedelta()) -> str:
    """Return the name of an analytics group."""
    if by not in DIMENSIONS:
        session, metadata = (group.dimensions.get(name) or None for name in ("sessionId", "metadataRaw"))
        log = Log.model_validate(Log.mended({"id": "", "session_id": session, "metadata": metadata}))
        return _of_log(log, by, later)
    value = group.dimensions[DIMENSIONS[by]]
    if by in TIMES:
        return _time(datetime.fromisoformat(str(value)), by, later)
    if by == "cached":
        return _cached(bool(value))
    return _named(client_named(str(value)) if by == "user_agent" else str(value)) if value else NONE


def _of_log(log: Log, by: str, later: timedelta) -> str:
    if by in TIMES:
        at = when(log)
        return _time(at, by, later) if at else NONE
    if by == "cached":
        return _cached(log.cached is True)
    if by in ASKERS:
        return _named(ASKERS[by](log))
    if by.startswith("metadata."):
        return _named(shown(plain(log.metadata.get(by.removeprefix("metadata.")))))
    return str({"model": log.model, "provider": log.provider, "status": log.status_code}[by] or NONE)


def _named(name: str) -> str:
    """Return the name of a group for use in a line: our own client names as they are."""
    return name if name in CLIENT_NAMES else named(name, MOST) or NONE


def _time(at: datetime, by: str, later: timedelta) -> str:
    return (at + later).strftime(TIMES[by])


def _cached(is_cached: bool) -> str:
    return FROM_CACHE if is_cached else "from a provider"


def percentiles(rows: Sequence[Row]) -> tuple[float | None, float | None]:
    """Return the nearest-rank 50th and 95th percentile of durations (ms), with rows weighted."""
    timed = sorted((row.log.duration, row.weight) for row in rows if row.log.duration is not None)
    if not timed:
        return None, None
    whole = sum(weight for _, weight in timed)
    return _percentile(timed, whole * 0.50), _percentile(timed, whole * 0.95)


def _percentile(timed: Sequence[tuple[float, float]], rank: float) -> float:
    passed = 0.0
    for duration, weight in timed:
        passed += weight
        if passed >= rank - 1e-9:
            return duration
    return timed[-1][0]
