"""All that is found out about the calls of a span."""

from collections.abc import Sequence
from dataclasses import dataclass

from cf_aig_tools.summary.causes import causes
from cf_aig_tools.summary.clusters import Cluster, clusters
from cf_aig_tools.summary.lines import Line, lines
from cf_aig_tools.summary.minutes import dated
from cf_aig_tools.summary.pages import Rows, read_rows
from cf_aig_tools.summary.shifts import shifts
from cf_aig_tools.summary.sources import Question, Sources, read_sources


@dataclass(frozen=True)
class Findings:
    """What a summary says, before it is cut to size; `read` bodies tell the causes of what `failed`."""

    question: Question
    sources: Sources
    lines: Sequence[Line]
    changed: Sequence[str]
    failed: Rows
    read: int
    clusters: Sequence[Cluster]


async def findings(question: Question) -> Findings:
    """Ask, read, and put together."""
    sources = await read_sources(question)
    failed = await _failed(question, sources.now.rows)
    known = await causes(question.scope, failed.rows)
    changed = await dated(question, sources, shifts(question, sources))
    return Findings(
        question,
        sources,
        lines(question, sources, changed),
        changed.get("", ()),
        failed,
        len(known),
        clusters(failed.rows, known),
    )


async def _failed(question: Question, read: Rows) -> Rows:
    if not read.are_all:
        return await read_rows(question.scope.failures())
    rows = [row for row in read.rows if row.log.success is False]
    return Rows(rows, len(rows))
