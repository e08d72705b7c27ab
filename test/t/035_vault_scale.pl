# Many tenants at once ask a key worker that has just begun: OpenBao is asked
# once for each key, however many sessions want it.  What the key worker takes
# of memory is printed.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use BionicCrypt::OpenBao;
use BionicCrypt::Test;

BionicCrypt::OpenBao::require_or_skip_all();

my $tenants = 1000;
my $clients = 50;
my $bao = BionicCrypt::OpenBao->new;
$bao->create_key('kek');
$bao->write_policy('use', map { "transit/$_/kek" } qw(encrypt decrypt));

# No key is asked about a second time in the run.
my $node = new_node('scale');
$node->append_conf('postgresql.conf', <<'CONF');
bionic_crypt.allow_local_kms = on
bionic_crypt.revocation_interval = '1h'
bionic_crypt.kms_timeout = '60s'
max_connections = 100
CONF
$node->start;
my $create_server = $bao->create_server('vault', auth_method => 'token', token_file => $bao->token_file('use'));
my $began = time;
$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION bionic_crypt;
$create_server;
SELECT bionic_crypt.create_tenant('tenant ' || g, kms => 'vault', kek => 'kek') FROM generate_series(0, $tenants - 1) g;
CREATE TABLE chats (tenant_id text PRIMARY KEY, content encrypted_text);
SQL
note sprintf '%d tenants created in %.1f s', $tenants, time - $began;

# Runs SQL once for each tenant in so many sessions at about the same time; the
# answer is how often it was run.
sub run_clients
{
	my ($name, $together, $sql) = @_;
	my $tenants_each = $tenants / $clients * $together;
	my $script = $node->basedir . "/$name.sql";
	my ($out, $err) = ('', '');

	append_to_file($script, <<"SQL");
\\set t :client_id / $together * $tenants_each + :n
\\set n :n + 1
SET bionic_crypt.tenant = 'tenant :t';
$sql
SQL
	IPC::Run::run(
		[
			$node->installed_command('pgbench'), '--no-vacuum', "--client=$clients", '--jobs=2',
			"--transactions=$tenants_each", '--define=n=0', "--file=$script", $node->connstr('postgres')
		],
		'>', \$out, '2>', \$err)
	  or die "pgbench: $err";
	my ($processed) = $out =~ m{actually processed: (\d+)/};
	return $processed;
}

sub worker_memory
{
	my $pid = $node->safe_psql('postgres', 'SELECT pid FROM bionic_crypt.key_worker()');
	my %memory = slurp_file("/proc/$pid/status") =~ /^(Vm(?:RSS|HWM|Lck)):\s+(\d+) kB$/mg;
	return join ', ', map { "$_ $memory{$_} kB" } sort keys %memory;
}

is(run_clients('write', 1, "INSERT INTO chats VALUES ('tenant :t', 'Hello, :t'::text);"),
	$tenants, 'each tenant writes a value');

$node->restart;
my $before = $bao->requests(qr{^transit/decrypt/});
$began = time;
is(run_clients('read', 5, "SELECT 1 / (content = 'Hello, :t')::integer FROM chats WHERE tenant_id = 'tenant :t';"),
	5 * $tenants, 'after a restart each value is read in five sessions at a time');
note sprintf '%d keys read cold by %d clients in %.1f s', $tenants, $clients, time - $began;
is($bao->requests(qr{^transit/decrypt/}) - $before, $tenants, 'OpenBao was asked once for each key');
is($node->safe_psql('postgres', 'SELECT unwraps FROM bionic_crypt.key_worker()'), $tenants, 'as the key worker counts');
is($node->safe_psql('postgres', 'SELECT keys_held FROM bionic_crypt.key_worker()'), $tenants, 'it holds them all');
note "key worker with $tenants keys: " . worker_memory();

$node->stop;
done_testing();
