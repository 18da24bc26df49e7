"""Groups failed calls by cause: the failure class, then the provider's words without variable parts."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cf_aig_gateway.models import Log
from cf_aig_tools import failures
from cf_aig_tools.failures import BROKEN, Failure
from cf_aig_tools.summary.pages import Row
from cf_aig_tools.summary.wording import wording

Key = tuple[str, str]
Stratum = tuple[int | None, str | None, str | None]


@dataclass
class Cluster:
    """Calls that failed for one cause; `count` is approximate if not every body was read."""

    kind: str
    words: str = ""
    count: float = 0
    logs: list[Log] = field(default_factory=list[Log])

    def told(self) -> str:
        """Return the provider's words or, without any, who ended the calls and after how long."""
        began = self.kind == BROKEN
        durations = [log.duration for log in self.logs]
        return self.words or failures.meaning(self.logs[0].status_code, durations, began=began)


def cause(log: Log, body: str) -> Failure:
    """Return why a call failed, from the beginning of its response body."""
    explained = failures.explain(log.status_code, body, log.provider, log.duration)
    is_text = not body.lstrip().startswith(("{", "[", "data:", "event:", "error code: "))
    words = failures.words(body) or (body[: failures.MAX_WORDS] if is_text else "")
    return Failure(explained.kind if explained else _kind(log), failures.words(words) or words)


def clusters(failed: Sequence[Row], causes: Mapping[str, Failure]) -> list[Cluster]:
    """Return the clusters of failed calls, largest first; `causes` covers calls whose body was read, by id.

    A call whose body was not read is assumed to have failed like others with the same status, provider and model.
    """
    found: dict[Key, Cluster] = {}
    for rows in strata(failed).values():
        known = [(row, _key(row.log, causes[row.log.id])) for row in rows if row.log.id in causes]
        keys = {key for _, key in known} or {(_kind(rows[0].log), "")}
        told = known if len(keys) > 1 else [(row, key) for row in rows for key in keys]
        scale = sum(row.weight for row in rows) / sum(row.weight for row, _ in told)
        for row, key in told:
            cluster = found.setdefault(key, Cluster(key[0]))
            cluster.count += row.weight * scale
            cluster.logs.append(row.log)
            cluster.words = cluster.words or (causes[row.log.id].words if row.log.id in causes else "")
    return sorted(found.values(), key=lambda cluster: -cluster.count)


def strata(failed: Sequence[Row]) -> dict[Stratum, list[Row]]:
    """Group failed calls by what their row says about the cause."""
    held: dict[Stratum, list[Row]] = defaultdict(list)
    for row in failed:
        held[row.log.status_code, row.log.provider, row.log.model].append(row)
    return held


def _key(log: Log, failure: Failure) -> Key:
    return failure.kind, wording(failure.words, list(_names(log)))


def _names(log: Log) -> Iterator[str]:
    """Yield the names a provider may use for the model."""
    model = log.model or ""
    yield model
    yield model.rpartition("/")[2]
    yield model.partition("/")[2]


def _kind(log: Log) -> str:
    return failures.from_status(log.status_code) or "unknown cause"
