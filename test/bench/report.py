"""The Markdown page and the verdict."""

import ctypes
import ctypes.util
import datetime
import platform
from dataclasses import dataclass

import extras
import workloads

INTRODUCTION = """\
# Benchmark

What an encrypted column costs: bionic_crypt beside plain text, pgcrypto, and the least that an
encrypted column can cost.

    test/bench/run            # who may `make install`, on Linux; half an hour to an hour
    test/bench/run --quick    # a minute or two, 256 B only, printed

| variant | what it is |
|---|---|
| `plain` | a column of type `text` |
| `pgcrypto_function` | what applications have today: a PL/pgSQL function around `pgp_sym_encrypt` \
with `compress-algo=1, cipher-algo=aes256` and the key from a setting, and its counterpart |
| `pgcrypto_raw` | pgcrypto's `encrypt` and `decrypt`, AES-256-CBC with a random first block; not authenticated |
| `pgsodium` | pgsodium's deterministic AEAD with the key given; only where pgsodium is installed |
| `bare` | a C type that does AES-256-GCM with one fixed key and a header as long as ours, and nothing else: \
no tenants, no key management, no rights. Not a product but the bar: see `test/bench/bare.c` |
| `bionic_crypt` | a column of type `encrypted_text` |
"""

METHOD = """\
## How it was measured

- One throw-away server on the machine named above: `fsync` and `full_page_writes` off, 1 GB of
  shared buffers, no autovacuum, no JIT, no parallel query, encoding UTF8. All variants run in that
  one server, workload by workload, in short turns; each turn starts with another variant. Of
  {passes} turns the least counts as the figure of a round, since what disturbs a machine only adds.
- **CPU** is the time the serving backend was on a core, from `/proc/PID/schedstat`, read while it
  is idle before and after. CPU of other processes (client, key worker, WAL writer) is not in it.
  **Wall** is the time the client waited; under pgbench, two clients shared it.
- A figure is the median of the rounds. A ratio is taken within each round, then the median; the
  lowest and the highest round are in brackets. `--noise` measures the bare type twice: how far
  that ratio is from 1 tells what a ratio is worth on a machine.
- Rows are distinct pseudo-random English words of exactly the size; one in {needle_every} holds
  the word that is searched for. The slow variants have fewer rows, and all figures are for one
  row. Tables are in shared buffers, and vacuumed before they are read.
- *bulk INSERT*: `INSERT ... SELECT` from a plain, uncompressed table into an empty one without an
  index. *COPY in* and *COPY out*: from a text file on the server, and to `/dev/null`; functions go
  through a temporary table on the way in. *scan*: `SELECT sum(length(content::text))`. *LIKE*:
  `SELECT count(*) ... WHERE content LIKE '%needle%'`. *point SELECT* and *single INSERT*: pgbench,
  prepared, two clients, by primary key; connecting and the first key are not in it. *storage*:
  `pg_total_relation_size` of the table without an index; plain text above 2 kB is compressed by
  PostgreSQL, ciphertext cannot be.
"""

PROTECTED_NOTE = """\
bionic_crypt by `protect_table`; the others by the same policies and default, and by a CHECK that
is as cheap. All are used by a role that row security binds; COPY in by one that it does not.
"""

FIRST_KEY_NOTE = """\
## First key in a new connection

Microseconds that the first value read by a new connection costs beyond the second, the key worker
warm. A PL/pgSQL function reads a row that is not there, so that plans and caches are warm, then
twice the one row that is, and takes `clock_timestamp()` around each.
"""

TENANTS_NOTE = """\
## {tenants} tenants in turn through one connection

As behind a connection pooler: `BEGIN`, `SELECT set_config('bionic_crypt.tenant', ..., true)`, a
point SELECT, `COMMIT`, each time as the next tenant. Nanoseconds for one transaction, CPU / wall:
"""


@dataclass(frozen=True)
class Bar:
    """A limit for bionic_crypt as a ratio to another variant."""

    group: str
    workload: str
    limit: float
    variant: str = "bionic_crypt"
    base: str = "bare"


BULK = (workloads.BULK_INSERT, workloads.COPY_IN, workloads.COPY_OUT, workloads.SCAN,
        workloads.LIKE)
SINGLE = (workloads.POINT_SELECT, workloads.SINGLE_INSERT)
FIRST_KEY_LIMIT_NS = 1e6
BARS = (
    *(Bar("256 B", workload, 1.10) for workload in BULK),
    *(Bar("256 B", workload, 1.03) for workload in SINGLE),
    *(Bar(extras.MANY_WRITERS, workload, 1.45) for workload, _ in workloads.READS),
    *(Bar(extras.PROTECTED, workload, 1.10) for workload in BULK),
    *(Bar(extras.PROTECTED, workload, 1.03) for workload in SINGLE),
    Bar(extras.TENANTS, extras.TRANSACTION, 1.3, extras.MANY, extras.ONE),
)


def number(value):
    """Three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def spread_text(spread):
    """A ratio with its lowest and highest round."""
    if spread is None:
        return "-"
    if spread.low == spread.high:  # measured once: storage
        return number(spread.median)
    return f"{number(spread.median)} ({number(spread.low)}-{number(spread.high)})"


def table(head, rows):
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def cost_text(results, group, workload, variant):
    """CPU and wall of one operation, or bytes of one row."""
    cpu = results.cost(group, workload, variant)
    if cpu is None:
        return "-"
    if workload == workloads.STORAGE:
        return f"{cpu.median:,.0f} B"
    wall = results.cost(group, workload, variant, "wall")
    return f"{cpu.median:,.0f} / {wall.median:,.0f}"


def group_section(results, group, title, names=workloads.ALL):
    """The tables of one group: ratios to plain, to bare, and nanoseconds."""
    variants = results.variants(group)
    parts = [f"## {title}\n"]
    for base in ("plain", "bare"):
        others = [name for name in variants if name not in ("plain", base)]
        if base not in variants or not others:
            continue
        parts.append(f"CPU, ratio to `{base}`:\n")
        parts.append(table(["", *others], [
            [workload, *(spread_text(results.ratio(group, workload, name, base))
                         for name in others)] for workload in names]))
    parts.append("Nanoseconds for one row or transaction, CPU / wall:\n")
    parts.append(table(["", *variants], [
        [workload, *(cost_text(results, group, workload, name) for name in variants)]
        for workload in names]))
    return "\n".join(parts)


def first_key_section(results):
    """The first value read by a new connection."""
    rows = []
    for name in results.variants(extras.FIRST_KEY):
        spread = results.cost(extras.FIRST_KEY, extras.FIRST_READ, name)
        rows.append([name, *(f"{value / 1000:,.0f}" for value in
                             (spread.median, spread.low, spread.high))])
    return FIRST_KEY_NOTE + "\n" + table(["", "median", "lowest", "highest"], rows)


def tenants_section(results, tenants):
    """Many tenants through one backend."""
    rows = []
    for label, group, variant in (
            ("all in turn, first pass", extras.TENANTS_COLD, extras.MANY),
            ("all in turn, later passes", extras.TENANTS, extras.MANY),
            ("one of them, as often", extras.TENANTS, extras.ONE)):
        rows.append([label, cost_text(results, group, extras.TRANSACTION, variant)])
    return (TENANTS_NOTE.format(tenants=tenants) + "\n" + table(["", "ns"], rows)
            + f"\nRatio: {spread_text(tenants_ratio(results))}.\n")


def tenants_ratio(results):
    """Many tenants against one."""
    return results.ratio(extras.TENANTS, extras.TRANSACTION, extras.MANY, extras.ONE)


def verdict(results):
    """Each bar with what was measured, as rows of a table."""
    rows = []
    for bar in BARS:
        spread = results.ratio(bar.group, bar.workload, bar.variant, bar.base)
        rows.append([f"{bar.group}: {bar.workload}", f"{bar.limit:.2f} of {bar.base}",
                     spread_text(spread), judged(spread, bar.limit)])
    first = results.cost(extras.FIRST_KEY, extras.FIRST_READ, "bionic_crypt")
    rows.append([extras.FIRST_KEY, "1 ms",
                 "-" if first is None else f"{first.median / 1e6:.2f} ms",
                 judged(first, FIRST_KEY_LIMIT_NS)])
    return rows


def judged(spread, limit):
    """A timing decides no test: this is for people."""
    if spread is None:
        return "not measured"
    return "met" if spread.median <= limit else "**not met**"


def page(results, sizes, scale, server_version):
    """The whole page."""
    parts = [INTRODUCTION, environment(scale.rounds, server_version)]
    parts.append("![Cost of each variant at 256 B, as a ratio to plain text](benchmark.svg)\n")
    parts.append("## The bars\n\nWhat bionic_crypt aims at, median (lowest-highest round):\n")
    parts.append(table(["", "at most", "measured", ""], verdict(results)))
    parts += [group_section(results, f"{size} B", f"Values of {size} B") for size in sizes]
    if results.variants(extras.MANY_WRITERS):
        parts.append(group_section(
            results, extras.MANY_WRITERS,
            f"A table written by {extras.WRITERS:,} connections of {extras.ROWS_PER_WRITER} "
            "rows each, 256 B", [name for name, _ in workloads.READS]))
    if results.variants(extras.PROTECTED):
        parts.append(group_section(
            results, extras.PROTECTED, "Tables under row security, 256 B"))
        parts.append(PROTECTED_NOTE)
    if results.variants(extras.FIRST_KEY):
        parts.append(first_key_section(results))
    if results.variants(extras.TENANTS):
        parts.append(tenants_section(results, scale.tenants))
    parts.append(METHOD.format(passes=scale.passes, needle_every=workloads.NEEDLE_EVERY))
    return "\n".join(parts)


def environment(rounds, server_version):
    """Where and with what it was measured."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return (f"Measured {datetime.date.today():%-d %B %Y}, {rounds} rounds, on {models[0]} "
            f"({len(models)} cores, {platform.system()} {platform.machine()}).\n"
            f"PostgreSQL {server_version}, {openssl_version()}, libsodium {sodium_version()}.\n")


def library_text(library, function, *arguments):
    """A text that a shared library tells about itself."""
    name = ctypes.util.find_library(library)
    if name is None:
        return "unknown"
    call = getattr(ctypes.CDLL(name), function)
    call.restype = ctypes.c_char_p
    return call(*arguments).decode()


def openssl_version():
    """For example: OpenSSL 3.0.22."""
    return " ".join(library_text("crypto", "OpenSSL_version", 0).split()[:2])


def sodium_version():
    """For example: 1.0.18."""
    return library_text("sodium", "sodium_version_string")
