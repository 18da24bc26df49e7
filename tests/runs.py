"""Runs with their true trees: the labeled set for testing tracing."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from agents import Agent

from cf_aig_gateway.local.record import Record

Tree = dict[str, tuple[str, str]]
"""By log id: what the call continues, and how. Calls that start something aren't included."""

OVERLOADED = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
PROMPT = "Find every caller of login() and report file and line."
SUMMARY = (
    "Summary: p0 to p5 of the parser module were read; p3 holds the tokenizer and is to be split in two files first."
)
SESSION = "12345678-1234-4234-8234-123456789abc"


@dataclass
class Labeled:
    """The logs of a gateway, and the runs among them: each with its ids and its tree."""

    records: list[Record]
    runs: list[tuple[set[str], Tree]]


def _ids(*agents: Agent) -> set[str]:
    return {record.id for agent in agents for record in agent.records}


def _line(ids: list[str]) -> Tree:
    return {later: (earlier, "continues") for earlier, later in pairwise(ids)}


def _worked(agent: Agent, steps: int, name: str = "read_file") -> list[str]:
    ids = [
        agent.call("", (name, {"path": f"src/part_{at}.py"}), results=(f"{name} gave contents {at}",))
        for at in range(steps - 1)
    ]
    return [*ids, agent.call(f"{name}: all done, and it works.")]


def a_loop(form: str, steps: int = 40) -> Labeled:
    agent = Agent(form).ask("Fix the failing test in tests/test_app.py")
    ids = [agent.call("", ("run_tests", {"cmd": "pytest -q"}), results=("Error: 3 failed",)) for _ in range(steps - 1)]
    ids.append(agent.call("I give up."))
    return Labeled(agent.records, [(set(ids), _line(ids))])


def a_fork(form: str) -> Labeled:
    main = Agent(form).ask("Review the repository and fix the login page")
    first = main.call("I will look.", ("read_file", {"path": "login.py"}), results=("def login(): pass",))
    other = main.fork(at=main.at + 0.05)
    second = main.call("Fixed: it returns True now.")
    third = other.call("", ("edit_file", {"path": "login.py"}), results=("written",))
    fourth = other.call("Edited it.")
    tree = {second: (first, "continues"), third: (first, "continues"), fourth: (third, "continues")}
    return Labeled(main.records, [(_ids(main), tree)])


def a_retry(form: str) -> Labeled:
    agent = Agent(form).ask("Review the repository and fix the login page")
    first = agent.call("", ("read_file", {"path": "login.py"}), results=("def login(): pass",))
    failed = agent.call(success=False, status_code=529, response=OVERLOADED)
    again = agent.call("", ("edit_file", {"path": "login.py"}), results=("written",))
    last = agent.call("Fixed.")
    tree = {failed: (first, "continues"), again: (failed, "retries"), last: (again, "continues")}
    return Labeled(agent.records, [(_ids(agent), tree)])


def a_sub_agent(form: str) -> Labeled:
    main = Agent(form).ask("Review the repository and fix the login page")
    first = main.call("", ("Task", {"description": "search", "prompt": PROMPT}), results=("a.py:3, b.py:9",))
    sub = Agent(form, at=main.at, system="You search code.", records=main.records).ask(PROMPT)
    second = sub.call("", ("grep", {"pattern": "login\\("}), results=("a.py:3\nb.py:9",))
    third = sub.call("Callers are a.py:3, b.py:9")
    main.at = sub.at
    fourth = main.call("Both callers are fine.")
    tree = {second: (first, "was started by"), third: (second, "continues"), fourth: (first, "continues")}
    return Labeled(main.records, [(_ids(main), tree)])


def a_compaction(form: str) -> Labeled:
    agent = Agent(form).ask("Refactor the whole parser module into smaller files")
    ids = [agent.call("", ("read_file", {"path": f"p{at}.py"}), results=(f"part {at} " * 200,)) for at in range(6)]
    agent.ask("Summarize the conversation so far, for a new context.")
    ids.append(agent.call(SUMMARY))
    later = agent.fork(history=[]).ask(f"This session goes on from an earlier one. {SUMMARY} Go on.")
    after = _worked(later, 3, "edit_file")
    tree = _line(ids) | {after[0]: (ids[-1], "compacts")} | _line(after)
    return Labeled(agent.records, [(_ids(agent), tree)])


def an_edit(form: str) -> Labeled:
    agent = Agent(form).ask("Plan a trip to Rome for two days in May")
    ids = _worked(agent, 4, "search_hotels")
    other = agent.fork(history=[{"role": "user", "text": "Plan a trip to Rome for THREE days"}, *agent.history[1:]])
    other.ask("Which of them is the cheapest?")
    last = other.call("The first hotel is the cheapest of them.")
    tree = _line(ids) | {last: (ids[-1], "edits")}
    return Labeled(agent.records, [(_ids(agent), tree)])


def two_of_one_user(form: str) -> Labeled:
    one = Agent(form, body={"user": "u12"}).ask("Plan a trip to Rome for two days in May")
    other = Agent(form, at=0.03, body={"user": "u12"}, records=one.records).ask("Write a haiku about the sea")
    ids: tuple[list[str], list[str]] = ([], [])
    for at in range(5):
        for held, agent, name in ((ids[0], one, "search_hotels"), (ids[1], other, "find_rhyme")):
            held.append(agent.call("", (name, {"q": f"{name} {at}"}), results=(f"{name} gave {at}",)))
    ids[0].append(one.call("Here is your plan."))
    ids[1].append(other.call("Sea and moon."))
    return Labeled(one.records, [(set(held), _line(held)) for held in ids])


def one_beginning(form: str) -> Labeled:
    one = Agent(form).ask("Hello, please help me with my order")
    other = Agent(form, at=0.03, records=one.records).ask("Hello, please help me with my order")
    ids = [one.call("Which order is it that you mean?")], [other.call("Tell me your order number, please.")]
    one.ask("Number 5")
    other.ask("Number 7")
    ids[0].append(one.call("5 is on its way."))
    ids[1].append(other.call("7 is lost."))
    return Labeled(one.records, [(set(held), _line(held)) for held in ids])


def few_shot(form: str) -> Labeled:
    """Single calls that share their examples aren't a run."""
    records: list[Record] = []
    for at, text in enumerate(("I love it, truly", "I hate it, truly", "It is so-so, truly")):
        agent = Agent(form, at=at / 10, records=records).ask("Classify: what a wonderful day")
        agent.history.append({"role": "assistant", "text": "positive, without a doubt", "calls": []})
        agent.ask("Classify: what a terrible day")
        agent.history.append({"role": "assistant", "text": "negative, without a doubt", "calls": []})
        agent.ask(f"Classify: {text}").call("positive, I would say")
    return Labeled(records, [({record.id}, {}) for record in records])


def claude_code(user_id: str) -> Labeled:
    """Two sessions of Claude Code at once, each with calls that share no history."""
    records: list[Record] = []
    runs: list[tuple[set[str], Tree]] = []
    for number, session in enumerate((SESSION, SESSION.replace("9abc", "9abd"))):
        body = {"metadata": {"user_id": user_id % session}}
        agent = Agent("anthropic", at=number / 30, body=body, records=records).ask(f"Fix bug {number} in the parser")
        ids = _worked(agent, 4)
        title = Agent("anthropic", at=agent.at, body=body, records=records).ask(f"Give session {number} a short title")
        runs.append(({*ids, title.call(f"Bug {number} in the parser")}, _line(ids)))
    return Labeled(records, runs)


def codex(form: str = "responses") -> Labeled:
    """Two sessions of Codex at once."""
    records: list[Record] = []
    runs: list[tuple[set[str], Tree]] = []
    for number in range(2):
        body = {"prompt_cache_key": f"019a0000-0000-7000-8000-00000000000{number}", "store": False}
        agent = Agent(form, at=number / 30, body=body, records=records).ask("Fix the bug in the parser")
        ids = _worked(agent, 4, f"shell_{number}")
        runs.append((set(ids), _line(ids)))
    return Labeled(records, runs)


def a_chain() -> Labeled:
    """Ten calls without a history, each of which names the previous reply; and another such chain."""
    records: list[Record] = []
    runs: list[tuple[set[str], Tree]] = []
    for number in range(2):
        agent = Agent("chain", at=number / 30, records=records).ask("Fix the bug in the parser")
        ids = _worked(agent, 10)
        runs.append((set(ids), _line(ids)))
    return Labeled(records, runs)


def by_metadata(key: str) -> Labeled:
    """Single calls that share only a metadata value, beside others with another value."""
    records: list[Record] = []
    runs: list[tuple[set[str], Tree]] = []
    for number in range(3):
        metadata = {key: f"a-{number}f02", "env": "prod", "userId": "u12"}
        agent = Agent(at=number / 30, fields={"metadata": metadata}, records=records)
        ids = {agent.fork(at=agent.at + at).ask(f"Translate line {at}").call(f"Zeile {at}") for at in range(3)}
        runs.append((ids, {}))
    return Labeled(records, runs)


def one_kind() -> Labeled:
    """Calls that metadata assign to one kind of agent aren't a run."""
    records: list[Record] = []
    for at in range(4):
        metadata = {"agent": "support-bot", "run_mode": "batch", "workflow": "nightly"}
        Agent(at=at / 10, fields={"metadata": metadata}, records=records).ask(f"Translate line {at}").call(
            f"Zeile {at}"
        )
    return Labeled(records, [({record.id}, {}) for record in records])


def fallback_steps() -> Labeled:
    agent = Agent(fields={"event_id": "event-1"}).ask("Is it up?")
    failed = agent.call(success=False, status_code=503, response=b"{}")
    answered = agent.call("It is up.", step=1, model="anthropic/claude-haiku-4-5")
    return Labeled(agent.records, [({failed, answered}, {answered: (failed, "falls back")})])


def a_replay() -> Labeled:
    agent = Agent().ask("Is it up?")
    first = agent.call("Yes, as far as I can see.")
    other = agent.fork(history=[]).ask("Is it up?")
    second = other.call("No, it is not up.", metadata={"replay_of": first})
    return Labeled(agent.records, [({first, second}, {second: (first, "replays")})])


IN_EVERY_FORM: tuple[Callable[[str], Labeled], ...] = (
    a_loop, a_fork, a_retry, a_sub_agent, a_compaction, an_edit, two_of_one_user, one_beginning, few_shot,
)  # fmt: skip
CASES: dict[str, Callable[[], Labeled]] = {
    **{
        f"{make.__name__}, {form}": (lambda make=make, form=form: make(form))
        for make in IN_EVERY_FORM
        for form in ("openai", "anthropic", "responses", "gemini")
    },
    "claude_code, older": lambda: claude_code("user_0f_account__session_%s"),
    "claude_code, newer": lambda: claude_code('{"device_id":"0f","account_uuid":"","session_id":"%s"}'),
    "codex": codex,
    "a_chain": a_chain,
    "metadata sessionId": lambda: by_metadata("sessionId"),
    "metadata ticket": lambda: by_metadata("ticket"),
    "one_kind": one_kind,
    "fallback_steps": fallback_steps,
    "a_replay": a_replay,
}
