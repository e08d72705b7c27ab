"""The benchmark's throw-away server, and what is built for it."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from client import Session

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent.parent

# Large enough that no table leaves shared buffers and no checkpoint starts
# by itself; nothing runs in the background that would take CPU of a core.
CONFIGURATION = """
listen_addresses = ''
unix_socket_directories = '{home}'
shared_preload_libraries = '{preload}'
shared_buffers = 1GB
max_connections = 50
max_worker_processes = 16
max_parallel_workers_per_gather = 0
fsync = off
full_page_writes = off
max_wal_size = 16GB
checkpoint_timeout = 1h
bgwriter_lru_maxpages = 0
autovacuum = off
jit = off
log_checkpoints = off
"""


def pg_config(name):
    """One answer of pg_config, of the server that PG_CONFIG names."""
    command = [os.environ.get("PG_CONFIG", "pg_config"), f"--{name}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def checked(command, **options):
    """Runs a command quietly; its output is shown if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, **options)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))} failed:\n{done.stdout}")


def build_extension():
    """Builds and installs bionic_crypt from this tree."""
    checked(["make", "-s", "-C", ROOT])
    checked(["make", "-s", "-C", ROOT, "install"])


def extension_installed():
    """Whether there is a bionic_crypt library to preload."""
    return (Path(pg_config("pkglibdir")) / "bionic_crypt.so").exists()


class Server:
    """Runs from entering the context to leaving it, in a temporary folder."""

    def __init__(self, preload):
        self.home = None
        self._preload = preload
        self.bin = Path(pg_config("bindir"))
        # A server must not run as root.
        self._user = "postgres" if os.geteuid() == 0 else None

    def __enter__(self):
        self.home = Path(tempfile.mkdtemp(prefix="bionic_crypt_bench_"))
        try:
            if self._user:
                account = pwd.getpwnam(self._user)
                os.chown(self.home, account.pw_uid, account.pw_gid)
            self._build_bare()
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if (self.home / "data" / "postmaster.pid").exists():
            self._as_owner("pg_ctl", "stop", "-w", "-m", "immediate", "-D", self.home / "data")
        shutil.rmtree(self.home, ignore_errors=True)

    @property
    def bare_library(self):
        """The path to load bare_text from."""
        return self.home / "bare" / "bare.so"

    def session(self, user="postgres", settings=()):
        """A new connection."""
        return Session(self.home, user, settings)

    def file(self, name):
        """The path of a file that the server may read."""
        return self.home / name

    def _build_bare(self):
        folder = self.home / "bare"
        folder.mkdir(mode=0o755)
        for name in ("bare.c", "bare.mk"):
            shutil.copy(BENCH / name, folder)
        checked(["make", "-s", "-C", folder, "-f", "bare.mk"])
        self.bare_library.chmod(0o755)

    def _start(self):
        data = self.home / "data"
        self._as_owner("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
                       "--locale=C.UTF-8", "--no-sync")
        with open(data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(home=self.home, preload=self._preload))
        self._as_owner("pg_ctl", "start", "-w", "-D", data, "-l", self.home / "log",
                       "-o", "-p 5432")

    def _as_owner(self, program, *arguments):
        command = [str(self.bin / program), *map(str, arguments)]
        if self._user:
            command = ["runuser", "-u", self._user, "--", *command]
        setup_log = self.home / "setup.log"
        # A file, since a pipe would be kept open by the server.
        with open(setup_log, "w", encoding="utf-8") as output:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output,
                                  stderr=subprocess.STDOUT, cwd=self.home, check=False)
        if done.returncode != 0:
            logs = [log.read_text() for log in (setup_log, self.home / "log") if log.exists()]
            raise SystemExit(f"{program} failed:\n" + "".join(logs))
