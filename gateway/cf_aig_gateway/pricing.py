"""What is publicly known about models: prices and context windows."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from math import inf
from types import ModuleType
from typing import TYPE_CHECKING, Any

from cf_aig_gateway.formats.format import Body, Format
from cf_aig_gateway.formats.usage import Usage
from cf_aig_gateway.providers import CUSTOM, provider_of
from cf_aig_gateway.shapes import as_object

if TYPE_CHECKING:
    from genai_prices import Usage as Tokens
    from genai_prices.types import ModelInfo, Provider


def load_library() -> None:
    """Import genai-prices without httpx2, which only its updater needs: 30 ms of the local gateway's start.

    Call this while the process has one thread: others would get the empty module that stands for httpx2 meanwhile.
    """
    is_absent = "httpx2" not in sys.modules
    if is_absent:
        sys.modules["httpx2"] = ModuleType("httpx2")
    try:
        import_module("genai_prices")
    finally:
        if is_absent:
            del sys.modules["httpx2"]


def load() -> None:
    """Load the prices before the first call, which otherwise waits for them (170 ms)."""
    is_known("openai", "")


def cost(provider: str, model: str, usage: Usage) -> float | None:
    """Return a call's price in US dollars; None if the model's price or the tokens are unknown."""
    if usage.tokens_in == usage.tokens_out == 0:
        return 0
    found = _model(provider, model)
    if found is None or usage.tokens_in is None:
        return None
    vendor, info = found
    try:
        return float(info.calc_price(usage.detail or _tokens(usage), vendor).total_price)
    except ValueError:
        return None


def _tokens(usage: Usage) -> "Tokens":
    from genai_prices import Usage as Tokens  # noqa: PLC0415 (as in _model)

    return Tokens(
        input_tokens=usage.tokens_in,
        output_tokens=usage.tokens_out or 0,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        **({"cache_write_1h_tokens": usage.cache_write_long} if usage.cache_write_long else {}),
    )


def usage_of(provider: str, known: Format | None, reply: Body) -> Usage:
    """Return the tokens that a reply states, read by genai-prices for that provider, otherwise by the format."""
    if known is None:
        return Usage()
    stated = known.usage(reply)
    vendor = _vendor(provider)
    if vendor is None or stated.tokens_in is None or _is_plain(reply, stated):
        return stated
    offered = {extractor.api_flavor for extractor in vendor.extractors or ()}
    for flavor in (flavor for flavor in known.flavors if flavor in offered):
        try:
            _, found = vendor.extract_usage(reply, api_flavor=flavor)
        except (LookupError, ValueError, TypeError):  # what genai-prices raises for invalid counts
            continue
        return _detailed(stated, found)
    return stated


def _is_plain(reply: Body, stated: Usage) -> bool:
    """Whether a reply states only tokens in and out, which all readers read the same way. Saves 50 µs."""
    block = as_object(reply.get("usage") or reply.get("usageMetadata"))
    if stated.reasoning or stated.cache_read or stated.cache_write:
        return False
    known = {0, stated.tokens_in, stated.tokens_out, (stated.tokens_in or 0) + (stated.tokens_out or 0)}
    return bool(block) and not set(_numbers(block)) - known


def _numbers(block: Body) -> Iterator[float]:
    for value in block.values():
        if isinstance(value, dict):
            yield from _numbers(as_object(value))
        elif isinstance(value, list):
            yield -1
        elif isinstance(value, int | float):
            yield value


def _detailed(stated: Usage, found: "Tokens") -> Usage:
    return replace(
        stated,
        tokens_in=int(found.input_tokens or 0),
        tokens_out=int(found.output_tokens or 0),
        cache_read=int(found.cache_read_tokens or 0),
        cache_write=int(found.cache_write_tokens or 0),
        cache_write_long=int(found.cache_write_1h_tokens or 0),
        detail=found,
    )


def custom_cost(prices: Mapping[str, Any], usage: Usage) -> float | None:
    """Return a call's cost by a caller's own prices (US dollars); None if they are invalid.

    `{total_cost}` or `{per_token_in, per_token_out}`; cached tokens without a price of their own cost the same as
    others.
    """
    if (total := _price(prices, "total_cost")) is not None:
        return total
    price_in, price_out = _price(prices, "per_token_in"), _price(prices, "per_token_out")
    if usage.tokens_in is None or (price_in is None and price_out is None):
        return None
    fresh = usage.tokens_in - usage.cache_read - usage.cache_write
    read = _price(prices, "per_cache_read_token", price_in) or 0
    written = _price(prices, "per_cache_write_token", price_in) or 0
    cached = usage.cache_read * read + usage.cache_write * written
    return fresh * (price_in or 0) + (usage.tokens_out or 0) * (price_out or 0) + cached


RULES: Mapping[str, Callable[[str, str], bool]] = {
    "equals": str.__eq__,
    "starts-with": str.startswith,
    "contains": str.__contains__,
}
"""How a custom price's model pattern matches models."""


def custom_price(rules: Iterable[Mapping[str, Any]], provider: str, model: str) -> Mapping[str, Any] | None:
    """Return the price of a custom provider's model from …/custom-providers/costs; None if there isn't one.

    A rule's provider id isn't always the slug. If no rule has the slug, the model alone decides.
    """
    fitting = [rule for rule in rules if _fits(rule, model)]
    own = [rule for rule in fitting if is_of_provider(rule, provider)]
    return max(own or fitting, key=lambda rule: _price(rule, "weight") or 0, default=None)


def is_of_provider(rule: Mapping[str, Any], provider: str) -> bool:
    """Whether a custom price names a provider by its slug."""
    return rule.get("account_provider_id") in {provider, provider.removeprefix(CUSTOM)}


def _fits(rule: Mapping[str, Any], model: str) -> bool:
    compare = RULES.get(str(rule.get("model_rule")), str.__eq__)
    return compare(model, str(rule.get("model")))


def _price(prices: Mapping[str, Any], name: str, default: float | None = None) -> float | None:
    value = prices.get(name)
    return value if isinstance(value, int | float) and 0 <= value < inf else default


def context_window(provider: str, model: str) -> int | None:
    """Return a model's context window in tokens; None if unknown."""
    found = _model(provider, model)
    return found[1].context_window if found else None


def is_known(provider: str, model: str) -> bool:
    """Whether a provider may have such a model. It may if its models aren't listed, or if callers name them."""
    if provider_of(provider).names_are_callers or model.startswith("arn:"):
        return True
    return _model(provider, model) is not None or _vendor(provider) is None


def model_names(provider: str) -> list[str]:
    """Return a provider's known models."""
    vendor = _vendor(provider)
    return [model.id for model in vendor.models] if vendor else []


@lru_cache(maxsize=256)
def _model(provider: str, model: str) -> "tuple[Provider, ModelInfo] | None":
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 (170 ms, not before the first call)

    try:
        return get_snapshot().find_provider_model(model, None, _vendor_id(provider), None)
    except LookupError:
        return None


def _vendor_id(provider: str) -> str:
    return provider_of(provider).vendor or provider


@lru_cache(maxsize=256)
def _vendor(provider: str) -> "Provider | None":
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 (as in _model)

    try:
        return get_snapshot().find_provider(None, _vendor_id(provider), None)
    except LookupError:
        return None
