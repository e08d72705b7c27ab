"""The workloads, run on every variant in turn."""

import random
import time
from dataclasses import dataclass

import gated_pgbench
from client import Session, cpu_ns
from results import Sample
from variants import Variant

BULK_INSERT = "bulk INSERT"
COPY_IN = "COPY in"
COPY_OUT = "COPY out"
SCAN = "scan"
LIKE = "LIKE"
POINT_SELECT = "point SELECT"
SINGLE_INSERT = "single INSERT"
STORAGE = "storage"
ALL = (BULK_INSERT, COPY_IN, COPY_OUT, SCAN, LIKE, POINT_SELECT, SINGLE_INSERT, STORAGE)

NEEDLE = "needle"
NEEDLE_EVERY = 100
WEIGHED_ROWS = 5_000
WORDS = """the a my your this that which when where about after before contract invoice
customer meeting question answer please thanks could would should deliver payment account
number address order project report today tomorrow yesterday friday morning send receive
change update between without because however together office manager service problem
solution price offer budget quarter review document signature deadline""".split()


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    A sample is the least of some passes over all variants.  What disturbs a
    virtual machine comes and goes in seconds and only adds: of a type measured
    twice, medians of passes differed by up to 14 %, and their least by 5 %.
    """

    rounds: int
    passes: int
    transactions: int
    connections: int
    tenants: int


@dataclass
class Subject:
    """A variant with its tables; app reads and writes, owner loads."""

    variant: Variant
    prefix: str
    rows: int
    app: Session
    owner: Session
    app_user: str = "postgres"
    settings: tuple = ()

    def table(self, use):
        """The table of one use: heap, point or single."""
        return f"{self.prefix}_{use}_{self.variant.name}"


class Source:
    """The rows every variant is loaded from: a plain table and a text file."""

    def __init__(self, server, size, rows):
        self.size = size
        self.rows = rows
        self._server = server
        self._lines = [f"{n}\t{value}\n" for n, value in enumerate(values(size, rows), 1)]
        with server.session() as session:
            session.query("DROP TABLE IF EXISTS source")
            session.query("CREATE TABLE source (id bigint PRIMARY KEY, content text NOT NULL)")
            # Or plain text would be copied in its compressed form, at no cost.
            session.query("ALTER TABLE source ALTER content SET STORAGE external")
            session.query(f"COPY source FROM '{self.file(rows)}'")
            session.query("VACUUM (FREEZE, ANALYZE) source")

    def file(self, rows):
        """A file of the first rows, for COPY in."""
        path = self._server.file(f"source_{self.size}_{rows}.txt")
        if not path.exists():
            path.write_text("".join(self._lines[:rows]))
            path.chmod(0o644)
        return path

    def one_value(self):
        """A value for single inserts."""
        return self._lines[0].rstrip("\n").split("\t")[1]


def values(size, rows):
    """Distinct pseudo-random prose of exactly size bytes each."""
    rng = random.Random(size)
    prose = " ".join(rng.choices(WORDS, k=200_000))
    for n in range(rows):
        start = rng.randrange(len(prose) - size)
        text = f"{n:07d} {prose[start:start + size]}"[:size]
        if n % NEEDLE_EVERY == 0:
            at = rng.randrange(8, size - len(NEEDLE) + 1)
            text = text[:at] + NEEDLE + text[at + len(NEEDLE):]
        yield text


def timed(session, sql, operations):
    """Runs sql; what one of its operations cost."""
    cpu_before = cpu_ns(session.pid)
    wall_before = time.perf_counter_ns()
    session.query(sql)
    wall = time.perf_counter_ns() - wall_before
    cpu = cpu_ns(session.pid) - cpu_before
    return Sample(cpu / operations, wall / operations)


def bulk_insert(subject, source):
    """INSERT ... SELECT from the plain source into an empty table."""
    heap = subject.table("heap")
    subject.owner.query(f"TRUNCATE {heap}")
    limit = "" if subject.rows == source.rows else f" LIMIT {subject.rows}"
    return timed(subject.app, f"INSERT INTO {heap} (id, content) SELECT id, "
                 f"{subject.variant.encrypt.format('content')} FROM source{limit}", subject.rows)


def copy_in(subject, source):
    """COPY of a text file; functions need a staging table on the way."""
    heap = subject.table("heap")
    path = source.file(subject.rows)
    subject.owner.query(f"TRUNCATE {heap}")
    if subject.variant.by_type:
        return timed(subject.owner, f"COPY {heap} (id, content) FROM '{path}'", subject.rows)
    subject.owner.query("CREATE TEMPORARY TABLE IF NOT EXISTS staging (id bigint, content text)")
    subject.owner.query("TRUNCATE staging")
    return timed(subject.owner, f"COPY staging FROM '{path}'; "
                 f"INSERT INTO {heap} (id, content) SELECT id, "
                 f"{subject.variant.encrypt.format('content')} FROM staging", subject.rows)


def copy_out(subject):
    """COPY to a file that takes everything."""
    heap = subject.table("heap")
    what = f"{heap} (id, content)"
    if not subject.variant.by_type:
        what = f"(SELECT id, {subject.variant.text_of('content')} FROM {heap})"
    return timed(subject.app, f"COPY {what} TO '/dev/null'", subject.rows)


def scan(subject):
    """Reads every value as text."""
    return timed(subject.app, scan_sql(subject), subject.rows)


def scan_sql(subject):
    """The total length of all values."""
    return (f"SELECT sum(length({subject.variant.text_of('content')})) "
            f"FROM {subject.table('heap')}")


def like(subject):
    """Searches every value."""
    return timed(subject.app, like_sql(subject), subject.rows)


def like_sql(subject):
    """The number of values with the needle."""
    return (f"SELECT count(*) FROM {subject.table('heap')} "
            f"WHERE {subject.variant.text_of('content')} LIKE '%{NEEDLE}%'")


def point_select(subject, server, transactions):
    """One row by its key, prepared, two clients."""
    column = subject.variant.decrypt.format("content")
    return gated_pgbench.run(
        server, subject, transactions, f"\\set id random(1, {subject.rows})\n"
        f"SELECT {column} FROM {subject.table('point')} WHERE id = :id;\n")


def single_insert(subject, server, transactions, value):
    """One row a transaction, prepared, two clients."""
    subject.owner.query(f"TRUNCATE {subject.table('single')}")
    return gated_pgbench.run(
        server, subject, transactions,
        f"INSERT INTO {subject.table('single')} (content) "
        f"VALUES ({subject.variant.encrypt.format(':value')});\n", value)


READS = ((COPY_OUT, copy_out), (SCAN, scan), (LIKE, like))


def check_content(subject, size):
    """A variant that loses or adds text would be measured in vain."""
    expected = (str(size * subject.rows),)
    found = subject.app.query(scan_sql(subject))[0]
    needles = int(subject.app.value(like_sql(subject)))
    if found != expected or needles != -(-subject.rows // NEEDLE_EVERY):
        raise SystemExit(f"{subject.table('heap')} does not hold what was written")


def sample_each(results, group, workload, subjects, scale, round_number, measure):
    """One sample of every subject; each is first in turn."""
    samples = {subject.variant.name: [] for subject in subjects}
    for pass_number in range(scale.passes):
        shift = (round_number * scale.passes + pass_number) % len(subjects)
        for subject in subjects[shift:] + subjects[:shift]:
            samples[subject.variant.name].append(measure(subject))
    for name, passes in samples.items():
        results.add(group, workload, name, Sample.least_of(passes))


def run_round(server, source, subjects, group, scale, round_number, results):
    """Every workload on every subject."""
    def each(workload, measure):
        sample_each(results, group, workload, subjects, scale, round_number, measure)

    subjects[0].owner.query("CHECKPOINT")
    each(BULK_INSERT, lambda s: bulk_insert(s, source))
    each(COPY_IN, lambda s: copy_in(s, source))
    for subject in subjects:
        # Or the first reader would pay for setting hint bits.
        subject.owner.query(f"VACUUM (FREEZE, ANALYZE) {subject.table('heap')}")
        if round_number == 0:
            check_content(subject, source.size)
    for workload, measure in READS:
        each(workload, measure)
    each(POINT_SELECT, lambda s: point_select(s, server, scale.transactions))
    each(SINGLE_INSERT, lambda s: single_insert(s, server, scale.transactions, source.one_value()))


def create_tables(subject, columns=""):
    """The three tables of a subject."""
    kind = subject.variant.type
    heap, point, single = (subject.table(use) for use in ("heap", "point", "single"))
    query = subject.owner.query
    query(f"CREATE TABLE {heap} (id bigint, content {kind}{columns})")
    query(f"CREATE TABLE {point} (id bigint PRIMARY KEY, content {kind}{columns})")
    query(f"CREATE TABLE {single} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
          f"content {kind}{columns})")


def load(subject, table, rows):
    """Writes the first rows of the source."""
    subject.owner.query(f"INSERT INTO {table} (id, content) "
                        f"SELECT id, {subject.variant.encrypt.format('content')} "
                        f"FROM source WHERE id <= {rows}")


def prepare(subject, source, group, results):
    """Weighs the subject's table, and fills the one of point SELECT."""
    heap, point = subject.table("heap"), subject.table("point")
    # A slow variant has few rows, and a few pages do not tell its size.
    rows = max(subject.rows, min(source.rows, WEIGHED_ROWS))
    load(subject, heap, rows)
    size = int(subject.owner.value(f"SELECT pg_total_relation_size('{heap}')")) / rows
    results.add(group, STORAGE, subject.variant.name, Sample(size, size))
    load(subject, point, subject.rows)
    subject.owner.query(f"VACUUM (FREEZE, ANALYZE) {point}")


def drop_tables(subject):
    """Makes room for the next size."""
    for use in ("heap", "point", "single"):
        subject.owner.query(f"DROP TABLE {subject.table(use)}")


def run_size(server, variants, source, scale, results, say):
    """All rounds at one size of value."""
    group = f"{source.size} B"
    subjects = []
    for variant in variants:
        session = server.session(settings=variant.settings)
        subject = Subject(variant, f"b{source.size}", max(source.rows // variant.slower, 100),
                          session, session, settings=variant.settings)
        create_tables(subject)
        prepare(subject, source, group, results)
        subjects.append(subject)
    for round_number in range(scale.rounds):
        say(f"{group}: round {round_number + 1} of {scale.rounds}")
        run_round(server, source, subjects, group, scale, round_number, results)
    for subject in subjects:
        drop_tables(subject)
        subject.owner.close()
