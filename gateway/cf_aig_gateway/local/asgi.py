"""Connects a client and a gateway in one process: HTTP without a socket, streamed and cancellable."""

import logging
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import anyio
import httpx2
from anyio.abc import TaskGroup
from anyio.streams.memory import MemoryObjectReceiveStream
from starlette.types import ASGIApp

logger = logging.getLogger(__name__)


class _Body(httpx2.AsyncByteStream):
    def __init__(self, chunks: MemoryObjectReceiveStream[bytes], scope: anyio.CancelScope, ended: anyio.Event) -> None:
        self._chunks = chunks
        self._scope = scope
        self._ended = ended

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            yield chunk
        if not self._ended.is_set():
            raise httpx2.RemoteProtocolError("The local gateway's reply broke off.")

    async def aclose(self) -> None:
        self._scope.cancel()
        await self._chunks.aclose()


class ASGITransport(httpx2.AsyncBaseTransport):
    """Answers requests through an ASGI application, each in a task of `tasks`.

    httpx2's own ASGITransport returns a reply only once it is complete. This one passes chunks as they are sent, and
    closing the reply or cancelling the request cancels the application.
    """

    def __init__(self, app: ASGIApp, tasks: TaskGroup) -> None:
        self._app = app
        self._tasks = tasks

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = await request.aread()
        head: dict[str, Any] = {}
        started = anyio.Event()
        send_chunk, chunks = anyio.create_memory_object_stream[bytes](0)
        scope = anyio.CancelScope()
        left, ended = anyio.Event(), anyio.Event()
        sent = False

        async def receive() -> MutableMapping[str, Any]:
            nonlocal sent
            if not sent:
                sent = True
                return {"type": "http.request", "body": body, "more_body": False}
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                head.update(message)
                started.set()
            elif message["type"] == "http.response.body":
                if chunk := message.get("body", b""):
                    await send_chunk.send(chunk)
                if not message.get("more_body", False):
                    ended.set()
                    await send_chunk.aclose()

        async def run() -> None:
            with scope:
                try:
                    await self._app(_scope(request), receive, send)
                except anyio.BrokenResourceError:
                    pass  # the caller closed the reply before its end
                except Exception:
                    logger.exception("The local gateway failed at %s", request.url.path)
                finally:
                    started.set()
                    send_chunk.close()

        self._tasks.start_soon(run)
        try:
            await started.wait()
        except BaseException:
            scope.cancel()
            chunks.close()
            raise
        if not head:
            chunks.close()
            raise httpx2.RemoteProtocolError("The local gateway ended without a response.", request=request)
        return httpx2.Response(head["status"], headers=head["headers"], stream=_Body(chunks, scope, ended))


def _scope(request: httpx2.Request) -> MutableMapping[str, Any]:
    raw_path, _, query = request.url.raw_path.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": raw_path,
        "query_string": query,
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 0),
        "root_path": "",
    }
