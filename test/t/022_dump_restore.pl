# Dumps hold ciphertext and the wrapped keys, and are restored with no key at
# hand; once the key file is there, all is readable.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Test;

# Else pg_dump goes by the name of this script.
delete $ENV{PGAPPNAME};

my $source = new_node('source', extra => ['--encoding=UTF8']);
my $target = new_node('target', extra => ['--encoding=UTF8']);
$source->start;
$target->start;

$source->safe_psql('postgres', q{
	CREATE ROLE regress_app LOGIN;
	CREATE DATABASE saas;
});
$source->safe_psql('saas', q{
	CREATE EXTENSION bionic_crypt;
	SELECT bionic_crypt.create_tenant('acme');
	SELECT bionic_crypt.create_tenant('Zürich & Söhne', algorithm => 'xchacha20-poly1305', outage_grace => '0');
	SELECT bionic_crypt.grant_tenant('acme', 'regress_app', '{encrypt,decrypt}');

	CREATE DOMAIN note AS encrypted_text NOT NULL;
	CREATE TABLE chats (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant text,
		content encrypted_text, status encrypted_text DEFAULT 'new'::text);
	CREATE TABLE labels (tags encrypted_text[]);
	CREATE TABLE events (tenant text, day date, what note) PARTITION BY RANGE (day);
	CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
	CREATE INDEX ON chats (tenant);
	CREATE VIEW short WITH (security_invoker) AS
		SELECT id, left(content, 5) AS content, content ILIKE '%heron%' AS found FROM chats;
	CREATE FUNCTION say(encrypted_text) RETURNS text LANGUAGE sql AS $$SELECT upper($1)$$;
	CREATE RULE quiet AS ON UPDATE TO short DO INSTEAD NOTHING;
	SELECT bionic_crypt.protect_table('chats', 'tenant');
	SELECT bionic_crypt.protect_table('events', 'tenant');
	GRANT ALL ON chats, labels, events, short TO regress_app;

	SET bionic_crypt.tenant = 'acme';
	INSERT INTO chats (content) VALUES ('heron one'), (''), (NULL), (repeat('long heron ', 300));
	INSERT INTO labels VALUES ('{red,"a, b",NULL}');
	INSERT INTO events (day, what) VALUES ('2024-02-29', 'leap');
	SELECT bionic_crypt.rotate_key('acme');
	INSERT INTO chats (content) VALUES (E'after\tthe\nrotation');
	CREATE MATERIALIZED VIEW copies AS SELECT id, content FROM chats WHERE tenant = 'acme';
	SET bionic_crypt.tenant = 'Zürich & Söhne';
	INSERT INTO chats (content) VALUES ('der Reiher');
	SELECT bionic_crypt.suspend_tenant('Zürich & Söhne');
});

my $catalog = q{
	SELECT * FROM bionic_crypt.catalog_tenants ORDER BY tenant;
	SELECT * FROM bionic_crypt.catalog_keys ORDER BY tenant, version;
	SELECT * FROM bionic_crypt.catalog_grants ORDER BY tenant, role::text};
my $raw = q{
	SELECT * FROM chats ORDER BY id;
	SELECT * FROM copies ORDER BY id;
	SELECT * FROM labels;
	SELECT * FROM events};
my $text = q{
	SET bionic_crypt.tenant = 'acme';
	SELECT id, content, status FROM chats ORDER BY id;
	SELECT * FROM short ORDER BY id;
	SELECT * FROM labels;
	SELECT say(what) FROM events};
my @app = (extra_params => [ '-U', 'regress_app' ]);

my %expected = map { $_ => $source->safe_psql('saas', $_) } $catalog, $raw;
$expected{$text} = $source->safe_psql('saas', $text, @app);
like($expected{$catalog}, qr/acme.*Zürich & Söhne.*retired.*regress_app/s, 'the catalog has rows');
like($expected{$raw}, qr/bc1:/, 'raw values are armour');
like($expected{$text}, qr/heron one\|new.*\{red,"a, b",NULL\}/s, 'text is text');

# Restored in each format, into a database of its own, before any key is there.
$source->command_ok([ 'pg_dumpall', '--globals-only', '-f', $source->basedir . '/roles' ], 'pg_dumpall of roles');
$target->psql('postgres', slurp_file($source->basedir . '/roles'), on_error_stop => 0);

my %dump = map { $_ => $source->basedir . "/dump.$_" } 'plain', 'custom', 'directory', 'inserts';
for my $format (sort keys %dump)
{
	my @options = $format eq 'inserts' ? ('--inserts') : ('-F', $format);

	# a tenant set by the environment changes nothing
	local $ENV{PGOPTIONS} = '-c bionic_crypt.tenant=acme';
	$source->command_ok([ 'pg_dump', @options, '-f', $dump{$format}, 'saas' ], "$format: pg_dump");
}
for my $format (sort keys %dump)
{
	$target->safe_psql('postgres', "CREATE DATABASE $format");
	$target->command_ok(
		$format =~ /plain|inserts/
		? [ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-d', $format, '-f', $dump{$format} ]
		: [ 'pg_restore', '--exit-on-error', '-d', $format, $dump{$format} ],
		"$format: restored with no key at hand");
	is($target->safe_psql($format, $catalog), $expected{$catalog}, "$format: tenants, keys and grants are as they were");
	is($target->safe_psql($format, $raw), $expected{$raw}, "$format: every stored value is as it was");
}
ok(!-e key_folder($target), 'no key was made');
is(sqlstate($target, $text, dbname => 'plain', @app), '58P01', 'without the key file nothing is read');
is(sqlstate($target, "SELECT bionic_crypt.create_tenant('new')", dbname => 'plain'), '58P01',
	'and none is made, since wrapped keys name the missing one');

system_or_bail('cp', '-a', key_folder($source), key_folder($target));
for my $format (sort keys %dump)
{
	{
		# a refusal is kept for some seconds
		local $ENV{PGOPTIONS} = '-c bionic_crypt.tenant=acme';
		$target->poll_query_until($format, 'SELECT count(content::text) > 0 FROM copies')
		  or die 'the key file is not found';
	}
	is($target->safe_psql($format, $text, @app), $expected{$text}, "$format: with the key file, all text is read");
}

# What was restored works on.
is($target->safe_psql('plain', q{
		SET bionic_crypt.tenant = 'acme';
		INSERT INTO chats (content) VALUES ('fresh') RETURNING tenant, content, status}, @app),
	'acme|fresh|new', 'defaults and the active key serve new rows');
is(sqlstate($target, "SET bionic_crypt.tenant = 'Zürich & Söhne';
			SELECT content::text FROM chats WHERE tenant = 'Zürich & Söhne'", dbname => 'plain'),
	'KM003', 'who was suspended is suspended');
is($target->safe_psql('plain', q{
		SELECT bionic_crypt.resume_tenant('Zürich & Söhne');
		SET bionic_crypt.tenant = 'Zürich & Söhne';
		SELECT content FROM chats WHERE tenant = 'Zürich & Söhne'}),
	"\nder Reiher", 'and readable when resumed');
is(sqlstate($target, q{SET bionic_crypt.tenant = 'acme'; INSERT INTO events (tenant, day, what)
			VALUES ('Zürich & Söhne', '2024-01-01', 'x')}, dbname => 'plain'),
	'23514', 'the guard came along, on partitions too');
is(sqlstate($target, "SET bionic_crypt.tenant = 'Zürich & Söhne'; SELECT count(*) FROM chats", dbname => 'plain', @app),
	'42501', 'and the policies');

# By mistake with a tenant set: refused rather than encrypted twice.
my $armour = $source->safe_psql('saas', 'SELECT content FROM chats WHERE id = 1');
is(sqlstate($target, "SET bionic_crypt.tenant = 'acme';
		COPY chats (content) FROM STDIN;\n$armour\n\\.\n", dbname => 'plain'),
	'22P02', 'armour is not taken for text');

# pg_dump -t holds no keys: its values are read where the keys are.
$source->command_ok([ 'pg_dump', '-F', 'custom', '-t', 'chats', '-f', $source->basedir . '/one', 'saas' ], 'pg_dump -t');
$target->safe_psql('postgres', 'CREATE DATABASE strange');
$target->safe_psql('postgres', 'CREATE DATABASE alike TEMPLATE plain');
$target->safe_psql('strange', 'CREATE EXTENSION bionic_crypt');
$target->safe_psql('alike', 'DROP TABLE chats CASCADE');
for my $database ('strange', 'alike')
{
	$target->command_ok([ 'pg_restore', '--exit-on-error', '-d', $database, $source->basedir . '/one' ],
		"pg_dump -t restored into database $database");
	is($target->safe_psql($database, 'SELECT content FROM chats WHERE id = 1'), $armour, 'as it was');
}
is(sqlstate($target, "SET bionic_crypt.tenant = 'acme'; SELECT content FROM chats WHERE id = 1", dbname => 'strange'),
	'42501', 'where the tenant is not known, nobody reads it');
is($target->safe_psql('alike', "SET bionic_crypt.tenant = 'acme'; SELECT content FROM chats WHERE id = 1"),
	'heron one', 'where its keys are, it is read');

done_testing();
