"""Pictures made by a model: platform.openai.com/docs/api-reference/images, and compatible APIs."""

from cf_aig_gateway.formats.content import Content, Gap, parameters
from cf_aig_gateway.formats.conversation import Conversation, Turn
from cf_aig_gateway.formats.format import Body, Format
from cf_aig_gateway.formats.usage import Usage, first
from cf_aig_gateway.shapes import as_list, as_object, as_text

PARAMETERS = (
    "size",
    "quality",
    "n",
    "style",
    "background",
    "output_format",
    "response_format",
    "aspect_ratio",
    "seed",
    "steps",
)
OWN_FIELDS = {"size", "quality", "style", "background", "aspect_ratio", "steps", "num_steps", "guidance"}


def is_request(body: Body) -> bool:
    """Recognize a request: a prompt, and a field that only pictures have."""
    model = as_text(body.get("model"))
    named = any(name in model for name in ("image", "dall-e", "flux", "imagen", "diffusion"))
    return isinstance(body.get("prompt"), str) and (named or bool(OWN_FIELDS & body.keys()))


def request(body: Body, _: Gap) -> Conversation:
    """Read a request."""
    turn = Turn("user", body["prompt"], "/prompt")
    return Conversation("Images", as_text(body.get("model")), parameters(body, PARAMETERS), turns=(turn,))


def is_reply(body: Body) -> bool:
    """Recognize pictures, by address or in base64."""
    first_row = as_object(next(iter(as_list(body.get("data"))), None))
    return bool({"b64_json", "url", "revised_prompt"} & first_row.keys())


def reply(body: Body, gap: Gap) -> Conversation:
    """Read the pictures."""
    content = Content(gap)
    for row in map(as_object, as_list(body["data"])):
        content.text(row.get("revised_prompt"))
        content.medium("image", row.get("b64_json"), url=row.get("url"), mime=body.get("output_format"))
    held = parameters(body, ("size", "quality", "background"))
    return Conversation("Images", as_text(body.get("model")), held, turns=(content.turn("assistant", "/data"),))


def usage(body: Body) -> Usage:
    """Read the tokens."""
    held = as_object(body.get("usage"))
    return Usage(first(held, "input_tokens"), first(held, "output_tokens"))


FORMAT = Format(
    "Images",
    is_request=is_request,
    request=request,
    is_reply=is_reply,
    reply=reply,
    members=("output_format", "data"),
    usage=usage,
    flavors=("images",),
)
