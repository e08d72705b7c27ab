#!/usr/bin/env python3
"""A stand-in for the kernel's configfs-tsm, over a TEE of software.

  fake_tsm.py USER MOUNTPOINT CONTROL PKI

Mounts a file system with one entry, "entry", that keeps the semantics of
Documentation/ABI/testing/configfs-tsm-report: files are root's, with modes
0200 and 0444 and size 0; what is written to inblob takes effect at close();
"generation" counts what is written; a report is made when outblob or auxblob
is read, and is the same until the next write.  Beside it are files that only
serve tests: "socket", which somebody else owns.

PKI is what software_tee.py made.  Faults are read from CONTROL/faults.json
whenever it changes; what happened goes to CONTROL/log, a word a line.

  owner        who owns inblob and privlevel; 0: root
  provider     sev_guest or tdx_guest
  floor        privlevel_floor
  busy         so many reads of outblob fail with EBUSY
  error        reads of outblob fail with this number
  delay        seconds that a report takes
  cross_write  another process writes after each write of inblob
  stale        every report is about zeros
  aux          none: an empty table; bad: a damaged one; mixed: GUIDs as UEFI writes them
  vlek         reports are signed with the key of the VLEK

As that of TDX does, a request that a signal interrupts ends with EINTR, and
all later ones with EBUSY.  Root starts it, for USER; it speaks FUSE's protocol
itself and wants no library.
"""

import ctypes
import errno
import json
import os
import pwd
import select
import stat
import struct
import sys
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import software_tee

(LOOKUP, FORGET, GETATTR, SETATTR, OPEN, READ, WRITE, RELEASE, FLUSH, INIT, OPENDIR, READDIR,
 RELEASEDIR, INTERRUPT, DESTROY, BATCH_FORGET) = (1, 2, 3, 4, 14, 15, 16, 18, 25, 26, 27, 28, 29, 36, 38, 42)
DIRECT_IO = 1
MS_NOSUID, MS_NODEV = 2, 4
IN_HEADER = struct.Struct("<IIQQIIIHH")
OUT_HEADER = struct.Struct("<IiQ")
REQUEST_MAX = 1 << 20

ROOT, ENTRY, SOCKET = 1, 2, 3
WRITABLE = ["inblob", "privlevel"]
NAMES = ["provider", "generation", "outblob", "auxblob", "privlevel_floor", *WRITABLE]
OF_SEV = {"auxblob", "privlevel_floor", "privlevel"}
FIRST_FILE = 10
INBLOB_LEN = 64
SOMEBODY = 4242


class Errno(Exception):
    pass


class Tsm:
    def __init__(self, control, pki):
        self.control, self.pki = Path(control), pki
        self.faults, self.stamp = {}, None
        self.generation, self.made_at = 0, None
        self.inblob = self.report = b""
        self.level = 0
        self.stuck = False

    def log(self, word):
        with open(self.control / "log", "a") as out:
            out.write(word + "\n")

    def look_at_faults(self):
        path = self.control / "faults.json"
        stamp = path.stat().st_mtime_ns if path.exists() else None
        if stamp != self.stamp:
            self.faults = json.loads(path.read_text()) if stamp else {}
            self.stamp = stamp
            self.stuck = False

    def names(self):
        sev = self.faults.get("provider", "sev_guest") == "sev_guest"
        return [n for n in NAMES if sev or n not in OF_SEV]

    def write(self, name, data):
        if name == "inblob":
            self.inblob = data
        else:
            self.level = int(data)
        self.generation += 1
        if name == "inblob" and self.faults.get("cross_write"):
            self.inblob = bytes(INBLOB_LEN)
            self.generation += 1

    def make_report(self):
        if self.made_at == self.generation:
            return
        if self.stuck or self.faults.get("busy", 0) > 0:
            self.faults["busy"] = self.faults.get("busy", 0) - 1
            self.log("busy")
            raise Errno(errno.EBUSY)
        if "error" in self.faults:
            self.log("error")
            raise Errno(self.faults["error"])
        if len(self.inblob) != INBLOB_LEN or self.level < int(self.faults.get("floor", 0)):
            raise Errno(errno.EINVAL)
        data = bytes(INBLOB_LEN) if self.faults.get("stale") else self.inblob
        if self.faults.get("provider", "sev_guest") == "sev_guest":
            self.report = software_tee.snp_report(self.pki, data, vmpl=self.level, vlek="vlek" in self.faults)
        else:
            self.report = struct.pack("<H", 4) + bytes(0x238 - 2) + data + bytes(1000)
        self.made_at = self.generation
        self.log("report")

    def read(self, name):
        if name in ("outblob", "auxblob"):
            self.make_report()
        if name == "outblob":
            return self.report
        if name == "auxblob":
            table = software_tee.snp_auxblob(self.pki, ("ark", "vlek", "ask", "vcek"))
            mixed = b"".join(uuid.UUID(bytes=table[at:at + 16]).bytes_le + table[at + 16:at + 24]
                             for at in range(0, 4 * 24, 24)) + table[4 * 24:]
            return {"none": b"", "bad": table[:100], "mixed": mixed}.get(self.faults.get("aux"), table)
        if name == "provider":
            return self.faults.get("provider", "sev_guest").encode() + b"\n"
        if name == "privlevel_floor":
            return b"%d\n" % int(self.faults.get("floor", 0))
        return b"%d\n" % self.generation


class Fuse:
    """One thread; a report that takes its time is answered later."""

    def __init__(self, device, tsm):
        self.device, self.tsm = device, tsm
        self.handles, self.next_handle = {}, 1
        self.waiting = {}        # request: (when it is due, handle, offset, size)

    def reply(self, unique, data=b"", error=0):
        try:
            os.write(self.device, OUT_HEADER.pack(OUT_HEADER.size + len(data), -error, unique) + data)
        except OSError as e:
            if e.errno != errno.ENOENT:
                raise

    def attributes(self, node):
        owner, links = 0, 1
        if node in (ROOT, ENTRY):
            mode, links = stat.S_IFDIR | 0o755, 2
        elif node == SOCKET:
            mode, owner = stat.S_IFSOCK | 0o666, SOMEBODY
        else:
            writable = NAMES[node - FIRST_FILE] in WRITABLE
            mode = stat.S_IFREG | (0o200 if writable else 0o444)
            owner = self.tsm.faults.get("owner", 0) if writable else 0
        return struct.pack("<QQQQQQIIIIIIIIII", node, 0, 0, 0, 0, 0, 0, 0, 0, mode, links, owner, 0, 0, 4096, 0)

    def node_of(self, parent, name):
        if parent == ROOT and name in ("entry", "socket"):
            return ENTRY if name == "entry" else SOCKET
        if parent == ENTRY and name in self.tsm.names():
            return FIRST_FILE + NAMES.index(name)
        raise Errno(errno.ENOENT)

    def lookup(self, node, body):
        found = self.node_of(node, body.rstrip(b"\0").decode())
        return struct.pack("<QQQQII", found, 0, 0, 0, 0, 0) + self.attributes(found)

    def open(self, node, body):
        name = NAMES[node - FIRST_FILE]
        writes = struct.unpack_from("<I", body)[0] & os.O_ACCMODE == os.O_WRONLY
        if struct.unpack_from("<I", body)[0] & os.O_ACCMODE == os.O_RDWR or writes != (name in WRITABLE):
            raise Errno(errno.EACCES)
        handle, self.next_handle = self.next_handle, self.next_handle + 1
        self.handles[handle] = {"name": name, "in": None, "out": None}
        return struct.pack("<QII", handle, DIRECT_IO, 0)

    def write(self, body):
        handle, offset, size = struct.unpack_from("<QQI", body)
        data = body[40:40 + size]
        if offset + size > INBLOB_LEN:
            raise Errno(errno.EFBIG)
        file = self.handles[handle]
        file["in"] = (file["in"] or b"")[:offset] + data
        return struct.pack("<II", size, 0)

    def flush(self, body):
        file = self.handles[struct.unpack_from("<Q", body)[0]]
        if file["in"] is not None:
            self.tsm.write(file["name"], file["in"])
            file["in"] = None
        return b""

    def read_file(self, handle, offset, size):
        file = self.handles[handle]
        if file["out"] is None:
            file["out"] = self.tsm.read(file["name"])
        return file["out"][offset:offset + size]

    def read(self, unique, body):
        handle, offset, size = struct.unpack_from("<QQI", body)
        delay = self.tsm.faults.get("delay", 0)
        if delay and self.handles[handle]["name"] == "outblob" and self.handles[handle]["out"] is None:
            self.tsm.log("begin")
            self.waiting[unique] = (time.monotonic() + delay, handle, offset, size)
            return None
        return self.read_file(handle, offset, size)

    def interrupt(self, unique):
        if self.waiting.pop(unique, None):
            self.tsm.log("interrupted")
            self.tsm.stuck = True
            self.reply(unique, error=errno.EINTR)

    def serve_due(self):
        for unique, (due, *what) in list(self.waiting.items()):
            if due <= time.monotonic():
                del self.waiting[unique]
                self.answer(unique, lambda: self.read_file(*what))

    def answer(self, unique, function):
        try:
            data = function()
        except Errno as e:
            self.reply(unique, error=e.args[0])
        else:
            if data is not None:
                self.reply(unique, data)

    def handle(self, request):
        _, opcode, unique, node, *_ = IN_HEADER.unpack_from(request)
        body = request[IN_HEADER.size:]
        self.tsm.look_at_faults()
        if opcode in (FORGET, BATCH_FORGET):
            return
        if opcode == INTERRUPT:
            self.interrupt(struct.unpack_from("<Q", body)[0])
            return
        functions = {
            INIT: lambda: struct.pack("<IIIIHHIIHHI28x", 7, 31, 0, 0, 16, 12, 4096, 1, 0, 0, 0),
            LOOKUP: lambda: self.lookup(node, body),
            GETATTR: lambda: struct.pack("<QII", 0, 0, 0) + self.attributes(node),
            SETATTR: lambda: struct.pack("<QII", 0, 0, 0) + self.attributes(node),
            OPEN: lambda: self.open(node, body),
            OPENDIR: lambda: struct.pack("<QII", 0, 0, 0),
            READDIR: lambda: b"",
            READ: lambda: self.read(unique, body),
            WRITE: lambda: self.write(body),
            FLUSH: lambda: self.flush(body),
            RELEASE: lambda: b"" if self.handles.pop(struct.unpack_from("<Q", body)[0], None) else b"",
            RELEASEDIR: lambda: b"",
            DESTROY: lambda: b"",
        }
        if opcode not in functions:
            self.reply(unique, error=errno.ENOSYS)
        else:
            self.answer(unique, functions[opcode])

    def run(self):
        while True:
            due = min((w[0] for w in self.waiting.values()), default=None)
            select.select([self.device], [], [], None if due is None else max(0, due - time.monotonic()))
            self.serve_due()
            try:
                if select.select([self.device], [], [], 0)[0]:
                    self.handle(os.read(self.device, REQUEST_MAX))
            except OSError as e:
                if e.errno == errno.ENODEV:
                    return            # unmounted
                if e.errno not in (errno.EINTR, errno.ENOENT):
                    raise


def mount(mountpoint, user):
    """For that user alone, whom the process then becomes."""
    entry = pwd.getpwnam(user)
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id={entry.pw_uid},group_id={entry.pw_gid},default_permissions"
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"fake_tsm", os.fsencode(mountpoint), b"fuse", MS_NOSUID | MS_NODEV, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), "mount")
    os.initgroups(user, entry.pw_gid)
    os.setgid(entry.pw_gid)
    os.setuid(entry.pw_uid)
    return device


if __name__ == "__main__":
    user, mountpoint, control, pki = sys.argv[1:]
    device = mount(mountpoint, user)
    Fuse(device, Tsm(control, pki)).run()
