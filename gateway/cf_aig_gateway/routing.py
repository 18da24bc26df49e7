"""Names in requests that stand for several models: dynamic routes, aliases, the Auto Router.

Sources: developers.cloudflare.com/ai-gateway/features/dynamic-routing and …/model-aliases, read 2026-11-27.
"""

import re
from collections.abc import Iterator
from typing import Any

from cf_aig_gateway.one_line import word
from cf_aig_gateway.shapes import as_list, as_object, as_text

ASKED = re.compile(r'"model"\s*:\s*"(?P<name>(?:custom|dynamic)/[^"\\]{1,200}|cloudflare/auto)"')


def asked_name(request: str) -> str:
    """Return the name for several models in a request, from the request's beginning; empty if it names a model."""
    found = ASKED.search(request)
    return found["name"] if found else ""


def models_of(routes: list[Any], name: str) -> list[str]:
    """Return the models of the route by that name (`dynamic/{route}`), in the order of its elements."""
    wanted = name.removeprefix("dynamic/")
    found = (as_list(route.get("elements")) for route in map(as_object, routes) if route.get("name") == wanted)
    return list(dict.fromkeys(model for elements in found for model in _models(elements)))


def limits_of(routes: list[Any], name: str) -> list[str]:
    """Return the limits of a route in words. A used-up limit makes the route skip a model."""
    wanted = name.removeprefix("dynamic/")
    found = (as_list(route.get("elements")) for route in map(as_object, routes) if route.get("name") == wanted)
    return [
        _limit(as_object(element.get("properties")))
        for elements in found
        for element in map(as_object, elements)
        if _is_limit(element)
    ]


def _is_limit(element: dict[str, Any]) -> bool:
    return element.get("type") in {"rate", "rate_limit"}


def _limit(held: dict[str, Any]) -> str:
    kind, limit = held.get("limitType") or "rate", held.get("limit")
    told = (
        word(str(each)) for each in (kind, limit, held.get("window") or held.get("interval"), held.get("key") or "")
    )
    return "a {} limit of {} per {} s by {}".format(*told)


def _models(elements: list[Any]) -> Iterator[str]:
    for element in map(as_object, elements):
        held = as_object(element.get("properties")) or element
        if element.get("type") == "model" and (model := as_text(held.get("model"))):
            provider = as_text(held.get("provider"))
            yield word(model if not provider or model.startswith((f"{provider}/", "@")) else f"{provider}/{model}")
