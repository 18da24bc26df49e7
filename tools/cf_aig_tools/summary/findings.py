"""Collects all findings about the calls in a time range."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cf_aig_tools.log_rows import refuse_unknown_key
from cf_aig_tools.parameters import metadata_key
from cf_aig_tools.sessions import Asker
from cf_aig_tools.steps import Answered, answered
from cf_aig_tools.summary.appearances import appearances
from cf_aig_tools.summary.causes import causes
from cf_aig_tools.summary.clusters import Cluster, clusters
from cf_aig_tools.summary.figures import NONE, SESSION
from cf_aig_tools.summary.lines import Line, lines
from cf_aig_tools.summary.minutes import Dated, dated
from cf_aig_tools.summary.prompt_causes import cause_of_fall
from cf_aig_tools.summary.reasons import PRICE, SLOWNESS, concentration, reasons
from cf_aig_tools.summary.session_lines import last_words, unusual
from cf_aig_tools.summary.shifts import COST, FAILED, PROMPT, Shift, is_paid, shifts
from cf_aig_tools.summary.sources import Question, Sources, read_sources

MOST_REASONS = 3
"""Maximum changes for which accompanying changes are looked up."""


@dataclass(frozen=True)
class Mark:
    """A change of a group, or of all calls as group ``, with its times as in `Dated`, and what else changed with it."""

    group: str
    dated: Dated
    reasons: Sequence[str]


@dataclass(frozen=True)
class Findings:
    """The content of a summary before it is cut to size; `read` is the number of bodies read for causes.

    `reasons` list what else changed with a change, as (what, reasons). `asked` has the last words of sessions.
    """

    question: Question
    sources: Sources
    lines: Sequence[Line]
    changed: Sequence[str]
    reasons: Sequence[tuple[str, Sequence[str]]]
    marks: Sequence[Mark]
    read: int
    clusters: Sequence[Cluster]
    answered: Answered
    asked: Mapping[str, Asker]


async def findings(question: Question) -> Findings:
    """Query, read and combine.

    Raises:
        GatewayError: no call has the metadata key to group by, or the gateway does not respond.

    """
    sources = await read_sources(question)
    question = sources.question
    key = metadata_key(question.by)
    if key and sources.now.groups.keys() <= {NONE}:
        refuse_unknown_key([row.log for row in sources.now.rows.rows], key)
    known = await causes(question.scope, sources.failed.rows)
    told = await dated(question, sources, shifts(question, sources))
    changed = _by_group(told, appearances(question, sources))
    because = {shift: found async for shift, found in _reasons(question, sources, told)}
    found = lines(question, sources, changed)
    asked: dict[str, Asker] = {}
    if question.by == SESSION:
        found = unusual(found)
        asked = await last_words(question.scope, found)
    return Findings(
        question,
        sources,
        found,
        changed.get("", ()),
        [(_what(shift, told[shift].words), found) for shift, found in because.items()],
        [Mark(shift.group, each, because.get(shift, ())) for shift, each in told.items()],
        len(known),
        clusters(sources.failed.rows, known),
        answered(sources.now.rows.rows),
        asked,
    )


def _by_group(told: Mapping[Shift, Dated], seen: Mapping[str, str]) -> dict[str, list[str]]:
    changed: dict[str, list[str]] = defaultdict(list)
    for shift, each in told.items():
        changed[shift.group].append(each.words)
    for group, words in seen.items():
        changed[group].append(words)
    return changed


async def _reasons(
    question: Question, sources: Sources, shifts: Iterable[Shift]
) -> AsyncIterator[tuple[Shift, Sequence[str]]]:
    """Yield what else changed with the changes of the largest groups."""
    rows = sources.now.series(question.by)
    told = [shift for shift in shifts if shift.measure in (None, FAILED, COST, PROMPT) and not shift.is_of_calls]
    for shift in sorted(told, key=lambda shift: -len(rows.get(shift.group, ())))[:MOST_REASONS]:
        before, after = shift.sides(rows.get(shift.group, ()), question.step[0])
        if shift.measure is FAILED:
            found = reasons(before, after, (), question.by)
            found += filter(None, [concentration([row for row in after if row.log.success is False], after)])
        elif shift.measure is PROMPT:
            found = reasons(before, after, (), question.by)
            if shift.change.after < shift.change.before:
                found += filter(None, [await cause_of_fall(question.scope, before, after)])
        else:
            before, after = ([row for row in side if is_paid(row.log)] for side in (before, after))
            found = reasons(before, after, PRICE if shift.measure else SLOWNESS, question.by)
        if found:
            yield shift, found


def _what(shift: Shift, words: str) -> str:
    what = words.partition(" ")[0]
    return f"{shift.group or 'all calls'}, {NAMES.get(what, what)}"


NAMES = {"a": "cost of a call", "prompt": "prompt cache"}
