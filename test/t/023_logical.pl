# Logical decoding and replication carry ciphertext, in text and in binary,
# whatever tenant a session sets; a subscriber that has the catalog's rows and
# the key file reads it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Chats;
use BionicCrypt::Test;

my $publisher = new_node('publisher', allows_streaming => 'logical');
my $subscriber = new_node('subscriber', allows_streaming => 'logical');
$publisher->start;
$subscriber->start;

my $secret = 'the heron subscribes to nothing';
my $plain = 'the plain heron is published';
my $tables = q{
	CREATE TABLE chats (id integer PRIMARY KEY, tenant text, content encrypted_text, words text);
	CREATE TABLE binaries (id integer PRIMARY KEY, tenant text, content encrypted_text);
	SELECT bionic_crypt.protect_table('chats', 'tenant');
	SELECT bionic_crypt.protect_table('binaries', 'tenant')};

create_tenants($publisher, 'acme', 'globex');
$publisher->safe_psql('postgres', $tables);
$subscriber->safe_psql('postgres', "CREATE EXTENSION bionic_crypt; $tables");

my $as_acme = "SET bionic_crypt.tenant = 'acme';\n";
my $read = q{SELECT id, content FROM chats WHERE tenant = 'acme' ORDER BY id};

# Decoding in a session that has a tenant set.
$publisher->safe_psql('postgres', "SELECT pg_create_logical_replication_slot('peek', 'test_decoding')");
$publisher->safe_psql('postgres', $as_acme . qq{
	INSERT INTO chats VALUES (1, DEFAULT, '$secret', '$plain'), (2, DEFAULT, NULL, NULL);
	UPDATE chats SET content = content || ' again' WHERE id = 1;
	INSERT INTO binaries VALUES (1, DEFAULT, '$secret')});
my $peeked = $publisher->safe_psql('postgres', $as_acme . q{
	SELECT data FROM pg_logical_slot_peek_changes('peek', NULL, NULL, 'skip-empty-xacts', '1')});
like($peeked, qr/table public.chats: UPDATE: .*content\[encrypted_text\]:'bc1:[\w-]+'/, 'decoding shows armour');
like($peeked, qr/\Q$plain/, 'and the text of other columns');
unlike($peeked, qr/\Q$secret/, 'but no plaintext');
is($publisher->safe_psql('postgres', $as_acme . $read), "1|$secret again\n2|", 'the session itself reads plaintext');
$publisher->safe_psql('postgres', "SELECT pg_drop_replication_slot('peek')");

# Publications, one of them in binary.  The walsender would inherit a tenant
# from its connection; it must not count.
$publisher->safe_psql('postgres', q{
	CREATE PUBLICATION texts FOR TABLE chats;
	CREATE PUBLICATION binaries FOR TABLE binaries;
	CREATE PUBLICATION catalog FOR TABLE bionic_crypt.catalog_tenants, bionic_crypt.catalog_keys,
		bionic_crypt.catalog_grants});
my $connstr = sub { "'" . ($publisher->connstr('postgres') =~ s/'/''/gr) . " options=''-c bionic_crypt.tenant=acme'''" };
$subscriber->safe_psql('postgres', 'CREATE SUBSCRIPTION texts CONNECTION ' . $connstr->() . ' PUBLICATION texts');
$subscriber->safe_psql('postgres', 'CREATE SUBSCRIPTION binaries CONNECTION ' . $connstr->() . ' PUBLICATION binaries WITH (binary = true)');
$subscriber->wait_for_subscription_sync($publisher, $_) for 'texts', 'binaries';

# By the first copy, and by what follows.
$publisher->safe_psql('postgres', $as_acme . qq{
	INSERT INTO chats VALUES (3, DEFAULT, 'three $secret', '$plain');
	UPDATE chats SET content = 'changed $secret' WHERE id = 2;
	INSERT INTO binaries VALUES (2, DEFAULT, repeat('$secret ', 200));
	INSERT INTO binaries VALUES (3, DEFAULT, 'gone');
	DELETE FROM binaries WHERE id = 3;
	SET bionic_crypt.tenant = 'globex';
	INSERT INTO chats VALUES (4, DEFAULT, 'ours', NULL)});
$publisher->wait_for_catchup($_) for 'texts', 'binaries';

for my $table ('chats', 'binaries')
{
	my $raw = "SELECT * FROM $table ORDER BY id";
	my $there = $subscriber->safe_psql('postgres', $raw);

	like($there, qr/bc1:/, "$table: the subscriber has armour");
	is($there, $publisher->safe_psql('postgres', $raw), "$table: the same bytes");
}
is(sqlstate($subscriber, $as_acme . $read), '42501', 'whose tenant it does not know');

$publisher->stop('fast');
$subscriber->stop('fast');
is_deeply([ files_with([$secret], $subscriber->data_dir) ], [], 'no plaintext in a file of the subscriber');
isnt(join(' ', files_with([$plain], $subscriber->data_dir)), '', 'where text of other columns is found');
$publisher->start;
$subscriber->start;

# The catalog's rows come by a subscription of their own; the key file is
# copied.
$subscriber->safe_psql('postgres', 'CREATE SUBSCRIPTION catalog CONNECTION ' . $connstr->() . ' PUBLICATION catalog');
$subscriber->wait_for_subscription_sync($publisher, 'catalog');
is(sqlstate($subscriber, $as_acme . $read), '58P01', 'with the catalog but no key file, nothing is read');
system_or_bail('cp', '-a', key_folder($publisher), key_folder($subscriber));
{
	# a refusal is kept for some seconds
	local $ENV{PGOPTIONS} = '-c bionic_crypt.tenant=acme';
	$subscriber->poll_query_until('postgres', "SELECT count(content::text) > 0 FROM binaries")
	  or die 'the key file is not found';
}
is($subscriber->safe_psql('postgres', $as_acme . $read),
	"1|$secret again\n2|changed $secret\n3|three $secret", 'with both, text is read');
is($subscriber->safe_psql('postgres', $as_acme . "SELECT id, md5(content) = md5(repeat('$secret ', 200)) FROM binaries WHERE id = 2"),
	'2|t', 'a long one in binary as well');

# A rotation at the publisher is followed.
$publisher->safe_psql('postgres', "SELECT bionic_crypt.rotate_key('acme');" . $as_acme .
	"INSERT INTO chats VALUES (5, DEFAULT, 'after the rotation', NULL)");
$publisher->wait_for_catchup($_) for 'catalog', 'texts';
is($subscriber->safe_psql('postgres', "$as_acme SELECT content FROM chats WHERE id = 5"),
	'after the rotation', 'the subscriber reads values of the new version');

# So is a suspension, by who has no tenant set there.
$publisher->safe_psql('postgres', "SELECT bionic_crypt.suspend_tenant('acme')");
$publisher->wait_for_catchup('catalog');
is(sqlstate($subscriber, $as_acme . $read), 'KM003', 'a suspension counts at the subscriber');
$publisher->safe_psql('postgres', "SELECT bionic_crypt.resume_tenant('acme')");

# Binary COPY: raw it is the envelope, and comes back as it was.
my $file = $publisher->basedir . '/raw';
my $digest = q{SELECT md5(string_agg(bionic_crypt.encrypted_text_send(content), '' ORDER BY id)) FROM chats};
my $before = $publisher->safe_psql('postgres', "COPY chats TO '$file' (FORMAT binary); $digest");
is_deeply([ files_with([$secret], $file) ], [], 'binary COPY without a tenant writes no plaintext');
is($publisher->safe_psql('postgres', "TRUNCATE chats; COPY chats FROM '$file' (FORMAT binary); $digest"),
	$before, 'and reads the same bytes');
$publisher->safe_psql('postgres', $as_acme . "COPY (SELECT content FROM chats WHERE tenant = 'acme') TO '$file' (FORMAT binary)");
is_deeply([ files_with([$secret], $file) ], [$file], 'with a tenant set it writes text');

# A value of the wrong tenant does not get in by replication either.
is($subscriber->safe_psql('postgres', "SELECT count(*) FROM pg_constraint WHERE conrelid = 'chats'::regclass AND contype = 'c'"),
	'1', 'the subscriber has the guard');
$publisher->safe_psql('postgres', q{
	SELECT bionic_crypt.unprotect_table('chats');
	UPDATE chats SET tenant = 'globex' WHERE id = 1});
$subscriber->wait_for_log(qr/violates check constraint "bionic_crypt_content"/);
pass('it refuses the row of an unprotected publisher');
like($subscriber->safe_psql('postgres', 'SELECT tenant FROM chats WHERE id = 1'), qr/^acme$/, 'and keeps its own');

done_testing();
