# AWS for a script: KMS, STS and IAM of moto, made strict (test/kms/aws_server),
# on loopback, over TLS, with a certificate of a CA of its own.  Nothing is left
# of it when it is stopped.
#
#	my $aws = BionicCrypt::Moto->new;
#	my $key = $aws->create_key;
#	my $user = $aws->create_user('vendor', 'kms:Encrypt', 'kms:Decrypt');
#	$node->safe_psql('postgres', $aws->create_server('acme_aws', auth_method => 'static',
#		credentials_file => $aws->credentials_file($user)));
#	$aws->call(kms => disable_key => (KeyId => $key))	as an administrator
#	$aws->settings(throttle => 1)		see aws_server
#	$aws->requests		what KMS and STS were asked, in its order

package BionicCrypt::Moto;

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Spec;
use IPC::Run;
use JSON::PP;
use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

use BionicCrypt::Test;

my $kms = File::Spec->rel2abs(dirname(__FILE__) . '/../../kms');
my $python = $ENV{BIONIC_CRYPT_TEST_PYTHON} // '/usr/bin/python3';
my $json = JSON::PP->new->utf8->canonical;
my $account = '123456789012';

# Ends the script here if there is no moto.
sub require_or_skip_all
{
	my $found = IPC::Run::run([ $python, '-c', 'import moto, flask_cors' ], '<', \undef, '>', \my $out, '2>', \my $err);

	require_or_skip('aws', $found);
	return;
}

sub new
{
	my ($class) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir('aws');
	my $self = bless {
		dir => $dir,
		port => PostgreSQL::Test::Cluster::get_free_port(),
		files => 0,
		in => '', out => '', err => '',
	}, $class;

	PostgreSQL::Test::Utils::system_or_bail("$kms/make_certs", $self->certs);
	$self->settings;
	append_to_file("$dir/log", '');
	$self->{process} = IPC::Run::start(
		[ $python, "$kms/aws_server", $self->{port}, (map { $self->certs . "/$_" } qw(server.pem server.key ca.pem)),
			"$dir/settings", "$dir/log" ],
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err});
	wait_until(sub { $self->{process}->pump_nb; $self->{out} =~ /ready/ }) or die "aws_server: $self->{err}";
	return $self;
}

# It ends with its input too; but a server that was started after it has the other
# end of that.
sub stop
{
	my ($self) = @_;

	$self->{process}->signal('KILL');
	$self->{process}->finish;
	return;
}

sub port { return $_[0]{port} }
sub address { return "https://127.0.0.1:$_[0]{port}" }
sub certs { return "$_[0]{dir}/certs" }
sub ca_file { return $_[0]->certs . '/ca.pem' }
sub dir { return $_[0]{dir} }

# The statement that makes a server of it; further options are the server's.
sub create_server
{
	my ($self, $name, %option) = @_;

	%option = (provider => 'aws', region => 'eu-central-1', address => $self->address, ca_file => $self->ca_file, %option);
	$option{sts_address} //= $self->address if $option{role_arn} || $option{web_identity_role_arn};
	return "CREATE SERVER $name FOREIGN DATA WRAPPER bionic_crypt OPTIONS ("
	  . join(', ', map { "$_ '$option{$_}'" } sort keys %option) . ')';
}

# A file that only its owner may read; the answer is its path.
sub write_file
{
	my ($self, $path, $content) = @_;
	my $mask = umask 0077;

	unlink "$path.new";
	append_to_file("$path.new", $content);
	umask $mask;
	rename "$path.new", $path or die "$path: $!";
	return $path;
}

sub secret_file
{
	my ($self, $content) = @_;
	return $self->write_file("$self->{dir}/secret_" . ++$self->{files}, $content);
}

# From now on; what is not given is over.
sub settings
{
	my ($self, %setting) = @_;

	$self->write_file("$self->{dir}/settings", $json->encode(\%setting));
	return;
}

sub requests { return map { $json->decode($_) } split /\n/, slurp_file("$_[0]{dir}/log") }

# How often an action was asked for.
sub count
{
	my ($self, $action) = @_;
	return scalar grep { $_->{action} eq $action } $self->requests;
}

sub control
{
	my ($self, $asked) = @_;
	my ($out, $err) = ('', '');
	my $file = $self->secret_file($json->encode($asked));

	IPC::Run::run([ 'curl', qw(-q --silent --show-error --noproxy * --max-time 60 --cacert), $self->ca_file,
			'--data-binary', "\@$file", $self->address . '/control' ],
		'<', \undef, '>', \$out, '2>', \$err)
	  or die "aws_server: $err";
	unlink $file;
	my $answer = $json->decode($out);
	die "aws_server: $answer->{error}" if $answer->{error};
	return $answer;
}

# A call of boto3, by an administrator.
sub call
{
	my ($self, $service, $call, %with) = @_;
	return $self->control({ service => $service, call => $call, with => \%with });
}


# Keys, and who may use them

# The answer is its ARN.
sub create_key { return $_[0]->call(kms => 'create_key')->{KeyMetadata}{Arn} }

# What a wrapped key holds, as the owner of the key sees it.
sub decrypt
{
	my ($self, $arn, $wrapped, $context) = @_;

	return decode_base64($self->control(
			{
				decrypt => encode_base64($wrapped, ''),
				key => $arn,
				context => $context
			})->{plaintext});
}

# As if it had been deleted: AWS takes a week for that.
sub forget_key
{
	my ($self, $arn) = @_;

	$self->control({ forget_key => $arn });
	return;
}

sub policy
{
	my (@actions) = @_;
	return $json->encode(
		{
			Version => '2012-10-17',
			Statement => [ { Effect => 'Allow', Action => \@actions, Resource => '*' } ]
		});
}

# A user with an access key: { UserName, AccessKeyId, SecretAccessKey }.
sub create_user
{
	my ($self, $name, @actions) = @_;

	$self->call(iam => create_user => (UserName => $name));
	$self->allow_user($name, @actions);
	return $self->call(iam => create_access_key => (UserName => $name))->{AccessKey};
}

# These actions, and no others.
sub allow_user
{
	my ($self, $name, @actions) = @_;

	$self->call(iam => put_user_policy => (UserName => $name, PolicyName => 'all', PolicyDocument => policy(@actions)));
	return;
}

# A role that some may assume, by a statement of its trust policy; its ARN.
sub create_role
{
	my ($self, $name, $trust, @actions) = @_;
	my $document = $json->encode({ Version => '2012-10-17', Statement => [$trust] });
	my $role = $self->call(iam => create_role => (RoleName => $name, AssumeRolePolicyDocument => $document));

	$self->call(iam => put_role_policy => (RoleName => $name, PolicyName => 'all', PolicyDocument => policy(@actions)));
	return $role->{Role}{Arn};
}

sub trust_role
{
	my ($self, $name, $trust) = @_;

	$self->call(iam => update_assume_role_policy => (RoleName => $name,
			PolicyDocument => $json->encode({ Version => '2012-10-17', Statement => [$trust] })));
	return;
}

# Statements: a user or a session of a role, with an external id; the subject of
# a token.
sub trusted
{
	my ($who, $external_id) = @_;
	my $service = $who =~ /^user/ ? 'iam' : 'sts';

	return {
		Effect => 'Allow', Principal => { AWS => "arn:aws:${service}::$account:$who" }, Action => 'sts:AssumeRole',
		$external_id ? (Condition => { StringEquals => { 'sts:ExternalId' => $external_id } }) : ()
	};
}

sub trusted_token
{
	my ($issuer, $subject) = @_;

	return {
		Effect => 'Allow', Principal => { Federated => "arn:aws:iam::$account:oidc-provider/$issuer" },
		Action => 'sts:AssumeRoleWithWebIdentity',
		Condition => { StringEquals => { "$issuer:sub" => $subject } }
	};
}

sub credentials_file
{
	my ($self, $key, $profile) = @_;
	return $self->secret_file(credentials($key, $profile));
}

sub credentials
{
	my ($key, $profile) = @_;
	my $token = $key->{SessionToken};

	return '[' . ($profile // 'default') . "]\naws_access_key_id = $key->{AccessKeyId}\n"
	  . "aws_secret_access_key = $key->{SecretAccessKey}\n" . ($token ? "aws_session_token = $token\n" : '');
}

1;
