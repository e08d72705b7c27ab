# What a tenant's KMS says counts, whatever happened to the key worker
# meanwhile.  Upper bounds are generous: see 011_leases.pl.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Session;
use BionicCrypt::Test;

my $node = new_node('revocation');
$node->append_conf('postgresql.conf', <<'EOF');
bionic_crypt.revocation_interval = '2s'
bionic_crypt.max_tenants = 16
EOF
$node->start;
$node->safe_psql('postgres', <<'EOF');
CREATE EXTENSION bionic_crypt;
SELECT bionic_crypt.create_tenant('acme');
CREATE TABLE chats (content encrypted_text);
SET bionic_crypt.tenant = 'acme';
INSERT INTO chats VALUES ('old'::text);
EOF

my $kek_file = key_file($node);
my $old_kek = slurp_file($kek_file);

sub write_keks
{
	open my $file, '>', $kek_file or die "could not write $kek_file: $!";
	print $file @_;
	close $file;
	return;
}

sub session { return BionicCrypt::Session->new($node, tenant => 'acme'); }

sub reading { return 'SELECT content FROM chats LIMIT 1'; }

sub worker_pid
{
	return $node->safe_psql('postgres', 'SELECT pid FROM bionic_crypt.key_worker()');
}

my $session = session();
is($session->query(reading()), 'old', 'a session has the key');

# A key worker that begins anew knows of no key that sessions have: it must see
# to it that they ask.
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . worker_pid() . ', 10000)');
write_keks("# none\n");
ok(wait_until(sub { $session->state(reading()) eq 'KM001' }),
	'denied after the key worker was terminated');
write_keks($old_kek);
ok(wait_until(sub { $session->query(reading()) eq 'old' }), 'it ends by itself');

# What goes wrong while it looks at one tenant does not end it, nor does a
# cancel.
my $pid = worker_pid();
my $locker = BionicCrypt::Session->new($node);
$locker->query('BEGIN; LOCK bionic_crypt.catalog_tenants');
ok(wait_until(sub { $session->query(reading()); slurp_file($node->logfile) =~ /due to lock timeout/ }),
	'the key worker does not wait long for a lock');
$locker->query('ROLLBACK');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($pid)");
ok(wait_until(sub { $session->query(reading()) eq 'old' }), 'it answers afterwards');
is(worker_pid(), $pid, 'and is the same');

# Who may do nothing takes no tenant's place, not even from another database.
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION bionic_crypt; CREATE ROLE regress_nobody LOGIN');
for my $i (1 .. 20)
{
	is(sqlstate($node, "SET ROLE regress_nobody; SET bionic_crypt.tenant = 'tenant $i';"
			. ' SELECT bionic_crypt.current_tenant()', dbname => 'other'),
		'42501', "tenant $i is refused");
}
is(session()->query(reading()), 'old', 'a tenant with a key is undisturbed');

# Those who may do take places, and the last one is told that there is none.
my @states = map {
	$node->safe_psql('postgres', "SELECT bionic_crypt.create_tenant('tenant $_')");
	sqlstate($node, "SET bionic_crypt.tenant = 'tenant $_'; SELECT 'x'::encrypted_text")
} 1 .. 16;
is(join(' ', @states), join(' ', ('00000') x 15, '53400'), 'sixteen tenants have a place');
is($session->query(reading()), 'old', 'the first is one of them');

$_->quit for $session, $locker;
$node->stop;
done_testing();
