"""Names that stand for several models: dynamic routes and aliases.

`dynamic/{name}` on the compat endpoint stands for the models that a graph of elements leads to; `custom/{alias}` on
REST, for models that are tried in order. No API for aliases is documented, so they are passed to the application.

Elements: developers.cloudflare.com/ai-gateway/features/dynamic-routing/json-configuration, read 2026-11-28, and the
official SDK's types (cloudflare 5.9.0), whose names differ; both are accepted. How percentages are written is
undocumented: here an output's name is its share (`0.25`, `25`, `25%`), and `else` is the rest.
"""

import random
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from starlette.requests import Request

from cf_aig_gateway.json_text import read_json, write_json
from cf_aig_gateway.local import conditions
from cf_aig_gateway.local.budgets import Calls, Window, used
from cf_aig_gateway.local.calls import Call
from cf_aig_gateway.local.controls import controls
from cf_aig_gateway.local.exchange import Setting
from cf_aig_gateway.local.faults import invalid_request, rate_limited
from cf_aig_gateway.local.forms import compat, parted
from cf_aig_gateway.shapes import as_list, as_object, as_text

PREFIX = "dynamic/"
ALIAS = "custom/"
SHARE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*%?")

Body = Mapping[str, Any]


async def calls(setting: Setting, request: Request, body: bytes) -> list[Call]:
    """Return the calls that a compat request's route leads to, in the order to try them; none if it names no route.

    Raises:
        Fault: there is no such route, or it leads to no model.

    """
    content = as_object(read_json(body))
    name = as_text(content.get("model"))
    if not name.startswith(PREFIX):
        return []
    routes = await setting.store.resources(setting.gateway, "route")
    route = next((held for held in routes if held["name"] == name.removeprefix(PREFIX)), None)
    if route is None:
        raise invalid_request(f"There is no dynamic route {name.removeprefix(PREFIX)[:80]}")
    elements = {as_text(held.get("id")): held for held in map(as_object, as_list(route["elements"]))}
    _, asides = parted(request.headers)
    facts = {
        "metadata": controls(asides, setting.settings).metadata or {},
        "body": content,
        "headers": dict(request.headers),
    }
    walk = _Walk(setting, elements, facts)
    found = [_call(request, body, content, model) async for model in walk.models()]
    if not found:
        raise rate_limited()
    return found


def _call(request: Request, body: bytes, content: Body, element: Body) -> Call:
    provider, model = as_text(element.get("provider")), as_text(element.get("model"))
    (call,) = compat(request, write_json({**content, "model": f"{provider}/{model.removeprefix(f'{provider}/')}"}))
    headers = {"timeout": "cf-aig-request-timeout", "retries": "cf-aig-max-attempts"}
    asked = {header: str(element[name]) for name, header in headers.items() if element.get(name)}
    return replace(call, logged=body, asides={**call.asides, **asked}, is_routed=True)


def alias_calls(read: Callable[[Request, bytes], list[Call]], request: Request, body: bytes) -> list[Call]:
    """Return a call for each model of the alias that a request names, in the order to try them."""
    content = as_object(read_json(body)) if request.scope["path"].endswith("/ai/v1/chat/completions") else {}
    models = request.app.state.aliases.get(as_text(content.get("model")).removeprefix(ALIAS), ())
    if not models or not as_text(content.get("model")).startswith(ALIAS):
        return read(request, body)
    found = [read(request, write_json({**content, "model": model}))[0] for model in models]
    return [replace(call, logged=body, is_routed=True) for call in found]


@dataclass
class _Walk:
    """Follows a route's elements. Everything except whether a model answers is decided up front."""

    setting: Setting
    elements: Mapping[str, Body]
    facts: Body

    async def models(self) -> AsyncIterator[Body]:
        """Yield the models on the way, each the fallback of the previous one."""
        at = next((held for held in self.elements.values() if held.get("type") == "start"), None)
        seen: set[str] = set()
        while at is not None and as_text(at.get("id")) not in seen:
            seen.add(as_text(at.get("id")))
            properties = as_object(at.get("properties"))
            if at.get("type") == "model":
                yield properties
            leads = as_object(as_object(at.get("outputs")).get(await self._output(at, properties)))
            at = self.elements.get(as_text(leads.get("elementId") or leads.get("element_id")))

    async def _output(self, at: Body, properties: Body) -> str:
        match at.get("type"):
            case "model":
                return "fallback"
            case "conditional":
                wanted = properties.get("conditions", properties.get("condition"))
                return "true" if conditions.meets(self.facts, wanted) else "false"
            case "percentage":
                return _drawn(as_object(at.get("outputs")))
            case "rate" | "rate_limit":
                return "fallback" if await self._is_used_up(properties) else "success"
            case _:
                return "next"

    async def _is_used_up(self, properties: Body) -> bool:
        key = as_text(properties.get("key"))
        named = key.removeprefix("metadata.") if key.startswith("metadata.") else ""
        metadata = {named: [conditions.at(self.facts, key)]} if named else None
        window = Window(
            float(properties.get("window") or properties.get("interval") or 60),
            properties.get("technique") == "sliding",
        )
        what = "total(cost)" if properties.get("limitType", properties.get("limit_type")) == "cost" else "count(*)"
        of = Calls(self.setting.gateway, metadata=metadata)
        amount = await self.setting.store.read(partial(used, calls=of, window=window, what=what))
        return amount >= float(properties.get("limit") or 0)


def _drawn(outputs: Body) -> str:
    """Return a random output; the names are the shares."""
    shares = {name: float(found["number"]) for name in outputs if (found := SHARE.fullmatch(name))}
    drawn = random.random() * (1 if sum(shares.values()) <= 1 else 100)  # noqa: S311 (a split of traffic isn't secret)
    for name, share in shares.items():
        drawn -= share
        if drawn < 0:
            return name
    return "else"
