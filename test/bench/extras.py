"""Measurements of their own: many writers, protected tables, keys, tenants."""

import time

import variants as variant_list
import workloads
from client import cpu_ns
from results import Sample
from workloads import Subject

MANY_WRITERS = "many writers"
PROTECTED = "protected"
FIRST_KEY = "first key"
FIRST_READ = "first read"
TENANTS = "tenants in turn"
TENANTS_COLD = "tenants in turn, first pass"
TRANSACTION = "transaction"
MANY, ONE = "all tenants", "one tenant"

WRITERS = 1000
ROWS_PER_WRITER = 100
APP_USER = "regress_bench"

# What protect_table does, written by hand for the variants that have none of it.
PROTECT_BY_HAND = """
ALTER TABLE {table} ALTER tenant_id SET DEFAULT current_setting('bench.tenant');
ALTER TABLE {table} ALTER tenant_id SET NOT NULL;
ALTER TABLE {table} ADD CHECK (pg_column_size(content) >= octet_length(tenant_id));
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY everybody ON {table} USING (true) WITH CHECK (true);
CREATE POLICY tenant ON {table} AS RESTRICTIVE
    USING (tenant_id = (SELECT current_setting('bench.tenant')))
    WITH CHECK (tenant_id = (SELECT current_setting('bench.tenant')))"""

FIRST_READ_FUNCTION = """
CREATE FUNCTION first_read_{name}() RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
    -- No such row: plans and caches are warm when the first value is read.
    ids CONSTANT integer[] := '{{0, 1, 1}}';
    took double precision[];
    started timestamptz;
BEGIN
    FOR i IN 1 .. 3 LOOP
        started := clock_timestamp();
        PERFORM length(content::text) FROM first_{name} WHERE id = ids[i];
        took[i] := extract(epoch FROM clock_timestamp() - started);
    END LOOP;
    RETURN (took[2] - took[3]) * 1e9;
END $$"""


def many_writers(server, variants, source, scale, results, say):
    """Reads of a table that a thousand short connections have written."""
    subjects = []
    for variant in variants:
        say(f"{MANY_WRITERS}: {WRITERS} connections write {variant.name}")
        session = server.session(settings=variant.settings)
        subject = Subject(variant, "many", WRITERS * ROWS_PER_WRITER, session, session)
        workloads.create_tables(subject)
        heap = subject.table("heap")
        blocks = source.rows // ROWS_PER_WRITER
        for writer in range(WRITERS):
            first = writer % blocks * ROWS_PER_WRITER
            with server.session(settings=variant.settings) as connection:
                connection.query(
                    f"INSERT INTO {heap} SELECT id, content FROM source "
                    f"WHERE id > {first} AND id <= {first + ROWS_PER_WRITER}")
        session.query(f"VACUUM (FREEZE, ANALYZE) {heap}")
        workloads.check_content(subject, source.size)
        subjects.append(subject)
    for round_number in range(scale.rounds):
        for workload, measure in workloads.READS:
            workloads.sample_each(results, MANY_WRITERS, workload, subjects, scale,
                                  round_number, measure)
    for subject in subjects:
        workloads.drop_tables(subject)
        subject.owner.close()


def protected(server, variants, source, scale, results, say):
    """Every workload on tables under row security, by a role it binds."""
    with server.session() as session:
        session.query(f"CREATE ROLE {APP_USER} LOGIN")
        session.query(f"GRANT pg_write_server_files TO {APP_USER}")
        session.query(f"GRANT SELECT ON source TO {APP_USER}")
    subjects = []
    for variant in variants:
        settings = variant.settings + (("bench.tenant", variant_list.TENANT),)
        owner = server.session(settings=settings)
        if variant is variant_list.BIONIC_CRYPT:
            owner.query(f"SELECT bionic_crypt.grant_tenant('{variant_list.TENANT}', "
                        f"'{APP_USER}', '{{encrypt,decrypt}}')")
        app = server.session(APP_USER, settings)
        subject = Subject(variant, "protected", source.rows, app, owner, APP_USER, settings)
        workloads.create_tables(subject, ", tenant_id text")
        for use in ("heap", "point", "single"):
            protect(subject, subject.table(use))
        workloads.prepare(subject, source, PROTECTED, results)
        subjects.append(subject)
    for round_number in range(scale.rounds):
        say(f"{PROTECTED}: round {round_number + 1} of {scale.rounds}")
        workloads.run_round(server, source, subjects, PROTECTED, scale, round_number, results)
    for subject in subjects:
        subject.app.close()
        workloads.drop_tables(subject)
        subject.owner.close()


def protect(subject, table):
    """Row security for one table, by whichever means the variant has."""
    if subject.variant is variant_list.BIONIC_CRYPT:
        subject.owner.query(
            f"SELECT bionic_crypt.protect_table('{table}', tenant_column => 'tenant_id')")
    else:
        subject.owner.query(PROTECT_BY_HAND.format(table=table))
    subject.owner.query(f"GRANT ALL ON {table} TO {APP_USER}")


def first_key(server, variants, scale, results, say):
    """What the first value costs a new connection beyond the second."""
    say(f"{FIRST_KEY}: {scale.connections} connections")
    for variant in variants:
        with server.session(settings=variant.settings) as session:
            session.query(f"CREATE TABLE first_{variant.name} "
                          f"(id integer PRIMARY KEY, content {variant.type})")
            session.query(f"INSERT INTO first_{variant.name} "
                          "SELECT 1, content FROM source WHERE id = 1")
            session.query(FIRST_READ_FUNCTION.format(name=variant.name))
    for _ in range(scale.connections):
        for variant in variants:
            with server.session(settings=variant.settings) as session:
                took = float(session.value(f"SELECT first_read_{variant.name}()"))
            results.add(FIRST_KEY, FIRST_READ, variant.name, Sample(took, took))


def tenants_in_turn(server, scale, results, say):
    """One backend serves many tenants in turn, as behind a pooler."""
    tenants = scale.tenants
    say(f"{TENANTS}: {tenants} tenants")
    names = [f"tenant_{number}" for number in range(1, tenants + 1)]
    with server.session() as session:
        for kind in ("many", "one"):
            session.query(f"CREATE TABLE turns_{kind} (id integer PRIMARY KEY, "
                          "content encrypted_text)")
        for number, name in enumerate(names, 1):
            session.query(f"SELECT bionic_crypt.create_tenant('{name}')")
            insert_as(session, "many", name, f"= {number}")
        insert_as(session, "one", names[0], f"<= {tenants}")
    with server.session() as session:
        results.add(TENANTS_COLD, TRANSACTION, MANY, take_turns(session, "many", names))
        take_turns(session, "one", names[:1] * tenants)
        for _ in range(scale.rounds):
            results.add(TENANTS, TRANSACTION, MANY, take_turns(session, "many", names))
            results.add(TENANTS, TRANSACTION, ONE,
                        take_turns(session, "one", names[:1] * tenants))


def insert_as(session, kind, tenant, which):
    """Writes rows of the source as one tenant."""
    session.query("BEGIN")
    session.query(f"SELECT set_config('bionic_crypt.tenant', '{tenant}', true)")
    session.query(f"INSERT INTO turns_{kind} SELECT id, content FROM source WHERE id {which}")
    session.query("COMMIT")


def take_turns(session, kind, names):
    """One transaction for each name; what one of them cost."""
    cpu_before = cpu_ns(session.pid)
    wall_before = time.perf_counter_ns()
    for number, name in enumerate(names, 1):
        session.query("BEGIN")
        session.query(f"SELECT set_config('bionic_crypt.tenant', '{name}', true)")
        session.query(f"SELECT content FROM turns_{kind} WHERE id = {number}")
        session.query("COMMIT")
    wall = time.perf_counter_ns() - wall_before
    cpu = cpu_ns(session.pid) - cpu_before
    return Sample(cpu / len(names), wall / len(names))
