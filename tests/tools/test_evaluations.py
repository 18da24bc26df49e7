"""Guardrails' own evaluation calls are told apart from users' calls."""

from typing import Any

import pytest

from cf_aig_gateway.models import Log
from cf_aig_tools.evaluations import is_evaluation

GUARD: dict[str, Any] = {"provider": "workers-ai", "model": "@cf/meta/llama-guard-3-8b", "event_id": "e1"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"step": 0}, True),
        ({"event_id": ""}, False),
        ({"event_id": None}, False),
        ({"step": 1}, False),
        ({"model": "@cf/meta/llama-3.1-8b-instruct"}, False),
        ({"provider": "groq", "model": "groq/llama-guard-3-8b"}, False),
    ],
)
def test_an_evaluation_is_a_call_of_the_evaluating_model_with_the_event_of_another_call(
    changes: dict[str, Any], expected: bool
) -> None:
    assert is_evaluation(Log.model_validate({"id": "x", **GUARD, **changes})) is expected
