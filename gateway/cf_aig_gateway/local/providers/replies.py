"""What a simulated model says: the same for the same question, of the length asked for."""

from dataclasses import dataclass
from itertools import cycle, islice

from cf_aig_gateway.local.providers.scenarios import DIRECTIVE, Question, Scenario, count_tokens

VOCABULARY = ("the", "gateway", "keeps", "every", "call", "with", "its", "cost", "and", "its", "bodies", "for", "later")
ECHO = 80
"""Characters of the question that a reply repeats."""


@dataclass(frozen=True)
class Reply:
    """A reply in no provider's form. `finish` is stop, length, filtered or tool."""

    text: str
    tokens_in: int
    tokens_out: int
    finish: str = "stop"

    def pieces(self) -> list[str]:
        """Cut the text as a stream does: word by word."""
        words = self.text.split(" ")
        return [word if number == 0 else f" {word}" for number, word in enumerate(words)]


def compose(question: Question, scenario: Scenario) -> Reply:
    """Answer a question with text."""
    if scenario.filtered:
        return Reply("", question.prompt_tokens, 0, "filtered")
    bound = question.max_tokens
    wanted = scenario.tokens
    if wanted is None:
        text = _echo(question)
        wanted = count_tokens(text)
    else:
        text = _words(wanted)
    if bound is not None and wanted > bound:
        return Reply(_cut(text, scenario, bound), question.prompt_tokens, bound, "length")
    return Reply(text, question.prompt_tokens, wanted)


def _echo(question: Question) -> str:
    heard = " ".join(DIRECTIVE.sub("", question.last_words).split())[:ECHO]
    return f"Simulated {question.model}: {heard}" if heard else f"Simulated {question.model}."


def _words(tokens: int) -> str:
    """Return text of that many words, one a token."""
    return " ".join(islice(cycle(VOCABULARY), tokens))


def _cut(text: str, scenario: Scenario, tokens: int) -> str:
    return text[: tokens * 4] if scenario.tokens is None else _words(tokens)
