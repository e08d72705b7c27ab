# What the scripts of test/t share, on top of PostgreSQL::Test::Cluster.
#
# BIONIC_CRYPT_TEST_REQUIRE lists the tools that must be there ('all' for
# every one): without one of them a script bails out instead of skipping.
# BIONIC_CRYPT_TEST_DATA is the folder of optional data sets; by default
# shared/data beside the repository.

package BionicCrypt::Test;

use strict;
use warnings;

use Exporter qw(import);
use File::Basename qw(dirname);
use File::Spec;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(new_node init_node key_folder key_file child_pids sqlstate wait_until
  forget_keys stat_kms have require_or_skip data_file);

my $root = File::Spec->rel2abs(dirname(__FILE__) . '/../../..');

# A node that preloads the library, not yet started.  Further arguments are
# those of init(): allows_streaming => 'logical', has_archiving => 1, ...
sub new_node
{
	my ($name, @init) = @_;
	return init_node(PostgreSQL::Test::Cluster->new($name), @init);
}

sub init_node
{
	my ($node, @init) = @_;

	$node->init(@init);
	$node->append_conf('postgresql.conf',
		slurp_file("$root/test/bionic_crypt.conf"));

	# The slim chroots of test/matrix.sh have no LLVM.
	$node->append_conf('postgresql.conf', 'jit = off');
	return $node;
}

# The file provider's folder of keys: beside the data directory, never in it.
sub key_folder
{
	my ($node) = @_;
	return $node->data_dir . '.keys';
}

# The key file of the KMS that every database has.
sub key_file
{
	my ($node) = @_;
	return key_folder($node) . '/embedded.key';
}

# Processes of the server by their title; one that is connected to no database
# is in no view.
sub child_pids
{
	my ($node, $title) = @_;
	my ($parent) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	my @found;

	for my $folder (glob '/proc/[0-9]*')
	{
		# Any of them may end while we look.
		my ($status, $command) =
		  map { my $file = "$folder/$_"; -r $file && eval { slurp_file($file) } || '' } qw(status cmdline);
		push @found, $folder =~ s{/proc/}{}r
		  if $status =~ /^PPid:\s+$parent$/m && $command =~ $title;
	}
	return @found;
}

# Calls the function until it is true, for PG_TEST_TIMEOUT_DEFAULT seconds.
sub wait_until
{
	my ($check) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;

	while (time < $deadline)
	{
		return 1 if $check->();
		select(undef, undef, undef, 0.05);
	}
	return 0;
}

# A key worker that has just begun holds no key, no token and no helper process.
sub forget_keys
{
	my ($node) = @_;

	$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid, 10000) FROM bionic_crypt.key_worker()');
	return;
}

sub stat_kms
{
	my ($node, $kms, $column) = @_;

	return $node->safe_psql('postgres', "SELECT $column FROM bionic_crypt.stat_kms WHERE kms = '$kms'");
}

# The SQLSTATE that a script ends with, '00000' when it succeeds.  Further
# arguments are those of psql().
sub sqlstate
{
	my ($node, $sql, %params) = @_;
	my $dbname = delete $params{dbname} // 'postgres';
	my ($rc, $stdout, $stderr) = $node->psql($dbname,
		"\\set VERBOSITY sqlstate\n$sql",
		on_error_stop => 1,
		%params);

	return '00000' if $rc == 0;
	return $stderr =~ /(?:ERROR|FATAL|PANIC):\s+([0-9A-Z]{5})/ ? $1 : $stderr;
}

# Is the tool there?  Without a second argument, as a program in PATH.
sub have
{
	my ($tool, $present) = @_;
	my $required = $ENV{BIONIC_CRYPT_TEST_REQUIRE} // '';

	$present = grep { -x "$_/$tool" } File::Spec->path if @_ < 2;
	BAIL_OUT("$tool is required and not here")
	  if !$present && grep { $_ eq $tool || $_ eq 'all' } split /[\s,]+/, $required;
	return $present;
}

sub require_or_skip
{
	my ($tool, @present) = @_;

	plan skip_all => "$tool is not here" if !have($tool, @present);
}

# A file of the data sets; without it the script is skipped.
sub data_file
{
	my ($name) = @_;
	my $data = $ENV{BIONIC_CRYPT_TEST_DATA} // "$root/../shared/data";

	require_or_skip('data', -r "$data/$name");
	return "$data/$name";
}

1;
