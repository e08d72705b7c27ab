# The library outside of the server's folders, read-only, as CloudNativePG
# mounts an extension's image: /extensions/bionic_crypt with lib and share.
# The server is told by extension_control_path, which 18 has, and by
# dynamic_library_path, and names the library without a folder.

use strict;
use warnings;

use File::Basename qw(basename dirname);
use File::Spec;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Test;

my ($major) = `pg_config --version` =~ /(\d+)/;
plan skip_all => 'extension_control_path is of PostgreSQL 18' if $major < 18;

# A server without the extension: the one that is installed, copied, since its
# programs find their files from where they are themselves.
my $copy = PostgreSQL::Test::Utils::tempdir('server');
my $image = PostgreSQL::Test::Utils::tempdir('extensions') . '/bionic_crypt';
my %dir = map { my $dir = `pg_config --$_`; chomp $dir; $_ => $dir } qw(bindir pkglibdir sharedir);

sub run_ok
{
	my ($name, @command) = @_;

	run_log(\@command) or BAIL_OUT("$name: @command");
	return;
}

for my $dir (values %dir)
{
	run_ok('copy', 'mkdir', '-p', "$copy$dir");
	run_ok('copy', 'sh', '-c', 'tar -C "$0" -c --exclude=./bitcode . | tar -C "$1" -x --no-same-owner', $dir, "$copy$dir");
}
run_ok('image', 'mkdir', '-p', "$image/lib", "$image/share/extension");
for (glob("$copy$dir{pkglibdir}/bionic_crypt*"), glob("$copy$dir{sharedir}/extension/bionic_crypt*"))
{
	my $to = /\.(?:control|sql)$/ ? 'share/extension' : 'lib';

	rename $_, "$image/$to/" . basename($_) or BAIL_OUT("$_: $!");
}
is(join(' ', map { basename($_) } sort glob "$image/lib/*"), 'bionic_crypt.so bionic_crypt_pkcs11', 'lib has the library and its helper');
run_ok('read-only', 'chmod', '-R', 'a-w', $image);

# What is not there stops the start: without the two paths there is no library.
my $node = init_node(PostgreSQL::Test::Cluster->new('image', install_path => dirname("$copy$dir{bindir}")));
ok(!$node->start(fail_ok => 1), 'a server that is not told where the library is does not start');

# The settings of our manifest, and what the operator makes of its extensions.
my $manifest = slurp_file(File::Spec->rel2abs(dirname(__FILE__) . '/../../deploy/kubernetes/cluster/cluster.yaml'));
my ($parameters) = $manifest =~ /^    parameters:\n((?: {6}.*\n)+)/m;
my %parameter = $parameters =~ /^ {6}([\w.]+): "(.*)"$/mg;
cmp_ok(scalar keys %parameter, '>', 5, 'the manifest has settings');

my $module = "$image/lib/no_such_module.so";
$node->append_conf('postgresql.conf', <<"CONF");
extension_control_path = '\$system:$image/share'
dynamic_library_path = '\$libdir:$image/lib'
bionic_crypt.pkcs11_modules = '$module'
@{[ map { "$_ = '$parameter{$_}'\n" } sort keys %parameter ]}
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION bionic_crypt');

is($node->safe_psql('postgres', q{SELECT name FROM pg_settings WHERE sourcefile IS NOT NULL AND name IN ('}
	  . join("', '", keys %parameter) . "') ORDER BY name COLLATE \"C\""), join("\n", sort keys %parameter),
	'the server knows all of them');

# A folder of temporary files is one of the volume, which has to be encrypted.
is($node->safe_psql('postgres', 'SELECT setting FROM bionic_crypt.check_settings()'), 'temp_tablespaces',
	'the manifest has no setting that leaks');

# The libraries of ours that a process has mapped.
sub mapped
{
	my ($pid) = @_;
	my %file = map { $_ => 1 } slurp_file("/proc/$pid/maps") =~ m{\s(/\S*/bionic_crypt\.so)$}mg;

	return join ' ', sort keys %file;
}

$node->safe_psql('postgres', <<'SQL');
SELECT bionic_crypt.create_tenant('acme');
CREATE TABLE chats (id bigint GENERATED ALWAYS AS IDENTITY, tenant text, content encrypted_text);
SELECT bionic_crypt.protect_table('chats', 'tenant');
SET bionic_crypt.tenant = 'acme';
INSERT INTO chats (content) SELECT 'row ' || g FROM generate_series(1, 1000) g;
SQL
my ($worker) = child_pids($node, qr/bionic_crypt key worker/);
is(mapped($worker // $$), "$image/lib/bionic_crypt.so", 'the key worker has the library of the image');

# A parallel worker loads the library by the name that its leader has for it.
is($node->safe_psql('postgres', <<'SQL'), '1000', 'parallel workers read values');
SET bionic_crypt.tenant = 'acme';
SET debug_parallel_query = on;
SELECT count(*) FROM chats WHERE content::text LIKE 'row %';
SQL

# The helper of the provider pkcs11 is beside the library.  That it runs shows
# in what it says of a module that is not there.
my $pin = $node->data_dir . '.pin';
my $mask = umask 0077;
append_to_file($pin, "1234\n");
umask $mask;
$node->safe_psql('postgres', "CREATE SERVER $_ FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'pkcs11',
	module_path '$module', token_label 'acme', pin_file '$pin')") for qw(hsm another);

sub problem
{
	my ($server) = @_;
	return $node->safe_psql('postgres', "SELECT concat_ws(' ', problem, detail) FROM bionic_crypt.check_kms('$server', 'kek')");
}

like(problem('hsm'), qr/it cannot be loaded, or is no module/, 'the helper is found beside the library');
chmod 0755, "$image/lib";
rename "$image/lib/bionic_crypt_pkcs11", "$image/lib/aside" or die "rename: $!";
like(problem('another'), qr/could not be started/, 'and nowhere else');

# What the operator does for spec.servers: the statement, letter by letter, with
# the servers of all overlays.
my $folder = File::Spec->rel2abs(dirname(__FILE__) . '/../../deploy/kubernetes/overlays');
my $servers = 0;
for my $overlay (map { basename(dirname($_)) } glob "$folder/*/kms.yaml")
{
	my $text = slurp_file("$folder/$overlay/kms.yaml");

	while ($text =~ /^    - name: (\w+)\n      fdw: bionic_crypt\n      options:\n((?: {8}.*\n)+)/mg)
	{
		my ($name, $options) = ($1, join ', ', map { qq{"$_->[0]" '$_->[1]'} } pairs($2));

		is(sqlstate($node, qq{CREATE SERVER "$name" FOREIGN DATA WRAPPER "bionic_crypt" OPTIONS ($options); DROP SERVER "$name"}),
			'00000', "$overlay: options of $name");
		$servers++;
	}
}
cmp_ok($servers, '>', 5, 'overlays have servers');

sub pairs
{
	my ($options) = @_;
	my @found;

	push @found, [ $1, $2 ] while $options =~ /- name: (\w+)\n +value: (.*)/g;
	return @found;
}

# And as it changes one.
$node->safe_psql('postgres', <<'SQL');
CREATE SERVER acme_vault FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'vault', address 'https://vault.acme.example:8200',
	auth_method 'jwt', role 'database', jwt_file '/projected/kms/token');
ALTER SERVER "acme_vault" OPTIONS (SET "role" 'another', ADD "auth_mount" 'vendor');
SQL
is($node->safe_psql('postgres', q{SELECT array_to_string(srvoptions, ' ') FROM pg_foreign_server WHERE srvname = 'acme_vault'}),
	'provider=vault address=https://vault.acme.example:8200 auth_method=jwt role=another jwt_file=/projected/kms/token '
	  . 'auth_mount=vendor', 'a server as a Database resource changes it');

$node->stop;
run_log([ 'chmod', '-R', 'u+w', $image ]);
done_testing();
