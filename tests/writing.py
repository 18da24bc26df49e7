"""A process that adds logs to a store, and reports each on stdout once it is committed: `writing.py PATH FIRST COUNT`."""

import asyncio
import sys

from logs import a_log

from cf_aig_gateway.local.store import Store


async def write(path: str, first: int, count: int) -> None:
    async with Store(path) as store:
        for number in range(first, first + count):
            await store.add(a_log(number, request=b"x" * 20_000))
            sys.stdout.write(f"{a_log(number).id}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
