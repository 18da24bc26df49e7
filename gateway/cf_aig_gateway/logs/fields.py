"""Finds which keys of an account's events contain the fields of a log: no page documents them.

The candidates are, in this order: the names of AI Gateway's OpenTelemetry export
(developers.cloudflare.com/ai-gateway/observability/otel-integration), those that Cloudflare's Agents SDK writes on its
spans, those of the logs API, and `$metadata`'s. Any of them may have a prefix.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cf_aig_gateway import formats
from cf_aig_gateway.json_text import read_json
from cf_aig_gateway.shapes import as_list, as_object

CANDIDATES: dict[str, tuple[str, ...]] = {
    "id": ("cloudflare.ai_gateway.log.id", "ai_gateway.log_id", "log_id"),
    "gateway": ("cloudflare.ai_gateway.gateway.id", "cloudflare.ai_gateway.id", "gateway_id", "gateway"),
    "created_at": ("created_at",),
    "model": ("gen_ai.request.model", "gen_ai.response.model", "model", "model_name", "model.name", "model_id"),
    "provider": (
        "gen_ai.model.provider", "gen_ai.provider.name", "gen_ai.system", "provider", "provider_name", "provider.name",
    ),
    "status_code": (
        "http.response.status_code", "status_code", "http.status_code", "$metadata.status_code", "http_status",
        "response_status", "status",
    ),
    "success": ("success",),
    "cached": ("cached", "cache_hit"),
    "duration": ("duration_ms", "duration", "elapsed_ms", "total_ms", "$metadata.duration", "latency_ms"),
    "tokens_in": (
        "gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "tokens_in", "input_tokens", "prompt_tokens",
        "tokens.input", "tokens.in",
    ),
    "tokens_out": (
        "gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "tokens_out", "output_tokens",
        "completion_tokens", "tokens.output", "tokens.out",
    ),
    "cost": ("gen_ai.usage.cost", "cost", "cost_usd", "total_cost", "cost.total"),
    "cache_read": ("gen_ai.usage.cache_read.input_tokens", "input_cached_tokens"),
    "reasoning": ("gen_ai.usage.reasoning.output_tokens", "output_reasoning_tokens"),
    "latency": ("gen_ai.response.time_to_first_chunk", "time_to_first_byte_ms", "timings.latency"),
    "step": ("step",),
    "event_id": ("event_id",),
    "path": ("path",),
    "user_agent": ("user_agent", "user_agent.original"),
    "request_type": ("request_type",),
    "feedback": ("feedback",),
    "score": ("score",),
    "request": (
        "gen_ai.prompt_json", "gen_ai.input.messages", "request_body", "request.body", "request_json", "prompt_json",
        "request", "prompt",
    ),
    "response": (
        "gen_ai.completion_json", "gen_ai.output.messages", "response_body", "response.body", "response_json",
        "completion_json", "response", "completion",
    ),
}  # fmt: skip
NUMBERS = frozenset(
    {"status_code", "duration", "tokens_in", "tokens_out", "cost", "cache_read", "reasoning", "latency", "step",
     "feedback", "score"}
)  # fmt: skip
SHARED = 4
"""How many fields must share a prefix without a dot before it counts as a prefix."""

FLAGS = frozenset({"success", "cached"})
BODIES = ("request", "response")
NEEDED = ("model", "provider", "status_code", "duration", "tokens_in", "tokens_out", "cost", "request", "response")
"""Fields whose absence is reported."""

OWN = ("$metadata.", "$workers.", "$cloudflare.", "gen_ai.", "http.", "cloudflare.", "otel.")
"""Keys that begin with these aren't a caller's metadata."""

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PREFIX = re.compile(r"[./:]")


def plain(key: str) -> str:
    """Return a key in normalized spelling: `tokensIn`, `tokens-in` and `TokensIn` are `tokens_in`."""
    return _CAMEL.sub("_", key).replace("-", "_").lower()


def flattened(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an event by dotted keys.

    Objects and JSON strings are flattened, except for stored bodies.
    """
    source = event.get("source")
    held = as_object(read_json(source) if isinstance(source, str) else source)
    own = {name: value for name, value in event.items() if name.startswith("$")}
    return dict(_leaves({**held, **own}, ""))


def _leaves(held: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for name, value in held.items():
        key = f"{prefix}{name}"
        opened = _opened(value)
        if isinstance(opened, dict) and not _is_body(key, as_object(opened)):
            yield from _leaves(as_object(opened), f"{key}.")
        else:
            yield key, value


def _opened(value: Any) -> Any:
    is_text = isinstance(value, str) and value.lstrip().startswith("{")
    return read_json(value) if is_text else value


def _is_body(key: str, value: dict[str, Any]) -> bool:
    """Whether an object is a stored body rather than one with fields of a log."""
    dotted = plain(key).replace("_", ".")
    names = {name for part in BODIES for name in CANDIDATES[part] if _fits(dotted, name.replace("_", "."))}
    if any(name.startswith("gen_ai.") for name in names):
        return True
    return bool(names and (formats.request_format(value) or formats.reply_format(value) or formats.stated_error(value)))


def _fits(key: str, name: str) -> bool:
    return key == name or (key.endswith(name) and bool(_PREFIX.fullmatch(key[-len(name) - 1])))


@dataclass(frozen=True)
class Shape:
    """Where the fields of a log are: `keys` by field, and `types` of the keys that can be queried."""

    keys: Mapping[str, str]
    types: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Prefixes that a caller's own names don't have: those of the metadata and model keys."""
        key = self.keys.get("model", "")
        before = next((key.removesuffix(name) for name in CANDIDATES["model"] if key.endswith(name)), "")
        return (*((f"{before}metadata.", before) if before else ()), "metadata.")

    def can_be_asked(self, name: str) -> bool:
        """Whether events can be filtered by a field."""
        return self.keys.get(name, "") in self.types

    def missing(self) -> list[str]:
        """The important fields that weren't found."""
        return [name for name in NEEDED if name not in self.keys]

    def attribute(self, name: str) -> str:
        """Return the key of a caller's metadata by that name; empty if none can be queried."""
        names = [key for key in self.types if key == name or key.endswith(f".{name}")]
        return min(names, key=len, default="")


def shape(types: Mapping[str, str], samples: Iterable[Mapping[str, Any]], named: Mapping[str, str]) -> Shape:
    """Find where the fields are, from the existing keys and a sample of events.

    `named` are the keys that the operator configured, by field.
    """
    values: dict[str, list[Any]] = {key: [] for key in types}
    for sample in samples:
        for key, value in sample.items():
            values.setdefault(key, []).append(value)
    prefix = _prefix({plain(key) for key in values})
    bodies = [key for name in BODIES if (key := named.get(name) or _key_of(name, values, types, prefix))]
    outside = {key: held for key, held in values.items() if not key.startswith(tuple(f"{body}." for body in bodies))}
    found = {name: key for name in CANDIDATES if (key := named.get(name) or _key_of(name, outside, types, prefix))}
    return Shape(found, types)


def _prefix(keys: Iterable[str]) -> str:
    """Return the prefix that several fields share without a dot, as in `cf_aig_model`; empty if none."""
    prefixes = Counter(
        key.removesuffix(candidate)
        for key in keys
        for candidates in CANDIDATES.values()
        for candidate in candidates
        if key.endswith(f"_{candidate}")
    )
    prefix, count = max(prefixes.items(), key=lambda item: (item[1], -len(item[0])), default=("", 0))
    return prefix if count >= SHARED else ""


def _key_of(name: str, values: Mapping[str, list[Any]], types: Mapping[str, str], prefix: str) -> str:
    for candidate in CANDIDATES[name]:
        fitting = [
            key
            for key, held in values.items()
            if (_fits(plain(key), candidate) or plain(key) == f"{prefix}{candidate}")
            and _is_of(name, held, types.get(key))
        ]
        if fitting:
            return min(fitting, key=lambda key: (key not in types, len(key), key))
    return ""


def _is_of(name: str, held: list[Any], type_: str | None) -> bool:
    """Whether values fit a field; numbers may be text."""
    known = [value for value in held if value is not None]
    if name in NUMBERS:
        return all(number(value) is not None for value in known) and (bool(known) or type_ == "number")
    if name in FLAGS:
        return all(flag(value) is not None for value in known) and (bool(known) or type_ == "boolean")
    if name in BODIES:
        return all(isinstance(value, str | dict | list) for value in known)
    return all(isinstance(value, str) for value in known) and type_ in (None, "string", "")


def number(value: Any) -> float | None:
    """Return a number, even if written as text."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def flag(value: Any) -> bool | None:
    """Return a flag, even if written as text or as 0 or 1."""
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())


def metadata_of(values: Mapping[str, Any], found: Shape) -> dict[str, Any]:
    """Return a call's metadata: every attribute that isn't a field of a log."""
    known = {*found.keys.values()}
    held = {key: value for key, value in values.items() if key not in known and not key.startswith(OWN)}
    return {_own_name(key, found): value for key, value in held.items() if not isinstance(value, list | dict)}


def _own_name(key: str, found: Shape) -> str:
    if ".metadata." in key:
        return key.rpartition(".metadata.")[2]
    return next((key.removeprefix(prefix) for prefix in found.prefixes if key.startswith(prefix)), key)


def body_of(value: Any, name: str, model: str) -> Any:
    """Return a stored body as a request or a reply. Telemetry's list of messages is wrapped into one."""
    held = _opened(value)
    if isinstance(held, str) and held.lstrip().startswith("["):
        held = read_json(held)
    turns = [as_object(each) for each in as_list(held)]
    if not turns or not all("role" in turn or "message" in turn for turn in turns):
        return value
    if name == "request":
        return {"model": model, "messages": turns}
    return {"model": model, "choices": [turn if "message" in turn else {"message": turn} for turn in turns]}
