"""A sender of transactions that costs little: ready-made requests on plain sockets, one thread a connection."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of it."""

    requests: int
    seconds: float
    refused: int


def request(body: bytes, *, token: str, txn_id: str) -> bytes:
    """The bytes of one PUT."""
    head = (
        f"PUT /_matrix/app/v1/transactions/{txn_id} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def send(port: int, requests: Sequence[bytes], *, connections: int) -> Sent:
    """Send all requests, shared out over the connections; each waits for its answer before the next."""
    refused: list[int] = []
    threads = [
        threading.Thread(target=_send, args=(port, requests[n::connections], refused)) for n in range(connections)
    ]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Sent(len(requests), time.perf_counter() - started, len(refused))


def _send(port: int, requests: Sequence[bytes], refused: list[int]) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for one in requests:
            status = put(connection, one)
            if status != 200:
                refused.append(status)


def put(connection: socket.socket, one: bytes) -> int:
    """Send one request; the status of its answer."""
    connection.sendall(one)
    return _status(connection)


def _status(connection: socket.socket) -> int:
    """Read one answer, whose body is small."""
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65536)
    return int(head[9:12])
