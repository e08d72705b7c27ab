# The stand-in for the kernel's configfs-tsm that test/setup.sh started
# (test/tee/fake_tsm.py): only root can mount it.  One script uses it at a time.
#
#	my $tsm = BionicCrypt::FakeTsm->new;		or the script is skipped
#	$tsm->faults(owner => $<, busy => 2);		from now on
#	is($tsm->count('report'), 1);			since then

package BionicCrypt::FakeTsm;

use strict;
use warnings;

use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Test;

sub new
{
	my ($class) = @_;
	my $folder = $ENV{BIONIC_CRYPT_TEST_TSM} // '';

	plan skip_all => 'this machine has no /dev/fuse' if !-c '/dev/fuse';
	require_or_skip('fuse', -d "$folder/mnt/entry");
	my $self = bless { folder => $folder }, $class;
	$self->faults;
	return $self;
}

sub entry { return "$_[0]{folder}/mnt/entry" }

# A socket that somebody else owns.
sub foreign_socket { return "$_[0]{folder}/mnt/socket" }

# The root of its certificates, in PEM.
sub root { return slurp_file("$_[0]{folder}/pki/ark.pem") }

# The file of a certificate in DER: vcek, vlek, ask, ark.
sub certificate { return "$_[0]{folder}/pki/$_[1].der" }

# Replaces those of before.  Without the entry's owner all is root's.
sub faults
{
	my ($self, %faults) = @_;
	my $file = "$self->{folder}/control/faults.json";

	unlink "$self->{folder}/control/log";
	$_ += 0 for grep { /^-?[\d.]+$/ } values %faults;
	open my $out, '>', "$file.new" or die "$file.new: $!";
	print $out encode_json(\%faults);
	close $out;
	rename "$file.new", $file or die "$file: $!";
	return;
}

sub count
{
	my ($self, $word) = @_;
	my $log = "$self->{folder}/control/log";

	return 0 if !-e $log;
	return scalar grep { $_ eq $word } split /\n/, slurp_file($log);
}

1;
