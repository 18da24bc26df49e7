"""The reply cache: which requests count as the same, and how replies are stored and found."""

import hashlib
from dataclasses import dataclass

from cf_aig_gateway.json_text import read_json, write_json
from cf_aig_gateway.local.exchange import Exchange
from cf_aig_gateway.shapes import as_object, as_text

AUTHORIZATIONS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
KEPT_TYPES = ("application/json", "text/", "image/")


@dataclass(frozen=True)
class Kept:
    """A cached reply."""

    status: int
    content_type: str
    body: bytes


async def find(exchange: Exchange) -> Kept | None:
    """Return the cached reply to a request, if there is one and the request allows it."""
    controls = exchange.controls
    if controls.skip_cache or not _is_cacheable(exchange):
        return None
    held = await exchange.setting.store.cached(_key(exchange))
    if held is None:
        return None
    head, _, body = held.partition(b"\n")
    kept = as_object(read_json(head))
    return Kept(kept["status"], as_text(kept["content_type"]), body)


async def keep(exchange: Exchange, status: int, content_type: str, body: bytes) -> None:
    """Cache a successful reply, even if the request skipped the cache, as Cloudflare does."""
    if 200 <= status < 300 and _is_cacheable(exchange) and content_type.startswith(KEPT_TYPES):
        head = write_json({"status": status, "content_type": content_type})
        await exchange.setting.store.keep(_key(exchange), head + b"\n" + body, exchange.controls.cache_ttl_s)


def _is_cacheable(exchange: Exchange) -> bool:
    """Whether caching is on. Streams aren't cached, as documented."""
    return exchange.controls.cache_ttl_s > 0 and exchange.call.content.get("stream") is not True


def _key(exchange: Exchange) -> str:
    """Return the cache key: provider, path, API key and body, or what the caller set. Never metadata."""
    call, controls = exchange.call, exchange.controls
    parts = [exchange.setting.gateway.encode()]
    if controls.cache_key:
        parts.append(controls.cache_key.encode())
    else:
        parts += [call.provider.encode(), call.endpoint.encode(), call.body]
        parts += [call.headers.get(name, "").encode() for name in AUTHORIZATIONS]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()
