"""Servers that take what they are sent, for tests/it/clients.rs: ADDRESS, and a folder with
certificates. Each speaks as much of its protocol as its client needs to begin."""

import http.server
import os
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time

ADDRESS, FOLDER = sys.argv[1:]


def drain(stream):
    while stream.recv(1 << 16):
        pass


def context(name, version, protocols=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.set_ciphers("DEFAULT:@SECLEVEL=0")
    made.minimum_version = made.maximum_version = version
    made.load_cert_chain(f"{FOLDER}/{name}.pem", f"{FOLDER}/{name}.key")
    if protocols:
        made.set_alpn_protocols(protocols)
    return made


def tls(name, version, protocols=None):
    made = context(name, version, protocols)
    return lambda stream: drain(made.wrap_socket(stream, server_side=True))


class Put(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_PUT(self):
        left = int(self.headers["Content-Length"])
        while left > 0:
            left -= len(self.rfile.read(min(left, 1 << 20)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def web(stream):
    Put(stream, stream.getpeername(), None)


def http2(stream):
    stream.sendall(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
    drain(stream)


def socks4(stream):
    head = stream.recv(1 << 16)
    assert head.startswith(b"\x04\x01") and head.endswith(b"files.example.org\0"), head
    stream.sendall(b"\0\x5a" + head[2:8])
    web(stream)


def shell(stream):
    lists = ["curve25519-sha256", "ssh-ed25519", "aes128-ctr", "aes128-ctr", "hmac-sha2-256",
             "hmac-sha2-256", "none", "none", "", ""]
    packed = b"".join(struct.pack(">I", len(one)) + one.encode() for one in lists)
    body = b"\x14" + bytes(16) + packed + bytes(5)
    padding = 8 - (len(body) + 5) % 8 + 8
    packet = struct.pack(">IB", len(body) + 1 + padding, padding) + body + bytes(padding)
    stream.sendall(b"SSH-2.0-tests\r\n" + packet)
    stream.settimeout(2)
    try:
        drain(stream)
    except OSError:
        pass


def mail(starts_tls):
    def speak(stream):
        lines = stream.makefile("rb")
        say = lambda text: stream.sendall(text + b"\r\n")
        say(b"220 mx.example.net ESMTP")
        while line := lines.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                say(b"250-mx.example.net\r\n250 STARTTLS" if starts_tls else b"250 mx.example.net")
            elif verb == b"STAR":
                say(b"220 go")
                made = context("good", ssl.TLSVersion.TLSv1_2)
                stream = made.wrap_socket(stream, server_side=True)
                lines = stream.makefile("rb")
            elif verb == b"DATA":
                say(b"354 go")
                while lines.readline() not in (b".\r\n", b""):
                    pass
                say(b"250 taken")
            elif verb == b"QUIT":
                say(b"221 bye")
                return
            else:
                say(b"250 ok")
    return speak


def files(stream):
    say = lambda text: stream.sendall(text + b"\r\n")
    say(b"220 files FTP")
    for line in stream.makefile("rb"):
        verb = line[:4].strip().upper()
        if verb == b"USER":
            say(b"331 password")
        elif verb == b"PASS":
            say(b"230 in")
        elif verb == b"PWD":
            say(b'257 "/"')
        elif verb == b"EPSV":
            say(b"229 passive (|||2121|)")
        elif verb == b"STOR":
            say(b"150 go")
            drain(DATA.accept()[0])
            say(b"226 taken")
        elif verb == b"QUIT":
            say(b"221 bye")
            return
        else:
            say(b"200 ok")


def directory(stream):
    stream.recv(1 << 16)
    stream.sendall(bytes([0x30, 12, 2, 1, 1, 0x61, 7, 10, 1, 0, 4, 0, 4, 0]))
    stream.recv(1 << 16)
    stream.sendall(bytes([0x30, 12, 2, 1, 2, 0x65, 7, 10, 1, 0, 4, 0, 4, 0]))
    drain(stream)


def names(stream):
    # Length and message may come one by one.
    (length,) = struct.unpack(">H", stream.recv(2, socket.MSG_WAITALL))
    query = stream.recv(length, socket.MSG_WAITALL)
    answer = query[:2] + b"\x81\x80\0\1\0\1\0\0\0\0" + query[12:]
    answer += b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(ADDRESS)
    stream.sendall(struct.pack(">H", len(answer)) + answer)
    drain(stream)


def listen(port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((ADDRESS, port))
    listener.listen()
    return listener


def serve(listener, speak):
    while True:
        stream, _ = listener.accept()

        def run(stream=stream):
            try:
                speak(stream)
            except OSError as error:
                print("server:", error, file=sys.stderr, flush=True)
            stream.close()
        threading.Thread(target=run, daemon=True).start()


V = ssl.TLSVersion
DATA = listen(2121)
SERVERS = {
    9000: drain, 80: web, 8080: http2, 443: tls("good", V.TLSv1_3, ["h2"]),
    4431: tls("good", V.TLSv1_1), 4432: tls("good", V.TLSv1_2), 4433: tls("weak", V.TLSv1_2),
    4435: tls("long", V.TLSv1_2), 4434: tls("good", V.TLSv1_3), 22: shell, 21: files, 25: mail(False), 587: mail(True),
    389: directory, 1080: socks4, 53: names,
}
for port, speak in SERVERS.items():
    threading.Thread(target=serve, args=(listen(port), speak), daemon=True).start()
try:
    import asyncio

    import http3
    http3s = http3.serve(ADDRESS, [8443, 8444], f"{FOLDER}/good.pem", f"{FOLDER}/good.key")
    threading.Thread(target=asyncio.run, args=(http3s,), daemon=True).start()
    time.sleep(0.5)
except ImportError as error:
    print("server: no HTTP/3:", error, file=sys.stderr, flush=True)
print("ready", file=sys.stderr, flush=True)
threading.Event().wait()
