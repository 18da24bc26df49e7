"""The parameters and tools of any request, in OpenAI's format: platform.openai.com/docs/api-reference/chat."""

from collections.abc import Iterator
from typing import Any

from cf_aig_gateway.formats.format import Body
from cf_aig_gateway.shapes import as_list, as_object, as_text

NAMES = {
    "temperature": "temperature", "topp": "top_p", "p": "top_p", "seed": "seed", "stop": "stop",
    "stopsequences": "stop", "maxtokens": "max_tokens", "maxcompletiontokens": "max_tokens",
    "maxoutputtokens": "max_tokens", "maxgenlen": "max_tokens", "maxtokencount": "max_tokens",
    "presencepenalty": "presence_penalty", "frequencypenalty": "frequency_penalty",
    "paralleltoolcalls": "parallel_tool_calls", "reasoningeffort": "reasoning_effort",
}  # fmt: skip
"""OpenAI's parameter names, by the names in other formats, lowercase and without underscores."""

PLACES = ("generationConfig", "generation_config", "inferenceConfig", "textGenerationConfig")
"""Members that contain parameters."""

TOLD = {
    *NAMES, "toolchoice", "functioncallingconfig", "responseformat", "format", "outputformat", "outputconfig",
    "textformat", "responsemimetype", "responseschema", "responsejsonschema", "stream", "streamoptions", "user",
    "metadata", "store", "n", "candidatecount", "anthropicversion", "includethoughts", "diagnostics", "modelid",
    "functions", "functioncall",
}  # fmt: skip
"""Parameters that are carried over, or that don't affect a comparison."""

HELD_ELSEWHERE = {
    "previous_response_id", "conversation", "cachedContent", "cached_content", "previous_interaction_id", "container",
    "documents", "prompt_id",
}  # fmt: skip
"""Members that refer to something outside the request, or to content that messages can't contain."""


def flat(name: str) -> str:
    """Return the same name for both spellings: `topP`, `top_p`."""
    return name.replace("_", "").lower()


CARRIED = TOLD | {flat(name) for name in HELD_ELSEWHERE}


def parameters(body: Body) -> Body:
    """Return a request's parameters by OpenAI's names."""
    return dict(_parameters(body))


def _parameters(body: Body) -> Iterator[tuple[str, Any]]:
    for held in (*(as_object(body.get(place)) for place in PLACES), body):
        yield from ((NAMES[flat(name)], value) for name, value in held.items() if flat(name) in NAMES and _is(value))
    if effort := as_object(body.get("reasoning")).get("effort"):
        yield "reasoning_effort", effort
    calling = as_object(_either(body, "toolConfig"))
    for given in (body.get("tool_choice"), calling.get("toolChoice"), _either(calling, "functionCallingConfig")):
        if given and (choice := _choice(given)):
            yield "tool_choice", choice
    if shape := _response_format(body):
        yield "response_format", shape


def _is(value: Any) -> bool:
    return value not in (None, [], {})


def _either(held: Body, name: str) -> Any:
    """Return a member by its name in either spelling."""
    return next((value for key, value in held.items() if flat(key) == flat(name)), None)


def _choice(value: Any) -> Any:
    """Return which tool must be called, in OpenAI's format."""
    if isinstance(value, str):
        return {"any": "required"}.get(value.lower(), value.lower())
    held = as_object(value)
    inner = as_object(held.get("function")) or as_object(held.get("tool")) or held
    only = as_list(_either(held, "allowedFunctionNames"))
    if name := as_text(inner.get("name")) or (as_text(only[0]) if len(only) == 1 else ""):
        return {"type": "function", "function": {"name": name}}
    return _choice(as_text(held.get("type")) or as_text(held.get("mode")) or next(iter(held), ""))


def _response_format(body: Body) -> Any:
    given = as_object(body.get("response_format")) or as_object(as_object(body.get("text")).get("format"))
    given = given or as_object(as_object(body.get("output_config")).get("format"))
    given = given or as_object(body.get("output_format"))
    config = next(filter(None, (as_object(body.get(place)) for place in PLACES)), Body())
    if as_text(_either(config, "responseMimeType")) == "application/json":
        schema = _either(config, "responseJsonSchema") or _either(config, "responseSchema")
        given = {"type": "json_schema", "schema": _plain(schema)} if schema else {"type": "json_object"}
    if given.get("type") == "text":
        return None
    if schema := as_object(given.get("schema")):
        strict = {"strict": given["strict"]} if "strict" in given else {}
        shape = {"name": as_text(given.get("name")) or "reply", "schema": schema, **strict}
        return {"type": "json_schema", "json_schema": shape}
    return given


def tools_of(body: Body) -> tuple[list[Body], list[str]]:
    """Return a request's tools as OpenAI's functions, and the names of tools that aren't functions."""
    found: list[Body] = []
    unknown: list[str] = []
    config = as_object(body.get("toolConfig"))
    for tool in map(as_object, [*as_list(body.get("tools")), *as_list(body.get("functions")), *_specs(config)]):
        declared = as_list(_either(tool, "functionDeclarations"))
        for each in map(as_object, declared or [tool]):
            if "function" in each or "custom" in each:
                found.append(each)
            elif function := _function(each):
                found.append({"type": "function", "function": function})
            else:
                unknown.append(f"tool {as_text(each.get('name')) or as_text(each.get('type')) or next(iter(each), '')}")
    return found, unknown


def _specs(config: Body) -> Iterator[Any]:
    """Yield Bedrock's tools without their wrapper."""
    for tool in map(as_object, as_list(config.get("tools"))):
        spec = as_object(tool.get("toolSpec"))
        yield {**spec, "parameters": as_object(spec.get("inputSchema")).get("json")} if spec else tool


def _function(tool: Body) -> Body | None:
    """Return a declared function; None for a tool that the provider runs itself."""
    name, kind = as_text(tool.get("name")), as_text(tool.get("type"))
    schema = as_object(tool.get("parameters")) or as_object(tool.get("input_schema"))
    schema = schema or as_object(_either(tool, "parametersJsonSchema"))
    if not name or not (schema or kind == "function" or ("description" in tool and not kind)):
        return None
    held = {
        "name": name,
        "description": tool.get("description"),
        "parameters": _plain(schema) or None,
        "strict": tool.get("strict"),
    }
    return {key: value for key, value in held.items() if value is not None}


def _plain(schema: Any) -> Any:
    """Return a schema with lowercase types; Gemini's may be uppercase."""
    if isinstance(schema, list):
        return [_plain(each) for each in as_list(schema)]
    if not isinstance(schema, dict):
        return schema
    return {
        name: value.lower() if name == "type" and isinstance(value, str) else _plain(value)
        for name, value in as_object(schema).items()
    }
