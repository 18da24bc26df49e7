"""What providers publish about their prompt caches: how long a prompt must be, and how long it lives."""

import re
from collections.abc import Mapping
from typing import Any

from cf_aig_gateway.shapes import as_object, as_text

LEAST = 1024
"""Tokens of the shortest prefix that most models cache."""

LEAST_OF = (
    ("claude-opus-5", 512), ("claude-fable-5", 512), ("claude-mythos-5", 512),
    ("claude-opus-4-7", 2048),
    ("claude-opus-4-5", 4096), ("claude-opus-4-6", 4096), ("claude-haiku-4-5", 4096),
    ("claude-3-haiku", 2048), ("claude-3-5-haiku", 2048),
    ("gemini-2-5-pro", 4096), ("gemini-3", 4096),
)  # fmt: skip
"""The same for models that differ, by a part of their names.

platform.claude.com/docs/en/build-with-claude/prompt-caching, ai.google.dev/gemini-api/docs/caching; read 2026-11-28
through pages that quote them.
"""

MINUTE = 60
LIVES = {"5m": 5 * MINUTE, "30m": 30 * MINUTE, "1h": 60 * MINUTE, "12h": 12 * 60 * MINUTE, "24h": 24 * 60 * MINUTE}
"""How long a cached prefix lives without being read again (seconds), by what requests ask for."""

STEP = 128
"""The step in tokens by which OpenAI's cached prefixes grow."""

SHORT = LIVES["5m"]
"""How long it lives if a request doesn't say (seconds): Anthropic's own figure, and OpenAI's stated minimum."""

_VERSION = re.compile(r"gpt-(\d+)(?:\.(\d+))?")


def least_cached(model: str) -> int:
    """Return the shortest prefix that a model caches, in tokens."""
    name = model.replace(".", "-")
    return next((least for part, least in LEAST_OF if part in name), LEAST)


def has_breakpoints(model: str) -> bool:
    """Whether an OpenAI model has cache breakpoints: those since GPT-5.6, which charge for cache writes.

    developers.openai.com/api/docs/guides/prompt-caching
    """
    version = _VERSION.match(model)
    return version is not None and (int(version[1]), int(version[2] or 0)) >= (5, 6)


def openai_life(model: str, body: Mapping[str, Any]) -> int:
    """Return the minimum lifetime (seconds) of what a request to OpenAI writes."""
    asked = as_text(as_object(body.get("prompt_cache_options")).get("ttl"))
    kept = as_text(body.get("prompt_cache_retention"))
    return LIVES.get(asked) or LIVES.get(kept) or (LIVES["30m"] if has_breakpoints(model) else SHORT)
