"""Tools, prompts and resources with every kind of content, under the conformance suite's names."""

import base64
import json
import struct
import zlib
from collections.abc import Callable
from typing import Annotated, Any

from mcp.server import MCPServer, ServerRequestContext
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.prompts.base import UserMessage
from mcp.shared.exceptions import MCPError
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    ContentBlock,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextContent,
    TextResourceContents,
    UnsubscribeRequestParams,
)
from pydantic import Field


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\0\0"))
    + _chunk(b"IEND", b"")
)
"""One black pixel."""

WAV = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36, b"WAVE", b"fmt ", 16, 1, 1, 8000, 8000, 1, 8, b"data", 0)
"""Silence."""


def _text(text: str) -> TextContent:
    return TextContent(type="text", text=text)


def _image() -> ImageContent:
    return ImageContent(type="image", data=base64.b64encode(PNG).decode(), mime_type="image/png")


def _embedded(uri: str, text: str, mime_type: str = "text/plain") -> EmbeddedResource:
    resource = TextResourceContents(uri=uri, mime_type=mime_type, text=text)
    return EmbeddedResource(type="resource", resource=resource)


def test_simple_text() -> str:
    return "This is a simple text response for testing."


def test_image_content() -> list[ContentBlock]:
    return [_image()]


def test_audio_content() -> list[ContentBlock]:
    return [AudioContent(type="audio", data=base64.b64encode(WAV).decode(), mime_type="audio/wav")]


def test_embedded_resource() -> list[ContentBlock]:
    return [_embedded("test://embedded-resource", "This is an embedded resource content.")]


def test_multiple_content_types() -> list[ContentBlock]:
    resource = _embedded("test://mixed-content-resource", '{"test":"data","value":123}', "application/json")
    return [_text("Multiple content types test:"), _image(), resource]


async def test_tool_with_logging(ctx: Context[Any, Any]) -> str:
    for said in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await ctx.info(said)  # pyright: ignore[reportDeprecated]
    return "logged"


async def test_logging_tool(ctx: Context[Any, Any]) -> str:
    return await test_tool_with_logging(ctx)


async def test_tool_with_progress(ctx: Context[Any, Any]) -> str:
    for percent in (0, 50, 100):
        await ctx.report_progress(percent, 100)
    return "progressed"


def test_error_handling() -> str:
    raise ToolError("This tool intentionally returns an error for testing")


def test_x_mcp_header(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})] = "none") -> str:
    return f"region={region}"


def test_missing_capability(ctx: Context[Any, Any]) -> str:
    capabilities = ctx.session.client_capabilities
    if capabilities is None or capabilities.sampling is None:
        needed = {"requiredCapabilities": {"sampling": {}}}
        raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "The client must be able to sample.", needed)
    return "sampling declared"


async def test_reconnection(ctx: Context[Any, Any]) -> str:
    await ctx.info("Before disconnect")  # pyright: ignore[reportDeprecated]
    await ctx.close_sse_stream()
    await ctx.info("After reconnect")  # pyright: ignore[reportDeprecated]
    return "Reconnection test completed"


async def test_trigger_tool_change(ctx: Context[Any, Any]) -> str:
    await ctx.notify_tools_changed()
    return "announced"


async def test_trigger_prompt_change(ctx: Context[Any, Any]) -> str:
    await ctx.notify_prompts_changed()
    return "announced"


CONTENTS: tuple[Callable[..., Any], ...] = (
    test_simple_text,
    test_image_content,
    test_audio_content,
    test_embedded_resource,
    test_multiple_content_types,
    test_tool_with_logging,
    test_logging_tool,
    test_tool_with_progress,
    test_error_handling,
    test_x_mcp_header,
    test_missing_capability,
    test_reconnection,
    test_trigger_tool_change,
    test_trigger_prompt_change,
)


def test_simple_prompt() -> list[UserMessage]:
    return [UserMessage(_text("This is a simple prompt for testing."))]


def test_prompt_with_arguments(arg1: str, arg2: str) -> list[UserMessage]:
    return [UserMessage(_text(f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"))]


def test_prompt_with_embedded_resource(resourceUri: str) -> list[UserMessage]:  # noqa: N803 (the suite's name)
    resource = _embedded(resourceUri, "Embedded resource content for testing.")
    return [UserMessage(resource), UserMessage(_text("Please process the embedded resource above."))]


def test_prompt_with_image() -> list[UserMessage]:
    return [UserMessage(_image()), UserMessage(_text("Please analyze the image above."))]


PROMPTS: tuple[Callable[..., Any], ...] = (
    test_simple_prompt,
    test_prompt_with_arguments,
    test_prompt_with_embedded_resource,
    test_prompt_with_image,
)


def _template(id: str) -> str:  # noqa: A002 (the suite's name)
    return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})


RESOURCES: dict[str, Callable[..., str | bytes]] = {
    "test://static-text": lambda: "This is the content of the static text resource.",
    "test://static-binary": lambda: PNG,
    "test://watched-resource": lambda: "Watched resource content",
    "test://template/{id}/data": _template,
}


def handle(server: MCPServer[Any]) -> None:
    """Answer what MCPServer has no handler for."""

    async def accept(ctx: ServerRequestContext[Any, Any], params: Any) -> EmptyResult:
        return EmptyResult()

    lowlevel = server._lowlevel_server  # pyright: ignore[reportPrivateUsage]
    lowlevel.add_request_handler("logging/setLevel", SetLevelRequestParams, accept)
    lowlevel.add_request_handler("resources/subscribe", SubscribeRequestParams, accept)
    lowlevel.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, accept)
