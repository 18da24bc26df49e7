"""A summary agrees with an independent computation over the same logs, whatever its source."""

import json
import random
import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import anyio
import httpx2
import pytest
from logs import NOON, OVERLOADED, a_failed_log, a_log, keep
from management import ACCOUNT
from mcp import Client
from tokens import o200k

from cf_aig_gateway.local.app import build_app
from cf_aig_gateway.local.record import Record
from cf_aig_gateway.local.store import Store
from cf_aig_server.app import build_server
from cf_aig_server.opening import open_gateway
from cf_aig_server.settings import Settings
from cf_aig_tools.progress import progress
from cf_aig_tools.reading.masking import Masker
from cf_aig_tools.summary.findings import findings
from cf_aig_tools.summary.result import told
from cf_aig_tools.summary.scope import Scope
from cf_aig_tools.summary.sources import Question

pytestmark = pytest.mark.anyio

HOUR = {"start_date": "2026-11-21T12:00Z", "end_date": "2026-11-21T13:00Z"}
MODELS = ("openai/gpt-4o", "openai/gpt-4o-mini", "anthropic/claude-sonnet-4-5")


async def summarized(client: Client, **arguments: Any) -> tuple[str, dict[str, Any]]:
    result = await client.call_tool("summarize_logs", HOUR | arguments)
    text = result.content[0].text
    assert not result.is_error, text
    assert max(o200k(text), o200k(json.dumps(result.structured_content, ensure_ascii=False))) < 1500
    return text, result.structured_content


async def refused(client: Client, **arguments: Any) -> str:
    result = await client.call_tool("summarize_logs", HOUR | arguments)
    assert result.is_error
    return result.content[0].text


def an_hour(count: int, more: Callable[[random.Random, float], dict[str, Any]] = lambda *_: {}) -> list[Record]:
    """Return calls spread evenly over an hour. `more` changes a call by its minute."""
    chance = random.Random(5)
    made: list[Record] = []
    for number in range(count):
        minute = 60 * number / count
        model = chance.choice(MODELS)
        changes: dict[str, Any] = {
            "minutes": minute,
            "model": model,
            "provider": model.partition("/")[0],
            "duration": chance.randrange(300, 1500),
            "cost": chance.randrange(1, 1000) / 65536,
            "tokens_in": chance.randrange(1, 900),
            "tokens_out": chance.randrange(1, 90),
            "metadata": {"team": chance.choice(("red", "blue"))},
        }
        changes |= more(chance, minute) | ({"cached": True, "cost": 0} if chance.random() < 0.1 else {})
        changes["provider"] = changes["model"].partition("/")[0]
        make = a_failed_log if changes.pop("fails", False) else a_log
        made.append(make(number, **changes))
    return made


async def fill(store: Store, logs: list[Record]) -> None:
    await keep(store, logs)


def rows_of(structured: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the rows of a table by their first cell, including columns with the same value in all of them."""
    shared = structured.get("same") or {}
    rows = [dict(zip(structured["columns"], row, strict=True)) | shared for row in structured["rows"]]
    return {next(iter(row.values())): row for row in rows}


def expected(logs: list[Record], key: Callable[[Record], str]) -> dict[str, dict[str, Any]]:
    held: dict[str, list[Record]] = defaultdict(list)
    for log in logs:
        held[key(log)].append(log)
    return {
        name: {
            "calls": len(group),
            "failed": sum(not log.success for log in group),
            "$": round(sum(log.cost or 0 for log in group), 6),
            "in": sum(log.tokens_in or 0 for log in group),
            "out": sum(log.tokens_out or 0 for log in group),
            "gateway hits": sum(log.cached for log in group),
        }
        for name, group in held.items()
    }


KEYS: dict[str, Callable[[Record], str]] = {
    "model": lambda log: log.model,
    "provider": lambda log: log.provider,
    "status": lambda log: str(log.status_code),
    "cached": lambda log: "from the gateway cache" if log.cached else "from a provider",
    "hour": lambda _: "11-21 12:00",
    "day": lambda _: "2026-11-21",
    "metadata.team": lambda log: (log.metadata or {})["team"],
}


@pytest.mark.parametrize("by", KEYS)
async def test_figures_are_those_of_the_logs_whatever_they_are_grouped_by(
    client: Client, store: Store, by: str
) -> None:
    logs = an_hour(300, lambda chance, _: {"fails": chance.random() < 0.1})
    await fill(store, logs)
    await store.add(a_log(900, minutes=61))

    text, structured = await summarized(client, group_by=by)

    found = rows_of(structured)
    for name, figures in expected(logs, KEYS[by]).items():
        assert {key: found[name].get(key, 0) for key in figures} == figures
    failed = sum(not log.success for log in logs)
    assert f"300 calls, {failed} failed ({100 * failed / 300:.3g} %)" in structured["summary"]
    assert f"{sum(log.cached for log in logs)} gateway cache hits" in structured["summary"]
    assert structured["summary"] in text
    assert structured["basis"] in text
    assert ("from analytics" in structured["basis"]) == (by != "metadata.team")


async def test_percentiles_are_nearest_ranks_of_the_logs_read(client: Client, store: Store) -> None:
    await fill(store, [a_log(number, minutes=number / 2, duration=100 * (number + 1)) for number in range(100)])

    _, structured = await summarized(client)

    assert "5 s p50, 9.5 s p95" in structured["summary"]
    assert "percentiles from all 100 logs" in structured["basis"]


async def test_a_thousand_of_many_logs_are_read_from_the_whole_span(client: Client, store: Store) -> None:
    await fill(store, [a_log(number, minutes=number / 20, duration=number) for number in range(1200)])

    _, structured = await summarized(client)

    assert "1,200 calls" in structured["summary"]
    assert "percentiles from 1,000 of 1,200 logs, sampled evenly over the range" in structured["basis"]
    p50 = float(structured["summary"].partition(" s p50")[0].rpartition(" ")[2])
    assert p50 == pytest.approx(0.6, abs=0.02)


async def test_more_logs_are_read_where_calls_came_in_bursts(client: Client, store: Store) -> None:
    await fill(store, [a_log(number, minutes=number / 80, duration=number) for number in range(1200)])

    _, structured = await summarized(client)

    assert "1,200 calls" in structured["summary"]
    read = int(structured["basis"].partition(" of 1,200 logs")[0].rpartition(" ")[2].replace(",", ""))
    assert 900 <= read <= 1000


async def test_filters_hold_as_in_list_logs(client: Client, store: Store) -> None:
    logs = an_hour(200)
    await fill(store, logs)
    slow = [log for log in logs if log.duration > 1000 and log.model == MODELS[0]]
    clause = {"key": "duration", "operator": "gt", "value": ["1000"]}

    _, counted = await summarized(client, model=MODELS[0], filters=[clause])
    _, paired = await summarized(client, metadata={"team": "red"}, group_by="metadata.team")
    _, nothing = await summarized(client, success=False)

    assert f"{len(slow)} calls" in counted["summary"]
    assert "from analytics" in counted["basis"]
    assert list(rows_of(paired)) == ["red"]
    assert "no calls" in nothing["summary"]


async def test_the_same_span_earlier_gives_the_change_and_the_order(client: Client, store: Store) -> None:
    today = an_hour(240, lambda chance, minute: {"fails": chance.random() < 0.5} if minute > 20 else {})
    day = 24 * 60
    logs = [
        *(a_log(number, minutes=number % 60, model=MODELS[0]) for number in range(120)),
        *(a_failed_log(500 + number, minutes=number % 60, model=MODELS[1]) for number in range(40)),
        *(a_log(1000 + number, minutes=number % 60 - day, model=MODELS[0]) for number in range(110)),
        *(a_log(2000 + number, minutes=number % 60 - day, model=MODELS[1]) for number in range(50)),
    ]
    assert today
    await fill(store, logs)

    _, structured = await summarized(client, compare_to="24h")
    _, previous = await summarized(client, compare_to="previous")

    assert "vs. 24 h earlier: 160 calls (+0 %), 40 failed (25 %, was 0 %)" in structured["summary"]
    assert list(rows_of(structured)) == [MODELS[1], MODELS[0]]
    assert rows_of(structured)[MODELS[1]]["calls was"] == 50
    assert "vs. the period before: 160 calls (was 0)" in previous["summary"]


async def test_hours_are_compared_with_the_same_hours_earlier(client: Client, store: Store) -> None:
    await fill(store, [a_log(1), a_log(2, minutes=1), a_log(3, minutes=-24 * 60)])

    _, structured = await summarized(client, compare_to="24h", group_by="hour")

    assert rows_of(structured)["11-21 12:00"]["calls was"] == 1


INCIDENTS: dict[str, tuple[Callable[[random.Random, float], dict[str, Any]], str]] = {
    "failures": (lambda chance, minute: {"fails": minute >= 22 and chance.random() < 0.6}, "failed 0 → "),
    "price": (lambda _, minute: {"cost": 0.03 if minute >= 22 else 0.01}, "per call $0.01 → $0.03"),
    "slow": (lambda chance, minute: {"duration": chance.randrange(900, 1300) * (4 if minute >= 22 else 1)}, "p50 1."),
}


@pytest.mark.parametrize("name", INCIDENTS)
async def test_what_changed_is_named_with_its_group_and_minute(client: Client, store: Store, name: str) -> None:
    more, words = INCIDENTS[name]

    def only_one(chance: random.Random, minute: float) -> dict[str, Any]:
        model = chance.choice(MODELS)
        usual = {"cost": 0.01, "duration": chance.randrange(900, 1300), "model": model}
        return usual | (more(chance, minute) if model == MODELS[2] else {})

    await fill(store, an_hour(700, only_one))

    _, structured = await summarized(client)

    changed = {row: cells.get("changed", "") for row, cells in rows_of(structured).items()}
    assert words in changed[MODELS[2]]
    assert "since 12:2" in changed[MODELS[2]]
    assert next(iter(changed)) == MODELS[2]
    assert changed[MODELS[0]] == changed[MODELS[1]] == ""


async def test_a_change_before_the_span_is_found_by_the_earlier_span(client: Client, store: Store) -> None:
    def two_hours(number: int) -> Record:
        minute, model = number / 5 - 60, MODELS[number % 3]
        fails = model == MODELS[0] and -5 <= minute < 20 and number % 2 == 0
        dear, slow = model == MODELS[1] and minute >= 0, model == MODELS[2] and minute >= 0
        changes = {"minutes": minute, "model": model, "cost": 0.03 if dear else 0.01, "duration": 4000 if slow else 900}
        return a_failed_log(number, **changes | {"cost": 0}) if fails else a_log(number, **changes)

    await fill(store, [two_hours(number) for number in range(600)])

    _, structured = await summarized(client, compare_to="previous")

    changed = {row: cells["changed"] for row, cells in rows_of(structured).items()}
    assert changed[MODELS[0]] == "failed 0 → 50 % until 12:20"
    assert changed[MODELS[1]] == "per call $0.01 → $0.03 since the start or earlier"
    assert changed[MODELS[2]] == "p50 0.9 → 4 s since the start or earlier"


async def test_a_cache_that_stopped_hitting_is_dated_over_a_day(client: Client, store: Store) -> None:
    """Found by the hours of a day, then narrowed to the minute by a second analytics query."""
    logs = [
        a_log(
            number,
            minutes=number - 720,
            cached=number < 1033 and number % 2 == 0,
            cost=0.001 * (number % 2 or number >= 1033),
            metadata={"user": "u1"},
        )
        for number in range(1440)
    ]
    await fill(store, logs)

    day = {"start_date": "2026-11-21", "end_date": "2026-11-22"}
    _, counted = await summarized(client, **day, group_by="provider")
    _, read = await summarized(client, **day, group_by="metadata.user")

    assert rows_of(counted)["openai"]["changed"].startswith("gateway cache hits 50 → ")
    assert rows_of(counted)["openai"]["changed"].endswith(("% since 17:13", "% since 17:14"))
    assert "gateway cache hits 50" in rows_of(read)["u1"]["changed"]
    assert re.search(r"% since 17:(00 ± 60 min|1[34])", rows_of(read)["u1"]["changed"])


DAY = {"start_date": "2026-11-21", "end_date": "2026-11-22"}


def a_day(more: Callable[[int], dict[str, Any]]) -> list[Record]:
    """Return a call for each minute of a day. Half are of another model and unchanged; `more` changes the others."""
    chance = random.Random(3)
    logs: list[Record] = []
    for minute in range(1440):
        usual: dict[str, Any] = {"minutes": minute - 720, "duration": chance.randrange(300, 900)}
        changes = usual | (more(minute) if minute % 2 else {"model": "openai/other"})
        make = a_failed_log if changes.pop("fails", False) else a_log
        logs.append(make(minute, **changes))
    return logs


async def test_a_provider_that_was_slow_for_a_while_is_dated_at_both_ends(client: Client, store: Store) -> None:
    await fill(store, a_day(lambda minute: {"duration": 4000} if 500 <= minute < 941 else {}))

    _, structured = await summarized(client, **DAY)

    changed = rows_of(structured)["openai/gpt-4o-mini"]["changed"]
    assert changed in {f"p50 0.59 → 4 s {start}–{end}" for start in ("08:20", "08:21") for end in ("15:40", "15:41")}


async def test_failures_that_passed_are_dated_at_both_ends_by_analytics_and_by_logs(
    client: Client, store: Store
) -> None:
    await fill(store, a_day(lambda minute: {"fails": 500 <= minute < 941, "metadata": {"team": "red"}}))

    _, counted = await summarized(client, **DAY)
    _, read = await summarized(client, **DAY, group_by="metadata.team")
    _, whole = await summarized(client, **DAY, group_by="hour")

    assert rows_of(counted)["openai/gpt-4o-mini"]["changed"].startswith("failed 0 → 100 % 08:2")
    assert re.search(r"failed 0 → 100 % 08:(00–16:00 ± 60 min|2[01]–15:4[01])", rows_of(read)["red"]["changed"])
    assert "Of all calls: failed 0 → 50 % 08:2" in whole["summary"]


async def test_without_a_second_answer_of_analytics_a_change_is_dated_by_the_hour(store: Store) -> None:
    await fill(store, a_day(lambda minute: {"fails": minute >= 941}))
    app = build_app(store)
    answered: list[str] = []

    class Once(httpx2.ASGITransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.url.path.endswith("/graphql"):
                answered.append(request.url.path)
                if len(answered) > 1:
                    return httpx2.Response(500, request=request)
            return await super().handle_async_request(request)

    settings = Settings(account_id=ACCOUNT, api_token="t", api_url="http://127.0.0.1/client/v4")
    async with Client(build_server(settings, Once(app=app))) as client:
        _, structured = await summarized(client, **DAY)

    assert len(answered) == 2
    assert rows_of(structured)["openai/gpt-4o-mini"]["changed"] in {
        f"failed 0 → 100 % since {at} ± 60 min" for at in ("15:00", "16:00")
    }


@pytest.mark.parametrize(
    "clause",
    [
        {"key": "model", "operator": "contains", "value": ["mini"]},
        {"key": "duration", "operator": "gt", "value": ["100.5"]},
        {"key": "cost", "operator": "gt", "value": ["0"]},
    ],
)
async def test_filters_that_analytics_do_not_know_are_answered_from_logs(
    client: Client, store: Store, clause: dict[str, Any]
) -> None:
    await store.add(a_log(1))

    _, structured = await summarized(client, filters=[clause])

    assert "1 call," in structured["summary"]
    assert structured["basis"].startswith("Analytics cannot apply these filters.")


@pytest.mark.parametrize(
    ("clause", "calls"),
    [
        ({"key": "success", "value": ["false"]}, 1),
        ({"key": "cached", "operator": "neq", "value": ["true"]}, 2),
        ({"key": "tokens_in", "operator": "lt", "value": ["5"]}, 1),
        ({"key": "provider", "value": ["openai", "anthropic"]}, 3),
    ],
)
async def test_filters_that_analytics_know_mean_the_same_there(
    client: Client, store: Store, clause: dict[str, Any], calls: int
) -> None:
    await fill(store, [a_log(1), a_failed_log(2), a_log(3, cached=True)])

    _, structured = await summarized(client, filters=[clause])

    assert f": {calls} call" in structured["summary"]
    assert structured["basis"].startswith("Counts and sums from analytics")


async def test_failures_come_in_clusters_with_the_providers_words(client: Client, store: Store) -> None:
    limited = {"error": {"message": "Limit 30 of key sk-proj-" + "9f8Ga7bQ2x" * 8 + " reached\u202e", "type": "x"}}
    await fill(
        store,
        [
            *(a_failed_log(number, minutes=number) for number in range(5)),
            *(
                a_failed_log(10 + number, minutes=number, response=json.dumps(limited).encode(), status_code=429)
                for number in range(3)
            ),
        ],
    )

    text, structured = await summarized(client)

    assert structured["failures"][0] == [
        5, "overloaded", OVERLOADED["error"]["message"], "12:00:00", "12:04:00", "openai/gpt-4o-mini", a_log(4).id,
    ]  # fmt: skip
    assert structured["failures"][1][2] == "Limit 30 of key [openai_key] reached\\u{202e}"
    assert "logged text" in text
    assert (
        f'5 × overloaded: "The server is overloaded", openai/gpt-4o-mini, 12:00:00 to 12:04:00, {a_log(4).id}' in text
    )
    assert "Causes from the bodies of 8 of 8 failures." in structured["basis"]


async def test_causes_with_the_same_status_are_distinguished_and_coverage_is_stated(
    client: Client, store: Store
) -> None:
    other = json.dumps({"error": {"message": "No capacity left in the region"}}).encode()
    await fill(
        store,
        [
            a_failed_log(number, minutes=number / 4, **({"response": other} if number % 4 == 0 else {}))
            for number in range(200)
        ],
    )

    _, structured = await summarized(client)

    counts = {cluster[2]: cluster[0] for cluster in structured["failures"]}
    assert counts["The server is overloaded"] == pytest.approx(150, abs=25)
    assert sum(counts.values()) == 200
    assert "Causes from the bodies of 60 of 200 failures" in structured["basis"]


async def test_calls_without_usage_or_price_are_named(client: Client, store: Store) -> None:
    await fill(
        store,
        [
            a_log(1),
            a_log(2, tokens_in=None, tokens_out=None, cost=None, model="custom/unmeasured"),
            a_log(3, cost=None, model="custom/unpriced"),
            a_failed_log(4),
        ],
    )

    _, structured = await summarized(client)

    assert "Without usage, so counted as $0: 1 of the calls read (custom/unmeasured)." in structured["basis"]
    assert "Without price, so counted as $0: 1 of the calls read (custom/unpriced)." in structured["basis"]


async def test_many_groups_with_long_names_are_cut_and_added_up(client: Client, store: Store) -> None:
    await fill(store, [a_log(number, minutes=number / 10, model=f"😀模型{number}" * 30) for number in range(300)])

    _, structured = await summarized(client, compare_to="previous")

    assert structured["rows"][-1][0].endswith(" more")
    assert "300 calls" in structured["summary"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"group_by": "weekday"},
            "group_by must be model, provider, status, cached, hour, day, user_agent, gateway, session, user or metadata.<",
        ),
        ({"group_by": "metadata."}, "group_by must be"),
        ({"group_by": "metadata." + "k" * 101}, "group_by must be"),
        ({"compare_to": "yesterday"}, "compare_to must be previous, or a duration such as 24h or 7d"),
        ({"compare_to": "30m"}, "compare_to 30m is shorter than the time range"),
        ({"compare_to": "999999w"}, "too far back"),
        ({"gateway_id": "none"}, "No gateway none"),
    ],
)
async def test_an_unsupported_question_is_refused_with_the_supported_ones(
    client: Client, arguments: dict[str, str], words: str
) -> None:
    assert words in await refused(client, **arguments)


async def test_the_default_range_is_the_last_day(client: Client, store: Store) -> None:
    result = await client.call_tool("summarize_logs", {})

    structured = result.structured_content or {}
    assert "no calls" in structured["summary"]
    assert "list_gateways" in structured["next"]


@asynccontextmanager
async def with_analytics(store: Store, status: int, body: dict[str, Any]) -> AsyncGenerator[Client]:
    """Yield a client of a server whose API gives this answer for analytics, and the usual ones for logs."""
    app = build_app(store)

    class Wire(httpx2.ASGITransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.url.path.endswith("/graphql"):
                return httpx2.Response(status, json=body, request=request)
            return await super().handle_async_request(request)

    settings = Settings(account_id=ACCOUNT, api_token="t", api_url="http://127.0.0.1/client/v4")
    async with Client(build_server(settings, Wire(app=app))) as client:
        yield client


NOTHING = {"data": {"viewer": {"accounts": [{"groups0": [], "groups1": [], "groups2": []}]}}, "errors": None}


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (403, {"errors": [{"message": "not authorized for that account"}]}, "lacks the scope Account Analytics Read"),
        (200, {"data": None, "errors": [{"message": "not authorized for that account"}]}, "Account Analytics Read"),
        (500, {}, "The gateway failed."),
        (200, {"data": None, "errors": [{"message": "limit reached, please try reduced time range"}]}, "Rate limited."),
        (200, NOTHING, "Analytics have 0 of 120 calls so far: they lag by minutes."),
    ],
)
async def test_without_analytics_the_answer_comes_from_the_logs_and_says_so(
    store: Store, status: int, body: dict[str, Any], words: str
) -> None:
    logs = an_hour(120, lambda _, minute: {"fails": minute >= 30})
    await fill(store, logs)

    async with with_analytics(store, status, body) as client:
        _, structured = await summarized(client)
        _, compared = await summarized(client, compare_to="24h")

    assert words in structured["basis"]
    assert "All figures from all 120 logs." in structured["basis"]
    assert "120 calls" in structured["summary"]
    assert "120 calls (was 0)" in compared["summary"]
    found = rows_of(structured)
    for name, figures in expected(logs, KEYS["model"]).items():
        assert {key: found[name].get(key, 0) for key in figures} == figures
    assert sum(cluster[0] for cluster in structured["failures"]) == 60


async def test_estimates_are_named_where_not_all_logs_were_read_and_totals_are_exact(store: Store) -> None:
    logs = [
        a_failed_log(number, minutes=number / 20) if number % 17 == 0 else a_log(number, minutes=number / 20)
        for number in range(1200)
    ]
    await fill(store, logs)

    async with with_analytics(store, 403, {}) as client:
        _, structured = await summarized(client)

    assert "1,200 calls, 71 failed" in structured["summary"]
    assert (
        "Calls and failures are counted; the rest is estimated from 1,000 of 1,200 logs, sampled evenly over the range"
        in structured["basis"]
    )
    assert "may be off by 37" in structured["basis"]


async def test_more_groups_than_analytics_send_at_once_are_asked_for_without_their_times(store: Store) -> None:
    sums = {"cachedRequests": 0, "erroredRequests": 0, "cost": 0.001}
    sums |= dict.fromkeys(("cachedTokensIn", "cachedTokensOut", "uncachedTokensIn", "uncachedTokensOut"), 1)
    at = {"datetimeMinute": "2026-11-21T12:00:00Z"}
    group = {"count": 1, "sum": sums, "dimensions": {"model": "m"} | at}
    body = {"data": {"viewer": {"accounts": [{"groups0": [group] * 10_000}]}}, "errors": None}

    async with with_analytics(store, 200, body) as client:
        _, structured = await summarized(client)

    assert "10,000 calls" in structured["summary"]
    assert "Analytics count 10,000 calls but there are 0" in structured["basis"]


async def test_slow_analytics_time_out(store: Store) -> None:
    """Tested below the tool, where the timeout can be short: the tool's own is ten seconds."""
    await fill(store, [a_log(1), a_failed_log(2)])

    class Silent(httpx2.ASGITransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            if request.url.path.endswith("/graphql"):
                await anyio.sleep_forever()
            return await super().handle_async_request(request)

    settings = Settings(account_id=ACCOUNT, api_token="t", api_url="http://127.0.0.1/client/v4")
    async with open_gateway(settings, Silent(app=build_app(store))) as gateway, progress(None):
        scope = Scope(gateway, "default", NOON, NOON + timedelta(hours=1))
        found = await findings(Question(scope, "model", patience_s=0.05))
        structured = told(found, Masker()).structured_content or {}

    assert structured["basis"].startswith("Analytics did not respond within 0.05 s. All figures from all 2 logs.")
    assert "2 calls, 1 failed" in structured["summary"]


async def test_a_body_that_is_not_stored_or_long_costs_little(client: Client, store: Store) -> None:
    await store.add(a_failed_log(1, response=None))
    await store.add(a_failed_log(2, status_code=500, response=b'{"error": {"message": "Boom", "x": "' + b"y" * 100_000))

    _, structured = await summarized(client)

    assert {(cluster[1], cluster[2]) for cluster in structured["failures"]} == {
        ("overloaded", ""),
        ("provider down", "Boom"),
    }


async def test_progress_is_reported_while_logs_are_read(store: Store) -> None:
    asked: list[str | None] = []
    answered = anyio.Event()

    async def seen(progress: float, total: float | None, message: str | None) -> None:
        asked.append(message)
        answered.set()

    class Held(httpx2.ASGITransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            await answered.wait()
            return await super().handle_async_request(request)

    settings = Settings(account_id=ACCOUNT, api_token="t", api_url="http://127.0.0.1/client/v4")
    async with Client(build_server(settings, Held(app=build_app(store)))) as client:
        await client.call_tool("summarize_logs", HOUR, progress_callback=seen)

    assert asked[0] == "1 s, reading logs"


def reports(number: int, minute: float, **changes: Any) -> Record:
    """Return a call that writes a long report: as fast per token, with forty times the tokens."""
    long = {"duration": 24_000, "tokens_out": 1600, "timings": {"latency": 800}, "metadata": {"feature": "report"}}
    return a_log(number, minutes=minute, **{**long, **changes})


def questions(number: int, minute: float, **changes: Any) -> Record:
    short = {"duration": 1380, "tokens_out": 40, "timings": {"latency": 800}, "metadata": {"feature": "answer"}}
    return a_log(number, minutes=minute, **{**short, **changes})


async def test_a_latency_that_rose_with_the_answers_is_not_blamed_on_the_model(client: Client, store: Store) -> None:
    await fill(store, [questions(number, number / 5) for number in range(150)])
    await fill(store, [reports(number, number / 5) for number in range(150, 300)])

    text, structured = await summarized(client)

    assert rows_of(structured)["openai/gpt-4o-mini"]["changed"].startswith("p50 1.4 → 24 s since 12:30")
    assert structured["reasons"] == [
        "openai/gpt-4o-mini, p50: tokens out per call 40 → 1,600; s to the first byte 0.8, unchanged; "
        "ms per token out 14.5, unchanged; feature=report 0 → 100 % of calls"
    ]
    assert structured["reasons"][0] in text


async def test_a_model_that_became_slower_is_named(client: Client, store: Store) -> None:
    for number in range(300):
        slow = {"duration": 9000, "timings": {"latency": 8000}} if number > 150 else {}
        await store.add(questions(number, number / 5, **slow))

    _, structured = await summarized(client)

    assert (
        "tokens out per call 40, unchanged; s to the first byte 0.8 → 8; ms per token out" in structured["reasons"][0]
    )
    assert "% of calls" not in structured["reasons"][0]


async def test_failures_of_one_kind_of_call_are_attributed_to_it(client: Client, store: Store) -> None:
    for number in range(400):
        eu, late = number % 3 == 0, number > 200
        make = a_failed_log if eu and late else a_log
        await store.add(make(number, minutes=number / 7, metadata={"region": "eu" if eu else "us", "id": number}))

    _, structured = await summarized(client)

    assert structured["reasons"] == ["openai/gpt-4o-mini, failed: region=eu in 100 % of failures, 34 % of all calls"]


async def test_a_cost_against_earlier_calls_is_split(client: Client, store: Store) -> None:
    for number in range(100):
        await store.add(a_log(number, minutes=number / 2 - 60, cost=0.01))
    for number in range(100, 300):
        await store.add(a_log(number, minutes=(number - 100) / 4, cost=0.01))
    for number in range(300, 400):
        await store.add(a_log(number, minutes=(number - 300) / 2, cost=0.03, model="openai/gpt-4o"))

    text, _ = await summarized(client, compare_to="previous")

    assert "$5 (+400 %: +200 % by call volume, +200 % by mix)" in text


async def test_a_group_says_since_when_and_until_when_it_had_calls(client: Client, store: Store) -> None:
    await fill(store, [a_log(number, minutes=number / 5) for number in range(300)])
    await fill(store, [a_log(number, minutes=number - 270, model="openai/new") for number in range(300, 330)])
    await fill(store, [a_log(number, minutes=(number - 330) / 2, model="openai/old") for number in range(330, 350)])

    changed = {name: row["changed"] for name, row in rows_of((await summarized(client))[1]).items()}
    _, compared = await summarized(client, compare_to="previous")

    assert changed["openai/gpt-4o-mini"] == ""
    assert "first call 12:30" in changed["openai/new"]
    assert "last call 12:09" in changed["openai/old"]
    assert "new since 12:30" in rows_of(compared)["openai/new"]["changed"]


async def test_a_group_whose_calls_multiply_says_so(client: Client, store: Store) -> None:
    await fill(store, [a_log(number, minutes=number / 2) for number in range(80)])
    await fill(store, [a_log(number, minutes=40 + (number - 80) / 20) for number in range(80, 480)])

    _, structured = await summarized(client)

    assert "calls 2 → 20 per minute since 12:40" in rows_of(structured)["openai/gpt-4o-mini"]["changed"]


async def test_an_hour_that_the_range_begins_within_is_no_change(client: Client, store: Store) -> None:
    await fill(store, [a_log(number, minutes=number / 4 - 2) for number in range(4 * 23 * 60)])

    _, structured = await summarized(client, start_date="2026-11-21T11:58:00Z", end_date="2026-11-22T11:00:00Z")

    assert "changed" not in rows_of(structured)["openai/gpt-4o-mini"]


async def test_steady_traffic_has_no_change_of_its_number_of_calls(client: Client, store: Store) -> None:
    chance = random.Random(3)
    await fill(store, [a_log(number, minutes=60 * chance.random()) for number in range(600)])

    _, structured = await summarized(client)

    assert "changed" not in structured["columns"]


@pytest.mark.parametrize(("lost", "words"), [(0, "all of them"), (5, "54 of them")])
async def test_failures_answered_by_a_later_step_are_counted_separately(
    client: Client, store: Store, lost: int, words: str
) -> None:
    for number in range(54):
        await store.add(a_failed_log(number, minutes=number))
        await store.add(a_log(number + 100, minutes=number, step=1, model="openai/gpt-4o"))
    await fill(store, [a_failed_log(number + 200, minutes=number) for number in range(lost)])

    text, _ = await summarized(client)

    assert f"{54 + lost} failed " in text
    assert f", {words} answered by a later step (openai/gpt-4o)" in text


async def test_an_unknown_metadata_key_names_those_that_there_are(client: Client, store: Store) -> None:
    await store.add(a_log(1, metadata={"team": "red", "plan": "pro"}))

    assert "None has metadata key user. The keys are plan, team." in await refused(client, group_by="metadata.user")


async def test_sums_by_metadata_are_exact_though_not_all_logs_are_read(client: Client, store: Store) -> None:
    logs = an_hour(1200)
    await fill(store, logs)

    _, structured = await summarized(client, group_by="metadata.team")

    found = rows_of(structured)
    for name, figures in expected(logs, KEYS["metadata.team"]).items():
        assert {key: found[name].get(key, 0) for key in figures} == figures
    assert f"${sum(log.cost or 0 for log in logs):.3g}," in structured["summary"]


async def test_a_cause_without_a_model_leaves_no_empty_place(client: Client, store: Store) -> None:
    await store.add(a_failed_log(1, model=""))

    text, _ = await summarized(client)

    assert ", ," not in text
    assert "()" not in text


async def test_other_gateways_with_calls_are_named_when_there_are_none_here(client: Client, store: Store) -> None:
    await store.create_gateway("staging", "{}")
    await store.add(a_log(1, gateway="staging"))

    text, _ = await summarized(client)

    assert "Elsewhere, staging has 1 matching log: set gateway_id." in text
