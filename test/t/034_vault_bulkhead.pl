# While one customer's OpenBao hangs, tenants of another one notice nothing:
# their calls wait for no place and no answer of it.  The times of sessions
# with and without the hanging server are printed; they decide with LONG only.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::OpenBao;
use BionicCrypt::Session;
use BionicCrypt::Test;

BionicCrypt::OpenBao::require_or_skip_all();

my $tenants = 40;				# of each server
my $sessions = 200;
my $clients = 8;				# of them at a time
my $rounds = $ENV{LONG} ? 5 : 1;

my $node = new_node('bulkhead');
$node->append_conf('postgresql.conf', <<'CONF');
bionic_crypt.allow_local_kms = on
bionic_crypt.kms_timeout = '60s'
max_connections = 100
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION bionic_crypt; CREATE TABLE chats (tenant_id text, content encrypted_text)');

my %bao;
for my $kms (qw(hanging healthy))
{
	my $bao = $bao{$kms} = BionicCrypt::OpenBao->new;

	$bao->create_key('kek');
	$bao->write_policy('use', map { "transit/$_/kek" } qw(encrypt decrypt));
	my $create_server = $bao->create_server($kms,
		auth_method => 'token', token_file => $bao->token_file('use'), request_timeout_ms => 60000);
	$node->safe_psql('postgres', <<"SQL");
$create_server;
SELECT bionic_crypt.create_tenant('$kms ' || g, kms => '$kms', kek => 'kek') FROM generate_series(1, $tenants) g;
SQL
	$node->safe_psql('postgres', join "\n", map {
			"SET bionic_crypt.tenant = '$kms $_'; INSERT INTO chats VALUES ('$kms $_', 'Hello'::text);" } 1 .. $tenants);
}

sub reading
{
	my ($number) = @_;
	return "SELECT content FROM chats WHERE tenant_id = 'hanging $number'";
}

# New sessions of the healthy server's tenants in turn, each reading one value:
# how many succeed, and the median of their times in milliseconds.
my $script = $node->basedir . '/read.sql';
append_to_file($script, <<'SQL');
\set t 1 + (:client_id * 5 + :n) % :tenants
\set n :n + 1
SET bionic_crypt.tenant = 'healthy :t';
SELECT content FROM chats WHERE tenant_id = 'healthy :t';
SQL

sub run_sessions
{
	my $log = $node->basedir . '/times';
	my ($out, $err) = ('', '');

	unlink glob "$log.*";
	IPC::Run::run(
		[
			$node->installed_command('pgbench'), qw(--no-vacuum --connect --log), "--log-prefix=$log",
			"--client=$clients", '--transactions=' . $sessions / $clients, "--define=tenants=$tenants", '--define=n=0', "--file=$script",
			$node->connstr('postgres')
		],
		'>', \$out, '2>', \$err);
	my @times = sort { $a <=> $b } map { (split)[2] / 1000 } map { split /\n/, slurp_file($_) } glob "$log.*";
	my ($processed) = $out =~ m{actually processed: (\d+)/};

	note $err if $err;
	return ($processed // 0, $times[ @times / 2 ] // 0);
}

# Sessions that wait for a key of the hanging server, more than it has places:
# it hangs after the key worker has logged in there.
sub begin_waiting
{
	my @waiting = map { BionicCrypt::Session->new($node, tenant => "hanging $_") } 1 .. $tenants;

	forget_keys($node);
	is($waiting[0]->query(reading(1)), 'Hello', 'a server answers, and will hang');
	$bao{hanging}->pause;
	$waiting[ $_ - 1 ]->begin(reading($_)) for 2 .. $tenants;
	return @waiting;
}

my @ratios;
for my $round (1 .. $rounds)
{
	forget_keys($node);
	my ($succeeded, $without) = run_sessions();
	is($succeeded, $sessions, 'sessions succeed while nothing hangs');

	my $waited = stat_kms($node, 'healthy', 'waited');
	my @waiting = begin_waiting();
	ok(wait_until(sub { stat_kms($node, 'hanging', 'in_flight') > 1 && stat_kms($node, 'hanging', 'queued') > 1 }),
		'calls of the hanging server take all its places');
	($succeeded, my $with) = run_sessions();
	is($succeeded, $sessions, 'all sessions of the other server succeed meanwhile');
	is(stat_kms($node, 'healthy', 'waited'), $waited, 'none of them waited for a place');
	is(stat_kms($node, 'healthy', 'unavailable'), 0, 'nor for an answer in vain');

	$bao{hanging}->resume;
	is(join(' ', map { $_->end } @waiting[ 1 .. $#waiting ]), join(' ', ('Hello') x ($tenants - 1)),
		'it answers again, and so those who waited get their keys');
	$_->quit for @waiting;

	push @ratios, $with / $without;
	note sprintf 'median of a session: %.2f ms, %.2f ms while the other server hangs: ratio %.2f',
	  $without, $with, $ratios[-1];
}

my $ratio = (sort { $a <=> $b } @ratios)[ @ratios / 2 ];
note sprintf 'median of the ratios: %.2f', $ratio;
cmp_ok($ratio, '<=', 1.5, 'sessions take no longer') if $ENV{LONG};

$node->stop;
done_testing();
