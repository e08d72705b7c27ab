# What a KMS that speaks HTTP can do to us, in the place of a provider's real
# one: each fault must get its class and SQLSTATE within the time limit, harm no
# other tenant and tell nothing.
#
#	my $faults = BionicCrypt::KmsFaults->new($node,
#		tenant => 'acme',			who has a value in its table "kms_faults"
#		kms => 'acme_aws',			its server, with request_timeout_ms 1000
#		port => $port, certs => $dir,	of its real KMS, which is stopped by now;
#						the folder is one of test/kms/make_certs
#		login => { 'POST /token' => $reply },	what else must be answered
#		unwrap => 'POST /decrypt',		what asks for the key
#		key => sub { ... });			a reply with such a key
#	$faults->prepare		makes the table and two tenants who are not harmed,
#					before the KMS goes
#	$faults->right_key($key)	whoever gives the right key is believed
#	$faults->replies($key, @refusals)	each fault in the place of the key
#	$faults->logins($request)	in the place of a login's exchange
#	$faults->certificates($key)	TLS that must not be trusted
#	$faults->leaks(%secret)		none of them is in the log, catalogs, views
#
# A refusal is [ what, SQLSTATE, class, reply ], in the words of that KMS.
# Replies are described in test/kms/fake_kms.

package BionicCrypt::KmsFaults;

use strict;
use warnings;

use MIME::Base64;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use BionicCrypt::FakeKms;
use BionicCrypt::Session;
use BionicCrypt::Test;

my @classes = qw(denied throttled unavailable bad_ciphertext config protocol credential);
my $longest = 6;				# s, for a call with its retries

sub new
{
	my ($class, $node, %of) = @_;
	return bless { node => $node, login => {}, %of }, $class;
}

# The settings of a node: the log is to hold all that it can.
sub settings
{
	return <<'CONF';
bionic_crypt.allow_local_kms = on
bionic_crypt.kms_timeout = '10s'
log_min_messages = debug5
log_min_error_statement = debug5
CONF
}

sub write_value
{
	my ($self, $tenant, $text) = @_;

	$self->{node}->safe_psql('postgres',
		"SET bionic_crypt.tenant = '$tenant'; INSERT INTO kms_faults VALUES ('$tenant', '$text'::text)");
	return;
}

sub prepare
{
	my ($self) = @_;

	$self->{node}->safe_psql('postgres', <<'SQL');
CREATE TABLE kms_faults (tenant_id text, content encrypted_text);
SELECT bionic_crypt.create_tenant('calm');
SQL
	$self->write_value('calm', 'calm');
	$self->write_value($self->{tenant}, 'harmed');
	$self->{calm} = BionicCrypt::Session->new($self->{node}, tenant => 'calm');
	return;
}

sub reading
{
	my ($tenant) = @_;
	return "SELECT content FROM kms_faults WHERE tenant_id = '$tenant'";
}

# The failures of the server that were counted, by class.
sub failures
{
	my ($self) = @_;
	my %failures;

	@failures{@classes} = split /\|/, $self->{node}->safe_psql('postgres',
		'SELECT ' . join(', ', @classes) . " FROM bionic_crypt.stat_kms WHERE kms = '$self->{kms}'");
	return %failures;
}

# A new session's SQLSTATE, and how long it took; the key is not at hand.
sub try_cold
{
	my ($self) = @_;
	my ($node, $tenant) = @$self{qw(node tenant)};

	$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid, 10000) FROM bionic_crypt.key_worker()');
	my $began = time;
	my $state = sqlstate($node, "SET bionic_crypt.tenant = '$tenant'; " . reading($tenant));
	return ($state, time - $began);
}

# In the KMS's place, with its own certificate or another one.
sub fake
{
	my ($self, %cert) = @_;

	return BionicCrypt::FakeKms->new(
		kms => { port => $self->{port}, %cert ? %cert : $self->cert('server') },
		elsewhere => { $self->cert('server') },
		plain => { plain => 1 });
}

sub cert
{
	my ($self, $name) = @_;
	return (cert => "$self->{certs}/$name.pem", key => "$self->{certs}/$name.key");
}

sub fake_in_place
{
	my ($self) = @_;
	return $self->{fake} //= $self->fake;
}

sub stop
{
	my ($self) = @_;

	$self->{fake}->stop if $self->{fake};
	delete $self->{fake};
	return;
}

# One reply to the request: what comes of it.
sub try_reply
{
	my ($self, $request, $what, $expected, $class, $reply, %others) = @_;
	my $fake = $self->fake_in_place;

	$fake->reply(%{ $self->{login} }, %others, $request => $reply);
	my %before = $self->failures;
	my $asked = () = $fake->requests;
	my ($state, $took) = $self->try_cold;
	my %after = $self->failures;
	is($state, $expected, "$what: SQLSTATE");
	is(join(' ', grep { $after{$_} > $before{$_} } sort keys %after), $class, "$what: class");
	cmp_ok(scalar(() = $fake->requests), '>', $asked, "$what: it was asked");
	cmp_ok($took, '<', $longest, "$what: in time");
	is($self->{calm}->query(reading('calm')), 'calm', "$what: another tenant goes on");
	return;
}

sub right_key
{
	my ($self, $key) = @_;

	$self->fake_in_place->reply(%{ $self->{login} }, $self->{unwrap} => $self->{key}->($key));
	is(($self->try_cold)[0], '00000', 'whoever gives the right key is believed');
	return;
}

sub redirect
{
	my ($port, $scheme) = @_;
	return { status => 307, headers => { Location => "$scheme://127.0.0.1:\$$port/" } };
}

# What any reply can be instead of the one that was asked for.
sub faults
{
	my $half = [ "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{", 1 ];

	return (
		[ 'a redirect to another host', 'KM002', 'protocol', redirect('elsewhere', 'https') ],
		[ 'a redirect to plain HTTP', 'KM002', 'protocol', redirect('plain', 'http') ],
		[ 'garbage', 'KM002', 'protocol', { body => "\x{1}garbage" } ],
		[ 'HTML', 'KM002', 'protocol', { body => '<html>' } ],
		[ 'nothing', 'KM002', 'protocol', { body => '' } ],
		[ 'no HTTP', 'KM002', 'protocol', { raw => [ [ "garbage\n", 1000 ] ], then => 'cut' } ],
		[ 'half a reply, then the end', 'KM002', 'protocol', { raw => [$half], then => 'end' } ],
		[ 'half a reply, then silence', 'KM002', 'unavailable', { raw => [$half], then => 'hang' } ],
		[ 'silence', 'KM002', 'unavailable', { raw => [], then => 'hang' } ],
		[ 'a reset', 'KM002', 'unavailable', { raw => [], then => 'reset' } ],
		[ 'a reply byte by byte', 'KM002', 'unavailable', { body => 'x' x 1000, drip_ms => 50 } ],
		[ 'a reply that is too long', 'KM002', 'protocol',
			{ raw => [ [ "HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n", 1 ], [ 'x' x 1000, 1000 ] ] } ],
		[ 'a reply without an end', 'KM002', 'protocol',
			{ raw => [ [ "HTTP/1.1 200 OK\r\n\r\n", 1 ], [ 'x' x 1000, 1000 ] ] } ],
		[ 'headers without an end', 'KM002', 'protocol',
			{ raw => [ [ "HTTP/1.1 200 OK\r\n", 1 ], [ 'X: ' . 'x' x 1000 . "\r\n", 1000 ] ] } ],
		[ 'trouble', 'KM002', 'unavailable', { status => 500, body => '' } ],
		[ 'too many requests', 'KM002', 'throttled', { status => 429, body => '' } ]);
}

sub replies
{
	my ($self, $key, @refusals) = @_;
	my @keys = (
		[ 'a key of 16 bytes', 'KM002', 'protocol', $self->{key}->(substr $key, 0, 16) ],
		[ 'a key of 33 bytes', 'KM002', 'protocol', $self->{key}->("${key}x") ],
		[ 'a key of no bytes', 'KM002', 'protocol', $self->{key}->('') ],
		[ 'another key', '22000', 'bad_ciphertext', $self->{key}->($key ^ "\1" x 32) ],
		[ 'an error that tells the key', 'KM002', 'unavailable', { status => 500, body => encode_base64($key, '') } ]);

	$self->try_reply($self->{unwrap}, @$_) for @keys, $self->faults, @refusals;
	$self->elsewhere_is_quiet;
	return;
}

# In the place of an exchange of a login; a key is not asked for then.
sub logins
{
	my ($self, $request, @refusals) = @_;

	$self->try_reply($request, "login: $_->[0]", @$_[ 1 .. 3 ]) for $self->faults, @refusals;
	$self->elsewhere_is_quiet;
	return;
}

sub elsewhere_is_quiet
{
	my ($self) = @_;

	is(scalar(grep { $_->{port} =~ /^(?:elsewhere|plain)$/ } $self->fake_in_place->requests),
		0, 'no request went to another host');
	return;
}

# Somebody without its certificate learns nothing at all.
sub certificates
{
	my ($self, $key) = @_;
	my %cert = (
		'a certificate of another CA' => { $self->cert('stranger') },
		'a certificate for another name' => { $self->cert('misnamed') },
		'a certificate for clients' => { $self->cert('client') },
		'a certificate that has expired' => { $self->cert('expired') },
		'TLS 1.1' => { $self->cert('server'), tls_max => 'TLSv1_1' },
		'no TLS' => { plain => 1 });

	$self->stop;
	for my $what (sort keys %cert)
	{
		my $fake = $self->fake(%{ $cert{$what} });

		$fake->reply(%{ $self->{login} }, $self->{unwrap} => $self->{key}->($key));
		my ($state, $took) = $self->try_cold;
		is($state, 'KM002', "$what is refused");
		cmp_ok($took, '<', $longest, 'in time');
		is(scalar($fake->requests), 0, 'and no request is made');
		is($self->{calm}->query(reading('calm')), 'calm', 'another tenant goes on');
		$fake->stop;
	}
	return;
}

# Where nothing secret may be found; a stated text is, to show that we look.
sub leaks
{
	my ($self, %secret) = @_;
	my $node = $self->{node};
	my $views = 'tenants keys grants stat_kms key_worker()';
	my %place = (
		'the log' => slurp_file($node->logfile),
		'pg_foreign_server' => $node->safe_psql('postgres', 'SELECT s FROM pg_foreign_server s'),
		'pg_stat_activity' => $node->safe_psql('postgres', 'SELECT s FROM pg_stat_activity s'),
		'our views' => join("\n",
			map { $node->safe_psql('postgres', "SELECT v FROM bionic_crypt.$_ v") } split / /, $views),
		'a dump' => (run_command([ 'pg_dump', '-d', $node->connstr('postgres') ]))[0]);
	my %there = map { $_ => $self->{kms} } keys %place;
	$there{pg_stat_activity} = 'key worker';

	for my $where (sort keys %place)
	{
		like($place{$where}, qr/$there{$where}/, "$where is looked through");
		for my $name (sort keys %secret)
		{
			my $text = $secret{$name};
			my @forms = ($text, encode_base64($text, ''), unpack('H*', $text));
			my @found = grep { index($place{$where}, $_) >= 0 } @forms;

			is(scalar @found, 0, "no $name in $where");
		}
	}
	return;
}

1;
