# The chats that tests load: tenant, conversation, turn, speaker, text a line,
# as COPY writes them.  The real data when they are there, else the sample.

package BionicCrypt::Chats;

use strict;
use warnings;

use Exporter qw(import);
use File::Basename qw(dirname);
use File::Find;
use File::Spec;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Test;

our @EXPORT = qw(chats create_tenants phrases files_with);

my $root = File::Spec->rel2abs(dirname(__FILE__) . '/../../..');

# file: all lines; of: tenant => file of its own lines, without the first
# column; lines: tenant => those lines; real: whether it is the real data.
sub chats
{
	my $data = $ENV{BIONIC_CRYPT_TEST_DATA} // "$root/../shared/data";
	my $packed = "$data/dialogues/dialogues.tsv.gz";
	my $real = have('data', -r $packed);
	my $folder = PostgreSQL::Test::Utils::tempdir_short();
	my %chats = (file => "$folder/all.tsv", real => $real);

	note('the real data is not here: this is the sample, test/demo/chats.tsv') if !$real;
	my @source = $real ? ('-|', 'gzip', '-dc', $packed) : ('<', "$root/test/demo/chats.tsv");
	open my $in, shift @source, @source or die "chats: $!";
	open my $all, '>', $chats{file} or die "$chats{file}: $!";
	while (my $line = <$in>)
	{
		my ($tenant, $rest) = $line =~ /^([^\t]+)\t(.*)\n/ or die "line $. of the chats";

		print $all $line;
		push @{ $chats{lines}{$tenant} }, $rest;
	}
	close $all or die "$chats{file}: $!";
	for my $tenant (keys %{ $chats{lines} })
	{
		$chats{of}{$tenant} = "$folder/$tenant.tsv";
		append_to_file($chats{of}{$tenant}, join '', map { "$_\n" } @{ $chats{lines}{$tenant} });
	}
	return \%chats;
}

sub create_tenants
{
	my ($node, @tenants) = @_;

	$node->safe_psql('postgres',
		join ";\n", 'SET client_min_messages = warning', 'CREATE EXTENSION IF NOT EXISTS bionic_crypt',
		map { "SELECT bionic_crypt.create_tenant('$_')" } @tenants);
}

# Some texts of each tenant that are long enough to be nobody else's, and that
# the escapes of COPY leave alone.
sub phrases
{
	my ($chats, $count) = @_;
	my @phrases;

	for my $tenant (sort keys %{ $chats->{lines} })
	{
		my @long = grep { length > 40 && !/\\/ } map { (split /\t/)[3] } @{ $chats->{lines}{$tenant} };
		push @phrases, splice @long, 0, $count;
	}
	return @phrases;
}

# The files below folders, or files themselves, that hold one of the phrases.
sub files_with
{
	my ($phrases, @where) = @_;
	my $any = join '|', map { quotemeta } @$phrases;
	my @found;

	find(
		{
			no_chdir => 1,
			wanted => sub {
				# a running server removes files; what is gone holds nothing
				return if !-f;
				open my $in, '<:raw', $_ or return;
				local $/;
				push @found, $_ if (<$in> // '') =~ /$any/;
			}
		},
		@where);
	return sort @found;
}

1;
