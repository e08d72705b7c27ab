# bionic-verify server, against a live server with a TEE of software: one that is
# as it should be, and each way in which one is not.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Spec;
use IO::Socket::INET;
use JSON::PP;
use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Test;

require_or_skip('python3');
require_or_skip('openssl');

my $tee = File::Spec->rel2abs(dirname(__FILE__) . '/../tee');
my $folder = PostgreSQL::Test::Utils::tempdir_short();
my $json = JSON::PP->new->canonical;
chomp(my $libraries = `pg_config --pkglibdir`);
my @children;

sub spawn
{
	my (@command) = @_;
	my $pid = fork // die "fork: $!";

	if ($pid == 0)
	{
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$folder/err";
		open STDERR, '>&', \*STDOUT;
		# It goes when we are killed, too.
		exec(qw(setpriv --pdeathsig KILL), @command) or POSIX::_exit(127);
	}
	push @children, $pid;
	return;
}

END
{
	my $status = $?;
	kill 'KILL', @children;
	$? = $status;
}

sub write_file
{
	my ($name, $content) = @_;

	open my $out, '>:raw', "$folder/$name" or die "$folder/$name: $!";
	print $out $content;
	close $out;
	return "$folder/$name";
}

for my $name (qw(server proxy))
{
	system_or_bail('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
		'-days', '1', '-subj', "/CN=$name", '-keyout', "$folder/$name.key", '-out', "$folder/$name.crt");
	chmod 0600, "$folder/$name.key";
}
for my $name (qw(release other))
{
	system_or_bail('openssl', 'genpkey', '-algorithm', 'ed25519', '-out', "$folder/$name.key");
	system_or_bail('openssl', 'pkey', '-in', "$folder/$name.key", '-pubout', '-out', "$folder/$name.pem");
}
system_or_bail('python3', "$tee/software_tee.py", 'pki', "$folder/pki");
write_file('fields', '');
spawn('python3', "$tee/evidence_helper.py", "$folder/pki", "$folder/helper", "$folder/fields");
wait_until(sub { -S "$folder/helper" }) or BAIL_OUT(slurp_file("$folder/err"));

# A library that is preloaded with ours, and is not of the release.
copy("$libraries/auto_explain.so", "$folder/extra.so") or die $!;

my $node = new_node('server');
$node->append_conf('postgresql.conf', <<"CONF");
shared_preload_libraries = 'bionic_crypt, $folder/extra'
bionic_crypt.attestation_source = 'helper:$folder/helper'
bionic_crypt.attestation_interval = '1s'
listen_addresses = '127.0.0.1'
ssl = on
ssl_cert_file = '$folder/server.crt'
ssl_key_file = '$folder/server.key'
CONF
$node->append_conf('pg_hba.conf', 'hostssl all all 127.0.0.1/32 trust');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION bionic_crypt');
spawn('python3', "$tee/tls_proxy.py", "$folder/proxy.crt", "$folder/proxy.key", $node->port, "$folder/port");
wait_until(sub { -e "$folder/port" }) or BAIL_OUT(slurp_file("$folder/err"));

my $verify = $node->config_data('--bindir') . '/bionic-verify';
my $over_tls = 'host=127.0.0.1 dbname=postgres port=';
my $dsn = $over_tls . $node->port;

# What it prints, and its exit code.
sub run
{
	my (@arguments) = @_;
	open my $out, '-|', "$verify " . join(' ', map { "'$_'" } @arguments) . ' 2>&1' or die "$verify: $!";
	my $said = do { local $/; <$out> };

	close $out;
	return ($said // '', $? >> 8);
}

sub policy
{
	my (%demands) = @_;
	return write_file('policy',
		$json->encode({ type => 'bionic_crypt/policy/v1', roots => [ slurp_file("$folder/pki/ark.pem") ], %demands }));
}

# A run that ends with this code, and says this.
sub ends
{
	my ($code, $says, $what, @arguments) = @_;
	my ($said, $got) = run(@arguments);

	is($got, $code, "$what: exit code") or diag $said;
	like($said, $says, "$what: it says so");
	return $said;
}

# The manifest of a release with these libraries, by this key.
sub manifest
{
	my ($key, $version, @list) = @_;
	my ($module) = grep { $_->{name} eq 'bionic_crypt.so' } @list;
	my $payload = $json->encode({
		_type => 'https://in-toto.io/Statement/v1',
		subject => [ { name => 'postgresql/bionic_crypt.so', digest => { sha256 => $module->{sha256} } } ],
		predicateType => 'https://slsa.dev/provenance/v1',
		predicate => {
			buildDefinition => {
				buildType => 'urn:bionic-crypt:build:1',
				externalParameters => { version => $version },
				resolvedDependencies => [ map { { name => $_->{name}, digest => { sha256 => $_->{sha256} } } } @list ]
			},
			runDetails => { builder => { id => 'urn:bionic-crypt:builder:release' } }
		}
	});
	my $type = 'application/vnd.in-toto+json';
	write_file('pae', sprintf 'DSSEv1 %d %s %d %s', length $type, $type, length $payload, $payload);
	system_or_bail('openssl', 'pkeyutl', '-sign', '-rawin', '-inkey', "$folder/$key.key", '-in', "$folder/pae",
		'-out', "$folder/signature");
	return $json->encode({
		payloadType => $type,
		payload => encode_base64($payload, ''),
		signatures => [ { sig => encode_base64(slurp_file("$folder/signature"), '') } ]
	});
}

sub bundle_of
{
	my ($nonce, $fresh) = @_;
	return $node->safe_psql('postgres', "SELECT bionic_crypt.attestation('\\x$nonce', $fresh)", connstr => $dsn);
}

my $nonce = '0123456789abcdef' x 4;
my $bundle = bundle_of($nonce, 'false');
my $endorsement = decode_json(decode_base64(decode_json($bundle)->{endorsement}));
my @all = @{ $endorsement->{libraries} };
my @released = grep { $_->{name} ne 'extra.so' } @all;
my $whole = write_file('whole', manifest('release', '1.0', @all));
my $release = write_file('release', manifest('release', '1.0', @released));
my @image = (images => [ { name => 'image', covers => 'image', measurement => join('', map { sprintf '%02x', $_ } 0 .. 47) } ]);
my @key = ('--key', "$folder/release.pem");
my @server = ('server', '--dsn', $dsn);

# As it should be.
my $said = ends(0, qr/^verified: level 1, 1 is demanded$/m, 'a server with a TEE', @server, '--policy', policy());
like($said, qr/^ok      server sees the TLS certificate that we see$/m, 'its certificate is compared');
is(decode_json((run(@server, '--json', '--policy', policy()))[0])->{level}, 1, 'in JSON');
ends(0, qr/^ok      hardware's report was made for this nonce$/m, 'a fresh report', @server, '--fresh', '--policy', policy());
ends(0, qr/^verified: level 2/m, 'an image and a manifest',
	@server, '--level', 2, '--policy', policy(@image), '--manifest', $whole, @key);
ends(11, qr/^not enough: level 1, 2 is demanded$/m, 'a manifest without an image',
	@server, '--level', 2, '--policy', policy(), '--manifest', $whole, @key);
ends(11, qr/^not enough: level 1/m, 'an image of which nobody says what it holds', @server, '--level', 2, '--policy', policy(@image));
ends(12, qr/^not enough: level 2, 3 is demanded$/m, 'no tenant with a KMS',
	@server, '--level', 3, '--policy', policy(@image), '--manifest', $whole, @key);
ends(1, qr/^REFUSED certificate of the key leads to AMD's root/m, 'a root that is only the test\'s', @server);

# Without TLS, and with another's.
ends(2, qr/the connection has no TLS/, 'no TLS', 'server', '--dsn', 'dbname=postgres host=' . $node->host . ' port=' . $node->port,
	'--policy', policy());
ends(10, qr/level 0: without TLS|^ok      level: 0: without TLS/m, 'no TLS, knowingly', 'server', '--no-tls', '--dsn',
	'dbname=postgres host=' . $node->host . ' port=' . $node->port, '--policy', policy());
ends(1, qr/^REFUSED server sees the TLS certificate that we see: it sees another$/m, 'TLS that ends before the server',
	'server', '--dsn', $over_tls . slurp_file("$folder/port"), '--policy', policy());
ends(1, qr/^REFUSED TLS certificate is the one of the policy$/m, 'another certificate than the policy\'s',
	@server, '--policy', policy(tls_certificate_sha256 => '00' x 32));

# A server that answers with what it was told once; one that says what it likes.
$node->safe_psql('postgres', 'CREATE DATABASE liar');
$node->safe_psql('liar', <<"SQL");
CREATE SCHEMA bionic_crypt;
CREATE FUNCTION bionic_crypt.attestation(bytea, boolean, text) RETURNS jsonb LANGUAGE sql
	AS \$f\$ SELECT '$bundle'::jsonb \$f\$;
SQL
my @liar = ('server', '--dsn', $dsn =~ s/postgres/liar/r, '--policy', policy());
ends(1, qr/^REFUSED statement answers this nonce: it answers another$/m, 'an answer to another nonce', @liar);
$node->safe_psql('liar', <<'SQL');
CREATE OR REPLACE FUNCTION bionic_crypt.attestation(bytea, boolean, text) RETURNS jsonb LANGUAGE plpgsql
	AS $f$ BEGIN RAISE NOTICE 'verified'; RAISE EXCEPTION E'a\u001b[2Jb'; END $f$;
SQL
$said = ends(2, qr/the server has no answer: ERROR:  a\?\[2Jb$/m, 'words that move the cursor', @liar);
unlike($said, qr/verified/, 'and notices are not shown');
ends(2, qr/could not connect/, 'no server', 'server', '--dsn', 'host=/nowhere');

# A bundle that was kept.
my $now = time;
write_file('bundle', $bundle);
my @kept = ('bundle', "$folder/bundle", '--policy', policy());
ends(0, qr/^verified: level 1/m, 'a bundle', @kept, '--nonce', $nonce);
ends(1, qr/^REFUSED statement is recent: it is \d+ s old$/m, 'an old bundle', @kept, '--nonce', $nonce, '--at', $now + 600);
ends(1, qr/^REFUSED statement answers this nonce/m, 'another nonce', @kept, '--nonce', '00' x 32);
ends(1, qr/^REFUSED hardware's report was made for this nonce: it was made before$/m, 'a report that was at hand',
	@kept, '--nonce', $nonce, '--fresh');
my $other = decode_json(bundle_of('11' x 16, 'true'));
write_file('bundle', $json->encode({ %{ decode_json($bundle) }, evidence => $other->{evidence} }));
ends(1, qr/^REFUSED hardware's report binds the endorsement$/m, 'a report of another endorsement', @kept, '--nonce', $nonce);
write_file('bundle', $json->encode({ %{ decode_json($bundle) }, signature => $other->{signature} }));
ends(1, qr/^REFUSED statement is signed by the instance key$/m, 'the signature of another statement', @kept, '--nonce', $nonce);

# What the hardware says against it.
write_file('fields', 'debug=1');
ends(1, qr/^REFUSED guest is not open to debugging/m, 'a guest that the host can read', @server, '--fresh', '--policy', policy());
ends(10, qr/^ok      level: 0: the guest is open to debugging$/m, 'and with leave, it proves nothing',
	@server, '--fresh', '--policy', policy(allow_debug => JSON::PP::true));
write_file('fields', 'measurement=' . 'ab' x 48);
ends(1, qr/^REFUSED measurement is of an image of the policy$/m, 'another image',
	@server, '--fresh', '--policy', policy(@image), '--manifest', $whole, @key);
write_file('fields', '');

# The manifest.
ends(1, qr/^REFUSED libraries are in the manifest or the policy: extra\.so is not$/m, 'a library that is not in the manifest',
	@server, '--policy', policy(), '--manifest', $release, @key);
my ($extra) = grep { $_->{name} eq 'extra.so' } @all;
ends(0, qr/^verified/m, 'but in the policy', @server, '--manifest', $release, @key,
	'--policy', policy(libraries => { 'extra.so' => [ $extra->{sha256} ] }));
ends(1, qr/^REFUSED manifest is signed and well-formed: no key that is trusted has signed it$/m, 'another\'s manifest',
	@server, '--policy', policy(), '--manifest', $whole, '--key', "$folder/other.pem");
ends(1, qr/^REFUSED bionic_crypt\.so is in the manifest$/m, 'the manifest of another release', @server, '--policy', policy(), @key,
	'--manifest', write_file('older', manifest('release', '0.9', map { { %$_, sha256 => sha256_hex($_->{name}) } } @all)));
ends(0, qr{^ok      file is in the manifest: .*/bionic_crypt\.so is postgresql/bionic_crypt\.so$}m, 'a file of the release',
	'manifest', $release, @key, '--file', "$libraries/bionic_crypt.so");
ends(1, qr/^REFUSED file is in the manifest: /m, 'a file that is not', 'manifest', $release, @key, '--file', "$folder/extra.so");
ends(1, qr/no key that is trusted has signed it/, 'another key', 'manifest', $release, '--key', "$folder/other.pem");

# A library's file is replaced while the server runs.
copy("$libraries/pg_stat_statements.so", "$folder/extra.new") or die $!;
rename "$folder/extra.new", "$folder/extra.so" or die $!;
ends(1, qr/^REFUSED no library's file was replaced since the server started: extra\.so$/m, 'a library that was replaced',
	@server, '--policy', policy());
copy("$libraries/auto_explain.so", "$folder/extra.so") or die $!;

# One that only sessions load.
$node->append_conf('postgresql.conf', "session_preload_libraries = 'pg_stat_statements'");
$node->restart;
ends(1, qr/^REFUSED sessions load no library of their own: pg_stat_statements of session_preload_libraries$/m,
	'a library that sessions load', @server, '--policy', policy());

# One that has words for the terminal, before it is asked anything.
my $listener = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die $!;
my $talker = fork // die "fork: $!";
if ($talker == 0)
{
	my $client = $listener->accept;
	my $message = sub { $_[0] . pack('N', 4 + length $_[1]) . $_[1] };

	# no to TLS, until it is a startup packet
	sysread $client, my $packet, 8192;
	while (unpack('x4N', $packet) == 80877103)
	{
		syswrite $client, 'N';
		sysread $client, $packet, 8192;
	}
	syswrite $client, $message->('R', pack 'N', 0) . $message->('N', "SNOTICE\0M\e[2Jverified\0\0") . $message->('Z', 'I');
	sysread $client, my $question, 8192;
	syswrite $client, $message->('E', "SERROR\0C42P01\0M\e[2Jno\0\0") . $message->('Z', 'I');
	sysread $client, my $goodbye, 8192;
	POSIX::_exit(0);
}
push @children, $talker;
my $printed = ends(2, qr/^bionic-verify: the server has no answer: ERROR:  \?\[2Jno$/m, 'words for the terminal',
	'server', '--no-tls', '--dsn', 'user=a dbname=a host=127.0.0.1 port=' . $listener->sockport);
unlike($printed, qr/\e|verified/, 'are not printed');

# The command line.
ends(0, qr/^Usage:/m, 'help', '--help');
for my $wrong (
	[ [], qr/a command is wanted/ ],
	[ ['nothing'], qr/nothing lacks an option/ ],
	[ [ 'bundle', "$folder/bundle" ], qr/bundle lacks an option/ ],
	[ [ 'bundle', "$folder/none", '--nonce', $nonce ], qr/could not open/ ],
	[ [ 'bundle', "$folder/bundle", '--nonce', '00' ], qr/invalid value of --nonce/ ],
	[ [ @server, '--level', '4' ], qr/invalid level/ ],
	[ [ @server, '--at', 'soon' ], qr/invalid time/ ],
	[ [ @server, '--policy', write_file('bad', '{"type":"bionic_crypt/policy/v1","levels":1}') ], qr/the policy is refused: levels: is not known/ ],
	[ [ 'evidence', '--type', 'tdx', '--report', "$folder/bundle", '--level', '2' ], qr/evidence lacks an option, or has too much/ ],
	[ [ 'manifest', $release, @key, '--tenant', 'acme' ], qr/manifest lacks an option, or has too much/ ],
	[ [ 'server', '--dsn', "$dsn sslmode=prefer" ], qr/TLS is required, sslmode/ ],
	[ [ 'evidence', '--type', 'abacus', '--report', "$folder/bundle" ], qr/unknown type of evidence/ ],
	[ [ @server, '--trust-me' ], qr/unrecognized option/ ])
{
	ends(2, $wrong->[1], "@{ $wrong->[0] }", @{ $wrong->[0] });
}
$node->stop;

done_testing();
