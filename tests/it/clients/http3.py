"""HTTP/3 by aioquic, for tests/it/clients.rs.

usage: http3.py ADDRESS PORT NAMES <body: puts it, in a hello that offers so many more protocols.
servers.py imports `serve`.
"""

import asyncio
import ssl
import sys

from aioquic.asyncio import connect, serve as listen
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration

HOST = "files.example.org"


class Client(QuicConnectionProtocol):
    """Puts a body, and waits for what is said of it."""

    async def put(self, body):
        self.http, self.said = H3Connection(self._quic), asyncio.get_running_loop().create_future()
        stream = self._quic.get_next_available_stream_id()
        self.http.send_headers(stream, [(b":method", b"PUT"), (b":scheme", b"https"),
                                        (b":authority", HOST.encode()), (b":path", b"/body")])
        self.http.send_data(stream, body, end_stream=True)
        self.transmit()
        return await asyncio.wait_for(self.said, 4)

    def quic_event_received(self, event):
        for one in self.http.handle_event(event) if hasattr(self, "http") else []:
            if isinstance(one, HeadersReceived) and not self.said.done():
                self.said.set_result(dict(one.headers)[b":status"].decode())


class Server(QuicConnectionProtocol):
    """Takes what it is sent, and says so."""

    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.http = H3Connection(self._quic)

    def quic_event_received(self, event):
        for one in self.http.handle_event(event):
            if isinstance(one, DataReceived) and one.stream_ended:
                self.http.send_headers(one.stream_id, [(b":status", b"200")], end_stream=True)
                self.transmit()


async def serve(address, ports, certificate, key):
    """Listens for as long as the program runs."""
    settings = QuicConfiguration(is_client=False, alpn_protocols=["h3"])
    settings.load_cert_chain(certificate, key)
    for port in ports:
        await listen(address, port, configuration=settings, create_protocol=Server)
    await asyncio.Event().wait()


async def main(address, port, names):
    # As many as a hello of several packets takes.
    others = [f"tests/protocol-of-a-long-name-{number}" for number in range(int(names))]
    settings = QuicConfiguration(alpn_protocols=["h3", *others], server_name=HOST,
                                 verify_mode=ssl.CERT_NONE)
    body = sys.stdin.buffer.read()
    async with connect(address, int(port), configuration=settings,
                       create_protocol=Client) as client:
        print(await client.put(body), file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
