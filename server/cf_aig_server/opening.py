"""Builds what calls need when the first one arrives, so that loading it does not delay the start."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2

from cf_aig_gateway.client import AIGateway
from cf_aig_gateway.transport import AiohttpTransport, Direct
from cf_aig_server.settings import Settings
from cf_aig_server.wire import VERSION, wire
from cf_aig_tools.desk import Desk
from cf_aig_tools.reading.masking import Masker
from cf_aig_tools.reading.own_secrets import own_secrets

LOCAL_ACCOUNT = "0" * 32
LOCAL_URL = "http://127.0.0.1"


@asynccontextmanager
async def open_gateway(
    settings: Settings, transport: httpx2.AsyncBaseTransport | None = None
) -> AsyncGenerator[AIGateway]:
    """Yield the gateway named in the settings; with `local`, one in this process over its file."""
    async with wire(settings, transport) as way, http_client(settings, way) as http:
        yield _gateway(http, settings)


def http_client(settings: Settings, transport: httpx2.AsyncBaseTransport | None) -> httpx2.AsyncClient:
    """Return a client whose timeout is that of a call; the caller closes it."""
    headers = {"User-Agent": f"cloudflare-ai-gateway-mcp/{VERSION}"}
    return Direct(transport or AiohttpTransport(), timeout=settings.timeout_s, headers=headers)


def masker_of(settings: Settings) -> Masker:
    """Return the secret masker that the operator configured."""
    return Masker(settings.mask, own_secrets(settings.mask_also))


def desk(http: httpx2.AsyncClient, settings: Settings, secret: bytes, *, offers_cases: bool) -> Desk:
    """Return what every call receives."""
    return Desk(
        _gateway(http, settings),
        settings.gateway_id,
        masker_of(settings),
        settings.budget,
        frozenset(settings.allow),
        secret,
        settings.timeout_s,
        offers_cases=offers_cases,
    )


def _gateway(http: httpx2.AsyncClient, settings: Settings) -> AIGateway:
    return _local(http) if settings.local else _cloudflare(http, settings)


def _cloudflare(http: httpx2.AsyncClient, settings: Settings) -> AIGateway:
    return AIGateway(
        http,
        api_url=settings.api_url,
        data_url=settings.data_url,
        account=settings.account_id,
        token=settings.token,
        gateway_token=settings.data_token,
        provider_keys={name: key.get_secret_value() for name, key in settings.provider_keys.items()},
        logs=settings.logs,
        log_fields=settings.log_fields,
        log_days=settings.log_days,
    )


def _local(http: httpx2.AsyncClient) -> AIGateway:
    return AIGateway(
        http,
        api_url=f"{LOCAL_URL}/client/v4",
        data_url=f"{LOCAL_URL}/v1",
        account=LOCAL_ACCOUNT,
        token=lambda: "local",
        gateway_token=lambda: "local",
        provider_keys={},
        logs="gateway",
    )
