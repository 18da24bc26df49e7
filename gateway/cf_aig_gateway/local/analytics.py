"""Cloudflare's GraphQL analytics over this gateway's logs: exact, without delay, and for any account id.

Cloudflare's limits on a query's span and groups apply here; its limit on how far back a query reaches doesn't.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLError,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    InlineFragmentNode,
    NamedTypeNode,
    NameNode,
    SelectionSetNode,
    Source,
    Visitor,
    default_harness,
    graphql,  # pyright: ignore[reportUnknownVariableType] (its parameters that aren't used here)
    parse,
    visit,
)
from pydantic import BaseModel, Field

from cf_aig_gateway.local.analytics_schema import FILTER, GROUP, ORDER_BY, STRING, UINT64
from cf_aig_gateway.local.store import Store
from cf_aig_gateway.local.store_groups import DAY, FIGURES, PERIODS, Grouping

Info = GraphQLResolveInfo[Store]

MOST_GROUPS = 10_000
WIDEST = 32 * DAY
"""The longest time span that one grouping may be filtered by, in milliseconds."""

MOST_TOKENS = 5000
"""The most words of a query that is read."""

SPELLINGS = {"String": "string", "Int": "uint64", "int64": "uint64"}
"""Other names that clients use for the types of their variables."""


class Question(BaseModel):
    """The body of POST /graphql."""

    query: str
    variables: dict[str, Any] | None = None
    operation_name: str | None = Field(None, alias="operationName")


async def answer(store: Store, question: Question) -> dict[str, Any]:
    """Return the GraphQL answer: `data`, and `errors` or null."""
    result = await graphql(
        SCHEMA,
        question.query,
        {"viewer": {}},
        context_value=store,
        variable_values=question.variables,
        operation_name=question.operation_name,
        max_tokens=MOST_TOKENS,
        harness=default_harness._replace(parse=_parsed),
    )
    errors = [_error(error) for error in result.errors or ()]
    return {"data": None if errors else result.data, "errors": errors or None}


class _OwnNames(Visitor):
    def enter_named_type(self, node: NamedTypeNode, *_: Any) -> NamedTypeNode:
        name = node.name.value
        return NamedTypeNode(name=NameNode(value=SPELLINGS.get(name, name)))


def _parsed(source: Source, **options: Any) -> DocumentNode:
    return visit(parse(source, **options), _OwnNames())


def _accounts(_viewer: Any, _info: Info, **arguments: Any) -> list[Any]:
    return [arguments["filter"]]


async def _groups(_account: Any, info: Info, **arguments: Any) -> list[dict[str, Any]]:
    filters: dict[str, Any] = arguments.get("filter") or {}
    grouping = Grouping(_dimensions(info), arguments.get("orderBy") or [], arguments["limit"])
    _refuse(filters, grouping)
    return await info.context.groups(filters, grouping)


def _refuse(filters: Mapping[str, Any], grouping: Grouping) -> None:
    """Refuse what Cloudflare refuses, in its words."""
    if not 0 < grouping.limit <= MOST_GROUPS:
        raise GraphQLError(f"limit must be positive number and not greater than {MOST_GROUPS}")
    unknown = [term for term in grouping.order if term.rpartition("_")[0] not in (*grouping.by, *FIGURES)]
    if unknown:
        raise GraphQLError(f"orderBy {unknown[0]} needs its dimension among the selected ones")
    ends = [value for name, value in filters.items() if name.partition("_")[0] in PERIODS and isinstance(value, int)]
    if ends and max(ends) - min(ends) > WIDEST:
        width = (max(ends) - min(ends)) // 1000
        raise GraphQLError(
            f"query time range is too large. Time range can't be wider than {WIDEST // 1000}s, but is {width}s"
        )


def _dimensions(info: Info) -> list[str]:
    """Return the names of the requested dimensions, without their aliases."""
    asked = [field for node in info.field_nodes for field in _selected(node.selection_set, info)]
    chosen = [field for field in asked if field.name.value == "dimensions"]
    names = [field.name.value for node in chosen for field in _selected(node.selection_set, info)]
    return list(dict.fromkeys(name for name in names if not name.startswith("__")))


def _selected(selections: SelectionSetNode | None, info: Info) -> Iterator[FieldNode]:
    for part in selections.selections if selections else ():
        if isinstance(part, FieldNode):
            yield part
        elif isinstance(part, FragmentSpreadNode):
            yield from _selected(info.fragments[part.name.value].selection_set, info)
        elif isinstance(part, InlineFragmentNode):
            yield from _selected(part.selection_set, info)


def _error(error: GraphQLError) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return {"message": error.message, "path": error.path, "extensions": {"timestamp": now}}


ACCOUNT = GraphQLObjectType(
    "account",
    {
        "accountTag": GraphQLField(GraphQLNonNull(STRING)),
        "aiGatewayRequestsAdaptiveGroups": GraphQLField(
            GraphQLNonNull(GraphQLList(GraphQLNonNull(GROUP))),
            {
                "filter": GraphQLArgument(FILTER),
                "limit": GraphQLArgument(GraphQLNonNull(UINT64)),
                "orderBy": GraphQLArgument(GraphQLList(GraphQLNonNull(ORDER_BY))),
            },
            _groups,
        ),
    },
)
ACCOUNT_FILTER = GraphQLInputObjectType(
    "AccountFilter_InputObject", {"accountTag": GraphQLInputField(GraphQLNonNull(STRING))}
)
VIEWER = GraphQLObjectType(
    "viewer",
    {
        "accounts": GraphQLField(
            GraphQLNonNull(GraphQLList(GraphQLNonNull(ACCOUNT))),
            {"filter": GraphQLArgument(GraphQLNonNull(ACCOUNT_FILTER))},
            _accounts,
        )
    },
)
SCHEMA = GraphQLSchema(
    GraphQLObjectType("Query", {"viewer": GraphQLField(GraphQLNonNull(VIEWER))}),
    directives=(),
)
