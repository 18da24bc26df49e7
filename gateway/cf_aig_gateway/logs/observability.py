"""The logs of an account that keeps them in Workers Observability, in the logs API's form."""

import time
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import stamina

from cf_aig_gateway import analytics
from cf_aig_gateway.answers import Body, Page, parsed
from cf_aig_gateway.errors import GatewayError, NotFound
from cf_aig_gateway.filters import Filter
from cf_aig_gateway.json_text import write_json
from cf_aig_gateway.logs import fields, spans, telemetry
from cf_aig_gateway.logs.questions import DIMENSIONS, STEPS, Questions, sort_key
from cf_aig_gateway.logs.telemetry import Asked, Calculation, Post, Span, Sum
from cf_aig_gateway.models import Log, ResultInfo
from cf_aig_gateway.one_line import named
from cf_aig_gateway.shapes import as_object, as_text

DAYS = 30
"""Days back from now that are searched if no time is given: paid plans keep events for 7."""

MOST_EVENTS = 1000
"""The most events of one query."""

SAMPLES = 20
"""How many events are read to find where the fields are."""

SHAPE_S = 300.0
"""How long the location of the fields is cached."""

NONE_S = 5.0
"""How long the absence of logs is cached."""

LAG_S = 10.0
"""How long to wait for the log of a call that was just made."""

JSON = "application/json"
MEASURES = ("duration", "tokens_in", "tokens_out", "cost", "feedback", "score")


@dataclass
class Observability:
    """Reads logs from telemetry. Finds out where their fields are, except for those whose key is in `named`."""

    post: Post
    named: Mapping[str, str] = field(default_factory=dict[str, str])
    days: int = DAYS
    _shape: fields.Shape | None = None
    _until: float = 0.0
    _is_sampled: bool = False

    async def shape(self) -> fields.Shape:
        """Return where the fields of logs are."""
        if self._shape is None or time.monotonic() > self._until:
            span = self._span()
            types = await telemetry.keys(self.post, span)
            model = next((key for key in types if "model" in fields.plain(key)), "")
            filters = [{"key": model, "operation": "exists", "type": types[model]}] if model else []
            found = await telemetry.events(self.post, Asked(span, filters), SAMPLES)
            self._shape = fields.shape(types, map(fields.flattened, found.events), self.named)
            self._until = time.monotonic() + (SHAPE_S if "model" in self._shape.keys else NONE_S)
        return self._shape

    async def has_logs(self) -> bool:
        """Whether there are events that are logs of AI Gateway."""
        return "model" in (await self.shape()).keys

    async def logs(
        self,
        gateway_id: str,
        page: int,
        per_page: int,
        order: tuple[str, str],
        span: tuple[datetime | None, datetime | None],
        filters: Sequence[Filter],
        search: str,
    ) -> Page[Log]:
        """Return a page of logs. Filters and orders that telemetry lacks are applied here, to the newest logs only.

        Raises:
            GatewayError: the page lies beyond what one query returns.

        """
        found = await self.shape()
        asked = Questions(found).asked(gateway_id, filters)
        is_local = bool(asked.tests) or order != ("created_at", "desc")
        first = (page - 1) * per_page
        if first >= MOST_EVENTS:
            raise GatewayError(f"Only the newest {MOST_EVENTS:,} logs can be paged through: narrow them with end_date.")
        limit = MOST_EVENTS if is_local else min(first + per_page, MOST_EVENTS)
        events = await telemetry.events(self.post, Asked(self._span(*span), asked.filters, search), limit)
        logs = [self._log(event, found) for event in events.events]
        kept = [log for log in logs if log.id and all(test(log) for test in asked.tests)]
        if order != ("created_at", "desc"):
            kept.sort(key=lambda log: sort_key(log, order[0]), reverse=order[1] == "desc")
        total = len(kept) if asked.tests else events.count
        info = ResultInfo(page=page, per_page=per_page, total_count=total)
        return Page(kept[first : first + per_page], info, tuple(self._notes(found, asked.notes, events, is_local)))

    def _notes(
        self, found: fields.Shape, notes: Sequence[str], events: telemetry.Events, is_local: bool
    ) -> Iterator[str]:
        yield "From Workers Observability."
        yield from notes
        if is_local and events.count > len(events.events):
            yield f"Searched the newest {len(events.events):,} of {events.count:,} events."
        if events.is_sampled or self._is_sampled:
            yield "Sampled: some events are missing, and totals are estimates."
        if missing := found.missing():
            seen = ", ".join(map(named, sorted({*found.types} - {*found.keys.values()})[:20]))
            yield f"Missing in its events: {', '.join(missing)}. Other keys there: {seen}."

    async def log(self, gateway_id: str, log_id: str, *, fresh: bool = False) -> Log:
        """Return one log. Waits for it if it is `fresh`.

        Raises:
            NotFound: there is no such log.

        """
        return self._log(await self._event(gateway_id, log_id, fresh=fresh), await self.shape(), heads=True)

    @asynccontextmanager
    async def body(self, gateway_id: str, log_id: str, part: str, *, fresh: bool = False) -> AsyncGenerator[Body]:
        """Open a body from an event. Waits for it if the log is `fresh`.

        Raises:
            NotFound: there is no such log, or its event doesn't contain the body.

        """
        event, found = await self._event(gateway_id, log_id, fresh=fresh), await self.shape()
        content = _content(event, found, part)
        if content is None:
            raise NotFound(
                f"The event of log {named(log_id)} in Workers Observability does not contain its {part} body."
            )
        cut = (
            "It may be truncated: Workers Observability shortened this event to its size limit."
            if _is_cut(event)
            else ""
        )
        yield Body(JSON, _chunks(content), cut)

    async def spans(self, log_id: str) -> list[spans.Span]:
        """Return the spans of the trace that names a log."""
        return await spans.spans(self.post, self._span(), log_id)

    async def groups(self, gateway_id: str, grouping: analytics.Grouping) -> list[analytics.RequestGroup]:
        """Return groups of calls with their sums, in analytics' form.

        Raises:
            GatewayError: telemetry can't group calls by that.

        """
        if unknown := {*grouping.by} - {*DIMENSIONS, *STEPS}:
            raise GatewayError(f"Workers Observability cannot group calls by {', '.join(sorted(unknown))}.")
        found = await self.shape()
        questions = Questions(found)
        asked = questions.grouped(gateway_id, grouping)
        summed = {name: key for name in ("tokens_in", "tokens_out", "cost") if (key := questions.key(name))}
        wanted = [Calculation("count"), *(Calculation("sum", key) for key in summed.values())]
        added = _Added(grouping, asked.dimensions, questions.key("provider"), summed)
        for part, extra in (("all", []), ("failed", asked.failed), ("cached", asked.cached)):
            if part == "all" or extra:
                which = Asked(Span(grouping.start, grouping.end), [*asked.filters, *extra])
                sums = await telemetry.sums(self.post, which, wanted, asked.groups, asked.buckets(grouping))
                added.take(part, sums)
                self._is_sampled |= any(each.sample_interval > 1 for found_ in sums for each in found_)
        return list(added.groups())

    def _span(self, start: datetime | None = None, end: datetime | None = None) -> Span:
        """Return an inclusive time span; without a start and end, the last `days`."""
        until = end + timedelta(milliseconds=1) if end else datetime.now(UTC) + timedelta(seconds=1)
        return Span(start or until - timedelta(days=self.days), until)

    async def _event(self, gateway_id: str, log_id: str, *, fresh: bool) -> dict[str, Any]:
        @stamina.retry(on=NotFound, attempts=5 if fresh else 1, timeout=LAG_S, wait_initial=0.2)
        async def attempt() -> dict[str, Any]:
            return await self._only(gateway_id, log_id)

        return await attempt()

    async def _only(self, gateway_id: str, log_id: str) -> dict[str, Any]:
        found = await self.shape()
        key = found.keys.get("id", "")
        by = {"key": key if key in found.types else "$metadata.id", "operation": "eq", "type": "string"}
        span = self._span()
        events = await telemetry.events(self.post, Asked(span, [{**by, "value": log_id}]), 1)
        if not events.events:
            raise NotFound(
                f"No log {named(log_id)} in Workers Observability, where this account keeps the logs of gateway "
                f"{named(gateway_id)}: paid plans keep them for 7 days, and a new log takes a moment to appear.",
                status=404,
            )
        return events.events[0]

    def _log(self, event: Mapping[str, Any], found: fields.Shape, *, heads: bool = False) -> Log:
        values = fields.flattened(event)
        held = {name: values.get(key) for name, key in found.keys.items()}
        status = fields.number(held.get("status_code"))
        metadata = as_object(event.get("$metadata"))
        success = fields.flag(held.get("success"))
        if success is None and status is not None:
            success = 200 <= status < 300
        if success is None and metadata.get("error"):
            success = False
        stamp = fields.number(event.get("timestamp"))
        at = datetime.fromtimestamp((stamp or 0) / 1000, UTC).isoformat(timespec="milliseconds")
        numbers = {name: fields.number(held.get(name)) for name in fields.NUMBERS}
        usage = {"input_cached_tokens": numbers["cache_read"], "output_reasoning_tokens": numbers["reasoning"]}
        extra: dict[str, Any] = {"truncated": True} if _is_cut(event) else {}
        for part in fields.BODIES if heads else ():
            content = _content(event, found, part)
            if content is not None:
                extra |= {f"{part}_size": len(content), f"{part}_head": content.decode(errors="replace")}
                extra |= {f"{part}_head_complete": not extra.get("truncated")}
        return parsed(
            Log,
            {
                "id": as_text(held.get("id")) or as_text(metadata.get("id")),
                "created_at": as_text(held.get("created_at")) or at,
                "provider": as_text(held.get("provider")) or None,
                "model": _model(as_text(held.get("provider")), as_text(held.get("model"))),
                "success": success,
                "cached": fields.flag(held.get("cached")),
                "status_code": None if status is None else round(status),
                "step": None if numbers["step"] is None else round(numbers["step"]),
                **{
                    name: numbers[name] for name in ("duration", "tokens_in", "tokens_out", "cost", "feedback", "score")
                },
                **{name: held.get(name) for name in ("path", "event_id", "user_agent", "request_type")},
                "usage_metadata": {name: value for name, value in usage.items() if value is not None},
                "timings": {} if numbers["latency"] is None else {"latency": numbers["latency"]},
                "metadata": fields.metadata_of(values, found),
                **extra,
            },
        )


def _model(provider: str, model: str) -> str | None:
    """Return a model as the logs API names it, without its provider."""
    if not provider or not model or model.startswith((f"{provider}/", "@")):
        return model or None
    return f"{provider}/{model}"


def _is_cut(event: Mapping[str, Any]) -> bool:
    return any(as_object(event.get(name)).get("truncated") is True for name in ("$cloudflare", "$workers", "$metadata"))


def _content(event: Mapping[str, Any], found: fields.Shape, part: str) -> bytes | None:
    """Return a body from an event; None if it has none."""
    values = fields.flattened(event)
    value = values.get(found.keys.get(part, ""))
    if value in (None, ""):
        return None
    held = fields.body_of(value, part, as_text(values.get(found.keys.get("model", ""))))
    return held.encode("utf-8", "surrogatepass") if isinstance(held, str) else write_json(held)


def _floored(time: str, step: timedelta) -> str:
    """Return a time in analytics' form: the start of its minute, hour or day."""
    at = datetime.fromisoformat(time)
    at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return (at - (at - datetime.min.replace(tzinfo=UTC)) % step).isoformat()


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    yield content


@dataclass
class _Added:
    """Sums by group, over all calls, failed ones, and those answered from the cache."""

    grouping: analytics.Grouping
    dimensions: Mapping[str, str]
    provider: str
    summed: Mapping[str, str]
    held: dict[tuple[Any, ...], dict[tuple[str, str], float]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(float))
    )

    def take(self, part: str, sums: Sequence[Sequence[Sum]]) -> None:
        """Add the sums of one part of the calls."""
        for name, found in zip(("count", *self.summed), sums, strict=True):
            for each in found:
                self.held[tuple(self._value(dimension, each) for dimension in self.grouping.by)][part, name] += (
                    each.value
                )

    def _value(self, dimension: str, each: Sum) -> Any:
        key = self.dimensions.get(dimension)
        if key is None:
            return _floored(each.time, STEPS[dimension]) if dimension in STEPS else ""
        value = each.groups.get(key)
        if dimension == "model":
            return _model(str(each.groups.get(self.provider) or ""), str(value or "")) or ""
        if dimension == "cached":
            return int(fields.flag(value) or False)
        return "" if value is None else value

    def groups(self) -> Iterator[analytics.RequestGroup]:
        """Yield the groups in analytics' form."""
        for values, sums in self.held.items():
            yield analytics.RequestGroup.model_validate(
                {
                    "count": round(sums["all", "count"]),
                    "sum": {
                        "cachedRequests": round(sums["cached", "count"]),
                        "erroredRequests": round(sums["failed", "count"]),
                        "cachedTokensIn": round(sums["cached", "tokens_in"]),
                        "cachedTokensOut": round(sums["cached", "tokens_out"]),
                        "uncachedTokensIn": round(sums["all", "tokens_in"] - sums["cached", "tokens_in"]),
                        "uncachedTokensOut": round(sums["all", "tokens_out"] - sums["cached", "tokens_out"]),
                        "cost": sums["all", "cost"],
                    },
                    "dimensions": dict(zip(self.grouping.by, values, strict=True)),
                }
            )
