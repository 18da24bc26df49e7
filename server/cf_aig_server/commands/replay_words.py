"""The messages of replay-set before and after sending."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cf_aig_gateway.formats.usage import Usage
from cf_aig_tools.amounts import counted, dollars
from cf_aig_tools.cases.journal import Journal
from cf_aig_tools.cases.plan import MOST_OUT, Planned, Sending, case_at
from cf_aig_tools.cases.replaying import Replaying
from cf_aig_tools.reading.masking import Masker
from cf_aig_tools.reading.quoting import Quoting


@dataclass(frozen=True)
class Order:
    """What a run will do."""

    path: Path
    out: Path
    gateway_id: str
    sending: Sending
    budget: float | None
    concurrency: int
    timeout_s: float
    is_sure: bool
    is_json: bool


def preview(
    order: Order, planned: Sequence[Planned], open_: Sequence[Planned], journal: Journal, masker: Masker
) -> Iterator[str]:
    """Yield what would be sent, and its cost."""
    sending = order.sending
    tokens_in, tokens_out = (sum(getattr(case, name) for case in open_) for name in ("tokens_in", "tokens_out"))
    done = f" ({len(journal.rows):,} already have a result)" if journal.rows else ""
    prices = [sending.price(Usage(case.tokens_in, case.tokens_out)) for case in open_]
    cost = "at an unknown price" if None in prices else f"about {dollars(sum(price or 0 for price in prices))}"
    yield (
        f"{counted(len(open_), 'case')} of {order.path}{done}: to {sending.model} through {order.gateway_id}, about "
        f"{tokens_in:,} tokens in and {tokens_out:,} out, {cost}."
    )
    if order.budget is not None:
        most = dollars(sum(case.most for case in open_))
        spent = f", of which {dollars(journal.charged)} may be spent" if journal.charged else ""
        yield f"At most {most} if every reply has its maximum length. Budget: {dollars(order.budget)}{spent}."
        if unbounded := sum(not case.is_bounded for case in open_):
            yield f"{counted(unbounded, 'case')} of these set no reply limit: {MOST_OUT:,} tokens will be used."
    for reason, count in Counter(case.unfit for case in planned if case.unfit).most_common():
        yield f"Not sent: {counted(count, 'case')}, {masker.mask(reason)}."
    if left_out := Counter(name for case in open_ for name in case.left_out).most_common(10):
        yield f"Not included: {', '.join(f'{name} ({count:,})' for name, count in left_out)}."
    if open_:
        first = case_at(order.path, open_[0])
        yield f"The first: {Quoting(masker).short(json.dumps(first.messages, ensure_ascii=False), 200)}"


def endings(replaying: Replaying, planned: Sequence[Planned], journal: Journal) -> Iterator[str]:
    """Yield a report on how a run went."""
    if replaying.found:
        yield f"{counted(replaying.found, 'answer')} from an earlier run found in the logs."
    if replaying.sent_again:
        yield (
            f"{counted(replaying.sent_again, 'call')} from an earlier run left no response in the logs: sent again. "
            "Any that were processed after all were paid for twice; the budget counts both."
        )
    if replaying.ended:
        yield f"Stopped: {replaying.ended}"
    if replaying.uncertain:
        yield (
            f"Uncertain: {counted(len(replaying.uncertain), 'case')} sent but not answered so far; run the same "
            "command to look for the answers and resend only the missing ones."
        )
    left = sum(not case.unfit and case.log_id not in journal.rows for case in planned) - len(replaying.uncertain)
    if left:
        yield f"Not sent: {counted(left, 'case')}. Run the same command to continue."
    if journal.charged:
        yield f"Spent at most {dollars(journal.charged)}."
