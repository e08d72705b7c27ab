# bionic_crypt.scrub_log where SQL cannot look: parameters of the extended
# protocol, each format of the log, and what the postmaster tells of a
# session that crashed.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Session;
use BionicCrypt::Test;

my $node = new_node('scrub_log');
$node->append_conf('postgresql.conf', <<'EOF');
logging_collector = on
log_destination = 'stderr, csvlog, jsonlog'
log_statement = 'all'
log_min_duration_statement = 0
log_parameter_max_length_on_error = -1
log_min_messages = debug2
debug_print_parse = on
restart_after_crash = on
EOF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION bionic_crypt');

sub logs
{
	return join '', map { slurp_file($_) } glob $node->data_dir . '/log/*.*';
}

# Parameters, in each of the extended protocol's ways; the second script fails.
my $script = $node->basedir . '/plum.sql';
append_to_file($script, "\\set n random(1, 9)\nSELECT 'plum-literal' || :n::text;\n");
my $failing = $node->basedir . '/fails.sql';
append_to_file($failing, "SELECT ('plum' || :n)::int;\n");
for my $mode (qw(extended prepared))
{
	$node->command_ok([ 'pgbench', '-n', '-t', '2', '-M', $mode, '-f', $script, 'postgres' ],
		"statements of protocol $mode");
	$node->command_fails([ 'pgbench', '-n', '-t', '1', '-M', $mode, '-D', 'n=77777', '-f', $failing, 'postgres' ],
		"a statement of protocol $mode that fails");
}

# A crash: the postmaster writes what the session was running.
my $session = BionicCrypt::Session->new($node);
$session->begin("SELECT 'plum-crash', pg_sleep(600)");	# sleeps since it is to be killed
ok( $node->poll_query_until('postgres',
		"SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%plum-crash%' AND wait_event = 'PgSleep'"),
	'a session runs');
kill 'KILL', $session->pid;
$session->quit;
ok(wait_until(sub { logs() =~ /all server processes terminated/ }), 'the server starts again');
ok($node->poll_query_until('postgres', 'SELECT true'), 'and is there');

my $logs = logs();
unlike($logs, qr/plum/, 'no statement in any log');
unlike($logs, qr/77777/, 'no parameter in any log');
for my $format (qw(log csv json))
{
	my $text = join '', map { slurp_file($_) } glob $node->data_dir . "/log/*.$format";
	like($text, qr/duration: [0-9.]+ ms/, "durations in *.$format");
	like($text, qr/invalid input syntax for type \*\*\*/, "errors in *.$format");
	like($text, qr/was terminated by signal 9/, "the crash in *.$format");
}

# The same with the setting off: the test would have seen it.
$node->safe_psql('postgres', "SET bionic_crypt.scrub_log = off; SELECT 'plum-control'");
like(logs(), qr/plum-control/, 'all is in the log with the setting off');

$node->stop;
done_testing();
