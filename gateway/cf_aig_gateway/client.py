"""The one place that speaks HTTP to a gateway."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx2
import stamina
from pydantic import BaseModel, ValidationError

from cf_aig_gateway import filters as filter_language
from cf_aig_gateway.errors import GatewayError, NotFound
from cf_aig_gateway.filters import Filter
from cf_aig_gateway.models import ApiError, Envelope, Log, ResultInfo
from cf_aig_gateway.shapes import as_list

RETRY_TIMEOUT_S = 20.0
"""How long reads are tried again in all; MCP clients give a call up at about 60 s."""

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True)
class Page(Generic[T]):
    """One page of a list, and where it stands."""

    items: list[T]
    info: ResultInfo


def segment(value: str) -> str:
    """Quote an id as exactly one path segment.

    Raises:
        GatewayError: the value can be no id.

    """
    if value in {"", ".", ".."} or len(value) > 256:
        raise GatewayError(f"{value[:80]!r} is not an id. Take ids from list_gateways and list_logs.")
    return quote(value, safe="")


def _again(error: Exception) -> bool | float:
    """Whether a read that failed so is worth another try, or after how many seconds."""
    if isinstance(error, httpx2.HTTPStatusError):
        status = error.response.status_code
        wait = error.response.headers.get("retry-after", "")
        if wait.isdecimal():
            return float(wait) if float(wait) <= RETRY_TIMEOUT_S else False
        return status == 429 or status >= 500
    return isinstance(error, httpx2.TransportError)


class AIGateway:
    """The AI Gateway of one account. One HTTP client for its life; one HTTP request per method.

    Every method raises `GatewayError` when the gateway refused, failed or could not be reached.
    """

    def __init__(self, http: httpx2.AsyncClient, *, api_url: str, account: str, token: Callable[[], str]) -> None:
        self._http = http
        self._api_url = api_url.rstrip("/")
        self._account = account
        self._token = token

    async def logs(
        self,
        gateway_id: str,
        *,
        page: int = 1,
        per_page: int = 20,
        order_by: str = "created_at",
        order_by_direction: str = "desc",
        start_date: str | None = None,
        end_date: str | None = None,
        filters: Sequence[Filter] = (),
        search: str | None = None,
    ) -> Page[Log]:
        """Return one page of logs: GET …/gateways/{gateway}/logs.

        `start_date` and `end_date` are ISO 8601, UTC. Filters go as one JSON parameter: any other form is ignored
        by the API, and an ignored filter returns every row.
        """
        params: dict[str, Any] = {
            "page": page,
            "per_page": per_page,
            "order_by": order_by,
            "order_by_direction": order_by_direction,
            "start_date": start_date,
            "end_date": end_date,
            "filters": filter_language.dump(list(filters)) if filters else None,
            "search": search,
        }
        envelope = await self._read(f"/{segment(gateway_id)}/logs", params, what=f"Gateway {gateway_id}")
        return Page([Log.model_validate(row) for row in as_list(envelope.result)], envelope.result_info)

    async def _read(self, path: str, params: dict[str, Any], *, what: str) -> Envelope:
        """GET a management path, trying again what may pass, and return its envelope."""
        url = f"{self._root()}{path}"
        present = {name: value for name, value in params.items() if value is not None}
        try:
            response = await self._patiently(url, present)
        except httpx2.HTTPStatusError as error:
            response = error.response
        except httpx2.TransportError as error:
            raise GatewayError(f"{what}: the gateway could not be reached ({type(error).__name__}).") from error
        return self._opened(response, what)

    @stamina.retry(on=_again, attempts=4, timeout=RETRY_TIMEOUT_S, wait_initial=0.2)
    async def _patiently(self, url: str, params: dict[str, Any]) -> httpx2.Response:
        response = await self._http.get(url, params=params, headers=self._authorization())
        if response.status_code == 429 or response.status_code >= 500:
            response.raise_for_status()
        return response

    def _opened(self, response: httpx2.Response, what: str) -> Envelope:
        try:
            envelope = Envelope.model_validate_json(response.content)
        except ValidationError as error:
            message = f"{what}: the gateway answered {response.status_code} with something else than its JSON."
            raise GatewayError(message, status=response.status_code) from error
        if response.is_success and envelope.success:
            return envelope
        first = next(iter(envelope.errors), ApiError())
        kind = NotFound if response.status_code == 404 else GatewayError
        message = f"{what}: the gateway answered {response.status_code}: {first.message or 'no reason given'}."
        raise kind(message, status=response.status_code, code=first.code)

    def _root(self) -> str:
        return f"{self._api_url}/accounts/{segment(self._account)}/ai-gateway/gateways"

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token()}"}
