"""Which proxy a request goes through."""

from functools import lru_cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from yarl import URL


@lru_cache(maxsize=256)
def route(url: str) -> tuple[URL, str | None]:
    """Return a parsed URL, and the environment's proxy for it.

    aiohttp's own `trust_env` reads ~/.netrc for each call, and would send credentials from it.
    """
    parts, proxies = urlsplit(url), getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy is None or proxy_bypass(parts.netloc):
        return URL(url, encoded=True), None
    return URL(url, encoded=True), proxy if "://" in proxy else f"http://{proxy}"
