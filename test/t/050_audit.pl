# The audit: what is refused is known although its transaction is rolled back,
# nothing is lost or told twice by a crash or a restart, repetitions are
# counted, a full buffer refuses, a standby logs, and chains of several servers
# and databases lie side by side.  sql/audit.sql has the events of the catalog
# and what verify_audit() finds.

use strict;
use warnings;

use File::Basename qw(dirname);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Session;
use BionicCrypt::Test;

my $window = 2;
my $node = new_node('main', allows_streaming => 'logical', extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', <<"EOF");
restart_after_crash = on
bionic_crypt.audit_window = '${window}s'
bionic_crypt.revocation_interval = '2s'
EOF
$node->start;
$node->safe_psql('postgres', <<'EOF');
CREATE EXTENSION bionic_crypt;
CREATE ROLE regress_nobody;
CREATE ROLE regress_reader;
SELECT bionic_crypt.create_tenant('acme');
SELECT bionic_crypt.grant_tenant('acme', 'regress_reader', '{decrypt}');
CREATE TABLE chats (tenant text, content encrypted_text);
GRANT ALL ON chats TO PUBLIC;
SET bionic_crypt.tenant = 'acme';
INSERT INTO chats VALUES ('acme', 'a word');
EOF

# A moment from which on events are looked at.
sub now
{
	my ($where) = @_;
	return ($where // $node)->safe_psql('postgres', 'SELECT clock_timestamp()');
}

# Events since then, in their order.
sub events
{
	my ($since, $columns) = @_;
	return $node->safe_psql('postgres',
		"SELECT $columns FROM bionic_crypt.audit WHERE at >= '$since' ORDER BY at");
}

# Waits until one such event is there.
sub is_audited
{
	my ($since, $condition, $name) = @_;
	ok(wait_until(sub {
			$node->safe_psql('postgres',
				"SELECT count(*) FROM bionic_crypt.audit WHERE at >= '$since' AND $condition") eq '1'
		}), $name)
	  or diag(events($since, 'event, tenant, role, session_role, detail'));
	return;
}

# All chains of the node, as verify_audit() sees them, without what varies.
sub verdict
{
	my ($where, $dbname) = @_;
	return $where->safe_psql($dbname // 'postgres', q{
		SELECT string_agg(concat_ws(' ', ok, pending, first, first_bad, problem), ', ' ORDER BY first, pending)
		FROM bionic_crypt.verify_audit()});
}

sub wait_for_chain
{
	my ($where, $dbname) = @_;
	$where->poll_query_until($dbname // 'postgres', q{
		SELECT count(*) = 0 FROM bionic_crypt.catalog_audit_pending
		WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database())
			AND system_identifier = (SELECT system_identifier FROM pg_control_system())})
	  or die 'the outbox is not emptied';
	return;
}

sub worker_pid
{
	return $node->safe_psql('postgres', 'SELECT pid FROM bionic_crypt.key_worker()');
}

my $as_acme = "SET bionic_crypt.tenant = 'acme';";

# What is refused is rolled back; that it was asked for is not.
my @refused = (
	[ 'BEGIN; SET ROLE regress_nobody; SET bionic_crypt.tenant = \'acme\'; SELECT content FROM chats',
		'42501', q{event = 'permission_denied' AND tenant = 'acme' AND role = 'regress_nobody'
			AND session_role <> 'regress_nobody' AND detail = '{"privileges": "decrypt"}'},
		'a role without a grant' ],
	[ "SET ROLE regress_reader; $as_acme INSERT INTO chats VALUES ('acme', 'x'::text)",
		'42501', q{event = 'permission_denied' AND tenant = 'acme' AND role = 'regress_reader' AND detail = '{"privileges": "encrypt"}'},
		'a role with another grant' ],
	[ "SET ROLE regress_nobody; $as_acme SELECT bionic_crypt.current_tenant()",
		'42501', q{event = 'permission_denied' AND tenant = 'acme' AND role = 'regress_nobody' AND detail = '{}'},
		'a look at the tenant' ],
	[ "SET ROLE regress_reader; SELECT bionic_crypt.suspend_tenant('acme')",
		'42501', q{event = 'permission_denied' AND tenant = 'acme' AND role = 'regress_reader' AND detail = '{"privileges": "manage"}'},
		'a suspension' ],
	[ "SET ROLE regress_reader; SELECT bionic_crypt.grant_tenant('acme', 'regress_reader', '{own}')",
		'42501', q{event = 'permission_denied' AND tenant = 'acme' AND role = 'regress_reader' AND detail = '{"privileges": "own"}'},
		'a grant to oneself' ],
	[ "SET ROLE regress_nobody; SET bionic_crypt.tenant = 'a secret by mistake'; SELECT bionic_crypt.current_tenant()",
		'42501', q{event = 'permission_denied' AND tenant IS NULL AND role = 'regress_nobody'},
		'a tenant that does not exist' ],
	[ "BEGIN; SELECT bionic_crypt.create_tenant('late'), bionic_crypt.grant_tenant('late', 'regress_nobody', '{decrypt}');"
		  . " SET ROLE regress_nobody; SET bionic_crypt.tenant = 'late'; SELECT 'x'::text::encrypted_text",
		'42501', q{event = 'permission_denied' AND tenant IS NULL AND role = 'regress_nobody' AND detail = '{"privileges": "encrypt"}'},
		'what a grant of the same transaction does not cover' ],
	[ "SELECT bionic_crypt.suspend_tenant('acme'); $as_acme SELECT content FROM chats",
		'KM003', q{event = 'suspended_denied' AND tenant = 'acme'}, 'a suspended tenant' ],
	[ "SELECT bionic_crypt.resume_tenant('acme'); UPDATE bionic_crypt.catalog_keys SET state = 'destroyed';"
		  . " $as_acme SELECT content FROM chats",
		'KM007', q{event = 'destroyed_denied' AND tenant = 'acme'}, 'a destroyed key' ],
	[ "UPDATE bionic_crypt.catalog_keys SET state = 'active', check_value = sha256('x');"
		  . " $as_acme SELECT content FROM chats",
		'22000', q{event = 'key_integrity' AND tenant = 'acme' AND role IS NOT NULL AND detail ->> 'kms' = 'embedded'},
		'a key that is not the one that was wrapped' ],
	[ "UPDATE bionic_crypt.catalog_tenants SET state = 'shredded'; $as_acme SELECT content FROM chats",
		'KM004', q{event = 'shredded_denied' AND tenant = 'acme'}, 'a shredded tenant' ]);
my $check_value = $node->safe_psql('postgres', 'SELECT check_value FROM bionic_crypt.catalog_keys');
for (@refused)
{
	my ($sql, $state, $condition, $name) = @$_;
	my $since = now();

	is(sqlstate($node, $sql), $state, "$name: is refused");
	is_audited($since, $condition, "$name: is in audit");
}
unlike($node->safe_psql('postgres', 'SELECT detail FROM bionic_crypt.audit'), qr/by mistake/,
	'a name that is no tenant\'s is nowhere');
$node->safe_psql('postgres', qq{
	UPDATE bionic_crypt.catalog_tenants SET state = 'active';
	UPDATE bionic_crypt.catalog_keys SET check_value = '$check_value'});

# A tenant that is signed up and used at once is no refusal, and one that is
# not there in the end has left that a key was made.
my $since = now();
$node->safe_psql('postgres', q{
	BEGIN;
	SELECT bionic_crypt.create_tenant('fresh'), bionic_crypt.grant_tenant('fresh', 'regress_reader', '{encrypt,decrypt}');
	SET LOCAL bionic_crypt.tenant = 'fresh';
	SELECT 'x'::text::encrypted_text;
	SET LOCAL ROLE regress_reader;
	SELECT bionic_crypt.current_tenant(), 'x'::text::encrypted_text;
	COMMIT;
	BEGIN;
	SELECT bionic_crypt.create_tenant('gone');
	ROLLBACK});
is_audited($since, q{event = 'key_generated' AND tenant = 'gone' AND detail ->> 'key_id' ~ '^[0-9a-f]{16}$'},
	'a key of a tenant that was rolled back is known');
my $began = time;
wait_for_chain($node);
cmp_ok(time - $began, '<', 30, 'the key worker hears of events at once, not only when it looks by itself');
is(events($since, "concat_ws(' ', event, tenant)"),
	join("\n", map { "$_ fresh" } qw(key_generated key_created tenant_created grant_created grant_created))
	  . "\nkey_generated gone", 'and nothing else of it');
is(verdict($node), 't 0 1', 'it is one chain, from its first row');

# The KMS says no, and yes again, by itself, long after the lease was given up.
my $keys = slurp_file(key_file($node));
my $user = BionicCrypt::Session->new($node, tenant => 'acme');
my $write_keys = sub {
	open my $file, '>', key_file($node) or die key_file($node) . ": $!";
	print $file @_;
	close $file;
};
is($user->query('SELECT content FROM chats'), 'a word', 'a session reads');
$since = now();
$write_keys->("# none\n");
ok(wait_until(sub { $user->state('SELECT content FROM chats') eq 'KM001' }), 'until the KMS says no');
is_audited($since, q{event = 'kms_denied' AND role IS NULL AND tenant = 'acme' AND detail ->> 'kms' = 'embedded'},
	'that it says no is in audit');
is_audited($since, q{event = 'kms_denied' AND role IS NOT NULL AND tenant = 'acme' AND NOT detail ? 'times'},
	'and that a session was refused for it');
$write_keys->($keys);
ok(wait_until(sub { $user->query('SELECT content FROM chats') eq 'a word' }), 'it says yes again');
is_audited($since, q{event = 'kms_restored' AND tenant = 'acme'}, 'which is in audit');

# The same again is counted: a row at once, and one in a window.
my $deny = "DO \$\$ BEGIN FOR i IN 1 .. %d LOOP BEGIN PERFORM bionic_crypt.current_tenant();"
  . " EXCEPTION WHEN insufficient_privilege THEN END; END LOOP; END \$\$";
my $nobody = BionicCrypt::Session->new($node, tenant => 'acme');
$nobody->query('SET ROLE regress_nobody');
sub denials
{
	my ($column) = @_;
	return $node->safe_psql('postgres', "SELECT $column FROM bionic_crypt.audit"
		. " WHERE at >= '$since' AND event = 'permission_denied' AND role = 'regress_nobody'");
}
my $times = q{sum(coalesce((detail ->> 'times')::bigint, 1))};
$since = now();
$nobody->query(sprintf $deny, 1000);
ok(wait_until(sub { denials($times) eq '1000' }), 'a thousand refusals are counted');
cmp_ok(denials('count(*)'), '<=', 5, 'in a few rows');

# What was counted is written when the key worker is ended ...
$since = now();
$nobody->query(sprintf $deny, 1);
ok(wait_until(sub { denials('count(*)') eq '1' }), 'a refusal');
$node->append_conf('postgresql.conf', "bionic_crypt.audit_window = '1h'");
$node->reload;
$nobody->query(sprintf $deny, 3);
ok(wait_until(sub { $nobody->query(sprintf $deny, 1); denials('count(*)') >= 2 }), 'and more of them, in a long window');
$nobody->query(sprintf $deny, 7);
my $pid = worker_pid();
my $before = denials($times);
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 10000)");
ok(denials($times) - $before >= 7, 'are written when the key worker is terminated');
# ... and when the server is.
$nobody->query(sprintf $deny, 1);
my $told = denials($times);
ok(wait_until(sub { denials($times) > $before + 7 }), 'the next key worker writes as well');
$told = denials($times);
$nobody->query(sprintf $deny, 5);
$node->restart;
is(denials($times) - $told, 5, 'a restart loses none of them');
is(verdict($node), 't 0 1', 'it is one chain still');
$_->quit for $user, $nobody;
$node->append_conf('postgresql.conf', "bionic_crypt.audit_window = '${window}s'");
$node->reload;

# Between the outbox and the chain nothing is lost, and nothing is told twice.
$node->safe_psql('postgres', "$as_acme SELECT content FROM chats");
for my $end ('the key worker is killed', 'the server is stopped at once', 'the server is restarted')
{
	my $locker = BionicCrypt::Session->new($node);

	wait_for_chain($node);
	$since = now();
	$locker->query('BEGIN; LOCK bionic_crypt.catalog_audit');
	$node->safe_psql('postgres', "SELECT bionic_crypt.suspend_tenant('acme'); SELECT bionic_crypt.resume_tenant('acme')");
	is($locker->query('SELECT count(*) FROM bionic_crypt.catalog_audit_pending'), '2', "$end: two events wait");
	if ($end =~ /key worker/)
	{
		kill 'KILL', worker_pid();
		ok(wait_until(sub { $locker->state('SELECT 1') ne '00000' }), "$end: so ends the session that locks");
		ok(wait_until(sub { $node->psql('postgres', 'SELECT 1') == 0 }), "$end: the server is back");
	}
	else
	{
		$node->stop($end =~ /at once/ ? 'immediate' : 'fast');
		$node->start;
	}
	$locker->quit;
	is(events($since, 'event'), "tenant_suspended\ntenant_resumed", "$end: both are seen");
	is($node->safe_psql('postgres', "$as_acme SELECT content FROM chats"), 'a word', "$end: a session reads");
	wait_for_chain($node);
	is(events($since, 'event, sequence IS NOT NULL'), "tenant_suspended|t\ntenant_resumed|t",
		"$end: both are in the chain, once");
	is(verdict($node), 't 0 1', "$end: which is whole");
}

# Key requests go on while the tables of audit are locked.
my $locker = BionicCrypt::Session->new($node);
$locker->query('BEGIN; LOCK bionic_crypt.catalog_audit');
$since = now();
is(sqlstate($node, "SET bionic_crypt.kms_timeout = '1s'; SET ROLE regress_nobody; $as_acme SELECT content FROM chats"),
	'42501', 'who locks the audit holds up nobody');
is($node->safe_psql('postgres', "SET bionic_crypt.kms_timeout = '1s'; $as_acme SELECT content FROM chats"),
	'a word', 'not even a new session');

# The buffer is full.
my $many = 600;
$node->safe_psql('postgres', "DO \$\$ BEGIN FOR i IN 1 .. $many LOOP EXECUTE 'CREATE ROLE regress_many_' || i; END LOOP; END \$\$");
my $flood = q{
	SET bionic_crypt.tenant = 'acme';
	CREATE TEMP TABLE states (state text);
	DO $$ BEGIN
		FOR i IN 1 .. 600 LOOP
			BEGIN
				PERFORM set_config('role', 'regress_many_' || i, true);
				PERFORM bionic_crypt.current_tenant();
			EXCEPTION WHEN OTHERS THEN
				RESET ROLE;
				INSERT INTO states VALUES (sqlstate);
			END;
		END LOOP;
	END $$;
	SELECT string_agg(s, ' ') FROM (SELECT state || ' ' || count(*) AS s FROM states GROUP BY state ORDER BY state) x};
my $full = qr/^42501 (\d+) 53000 (\d+)$/;
for my $mode ('wait', 'error')
{
	$node->append_conf('postgresql.conf', "bionic_crypt.audit_overflow = $mode");
	$node->reload;
	my $log = -s $node->logfile;
	my $answer = $node->safe_psql('postgres', $flood);

	like($answer, $full, "$mode: what cannot be noted is refused otherwise");
	my ($noted) = $answer =~ $full;
	cmp_ok($noted // 0, '<=', 512, "$mode: the buffer has its limit");
	is(sqlstate($node, "SELECT bionic_crypt.create_tenant('unnoted $mode')"), '53000', "$mode: no key is made");
	is(() = slurp_file($node->logfile, $log) =~ /LOG:  audit: \{.*"event": "permission_denied".*"role": "\d+"/g,
		$many - $noted, "$mode: each is in the server log");
	like(slurp_file($node->logfile, $log), qr/LOG:  audit: .*"event": "key_generated", "tenant": "unnoted $mode"/,
		"$mode: as is the key");
}
$locker->query('ROLLBACK');
ok(wait_until(sub {
		$node->safe_psql('postgres', "SELECT count(*) > 100 FROM bionic_crypt.audit WHERE at >= '$since' AND role ~ 'many'") eq 't'
	}),
	'what was noted is written when that is possible');
$since = now();
my $answer;
ok(wait_until(sub { sqlstate($node, "SELECT bionic_crypt.create_tenant('noted ' || clock_timestamp())") eq '00000' }),
	'error: there is room when the window is over');
like($node->safe_psql('postgres', $flood), $full, 'error: different events of a window have a limit');
$node->append_conf('postgresql.conf', "bionic_crypt.audit_overflow = wait");
$node->reload;
ok(wait_until(sub { $answer = $node->safe_psql('postgres', $flood); $answer !~ /53000/ }),
	'wait: what does not fit waits for the writing') or diag($answer);
is($answer, "42501 $many", 'wait: all are refused as they should be');
$since = now();
$node->safe_psql('postgres', $flood);
ok(wait_until(sub {
		$node->safe_psql('postgres', "SELECT count(DISTINCT role) FROM bionic_crypt.audit WHERE at >= '$since' AND role ~ 'many'") eq $many
	}),
	'wait: and all are written');
wait_for_chain($node);
is(verdict($node), 't 0 1', 'into one chain');

# A name that is not of the database's encoding does no harm.
$node->safe_psql('postgres', q{CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'});
$node->safe_psql('latin', q{DO $$ BEGIN EXECUTE 'CREATE ROLE "regress_m' || chr(252) || '"'; END $$});
$since = now();
$node->psql('postgres', q{
	SET bionic_crypt.tenant = 'acme';
	SELECT set_config('role', rolname, false) FROM pg_roles WHERE rolname LIKE 'regress\_m_' \gset
	SELECT bionic_crypt.current_tenant()});
is_audited($since, q{role = 'regress_m?'}, 'a name that is not UTF-8 is made so');
wait_for_chain($node);
is(verdict($node), 't 0 1', 'and can be hashed');
$node->safe_psql('latin', q{
	CREATE EXTENSION bionic_crypt;
	SELECT bionic_crypt.create_tenant('acme');
	SELECT bionic_crypt.grant_tenant('acme', oid, '{own}') FROM pg_roles WHERE rolname ~ '^regress_m[^a]$'});
wait_for_chain($node, 'latin');
is($node->safe_psql('latin', q{SELECT count(*) FROM bionic_crypt.audit WHERE detail ->> 'grantee' ~ 'regress_m\?'}), '1',
	'in a database of another encoding, names are ASCII');
is(verdict($node, 'latin'), 't 0 1', 'and can be hashed as well');

# The chain is verified outside, by the program in docs/audit.md.
my $root = File::Spec->rel2abs(dirname(__FILE__) . '/../..');
my ($export) = slurp_file("$root/docs/audit.md") =~ /^```sql\n(SELECT json_build_object.*?)^```$/ms;
my ($program) = slurp_file("$root/docs/audit.md") =~ /^```python\n(.*?)^```$/ms;
SKIP:
{
	skip 'python3 is not here', 3 if !have('python3');
	my $folder = $node->basedir;
	my $verify = sub {
		my ($stdout, $stderr);
		append_to_file("$folder/audit.json", '');
		open my $file, '>', "$folder/audit.json" or die "$folder/audit.json: $!";
		print $file "$_[0]\n";
		close $file;
		IPC::Run::run([ 'python3', "$folder/verify.py", "$folder/audit.json" ], '>', \$stdout, '2>', \$stderr);
		return $stdout . $stderr;
	};
	append_to_file("$folder/verify.py", $program);
	my $rows = $node->safe_psql('postgres', $export);
	my $head = $node->safe_psql('postgres', q{SELECT last || ' ' || encode(head, 'hex') FROM bionic_crypt.verify_audit()});
	like($verify->($rows), qr/^\d+ \d+ ends at \Q$head\E$/, 'a program outside finds the same');
	like($verify->($rows =~ s/tenant_suspended/tenant_resumed/r), qr/changed/, 'and a changed row');
	like($verify->($rows =~ s/^[^\n]*\n([^\n]*\n)[^\n]*\n/$1/r), qr/missing/, 'and a missing one');
}

# A standby has nowhere to write: it logs.  Promoted, it carries the chain on.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
system_or_bail('cp', '-a', key_folder($node), key_folder($standby));
$standby->start;
$node->wait_for_catchup($standby);
$locker->query('BEGIN; LOCK bionic_crypt.catalog_audit IN SHARE MODE');
$node->safe_psql('postgres', "SELECT bionic_crypt.rotate_key('acme')");
$node->wait_for_catchup($standby);
is($standby->safe_psql('postgres', "$as_acme SELECT content FROM chats"), 'a word', 'standby: a session reads');
$nobody = BionicCrypt::Session->new($standby, tenant => 'acme');
$nobody->query('SET ROLE regress_nobody');
is($nobody->state('SELECT bionic_crypt.current_tenant()'), '42501', 'standby: a role is refused');
ok(wait_until(sub {
		slurp_file($standby->logfile) =~
		  /LOG:  audit: \{"at": "[^"]+", "event": "permission_denied", "tenant": "acme", "role": "regress_nobody", "session_role": "\w+"\}/
	}),
	'standby: which is in its log');
$nobody->query(sprintf $deny, 20);
ok(wait_until(sub { slurp_file($standby->logfile) =~ /LOG:  audit: .*"detail": \{"times": 2\d*\}/ }),
	'standby: and its repetitions, once') or diag(slurp_file($standby->logfile));
is($standby->safe_psql('postgres', q{SELECT pending > 0 FROM bionic_crypt.verify_audit()}), 't',
	'standby: what waits on the primary waits here');
$locker->quit;
$node->stop('fast');
$standby->promote;
$standby->safe_psql('postgres', "SELECT bionic_crypt.rotate_key('acme')");
wait_for_chain($standby);
is(verdict($standby), 't 0 1', 'promoted: it carries on the same chain');
$nobody->quit;
$standby->stop;
$node->start;

# Another database of the same server, that a dump was restored into, has a
# chain of its own beside it.
delete $ENV{PGAPPNAME};
$locker = BionicCrypt::Session->new($node);
$node->safe_psql('postgres', "$as_acme SELECT content FROM chats");
wait_for_chain($node);
$locker->query('BEGIN; LOCK bionic_crypt.catalog_audit IN SHARE MODE');
$node->safe_psql('postgres', "SELECT bionic_crypt.rewrap_keys('acme')");
my $waiting = $locker->query('SELECT count(*) FROM bionic_crypt.catalog_audit_pending');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-f', $dump, 'postgres' ], 'a dump');
$node->command_ok([ 'psql', '-qX', '-v', 'ON_ERROR_STOP=1', '-d', 'restored', '-f', $dump ], 'is restored');
$node->safe_psql('restored', "SELECT bionic_crypt.rotate_key('acme')");
wait_for_chain($node, 'restored');
is(verdict($node, 'restored'), "t 0 1, t $waiting 1", 'beside the chain of the first, with what waited then');
$locker->quit;

# FOR ALL TABLES, audit and outbox included, to a server that has its own.
my $subscriber = new_node('subscriber', allows_streaming => 'logical', extra => ['--encoding=UTF8']);
$subscriber->start;
my $publication = $node->connstr('postgres') =~ s{'}{''}gr;
$subscriber->safe_psql('postgres', q{
	CREATE EXTENSION bionic_crypt;
	CREATE ROLE regress_nobody; CREATE ROLE regress_reader;
	CREATE TABLE chats (tenant text, content encrypted_text);
	SELECT bionic_crypt.create_tenant('ours')});
wait_for_chain($subscriber);
$node->safe_psql('postgres', 'CREATE PUBLICATION everything FOR ALL TABLES');
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION everything CONNECTION '$publication' PUBLICATION everything");
$subscriber->wait_for_subscription_sync($node, 'everything');
wait_for_chain($node);
$node->wait_for_catchup('everything');
wait_for_chain($subscriber);
is(verdict($subscriber), 't 0 1, t 0 1', 'subscriber: two whole chains');
is($subscriber->safe_psql('postgres', q{
		SELECT count(*) FROM bionic_crypt.audit WHERE event = 'tenant_created' AND tenant = 'fresh'}),
	'2', 'subscriber: a tenant was made there, and here');

# What waits at the publisher is not the subscriber's to write.
$locker = BionicCrypt::Session->new($node);
$locker->query('BEGIN; LOCK bionic_crypt.catalog_audit IN SHARE MODE');
$node->safe_psql('postgres', "SELECT bionic_crypt.suspend_tenant('fresh')");
$node->wait_for_catchup('everything');
$subscriber->safe_psql('postgres', "SELECT bionic_crypt.suspend_tenant('ours')");
wait_for_chain($subscriber);
is(verdict($subscriber), 't 0 1, t 1 1', 'subscriber: leaves alone what waits at the publisher');
$locker->quit;
wait_for_chain($node);
$node->wait_for_catchup('everything');
is(verdict($subscriber), 't 0 1, t 0 1', 'subscriber: follows when it is in the chain');
is($subscriber->safe_psql('postgres', q{
		SELECT count(DISTINCT system_identifier) FROM bionic_crypt.audit WHERE event = 'tenant_suspended' AND tenant = 'fresh'}),
	'2', 'subscriber: the change is an event of both');

# A row that is changed at the publisher does not change here.
$node->safe_psql('postgres', q{
	ALTER TABLE bionic_crypt.catalog_audit DISABLE TRIGGER keep, DISABLE TRIGGER keep_row;
	UPDATE bionic_crypt.catalog_audit SET event = 'tenant_resumed' WHERE event = 'tenant_suspended'});
$subscriber->wait_for_log(qr/ERROR: .*rows of audit cannot be changed/);
is(verdict($subscriber), 't 0 1, t 0 1', 'subscriber: does not follow a forger');
like(verdict($node), qr/^f 0 1 \d+ row was changed$/, 'who is found out where he is, too');

$subscriber->stop('fast');
$node->stop;
done_testing();
