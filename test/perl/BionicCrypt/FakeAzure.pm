# A fake Azure (test/kms/fake_azure) for a script: a Key Vault, a Managed HSM,
# Entra ID and a metadata service on loopback, with certificates of a CA of its
# own.
#
#	my $azure = BionicCrypt::FakeAzure->new;
#	$azure->do('key', 'vault', 'saas-chat');	see fake_azure
#	my $file = $azure->add_app('tenant', 'app');	admitted, with a secret; its file
#	$node->safe_psql('postgres', $azure->create_server('acme', client_secret_file => $file));
#	$azure->requests(qr{unwrapkey})		how often it was asked
#	$azure->stop

package BionicCrypt::FakeAzure;

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Spec;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;

use BionicCrypt::Test;

my $folder = File::Spec->rel2abs(dirname(__FILE__) . '/../../kms');
my $python = $ENV{BIONIC_CRYPT_TEST_PYTHON} // '/usr/bin/python3';
my $json = JSON::PP->new->utf8->canonical->allow_nonref;

our $tenant = '6f89cf12-978b-4d23-ac18-9ef0c127cf87';
our $client = '11111111-2222-3333-4444-555555555555';

# Ends the script here if there is no Python with its cryptography.
sub require_or_skip_all
{
	require_or_skip('azure', can_import('cryptography'));
	return;
}

sub can_import
{
	my ($module) = @_;
	my ($out, $err);

	return eval { IPC::Run::run([ $python, '-I', '-c', "import $module" ], '<', \undef, '>', \$out, '2>', \$err) };
}

sub new
{
	my ($class) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir('fake_azure');
	my $self = bless { dir => $dir, in => '', out => '', err => '', files => 0 }, $class;

	system_or_bail("$folder/make_certs", "$dir/certs");
	$self->{process} = IPC::Run::start(
		[ $python, '-I', "$folder/fake_azure", map { "$dir/certs/server.$_" } qw(pem key) ],
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err});
	$self->{ports} = $self->line;
	return $self;
}

sub line
{
	my ($self) = @_;

	wait_until(sub { $self->{process}->pump_nb; $self->{out} =~ /\n/ })
	  or die "fake_azure: $self->{err}";
	$self->{out} =~ s/^(.*)\n//;
	return $json->decode($1);
}

# A command, with its arguments; the last may be a hash of named ones.
sub do
{
	my ($self, @command) = @_;

	$self->{in} .= $json->encode(\@command) . "\n";
	return $self->line;
}

sub port { return $_[0]{ports}{ $_[1] } }
sub address { my ($self, $name) = @_; return "https://127.0.0.1:" . $self->port($name) }
sub metadata_address { return 'http://127.0.0.1:' . $_[0]->port('metadata') }
sub certs { return "$_[0]{dir}/certs" }
sub ca_file { return $_[0]->certs . '/ca.pem' }
sub dir { return $_[0]{dir} }

# A file that only its owner may read.
sub secret_file
{
	my ($self, $content, $path) = @_;
	$path //= "$self->{dir}/secret_" . ++$self->{files};
	my $mask = umask 0077;

	unlink $path;
	append_to_file($path, $content);
	umask $mask;
	return $path;
}

# An application that the tenant admits; the answer is the file of its secret.
sub add_app
{
	my ($self, $in, $id) = @_;

	$self->do('directory', $in) if !$self->{directories}{$in}++;
	$self->do('app', $id, { secret => "secret of $id" });
	$self->do('admit', $in, $id);
	return $self->secret_file("secret of $id\n");
}

# The statement that makes a server of it; further options are the server's.
# of: vault or hsm.
sub create_server
{
	my ($self, $name, %option) = @_;
	my $of = delete $option{of} // 'vault';
	my %default = (
		provider => 'azure',
		address => $self->address($of),
		resource => $of eq 'vault' ? 'https://vault.azure.net' : 'https://managedhsm.azure.net',
		ca_file => $self->ca_file);

	$option{algorithm} //= 'a256gcm' if $of eq 'hsm';
	if ($option{auth_method} eq 'managed_identity')
	{
		$default{metadata_address} = $self->metadata_address;
	}
	else
	{
		@default{qw(tenant_id client_id authority_address)} = ($tenant, $client, $self->address('entra'));
	}
	%option = (%default, %option);
	return "CREATE SERVER $name FOREIGN DATA WRAPPER bionic_crypt OPTIONS ("
	  . join(', ', map { "$_ '$option{$_}'" } sort keys %option) . ')';
}

# How many requests like this there were, "vault POST /keys/...".
sub requests
{
	my ($self, $like) = @_;
	return scalar grep { $_ =~ $like } @{ $self->do('requests') };
}

# Microsoft's own clients (test/kms/azure_clients) with these settings; the
# answer is what they print, or undef where they are not here.
sub clients
{
	my ($self, %setting) = @_;
	my $input = $json->encode(\%setting);
	my ($out, $err) = ('', '');

	return if !have('azure_clients', can_import('azure.keyvault.keys, azure.identity'));
	IPC::Run::run([ $python, '-I', "$folder/azure_clients" ], '<', \$input, '>', \$out, '2>', \$err)
	  or warn $err;
	return $out;
}

# Its input does not end while a psql that was started later holds it, too.
sub stop
{
	my ($self) = @_;

	$self->{in} .= qq(["end"]\n);
	$self->{process}->finish;
	return;
}

1;
