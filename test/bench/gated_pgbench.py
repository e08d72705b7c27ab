"""pgbench between two gates, so that exactly its transactions are measured.

pgbench's backends are gone when it is, and with them their CPU figures.  So
each client stops at an advisory lock of the benchmark before its first and
after its last measured transaction; while both wait, they are read.  What
comes before the first gate (connection, plans, keys) is not measured.
"""

import os
import subprocess
import time

from client import cpu_ns, options_of
from results import Sample

CLIENTS = 2
WARM_UP = 50
FIRST_GATE, LAST_GATE = 1, 2
GATES = f"""\\set n :n + 1
\\if :n = :first
SELECT pg_advisory_lock_shared({FIRST_GATE});
\\elif :n = :last
SELECT pg_advisory_lock_shared({LAST_GATE});
\\endif
"""
WAITING = """
SELECT a.pid, extract(epoch FROM a.query_start)
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.objid = {gate} AND NOT l.granted"""


def run(server, subject, transactions, script, value="unused"):
    """Runs script so many times in all; what one transaction cost."""
    each = max(transactions // CLIENTS // subject.variant.slower, 50)
    path = server.file("pgbench.sql")
    path.write_text(GATES + script)
    command = [
        server.bin / "pgbench", "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "1",
        "-t", str(WARM_UP + each), "-f", path, "-h", server.home, "-U", subject.app_user,
        "-D", "n=0", "-D", f"first={WARM_UP}", "-D", f"last={WARM_UP + each}",
        "-D", f"value={value}", "postgres"]
    environment = dict(os.environ, PGOPTIONS=options_of(subject.settings))
    with server.session() as gatekeeper:
        for gate in (FIRST_GATE, LAST_GATE):
            gatekeeper.query(f"SELECT pg_advisory_lock({gate})")
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True) as process:
            try:
                before, _ = wait_for_all(gatekeeper, FIRST_GATE, process)
                begin = float(gatekeeper.value(
                    f"SELECT extract(epoch FROM clock_timestamp()), "
                    f"pg_advisory_unlock({FIRST_GATE})"))
                after, end = wait_for_all(gatekeeper, LAST_GATE, process)
                gatekeeper.query(f"SELECT pg_advisory_unlock({LAST_GATE})")
                output, _ = process.communicate()
            except BaseException:
                process.kill()
                raise
        if process.returncode != 0:
            raise SystemExit(f"pgbench failed:\n{output}")
    cpu = sum(after[pid] - before[pid] for pid in before)
    return Sample(cpu / each / CLIENTS, (end - begin) * 1e9 / each / CLIENTS)


def wait_for_all(gatekeeper, gate, process):
    """When all clients stand at a gate: their CPU, and when the last came."""
    while True:
        waiting = gatekeeper.query(WAITING.format(gate=gate))
        if len(waiting) == CLIENTS:
            return ({int(pid): cpu_ns(int(pid)) for pid, _ in waiting},
                    max(float(since) for _, since in waiting))
        if process.poll() is not None:
            raise SystemExit(f"pgbench failed:\n{process.stdout.read()}")
        time.sleep(0.02)
