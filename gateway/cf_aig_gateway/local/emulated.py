"""The local gateway's routes as a Markdown table."""

import re
from collections.abc import Iterable

from starlette.routing import Route

from cf_aig_gateway.local.management import not_emulated

_CONVERTOR = re.compile(r":\w+(?=})")


def table(routes: Iterable[Route]) -> str:
    """Return one row per path, with its methods, or that it isn't emulated."""
    rows: dict[str, set[str]] = {}
    for route in routes:
        path = _CONVERTOR.sub("", route.path).replace("{below}", "…")
        methods = (route.methods or set()) - {"HEAD"}
        rows.setdefault(path, set()).update({"501, not emulated"} if route.endpoint is not_emulated else methods)
    lines = [f"| `{path}` | {', '.join(sorted(answers))} |" for path, answers in rows.items()]
    return "\n".join(["| path | methods |", "|---|---|", *lines])
