# A KMS that answers as it is told (test/kms/fake_kms), for a script.
#
#	my $fake = BionicCrypt::FakeKms->new(kms => { cert => $pem, key => $key });
#	$fake->reply('*' => { body => 'nonsense' });
#	$fake->port('kms'), $fake->requests		what came, in its order
#	$fake->stop;
#
# Ports and replies are described in fake_kms itself.

package BionicCrypt::FakeKms;

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Spec;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;

use BionicCrypt::Test;

my $folder = File::Spec->rel2abs(dirname(__FILE__) . '/../../kms');
my $json = JSON::PP->new->utf8->canonical;

# The program; of its kind there is another for KMIP.
sub program { return "$folder/fake_kms" }

# Ports by their names.
sub new
{
	my ($class, %ports) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir('fake_kms');
	my $self = bless { dir => $dir, in => '', out => '', err => '' }, $class;

	$self->write('ports', \%ports);
	$self->reply;
	append_to_file("$dir/log", '');
	$self->{process} = IPC::Run::start([ $class->program, map { "$dir/$_" } qw(ports replies log) ],
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err});
	wait_until(sub { $self->{process}->pump_nb; $self->{out} =~ /\n/ }) or die "fake_kms: $self->{err}";
	$self->{ports} = $json->decode($self->{out});
	return $self;
}

# It reads its files while they are being changed.
sub write
{
	my ($self, $name, $content) = @_;
	my $path = "$self->{dir}/$name";

	unlink "$path.new";
	append_to_file("$path.new", $json->encode($content));
	rename "$path.new", $path or die "$path: $!";
	return;
}

# From now on these replies, by "METHOD /path".
sub reply
{
	my ($self, %replies) = @_;

	$self->write('replies', \%replies);
	return;
}

sub port { return $_[0]{ports}{ $_[1] } }

sub requests { return map { $json->decode($_) } split /\n/, slurp_file("$_[0]{dir}/log") }

# It ends with its input.
sub stop
{
	my ($self) = @_;

	$self->{process}->finish;
	return;
}

1;
