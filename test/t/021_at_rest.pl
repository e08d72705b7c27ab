# No plaintext at rest: not in a file of the data directory, WAL, statistics,
# the server log or a dump; in temporary files only where the documents say.
#
# Each search is made twice, for texts in encrypted columns and for the same
# kind of text in a plain table: a search that finds nothing of either would
# have found nothing at all.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Chats;
use BionicCrypt::Test;

my $chats = chats();
my @tenants = (sort keys %{ $chats->{lines} })[ 0 .. 1 ];
my @phrases = phrases({ lines => { map { $_ => $chats->{lines}{$_} } @tenants } }, 50);
my $plain = 'a plain heron wades in the shallow pond';
my $node = new_node('main');

# The settings of a server as it comes, which PostgreSQL's tests change.
$node->append_conf('postgresql.conf', qq{
log_statement = none
log_replication_commands = off
log_line_prefix = '%m [%p] '
});
$node->start;
create_tenants($node, @tenants);

sub as_tenant
{
	return "SET bionic_crypt.tenant = '$tenants[0]';\n";
}

$node->safe_psql('postgres', qq{
	CREATE TABLE chats (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant text NOT NULL,
		conversation text, turn integer, speaker text, content encrypted_text);
	CREATE INDEX ON chats (tenant, conversation);
	CREATE STATISTICS chats_statistics (mcv) ON conversation, speaker FROM chats;
	CREATE TABLE drafts (number integer PRIMARY KEY, content encrypted_text);
	CREATE TABLE plain (number integer, content text);
	CREATE INDEX ON plain (content);
	CREATE STATISTICS plain_statistics (mcv) ON number, content FROM plain;
	SELECT bionic_crypt.protect_table('chats', 'tenant');
});
$node->safe_psql('postgres', "SET bionic_crypt.tenant = '$_';
\\copy chats (conversation, turn, speaker, content) FROM '$chats->{of}{$_}'") for @tenants;

# Further ways in, with a text of their own: a long value, out of line; a
# changed and a deleted row; a savepoint; a function; a prepared transaction.
my $secret = 'the heron of the north keeps its letters under the ice';
my $failing = 'what the heron wrote in a statement that failed';
push @phrases, $secret, $failing;
$node->safe_psql('postgres', as_tenant() . qq{
	INSERT INTO drafts SELECT n, repeat('$secret ', n * 40) FROM generate_series(1, 100) n;
	UPDATE drafts SET content = '$secret' WHERE number % 2 = 0;
	DELETE FROM drafts WHERE number % 4 = 0;
	BEGIN;
	SAVEPOINT s;
	INSERT INTO drafts VALUES (1000, '$secret');
	ROLLBACK TO s;
	DO \$\$ BEGIN INSERT INTO drafts VALUES (1001, '$secret'); END \$\$;
	PREPARE p AS INSERT INTO drafts VALUES (\$1, \$2);
	EXECUTE p(1002, '$secret');
	PREPARE TRANSACTION 'two';
	COMMIT PREPARED 'two';
	CREATE FUNCTION say() RETURNS encrypted_text LANGUAGE sql AS 'SELECT content FROM drafts LIMIT 1';
	CREATE MATERIALIZED VIEW copies AS SELECT content FROM drafts;
	INSERT INTO plain SELECT n % 7, '$plain' FROM generate_series(1, 100) n;
	ANALYZE;
	CHECKPOINT;
});

# Errors whose statement, detail or context quotes the text: the client sees
# it, the log does not.
my $seen = '';
for my $statement (
	"INSERT INTO drafts VALUES (1, '$failing')",
	"SELECT 1/0 FROM drafts WHERE content <> '$failing' LIMIT 1",
	"SELECT '$failing'::text::encrypted_text::integer",
	"COPY plain (number) FROM STDIN;\n$failing\n\\.",
	"DO \$\$ BEGIN PERFORM 1/0 WHERE '$failing'::text::encrypted_text IS NOT NULL; END \$\$",
	"SELECT '$failing")
{
	my ($rc, $out, $err) = $node->psql('postgres', as_tenant() . "\\set ON_ERROR_STOP\n$statement;");
	isnt($rc, 0, 'fails: ' . substr $statement, 0, 30) if $statement !~ /^COPY|'\$failing$/;
	$seen .= $err;
}
like($seen, qr/\Q$failing/, 'the client sees the text of what it did');
like(slurp_file($node->logfile), qr/ERROR:  duplicate key value/, 'the errors are in the log');

sub places
{
	my ($texts) = @_;
	my %place = map { m{/pgdata/([^/]+)/} ? ($1 => 1) : ($_ => 1) } files_with($texts, $node->data_dir);
	return join ' ', sort keys %place;
}

is(places(\@phrases), '', 'no text of an encrypted column is in the data directory or WAL');
like(places([$plain]), qr/^base .*pg_wal$|^base pg_wal$/, 'a plain table is found in both');
is_deeply([ files_with([ @phrases, $plain ], $node->logfile) ], [], 'nothing is in the log at default settings');

# Statistics, in words as well: their rows may be compressed.
my %statistics = (
	'pg_statistic' => 'strpos(s::text, $1) > 0',
	'pg_statistic_ext_data' => 'position($1::bytea IN s.stxdmcv::bytea) > 0');
for my $catalog (sort keys %statistics)
{
	my $count = "PREPARE c(text) AS SELECT count(*) FROM $catalog s WHERE $statistics{$catalog};\n";

	is($node->safe_psql('postgres', "$count EXECUTE c('$secret')"), '0', "$catalog holds no text of an encrypted column");
	cmp_ok($node->safe_psql('postgres', "$count EXECUTE c('$plain')"), '>', 0, "$catalog holds a plain table's");
}
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_stats WHERE tablename IN ('chats', 'drafts') AND
		attname = 'content' AND (most_common_vals IS NOT NULL OR histogram_bounds IS NOT NULL)}),
	'0', 'of encrypted columns no values are kept, not even encrypted');

# Dumps, also by who has a tenant set.
for my $format ('plain', 'custom')
{
	my $dump = $node->basedir . "/dump.$format";
	local $ENV{PGOPTIONS} = "-c bionic_crypt.tenant=$tenants[0]";
	delete local $ENV{PGAPPNAME};	# pg_dump is known by its name

	$node->command_ok([ 'pg_dump', '-Z0', '-F', $format, '-f', $dump, 'postgres' ], "pg_dump, $format");
	is_deeply([ files_with(\@phrases, $dump) ], [], "the $format dump holds no text of an encrypted column");
	is_deeply([ files_with([$plain], $dump) ], [$dump], "it holds a plain table's");
}

# Temporary files, while a cursor keeps them.  A sort by something else carries
# ciphertext along; a sort by the text itself spills it.
sub spilled
{
	my ($order) = @_;
	return $node->safe_psql('postgres', as_tenant() . qq{
		SET work_mem = '64kB';
		SET max_parallel_workers_per_gather = 0;
		CREATE TEMP TABLE many AS SELECT n, '$secret'::text::encrypted_text AS content FROM generate_series(1, 5000) n;
		BEGIN;
		DECLARE c CURSOR FOR SELECT * FROM many ORDER BY $order;
		MOVE 1 FROM c;
		SELECT count(*) > 0, count(*) FILTER (WHERE position('$secret'::bytea IN
				pg_read_binary_file('base/pgsql_tmp/' || name)) > 0) > 0 FROM pg_ls_tmpdir();
		COMMIT;});
}

is(spilled('md5(n::text)'), 't|f', 'a sort that carries encrypted values spills ciphertext');
is(spilled('content::text'), 't|t', 'a sort by decrypted text spills it, as the documents say');

# The log, with all that can be logged.
my $statements = 'the heron reads all statements aloud';
$node->append_conf('postgresql.conf', qq{
log_statement = all
log_min_duration_statement = 0
log_parameter_max_length_on_error = -1
log_error_verbosity = verbose
session_preload_libraries = 'auto_explain'
auto_explain.log_min_duration = 0
});
$node->restart;

my $script = $node->basedir . '/parameters.sql';
append_to_file($script, "SELECT count(*) FROM drafts WHERE content = :text;\n");

# What is logged while one session after the other says it.
sub logged
{
	my ($scrub) = @_;
	my $before = -s $node->logfile;
	local $ENV{PGOPTIONS} = "-c bionic_crypt.tenant=$tenants[0] -c bionic_crypt.scrub_log=$scrub";

	$node->safe_psql('postgres', qq{
		PREPARE q AS INSERT INTO drafts VALUES (\$1, \$2);
		EXECUTE q(2000, '$statements');
		SELECT count(*) FROM drafts WHERE content = '$statements';
		DELETE FROM drafts WHERE content = '$statements'});
	$node->psql('postgres', "INSERT INTO drafts VALUES (1, '$statements')");
	$node->command_ok([ 'pgbench', '-n', '-t', '1', '-M', 'prepared', '-f', $script, '-D', "text=$statements", 'postgres' ],
		'the same text as a parameter');
	return slurp_file($node->logfile, $before);
}

my $log = logged('on');
like($log, qr/duration: [\d.]+ ms/, 'durations are logged');
like($log, qr/duplicate key value/, 'errors are logged');
unlike($log, qr/heron/, 'with all logging on, no text is in the log');

$log = logged('off');
like($log, qr/$_/, "without bionic_crypt.scrub_log it is: $_")
  for 'statement: .*heron', 'STATEMENT: .*heron', 'DETAIL: .*[Pp]arameters: .*heron', 'Query Text: .*heron';

is(places([$statements]), '', 'and nothing of it is in the data directory');

done_testing();
