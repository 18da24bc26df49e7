"""Sends cases to another model, a few at a time and within a budget, and never sends one twice, even if killed."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.filters import Filter
from cf_aig_gateway.formats.chat_messages import answered, finish, said
from cf_aig_gateway.formats.conversation import Conversation, ToolCall, Turn
from cf_aig_gateway.formats.usage import count
from cf_aig_gateway.models import Log
from cf_aig_gateway.replies import Reply
from cf_aig_tools.amounts import dollars
from cf_aig_tools.bodies import Bodies
from cf_aig_tools.cases.case import Case
from cf_aig_tools.cases.difference import Answer
from cf_aig_tools.cases.journal import Journal
from cf_aig_tools.cases.plan import Planned, Sending, case_at
from cf_aig_tools.reading.masking import Masker

POLL_S = 1.0
"""Seconds between checks for the log of an interrupted call."""

AT_ONCE = 25
"""Event ids per query: a page of 50 logs has room for two logs of each."""

LEFT = 499
"""Status of a call whose client disconnected: it has no answer."""

FOR_ALL = {401, 402, 403, 404}
"""Refusal statuses that every other case would get as well."""


@dataclass
class Replaying:
    """One run over the cases of a file.

    `budget` is in US dollars, or None for no limit; `ended` says why the run stopped early. `grace_s` is how long after
    sending a call may still run, or its log may still be missing, once its caller is gone. `found` counts answers found
    in the logs, `sent_again` counts calls that left none, and `uncertain` lists the cases that may or may not have been
    processed.
    """

    gateway: AIGateway
    gateway_id: str
    path: Path
    sending: Sending
    journal: Journal
    masker: Masker
    budget: float | None
    concurrency: int
    timeout_s: float
    grace_s: float
    say: Callable[[], None]
    ended: str = ""
    under_way: int = 0
    found: int = 0
    sent_again: int = 0
    uncertain: list[Planned] = field(default_factory=list[Planned])
    _cut_off: set[str] = field(default_factory=set[str])
    _silent: int = 0
    _settled: anyio.Event = field(default_factory=anyio.Event)

    def stop(self, why: str) -> None:
        """Stop sending; calls in progress continue."""
        self.ended = self.ended or why
        self._settled.set()

    async def run(self, cases: Sequence[Planned]) -> None:
        """Send the cases without a result: first those never sent, then those whose answer cannot be found.

        Raises:
            GatewayError: the logs cannot be searched for calls of an earlier run. Nothing was sent.

        """
        unanswered = [case for case in cases if case.log_id not in self.journal.rows]
        fresh = [case for case in unanswered if not self.journal.sent_until(case.log_id)]
        doubtful = await self._without_answer(self.lost(cases))
        await self._send_all(fresh)
        try:
            if doubtful and not self.ended:
                doubtful = await self._waited_for(doubtful)
                self.sent_again = len(doubtful)
                await self._send_all(doubtful)
            await self._waited_for(self.lost(cases))
        except GatewayError as error:
            self.stop(str(error))
        self.uncertain = self.lost(cases)

    def lost(self, cases: Sequence[Planned]) -> list[Planned]:
        """Return the cases that were sent and have no answer."""
        left = [case for case in cases if case.log_id not in self.journal.rows]
        return [case for case in left if self.journal.sent_until(case.log_id)]

    async def _send_all(self, cases: Sequence[Planned]) -> None:
        turns = anyio.Semaphore(self.concurrency)
        async with anyio.create_task_group() as tasks:
            for place in cases:
                await turns.acquire()
                if not await self._fits(place.most):
                    return
                case = case_at(self.path, place)
                event = self.journal.send(place.log_id, place.most, time.time() + self.grace_s)
                self.under_way += 1
                tasks.start_soon(self._send, case, place, event, turns)

    async def _fits(self, most: float) -> bool:
        """Whether a case fits the budget.

        Calls in progress are awaited first, because they may cost less than their maximum.
        """
        while not self.ended and self.budget is not None and self.journal.charged + most > self.budget:
            if not self.under_way:
                self.stop(f"The next case may cost {dollars(most)}, which exceeds the remaining budget.")
                break
            self._settled = anyio.Event()
            await self._settled.wait()
        return not self.ended

    async def _send(self, case: Case, place: Planned, event: str, turns: anyio.Semaphore) -> None:
        try:
            if answer := await self._answer(case, place, event):
                self._silent = 0
                self._note(case, event, answer)
        finally:
            self.under_way -= 1
            turns.release()
            self._settled.set()

    async def _answer(self, case: Case, place: Planned, event: str) -> Answer | None:
        """Send a case. Return None if it may have been processed but no response arrived."""
        tags = {"replay_of": case.log_id, "replay_run": self.journal.run}
        controls = {
            "cf-aig-event-id": event,
            "cf-aig-metadata": json.dumps(tags),
            "cf-aig-skip-cache": "true",
        }
        try:
            with anyio.fail_after(self.timeout_s):
                reply = await self.gateway.chat(self.gateway_id, self.sending.chat(case, controls))
        except TimeoutError:
            return self._without(f"No response within {self.timeout_s:g} s.")
        except GatewayError as error:
            if error.status is None:
                return self._without(str(error))
            if error.status in FOR_ALL:
                self.stop(str(error))
            return Answer(None, None, "", None, None, None, None, str(error), error.status)
        return self._of_reply(reply, place)

    def _without(self, why: str) -> None:
        """Record a call without a response; several in a row end the run."""
        self._silent += 1
        if self._silent > self.concurrency:
            self.stop(why)

    def _of_reply(self, reply: Reply, place: Planned) -> Answer:
        calls = tuple(ToolCall(call["id"], call["name"], call["arguments"]) for call in reply.tool_calls)
        turn = Turn("assistant", reply.text, calls=calls)
        held = Conversation("", finish=reply.finish_reason or "", turns=(turn,), is_reply=True, usage=reply.usage)
        cost = self.sending.price(reply.usage)
        return Answer(
            reply.log_id,
            said(reply.text, calls),
            finish(held),
            cost,
            reply.duration,
            reply.tokens_in,
            reply.tokens_out,
            charged=place.most if cost is None else cost,
        )

    def _note(self, case: Case, event: str, answer: Answer) -> None:
        self.journal.answer(self.masker.masked(answer.row(case, event, self.sending.model)))
        self.say()

    async def _without_answer(self, cases: Sequence[Planned]) -> list[Planned]:
        """Look for the logs of sent cases, record their answers, and return the cases without one."""
        logs: dict[str, Log] = {}
        events = {self.journal.event(each.log_id): each for each in cases}
        wanted = list(events)
        for start in range(0, len(wanted), AT_ONCE):
            asked = Filter(key="event_id", value=[*wanted[start : start + AT_ONCE]])
            page = await self.gateway.logs(self.gateway_id, per_page=50, filters=[asked])
            for log in page.items:
                if log.event_id not in events:
                    continue
                if log.status_code == LEFT:
                    self._cut_off.add(log.event_id)
                else:
                    logs[log.event_id] = log
        for event, log in logs.items():
            place = events[event]
            self._note(case_at(self.path, place), event, await self._of_log(log, place))
            self.found += 1
        return [place for event, place in events.items() if event not in logs]

    async def _of_log(self, log: Log, place: Planned) -> Answer:
        stored = await Bodies(self.gateway, self.gateway_id).read(log.id, "response")
        reply = stored.held if stored else Conversation("", is_reply=True)
        error = "" if log.success else reply.error or f"returned HTTP {log.status_code}"
        return Answer(
            log.id,
            answered(reply) if log.success else None,
            finish(reply),
            log.cost,
            log.duration,
            count(log.tokens_in),
            count(log.tokens_out),
            error,
            log.status_code if error else None,
            charged=log.cost if log.cost is not None else place.most if log.success else 0,
        )

    async def _waited_for(self, cases: Sequence[Planned]) -> list[Planned]:
        """Wait until calls that may still be running have left a log or had time to; return those without an answer."""
        while cases:
            cases = await self._without_answer(cases)
            events = ((each.log_id, self.journal.event(each.log_id)) for each in cases)
            unknown = (log_id for log_id, event in events if event not in self._cut_off)
            last = max((self.journal.sent_until(log_id) or 0 for log_id in unknown), default=0)
            if self.ended or time.time() >= last:
                break
            await anyio.sleep(POLL_S)
        return list(cases)
