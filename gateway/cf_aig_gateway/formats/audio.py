"""Speech and transcription: platform.openai.com/docs/api-reference/audio.

Also the note that the local gateway stores instead of a body that isn't JSON: its kind, its size, and the parts of a
form.
"""

from cf_aig_gateway.formats.content import Gap, parameters, size
from cf_aig_gateway.formats.conversation import Conversation, Turn
from cf_aig_gateway.formats.format import Assembly, Body, Format
from cf_aig_gateway.formats.growth import append
from cf_aig_gateway.formats.openai_chat import usage
from cf_aig_gateway.formats.usage import count
from cf_aig_gateway.one_line import named
from cf_aig_gateway.shapes import as_list, as_object, as_text

PARAMETERS = ("voice", "response_format", "speed", "language", "instructions")
SESSION = "session."
TRANSCRIPTS = {"input_transcript": "input", "output_transcript": "output"}


def is_request(body: Body) -> bool:
    """Recognize a text to speak, or the note about a body that wasn't JSON."""
    return ("voice" in body and isinstance(body.get("input"), str)) or _is_note(body)


def _is_note(body: Body) -> bool:
    return isinstance(body.get("content_type"), str) and count(body.get("bytes")) is not None


def request(body: Body, _: Gap) -> Conversation:
    """Read a request: a text to speak, or the parts of a form."""
    if _is_note(body):
        return _note(body)
    turn = Turn("user", body["input"], "/input")
    return Conversation("Speech", as_text(body.get("model")), parameters(body, PARAMETERS), turns=(turn,))


def _note(body: Body) -> Conversation:
    parts = [as_object(part) for part in as_list(body.get("parts"))]
    fields = {as_text(part.get("name")): as_text(part.get("value")) for part in parts if "value" in part}
    files = [" ".join(filter(None, _file(part))) for part in parts if "value" not in part]
    whole = f"{body['content_type']} {size(count(body['bytes']) or 0)}"
    turn = Turn("body", "", "/parts" if parts else "", media=tuple(files or [whole]))
    return Conversation(named(as_text(body["content_type"])), fields.pop("model", ""), fields, turns=(turn,))


def _file(part: Body) -> list[str]:
    bytes_ = count(part.get("bytes"))
    told = [as_text(part.get(name)) for name in ("name", "filename", "content_type")]
    return [*told, "" if bytes_ is None else size(bytes_)]


def is_reply(body: Body) -> bool:
    """Recognize a transcript, or the note about a body that wasn't JSON."""
    heard = {"language", "duration", "segments", "words", "task"} & body.keys()
    return (isinstance(body.get("text"), str) and bool(heard or body.keys() <= {"text", "usage"})) or _is_note(body)


def reply(body: Body, _: Gap) -> Conversation:
    """Read a transcript."""
    if _is_note(body):
        return _note(body)
    held = parameters(body, ("language", "duration"))
    turns = [Turn(name, as_text(body[name]), f"/{name}") for name in ("input", "text", "output") if body.get(name)]
    return Conversation("Transcription", as_text(body.get("model")), held, turns=tuple(turns))


class SessionAssembly(Assembly):
    """What was heard and said in a session, from its events."""

    def add(self, event: Body) -> None:
        """Take the next event."""
        kind = as_text(event.get("type")).removeprefix(SESSION)
        name = TRANSCRIPTS.get(kind.removesuffix(".delta"))
        if name and kind.endswith(".delta"):
            append(self.held, name, event.get("delta"))
        elif kind in {"created", "updated"}:
            self.held |= {"model": as_object(event.get("session")).get("model"), "text": "", "language": ""}
        self.finished = self.finished or kind == "closed"


FORMAT = Format(
    "Audio",
    is_request=is_request,
    request=request,
    is_reply=is_reply,
    reply=reply,
    is_event=lambda event: as_text(event.get("type")).startswith(SESSION),
    assembly=SessionAssembly,
    members=("task", "words", "segments", "bytes", "content_type", "parts"),
    usage=usage,
    flavors=("chat",),
)
