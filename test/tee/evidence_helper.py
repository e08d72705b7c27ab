#!/usr/bin/env python3
"""Evidence of the TEE of software at a Unix socket, for
bionic_crypt.attestation_source = 'helper:SOCKET'.

  evidence_helper.py PKI SOCKET FIELDS

PKI is a folder of software_tee.py; the file FIELDS has what differs in the next
report, NAME=VALUE each, and may be empty.
"""

import base64
import json
import socket
import sys
from pathlib import Path

import software_tee


def answer(pki, fields, request):
    report_data = base64.b64decode(json.loads(request)["report_data"])
    changed = dict(map(software_tee.field_of, Path(fields).read_text().split()))
    report = software_tee.snp_report(pki, report_data, **changed)
    chain = [(Path(pki) / f"{name}.der").read_bytes() for name in ("vcek", "ask", "ark")]
    return json.dumps({"type": "sev-snp", "report": base64.b64encode(report).decode(),
                       "certificates": [base64.b64encode(der).decode() for der in chain]}).encode()


def main(pki, path, fields):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    while True:
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(answer(pki, fields, lines.readline()))


if __name__ == "__main__":
    main(*sys.argv[1:])
