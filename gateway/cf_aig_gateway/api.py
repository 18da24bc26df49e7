"""Requests to an account's management API: addresses, credentials, and what is retried."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

import httpx2
import stamina

from cf_aig_gateway.answers import M, Page, opened, opened_page, read_whole
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.one_line import as_logged
from cf_aig_gateway.refusals import Errand, under_way, unreachable

RETRY_TIMEOUT_S = 20.0
"""Total time for retries of a read. MCP clients give up on a call after about 60 s."""

MAX_ID = 256
"""The most characters of an id that is worth sending. Gateway ids have at most 64, log ids 36."""


TELEMETRY_SCOPE = "Workers Observability Read"


def segment(value: str) -> str:
    """Quote an id as exactly one path segment.

    Raises:
        GatewayError: the value can't be an id.

    """
    value = as_logged(value)
    if value in {"", ".", ".."} or len(value) > MAX_ID:
        raise GatewayError(f"{value[:80]!r} is not an id. Get ids from list_gateways and list_logs.")
    return quote(value, safe="")


parsed_url = lru_cache(maxsize=256)(httpx2.URL)
"""A URL as httpx2 takes it, parsed once: parsing takes a tenth of the time of a request."""


def _again(error: Exception) -> bool | float:
    """Whether to retry a read after this failure, or after how many seconds."""
    if not isinstance(error, httpx2.HTTPStatusError):
        return isinstance(error, httpx2.TransportError)
    if error.response.status_code == 501:
        return False
    if error.response.status_code == 404:
        return 1.2
    wait = error.response.headers.get("retry-after", "")
    if wait.isdecimal():
        return float(wait) if float(wait) <= RETRY_TIMEOUT_S else False
    return True


class Api:
    """The API of one account. Sends the token to `api_url` only."""

    def __init__(self, http: httpx2.AsyncClient, *, api_url: str, account: str, token: Callable[[], str]) -> None:
        self._http = http
        self._api_url = api_url.rstrip("/")
        self.account = account
        self._token = token

    async def _page(self, model: type[M], path: str, params: dict[str, Any], errand: Errand) -> Page[M]:
        response = await self._read(self._gateways_url() + path, params, errand)
        return opened_page(model, response, errand, params["per_page"])

    async def _telemetry(self, path: str, asked: dict[str, Any]) -> Any:
        """POST …/workers/observability/telemetry/{path}."""
        errand = Errand("This API has no Workers Observability. Check CLOUDFLARE_BASE_URL.", TELEMETRY_SCOPE)
        url = f"{self._api_url}/accounts/{self._known_account()}/workers/observability/telemetry/{path}"
        request = self._http.build_request("POST", url, json=asked, headers=self._authorization())
        return opened(await self._send(request, errand), errand).result

    async def _read(
        self, url: str, params: Mapping[str, Any], errand: Errand, *, fresh: bool = False, stream: bool = False
    ) -> httpx2.Response:
        """GET, with retries of transient failures. A 404 counts as one if the log is `fresh`."""
        if present := {name: value for name, value in params.items() if value is not None}:
            url = f"{url}?{urlencode(present)}"
        try:
            return await self._attempt(url, fresh=fresh, stream=stream)
        except (httpx2.HTTPStatusError, httpx2.TransportError) as error:
            failure = error
        try:
            return await self._attempt_again([failure], url, fresh=fresh, stream=stream)
        except httpx2.HTTPStatusError as error:
            return error.response
        except httpx2.TransportError as error:
            raise unreachable(error, errand) from error

    @stamina.retry(on=_again, attempts=5, timeout=RETRY_TIMEOUT_S, wait_initial=0.2)
    async def _attempt_again(
        self, first: list[httpx2.HTTPError], url: str, *, fresh: bool, stream: bool
    ) -> httpx2.Response:
        """Retry after the `first` failure, which counts as an attempt.

        Starting here for every read would cost 0.15 ms.
        """
        if first:
            raise first.pop()
        return await self._attempt(url, fresh=fresh, stream=stream)

    async def _attempt(self, url: str, *, fresh: bool, stream: bool) -> httpx2.Response:
        request = self._http.build_request("GET", parsed_url(url), headers=self._authorization())
        response = await self._http.send(request, stream=True)
        is_passing = response.status_code == 429 or response.status_code >= 500
        is_passing |= fresh and response.status_code == 404
        if is_passing or not stream:
            await read_whole(response)
        if is_passing:
            response.raise_for_status()
        return response

    async def _send(self, request: httpx2.Request, errand: Errand, *, stream: bool = False) -> httpx2.Response:
        under_way.set(errand.doubt or under_way.get())
        try:
            response = await self._http.send(request, stream=True)
            if not stream:
                await read_whole(response, errand.doubt)
            return response
        except httpx2.TransportError as error:
            raise unreachable(error, errand) from error

    def _gateways_url(self) -> str:
        return f"{self._api_url}/accounts/{self._known_account()}/ai-gateway/gateways"

    def _log_url(self, gateway_id: str, log_id: str) -> str:
        return f"{self._gateways_url()}/{segment(gateway_id)}/logs/{segment(log_id)}"

    def _known_account(self) -> str:
        if not self.account or not self._token():
            raise GatewayError(
                "No credentials are configured. Set CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN (AI Gateway Read; "
                "Write for feedback, Run for chat) for this server, or start it with --local."
            )
        return segment(self.account)

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token()}"}
