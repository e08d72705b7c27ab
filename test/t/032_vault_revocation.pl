# The customer takes the key away, in each way that OpenBao knows: on the
# primary and on a standby nothing is decrypted any more within
# revocation_interval, in running scans and open cursors either; given back,
# it ends by itself.  Latencies are printed; bounds are checked at three times
# what is promised, so that a busy machine fails no test.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use BionicCrypt::OpenBao;
use BionicCrypt::Session;
use BionicCrypt::Test;

BionicCrypt::OpenBao::require_or_skip_all();

my $interval = 2;
my $bao = BionicCrypt::OpenBao->new;
my $primary = new_node('primary', allows_streaming => 1);
$primary->append_conf('postgresql.conf', <<"CONF");
bionic_crypt.revocation_interval = '${interval}s'
bionic_crypt.allow_local_kms = on
CONF
$primary->start;
$primary->safe_psql('postgres', <<'SQL');
CREATE EXTENSION bionic_crypt;
CREATE TABLE chats (tenant_id text, content encrypted_text);
SQL

# A way to revoke for each tenant: what it is, how it is taken, how it is given
# back.  Each has a policy, a key and a server named as it is.
my (%server, %ways);
my $true = JSON::PP::true;

sub write_own_policy
{
	my ($name) = @_;
	$bao->write_policy($name, map { "transit/$_/$name" } qw(encrypt decrypt));
	return;
}

sub way
{
	my ($name, $what, $take, $give, %option) = @_;

	$server{$name} = \%option;
	$ways{$name} = { what => $what, take => $take, give => $give };
	return;
}

sub configure_key
{
	my ($name, %config) = @_;
	$bao->api(POST => "transit/keys/$name/config", \%config);
	return;
}

# An AppRole of this name at the mount, with a new secret_id in the file.
sub new_approle
{
	my ($mount, $name, $file) = @_;

	$bao->create_approle($name, $name, mount => $mount);
	$bao->api(POST => "auth/$mount/role/$name/role-id", { role_id => "role of $name" });
	return new_secret_id($mount, $name, $file);
}

sub new_secret_id
{
	my ($mount, $name, $file) = @_;
	my $secret_id = $bao->secret_id($name, $mount);

	$bao->write_file($file, $secret_id);
	return $secret_id;
}

for my $name (qw(policy role mount secret deleted disabled too_old))
{
	$bao->create_key($name, exportable => $true, allow_plaintext_backup => $true);
	write_own_policy($name);
}
$bao->enable_auth('approle', $_) for qw(approle customers);

my %token = (auth_method => 'token');
my %approle = (auth_method => 'approle');
my %secret_file = map { $_ => $bao->dir . "/$_.secret_id" } qw(role mount secret);
my %secret_id = map { $_ => new_approle($_ eq 'mount' ? 'customers' : 'approle', $_, $secret_file{$_}) }
  sort keys %secret_file;
my $backup;

way('policy', 'policy removed',
	sub { $bao->delete_policy('policy') },
	sub { write_own_policy('policy') },
	%token, token_file => $bao->token_file('policy'));
way('role', 'AppRole role deleted',
	sub { $bao->api(DELETE => 'auth/approle/role/role') },
	sub { new_approle('approle', 'role', $secret_file{role}) },
	%approle, role_id => 'role of role', secret_id_file => $secret_file{role});
way('mount', 'AppRole disabled',
	sub { $bao->api(DELETE => 'sys/auth/customers') },
	sub { $bao->enable_auth('approle', 'customers'); new_approle('customers', 'mount', $secret_file{mount}) },
	%approle, auth_mount => 'customers', role_id => 'role of mount', secret_id_file => $secret_file{mount});
way('secret', 'secret_id destroyed',
	sub { $bao->api(POST => 'auth/approle/role/secret/secret-id/destroy', { secret_id => $secret_id{secret} }) },
	sub { new_secret_id('approle', 'secret', $secret_file{secret}) },
	%approle, role_id => 'role of secret', secret_id_file => $secret_file{secret});
way('deleted', 'key deleted',
	sub {
		$backup = $bao->api(GET => 'transit/backup/deleted')->{data}{backup};
		configure_key('deleted', deletion_allowed => $true);
		$bao->api(DELETE => 'transit/keys/deleted');
	},
	sub { $bao->api(POST => 'transit/restore/deleted', { backup => $backup }) },
	%token, token_file => $bao->token_file('deleted'));
way('disabled', 'key soft-deleted',
	sub { $bao->api(DELETE => 'transit/keys/disabled/soft-delete') },
	sub { $bao->api(POST => 'transit/keys/disabled/soft-delete-restore', {}) },
	%token, token_file => $bao->token_file('disabled'));
way('too_old', 'min_decryption_version raised',
	sub { $bao->api(POST => 'transit/keys/too_old/rotate', {}); configure_key('too_old', min_decryption_version => 2) },
	sub { configure_key('too_old', min_decryption_version => 1) },
	%token, token_file => $bao->token_file('too_old'));

for my $name (sort keys %server)
{
	$primary->safe_psql('postgres', $bao->create_server($name, %{ $server{$name} }) . <<"SQL");
;
SELECT bionic_crypt.create_tenant('$name', kms => '$name', kek => '$name');
SET bionic_crypt.tenant = '$name';
INSERT INTO chats SELECT '$name', '$name says ' || g FROM generate_series(1, 100) g;
SQL
}

$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

sub reading
{
	my ($name) = @_;
	return "SELECT content FROM chats WHERE tenant_id = '$name' LIMIT 1";
}

# A session that decrypts for minutes, and is doing so.
sub begin_scan
{
	my ($node, $name) = @_;
	my $session = BionicCrypt::Session->new($node, tenant => $name);

	$session->begin("SELECT sum(length(content::text)) FROM generate_series(1, 10000000), chats"
		. " WHERE tenant_id = '$name'");
	$node->poll_query_until('postgres',
		"SELECT state = 'active' AND query LIKE 'SELECT sum%' FROM pg_stat_activity WHERE pid = "
		  . $session->pid)
	  or die 'the scan does not run';
	return { session => $session, failed => sub { $session->has_ended or return 0; $session->end; return 1 } };
}

# One that has the first row, and fetches the others one by one.
sub open_cursor
{
	my ($node, $name) = @_;
	my $session = BionicCrypt::Session->new($node, tenant => $name);

	is($session->query("BEGIN; DECLARE c CURSOR FOR SELECT content FROM chats, generate_series(1, 100000)"
			. " WHERE tenant_id = '$name'; FETCH 1 FROM c"),
		"$name says 1", "$name: a cursor is open on the " . $node->name);
	return { session => $session, failed => sub { $session->state('FETCH 1 FROM c') ne '00000' } };
}

# One that is idle between its statements.
sub hold_key
{
	my ($node, $name) = @_;
	my $session = BionicCrypt::Session->new($node, tenant => $name);

	is($session->query(reading($name)), "$name says 1", "$name: a session reads on the " . $node->name);
	return { session => $session, failed => sub { $session->state(reading($name)) ne '00000' } };
}

my $neighbour = BionicCrypt::Session->new($primary, tenant => 'policy');

for my $name (sort keys %ways)
{
	my ($what, $take, $give) = @{ $ways{$name} }{qw(what take give)};
	my %user;

	for my $node ($primary, $standby)
	{
		my $where = 'on the ' . $node->name;

		$user{"a session $where"} = hold_key($node, $name);
		$user{"an open cursor $where"} = open_cursor($node, $name);
		$user{"a running scan $where"} = begin_scan($node, $name);
	}

	my $taken = time;
	my %latency;
	$take->();
	wait_until(sub {
		for my $user (grep { !defined $latency{$_} } keys %user)
		{
			$latency{$user} = time - $taken if $user{$user}{failed}->();
		}
		return keys %latency == keys %user;
	});
	for my $user (sort keys %user)
	{
		is($user{$user}{session}->last_state, 'KM001', "$what: $user stops");
		cmp_ok($latency{$user} // 1e9, '<', 3 * $interval, 'within revocation_interval');
		note sprintf 'revocation latency: %s, %s: %.1f s', $what, $user, $latency{$user} // 'inf';
	}
	is(sqlstate($_, "SET bionic_crypt.tenant = '$name'; " . reading($name)),
		'KM001', "$what: a new session gets no key on the " . $_->name)
	  for $primary, $standby;
	is(sqlstate($primary, "SET bionic_crypt.tenant = '$name'; INSERT INTO chats VALUES ('$name', 'new'::text)"),
		'KM001', "$what: nothing is written");
	is($neighbour->query(reading('policy')), 'policy says 1', "$what: another tenant goes on")
	  if $name ne 'policy';

	my $given = time;
	$give->();
	for my $node ($primary, $standby)
	{
		my $session = $user{ 'a session on the ' . $node->name }{session};

		ok(wait_until(sub { $session->query(reading($name)) eq "$name says 1" }),
			"$what, and given back: it ends by itself on the " . $node->name);
	}
	note sprintf '%s, and given back: readable after %.1f s', $what, time - $given;
	$_->{session}->quit for values %user;
}

$standby->stop;
$primary->stop;
done_testing();
