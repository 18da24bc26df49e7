"""What a simulated model says: the same for the same question, of the length asked for."""

from dataclasses import dataclass
from itertools import cycle, islice

from cf_aig_gateway.local.providers.scenarios import DIRECTIVE, Question, Scenario

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
    """Answer a question with text, in which a word is a token."""
    if scenario.filtered:
        return Reply("", question.prompt_tokens, 0, "filtered")
    words = _echo(question) if scenario.tokens is None else list(islice(cycle(VOCABULARY), scenario.tokens))
    said = words[: question.max_tokens]
    return Reply(" ".join(said), question.prompt_tokens, len(said), "length" if len(said) < len(words) else "stop")


def _echo(question: Question) -> list[str]:
    heard = " ".join(DIRECTIVE.sub("", question.last_words).split())[:ECHO]
    return f"Simulated {question.model}: {heard}".split()
