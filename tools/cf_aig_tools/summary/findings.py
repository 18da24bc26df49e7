"""All that is found out about the calls of a span."""

from collections.abc import Sequence
from dataclasses import dataclass

from cf_aig_tools.summary.causes import causes
from cf_aig_tools.summary.clusters import Cluster, clusters
from cf_aig_tools.summary.lines import Line, lines
from cf_aig_tools.summary.minutes import dated
from cf_aig_tools.summary.shifts import shifts
from cf_aig_tools.summary.sources import Question, Sources, read_sources


@dataclass(frozen=True)
class Findings:
    """What a summary says, before it is cut to size; `read` is the number of bodies that tell causes."""

    question: Question
    sources: Sources
    lines: Sequence[Line]
    changed: Sequence[str]
    read: int
    clusters: Sequence[Cluster]


async def findings(question: Question) -> Findings:
    """Ask, read, and put together."""
    sources = await read_sources(question)
    known = await causes(question.scope, sources.failed.rows)
    changed = await dated(question, sources, shifts(question, sources))
    return Findings(
        question,
        sources,
        lines(question, sources, changed),
        changed.get("", ()),
        len(known),
        clusters(sources.failed.rows, known),
    )
