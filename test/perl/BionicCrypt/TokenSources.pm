# What gives out attestation tokens on a machine (test/kms/fake_token_sources),
# for a script.
#
#	my $sources = BionicCrypt::TokenSources->new($key, claims => { ... });
#	$sources->source('launcher')		for the option token_source
#	$sources->change('launcher', mode => 'hang')
#	$sources->asked('launcher')		what it was asked, in its order
#
# KEY is an EC key whose public half the KMS knows.

package BionicCrypt::TokenSources;

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Spec;
use JSON::PP;
use PostgreSQL::Test::Utils;

use BionicCrypt::Test;

my $program = File::Spec->rel2abs(dirname(__FILE__) . '/../../kms/fake_token_sources');
my $json = JSON::PP->new->utf8->canonical;
my @running;

sub new
{
	my ($class, $key, %option) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir_short();
	my $self = bless { dir => $dir, state => {} }, $class;

	append_to_file("$dir/log", '');
	for my $source (qw(launcher agent helper))
	{
		$self->{state}{$source} = { claims => $option{claims} // {}, seconds => 600, mode => 'token' };
	}
	$self->write_state;
	$self->{pid} = fork // die "fork: $!";
	if ($self->{pid} == 0)
	{
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$dir/err";
		open STDERR, '>&', \*STDOUT;
		# It goes when we are killed, too.
		exec(qw(setpriv --pdeathsig KILL), $program, $dir, $key) or POSIX::_exit(127);
	}
	push @running, $self;
	wait_until(sub { -e "$dir/port" }) or die 'fake_token_sources: ' . slurp_file("$dir/err");
	chomp($self->{port} = slurp_file("$dir/port"));
	return $self;
}

END
{
	my $status = $?;
	$_->stop for @running;
	$? = $status;
}

sub stop
{
	my ($self) = @_;
	my $pid = delete $self->{pid} or return;

	kill 'KILL', $pid;
	waitpid $pid, 0;
	return;
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

# From now on; claims are put beside those that are there.
sub change
{
	my ($self, $source, %change) = @_;
	my $state = $self->{state}{$source};
	my $claims = delete $change{claims};

	$self->{state}{$source} = { %$state, %change, claims => { %{ $state->{claims} }, %{ $claims // {} } } };
	$self->write_state;
	return;
}

sub source
{
	my ($self, $source) = @_;

	return "http://127.0.0.1:$self->{port}/aa/token?token_type=kbs" if $source eq 'agent';
	return ($source eq 'launcher' ? 'unix' : 'helper') . ":$self->{dir}/$source";
}

sub asked
{
	my ($self, $source) = @_;

	return map { $_->{asked} } grep { $_->{source} eq $source }
	  map { $json->decode($_) } slurp_file("$self->{dir}/log") =~ /^(.*)\n/mg;
}

1;
