# No key where it can be read: in no core dump of the key worker, no log, no
# file of the data directory, no view; and no core dumps at all by default.
# What looks for the keys has unwrapped them by itself (test/tools).

use strict;
use warnings;

use File::Basename;
use File::Find;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Session;
use BionicCrypt::Test;

my $folder = PostgreSQL::Test::Utils::tempdir;
my $sources = File::Spec->rel2abs(dirname(__FILE__) . '/../tools');

system('make', '-s', '-C', $sources, "BUILD=$folder") == 0 or BAIL_OUT('cannot build test/tools');

my $node = new_node('secrets');
$node->append_conf('postgresql.conf', <<'EOF');
log_min_messages = debug5
log_min_error_statement = debug5
log_statement = all
log_parameter_max_length = -1
log_duration = on
debug_print_parse = on
debug_print_plan = on
EOF
$node->start;
$node->safe_psql('postgres', <<'EOF');
CREATE EXTENSION bionic_crypt;
SELECT bionic_crypt.create_tenant('acme');
CREATE TABLE chats (content encrypted_text);
SET bionic_crypt.tenant = 'acme';
INSERT INTO chats SELECT 'acme says ' || g FROM generate_series(1, 100) g;
SELECT bionic_crypt.rotate_key('acme');
SELECT bionic_crypt.rewrap_keys('acme');
SELECT ok FROM bionic_crypt.check_kms('embedded');
INSERT INTO chats SELECT 'acme says ' || g FROM generate_series(101, 200) g;
EOF
my $session = BionicCrypt::Session->new($node, tenant => 'acme');
is($session->query('SELECT count(content::text) FROM chats'), '200', 'a session has both keys');

# What the files hold of the keys of one version.
sub keys_in
{
	my ($version, @files) = @_;
	my @key = split /\|/, $node->safe_psql('postgres', <<"EOF");
SELECT encode(key_id, 'hex'), encode(wrapped, 'hex'), encode(check_value, 'hex')
FROM bionic_crypt.catalog_keys WHERE tenant = 'acme' AND version = $version
EOF
	my ($out, $err);

	run_log([ "$folder/find_keys", key_file($node), 'acme', @key, @files ], '>', \$out, '2>', \$err)
	  or die $err;
	$out =~ s{ \S*/([^/]+)$}{ $1}mg;
	return $out;
}

# A core dump of a process: all memory that can be had, whatever it asked to be
# left out, or with $all false what a core dump holds by itself.
sub dump_of
{
	my ($name, $pid, $all) = @_;
	my $core = "$folder/core.$name";
	my ($out, $err);
	my @how = map { ('-ex', $_) } 'set use-coredump-filter off', 'set dump-excluded-mappings on';

	run_log([ 'gdb', '-nx', '-batch', '-p', $pid, $all ? @how : (), '-ex', "generate-core-file $core" ],
		'<', \undef, '>', \$out, '2>', \$err);
	return $core;
}

my ($worker, $memory) = split /\|/,
  $node->safe_psql('postgres', 'SELECT pid, secret_memory FROM bionic_crypt.key_worker()');
is($node->safe_psql('postgres', 'SELECT keys_held > 0 FROM bionic_crypt.key_worker()'),
	't', 'the key worker holds keys');

# The search finds what is there: the key file's own key, and in a core dump of
# a session, whose memory is ordinary, the key that it decrypts with.
like(keys_in(1, key_file($node)), qr/^kek base64 embedded\.key$/m, 'the key file holds its key');

SKIP:
{
	skip 'gdb is not here', 7 if !have('gdb');
	my $of_session = dump_of('session', $session->pid, 1);
	skip 'gdb may not look into processes here', 7 if !-s $of_session;

	like(keys_in(2, $of_session), qr/^value key raw core\.session$/m,
		'a core dump of a session, made by force, holds the key in use');
	for my $version (1, 2)
	{
		unlike(keys_in($version, $of_session), qr/^(?:kek|data key)/m,
			"but not version $version of the data key, nor what wraps it");
	}

	# Locked memory can be read by force, other than the kernel's own secret
	# memory; what is promised of it is that no core dump holds it.
	my $of_worker = dump_of('worker', $worker, $memory eq 'memfd_secret');
	cmp_ok((-s $of_worker) // 0, '>', 1_000_000, 'there is a core dump of the key worker');
	is(system('grep', '-qa', 'bionic_crypt key worker', $of_worker), 0, 'with what it has in memory');
	for my $version (1, 2)
	{
		is(keys_in($version, $of_worker), '', "it holds nothing of version $version, nor what wraps it");
	}
	unlink $of_session, $of_worker;
}

# By itself no process writes one once it holds a key.
sub core_limit
{
	my ($pid) = @_;
	my ($soft, $hard) = slurp_file("/proc/$pid/limits") =~ /^Max core file size\s+(\S+)\s+(\S+)/m;
	return "$soft $hard";
}

is(core_limit($worker), '0 0', 'the key worker writes no core dump');
is(core_limit($session->pid), '0 0', 'nor does a session that has a key');

# Nothing in the views, the log, the files.
is($node->safe_psql('postgres', <<'EOF'), '', 'pg_stat_activity shows no statement of the key worker');
SELECT query FROM pg_stat_activity WHERE backend_type LIKE 'bionic_crypt%' AND query <> ''
EOF
$node->safe_psql('postgres', 'CHECKPOINT');
$node->safe_psql('postgres', "COPY (SELECT * FROM pg_stat_activity) TO '$folder/activity'");

my @files = ($node->logfile, "$folder/activity");
find(sub { push @files, $File::Find::name if -f && -r }, $node->data_dir);
cmp_ok(scalar @files, '>', 900, 'there are files to be searched');
is(keys_in($_, @files), '', "no file holds version $_ of the data key, nor what wraps it") for 1, 2;
unlike(key_file($node), qr{^\Q@{[ $node->data_dir ]}\E/}, 'the key file is not in the data directory');

# Who debugs may have core dumps.
$node->append_conf('postgresql.conf', "bionic_crypt.allow_core_dumps = on\nlog_min_messages = warning");
$session->quit;
$node->restart;
$session = BionicCrypt::Session->new($node, tenant => 'acme');
my $before = core_limit($session->pid);
is($session->query('SELECT count(content::text) FROM chats'), '200', 'with allow_core_dumps');
is(core_limit($session->pid), $before, 'a session keeps its limit');
$session->quit;

$node->stop;
done_testing();
