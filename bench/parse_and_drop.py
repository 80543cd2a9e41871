"""The reference for ingest: a server that parses a transaction and drops it."""

from __future__ import annotations

import json
import sys

from aiohttp import web


async def transaction(request: web.Request) -> web.Response:
    json.loads(await request.read())
    return web.json_response({})


if __name__ == "__main__":
    app = web.Application(client_max_size=128 * 1024 * 1024)
    app.router.add_put("/_matrix/app/v1/transactions/{txn_id}", transaction)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
