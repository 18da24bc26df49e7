"""Reads the management API's answers: envelopes, pages and bodies."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Annotated, Any, Generic, TypeVar

import httpx2
from pydantic import Field, TypeAdapter, ValidationError

from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.json_text import mended
from cf_aig_gateway.models import NAMES, Envelope, ResultInfo, Wire
from cf_aig_gateway.refusals import Errand, refusal, unreachable
from cf_aig_gateway.shapes import as_list

M = TypeVar("M", bound=Wire)
R = TypeVar("R")

MAX_ANSWER = 32 * 1024 * 1024
"""Maximum bytes of an answer that is read whole, after decompression. A page of 1,000 events with bodies is smaller."""

MAX_BODY = 64 * 1024 * 1024
"""Maximum bytes of a stored body, after decompression. Cloudflare stores at most 10 MB."""


MIN_PAGE, MAX_ROW = 1024 * 1024, 16 * 1024
"""Maximum bytes of a list page: a base, plus an allowance for each requested row. That is 50 ms of work."""

MOST_ROWS = 1000
"""Rows of a page that are read in one go even if fewer were requested."""


@dataclass(frozen=True)
class Page(Generic[M]):
    """One page of a list, its position, and notes on how it was found."""

    items: list[M]
    info: ResultInfo
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Body:
    """A stored body as it arrives, and notes about it."""

    content_type: str
    chunks: AsyncIterator[bytes]
    note: str = ""


def opened(response: httpx2.Response, errand: Errand) -> Envelope:
    """Return the envelope of a management answer.

    Raises:
        GatewayError: the answer is an error, or has no envelope.

    """
    try:
        envelope = Envelope.model_validate_json(mended(response.content))
    except ValidationError:
        raise refusal(response, errand) from None
    if response.is_success and envelope.success:
        return envelope
    raise refusal(response, errand)


def opened_page(model: type[M], response: httpx2.Response, errand: Errand, most: int) -> Page[M]:
    """Return a page of a list: at most the first `most` rows, as requested.

    Raises:
        GatewayError: the answer is an error, is too large for that number of rows, or has no such list.

    """
    if response.is_success and len(response.content) > max(MIN_PAGE, most * MAX_ROW):
        size = f"{len(response.content) / 1024**2:.1f} MB for {most} rows"
        raise GatewayError(f"{response.url.host} returned {size}, which is too much to read. Check the base URL.")
    if not _odd().search(response.content):
        try:  # most answers match the models and can be read in one go, in a third of the time
            found = _listed(model, max(most, MOST_ROWS)).validate_json(response.content)
            if found.success and response.is_success and len(found.result) <= most:
                return Page(found.result, found.result_info)
        except ValidationError:
            pass
    envelope = opened(response, errand)
    result: Any = envelope.result
    if not isinstance(result, list | None):
        raise GatewayError(f"The gateway did not return a list of {model.__name__.lower()}s.")
    rows = as_list(result)
    told = f"The gateway returned {len(rows):,} rows instead of {most}; the rest are left out."
    return Page([parsed(model, row) for row in rows[:most]], envelope.result_info, (told,) * (len(rows) > most))


@cache
def _odd() -> Any:
    """Return a pattern for JSON strings that can't be shown unchanged: long, multi-line, or a name with a space."""
    re2: Any = import_module("re2")
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    names = "|".join(sorted(NAMES))
    parts = ["[^ -~]", r'\\[^"]', '"[^"]{1000}', f'"(?:{names})" *: *"(?:[^"]{{201}}|[^"]*[ <>`])']
    return re2.compile("|".join(parts).encode(), options)


class Listed(Wire, Generic[R]):
    """The envelope of a list."""

    success: bool
    result: R
    result_info: ResultInfo = ResultInfo()


@cache
def _listed(model: Any, most: int) -> TypeAdapter[Listed[list[Any]]]:
    rows = Annotated[list[model], Field(max_length=most)]
    return TypeAdapter(Listed[rows])  # pyright: ignore[reportInvalidTypeForm] # of any model


def parsed(model: type[M], value: Any) -> M:
    """Parse a value as its model.

    Raises:
        GatewayError: the value lacks a field that the API promises.

    """
    try:
        return model.model_validate(model.mended(value))
    except ValidationError as error:
        what = ", ".join(str(entry["loc"][0]) for entry in error.errors() if entry["loc"]) or "it is not an object"
        raise GatewayError(f"The gateway returned a {model.__name__.lower()} that cannot be read ({what}).") from error


async def read_whole(response: httpx2.Response, advice: str = "") -> None:
    """Read a whole answer of at most MAX_ANSWER, as `response.aread` does.

    `advice` is part of the error for a larger one.

    Raises:
        GatewayError: it is larger.

    """
    held = [chunk async for chunk in bounded(response, MAX_ANSWER, advice)]
    response._content = b"".join(held)  # pyright: ignore[reportPrivateUsage] # where aread keeps it


async def chunks(response: httpx2.Response, errand: Errand) -> AsyncIterator[bytes]:
    """Yield a body as it arrives.

    Raises:
        GatewayError: the connection broke, or the body is larger than MAX_BODY.

    """
    try:
        async for chunk in bounded(response, MAX_BODY):
            yield chunk
    except httpx2.TransportError as error:
        raise unreachable(error, errand) from error


async def bounded(response: httpx2.Response, most: int, advice: str = "") -> AsyncIterator[bytes]:
    """Yield the decompressed body, up to `most` bytes.

    Raises:
        GatewayError: it is larger.
        RemoteProtocolError: it cannot be decompressed.

    """
    size = 0
    try:
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > most:
                await response.aclose()
                told = f"{response.url.host} returned more than {most // 1024**2} MB, which is too much to read."
                raise GatewayError(f"{told} {advice or 'Ask for less: fewer logs or a shorter time range.'}")
            yield chunk
    except httpx2.DecodingError as error:
        raise httpx2.RemoteProtocolError("It cannot be decompressed", request=response.request) from error
