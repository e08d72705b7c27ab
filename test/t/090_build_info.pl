# bionic_crypt.build_info() where SQL cannot look: digests are those of the files
# that the server has mapped, all of them are there, and what was changed in
# memory or on disk is told, whether that was before the server had started or
# since.  Nothing of the installation is touched: the library is preloaded through
# a link, and the libraries that are tampered with are made here.

use strict;
use warnings;

use Cwd qw(abs_path);
use Digest::SHA qw(sha256_hex);
use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Spec;
use JSON::PP;
use POSIX qw(mkfifo);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Session;
use BionicCrypt::Test;

my $root = abs_path(dirname(__FILE__) . '/../..');
my $compiler = $ENV{CC} // 'cc';
my $folder = PostgreSQL::Test::Utils::tempdir_short();
chomp(my $libraries = `pg_config --pkglibdir`);
my $tampered = "$root/test/tools/tampered.c";

sub compile
{
	my ($name, @arguments) = @_;

	run_log([ $compiler, qw(-shared -fPIC -O1), '-o', "$folder/$name", $tampered, @arguments ])
	  or BAIL_OUT("cannot compile test/tools/tampered.c into $name");
	return;
}

sub digest_of
{
	return Digest::SHA->new(256)->addfile($_[0], 'b')->hexdigest;
}

# What the loader will map, and what takes the place of some meanwhile.
compile('victim.so');
for my $name (qw(code constant variable written gone other short pipe), "m\xe9")
{
	copy("$folder/victim.so", "$folder/$name.so") or die $!;
}
compile('writable.so', '-nostdlib', '-Wl,-N');	# one segment for all
compile('other.new', '-DANSWER=2');
copy("$folder/victim.so", "$folder/short.new") or die $!;
truncate "$folder/short.new", (-s "$folder/short.new") / 2 or die $!;
mkfifo("$folder/pipe.new", 0600) or die $!;
compile('tamper.so', "-DFOLDER=\"$folder\"", '-ldl', '-Wl,--no-as-needed', "$libraries/auto_explain.so");
symlink "$libraries/bionic_crypt.so", "$folder/bionic_crypt.so" or die $!;

my $node = new_node('build_info');
$node->append_conf('postgresql.conf', <<"CONF");
shared_preload_libraries = '$folder/bionic_crypt, $folder/tamper, pg_stat_statements'
restart_after_crash = on
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION bionic_crypt');

sub build_info
{
	my ($before) = @_;
	return decode_json($node->safe_psql('postgres', ($before // '') . ' SELECT bionic_crypt.build_info()'));
}

sub replaced
{
	return join ' ', sort @{ build_info()->{replaced} };
}

my $info = build_info();
my %library = map { $_->{name} => $_ } @{ $info->{libraries} };

# The whole list is true, and it is whole.  One path is not printable.
my %digest = map { $_->{path} =~ s/\?/\xe9/r => $_->{sha256} } @{ $info->{libraries} };
is(join(' ', grep { $digest{$_} && $digest{$_} ne digest_of($_) } sort keys %digest), '', 'digests are those of the files');
my %listed = map { (abs_path($_) // $_) => 1 } keys %digest;
my ($postmaster) = slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
my %mapped = map { m{^\S+ ..x. .* (/.*)$} ? ($1 => 1) : () } split /\n/, slurp_file("/proc/$postmaster/maps");
is(join(' ', grep { !$listed{$_} && !m{^\Q$folder\E.*\(deleted\)} } sort keys %mapped),
	'', 'no code is mapped from a file that is not listed');
ok($mapped{ abs_path("$libraries/bionic_crypt.so") }, 'and that looked at the code of this server');
is($library{postgres}{path}, abs_path(`pg_config --bindir` =~ s/\n//r . '/postgres'), 'the executable is listed');
is($info->{library}{sha256}, digest_of("$libraries/bionic_crypt.so"), 'this library is');
is($library{'pg_stat_statements.so'}{state}, 'as_loaded', 'one that is preloaded after it is');
ok($library{'libcrypto.so.3'}, 'and what it is linked with is');
ok(!$library{'linux-vdso.so.1'}, 'the code that the kernel brings is not');

# What was changed while the server started, told in the log as well.
my %state = (
	code => 'differs_in_memory',
	writable => 'differs_in_memory',
	constant => 'differs_in_memory',
	variable => 'as_loaded',
	written => 'as_loaded',
	'm?' => 'as_loaded',
	gone => 'deleted',
	other => 'differs_in_memory',
	short => 'differs_in_memory',
	pipe => 'unreadable');
for my $name (sort keys %state)
{
	my $found = $library{"$name.so"};
	is($found->{state}, $state{$name}, "$name.so: $state{$name}");
	is(defined $found->{sha256}, $state{$name} eq 'as_loaded', "$name.so: a digest only if it is of what runs");
}
my %told = slurp_file($node->logfile) =~ m{could not measure library "\Q$folder\E/(\w+)\.so": (\w+)}g;
is_deeply(\%told, { map { $_ => $state{$_} } grep { $state{$_} ne 'as_loaded' } keys %state },
	'the log has those that could not be measured');

# What this session maps, and no other.
is(scalar @{ $info->{mapped_later} }, 0, 'nothing was mapped since');
my ($later) = grep { $_->{name} eq 'plpgsql.so' } @{ build_info('DO $$BEGIN END$$;')->{mapped_later} };
is($later->{sha256}, digest_of("$libraries/plpgsql.so"), 'what a session maps later has its digest');
is($later->{state}, 'as_loaded', 'and its state');
is(scalar @{ build_info()->{mapped_later} }, 0, 'another session has not mapped it');

# Files that are replaced after the start.
my $before = 'gone.so';
is(replaced(), $before, 'only what was gone is replaced');
symlink "$libraries/auto_explain.so", "$folder/link" or die $!;
rename "$folder/link", "$folder/bionic_crypt.so" or die $!;
is(replaced(), "bionic_crypt.so $before", 'another file in the place of this library');
is_deeply(build_info()->{library}, $info->{library}, 'what runs is still what was loaded');

# A crash: the postmaster starts the server again, and loads nothing anew.
my $session = BionicCrypt::Session->new($node);
kill 'KILL', $session->pid;
$session->quit;
ok(wait_until(sub { slurp_file($node->logfile) =~ /all server processes terminated/ }), 'a session crashed');
ok($node->poll_query_until('postgres', 'SELECT true'), 'and the server is there again');
is_deeply(build_info()->{library}, $info->{library}, 'with the library that it had loaded');
is(replaced(), "bionic_crypt.so $before", 'and the other one in its place');

unlink "$folder/bionic_crypt.so" or die $!;
is(replaced(), "bionic_crypt.so $before", 'no file in the place of this library');
symlink "$libraries/bionic_crypt.so", "$folder/bionic_crypt.so" or die $!;
is(replaced(), $before, 'the file itself in its place again');

# Written in place: the same bytes, and dated back.
copy("$folder/written.so", "$folder/copy.so") or die $!;
run_log([ 'touch', '-r', "$folder/written.so", "$folder/copy.so" ]) or die;
run_log([ 'dd', "if=$folder/copy.so", "of=$folder/written.so", 'conv=notrunc', 'status=none' ]) or die;
run_log([ 'touch', '-r', "$folder/copy.so", "$folder/written.so" ]) or die;
is(replaced(), "$before written.so", 'a file that was written to and dated back');

$node->stop;

# Where it is not preloaded, there is nothing to tell.
$node->append_conf('postgresql.conf', "shared_preload_libraries = ''\n");
$node->start;
is(sqlstate($node, 'SELECT bionic_crypt.build_info()'), '55000', 'not preloaded');
$node->stop;

# The stamp of this build: anybody gets the same digest from the sources.
delete local @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL SOURCE_COMMIT SOURCE_TREE)};
my @stamped = split /\n/, `make -s -C '$root' print-stamped 'PG_CONFIG=@{[$ENV{PG_CONFIG} // 'pg_config']}'`;
is($info->{source}{sha256}, sha256_hex(join '', map { digest_of("$root/$_") . "  $_\n" } @stamped),
	'the digest of the sources');
my @sources = sort map { s{^\Q$root\E/}{}r }
  glob("$root/{Makefile,bionic_crypt.control} $root/sql/install/*.sql $root/src/{,*/}*.[ch]");
is_deeply([ grep { my $source = $_; !grep { $_ eq $source } @stamped } @sources ], [], 'over all of them');

# What it says of Git, on a tree of two files.
my $tree = "$folder/tree";
mkdir $_ or die $! for $tree, "$tree/src", "$tree/src/report";
copy("$root/src/report/build_stamp", "$tree/src/report/build_stamp") or die $!;
append_to_file("$tree/file", "one\n");
set_source_commit('$Format:%H %T$');

# What git archive writes, or finds.
sub set_source_commit
{
	unlink "$tree/src/report/source_commit";
	append_to_file("$tree/src/report/source_commit", "$_[0]\n");
	return;
}

sub stamp
{
	my (%environment) = @_;
	local %ENV = (%ENV, BUILD_VERSION => '1', BUILD_FLAGS => '-DA=\\"a\\" -O2', %environment);
	my $stamp = `cd '$tree' && sh src/report/build_stamp file`;
	my %value = $stamp =~ /^#define STAMP_(\w+)\s+(.*)/mg;

	return \%value;
}

my ($commit, $name) = ('c' x 40, '7' x 40);
is(stamp()->{COMMIT}, 'NULL', 'sources that are neither in Git nor of an archive');
is(stamp()->{SOURCE}, '"' . sha256_hex(digest_of("$tree/file") . "  file\n") . '"', 'the digest of the file');
is(stamp()->{FLAGS}, '"-DA=\\\\\\"a\\\\\\" -O2"', 'flags with quotes');
is_deeply([ @{ stamp(SOURCE_COMMIT => $commit, SOURCE_TREE => $name) }{qw(COMMIT TREE)} ],
	[ "\"$commit\"", "\"$name\"" ], 'those of the environment');
is(stamp(SOURCE_COMMIT => '"' . 'c' x 39, SOURCE_TREE => $name)->{COMMIT}, 'NULL', 'what is no name of Git');
is(stamp(SOURCE_COMMIT => $commit . 'c', SOURCE_TREE => $name)->{COMMIT}, 'NULL', 'nor is what is too long');
set_source_commit("$commit $name");
is_deeply([ @{ stamp() }{qw(COMMIT TREE)} ], [ "\"$commit\"", "\"$name\"" ], 'those of an archive');

SKIP:
{
	skip 'git is not here', 6 if !grep { -x "$_/git" } File::Spec->path;

	my $git = sub { run_log([ 'git', '-c', 'user.name=n', '-c', 'user.email=n@example.org', '-C', @_ ]) or die };
	$git->($tree, 'init', '-q');
	$git->($tree, 'add', '.');
	$git->($tree, 'commit', '-q', '-m', 'one');
	chomp(my @head = map { `git -C '$tree' rev-parse '$_'` } 'HEAD', 'HEAD^{tree}');
	is_deeply([ @{ stamp() }{qw(COMMIT TREE)} ], [ map { "\"$_\"" } @head ], 'those of a checkout, not of its archive');
	append_to_file("$tree/file", "two\n");
	is(stamp()->{COMMIT}, 'NULL', 'a changed file is of no commit');
	is(stamp()->{SOURCE}, '"' . sha256_hex(digest_of("$tree/file") . "  file\n") . '"', 'and has another digest');
	$git->($tree, 'checkout', '-q', 'file');
	isnt(stamp()->{COMMIT}, 'NULL', 'unless it is changed back');
	append_to_file("$tree/new", '');
	is(stamp()->{COMMIT}, 'NULL', 'with a new file it is of no commit');
	unlink "$tree/new" or die $!;
	rename "$tree/.git", "$folder/was.git" or die $!;
	append_to_file("$folder/.gitignore", "*\n");
	$git->($folder, 'init', '-q');
	$git->($folder, 'add', '-f', '.gitignore');
	$git->($folder, 'commit', '-q', '-m', 'one');
	set_source_commit('$Format:%H %T$');
	is(stamp()->{COMMIT}, 'NULL', 'a checkout that the tree lies in is not its own');
}

done_testing();
