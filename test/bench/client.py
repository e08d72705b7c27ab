"""A session of the benchmark: a small client of PostgreSQL's protocol.

psql would do, but a thousand short sessions, each one's process id and
exact times are simpler to have from the protocol itself.
"""

import socket
import struct
import time


class ServerError(Exception):
    """An ERROR of the server; sqlstate tells which."""

    def __init__(self, fields):
        self.sqlstate = fields.get("C", "")
        super().__init__(f"{fields.get('M', '')} ({self.sqlstate})")


class Session:
    """One connection over a Unix socket, simple queries only."""

    def __init__(self, socket_folder, user="postgres", settings=()):
        self.pid = None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(f"{socket_folder}/.s.PGSQL.5432")
        self._reader = self._socket.makefile("rb")
        parameters = {
            "user": user,
            "database": "postgres",
            "application_name": "bench",
            "client_encoding": "UTF8",
            "options": options_of(settings),
        }
        body = struct.pack("!i", 196608)
        for name, value in parameters.items():
            body += name.encode() + b"\0" + value.encode() + b"\0"
        body += b"\0"
        self._socket.sendall(struct.pack("!i", len(body) + 4) + body)
        self._drain()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the session as a client should."""
        self._socket.sendall(b"X" + struct.pack("!i", 4))
        self._reader.close()
        self._socket.close()

    def query(self, sql):
        """Runs one query string; the rows as tuples of text or None."""
        body = sql.encode() + b"\0"
        self._socket.sendall(b"Q" + struct.pack("!i", len(body) + 4) + body)
        return self._drain()

    def value(self, sql):
        """The first column of the only row."""
        return self.query(sql)[0][0]

    def _message(self):
        head = self._reader.read(5)
        if len(head) < 5:
            raise ConnectionError("the server closed the connection")
        length = struct.unpack("!i", head[1:])[0] - 4
        return chr(head[0]), self._reader.read(length)

    def _drain(self):
        """Reads up to the next ReadyForQuery, and raises what went wrong."""
        rows, error = [], None
        while True:
            kind, body = self._message()
            if kind == "D":
                rows.append(row_of(body))
            elif kind == "E":
                error = ServerError(fields_of(body))
                if self.pid is None:  # refused at the door: nothing follows
                    raise error
            elif kind == "K":
                self.pid = struct.unpack("!ii", body)[0]
            elif kind == "R" and struct.unpack("!i", body[:4])[0] != 0:
                raise ConnectionError("the server asks for a password")
            elif kind == "Z":
                if error is not None:
                    raise error
                return rows


def row_of(body):
    """The columns of a DataRow message."""
    count = struct.unpack_from("!h", body)[0]
    position, columns = 2, []
    for _ in range(count):
        length = struct.unpack_from("!i", body, position)[0]
        position += 4
        if length < 0:
            columns.append(None)
            continue
        columns.append(body[position:position + length].decode())
        position += length
    return tuple(columns)


def fields_of(body):
    """The fields of an ErrorResponse message by their letter."""
    return {part[:1].decode(): part[1:].decode()
            for part in body.split(b"\0") if part}


def options_of(settings):
    """Settings as the options of a connection; values hold no spaces."""
    return " ".join(f"-c {name}={value}" for name, value in settings)


def cpu_ns(pid):
    """CPU time an idle backend has used, in nanoseconds.

    The kernel brings the figure up to date when the process goes to sleep,
    which a backend does only after its last byte has left: wait for that.
    """
    before = None
    while True:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            asleep = file.read().rpartition(")")[2].split()[0] == "S"
        with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
            now = int(file.read().split()[0])
        if asleep and now == before:
            return now
        before = now
        time.sleep(0.001)
