# A subscriber of FOR ALL TABLES, which brings the catalog along: tenants and
# keys of both live side by side, grants find their role by name, and what
# cannot be applied stops the subscription rather than going astray.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Session;
use BionicCrypt::Test;

my $publisher = new_node('publisher', allows_streaming => 'logical');
my $subscriber = new_node('subscriber', allows_streaming => 'logical');
for my $node ($publisher, $subscriber)
{
	$node->append_conf('postgresql.conf', <<'CONF');
wal_retrieve_retry_interval = '100ms'	# a subscription that failed tries again
max_logical_replication_workers = 12
bionic_crypt.revocation_interval = '2s'
CONF
	$node->start;
}

# The same number is another role's at the subscriber.
my $is_role = q{SELECT rolname FROM pg_roles WHERE oid = };
$publisher->safe_psql('postgres', 'CREATE ROLE regress_app LOGIN');
$subscriber->safe_psql('postgres', 'CREATE ROLE regress_other LOGIN; CREATE ROLE regress_app LOGIN');
my $number = $publisher->safe_psql('postgres', "SELECT 'regress_app'::regrole::oid");
is($subscriber->safe_psql('postgres', "$is_role $number"), 'regress_other', 'the role has another number at the subscriber');

my $tables = q{
	CREATE EXTENSION bionic_crypt;
	CREATE TABLE chats (id integer PRIMARY KEY, tenant text, content encrypted_text);
	SELECT bionic_crypt.protect_table('chats', 'tenant');
	GRANT ALL ON chats TO PUBLIC};
my @databases = ('postgres', 'alike', 'in_binary');
for ([ $publisher, 'postgres' ], map { [ $subscriber, $_ ] } @databases)
{
	my ($node, $dbname) = @$_;

	$node->safe_psql('postgres', "CREATE DATABASE $dbname") if $dbname ne 'postgres';
	$node->safe_psql($dbname, $tables);
}

sub write_as
{
	my ($node, $tenant, $id, $text) = @_;

	$node->safe_psql('postgres', "SET bionic_crypt.tenant = '$tenant';"
		. " INSERT INTO chats (id, content) VALUES ($id, '$text')");
	return;
}

sub reading
{
	my ($tenant) = @_;

	return "SET bionic_crypt.tenant = '$tenant';"
	  . " SELECT string_agg(id || ' ' || content, ', ' ORDER BY id) FROM chats WHERE tenant = '$tenant'";
}

$publisher->safe_psql('postgres', q{
	SELECT bionic_crypt.create_tenant('acme'), bionic_crypt.create_tenant('globex');
	SELECT bionic_crypt.grant_tenant('acme', 'regress_app', '{encrypt,decrypt}');
	CREATE PUBLICATION everything FOR ALL TABLES});
$subscriber->safe_psql('postgres', q{SELECT bionic_crypt.create_tenant('local')});
$subscriber->safe_psql('alike', q{SELECT bionic_crypt.create_tenant('acme')});
write_as($publisher, 'acme', 1, 'one');
write_as($publisher, 'globex', 2, 'two');
write_as($subscriber, 'local', 100, 'own');
like($publisher->safe_psql('postgres', "SELECT string_agg(schemaname || '.' || tablename, ' ') FROM pg_publication_tables"),
	qr/bionic_crypt\.catalog_keys/, 'the publication has the catalog');

my $connection = q{CONNECTION '} . ($publisher->connstr('postgres') =~ s/'/''/gr) . q{' PUBLICATION everything};

sub subscribe
{
	my ($dbname, $options) = @_;

	$subscriber->safe_psql($dbname, "CREATE SUBSCRIPTION $dbname $connection" . ($options // ''));
	return;
}

# Whether the subscriber's log has come to say it since it was so long.
sub says
{
	my ($from, $message) = @_;

	return wait_until(sub { substr(slurp_file($subscriber->logfile), $from) =~ $message });
}

my $log_end = sub { -s $subscriber->logfile };

# Both catalogs side by side.
subscribe('postgres');
$subscriber->wait_for_subscription_sync($publisher, 'postgres');
is($subscriber->safe_psql('postgres', q{SELECT string_agg(tenant, ' ' ORDER BY tenant) FROM bionic_crypt.tenants}),
	'acme globex local', "the publisher's tenants stand beside the subscriber's own");
is($subscriber->safe_psql('postgres', 'SELECT id, content FROM chats WHERE id < 100 ORDER BY id'),
	$publisher->safe_psql('postgres', 'SELECT id, content FROM chats ORDER BY id'), 'its values came as they are');
is($subscriber->safe_psql('postgres', reading('local')), '100 own', 'own values are readable');
is(sqlstate($subscriber, reading('acme')), 'KM001', "but for the publisher's there is no key-encryption key here");

# Both have an embedded KMS, of another key: the file takes the other's lines,
# before its own, which goes on wrapping.
my ($theirs, $own) = map { slurp_file(key_file($_)) } $publisher, $subscriber;
open my $file, '>', key_file($subscriber) or die;
print $file $theirs, $own;
close $file;
$subscriber->restart;		# it keeps a refusal for some seconds
is($subscriber->safe_psql('postgres', reading('acme')), '1 one', "with the publisher's line in the key file its values are readable");
is($subscriber->safe_psql('postgres', reading('local')), '100 own', 'so are own ones');
is($subscriber->safe_psql('postgres', q{
		SELECT bionic_crypt.rotate_key('local');
		SET bionic_crypt.tenant = 'local';
		INSERT INTO chats (id, content) VALUES (101, 'more') RETURNING content}), "2\nmore", 'and an own key is rotated');

# Grants find their role by name.
my $grants = q{SELECT string_agg(tenant || ' ' || role, ', ' ORDER BY tenant, role::text) FROM bionic_crypt.catalog_grants
	WHERE role <> 'postgres'::regrole};
is($subscriber->safe_psql('postgres', $grants), 'acme regress_app', 'a grant is that of the role of the same name');
is($subscriber->safe_psql('postgres', reading('acme'), extra_params => [ '-U', 'regress_app' ]), '1 one', 'which reads');
is(sqlstate($subscriber, reading('acme'), extra_params => [ '-U', 'regress_other' ]), '42501', 'and that of the same number does not');

# What is decided at the publisher holds at the subscriber when it arrives.
$publisher->safe_psql('postgres', "SELECT bionic_crypt.rotate_key('acme'), bionic_crypt.suspend_tenant('globex'),"
	. " bionic_crypt.revoke_tenant('acme', 'regress_app')");
write_as($publisher, 'acme', 3, 'three');
$publisher->wait_for_catchup('postgres');
is($subscriber->safe_psql('postgres', reading('acme')), '1 one, 3 three', 'a value under a new key is readable');
is(sqlstate($subscriber, reading('globex')), 'KM003', 'a suspended tenant is suspended');
is(sqlstate($subscriber, reading('acme'), extra_params => [ '-U', 'regress_app' ]), '42501', 'a revoked grant is revoked');

ok($subscriber->poll_query_until('postgres', 'SELECT count(*) = 2 AND bool_and(ok) FROM bionic_crypt.verify_audit()'),
	'the audit of both is there, each whole');

# A role that the subscriber does not have.
my $from = $log_end->();
$publisher->safe_psql('postgres', q{
	CREATE ROLE regress_new;
	SELECT bionic_crypt.grant_tenant('acme', 'regress_new', '{decrypt}')});
write_as($publisher, 'acme', 4, 'four');
ok(says($from, qr/ERROR:  role "regress_new" does not exist/), 'a grant to a role that is not there stops the subscription');
is($subscriber->safe_psql('postgres', $grants), '', 'it is given to nobody');
$subscriber->safe_psql('postgres', 'CREATE ROLE regress_new');
$publisher->wait_for_catchup('postgres');
is($subscriber->safe_psql('postgres', $grants), 'acme regress_new', 'once the role is there it goes on by itself');
is($subscriber->safe_psql('postgres', reading('acme')), '1 one, 3 three, 4 four', 'with all that waited');

# A key rotated on both sides: of one version there is one key.
$from = $log_end->();
$subscriber->safe_psql('postgres', "SELECT bionic_crypt.rotate_key('acme')");
$publisher->safe_psql('postgres', "SELECT bionic_crypt.rotate_key('acme')");
write_as($publisher, 'acme', 5, 'five');
ok(says($from, qr/unique (?:constraint|index) "catalog_keys/), 'a key rotated on both sides stops the subscription');
is($subscriber->safe_psql('postgres', reading('acme')), '1 one, 3 three, 4 four', 'what is there stays readable');
$subscriber->safe_psql('postgres', q{
	DELETE FROM bionic_crypt.catalog_keys WHERE tenant = 'acme' AND version = 3;
	UPDATE bionic_crypt.catalog_keys SET state = 'active' WHERE tenant = 'acme' AND version = 2});
$publisher->wait_for_catchup('postgres');
is($subscriber->safe_psql('postgres', reading('acme')), '1 one, 3 three, 4 four, 5 five', "without the subscriber's own version it goes on");

# A tenant of the same name on both sides.
$from = $log_end->();
subscribe('alike');
ok(says($from, qr/duplicate key value violates unique constraint "catalog_tenants_pkey"/),
	'a tenant of the same name stops the first copy');
is($subscriber->safe_psql('alike', q{SELECT count(*) FROM bionic_crypt.catalog_tenants}), '1', "and the subscriber's is untouched");
$subscriber->safe_psql('alike', q{
	DELETE FROM bionic_crypt.catalog_tenants; DELETE FROM bionic_crypt.catalog_keys; DELETE FROM bionic_crypt.catalog_grants});
$subscriber->wait_for_subscription_sync($publisher, 'alike', 'alike');
is($subscriber->safe_psql('alike', reading('acme')), '1 one, 3 three, 4 four, 5 five', 'without it the copy is made');

# In binary a role is its number.
$from = $log_end->();
subscribe('in_binary', ' WITH (binary = true)');
ok(says($from, qr/ERROR:  subscription "in_binary" cannot bring grants for tenants in binary/),
	'a binary subscription brings no grants');
is($subscriber->safe_psql('in_binary', 'SELECT count(*) FROM bionic_crypt.catalog_grants'), '0', 'to nobody');
$subscriber->safe_psql('in_binary', 'ALTER SUBSCRIPTION in_binary SET (binary = false)');
$subscriber->wait_for_subscription_sync($publisher, 'in_binary', 'in_binary');
is($subscriber->safe_psql('in_binary', $grants), 'acme regress_new', 'in text it does');
is($subscriber->safe_psql('in_binary', reading('acme')), '1 one, 3 three, 4 four, 5 five', 'and all is readable');
$from = $log_end->();
$subscriber->safe_psql('in_binary', 'ALTER SUBSCRIPTION in_binary SET (binary = true)');
$publisher->safe_psql('postgres', "SELECT bionic_crypt.grant_tenant('acme', 'regress_app', '{decrypt}')");
ok(says($from, qr/ERROR:  subscription "in_binary" cannot bring grants for tenants in binary/), 'nor does it later');
is($subscriber->safe_psql('in_binary', $grants), 'acme regress_new', 'to nobody');

# From 16 on a subscription need not be a superuser's.  Privileges on all tables
# are not enough to have one write grants.
SKIP:
{
	skip 'subscriptions are for superusers before 16', 2 if $subscriber->pg_version < 16;

	$subscriber->safe_psql('postgres', q{
		CREATE ROLE regress_writer LOGIN;
		GRANT pg_create_subscription, pg_write_all_data, pg_read_all_data TO regress_writer;
		CREATE DATABASE stranger});
	$subscriber->safe_psql('stranger', "$tables; GRANT CREATE ON DATABASE stranger TO regress_writer");
	$from = $log_end->();
	subscribe('stranger', ' WITH (run_as_owner = true, password_required = false, enabled = false, copy_data = false)');
	$subscriber->safe_psql('stranger', 'ALTER SUBSCRIPTION stranger OWNER TO regress_writer; ALTER SUBSCRIPTION stranger ENABLE');
	$publisher->safe_psql('postgres', "SELECT bionic_crypt.grant_tenant('globex', 'regress_app', '{own}')");
	ok(says($from, qr/ERROR:  permission denied to write to catalog table "catalog_\w+"/), 'the subscription of an ordinary role does not write the catalog');
	is($subscriber->safe_psql('stranger', 'SELECT count(*) FROM bionic_crypt.catalog_grants'), '0', 'no grant is there');
}

$_->stop('fast') for $subscriber, $publisher;
done_testing();
