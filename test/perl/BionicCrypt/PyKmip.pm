# A real KMIP server for a script, PyKMIP's: on loopback, over TLS 1.2, with
# certificates of test/kms/make_certs.  It keeps its keys while it is stopped,
# and is gone when the script ends.
#
#	my $kmip = BionicCrypt::PyKmip->new;
#	my $kek = $kmip->admin('client', 'create');		see test/kms/kmip_admin
#	$node->safe_psql('postgres', $kmip->create_server('acme_kmip'));
#	$kmip->stop; $kmip->pause;	and start, resume

package BionicCrypt::PyKmip;

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Spec;
use IPC::Run;
use POSIX qw(:sys_wait_h);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Test;

my $program = $ENV{BIONIC_CRYPT_TEST_PYKMIP} // '/usr/bin/pykmip-server';
my $folder = File::Spec->rel2abs(dirname(__FILE__) . '/../../kms');
my @servers;

# Ends the script here if there is no PyKMIP.
sub require_or_skip_all
{
	require_or_skip('kmip', -x $program);
	return;
}

sub new
{
	my ($class) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir('pykmip');
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $self = bless { dir => $dir, certs => "$dir/certs", port => $port }, $class;

	push @servers, $self;
	run_or_die("$folder/make_certs", $self->{certs});
	mkdir "$dir/policies";
	append_to_file("$dir/server.conf", <<"CONF");
[server]
hostname=127.0.0.1
port=$port
certificate_path=$self->{certs}/server.pem
key_path=$self->{certs}/server.key
ca_path=$self->{certs}/ca.pem
auth_suite=TLS1.2
tls_cipher_suites=TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
policy_path=$dir/policies
enable_tls_client_auth=True
logging_level=INFO
database_path=$dir/keys.db
CONF
	$self->start;
	return $self;
}

sub run_or_die
{
	my (@command) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err) or die "$command[0]: $err";
	chomp $out;
	return $out;
}

# The statement that makes a server of it; further options are the server's.
sub create_server
{
	my ($self, $name, %option) = @_;

	%option = (
		provider => 'kmip',
		address => $self->address,
		ca_file => "$self->{certs}/ca.pem",
		client_cert_file => "$self->{certs}/client.pem",
		client_key_file => "$self->{certs}/client.key",
		%option);
	return "CREATE SERVER $name FOREIGN DATA WRAPPER bionic_crypt OPTIONS ("
	  . join(', ', map { "$_ '$option{$_}'" } sort keys %option) . ')';
}

sub address { return "127.0.0.1:$_[0]{port}" }
sub port { return $_[0]{port} }
sub certs { return $_[0]{certs} }
sub dir { return $_[0]{dir} }

# What the owner of the keys does, as the client of that name.
sub admin
{
	my ($self, $name, @command) = @_;
	return run_or_die("$folder/kmip_admin", $self->{port}, $self->{certs}, $name, @command);
}


# The process

sub start
{
	my ($self) = @_;
	my $dir = $self->{dir};
	my $starts = $self->logged(qr/Starting connection service/);

	$self->{pid} = fork // die "fork: $!";
	if ($self->{pid} == 0)
	{
		chdir $dir;
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$dir/output";
		open STDERR, '>&', \*STDOUT;
		# In a group of its own, for it has a child; it goes when we are killed, too.
		setpgrp;
		exec(qw(setpriv --pdeathsig KILL), $program, '-f', "$dir/server.conf", '-l', "$dir/log")
		  or POSIX::_exit(127);
	}
	wait_until(sub {
			die 'PyKMIP did not start: ' . slurp_file("$dir/output") if waitpid($self->{pid}, WNOHANG);
			return $self->logged(qr/Starting connection service/) > $starts;
		}) or die 'PyKMIP does not answer';
	return;
}

# It would take its time to end by itself.
sub stop
{
	my ($self) = @_;

	return unless $self->{pid};
	kill 'KILL', -$self->{pid};
	waitpid $self->{pid}, 0;
	delete $self->{pid};
	return;
}

# It accepts connections, and answers nothing.
sub pause { kill 'STOP', -$_[0]{pid}; return }
sub resume { kill 'CONT', -$_[0]{pid}; return }

# A script that dies leaves nothing behind.
END
{
	my $status = $?;
	$_->stop for @servers;
	$? = $status;
}

# How many lines of its log are such.
sub logged
{
	my ($self, $line) = @_;

	return 0 if !-e "$self->{dir}/log";
	return scalar grep { $_ =~ $line } split /\n/, slurp_file("$self->{dir}/log");
}

1;
