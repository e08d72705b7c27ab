# Physical backups and point-in-time recovery: without the key file nothing is
# readable; what comes back is the catalog of that moment, old grants
# included, and only the KMS outlives it; what is not of that catalog is an
# error, not nonsense.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Session;
use BionicCrypt::Test;

my $primary = new_node('primary', allows_streaming => 1, has_archiving => 1);
$primary->start;
$primary->safe_psql('postgres', <<'SQL');
CREATE EXTENSION bionic_crypt;
CREATE SERVER gold FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'file');
SELECT bionic_crypt.create_tenant('acme'), bionic_crypt.create_tenant('globex'),
	bionic_crypt.create_tenant('gold', kms => 'gold');
CREATE TABLE chats (id integer, tenant text, content encrypted_text);
SELECT bionic_crypt.protect_table('chats', 'tenant');
CREATE ROLE regress_reader LOGIN;
GRANT SELECT ON chats TO regress_reader;
SELECT bionic_crypt.grant_tenant('acme', 'regress_reader', '{decrypt}');
SQL

sub write_as
{
	my ($node, $tenant, $id, $text) = @_;

	$node->safe_psql('postgres', "SET bionic_crypt.tenant = '$tenant';"
		. " INSERT INTO chats (id, content) VALUES ($id, '$text')");
	return;
}

sub reading
{
	my ($tenant, $ids) = @_;

	return "SET bionic_crypt.tenant = '$tenant';"
	  . " SELECT string_agg(id || ' ' || content, ', ' ORDER BY id) FROM chats WHERE tenant = '$tenant'"
	  . ($ids ? " AND id $ids" : '');
}

my @reader = (extra_params => [ '-U', 'regress_reader' ]);

# A server restored from the base backup, with a copy of the folder of keys if
# one is given; the rest says how far it recovers.
sub restore
{
	my ($name, $keys, %recovery) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init_from_backup($primary, 'base', %recovery ? (has_restoring => 1, standby => 0) : ());
	$node->append_conf('postgresql.conf', "$_ = '$recovery{$_}'") for sort keys %recovery;
	$node->append_conf('postgresql.conf', 'archive_mode = off');
	system_or_bail('cp', '-a', $keys, key_folder($node)) if $keys;
	$node->start;
	$node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die "$name does not end its recovery";
	return $node;
}

write_as($primary, 'acme', 1, 'first');
write_as($primary, 'globex', 2, 'ours');
write_as($primary, 'gold', 3, 'golden');
$primary->backup('base');

# The backup alone.
my $copy = restore('copy', undef);
is($copy->safe_psql('postgres', q{SELECT count(*) FILTER (WHERE content IS NOT NULL) FROM chats}), '3',
	'a base backup alone: the rows are there');
my %statement = (
	'a value is read' => reading('acme'),
	'a value is written' => "SET bionic_crypt.tenant = 'acme'; INSERT INTO chats (id, content) VALUES (9, 'x'::text)",
	'a tenant is created' => "SELECT bionic_crypt.create_tenant('new')",
	'a key is rotated' => "SELECT bionic_crypt.rotate_key('acme')",
	'keys are wrapped anew' => "SELECT bionic_crypt.rewrap_keys('acme')");
is(sqlstate($copy, $statement{$_}), '58P01', "nor is it so that $_") for sort keys %statement;
ok(!-e key_folder($copy), 'no key file was made');
like(($copy->psql('postgres', reading('acme')))[2], qr/key file "\Q@{[key_file($copy)]}\E" does not exist/, 'the error names the one that is missing');

# With somebody else's key file, and with its own.
mkdir key_folder($copy), 0700 or die;
system(qq{umask 077; openssl rand -base64 32 >'@{[key_file($copy)]}'}) == 0 or die 'openssl';
$copy->restart;		# it keeps a refusal for some seconds
is(sqlstate($copy, reading('acme')), 'KM001', 'with the key file of another server nothing is readable');
system_or_bail('cp', '-p', key_file($primary), key_file($copy));
$copy->restart;
is($copy->safe_psql('postgres', reading('acme')), '1 first', 'with its own a value is read');
is(sqlstate($copy, reading('gold')), '58P01', 'of the tenants of that file, and of no other');
$copy->stop;

# What happens on the primary after the backup.
my $at = sub { $primary->safe_psql('postgres', "SELECT pg_create_restore_point('$_[0]')") };
write_as($primary, 'acme', 4, 'before');
$at->('before');
$primary->safe_psql('postgres', <<'SQL');
SELECT bionic_crypt.rotate_key('acme');
SELECT bionic_crypt.revoke_tenant('acme', 'regress_reader');
SELECT bionic_crypt.suspend_tenant('globex');
SELECT bionic_crypt.create_tenant('late');
SQL
write_as($primary, 'acme', 5, 'second');
write_as($primary, 'late', 6, 'latest');
$at->('after');
my %raw = map { $_ => $primary->safe_psql('postgres', "SELECT content FROM chats WHERE id = $_") } 5, 6;
$primary->safe_psql('postgres', 'SELECT pg_switch_wal()');
$primary->poll_query_until('postgres',
	"SELECT last_archived_wal >= '" . $primary->safe_psql('postgres', q{SELECT pg_walfile_name(pg_current_wal_lsn() - 1)})
	  . "' FROM pg_stat_archiver")
  or die 'WAL is not archived';

# Meanwhile gold's KMS has come to say no, which is no part of any backup.
my $keys = PostgreSQL::Test::Utils::tempdir . '/keys';
system_or_bail('cp', '-a', key_folder($primary), $keys);
system(qq{umask 077; openssl rand -base64 32 >'$keys/gold.key'}) == 0 or die 'openssl';

# To the point before: the catalog of then.
my $before = restore('before', $keys, recovery_target_name => 'before', recovery_target_action => 'promote');
is($before->safe_psql('postgres', reading('acme')), '1 first, 4 before', 'to the point before: every value is readable, later ones are gone');
is($before->safe_psql('postgres', q{SELECT string_agg(version || ' ' || state, ', ') FROM bionic_crypt.keys WHERE tenant = 'acme'}),
	'1 active', 'the key is that of then');
is($before->safe_psql('postgres', reading('acme'), @reader), '1 first, 4 before', 'a grant revoked since is back');
is($before->safe_psql('postgres', reading('globex')), '2 ours', 'so is a tenant suspended since');
is(sqlstate($before, reading('gold')), 'KM001', 'but what the KMS denies since is denied');
is(sqlstate($before, "SET bionic_crypt.tenant = 'late'; SELECT bionic_crypt.current_tenant()"), '42501', 'a tenant created since is not known');

# Values of later, as a dump of the lost tables would bring them.
$before->safe_psql('postgres', "INSERT INTO chats VALUES (5, 'acme', '$raw{5}'), (6, 'late', '$raw{6}')");
my $session = BionicCrypt::Session->new($before, tenant => 'acme');
is($session->state('SELECT content FROM chats WHERE id = 5'), '22000', 'a value under a later key is an error');
like($session->stderr, qr/could not decrypt value/, 'that says so');
is($session->query("SELECT content FROM chats WHERE id = 1"), 'first', 'the session goes on');
is($session->state("SELECT content FROM chats WHERE tenant = 'acme'"), '22000', 'no statement passes it over');
is($session->query("SELECT bionic_crypt.rotate_key('acme')"), '2', 'the next version has a number that was given before');
$session->query("INSERT INTO chats (id, content) VALUES (7, 'new second')");
is($session->query("SELECT content FROM chats WHERE id = 7"), 'new second', 'and serves');
is($session->state('SELECT content FROM chats WHERE id = 5'), '22000', 'but is not that of the later value');
is($session->query("SELECT bionic_crypt.create_tenant('late'); SET bionic_crypt.tenant = 'late'; SELECT bionic_crypt.current_tenant()"),
	"\nlate", 'a tenant of a later name can be created');
is($session->state('SELECT content FROM chats WHERE id = 6'), '22000', 'and does not read what the other one wrote');
is($session->query("SET bionic_crypt.tenant = 'acme'; SELECT count(content::text) FROM chats WHERE tenant = 'acme' AND id <> 5"),
	'3', 'all else is readable');
$session->quit;
ok($before->poll_query_until('postgres', 'SELECT bool_and(ok) AND sum(pending) = 0 FROM bionic_crypt.verify_audit()'),
	'the audit of then is carried on');
unlike(slurp_file($before->logfile), qr/terminated by signal|PANIC|TRAP/, 'nothing has crashed');
$before->stop;

# To the end: everything.
my $after = restore('after', $keys, recovery_target_name => 'after', recovery_target_action => 'promote');
is($after->safe_psql('postgres', reading('acme')), '1 first, 4 before, 5 second', 'to the point after: values of both versions are readable');
is($after->safe_psql('postgres', reading('late')), '6 latest', 'the later tenant is there');
is(sqlstate($after, reading('acme'), @reader), '42501', 'the grant is revoked');
is(sqlstate($after, reading('globex')), 'KM003', 'the tenant is suspended');
is(sqlstate($after, reading('gold')), 'KM001', 'and what the KMS denies is denied');
is($after->safe_psql('postgres', 'SELECT bool_and(ok) FROM bionic_crypt.verify_audit()'), 't', 'the audit is whole');
$_->stop for $after, $primary;

done_testing();
