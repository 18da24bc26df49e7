"""A simulated model's reply: the same for the same question, in the requested length."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

from cf_aig_gateway.local.prompt_caches import Cached
from cf_aig_gateway.local.providers.scenarios import DIRECTIVE, Question, Scenario
from cf_aig_gateway.local.providers.schemas import example

VOCABULARY = ("the", "gateway", "keeps", "every", "call", "with", "its", "cost", "and", "its", "bodies", "for", "later")
ECHO = 80
"""The most characters of the question that a reply repeats."""


@dataclass(frozen=True)
class Reply:
    """A provider-neutral reply. `finish` is stop, length, filtered or tool. For a tool call, `text` is the arguments.

    `cached` is the part of `tokens_in` from the prompt cache; `diagnosis`, what the provider says about a miss if
    asked.
    """

    text: str
    tokens_in: int
    tokens_out: int
    finish: str = "stop"
    cached: Cached = Cached()  # noqa: RUF009 (it cannot change)
    diagnosis: Mapping[str, Any] | None = None

    def pieces(self) -> list[str]:
        """Cut the text as a stream does: word by word."""
        words = self.text.split(" ")
        return [word if number == 0 else f" {word}" for number, word in enumerate(words)]


def compose(question: Question, scenario: Scenario) -> Reply:
    """Answer a question with text, one token per word, or with the tool call that it requires."""
    if scenario.filtered:
        return Reply("", question.prompt_tokens, 0, "filtered")
    if question.tool:
        arguments = json.dumps(example(question.tool.schema), ensure_ascii=False)
        return Reply(arguments, question.prompt_tokens, len(arguments.split(" ")), "tool")
    words = _words(question, scenario)
    said = words[: question.max_tokens]
    return Reply(" ".join(said), question.prompt_tokens, len(said), "length" if len(said) < len(words) else "stop")


def _words(question: Question, scenario: Scenario) -> list[str]:
    if question.schema is not None:
        return json.dumps(example(question.schema), ensure_ascii=False).split(" ")
    if scenario.tokens is not None:
        return list(islice(cycle(VOCABULARY), scenario.tokens))
    heard = " ".join(DIRECTIVE.sub("", question.last_words).split())[:ECHO]
    return f"Simulated {question.model}: {heard}".split()
