# What a KMIP server can do to us that a real one cannot be made to do: each
# fault gets its class and SQLSTATE within the time limit, harms no other tenant
# and tells nothing.  The fake takes no request but those of the standard.  All
# forms of an answer and all reasons of a refusal are in test/unit/kms.

use strict;
use warnings;

use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::FakeKmip;
use BionicCrypt::KmsFaults;
use BionicCrypt::Test;

# The same for KMIP: other faults of its frames, and TLS of both sides.
package KmipFaults;

use parent -norequire, 'BionicCrypt::KmsFaults';

sub fake
{
	my ($self, %cert) = @_;
	my %trust = (client_ca => "$self->{certs}/ca.pem");

	%cert = $self->cert('server') if !%cert;
	return BionicCrypt::FakeKmip->new(kms => { port => $self->{port}, %trust, %cert });
}

# The beginning of a message of so many bytes behind it.
sub header { return "\x42\x00\x7b\x01" . pack 'N', $_[0] }

sub faults
{
	return (
		[ 'garbage', 'KM002', 'protocol', { raw => [ [ "garbage\n", 1000 ] ], then => 'cut' } ],
		[ 'nothing, then the end', 'KM002', 'unavailable', { raw => [], then => 'end' } ],
		[ 'half a reply, then the end', 'KM002', 'protocol', { raw => [ [ header(200) . 'half', 1 ] ], then => 'end' } ],
		[ 'half a reply, then silence', 'KM002', 'unavailable', { raw => [ [ header(200) . 'half', 1 ] ], then => 'hang' } ],
		[ 'silence', 'KM002', 'unavailable', { raw => [], then => 'hang' } ],
		[ 'a reset', 'KM002', 'unavailable', { raw => [], then => 'reset' } ],
		[ 'a reply byte by byte', 'KM002', 'unavailable', { raw => [ [ header(1000), 1 ], [ 'x', 1000 ] ], drip_ms => 50 } ],
		[ 'a reply of 100 MB', 'KM002', 'protocol', { raw => [ [ header(100_000_000), 1 ], [ 'x' x 1000, 1000 ] ], then => 'hang' } ],
		[ 'a reply of no bytes', 'KM002', 'protocol', { raw => [ [ header(0), 1 ] ] } ],
		[ 'a reply of zeros', 'KM002', 'protocol', { raw => [ [ header(200), 1 ], [ "\0", 200 ] ] } ]);
}

package main;

my $dir = PostgreSQL::Test::Utils::tempdir('kmip');
my $certs = "$dir/certs";
system_or_bail(dirname(__FILE__) . '/../kms/make_certs', $certs);
my %secret = (password => 's3cret of a vendor', text => 'harmed');
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $node = new_node('kmip_faults');
$node->append_conf('postgresql.conf', BionicCrypt::KmsFaults->settings);
$node->start;

sub write_password
{
	my ($password) = @_;

	unlink "$dir/password";
	append_to_file("$dir/password", "$password\n");
	chmod 0600, "$dir/password";
	return;
}

write_password($secret{password});
my $faults = KmipFaults->new($node,
	tenant => 'acme',
	kms => 'acme_kmip',
	port => $port,
	certs => $certs,
	unwrap => 'KMIP Decrypt',
	key => sub { return { key => unpack 'H*', $_[0] } });
my $fake = $faults->fake_in_place;
$fake->reply('*' => { honest => \1 });
$node->safe_psql('postgres', <<"SQL");
CREATE EXTENSION bionic_crypt;
CREATE SERVER acme_kmip FOREIGN DATA WRAPPER bionic_crypt OPTIONS (
	provider 'kmip', address '127.0.0.1:$port', ca_file '$certs/ca.pem',
	client_cert_file '$certs/client.pem', client_key_file '$certs/client.key',
	username 'vendor', password_file '$dir/password', request_timeout_ms '1000');
SELECT bionic_crypt.create_tenant('acme', kms => 'acme_kmip', kek => 'saas-chat');
SQL
$faults->prepare;

# What it was asked, and by whom.
my ($wrap, $unwrap, $probe) = $fake->requests;
$secret{data_key} = pack 'H*', $wrap->{data};
my $key_id = $node->safe_psql('postgres', "SELECT encode(key_id, 'hex') FROM bionic_crypt.catalog_keys WHERE tenant = 'acme'");
is("$wrap->{operation} $unwrap->{operation} $probe->{operation}", 'Encrypt Decrypt Decrypt',
	'a key is wrapped, unwrapped, and unwrapped for another purpose');
is($wrap->{uid}, 'saas-chat', 'the key is named');
is($wrap->{client}, 'client', 'we are who our certificate says');
is("$wrap->{username} $wrap->{password}", "vendor $secret{password}", 'and the username and the password');
is(pack('H*', $wrap->{associated}), 'BCK1' . pack('(n/a*)4', 'acme', pack('H*', $key_id), 'data', 'saas-chat'),
	'the wrapped key is bound to its tenant, key id, purpose and key-encryption key');
is($unwrap->{associated}, $wrap->{associated}, 'by what it is unwrapped with');
isnt($probe->{associated}, $wrap->{associated}, 'and not with anything else');

# A server that binds nothing.
$fake->reply('KMIP Encrypt' => { key => 'ab' x 32 }, 'KMIP Decrypt' => { key => 'ab' x 32 });
isnt(sqlstate($node, "SELECT bionic_crypt.create_tenant('unbound', kms => 'acme_kmip', kek => 'saas-chat')"),
	'00000', 'no tenant is created with a server that gives another key back');

# A password that is changed is read anew.
$fake->reply('*' => { honest => \1 });
is(($faults->try_cold)[0], '00000', 'with its password, it reads');
$secret{new_password} = 'an0ther of a vendor';
write_password($secret{new_password});
$fake->reply('KMIP Decrypt' => [ { reason => 0x03, message => $secret{password} }, { honest => \1 } ]);
is(($faults->try_cold)[0], '00000', 'a refusal is confirmed with the new password');
is((grep { $_->{operation} eq 'Decrypt' } $fake->requests)[-1]{password}, $secret{new_password}, 'which is sent then');

$faults->right_key($secret{data_key});
sub with { return { key => unpack('H*', $secret{data_key}), @_ } }
sub refusal { return { reason => $_[0], message => $_[1] // 'it says so' } }
my $pykmip_failed = 'Operation failed. See the server logs for more information.';
$faults->replies($secret{data_key},
	[ 'KMIP 1.3', 'KM002', 'protocol', with(change => { minor => 3 }) ],
	[ 'an answer to another operation', 'KM002', 'protocol', with(change => { operation => 0x1f }) ],
	[ "another key's", 'KM002', 'protocol', with(change => { uid => 'saas-chat2' }) ],
	[ 'with more', 'KM002', 'protocol', with(change => { extra => 1 }) ],
	[ 'of two items', 'KM002', 'protocol', with(change => { count => 2, repeat => 2 }) ],
	[ 'pending', 'KM002', 'protocol', with(change => { status => 2 }) ],
	[ 'Item Not Found', 'KM001', 'denied', refusal(0x01) ],
	[ 'Wrong Key Lifecycle State', 'KM001', 'denied', refusal(0x43) ],
	[ 'Authentication Not Successful', 'KM001', 'denied', refusal(0x03) ],
	[ 'Cryptographic Failure', '22000', 'bad_ciphertext', refusal(0x0a) ],
	[ 'General Failure of PyKMIP', '22000', 'bad_ciphertext', refusal(0x100, $pykmip_failed) ],
	[ 'General Failure', 'KM002', 'unavailable', refusal(0x100) ],
	[ 'a refusal that tells the key', 'KM002', 'unavailable', refusal(0x100, unpack 'H*', $secret{data_key}) ],
	[ 'Usage Limit Exceeded', 'KM002', 'throttled', refusal(0x1a) ],
	[ 'Invalid Message', 'KM002', 'protocol', refusal(0x04) ],
	[ 'Operation Not Supported', '22023', 'config', refusal(0x05) ]);
$faults->certificates($secret{data_key});

# A server that does not admit our certificate: with TLS 1.3 it says so after
# the handshake.  That is no answer, and so no denial.
for my $tls (qw(TLSv1_2 TLSv1_3))
{
	my $refusing = $faults->fake($faults->cert('server'), client_ca => "$certs/other_ca.pem", tls_max => $tls);
	my %before = $faults->failures;

	$refusing->reply('KMIP Decrypt' => $faults->{key}->($secret{data_key}));
	is(($faults->try_cold)[0], 'KM002', "$tls: a server that does not admit our certificate");
	my %after = $faults->failures;
	is(join(' ', grep { $after{$_} > $before{$_} } sort keys %after), 'unavailable', "$tls: counts as an outage");
	$refusing->stop;
}
$faults->right_key($secret{data_key});
$faults->stop;
$faults->leaks(%secret);

$node->stop;
done_testing();
