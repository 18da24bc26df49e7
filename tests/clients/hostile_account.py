"""An account in which every text is markup or worse: `hostile_account.py PORT [refused]`. `refused`: only errors."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests"))

import httpx2  # noqa: E402
import uvicorn  # noqa: E402
from markup import Corpus  # noqa: E402
from starlette.applications import Starlette  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import Response  # noqa: E402
from starlette.routing import Route  # noqa: E402

WORLD = Corpus(refused="refused" in sys.argv[2:])


async def answer(request: Request) -> Response:
    path, query = request.scope["raw_path"].decode(), request.scope["query_string"].decode()
    asked = httpx2.Request(request.method, f"http://127.0.0.1{path}?{query}", content=await request.body())
    given = WORLD.answer(asked)
    headers = {name: value for name, value in given.headers.items() if name.startswith(("content-type", "cf-"))}
    return Response(given.content, given.status_code, headers)


APP = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])])

if __name__ == "__main__":
    uvicorn.run(APP, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
