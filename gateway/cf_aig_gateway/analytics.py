"""Grouped figures of a gateway's calls, from the data set `aiGatewayRequestsAdaptiveGroups` of POST /graphql.

Cloudflare samples it when there are many calls, and adds a call minutes later. One query covers at most 32 days and
reaches back 62 days. An empty list means that nothing was found, not zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import httpx2
from pydantic import AfterValidator, AliasPath, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.json_text import load_json
from cf_aig_gateway.one_line import as_logged, one_line, word
from cf_aig_gateway.refusals import Errand, graphql_refusal, refusal
from cf_aig_gateway.shapes import as_list, as_object

DATA_SET = "aiGatewayRequestsAdaptiveGroups"
FILTER = "AccountAiGatewayRequestsAdaptiveGroupsFilter_InputObject"
SUMS = "cachedRequests erroredRequests cachedTokensIn cachedTokensOut uncachedTokensIn uncachedTokensOut cost"

MOST_GROUPS = 10_000
"""The most groups that one grouping may return."""

LOCAL = frozenset({"sessionId"})
"""Dimensions that only the local gateway has."""

Dimension = Literal[
    "gateway",
    "provider",
    "model",
    "statusCode",
    "cached",
    "error",
    "rateLimited",
    "userAgent",
    "metadataRaw",
    "sessionId",
    "durationMs",
    "date",
    "datetimeHour",
    "datetimeFiveMinutes",
    "datetimeMinute",
]


@dataclass(frozen=True)
class Grouping:
    """Which calls are counted, from `start` until before `end` (UTC), and how they are grouped.

    `filters` use Cloudflare's names: a dimension, alone or with `_neq`, `_in`, `_geq`, `_leq`, … `order` lists
    dimensions and sums with `_ASC` or `_DESC`, such as `sum_cost_DESC`.
    """

    start: datetime
    end: datetime
    by: tuple[Dimension, ...] = ()
    filters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    order: tuple[str, ...] = ("count_DESC",)
    limit: int = MOST_GROUPS


def _in_lines(dimensions: dict[str, str | int]) -> dict[str, str | int]:
    """Return dimensions as a log has them. Metadata stays JSON; its strings become single lines when it is parsed."""
    made = {"userAgent": one_line, "metadataRaw": str}
    return {
        name: made.get(name, word)(value) if isinstance(value, str) else value for name, value in dimensions.items()
    }


class RequestGroup(BaseModel):
    """One group: its calls (cost in US dollars) and its dimensions (times in ISO 8601, UTC).

    Cached tokens are those that the gateway's cache saved.
    """

    model_config = ConfigDict(frozen=True)

    count: int
    cached_requests: int = Field(validation_alias=AliasPath("sum", "cachedRequests"))
    errored_requests: int = Field(validation_alias=AliasPath("sum", "erroredRequests"))
    cached_tokens_in: int = Field(validation_alias=AliasPath("sum", "cachedTokensIn"))
    cached_tokens_out: int = Field(validation_alias=AliasPath("sum", "cachedTokensOut"))
    uncached_tokens_in: int = Field(validation_alias=AliasPath("sum", "uncachedTokensIn"))
    uncached_tokens_out: int = Field(validation_alias=AliasPath("sum", "uncachedTokensOut"))
    cost: float = Field(validation_alias=AliasPath("sum", "cost"))
    dimensions: Annotated[dict[str, str | int], AfterValidator(_in_lines)] = {}


_GROUPS = TypeAdapter(list[RequestGroup])


def request(account: str, gateway_id: str, groupings: Sequence[Grouping]) -> dict[str, Any]:
    """Return one GraphQL request for several groupings of a gateway's calls. An empty id means all gateways."""
    numbered = list(enumerate(groupings))
    declared = "".join(f", $filter{number}: {FILTER}!" for number, _ in numbered)
    fields = " ".join(_field(number, grouping) for number, grouping in numbered)
    return {
        "query": f"query ($account: string!{declared}) "
        f"{{ viewer {{ accounts(filter: {{accountTag: $account}}) {{ {fields} }} }} }}",
        "variables": {"account": account}
        | {f"filter{number}": _filter(gateway_id, grouping) for number, grouping in numbered},
    }


def answer(response: httpx2.Response, count: int, errand: Errand) -> list[list[RequestGroup]]:
    """Return the groups of each of `count` groupings.

    Raises:
        GatewayError: the answer contains errors, whatever its status, or isn't a GraphQL answer.

    """
    if not response.is_success:
        raise refusal(response, errand)
    try:
        body = as_object(load_json(response.content))
    except ValueError:
        raise refusal(response, errand) from None
    if body.get("errors"):
        raise graphql_refusal(response, errand)
    accounts = as_list(as_object(as_object(body.get("data")).get("viewer")).get("accounts"))
    if not accounts:
        raise GatewayError("Analytics found no such account. Check CLOUDFLARE_ACCOUNT_ID and the token's account.")
    return [_groups(as_object(accounts[0]).get(f"groups{number}")) for number in range(count)]


def _field(number: int, grouping: Grouping) -> str:
    arguments = f"limit: {grouping.limit}, filter: $filter{number}, orderBy: [{', '.join(grouping.order)}]"
    dimensions = f" dimensions {{ {' '.join(grouping.by)} }}" if grouping.by else ""
    return f"groups{number}: {DATA_SET}({arguments}) {{ count sum {{ {SUMS} }}{dimensions} }}"


def _filter(gateway_id: str, grouping: Grouping) -> dict[str, Any]:
    span = {"datetime_geq": _iso(grouping.start), "datetime_lt": _iso(grouping.end)}
    gateway = {"gateway": gateway_id} if gateway_id else {}
    return {**as_logged(dict(grouping.filters)), **gateway, **span}


def _groups(rows: Any) -> list[RequestGroup]:
    try:
        return _GROUPS.validate_python(rows)
    except ValidationError as error:
        raise GatewayError("Analytics returned groups that cannot be read.") from error


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
