"""Finds the calls of a run by ids in logs, by ids in bodies, or by the messages themselves."""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice, pairwise
from typing import Any

from cf_aig_gateway.answers import Page
from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.filters import Filter
from cf_aig_gateway.formats.identity import may_be_chained, reply_id
from cf_aig_gateway.logs.spans import Span
from cf_aig_gateway.models import Log
from cf_aig_gateway.shapes import as_text
from cf_aig_tools.bodies import Bodies, Stored, stored_text
from cf_aig_tools.bodies import Wanted as Body
from cf_aig_tools.log_rows import when
from cf_aig_tools.parameters import Wanted, wanted, wire_date
from cf_aig_tools.progress import say
from cf_aig_tools.reading.masking import Masker
from cf_aig_tools.reading.threads import aside
from cf_aig_tools.runs.calls import Call, call_of, read_through, size_of
from cf_aig_tools.runs.links import Link, carries_edited, links, runs
from cf_aig_tools.side_by_side import AT_ONCE, together

AS_STORED = Masker(enabled=False)
"""Compares values from the logs themselves, so no guess is involved."""

MOST_REQUESTS = 60
"""Requests per run: the API allows 1,200 in 5 minutes."""

RESERVED = 4
"""Requests reserved for replies that no later request repeats."""

MOST_READ = 50
"""Maximum calls of a run whose requests are read; of a longer run, those at both ends."""

PATIENCE_S = 30.0
"""Time limit for reading bodies, in seconds."""

PAGE = 50
MOST_PAGES = 4
AROUND = timedelta(hours=12)
"""How far from a log other calls of its run are searched."""

PAUSE = timedelta(minutes=30)
"""The longest pause in a run that is identified by a metadata value alone."""

STRANGERS = 16
"""After this many calls of other runs in a row, the search stops on that side."""

RUN_WORDS = (
    "session", "conversation", "thread", "chat", "run", "workflow", "task", "job", "trace", "agent", "turn", "request",
    "correlation",
)  # fmt: skip
"""Words in metadata keys that identify a run, the most reliable first."""
SURE = 3
"""How many of these identify a run regardless of the value."""

_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")

NOT_A_RUN = re.compile(
    r"user|customer|tenant|org|account|mail|team|env|region|version|release|feature|plan|replay_of", re.IGNORECASE
)
_ID = re.compile(r"(?=.*\d)[\w.:-]{6,}")


@dataclass
class Run:
    """The calls found, in order of time, their links, and how they were joined.

    `counted` are calls of the run that were not read. `looked` says how far the search went. `spans` come from the
    trace.
    """

    calls: list[Call]
    links: dict[str, Link]
    joined_by: str
    counted: list[Log] = field(default_factory=list[Log])
    total: int = 0
    looked: str = ""
    spans: list[Span] = field(default_factory=list[Span])
    notes: list[str] = field(default_factory=list[str])


class Gathering:
    """Searches a gateway for one run, within MOST_REQUESTS."""

    def __init__(self, gateway: AIGateway, gateway_id: str) -> None:
        self._gateway = gateway
        self._gateway_id = gateway_id
        self._bodies = Bodies(gateway, gateway_id)
        self._calls: dict[str, Call] = {}
        self._is_chained = False
        self._left = MOST_REQUESTS
        self._notes: list[str] = []

    async def of_log(self, log_id: str) -> Run:
        """Return the run of one log.

        Raises:
            NotFound: there is no such log.

        """
        self._left -= 1
        log = await self._gateway.log(self._gateway_id, log_id)
        await self._take_heads(log)
        spans = await self._spans(log.id)
        anchor = self._calls[log.id]
        known, by = await self._by_id(anchor)
        if len(known) > 1:
            return await self._known(known, by, anchor, spans)
        return await self._nearby(anchor, spans)

    async def before(self, log: Log) -> tuple[Sequence[Call], Call]:
        """Return the call itself and the nearby calls that it may continue, the most likely first.

        These are the call whose messages it includes, or else the previous one in its session; then one whose messages
        it includes in edited form.
        """
        await self._take_heads(log)
        anchor = self._calls[log.id]
        side = _Side(partial(self._page, anchor, False), anchor.id, is_later=False)
        await self._read(await side.next(AT_ONCE, anchor))
        calls = sorted(self._calls.values(), key=_order)
        others = [call for call in reversed(calls) if call.id != anchor.id]
        if link := (await _linked(calls)).get(anchor.id):
            found = [self._calls[link.parent]]
        else:
            session = anchor.session
            same = (call for call in others if session in {call.log.session_id, call.ids.session})
            found = list(islice(same, 1)) if session else []
        edited = (call for call in others if call not in found and carries_edited(anchor, call))
        return [*found, *islice(edited, 1)], anchor

    async def of_metadata(self, pairs: Mapping[str, Any], masker: Masker) -> Run:
        """Return the run of the logs with these pairs, as `masker` shows them.

        Raises:
            GatewayError: there are none.

        """
        known, total = await self._with(wanted([], pairs, masker))
        named = ", ".join(f"{key}={value}" for key, value in pairs.items())
        if not known:
            raise GatewayError(f"No logs of gateway {self._gateway_id} have metadata {named}. list_logs shows keys.")
        anchor = call_of(known[0])
        spans = await self._spans(known[0].id)
        return await self._known(known, f"metadata {named}", anchor, spans, total)

    async def _by_id(self, anchor: Call) -> tuple[list[Log], str]:
        """Return the logs that share the strongest id that a call has in common with others, and that id."""
        session = anchor.session
        if session and (found := await self._of_session(session)):
            where = f"the body's {anchor.ids.place}" if anchor.ids.session == session else "session_id"
            return found, f"{where} {session}"
        for key, value in _run_pairs(anchor.log.metadata):
            known, total = await self._with(wanted([], {key: value}, AS_STORED), around=anchor.start)
            if len(known) > 1 and (_rank(key, value) is not None or _is_close(known)) and total <= 20 * PAGE:
                return known, f"metadata {key}={value}"
        return [], ""

    async def _of_session(self, session: str) -> list[Log]:
        """Return the logs of a session, if the gateway stores it in a column."""
        found: list[Log] = []
        for number in range(1, MOST_PAGES + 1):
            self._left -= 1
            page = await self._gateway.search_logs(self._gateway_id, session=session, page=number, per_page=PAGE)
            found += page.items if page else []
            if page is None or len(found) >= page.info.total_count:
                break
        return found

    async def _with(self, asked: Wanted, around: datetime | None = None) -> tuple[list[Log], int]:
        """Return the selected logs, newest first, and how many there are."""
        found: list[Log] = []
        total = 0
        dates = _dates(around - AROUND, around + AROUND) if around else {}
        for number in range(1, MOST_PAGES + 1):
            self._left -= 1
            page = await self._gateway.logs(
                self._gateway_id, filters=asked.filters, page=number, per_page=PAGE, **dates
            )
            found += [log for log in page.items if asked.holds(log)]
            total = page.info.total_count
            if number * PAGE >= total:
                return found, len(found)
        return found, total

    async def _known(self, known: list[Log], by: str, anchor: Call, spans: list[Span], total: int = 0) -> Run:
        """Read the calls known to belong to a run: all of them, or those at both ends."""
        ordered = sorted(known, key=_time)
        first = min(self._left - RESERVED, MOST_READ) // 2
        ends = ordered if len(ordered) <= 2 * first else [*ordered[:first], *ordered[-first:]]
        await self._read(ends)
        await self._replies(anchor.id)
        calls = sorted((self._calls[log.id] for log in ends), key=_order)
        shown = {call.id for call in calls}
        counted = [log for log in ordered if log.id not in shown]
        return await self._run(calls, by, spans, counted=counted, total=max(total, len(ordered)))

    async def _nearby(self, anchor: Call, spans: list[Span]) -> Run:
        """Check the calls around one, nearest first, and keep those whose bodies show that they belong to its run."""
        sides = [_Side(partial(self._page, anchor, later), anchor.id, is_later=later) for later in (False, True)]
        members = {anchor.id}
        while self._left > RESERVED and any(side.goes_on for side in sides):
            for side in sides:
                logs = await side.next(min(AT_ONCE, self._left - RESERVED), self._edge(members, side))
                await self._read(logs)
                members = await self._members(anchor.id)
                side.judge({log.id for log in logs}, members)
        await self._replies(anchor.id)
        members = await self._members(anchor.id)
        if len(members) == 1 and (found := self._of_user(anchor)):
            members = found
            by = f"the user in bodies, {anchor.ids.user}: calls less than 10 minutes apart"
        else:
            by = self._joined(anchor, members)
        calls = [call for call in sorted(self._calls.values(), key=_order) if call.id in members]
        looked = f"Checked {len(self._calls)} calls around it"
        if any(side.goes_on for side in sides):
            looked += ", the limit; there may be more. For others, give metadata or another log_id"
        return await self._run(calls, by, spans, looked=f"{looked}.")

    def _edge(self, members: Set[str], side: "_Side") -> Call:
        """Return the first or the last of the calls found so far."""
        calls = (self._calls[each] for each in members)
        return max(calls, key=_order) if side.is_later else min(calls, key=_order)

    async def _page(self, anchor: Call, later: bool, number: int) -> Page[Log]:
        """Return logs of the same client before or after a call, nearest first."""
        self._left -= 1
        at, agent = anchor.start, anchor.log.user_agent
        return await self._gateway.logs(
            self._gateway_id,
            page=number,
            per_page=PAGE,
            order_by_direction="asc" if later else "desc",
            filters=[Filter(key="user_agent", value=[agent])] if agent else [],
            **(_dates(at, at + AROUND) if later else _dates(at - AROUND, at)),
        )

    def _joined(self, anchor: Call, members: set[str]) -> str:
        """Say how calls without an id in their logs were joined."""
        if anchor.ids.session:
            return f"the body's {anchor.ids.place} {anchor.ids.session}"
        if any(self._calls[each].ids.follows for each in members):
            return "previous_response_id"
        return "their history: each includes the calls before it" if len(members) > 1 else ""

    def _of_user(self, anchor: Call) -> set[str]:
        """Return the calls of the same user without a long pause, if nothing else joins any."""
        if not anchor.ids.user:
            return set()
        ordered = sorted((each for each in self._calls.values() if each.ids.user == anchor.ids.user), key=_order)
        groups: list[list[Call]] = []
        for call in ordered:
            if groups and call.start - groups[-1][-1].end < timedelta(minutes=10):
                groups[-1].append(call)
            else:
                groups.append([call])
        sets = [{call.id for call in group} for group in groups if len(group) > 1]
        return next((ids for ids in sets if anchor.id in ids), set[str]())

    async def _run(self, calls: list[Call], by: str, spans: list[Span], **more: Any) -> Run:
        more = {"total": len(calls), **more}
        return Run(calls, await _linked(calls), by, spans=spans, notes=self._notes, **more)

    async def _members(self, anchor: str) -> set[str]:
        calls = sorted(self._calls.values(), key=_order)
        found = await _linked(calls)
        return next(each for each in runs(calls, found) if anchor in each)

    async def _read(self, logs: Sequence[Log]) -> None:
        """Read the requests of logs concurrently; in a chain of replies, the heads of both bodies, which contain
        everything.
        """
        new = [log for log in logs if log.id not in self._calls]
        if not new:
            return
        self._left -= len(new)
        self._calls |= {log.id: call_of(log) for log in new}
        was_chained = self._is_chained
        if was_chained:
            await together([partial(self._read_heads, log.id) for log in new])
        else:
            by_id = {log.id: log for log in new}

            def take(each: Body, stored: Stored | None) -> None:
                self._calls[each[0]] = call_of(by_id[each[0]], stored)
                say(f"read {len(self._calls)} calls")

            await self._bodies.read_all([(log.id, "request") for log in new], take, PATIENCE_S)
        await _know([self._calls[log.id] for log in new])
        self._is_chained = any(call.ids.follows for call in self._calls.values())
        if self._is_chained and not was_chained:
            unknown = [call.id for call in self._calls.values() if not call.reply_id][: max(0, self._left)]
            self._left -= len(unknown)
            await together([partial(self._read_heads, log_id) for log_id in unknown])

    async def _read_heads(self, log_id: str) -> None:
        """Take the request, and the reply id, from the heads in a log's details."""
        await self._take_heads(await self._gateway.log(self._gateway_id, log_id))

    async def _take_heads(self, log: Log) -> None:
        held = log.model_extra or {}
        is_whole = held.get("request_head_complete") is True
        if is_whole:
            request = await stored_text(as_text(held.get("request_head")))
        else:
            self._left -= 1
            request = await self._bodies.read(log.id, "request")
        answer = as_text(held.get("response_head"))
        reply = await stored_text(answer) if held.get("response_head_complete") else None
        self._calls[log.id] = call_of(log, request).answered(reply, reply_id(answer))
        await _know([self._calls[log.id]])
        self._is_chained |= is_whole and request is not None and may_be_chained(request.value)

    async def _replies(self, anchor: str) -> None:
        """Read the replies that no later request of the run repeats, and those that distinguish identical requests."""
        calls = sorted(self._calls.values(), key=_order)
        found = await _linked(calls)
        members = next(each for each in runs(calls, found) if anchor in each)
        continued = {link.parent for link in found.values() if link.how == "continues"}
        alike = Counter(call.prefixes[-1] for call in calls if call.said)
        twins = [call.id for call in calls if call.said and alike[call.prefixes[-1]] > 1]
        ends = [call.id for call in calls if call.id not in continued]
        first = [each for each in ends if each in members] + [each for each in twins if each in continued]
        rest = [each for each in reversed(ends) if each not in members]
        wanted_ = [each for each in [*first, *rest] if not self._calls[each].reply][: max(0, self._left)]
        self._left -= len(wanted_)

        def take(each: Body, stored: Stored | None) -> None:
            call = self._calls[each[0]]
            self._calls[each[0]] = call.answered(stored, call.reply_id)

        await self._bodies.read_all([(each, "response") for each in wanted_], take, PATIENCE_S)

    async def _spans(self, log_id: str) -> list[Span]:
        """Return the spans of the trace that refers to a log, if there is one."""
        self._left -= 1
        try:
            found = await self._gateway.spans(log_id)
            self._left -= bool(found)
            return found
        except GatewayError as error:
            self._notes.append(f"Tools and turns from Cloudflare's Agents SDK are missing: {str(error).rstrip('.')}.")
            return []


class _Side:
    """The logs before or after a call: those nearest in time, and those of similar size."""

    def __init__(self, page: Callable[[int], Awaitable[Page[Log]]], anchor: str, *, is_later: bool) -> None:
        self._page = page
        self.is_later = is_later
        self._number = 0
        self._seen = {anchor}
        self._waiting: list[Log] = []
        self._is_last = False
        self._strangers = 0

    @property
    def goes_on(self) -> bool:
        """Whether more of the run may follow."""
        return self._strangers < STRANGERS and not (self._is_last and not self._waiting)

    async def next(self, count: int, edge: Call) -> list[Log]:
        """Return the next logs: half of them nearest in time, half most similar to the call at the run's `edge`."""
        if not self.goes_on:
            return []
        if len(self._waiting) < count and not self._is_last:
            self._number += 1
            found = await self._page(self._number)
            self._is_last = self._number * PAGE >= found.info.total_count
            new = [log for log in found.items if log.id not in self._seen]
            self._seen |= {log.id for log in new}
            self._waiting += new
        near, rest = self._waiting[: count // 2], self._waiting[count // 2 :]
        likely = sorted(rest, key=partial(self._unlike, edge))[: count - len(near)]
        taken = [*near, *likely]
        self._waiting = [log for log in rest if log not in likely]
        return taken

    def _unlike(self, edge: Call, log: Log) -> tuple[bool, bool, float]:
        """Return how different a log looks from a neighboring call, by its model and request size."""
        sent = (edge.log.tokens_in or 0) if self.is_later else edge.sent_before()
        apart = (log.tokens_in or 0) - sent
        return log.model != edge.log.model, self.is_later and apart < 0, abs(apart)

    def judge(self, looked_at: Set[str], members: Set[str]) -> None:
        """Count the calls of other runs since the last one of this run."""
        self._strangers = 0 if looked_at & members else self._strangers + len(looked_at)


async def _linked(calls: Sequence[Call]) -> dict[str, Link]:
    return await aside(size_of(calls), partial(links, calls))


async def _know(calls: Sequence[Call]) -> None:
    await aside(size_of(calls), partial(read_through, calls))


def _run_pairs(metadata: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return up to three pairs that may identify a run, the most likely first."""
    pairs = [
        (key, value)
        for key, value in metadata.items()
        if isinstance(value, str | int) and not isinstance(value, bool) and not NOT_A_RUN.search(key)
    ]
    named = sorted((pair for pair in pairs if _rank(*pair) is not None), key=lambda pair: _rank(*pair) or 0)
    others = [pair for pair in pairs if _rank(*pair) is None and _ID.fullmatch(str(pair[1]))]
    return [*named, *others][:3]


def _rank(key: str, value: Any) -> int | None:
    """Return how reliably a pair identifies a run, 0 for the most reliable; None if it does not.

    A session key always does. An agent, task or run key may name a kind of run instead, unless the value is an id.
    """
    words = [word.lower() for word in _WORDS.findall(key)]
    at = next((at for at, word in enumerate(RUN_WORDS) if word in words), None)
    is_id = words[-1:] in (["id"], ["uuid"]) or any(map(str.isdigit, str(value)))
    return at if at is None or at < SURE or is_id else None


def _is_close(logs: Sequence[Log]) -> bool:
    """Whether logs follow each other without a pause of half an hour."""
    times = sorted(filter(None, map(when, logs)))
    return all(later - earlier < PAUSE for earlier, later in pairwise(times))


def _dates(start: datetime, end: datetime) -> dict[str, str]:
    return {"start_date": wire_date(start), "end_date": wire_date(end)}


def _time(log: Log) -> tuple[str, int]:
    return log.created_at or "", log.step or 0


def _order(call: Call) -> tuple[datetime, int]:
    return call.start, call.log.step or 0
