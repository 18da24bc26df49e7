"""Sends a logged request through a gateway again."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cf_aig_gateway.chat import ROUTED, Wire, chat_path, own_headers, provider_and_name, quoted
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.models import Log
from cf_aig_gateway.one_line import as_logged, named
from cf_aig_gateway.providers import AUTHORS, provider_of
from cf_aig_gateway.shapes import as_list, as_object, as_text

CHAT = "chat/completions"


@dataclass(frozen=True)
class Resend:
    """A request to send again: a body to its provider's own path or, with `rest`, to a path of the management host.

    `universal` when it is one step of a request that had others to try; `written` is the body as JSON.
    """

    model: str
    provider: str
    path: str
    body: dict[str, Any]
    rest: bool = False
    universal: bool = False
    controls: Mapping[str, str] = field(default_factory=dict[str, str])
    written: bytes = field(default=b"", repr=False)

    @property
    def full_model(self) -> str:
        """The model with its provider, as provider/model or @cf/…"""
        whole = self.rest or self.model.startswith(("@", *ROUTED))
        return self.model if whole else f"{self.provider}/{self.model}"

    def wire(self, keys: Mapping[str, str]) -> Wire:
        """Return the HTTP request. `keys` are providers' keys, sent to their own API only."""
        headers = dict(self.controls) | ({} if self.rest else own_headers(self.provider, keys))
        path = self.path if self.rest else f"{self.provider}/{quoted(self.path)}"
        return Wire(path, self.body, headers, self.provider, (self.full_model,), self.rest, self.written)


def resend(log: Log, request: Any, model: str, changes: Mapping[str, Any]) -> Resend:
    """Return the request that repeats a log's: with another model, or with changed members of its body (null removes
    one).

    Raises:
        GatewayError: the request can't be sent again, or not with that model.

    """
    logged = _logged(log, request)
    body = {name: value for name, value in (logged.body | dict(changes)).items() if value is not None}
    changed = replace(logged, body=body)
    return _with_model(changed, model) if model else changed


def step_of(log: Log, request: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the step of a universal request that a log belongs to, and the body that its provider got.

    The step is empty if the request had no steps; the body, if it isn't a JSON object.
    """
    steps = as_list(request)
    step = as_object(steps[min(log.step or 0, len(steps) - 1)]) if steps else {}
    body = as_object(step.get("query")) if steps else as_object(request)
    if "model" in body and isinstance(body.get("input"), dict):
        body = {"model": body["model"], **body["input"]}
    return step, body


def _logged(log: Log, request: Any) -> Resend:
    step, body = step_of(log, request)
    provider = as_text(step.get("provider")) or as_logged(log.provider or "")
    if not (body and provider):
        raise GatewayError("Only a request that is a JSON object and whose log names its provider can be sent again.")
    model = as_text(body.get("model")) or as_logged(log.model or "").removeprefix(f"{provider}/")
    held = Resend(model, provider, as_text(step.get("endpoint")) or as_logged(log.path or ""), body)
    universal = bool(step or log.step or log.request_type == "universal")
    return replace(_on_its_route(held), universal=universal)


def _on_its_route(held: Resend) -> Resend:
    """Return it with the path below its provider, or below the REST API, which also replaces the older compat API.

    A log's path is the full path of its call, or the part after the provider.
    """
    if held.model.startswith(ROUTED):
        return replace(held, provider="compat", path=CHAT)
    own = held.path.rpartition(f"/{held.provider}/")[2]
    if not own.startswith("/") and own:
        return replace(held, path=own)
    if held.model.startswith(("custom/", f"{_author(held.provider)}/", f"{held.provider}/")):
        end = next((end for end in ("responses", "messages") if own.endswith(f"/{end}")), CHAT)
        return replace(held, path=f"v1/{end}", rest=True)
    return replace(held, path=chat_path(held.provider, held.model))


def _author(provider: str) -> str:
    return provider_of(provider).author or provider


def _with_model(held: Resend, model: str) -> Resend:
    provider, name = provider_and_name(model)
    if not name:
        provider, name = held.provider, model
    if held.provider not in (provider, AUTHORS.get(provider)):
        return _elsewhere(held, model)
    name = provider_of(held.provider).own_name(name)
    if held.rest:
        name = f"{_author(held.provider)}/{name}"
    if held.model in held.path:
        body = held.body | ({"model": name} if "model" in held.body else {})
        return replace(held, model=name, path=held.path.replace(held.model, name), body=body)
    return replace(held, model=name, body=held.body | {"model": name})


def _elsewhere(held: Resend, model: str) -> Resend:
    """Return a chat in OpenAI's format for another provider, through the REST API, which serves them all."""
    if not held.path.endswith(CHAT):
        raise GatewayError(
            f"This request uses {named(held.provider)}'s own format ({named(held.path)}), so only that provider's "
            f"models accept it. For {named(model)}, send the messages with chat_via_gateway."
        )
    return replace(held, model=model, path=f"v1/{CHAT}", body=held.body | {"model": model}, rest=True)
