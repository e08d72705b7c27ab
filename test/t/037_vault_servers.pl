# Servers that are not as they should be, and owners who should not be trusted:
# check_kms tells the operator what is wrong; who owns a server, and may read
# no file of the machine, can have the key worker neither read one, nor reach
# what is on the machine, nor send a credential elsewhere.

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::OpenBao;
use BionicCrypt::Test;

BionicCrypt::OpenBao::require_or_skip_all();

my $bao = BionicCrypt::OpenBao->new;
$bao->create_key('kek');
$bao->write_policy('use', map { "transit/$_/kek" } qw(encrypt decrypt));
my $token_file = $bao->token_file('use');

my $node = new_node('servers');
$node->append_conf('postgresql.conf', 'bionic_crypt.allow_local_kms = on');
$node->start;
my $create_server = $bao->create_server('customer', auth_method => 'token', token_file => $token_file);
$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION bionic_crypt;
CREATE ROLE regress_owner LOGIN;
GRANT USAGE ON FOREIGN DATA WRAPPER bionic_crypt TO regress_owner;
$create_server;
SELECT bionic_crypt.create_tenant('acme', kms => 'customer', kek => 'kek');
SQL

# What check_kms says to the operator.
sub check_kms
{
	my ($name, $kek, %option) = @_;
	my $create_server = $bao->create_server($name, auth_method => 'token', token_file => $token_file, %option);

	return $node->safe_psql('postgres', "$create_server; SELECT * FROM bionic_crypt.check_kms('$name', '$kek')");
}

$bao->create_key('signing', type => 'ed25519');
$bao->create_key('derived', derived => JSON::PP::true);
$bao->create_key('no_aad', type => 'rsa-2048');
$bao->write_policy('wide', 'transit/encrypt/*', 'transit/decrypt/*', 'nowhere/encrypt/*');
my $wide = $bao->token_file('wide');
my $other_ca = $bao->make_ca('other');
my $nobody = PostgreSQL::Test::Cluster::get_free_port();
my $fifo = $bao->dir . '/fifo';
system_or_bail('mkfifo', $fifo);
my @problems = (
	[ 'no server there', 'kek', qr/^f\|could not reach KMS.*connect/, address => "https://127.0.0.1:$nobody" ],
	[ 'a certificate of another CA', 'kek', qr/^f\|could not reach KMS.*certificate/, ca_file => $other_ca ],
	[ 'a certificate for another name', 'kek', qr/^f\|could not reach KMS.*(certificate|name)/,
		address => 'https://localhost:' . $bao->port ],
	[ 'a CA file that is none', 'kek', qr/^f\|could not reach KMS.*CA/, ca_file => $fifo ],
	[ 'no token file', 'kek', qr/^f\|could not reach KMS.*nowhere/, token_file => '/nowhere' ],
	[ 'a token file that others can read', 'kek', qr/^f\|could not reach KMS.*mode/, token_file => $bao->ca_file ],
	[ 'a token that does not count', 'kek', qr/^f\|KMS.*denied/, token_file => $bao->secret_file('s.none') ],
	[ 'a key that the policy does not name', 'other', qr/^f\|KMS.*denied.*403/ ],
	[ 'a key that is not there', 'nowhere', qr/^f\|KMS.*denied/, token_file => $wide ],
	[ 'a mount that is not there', 'kek', qr/^f\|.*mount/, mount => 'nowhere', token_file => $wide ],
	[ 'a namespace that is not there', 'kek', qr/^f\|.*namespace/, namespace => 'nowhere' ],
	[ 'a key that signs', 'signing', qr/^f\|/, token_file => $wide ],
	[ 'a key that binds nothing', 'no_aad', qr/^f\|/, token_file => $wide ],
	[ 'a derived key, with associated data', 'derived', qr/^f\|/, token_file => $wide ],
	[ 'a key that is not derived, with a context', 'kek', qr/^f\|/, token_file => $wide, binding => 'derived_context' ]);
for my $i (0 .. $#problems)
{
	my ($what, $kek, $problem, %option) = @{ $problems[$i] };
	my $answer = check_kms("problem_$i", $kek, %option);

	like($answer, $problem, "check_kms: $what");
	note $answer;
}


# What an owner without a right to files may not do.
sub owner_state
{
	my ($sql) = @_;
	return sqlstate($node, "SET ROLE regress_owner; $sql");
}

sub alter
{
	my ($server, @options) = @_;
	return "ALTER SERVER $server OPTIONS (" . join(', ', @options) . ')';
}

my $elsewhere = 'https://vault.example';
my $secret = $bao->secret_file('nothing');
for my $option (qw(token_file role_id_file secret_id_file jwt_file ca_file client_cert_file client_key_file))
{
	is(owner_state($bao->create_server('mine', auth_method => 'token', address => $elsewhere, $option => $secret)),
		'42501', "an owner cannot name a file as $option");
}

$node->safe_psql('postgres', <<"SQL");
ALTER SERVER customer OWNER TO regress_owner;
CREATE SERVER unused FOREIGN DATA WRAPPER bionic_crypt
	OPTIONS (provider 'vault', address 'https://vault.example', auth_method 'token', token_file '$token_file');
ALTER SERVER unused OWNER TO regress_owner;
SQL
for my $server (qw(customer unused))
{
	is(owner_state(alter($server, "SET address 'https://elsewhere.example'")),
		$server eq 'customer' ? '55006' : '42501', "$server: an owner cannot send a credential elsewhere");
	is(owner_state(alter($server, "SET token_file '$secret'")), '42501', "$server: nor have another file read");
}
for my $change ("SET address '$elsewhere'", "ADD mount 'other'", "ADD namespace 'other'", "SET provider 'file'")
{
	is(sqlstate($node, alter('customer', $change)), '55006', "a superuser cannot $change while a tenant uses it");
}
is(sqlstate($node, 'DROP SERVER customer'), '2BP01', 'nor drop it');

# Each server has connections of its own, and the key worker has room for so
# many open files: the servers that were idle longest make room for others.
my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
my $worker = 'SELECT pid FROM bionic_crypt.key_worker()';
system_or_bail('prlimit', "--pid=$postmaster", '--nofile=300:300');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(($worker), 10000)");
my $first_pid;
for my $number (1 .. 40)
{
	my $name = 'many_' . ($number - 1);
	$node->safe_psql('postgres', $number == 1
		? $bao->create_server('many_1', auth_method => 'token', token_file => $token_file)
		: "ALTER SERVER $name RENAME TO many_$number");
	my $result = $node->safe_psql('postgres', "SELECT ok FROM bionic_crypt.check_kms('many_$number', 'kek')");
	$first_pid //= $node->safe_psql('postgres', $worker);
	is($result, 't', "server $number is reached") if $result ne 't' || $number == 40;
}
is($node->safe_psql('postgres', $worker), $first_pid, 'by the same key worker');
my @files = glob "/proc/$first_pid/fd/*";
cmp_ok(scalar @files, '<', 200, 'which has not kept connections to all of them');

# Addresses of the machine, when they are not allowed: by the look of them, and
# by what a name resolves to.
$node->append_conf('postgresql.conf', 'bionic_crypt.allow_local_kms = off');
$node->reload;
$node->poll_query_until('postgres', 'SHOW bionic_crypt.allow_local_kms', 'off') or die 'not reloaded';
ok($node->poll_query_until('postgres', "SELECT NOT ok FROM bionic_crypt.check_kms('customer', 'kek')"),
	'connections that are open are not used any more');
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid, 10000) FROM bionic_crypt.key_worker()');
my $requests = $bao->requests(qr/./);
my $port = $bao->port;
for my $host ('127.0.0.1', '127.1', '2130706433', '0x7f000001', '0.0.0.0', 'localhost', 'x.localhost', '[::1]',
	'[::ffff:127.0.0.1]', '169.254.169.254', '[fd00:ec2::254]', '[fe80::1]')
{
	is(sqlstate($node, $bao->create_server('mine', address => "https://$host:$port", auth_method => 'token', token_file => $token_file)),
		'22023', "$host is refused as an address");
}

# The server that was made while they were allowed, and a name that only the
# resolver knows as one of the machine.
my @names = grep { !/localhost$/ } map { s/#.*//r =~ /^(?:127\.|::1)\S*\s+(.*)/ ? split ' ', $1 : () }
  split /\n/, slurp_file('/etc/hosts');
my %server = ('customer' => undef, map { +"name_$_" => $names[$_] } 0 .. $#names);
for my $server (sort keys %server)
{
	my $host = $server{$server};

	$node->safe_psql('postgres', $bao->create_server($server, address => "https://$host:$port", auth_method => 'token', token_file => $token_file))
	  if $host;
	like($node->safe_psql('postgres', "SELECT * FROM bionic_crypt.check_kms('$server', 'kek')"),
		qr/^f\|invalid KMS option "address".*allow_local_kms/, ($host // 'a server of before') . ' is not reached');
}
is(sqlstate($node, "SET bionic_crypt.tenant = 'acme'; SELECT 'x'::encrypted_text"), '22023', 'nor is it for a tenant');
is($bao->requests(qr/./), $requests, 'nothing was sent');

$node->stop;
done_testing();
