#!/usr/bin/env python3
"""Ends TLS in front of a PostgreSQL server, with a certificate of its own, as an
operator would who listens.

  tls_proxy.py CERTIFICATE KEY SERVER_PORT PORT_FILE

Listens on 127.0.0.1, and writes the port into PORT_FILE.
"""

import socket
import ssl
import struct
import sys
import threading
from pathlib import Path

SSL_REQUEST = struct.pack("!II", 8, 80877103)


def relay(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def serve(client, context, port):
    if client.recv(8, socket.MSG_WAITALL) != SSL_REQUEST:
        return
    client.sendall(b"S")
    client = context.wrap_socket(client, server_side=True)
    server = socket.create_connection(("127.0.0.1", port))
    server.sendall(SSL_REQUEST)
    assert server.recv(1) == b"S"
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    server = trusting.wrap_socket(server)
    threading.Thread(target=relay, args=(client, server), daemon=True).start()
    relay(server, client)


def main(certificate, key, port, port_file):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))
    Path(port_file + ".new").write_text(str(listener.getsockname()[1]))
    Path(port_file + ".new").rename(port_file)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, context, int(port)), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
