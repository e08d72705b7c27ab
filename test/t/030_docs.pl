# The SQL in README.md and docs/ runs: each page's blocks in their order, in
# one session of a superuser in a fresh database.
#
#	```sql			runs, and may not fail
#	```sql skip		does not run
#	<!-- fails: SQLSTATE -->	before a block: its last statement fails so
#	<!-- sql ... -->		runs, and readers do not see it
#
# And docs/reference.md names all that there is.

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Find;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Test;

my $root = File::Spec->rel2abs(dirname(__FILE__) . '/../..');
my @pages;
find({ no_chdir => 1, wanted => sub { push @pages, $_ if /\.md$/ } }, "$root/README.md", "$root/docs");

my $node = new_node('main', extra => ['--encoding=UTF8']);
$node->start;

# [line, SQLSTATE or nothing, code] of each block.
sub blocks
{
	my ($page) = @_;
	my $text = slurp_file($page);
	my @blocks;

	while ($text =~ /^(?:<!--\ fails:\ (\w{5})\ -->\n+)?```sql\n(.*?)^```$ | ^<!--\ sql\n(.*?)^-->$/gmsx)
	{
		push @blocks, [ 1 + (substr($text, 0, $-[0]) =~ tr/\n//), $1, $2 // $3 ];
	}
	return @blocks;
}

my $ran = 0;
for my $page (sort @pages)
{
	my $name = $page =~ s{^\Q$root/}{}r;
	my @blocks = blocks($page) or next;
	my $script = '';
	my @wanted;

	for (@blocks)
	{
		my ($line, $state, $code) = @$_;
		my $stop = $state ? 'off' : 'on';

		push @wanted, "line $line: " . ($state // '00000');
		$script .= "\\set ON_ERROR_STOP $stop\n$code\n\\echo\n\\echo '\@\@ line $line:' :SQLSTATE\n";
		$ran++;
	}

	$node->safe_psql('postgres', 'CREATE DATABASE page');
	my ($rc, $out, $err) = $node->psql('page', $script, extra_params => ['-q']);
	is(join("\n", $out =~ /^\@\@ (.*)$/gm), join("\n", @wanted), "$name: its SQL does what it says") or diag($err);
	$node->safe_psql('postgres', 'DROP DATABASE page');
	$node->safe_psql('postgres', "DROP ROLE $_") for split /\n/,
	  $node->safe_psql('postgres', q{SELECT quote_ident(rolname) FROM pg_roles WHERE rolname !~ '^pg_' AND NOT rolsuper});
}
cmp_ok($ran, '>', 20, 'the pages have SQL');

# The reference is complete.
my $reference = slurp_file("$root/docs/reference.md");
$node->safe_psql('postgres', 'CREATE EXTENSION bionic_crypt');
my %there = (
	functions => q{SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'bionic_crypt'::regnamespace},
	'views and tables' => q{SELECT relname FROM pg_class WHERE relnamespace = 'bionic_crypt'::regnamespace AND relkind IN ('r', 'v')},
	settings => q{SELECT name FROM pg_settings WHERE name ~ '^bionic_crypt\.'},
	types => q{SELECT typname FROM pg_type JOIN pg_depend d ON d.objid = pg_type.oid AND d.deptype = 'e'
		WHERE typtype = 'b' AND typcategory <> 'A'});
for my $kind (sort keys %there)
{
	my @names = split /\n/, $node->safe_psql('postgres', $there{$kind});

	cmp_ok(scalar @names, '>', 0, "there are $kind");
	is(join(' ', grep { $reference !~ /\Q$_\E\b/ } @names), '', "docs/reference.md names all $kind");
}

# Links between the pages lead somewhere.
my @broken;
for my $page (@pages)
{
	my $text = slurp_file($page);
	while ($text =~ /\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)
	{
		push @broken, "$page: $1" if !-e dirname($page) . "/$1";
	}
}
is(join("\n", @broken), '', 'links lead to files that are there');

done_testing();
