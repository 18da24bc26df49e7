"""The one place that speaks HTTP to a gateway."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import uuid4

import httpx2

from cf_aig_gateway import analytics
from cf_aig_gateway import filters as filter_language
from cf_aig_gateway.answers import Body, Page, chunks, opened, opened_page, parsed, read_whole
from cf_aig_gateway.api import Api, segment
from cf_aig_gateway.chat import Chat, Wire, streamed, wire_chat
from cf_aig_gateway.errors import GatewayError, NotFound
from cf_aig_gateway.filters import Filter
from cf_aig_gateway.json_text import load_json
from cf_aig_gateway.logs import LogSystem
from cf_aig_gateway.logs.observability import DAYS, MOST_EVENTS, Observability
from cf_aig_gateway.logs.spans import Span
from cf_aig_gateway.models import Gateway, Log
from cf_aig_gateway.one_line import as_logged, lined, named, shortened
from cf_aig_gateway.refusals import Errand, refusal, unreachable
from cf_aig_gateway.replies import Grown, Reply, assembled, parse_reply
from cf_aig_gateway.resend import Resend
from cf_aig_gateway.shapes import as_list, as_object

LOG_LAG_S = 60.0
"""How long after a chat a 404 on its log may mean "not yet". Logs appear after 0.3-4.7 s."""

BAD_REQUEST = 400
NO_SUCH_ROUTE = {BAD_REQUEST, 404, 405, 501}
"""Statuses from an API that lacks an extension of the local gateway."""

EVENT_ID = "cf-aig-event-id"
"""The header that identifies a call's log, even if its answer was lost."""

INFERENCE_SCOPE = "AI Gateway Run (newer documentation: Workers AI Read on endpoint=rest)"


def _moment(date: str | None) -> datetime | None:
    return datetime.fromisoformat(date) if date else None


class AIGateway(Api):
    """The AI Gateway of one account. One HTTP client for its life; one HTTP request per method.

    Every method raises `GatewayError` if the gateway refused, failed or could not be reached. Credentials are set per
    request: `api_url` alone gets the Cloudflare token; `data_url` gets the gateway's own token; a provider's key goes
    only to that provider.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        *,
        api_url: str,
        data_url: str,
        account: str,
        token: Callable[[], str],
        gateway_token: Callable[[], str],
        provider_keys: Mapping[str, str],
        logs: LogSystem = "auto",
        log_fields: Mapping[str, str] | None = None,
        log_days: int = DAYS,
    ) -> None:
        super().__init__(http, api_url=api_url, account=account, token=token)
        self._data_url = data_url.rstrip("/")
        self._gateway_token = gateway_token
        self._provider_keys = provider_keys
        self._chatted: dict[tuple[str, str], float] = {}
        self.log_system: LogSystem = logs
        self._doubts: tuple[str, ...] = ()
        self._unsearchable: set[tuple[str, bool, bool]] = set()
        self._has_local_dimensions = True
        self._observability = Observability(self._telemetry, log_fields or {}, log_days)

    @property
    def most_per_page(self) -> int:
        """The most logs on one page."""
        return MOST_EVENTS if self.log_system == "observability" else 50

    async def gateways(self, *, page: int = 1, per_page: int = 20, search: str | None = None) -> Page[Gateway]:
        """Return one page of gateways: GET /accounts/{account}/ai-gateway/gateways. `search` matches ids."""
        errand = Errand("No such account. Check CLOUDFLARE_ACCOUNT_ID (32 hexadecimal characters).")
        return await self._page(Gateway, "", {"page": page, "per_page": per_page, "search": search}, errand)

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
        """Return one page of logs: GET …/gateways/{gateway}/logs, or from telemetry if the account keeps them there.

        `start_date` and `end_date` are ISO 8601, UTC. Filters are one JSON parameter: the API ignores any other form,
        and an ignored filter returns every row.
        """
        asked = partial(
            self._observability.logs,
            gateway_id,
            page,
            per_page,
            (order_by, order_by_direction),
            (_moment(start_date), _moment(end_date)),
            filters,
            search or "",
        )
        if self.log_system == "observability":
            return await asked()
        params = {
            "page": page,
            "per_page": per_page,
            "order_by": order_by,
            "order_by_direction": order_by_direction,
            "start_date": start_date,
            "end_date": end_date,
            "filters": filter_language.dump(filters) if filters else None,
            "search": search,
        }
        errand = Errand(f"No gateway {named(gateway_id)}. list_gateways shows those that exist.")
        found = await self._page(Log, f"/{segment(gateway_id)}/logs", params, errand)
        if found.info.total_count:
            self._settle("gateway")
        if self.log_system != "auto":
            return found
        is_all = not (filters or search or start_date or end_date)
        if await self._are_elsewhere(gateway_id, is_all=is_all):
            return await asked()
        return replace(found, notes=self._doubts)

    async def search_logs(
        self,
        gateway_id: str,
        *,
        text: str = "",
        session: str = "",
        page: int = 1,
        per_page: int = 50,
        start_date: str | None = None,
        end_date: str | None = None,
        filters: Sequence[Filter] = (),
    ) -> Page[Log] | None:
        """Return one page of the logs whose bodies may contain a text (ignoring case), or that belong to a session, or
        both.

        GET …/gateways/{gateway}/logs/search, which the local gateway has and Cloudflare doesn't. None if there is no
        such index; each gateway is asked once. The index rules out logs that can't contain the text; only the bodies
        show whether the rest do.
        """
        asked = gateway_id, bool(text), bool(session)
        if self.log_system == "observability" or asked in self._unsearchable:
            return None
        params = {
            "text": text or None,
            "session": session or None,
            "page": page,
            "per_page": per_page,
            "start_date": start_date,
            "end_date": end_date,
            "filters": filter_language.dump(filters) if filters else None,
        }
        try:
            return await self._page(
                Log, f"/{segment(gateway_id)}/logs/search", params, Errand("This gateway has no index of bodies.")
            )
        except GatewayError as error:
            if error.status not in NO_SUCH_ROUTE:
                raise
            self._unsearchable.add(asked)
            return None

    async def fingerprinted_logs(
        self,
        gateway_id: str,
        *,
        after: str = "",
        per_page: int = 5000,
        start_date: str | None = None,
        end_date: str | None = None,
        filters: Sequence[Filter] = (),
        search: str | None = None,
    ) -> Page[Log] | None:
        """Return many logs with fingerprints of their requests, newest first, or those older than the log `after`.

        GET …/gateways/{gateway}/logs/fingerprints, which the local gateway has and Cloudflare doesn't: None there.
        """
        asked = gateway_id, False, False
        if self.log_system == "observability" or asked in self._unsearchable:
            return None
        params = {
            "after": after or None,
            "per_page": per_page,
            "start_date": start_date,
            "end_date": end_date,
            "filters": filter_language.dump(filters) if filters else None,
            "search": search,
        }
        path = f"/{segment(gateway_id)}/logs/fingerprints"
        errand = Errand("This gateway has no request fingerprints.")
        response = await self._read(self._gateways_url() + path, params, errand)
        if response.status_code in NO_SUCH_ROUTE:
            if response.status_code != BAD_REQUEST:
                self._unsearchable.add(asked)
            return None
        return opened_page(Log, response, errand, per_page)

    def _settle(self, system: LogSystem) -> None:
        """Remember where the account keeps its logs, unless it is configured."""
        if self.log_system == "auto":
            self.log_system = system

    async def _are_elsewhere(self, gateway_id: str, *, is_all: bool = False) -> bool:
        """Find out whether an account without logs here keeps them in Workers Observability.

        `is_all`: the request was for every log. If the check fails, a note says why.
        """
        if self.log_system != "auto":
            return self.log_system == "observability"
        self._doubts = ()
        errand = Errand(f"No gateway {named(gateway_id)}. list_gateways shows those that exist.")
        try:
            if not is_all:
                every = await self._page(Log, f"/{segment(gateway_id)}/logs", {"per_page": 1}, errand)
                if every.info.total_count:
                    self._settle("gateway")
                    return False
            if await self._observability.has_logs():
                self._settle("observability")
                return True
        except GatewayError as error:
            self._doubts = (
                "Whether this account keeps its logs in Workers Observability is unknown: "
                + shortened(str(error), 400),
            )
        return False

    async def log(self, gateway_id: str, log_id: str) -> Log:
        """Return one log: GET …/logs/{log}.

        Raises:
            NotFound: no such log or gateway, or the log hasn't appeared yet: that takes up to 5 s after its call.

        """
        fresh = await self._is_fresh(gateway_id, log_id)
        if self.log_system == "observability":
            return await self._observability.log(gateway_id, log_id, fresh=fresh)
        errand = Errand(
            f"No log {named(log_id)} in gateway {named(gateway_id)}. list_logs shows its logs, list_gateways the "
            "gateways; a new log appears up to 5 s after its call."
        )
        response = await self._read(self._log_url(gateway_id, log_id), {}, errand, fresh=fresh)
        if response.status_code == 404 and await self._are_elsewhere(gateway_id):
            return await self._observability.log(gateway_id, log_id)
        found = parsed(Log, opened(response, errand).result)
        self._settle("gateway")
        return found

    def request_body(self, gateway_id: str, log_id: str) -> AbstractAsyncContextManager[Body]:
        """Open a logged request's body: GET …/logs/{log}/request.

        Raises:
            NotFound: no such log, or its body isn't stored: the API uses one code for both.

        """
        return self._stored(gateway_id, log_id, "request")

    def response_body(self, gateway_id: str, log_id: str) -> AbstractAsyncContextManager[Body]:
        """Open a logged response's body: GET …/logs/{log}/response.

        Raises:
            NotFound: no such log, or its body isn't stored: the API uses one code for both.

        """
        return self._stored(gateway_id, log_id, "response")

    async def spans(self, log_id: str) -> list[Span]:
        """Return what an agent did around a logged call, from its trace in Workers Observability: two queries."""
        return await self._observability.spans(log_id)

    async def request_groups(
        self, gateway_id: str, groupings: Sequence[analytics.Grouping]
    ) -> list[list[analytics.RequestGroup]]:
        """Return a gateway's calls in several groupings: one POST /graphql, never retried.

        An empty id means the calls of all gateways. A list is empty if analytics has none of the calls, or not yet.
        Dimensions that only the local gateway has are requested from another API at most once.
        """
        is_local = any(analytics.LOCAL & {*grouping.by} for grouping in groupings)
        if is_local and not self._has_local_dimensions:
            raise GatewayError("Analytics do not record sessions.")
        if self.log_system == "observability":
            return [await self._observability.groups(gateway_id, grouping) for grouping in groupings]
        errand = Errand("This API has no analytics. Check CLOUDFLARE_BASE_URL.", scope="Account Analytics Read")
        asked = analytics.request(self._known_account(), gateway_id, groupings)
        url = f"{self._api_url}/graphql"
        request = self._http.build_request("POST", url, json=asked, headers=self._authorization())
        response = await self._send(request, errand)
        try:
            return analytics.answer(response, len(groupings), errand)
        except GatewayError:
            self._has_local_dimensions &= not (is_local and response.is_success)
            raise

    async def routes(self, gateway_id: str) -> list[Any]:
        """Return a gateway's dynamic routes, unparsed: GET …/gateways/{gateway}/routes."""
        errand = Errand(f"No routes were found for gateway {named(gateway_id)}.")
        response = await self._read(f"{self._gateways_url()}/{segment(gateway_id)}/routes", {}, errand)
        envelope = opened(response, errand)
        held = envelope.result or (envelope.model_extra or {}).get("data")
        return lined(as_list(as_object(held).get("routes")) or as_list(held))

    async def policies(self, gateway_id: str) -> list[Any]:
        """Return a gateway's policies, unparsed: GET …/gateways/{gateway}/policies."""
        errand = Errand(f"No policies were found for gateway {named(gateway_id)}.")
        response = await self._read(f"{self._gateways_url()}/{segment(gateway_id)}/policies", {}, errand)
        return lined(as_list(opened(response, errand).result))

    async def credit_balance(self) -> dict[str, Any]:
        """Return the account's credit for unified billing: GET …/ai-gateway/billing/credit-balance (US dollars)."""
        errand = Errand("This API does not report a credit balance.", scope="AI Gateway Read")
        url = f"{self._api_url}/accounts/{self._known_account()}/ai-gateway/billing/credit-balance"
        return lined(as_object(opened(await self._read(url, {}, errand), errand).result))

    async def custom_costs(self) -> list[dict[str, Any]]:
        """Return the prices of custom providers' models: GET …/ai-gateway/custom-providers/costs, 100 at most."""
        errand = Errand("This API does not report custom providers' prices.", scope="AI Gateway Read")
        url = f"{self._api_url}/accounts/{self._known_account()}/ai-gateway/custom-providers/costs"
        response = await self._read(url, {"per_page": 100}, errand)
        return [lined(as_object(held)) for held in as_list(opened(response, errand).result)]

    async def simulate(self, gateway_id: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the policies would do with a call now: POST …/policies/simulate. Needs AI Gateway Edit."""
        errand = Errand(f"Policies of gateway {named(gateway_id)} cannot be simulated.", scope="AI Gateway Edit")
        url = f"{self._gateways_url()}/{segment(gateway_id)}/policies/simulate"
        request = self._http.build_request("POST", url, json=as_logged(dict(asked)), headers=self._authorization())
        return lined(as_object(opened(await self._send(request, errand), errand).result))

    async def patch_log(self, gateway_id: str, log_id: str, changes: Mapping[str, Any]) -> None:
        """Record feedback (-1, 0, 1), score (0-100) or metadata on a log: PATCH …/logs/{log}. Never retried."""
        errand = Errand(
            f"No log {named(log_id)} in gateway {named(gateway_id)}. list_logs shows its logs.",
            scope="AI Gateway Write",
            doubt="It may have been recorded anyway: check with get_log_details.",
        )
        request = self._http.build_request(
            "PATCH", self._log_url(gateway_id, log_id), json=dict(changes), headers=self._authorization()
        )
        try:
            opened(await self._send(request, errand), errand)
        except NotFound as error:
            if self.log_system != "observability":
                raise
            raise GatewayError(
                f"No feedback on log {named(log_id)}: this account keeps its logs in Workers Observability, which "
                f"has no documented place for feedback, and gateway {named(gateway_id)} does not have the log."
            ) from error

    async def chat(self, gateway_id: str, chat: Chat, grown: Grown | None = None) -> Reply:
        """Send a chat through a gateway and return the reply. Never retried, unless the caller asks the gateway to.

        With `grown`, the reply is requested as a stream, and `grown` is called with the number of events so far. A
        reply that isn't a stream is accepted too.

        Raises:
            GatewayError: the gateway or the provider refused; the message contains the provider's words and the log id.

        """
        return await self._call(gateway_id, wire_chat(chat, self._provider_keys), grown)

    async def resend(self, gateway_id: str, resend: Resend) -> Reply:
        """Send a logged request through a gateway again, once, and return the reply.

        Raises:
            GatewayError: as in `chat`.

        """
        return await self._call(gateway_id, resend.wire(self._provider_keys), None)

    async def _call(self, gateway_id: str, wire: Wire, grown: Grown | None) -> Reply:
        if wire.rest:
            url = f"{self._api_url}/accounts/{self._known_account()}/ai/{wire.path}"
            headers = self._authorization() | {"cf-aig-gateway-id": gateway_id}
        else:
            url = f"{self._data_url}/{self._known_account()}/{segment(gateway_id)}/{wire.path}".rstrip("/")
            headers = {"cf-aig-authorization": f"Bearer {self._gateway_token()}"}
        event = wire.headers.get(EVENT_ID) or str(uuid4())
        errand = Errand(
            f"No gateway {named(gateway_id)}, or no model {named(wire.models[0])}.",
            scope=INFERENCE_SCOPE,
            doubt="It may have been processed and billed anyway: before trying again, check with list_logs "
            f'and filters=[{{"key": "event_id", "value": ["{event}"]}}].',
        )
        headers = {EVENT_ID: event, **wire.headers, **headers}
        if wire.written:
            headers["content-type"] = "application/json"
            request = self._http.build_request("POST", url, content=wire.written, headers=headers)
        else:
            body = streamed(wire) if grown else wire.body
            request = self._http.build_request("POST", url, json=body, headers=headers)
        started = time.monotonic()
        response, answered = await self._exchange(request, errand, grown)
        reply = parse_reply(wire, response, answered, round((time.monotonic() - started) * 1000), errand)
        if reply.log_id:
            self._chatted[gateway_id, reply.log_id] = time.monotonic()
        return reply

    async def _exchange(
        self, request: httpx2.Request, errand: Errand, grown: Grown | None
    ) -> tuple[httpx2.Response, dict[str, Any]]:
        """Send a chat, and return the answer and its JSON, assembled if it came as a stream."""
        response = await self._send(request, errand, stream=True)
        try:
            if response.is_success and response.headers.get("content-type", "").startswith("text/event-stream"):
                return response, await assembled(response, grown, errand)
            await read_whole(response, errand.doubt)
        except httpx2.TransportError as error:
            raise unreachable(error, errand) from error
        finally:
            await response.aclose()
        try:
            return response, as_object(load_json(response.content))
        except ValueError:
            return response, {}

    @asynccontextmanager
    async def _stored(self, gateway_id: str, log_id: str, part: str) -> AsyncGenerator[Body]:
        """Open a body from wherever the account keeps its logs."""
        fresh = await self._is_fresh(gateway_id, log_id)
        async with AsyncExitStack() as stack:
            try:
                source = self._observability.body if self.log_system == "observability" else self._body
                body = await stack.enter_async_context(source(gateway_id, log_id, part, fresh=fresh))
            except NotFound:
                if self.log_system == "observability" or not await self._are_elsewhere(gateway_id):
                    raise
                body = await stack.enter_async_context(self._observability.body(gateway_id, log_id, part))
            yield body

    @asynccontextmanager
    async def _body(self, gateway_id: str, log_id: str, part: str, *, fresh: bool = False) -> AsyncGenerator[Body]:
        errand = Errand(
            f"No log {named(log_id)} in gateway {named(gateway_id)}, or its {part} body was not stored (the API does "
            "not distinguish the two). If list_logs shows the log: bodies are not stored when "
            "cf-aig-collect-log-payload "
            "was false, when the log is over 10 MB, or after deletion."
        )
        url = f"{self._log_url(gateway_id, log_id)}/{part}"
        response = await self._read(url, {}, errand, fresh=fresh, stream=True)
        try:
            if not response.is_success:
                await read_whole(response)
                raise refusal(response, errand)
            yield Body(response.headers.get("content-type", ""), chunks(response, errand))
        finally:
            await response.aclose()

    async def _is_fresh(self, gateway_id: str, log_id: str) -> bool:
        """Whether a 404 on a log may mean "not yet". First finds out which log system it will appear in."""
        fresh = time.monotonic() - self._chatted.get((gateway_id, log_id), -LOG_LAG_S) < LOG_LAG_S
        if fresh and self.log_system == "auto":
            await self._are_elsewhere(gateway_id)
        return fresh
