"""Failures with the same cause are grouped together, others apart: checked on labeled error bodies of providers."""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from cf_aig_gateway.models import Log
from cf_aig_tools.failures import Failure
from cf_aig_tools.summary.clusters import Cluster, cause, clusters
from cf_aig_tools.summary.pages import Row
from cf_aig_tools.summary.wording import wording

LABELLED = [json.loads(line) for line in (Path(__file__).parent / "error_bodies.jsonl").read_text().splitlines()]


def a_failure(number: int, **changes: Any) -> Row:
    values = {"created_at": f"2026-11-21T12:{number % 60:02}:00Z", "provider": "openai", "model": "gpt-4o"}
    return Row(Log.model_validate({"id": str(number), "status_code": 429, "success": False, **values, **changes}))


def clustered(bodies: list[dict[str, Any]]) -> list[Cluster]:
    rows = [
        a_failure(number, provider=body["provider"], model=body["model"], status_code=body["status"])
        for number, body in enumerate(bodies)
    ]
    return clusters(rows, {row.log.id: cause(row.log, bodies[int(row.log.id)]["body"]) for row in rows})


def test_the_labeled_bodies_cover_many_causes_and_providers() -> None:
    assert len(LABELLED) >= 200
    assert {"openai", "anthropic", "workers-ai", "google-ai-studio"} <= {body["provider"] for body in LABELLED}
    assert len({body["cause"] for body in LABELLED}) >= 80


def test_one_cause_is_one_cluster_and_different_causes_are_different_clusters() -> None:
    labelled: dict[str, set[str]] = defaultdict(set)
    for number, body in enumerate(LABELLED):
        labelled[body["cause"]].add(str(number))

    found = clustered(LABELLED)

    assert {frozenset(log.id for log in cluster.logs) for cluster in found} == set(map(frozenset, labelled.values()))


@pytest.mark.parametrize("name", sorted({body["cause"] for body in LABELLED}))
def test_a_cause_is_one_cluster_whatever_varies(name: str) -> None:
    assert len(clustered([body for body in LABELLED if body["cause"] == name])) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Try again in 20 ms", "Try again in 1 second"),
        ("Your plan ended on Nov 3, 2026", "Your plan ended on 21 December 2025"),
        ("Sent on Mon, 23 Nov 2026 was refused", "Sent on Tuesday, 1 Dec 2026 was refused"),
        ("Values are 'a' and 'b'", "Values are 'a', 'b', 'c' or 'd'"),
        ("Bad field “name” here", "Bad field «x» here"),
        ("It's the user's `id` that is wrong", "It's the user's `other-id` that is wrong"),
        ("messages.3.content: Field required", "max_tokens: Field required"),
        ("Failed for org-AbCdEf (request id: 77)", "Failed for org-x1"),
        ("See https://a.b/c?d=e for more", "See http://f for more"),
        ("<h1>Bad   gateway</h1><style>x{}</style>", "<p>bad gateway</p>"),
    ],
)
def test_variable_parts_are_removed(one: str, other: str) -> None:
    assert wording(one) == wording(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("connection refused", "connection reset by peer"),
        ("limit on tokens per min", "limit on requests per min"),
        ("Overloaded", "Internal server error"),
        ("Invalid request. A field is missing", "Invalid request. The model is unknown"),
    ],
)
def test_parts_that_distinguish_causes_stay(one: str, other: str) -> None:
    assert wording(one) != wording(other)


def test_the_models_name_varies_even_when_it_is_a_plain_word() -> None:
    assert wording("Model gemma is gone", ["groq/gemma", "gemma"]) == wording("Model llama is gone", ["llama"])


def test_failures_whose_body_was_not_read_are_counted_with_those_like_them() -> None:
    rows = [a_failure(number) for number in range(10)]

    (found,) = clusters(rows, {"3": Failure("overloaded", "Overloaded")})

    assert (found.kind, found.words, found.count, len(found.logs)) == ("overloaded", "Overloaded", 10, 10)


def test_unread_failures_are_divided_among_causes_like_read_ones() -> None:
    rows = [a_failure(number) for number in range(12)]
    read = dict.fromkeys("012", Failure("overloaded", "Overloaded")) | {"3": Failure("timeout", "Timed out")}

    found = clusters(rows, read)

    assert [(cluster.kind, cluster.count, len(cluster.logs)) for cluster in found] == [
        ("overloaded", 9, 3),
        ("timeout", 3, 1),
    ]


def test_without_bodies_the_status_determines_the_kind() -> None:
    found = clusters([a_failure(1), a_failure(2, status_code=418)], {})

    assert [cluster.kind for cluster in found] == ["limit exceeded", "unknown cause"]
