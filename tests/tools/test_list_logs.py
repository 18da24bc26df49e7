import json
from typing import Any

import anyio
import httpx2
import pytest
from logs import a_failed_log, a_log
from mcp import Client
from tokens import o200k

from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.store import Store

pytestmark = pytest.mark.anyio


async def listed(client: Client, **arguments: Any) -> tuple[str, dict[str, Any]]:
    result = await client.call_tool("list_logs", arguments)
    assert not result.is_error, result.content[0].text
    return result.content[0].text, result.structured_content


async def refused(client: Client, **arguments: Any) -> str:
    result = await client.call_tool("list_logs", arguments)
    assert result.is_error
    return result.content[0].text


async def test_logs_are_newest_first_with_the_columns_for_debugging(client: Client, store: Store) -> None:
    await store.add(a_log(1))
    await store.add(
        a_failed_log(2, minutes=1, provider="anthropic", model="anthropic/claude-sonnet-4-5", status_code=529)
    )

    text, structured = await listed(client)

    assert structured["columns"] == ["id", "time", "model", "status", "in", "out", "$", "what"]
    assert structured["rows"] == [
        [a_log(2).id, "12:01:00", "anthropic/claude-sonnet-4-5", 529, 0, 0, 0, "overloaded"],
        [a_log(1).id, "12:00:00", "openai/gpt-4o-mini", 200, 5, 3, 0.0000026, ""],
    ]
    assert structured["same"] == {"s": 0.81}
    assert structured["summary"] == (
        "2 of 2 logs of gateway default, newest first, 2026-11-21 (UTC). 1 failed, 0.81 s p50, 0.81 s p95, $0.0000026."
    )
    assert text.startswith(structured["summary"])
    assert "0.0000026" in text


async def test_both_channels_carry_every_row(client: Client, store: Store) -> None:
    for number in range(3):
        await store.add(a_log(number, minutes=number, duration=100 * number))

    text, structured = await listed(client)

    for row in structured["rows"]:
        assert all(str(cell) in text for cell in row)
    assert structured["next"] in text


async def test_times_show_the_day_when_it_differs(client: Client, store: Store) -> None:
    await store.add(a_log(1))
    await store.add(a_log(2, minutes=24 * 60))

    _, structured = await listed(client)

    assert [row[1] for row in structured["rows"]] == ["11-22 12:00:00", "11-21 12:00:00"]
    assert "2026 (UTC)" in structured["summary"]


async def test_a_provider_is_shown_where_the_model_does_not_name_it(client: Client, store: Store) -> None:
    await store.add(a_log(1, model="gpt-4o-mini"))
    await store.add(a_log(2, provider="workers-ai", model="@cf/meta/llama-3.1-8b-instruct"))

    _, structured = await listed(client)

    column = structured["columns"].index("provider")
    assert {row[column] for row in structured["rows"]} == {"openai", None}


async def test_pages_are_walked_by_the_next_line(client: Client, store: Store) -> None:
    for number in range(3):
        await store.add(a_log(number, minutes=number))

    _, first = await listed(client, per_page=2)
    _, second = await listed(client, per_page=2, page=2)
    text, _ = await listed(client, per_page=2, page=3)

    assert "page=2" in first["next"]
    assert "page=" not in second["next"]
    assert [len(first["rows"]), len(second["rows"])] == [2, 1]
    assert "Use an earlier page" in text


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ({"success": False}, [3]),
        ({"success": "false"}, [3]),
        ({"success": None}, [3, 2, 1]),
        ({"cached": True}, [2]),
        ({"provider": "openai"}, [3, 1]),
        ({"provider": "OpenAI"}, [3, 1]),
        ({"model": "anthropic/claude-sonnet-4-5"}, [2]),
        ({"feedback": -1}, [1]),
        ({"metadata": {"user": "u1"}}, [1]),
        ({"search": "u2"}, [2]),
        ({"filters": [{"key": "duration", "operator": "gt", "value": ["900"]}]}, [3]),
        ({"filters": [{"key": "duration", "operator": "gt", "value": 900}]}, [3]),
        ({"filters": '[{"key": "duration", "operator": "gt", "value": [900]}]'}, [3]),
        ({"filters": [{"key": "success", "value": [True]}, {"key": "cached", "value": ["false"]}]}, [1]),
        ({"filters": [{"key": "event_id", "value": ["null"]}, {"key": "provider", "value": ["anthropic"]}]}, [2]),
        ({"start_date": "2026-11-21T12:01:00Z"}, [3, 2]),
        ({"end_date": "2026-11-21T12:00:30"}, [1]),
        ({"order_by": "duration", "order_by_direction": "asc"}, [2, 1, 3]),
    ],
)
async def test_rows_are_narrowed_and_ordered(
    client: Client, store: Store, arguments: dict[str, Any], found: list[int]
) -> None:
    await store.add(a_log(1, feedback=-1, metadata={"user": "u1"}))
    claude = {"provider": "anthropic", "model": "anthropic/claude-sonnet-4-5"}
    await store.add(a_log(2, minutes=1, cached=True, duration=10, metadata={"user": "u2", "old": "u1"}, **claude))
    await store.add(a_failed_log(3, minutes=2, duration=1000))

    _, structured = await listed(client, **arguments)

    assert [row[0] for row in structured["rows"]] == [a_log(number).id for number in found]


async def test_metadata_is_matched_as_pairs_and_dropped_rows_are_counted(client: Client, store: Store) -> None:
    await store.add(a_log(1, metadata={"user": "u1"}))
    await store.add(a_log(2, metadata={"user": "u2", "old": "u1"}))

    _, structured = await listed(client, metadata={"user": "u1"})

    assert structured["columns"][-1] == "user"
    assert [row[0] for row in structured["rows"]] == [a_log(1).id]
    assert "1 more rows had the metadata key and the value but not as a pair" in structured["summary"]


async def test_chosen_fields_are_the_columns(client: Client, store: Store) -> None:
    await store.add(a_log(1, user_agent="app/1"))
    await store.add(a_log(2, user_agent="app/2", metadata={"a": "b"}))

    _, structured = await listed(client, fields=["user_agent", "metadata"])

    assert structured["columns"] == ["id", "user_agent", "metadata"]
    assert sorted(row[1] for row in structured["rows"]) == ["app/1", "app/2"]


async def test_a_field_that_no_log_has_is_refused_with_the_nearest(client: Client, store: Store) -> None:
    await store.add(a_log(1))

    assert "Logs have no field modle: did you mean model?" in await refused(client, fields=["modle"])


async def test_a_long_cell_is_cut_and_the_row_stays(client: Client, store: Store) -> None:
    await store.add(a_log(1, model="x" * 500))

    _, structured = await listed(client)

    assert len(structured["rows"][0][2]) == 80


async def test_calls_without_a_price_are_counted(client: Client, store: Store) -> None:
    await store.add(a_log(1))
    await store.add(a_log(2, cost=None))

    _, structured = await listed(client)

    assert "1 without a price" in structured["summary"]


async def test_an_empty_list_says_why_it_may_be_empty(client: Client, store: Store) -> None:
    text, structured = await listed(client, success=False)

    assert "No logs match in gateway default" in text
    assert "the gateway keeps no logs" in structured["summary"]
    assert "list_gateways" in structured["next"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"gateway_id": "nope"}, "No gateway nope. list_gateways"),
        ({"per_page": 0}, "per_page must be at least 1 (got 0)"),
        ({"per_page": 51}, "per_page must be at most 50 (got 51)"),
        ({"start_date": "soon"}, "start_date 'soon' is not a date"),
        ({"start_date": "999999d"}, "is not a date"),
        ({"start_date": "2026-11-22", "end_date": "2026-11-21"}, "is before start_date"),
        ({"filters": [{"key": "models", "value": ["x"]}]}, "or metadata.<key>; did you mean model?"),
        ({"order_by": "costs"}, "or metadata.<key>; did you mean cost?"),
        ({"filters": [{"key": "cost", "value": ["cheap"]}]}, "cost must be compared with a number"),
        ({"gateway": "main"}, "Unknown argument gateway: did you mean gateway_id?"),
        ({"feedback": 2}, "feedback must be -1, 0 or 1 (got 2)"),
        ({"metadata": {"user": {"id": 1}}}, "metadata.user must be text, a number or a boolean"),
    ],
)
async def test_bad_input_gets_an_error_that_says_what_to_do(
    client: Client, arguments: dict[str, Any], said: str
) -> None:
    assert said in await refused(client, **arguments)


ORDERS = ["created_at", "provider", "model", "model_type", "success", "cached", "cost", "tokens_in", "tokens_out", "duration", "feedback"]  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
async def test_every_argument_of_cloudflares_own_server_is_taken(client: Client, store: Store, order: str) -> None:
    await store.add(a_log(1, feedback=1))
    filters = {"feedback": 1, "success": True, "cached": False, "model": "openai/gpt-4o-mini", "provider": "openai"}
    dates = {"start_date": "2026-11-01T00:00:00Z", "end_date": "2026-12-01T00:00:00Z"}
    paging = {"page": 1, "per_page": 50, "order_by": order, "order_by_direction": "desc"}

    _, structured = await listed(client, account_id="0" * 32, gateway_id="default", **filters, **dates, **paging)

    assert structured["total_count"] == 1


async def test_another_account_than_the_configured_one_is_refused(client: Client) -> None:
    assert "account_id" in await refused(client, account_id="f" * 32)


MODELS = [
    "openai/gpt-4o-mini",
    "anthropic/claude-sonnet-4-5",
    "@cf/meta/llama-3.1-8b-instruct",
    "google-ai-studio/gemini-2.5-flash",
]


async def test_twenty_rows_cost_less_than_half_of_compact_json(client: Client, store: Store) -> None:
    for number in range(20):
        await store.add(
            a_log(
                number * 7919,
                minutes=number * 3.7,
                model=MODELS[number % 4],
                provider=["openai", "anthropic", "workers-ai", "google-ai-studio"][number % 4],
                duration=300 + number * 431,
                tokens_in=20 + number * 97,
                tokens_out=5 + number * 41,
                cost=0.00012345 * (number + 1),
                cached=number % 5 == 0,
                success=number % 9 != 0,
                status_code=200 if number % 9 else 429,
                metadata={"user_id": f"usr_{number:08d}", "team": "search", "env": "production"},
                path="chat/completions",
                model_type="chat",
            )
        )

    result = await client.call_tool("list_logs", {})

    structured = json.dumps(result.structured_content, separators=(",", ":"), ensure_ascii=False)
    raw = o200k(await raw_rows(store))
    assert o200k(result.content[0].text) <= 0.45 * raw
    assert o200k(structured) <= 0.45 * raw


async def raw_rows(store: Store) -> str:
    """Return the API's own answer for the first page, as compact JSON."""
    transport = httpx2.ASGITransport(build_app(store))
    path = f"/client/v4/accounts/{'0' * 32}/ai-gateway/gateways/default/logs"
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        response = await http.get(path, headers={"Authorization": "Bearer t"})
    return json.dumps(response.json(), separators=(",", ":"))


@pytest.mark.parametrize("sign", ["x", "漢", '"', "🧪"])
async def test_fifty_hostile_rows_stay_within_the_bound(client: Client, store: Store, sign: str) -> None:
    flood = sign * 300
    for number in range(50):
        changes = {
            "model": flood + str(number),
            "provider": flood,
            "user_agent": flood,
            "event_id": str(number) + flood,
        }
        await store.add(a_failed_log(number, minutes=number * 600, metadata={"a": flood, "b": number}, **changes))

    fields = ["time", "model", "provider", "user_agent", "event_id", "metadata"]
    text, structured = await listed(client, per_page=50, fields=fields)

    assert len(structured["rows"]) == 50
    assert o200k(text) <= 4500
    assert o200k(json.dumps(structured, ensure_ascii=False)) <= 4500
    assert all(row[0] in text for row in structured["rows"])


async def test_fifty_ordinary_rows_are_not_cut(client: Client, store: Store) -> None:
    for number in range(50):
        changes = {"duration": 300 + number * 431, "tokens_in": number * 97, "cost": 0.00012345 * number}
        await store.add(
            a_log(number * 7919, minutes=number * 3.7, model=f"google-ai-studio/gemini-2.5-flash-{number}", **changes)
        )

    _, structured = await listed(client, per_page=50)

    assert not any("…" in str(cell) for row in structured["rows"] for cell in row)


@pytest.fixture
async def people(store: Store) -> None:
    """Put five logs with metadata into the store."""
    for number, (team, rank) in enumerate([("red", "10"), ("red", "9"), ("blue", 2), ("blue", "x"), ("red", 1)], 1):
        await store.add(a_log(number, minutes=number, metadata={"team": team, "rank": rank}))
    await store.add(a_log(6, metadata={"rank": "red"}))


@pytest.mark.parametrize(
    ("clause", "numbers"),
    [
        ({"key": "metadata.team", "value": ["red"]}, [5, 2, 1]),
        ({"key": "metadata.team", "operator": "neq", "value": ["red"]}, [4, 3]),
        ({"key": "metadata.team", "operator": "contains", "value": ["lu"]}, [4, 3]),
        ({"key": "metadata.rank", "operator": "gt", "value": ["9"]}, [1]),
        ({"key": "metadata.rank", "value": ["red"]}, [6]),
    ],
)
@pytest.mark.usefixtures("people")
async def test_metadata_keys_are_filtered_by_as_pairs(
    client: Client, clause: dict[str, Any], numbers: list[int]
) -> None:
    _, structured = await listed(client, filters=[clause])

    assert [row[0] for row in structured["rows"]] == [a_log(number).id for number in numbers]


@pytest.mark.usefixtures("people")
async def test_logs_are_ordered_by_a_metadata_key_numbers_before_texts(client: Client) -> None:
    _, up = await listed(client, order_by="metadata.rank", order_by_direction="asc", fields=["metadata.rank"])
    _, second = await listed(client, order_by="metadata.rank", fields=["metadata.rank"], per_page=2, page=2)

    assert [row[1] for row in up["rows"]] == [1, 2, "9", "10", "red", "x"]
    assert [row[1] for row in second["rows"]] == ["10", "9"]
    assert second["next"].startswith("page=3 for more rows; ")


async def test_more_logs_than_can_be_sorted_are_refused(client: Client, store: Store) -> None:
    async with anyio.create_task_group() as tasks:
        for number in range(1001):
            tasks.start_soon(store.add, a_log(number, minutes=number / 60, metadata={"rank": number}))

    result = await client.call_tool("list_logs", {"order_by": "metadata.rank"})

    assert "1,001 match, and at most 1,000 can be sorted" in result.content[0].text


@pytest.mark.usefixtures("people")
async def test_the_error_for_an_unknown_metadata_key_lists_the_existing_ones(client: Client) -> None:
    column = await client.call_tool("list_logs", {"fields": ["metadata.user"]})
    text, _ = await listed(client, filters=[{"key": "metadata.user", "value": ["x"]}])

    assert "None has metadata key user. The keys are rank, team." in column.content[0].text
    assert "In the newest 6 logs: None has metadata key user. The keys are rank, team." in text


async def test_metadata_is_shown_uncut_if_it_fits(client: Client, store: Store) -> None:
    await store.add(a_log(1, metadata={"note": "n" * 300}))
    _, small = await listed(client, fields=["metadata"])
    for number in range(2, 50):
        await store.add(a_log(number, metadata={"note": "n" * 3000}))
    _, large = await listed(client, fields=["metadata"], per_page=50)

    assert len(small["rows"][0][1]) > 300
    assert "full metadata, which is truncated here" in large["next"]


async def test_other_gateways_with_matches_are_named_when_there_are_none_here(client: Client, store: Store) -> None:
    await store.create_gateway("staging", "{}")
    await store.add(a_log(1, gateway="staging"))

    text, _ = await listed(client, model="openai/gpt-4o-mini")
    named, _ = await listed(client, model="openai/gpt-4o-mini", gateway_id="default")

    assert "Elsewhere, staging has 1 matching log: set gateway_id." in text
    assert "staging" not in named


async def test_a_search_that_finds_nothing_says_where_it_looked(client: Client, store: Store) -> None:
    await store.add(a_log(1))

    text, _ = await listed(client, search="scattering")

    assert "search covers metadata only, not bodies." in text


async def test_a_failed_step_says_which_step_answered(client: Client, store: Store) -> None:
    await store.add(a_failed_log(1, event_id="e1"))
    await store.add(a_log(2, step=1, event_id="e1", minutes=0.1))
    await store.add(a_failed_log(3, event_id="e2"))

    _, structured = await listed(client)

    what = structured["columns"].index("what")
    assert {row[0][-1]: row[what] for row in structured["rows"]} == {
        "1": "overloaded, answered by step 1",
        "2": "",
        "3": "overloaded",
    }
