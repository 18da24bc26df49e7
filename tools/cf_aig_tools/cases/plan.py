"""Plans a run: what is sent for each case, and the most it can cost."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cf_aig_gateway import pricing
from cf_aig_gateway.chat import Chat, provider_and_name
from cf_aig_gateway.errors import GatewayError
from cf_aig_gateway.formats.chat_messages import media
from cf_aig_gateway.formats.usage import Usage, count
from cf_aig_gateway.providers import AUTHORS
from cf_aig_gateway.shapes import as_list, as_text
from cf_aig_tools.cases.case import Case, read_case
from cf_aig_tools.reading.budget import tokens

MOST_OUT = 4096
"""Reply limit in tokens for cases that set none; without a limit the price is unbounded."""

AROUND = 1000
"""Input tokens that a provider may add to a request, such as its tool prompt (Anthropic: 346 to 530)."""

PER_MESSAGE = 16
"""Tokens per message besides its text."""

NOTE = b'{"note":'
"""The start of the line that says what is not among the cases."""

COMPLETION_TOKENS = {"openai", "azure-openai"}
"""Providers whose newer models reject max_tokens, and whose older models also accept max_completion_tokens."""


@dataclass(frozen=True)
class Sending:
    """How cases are sent: changes to their parameters (null removes one), and whether a budget limits their price.

    `masked`: also send cases whose secrets were masked, exactly as in the file.
    """

    model: str
    changes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    is_priced: bool = True
    masked: bool = False

    def price(self, usage: Usage) -> float | None:
        """Return what a call costs (US dollars), or None if the model's price or its tokens are unknown."""
        provider, name = provider_and_name(self.model)
        return pricing.cost(AUTHORS.get(provider, provider), name, usage)

    def check(self) -> None:
        """Reject a model with an unknown price when there is a budget.

        Raises:
            GatewayError: the price is unknown.

        """
        if self.is_priced and self.price(Usage(1000, 1000)) is None:
            raise GatewayError(
                f"The price of {self.model[:80]} is unknown, so no budget can be enforced. Write it as "
                "provider/model, such as openai/gpt-4o-mini, or add --no-price-limit to send the cases whatever "
                "they cost."
            )

    def chat(self, case: Case, controls: Mapping[str, str]) -> Chat:
        """Return the request for a case."""
        return Chat(self.model, case.messages, parameters=self.parameters(case), controls=controls)

    def parameters(self, case: Case) -> dict[str, Any]:
        """Return a case's parameters for the model, with its tools."""
        given = {**case.parameters, **({"tools": case.tools} if case.tools else {}), **self.changes}
        if not given.get("tools"):
            given |= dict.fromkeys(("tools", "tool_choice", "parallel_tool_calls"))
        bound = given.pop("max_completion_tokens", None) or given.pop("max_tokens", None)
        if bound is None and self.is_priced:
            bound = MOST_OUT
        provider, _ = provider_and_name(self.model)
        given["max_completion_tokens" if provider in COMPLETION_TOKENS else "max_tokens"] = bound
        return {name: value for name, value in given.items() if value is not None}

    def most(self, case: Case) -> float:
        """Return the maximum cost of a case: no tokenizer produces more tokens than bytes."""
        given = self.parameters(case)
        sent = json.dumps([case.messages, given], ensure_ascii=False).encode("utf-8", "replace")
        tokens_in = len(sent) + PER_MESSAGE * len(case.messages) + AROUND
        tokens_out = count(given.get("max_tokens")) or count(given.get("max_completion_tokens")) or MOST_OUT
        usages = (Usage(tokens_in, tokens_out), Usage(tokens_in, tokens_out, cache_write=tokens_in))
        return max(self.price(usage) or 0 for usage in usages)

    def unfit(self, case: Case) -> str:
        """Return why a case is not sent; empty if it is."""
        if case.unfit and not (self.masked and case.unfit.startswith("masked")):
            return case.unfit
        if self.is_priced and media(case.messages):
            return "it has images or files, so its maximum price is unknown"
        return ""


@dataclass(frozen=True)
class Planned:
    """A case in the file: its position, its maximum and estimated cost (US dollars), and why it is not sent."""

    log_id: str
    offset: int
    size: int
    most: float
    tokens_in: int
    tokens_out: int
    unfit: str
    is_bounded: bool
    left_out: tuple[str, ...]


def plan(path: Path, sending: Sending) -> list[Planned]:
    """Return the cases in a file.

    Raises:
        GatewayError: a line is not a case, or two cases are from one log.
        OSError: the file cannot be read.

    """
    found: dict[str, int] = {}
    cases: list[Planned] = []
    for number, offset, line in _lines(path):
        case = read_case(line, f"{path}, line {number},")
        if case.log_id in found:
            raise GatewayError(f"{path}, line {number}, is from the same log as line {found[case.log_id]}.")
        found[case.log_id] = number
        cases.append(_planned(case, sending, offset, len(line)))
    if not cases:
        raise GatewayError(f"{path} has no cases. Create them with export.")
    return cases


def _lines(path: Path) -> Iterator[tuple[int, int, bytes]]:
    offset = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip() and not line.startswith(NOTE):
                yield number, offset, line
            offset += len(line)


def _planned(case: Case, sending: Sending, offset: int, size: int) -> Planned:
    known = case.metadata
    bound = count(case.parameters.get("max_tokens"))
    return Planned(
        case.log_id,
        offset,
        size,
        sending.most(case) if sending.is_priced else 0,
        count(known.get("tokens_in")) or tokens(json.dumps(case.messages, ensure_ascii=False)),
        min(count(known.get("tokens_out")) or bound or MOST_OUT, bound or MOST_OUT),
        sending.unfit(case),
        bound is not None,
        tuple(as_text(each) for each in as_list(known.get("left_out"))),
    )


def case_at(path: Path, place: Planned) -> Case:
    """Return a case from the file.

    Raises:
        GatewayError: the file changed after it was read.

    """
    with path.open("rb") as file:
        file.seek(place.offset)
        case = read_case(file.read(place.size), f"{path}, at byte {place.offset},")
    if case.log_id != place.log_id:
        raise GatewayError(f"{path} has changed since it was read. Run the command again.")
    return case
