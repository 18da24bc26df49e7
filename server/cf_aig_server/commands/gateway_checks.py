"""What `doctor` asks a gateway: whether it keeps logs, why there are none, and what the newest lack."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from cf_aig_gateway.analytics import Grouping
from cf_aig_gateway.answers import Page
from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.models import Gateway, Log
from cf_aig_server.commands.finding import Finding
from cf_aig_server.settings import Settings
from cf_aig_tools.failures import CALLER_LEFT
from cf_aig_tools.parameters import wire_date

PROBE = "00000000-0000-7000-8000-000000000000"
"""A log id that no log has: changing it asks for the permission to change, and changes nothing."""

DAY = timedelta(days=1)

NEWEST = 50
"""How many of the newest logs are looked at."""

FREE_LOGS = 100_000
"""The logs that a free account keeps: developers.cloudflare.com/ai-gateway/reference/limits, read 2026-11-22."""

KEPT_IN = {
    "gateway": " in AI Gateway's own log store",
    "observability": " in Workers Observability, where accounts created since 2026-09-24 keep them",
}

LOCAL_URL = "http://127.0.0.1:8787/v1/00000000000000000000000000000000"


async def gateway_findings(gateway: AIGateway, settings: Settings, *, is_active: bool) -> AsyncIterator[Finding]:
    """Yield what the checks of a gateway find. `is_active`: Cloudflare knows the token."""
    name = settings.gateway_id
    try:
        named = await gateway.gateways(per_page=NEWEST, search=name)
        found = next((each for each in named.items if each.id == name), None)
        others = [] if found else (await gateway.gateways(per_page=NEWEST)).items
    except GatewayError as error:
        yield Finding("fix", "read", _refused(error, settings.account_id, is_active=is_active))
        return
    yield Finding("ok", "read", "gateways can be listed")
    if not found:
        yield _missing(name, others)
        return
    yield _configured(found, local=bool(settings.local))
    async for finding in _log_findings(gateway, found, settings):
        yield finding
    if not settings.read_only:
        yield await _write(gateway, name)
        if not settings.local:
            yield Finding("note", "chat", _chat(settings))


async def _log_findings(gateway: AIGateway, found: Gateway, settings: Settings) -> AsyncIterator[Finding]:
    try:
        page = await gateway.logs(found.id, per_page=NEWEST)  # first, as it finds out where the logs are
        traffic, analytics = await _traffic(gateway)
        recent = await _recent(gateway, found.id) if traffic and traffic.get(found.id) else 0
    except GatewayError as error:
        yield Finding("fix", "logs", str(error))
        return
    where = "" if settings.local else KEPT_IN.get(gateway.log_system, "")
    yield _logs(found, page, traffic, recent, settings, where)
    for finding in _newest(page.items):
        yield finding
    yield analytics


def _refused(error: GatewayError, account: str, *, is_active: bool) -> str:
    """Say what a refusal means. Code 10000 stands for a wrong token and for a missing scope: the first was checked."""
    if error.code != 10000 and error.status not in {401, 403}:
        return str(error)
    code = f"code {error.code}" if error.code else f"HTTP {error.status}"
    if is_active:
        return f"Refused ({code}): the token is active, but lacks AI Gateway Read for account {account}"
    return f"Refused ({code}): the token is wrong or expired. Create one with AI Gateway Read"


def _missing(name: str, others: Sequence[Gateway]) -> Finding:
    if not others:
        return Finding(
            "fix", "gateway", f"there is no {name}: Cloudflare creates default on the first call with a token"
        )
    ids = ", ".join(each.id for each in others[:10]) + (", …" if len(others) > 10 else "")
    return Finding("fix", "gateway", f"there is no {name}: set AI_GATEWAY_ID to one of {ids}")


def _configured(gateway: Gateway, *, local: bool) -> Finding:
    if gateway.collect_logs is False:
        return Finding("fix", "gateway", f"{gateway.id} keeps no logs: switch logs on in its settings")
    if gateway.authentication is False and not local:
        said = f"{gateway.id} keeps logs, and is open: anyone who knows its address can call through it"
        return Finding("note", "gateway", said)
    return Finding("ok", "gateway", f"{gateway.id}, which keeps logs")


async def _traffic(gateway: AIGateway) -> tuple[Mapping[str, int] | None, Finding]:
    """Return the calls of each gateway in the last day, or None if analytics cannot be read."""
    now = datetime.now(UTC)
    try:
        (groups,) = await gateway.request_groups("", [Grouping(now - DAY, now, ("gateway",))])
    except GatewayError as error:
        return None, Finding("note", "analytics", f"summaries only use pages of logs: {error}")
    counts = {str(group.dimensions.get("gateway", "")): group.count for group in groups if group.count}
    return counts, Finding("ok", "analytics", "can be read")


async def _recent(gateway: AIGateway, name: str) -> int:
    """Return how many logs there are of the last day."""
    return (await gateway.logs(name, per_page=1, start_date=wire_date(datetime.now(UTC) - DAY))).info.total_count


def _logs(
    gateway: Gateway,
    page: Page[Log],
    traffic: Mapping[str, int] | None,
    recent: int,
    settings: Settings,
    where: str,
) -> Finding:
    total, most, calls = page.info.total_count, gateway.log_management, (traffic or {}).get(gateway.id, 0)
    if most and total >= most:
        return _full(gateway, total)
    if total and (gateway.collect_logs is False or 2 * recent >= calls):
        newest = f", the newest of {(page.items[0].created_at or '')[:16].replace('T', ' ')} UTC" if page.items else ""
        lacking = "".join(f" {note}" for note in page.notes if note.startswith("Missing"))
        return Finding("ok", "logs", f"{total:,} can be read{where}{newest}.{lacking}")
    if gateway.collect_logs is False:
        return Finding("note", "logs", f"none, as {gateway.id} keeps none")
    if page.notes and not where:
        return Finding("fix", "logs", f"none. {page.notes[0]}")
    if calls:
        said = f"{recent:,} in the last 24 h, but analytics count {calls:,} calls"
        causes = f"cf-aig-collect-log: false, deleted logs, or the account's limit (free plans: {FREE_LOGS:,} logs)"
        return Finding("fix", "logs", f"{said}. Likely: {causes}{_asked_one(settings)}")
    return _no_calls(gateway.id, traffic, settings, where)


def _full(gateway: Gateway, total: int) -> Finding:
    if gateway.log_management_strategy == "DELETE_OLDEST":
        return Finding("note", "logs", f"{total:,}, the limit of {gateway.id}: each new log deletes the oldest")
    said = f"{total:,}, the limit of {gateway.id}, which keeps no new ones"
    return Finding("fix", "logs", f"{said}: delete logs, raise the limit, or let it delete the oldest")


def _asked_one(settings: Settings) -> str:
    asked = {"gateway": "Workers Observability", "observability": "AI Gateway's own log store"}.get(settings.logs, "")
    return f". AI_GATEWAY_LOGS={settings.logs}, so {asked} was not asked" if asked else ""


def _no_calls(name: str, traffic: Mapping[str, int] | None, settings: Settings, where: str) -> Finding:
    busiest = max(traffic, key=traffic.__getitem__) if traffic else ""
    if traffic and busiest:
        said = f"none: no call went through {name} in the last 24 h. {busiest} had {traffic[busiest]:,}"
        return Finding("fix", "logs", f"{said}: set AI_GATEWAY_ID={busiest}")
    base = LOCAL_URL if settings.local else f"{settings.data_url}/{settings.account_id}"
    seen = "no call came in the last 24 h" if traffic is not None else "send a call"
    said = f"none{where}: {seen}. Point your application's base URL at {base}/{name}/PROVIDER"
    return Finding("note", "logs", said + _asked_one(settings))


def _newest(logs: Sequence[Log]) -> Iterator[Finding]:
    """Yield a note for each thing that users miss in their logs, with an example."""
    answered = [log for log in logs if log.success and not log.cached]
    uncounted = [log for log in answered if not log.tokens_in and not log.tokens_out]
    unpriced = [log for log in answered if (log.tokens_in or log.tokens_out) and not log.cost]
    refused = [log for log in logs if log.status_code == 401]
    cut = [log for log in logs if _is_cut(log)]
    left = sum(log.status_code == CALLER_LEFT for log in cut)
    for subject, found, said in (
        ("keys", refused, "were refused with 401, by the gateway (code 2009: CF_AIG_TOKEN) or the provider (its key)"),
        ("tokens", uncounted, "have no token counts, such as streams without stream_options: {include_usage: true}"),
        ("costs", unpriced, "have no cost: the model has no known price, or its custom provider has none"),
        ("streams", cut, f"were cut off: {left} by the caller (499), {len(cut) - left} by the provider"),
    ):
        if found:
            count = f"{len(found)} of the newest {len(logs)} calls"
            yield Finding("note", subject, f"{count} {said}. get_log_details says more: {found[0].id}")


def _is_cut(log: Log) -> bool:
    status = log.status_code or 0
    return status == CALLER_LEFT or (status >= 500 and bool(log.tokens_out))


async def _write(gateway: AIGateway, name: str) -> Finding:
    """Ask to change a log that does not exist: 404 says that it might."""
    try:
        await gateway.patch_log(name, PROBE, {"feedback": 1})
    except GatewayError as error:
        if error.status != 404:
            return Finding("note", "write", f"no feedback: {error}")
    return Finding("ok", "write", "feedback may be recorded")


def _chat(settings: Settings) -> str:
    held = "CF_AIG_TOKEN" if settings.gateway_token.get_secret_value() else "CLOUDFLARE_API_TOKEN"
    run = f"{held} needs AI Gateway Run (without it: 401, code 2009)"
    return f"not tried, as it may cost money: {run}, or Workers AI Read on REST"
