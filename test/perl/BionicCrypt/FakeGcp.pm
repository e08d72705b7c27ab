# Google Cloud KMS and what gives out tokens for it, as test/kms/fake_gcp has
# them: on loopback, over TLS with a CA of its own.
#
#	my $gcp = BionicCrypt::FakeGcp->new;
#	my $kek = $gcp->create_key('chat', 'serviceAccount:...');
#	$node->safe_psql('postgres', $gcp->create_server('acme_gcp', $gcp->by_account));
#	$gcp->change(sub { $_[0]{keys}{$kek}{versions}{1} = 'DISABLED' });
#	$gcp->requests(qr{:decrypt$})		how often it was asked so
#	$gcp->google({ do => 'decrypt', ... })	the same by Google's own client
#
# What can be changed is described in fake_gcp.

package BionicCrypt::FakeGcp;

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Spec;
use IPC::Run;
use JSON::PP;
use MIME::Base64 qw(encode_base64url);
use PostgreSQL::Test::Utils;

use BionicCrypt::Test;

our $account = 'saas@acme-saas.iam.gserviceaccount.com';
our $guest = 'kms-guest@customer.iam.gserviceaccount.com';	# to impersonate

my $programs = File::Spec->rel2abs(dirname(__FILE__) . '/../../kms');
my $python = $ENV{BIONIC_CRYPT_TEST_PYTHON} // 'python3';
my $audience = '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x';
my $json = JSON::PP->new->utf8->canonical;
my @fakes;

# Ends the script here if there is no client of Google's to judge the fake.
sub require_or_skip_all
{
	my ($out, $err);
	my $there = eval { IPC::Run::run([ $python, '-c', 'import google.cloud.kms' ], '<', \undef, '>', \$out, '2>', \$err) };

	require_or_skip('gcp', $there);
	return;
}

sub new
{
	my ($class) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir('fake_gcp');
	my $self = bless { dir => $dir, files => 0, in => '', out => '', err => '' }, $class;

	run_or_die("$programs/make_certs", "$dir/certs");
	run_or_die(qw(openssl genrsa -out), "$dir/$_.key", 2048) for qw(account issuer);
	$self->{state} = {
		keys => {},
		accounts => {
			$account => { keys => { 'key-1' => run_or_die(qw(openssl rsa -pubout -in), "$dir/account.key") } },
			$guest => { token_creators => ['principal:database'] },
		},
		machine => $account,
		pool => {
			audience => $audience,
			issuer => 'https://issuer.example',
			issuer_key => run_or_die(qw(openssl rsa -pubout -in), "$dir/issuer.key"),
			allowed_audience => 'bionic_crypt',
			subject => 'database',
		},
		quota_projects => ['acme-billing'],
	};
	$self->write_state;
	append_to_file("$dir/log", '');
	$self->start;
	push @fakes, $self;
	return $self;
}

sub start
{
	my ($self) = @_;
	my $dir = $self->{dir};

	$self->{process} = IPC::Run::start(
		[ $python, "$programs/fake_gcp", map { "$dir/$_" } qw(state log certs/server.pem certs/server.key) ],
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err});
	wait_until(sub { $self->{process}->pump_nb; $self->{out} =~ /\n/ }) or die "fake_gcp: $self->{err}";
	$self->{ports} = $json->decode($self->{out});
	return;
}

# It would end with its input, if a server that was started meanwhile did not
# have the other end of that, too.
sub stop
{
	my ($self) = @_;
	my $process = delete $self->{process} or return;

	$process->signal('KILL');
	$process->finish;
	return;
}

# A script that dies leaves nothing behind.
END
{
	my $status = $?;
	$_->stop for @fakes;
	$? = $status;
}

sub run_or_die
{
	my (@command) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err) or die "$command[0]: $err";
	return $out;
}

# It reads its file while that is being changed.
sub write_state
{
	my ($self) = @_;
	my $path = "$self->{dir}/state";

	unlink "$path.new";
	append_to_file("$path.new", $json->encode($self->{state}));
	rename "$path.new", $path or die "$path: $!";
	return;
}

# From now on it is as the function makes it.
sub change
{
	my ($self, $change) = @_;

	$change->($self->{state});
	$self->write_state;
	return;
}

sub address { return "https://127.0.0.1:$_[0]{ports}{kms}" }
sub port { return $_[0]{ports}{kms} }
sub metadata_host { return "127.0.0.1:$_[0]{ports}{metadata}" }
sub certs { return "$_[0]{dir}/certs" }

# A file that only its owner may read; the answer is its path.
sub secret_file
{
	my ($self, $content, $path) = @_;
	$path //= "$self->{dir}/secret_" . ++$self->{files};

	unlink "$path.new";
	my $mask = umask 0077;
	append_to_file("$path.new", $content);
	umask $mask;
	rename "$path.new", $path or die "$path: $!";
	return $path;
}

sub name_of { return "projects/customer/locations/europe-west3/keyRings/saas/cryptoKeys/$_[1]" }

# A key that these may use; the answer is its name.
sub create_key
{
	my ($self, $name, @members) = @_;
	my $kek = $self->name_of($name);

	$self->change(sub {
		$_[0]{keys}{$kek} = { primary => 1, versions => { 1 => 'ENABLED' }, encrypt => [@members], decrypt => [@members] };
	});
	return $kek;
}

# The file of the service account, as Google gives it out.
sub account_file
{
	my ($self) = @_;
	my %content = (
		type => 'service_account',
		project_id => 'acme-saas',
		private_key_id => 'key-1',
		private_key => slurp_file("$self->{dir}/account.key"),
		client_email => $account,
		client_id => '1',
		token_uri => 'https://evil.invalid/token');

	return $self->{account_file} //= $self->secret_file($json->encode(\%content));
}

# A JWT of the pool's issuer; other claims take the place of these.
sub subject_token
{
	my ($self, %claims) = @_;
	%claims = (iss => 'https://issuer.example', aud => 'bionic_crypt', sub => 'database', iat => time,
		exp => time + 3600, %claims);
	my $text = join '.', map { encode_base64url($json->encode($_)) } { alg => 'RS256', typ => 'JWT' }, \%claims;
	my $signature;

	IPC::Run::run([ qw(openssl dgst -sha256 -sign), "$self->{dir}/issuer.key" ], '<', \$text, '>', \$signature)
	  or die 'openssl dgst';
	return "$text." . encode_base64url($signature);
}

# Options of servers, by the way they log in.

sub by_account
{
	my ($self) = @_;
	return (auth_method => 'service_account', credentials_file => $self->account_file, token_address => $self->address);
}

sub by_machine
{
	my ($self) = @_;
	return (auth_method => 'metadata', metadata_address => 'http://' . $self->metadata_host);
}

sub by_exchange
{
	my ($self, $method) = @_;
	return (
		auth_method => $method // 'workload_identity',
		audience => $audience,
		subject_token_file => $self->secret_file($self->subject_token),
		sts_address => $self->address);
}

sub as_guest
{
	my ($self) = @_;
	return (service_account_impersonation => $guest, iamcredentials_address => $self->address);
}

# The statement that makes a server of it; further options are the server's.
sub create_server
{
	my ($self, $name, %option) = @_;

	%option = (provider => 'gcp', address => $self->address, ca_file => $self->certs . '/ca.pem', %option);
	return "CREATE SERVER $name FOREIGN DATA WRAPPER bionic_crypt OPTIONS ("
	  . join(', ', map { "$_ '$option{$_}'" } sort keys %option) . ')';
}

# What Google's own clients answer to each of these; see google_client.
sub google
{
	my ($self, @asked) = @_;
	my $asked = $json->encode([ map { { address => $self->address, %$_ } } @asked ]);
	my ($out, $err) = ('', '');

	IPC::Run::run([ $python, "$programs/google_client", $self->certs . '/ca.pem', $self->metadata_host ],
		'<', \$asked, '>', \$out, '2>', \$err)
	  or die "google_client: $err";
	return @{ $json->decode($out) };
}

# Requests that it answered, of such paths.
sub log { return map { $json->decode($_) } slurp_file("$_[0]{dir}/log") =~ /^(.*)\n/mg }

sub requests
{
	my ($self, $path) = @_;
	return scalar grep { $_->{path} =~ $path } $self->log;
}

1;
