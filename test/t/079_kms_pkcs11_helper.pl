# The helper process of the provider pkcs11: what it is, and what becomes of
# us when it is killed, hangs, or has a module that crashes, loops or talks
# nonsense.  A tenant whose key is at hand goes on, one whose key is not gets
# KM002, tenants of another KMS notice nothing, and it comes back.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use BionicCrypt::Session;
use BionicCrypt::SoftHsm;
use BionicCrypt::Test;

BionicCrypt::SoftHsm::require_or_skip_all();

my $longest = 5;				# s, for a call with its retries
my @classes = qw(denied throttled unavailable bad_ciphertext config protocol credential);
my $hsm = BionicCrypt::SoftHsm->new;
$hsm->create_token('acme');
$hsm->create_key('acme', 'kek');

my $node = new_node('helper');
$node->append_conf('postgresql.conf', $hsm->settings . <<'CONF');
bionic_crypt.revocation_interval = '4s'
bionic_crypt.kms_timeout = '10s'
log_min_messages = debug5
log_min_error_statement = debug5
CONF
$node->start;
my %server = (
	crypt_bad => { module_path => $hsm->bad_module },
	crypt_wrap => { module_path => $hsm->bad_module, mechanism => 'aes_key_wrap_pad' },
	crypt_good => {});
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION bionic_crypt;
CREATE TABLE chats (tenant_id text, content encrypted_text);
SELECT bionic_crypt.create_tenant('calm');
SQL

sub write_value
{
	my ($tenant) = @_;

	$node->safe_psql('postgres',
		"SET bionic_crypt.tenant = '$tenant'; INSERT INTO chats VALUES ('$tenant', '$tenant says'::text)");
	return;
}

sub create_tenant
{
	my ($tenant, $server) = @_;

	$node->safe_psql('postgres',
		"SELECT bionic_crypt.create_tenant('$tenant', kms => '$server', kek => 'kek', outage_grace => '1 hour')");
	write_value($tenant);
	return;
}

$hsm->tell;
for my $name (sort keys %server)
{
	$node->safe_psql('postgres',
		$hsm->create_server($name, token_label => 'acme', request_timeout_ms => 1000, %{ $server{$name} }));
	create_tenant($name =~ s/crypt_//r, $name);
}
create_tenant('cold', 'crypt_bad');
write_value('calm');

sub reading
{
	my ($tenant) = @_;
	return "SELECT content FROM chats WHERE tenant_id = '$tenant'";
}

my %session = map { $_ => BionicCrypt::Session->new($node, tenant => $_) } qw(bad good calm);

sub reads
{
	my ($tenant) = @_;
	return $session{$tenant}->query(reading($tenant)) eq "$tenant says";
}

sub try_cold
{
	my ($tenant) = @_;
	my $began = time;
	my $state = sqlstate($node, "SET bionic_crypt.tenant = '$tenant'; " . reading($tenant));

	return ($state, time - $began);
}

# A new key worker, in which these tenants have their keys at hand.
sub begin_anew
{
	my (@tenants) = @_;

	$hsm->tell;
	$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid, 10000) FROM bionic_crypt.key_worker()');
	for my $tenant (@tenants ? @tenants : qw(bad good calm))
	{
		wait_until(sub { (try_cold($tenant))[0] eq '00000' }) or die "$tenant cannot read";
	}
	return;
}

sub failures
{
	my %failures;

	@failures{@classes} = split /\|/, $node->safe_psql('postgres',
		'SELECT ' . join(', ', @classes) . " FROM bionic_crypt.stat_kms WHERE kms = 'crypt_bad'");
	return %failures;
}

sub check_kms
{
	my ($server) = @_;
	return $node->safe_psql('postgres', "SELECT ok FROM bionic_crypt.check_kms('$server', 'kek')");
}

sub helpers { my %found = $hsm->helpers($node); return sort keys %found }


# What the process is, seen from within.
begin_anew();
my @mapped = grep { m{postgres|bionic_crypt\.so|SYSV|/dev/shm|/dev/zero|memfd|secretmem|/PostgreSQL\.} }
  grep { !/bionic_crypt_pkcs11|bad_module|softhsm/ } split /\n/, $hsm->process('maps');
is("@mapped", '', 'nothing of PostgreSQL is mapped, shared memory least of all');
like($hsm->process('maps'), qr/bionic_crypt_pkcs11/, '(and it is a helper that was looked at)');
is(join(' ', map { s/\[\d+\]//r } sort split /\n/, $hsm->process('fd')),
	'0 /dev/null 1 /dev/null 2 /dev/null 3 socket:', 'it has one socket and no other file');
unlike($hsm->process($_), qr/\Q@{[$hsm->pin]}\E/, "no PIN in its $_") for qw(cmdline environ);
my $worker = $node->safe_psql('postgres', 'SELECT pid FROM bionic_crypt.key_worker()');
is($hsm->process('cmdline') =~ tr/\0/ /r =~ s{\S*/}{}gr, "bionic_crypt_pkcs11 bad_module.so $worker ", 'its arguments are its module and its parent');
is($hsm->process('cwd'), '/', 'its folder is not that of the data');
is($hsm->process('limits'), "core 0 dumpable 0\n", 'it writes no core dump');
my %status = $hsm->process('status') =~ /^(NoNewPrivs|SigBlk|SigIgn|Pid|PPid|NSpgid):\s+(\S+)$/mg;
is($status{NoNewPrivs}, 1, 'it gains no privileges');
is($status{SigBlk} . $status{SigIgn} =~ s/18(?=0{7}$)/00/r, '0' x 32, 'its signals are as a module expects');	# 32 and 33 are glibc's
is($status{NSpgid}, $status{Pid}, 'it has a process group of its own');
is($status{PPid}, $worker, 'it is a child of the key worker');


# Each fault: function and action, class, SQLSTATE.
my @faults = (
	[ 'C_Decrypt segv', 'unavailable' ],
	[ 'C_Decrypt exit', 'unavailable' ],
	[ 'C_Decrypt scribble', 'unavailable' ],
	[ 'C_Decrypt loop', 'unavailable' ],
	[ 'C_Decrypt stop', 'unavailable' ],
	[ 'C_Decrypt garbage', 'protocol' ],
	[ 'C_Decrypt short', 'protocol' ],
	[ 'C_Decrypt flip', 'bad_ciphertext', '22000' ],
	[ 'C_Decrypt rv=0x5', 'unavailable' ],	# the device, since it unwraps nothing
	[ "C_Decrypt rv=0x5\nC_EncryptInit rv=0x68", 'unavailable' ],	# a key that may not be tried
	[ 'C_Decrypt rv=0x40', 'bad_ciphertext', '22000' ],
	[ 'C_Decrypt rv=0x30', 'unavailable' ],
	[ 'C_Decrypt rv=0x68', 'denied', 'KM001' ],
	[ 'C_Decrypt rv=0x82', 'denied', 'KM001' ],
	[ 'C_FindObjects short', 'denied', 'KM001' ],
	[ 'C_FindObjects garbage', 'protocol' ],
	[ 'C_FindObjects rv=0xb3', 'unavailable' ],
	[ 'C_Initialize segv', 'unavailable' ],
	[ 'C_Initialize loop', 'unavailable' ],
	[ 'C_Initialize rv=0x5', 'unavailable' ],
	[ 'C_GetFunctionList garbage', 'protocol' ],
	[ 'C_GetSlotList garbage', 'protocol' ],
	[ 'C_GetSlotList short', 'unavailable' ],
	[ 'C_OpenSession rv=0xe0', 'unavailable' ],
	[ 'C_Login rv=0xa0', 'credential' ],
	[ 'C_Login rv=0xa4', 'credential' ]);

# In processes that have begun, and in ones that begin with the fault.
for my $fault (@faults)
{
	my ($what, $class, $expected) = @$fault;
	my $at_start = $what =~ /^C_(?:Initialize|Get|Open|Login)/;

	begin_anew($at_start ? () : 'bad', 'good', 'calm');
	my %before = failures();
	$hsm->tell($what);
	my ($state, $took) = try_cold('cold');
	my %after = failures();

	is($state, $expected // 'KM002', "$what: a tenant whose key is not at hand");
	is(join(' ', grep { $after{$_} > $before{$_} } sort keys %after), $class, "$what: class");
	cmp_ok($took, '<', $longest, "$what: in time");
	ok(reads('bad'), "$what: one whose key is at hand goes on") if !$at_start && $class ne 'denied';
	my $began = time;
	ok(reads('calm') && reads('good'), "$what: others notice nothing");
	cmp_ok(time - $began, '<', 1, "$what: not even a delay");
}
begin_anew();
is((try_cold('cold'))[0], '00000', 'a good module again: all is well');
is($hsm->calls('zero IV'), 0, 'nothing was ever encrypted with an IV of zeros');

# AES key wrap reads the unwrapped key as an attribute.
for my $what ('C_GetAttributeValue garbage', 'C_GetAttributeValue short')
{
	begin_anew();
	$hsm->tell($what);
	is((try_cold('wrap'))[0], 'KM002', "$what: no key");
}

# A session that is lost once is made anew; a login is one more.
for my $code (qw(0xb3 0xe0 0x190))
{
	begin_anew();
	my $logins = $hsm->calls('C_Login');
	$hsm->tell("C_FindObjects once=$code");
	is((try_cold('cold'))[0], '00000', "code $code, once: a new session");
	is($hsm->calls('C_Login') - $logins, 1, "code $code, once: and one login");
}

# A login that is lost while its session lives on: a key is not seen, and not
# taken for destroyed.
begin_anew();
my %seen = failures();
$hsm->tell('C_FindObjectsInit logout');
is((try_cold('cold'))[0], '00000', 'logged out behind our back: a new session');
is({ failures() }->{denied}, $seen{denied}, 'and nobody was denied anything');

# One that cannot be finalized is of no use: its process ends.
begin_anew();
$hsm->tell('C_Finalize rv=0x5', 'C_FindObjects once=0xb3');
ok(wait_until(sub { (try_cold('cold'))[0] eq '00000' }), 'a module that cannot be finalized: a new process');

# A login is tried once, by whatever server and process, unless the token cannot
# have counted it.
$node->safe_psql('postgres',
	$hsm->create_server('crypt_twin', token_label => 'acme', request_timeout_ms => 1000, module_path => $hsm->bad_module));

sub logins
{
	my ($what) = @_;
	my $before = $hsm->calls('C_Login');

	$hsm->tell($what);
	for my $server (qw(crypt_bad crypt_twin crypt_bad))
	{
		is(check_kms($server), 'f', "$what: $server");
	}
	return $hsm->calls('C_Login') - $before;
}

for my $what ('rv=0xa0', 'rv=0x5', 'rv=0x30', 'rv=0x80000001', 'exit', 'segv')
{
	begin_anew(qw(good));
	is(logins("C_Login $what"), 1, "C_Login $what: tried once");
}
begin_anew(qw(good));
cmp_ok(logins('C_Login rv=0xb3'), '>', 1, 'C_Login rv=0xb3: no session, so it is tried again');

# A device may want longer to begin than a call may take.
for my $what (qw(C_Initialize C_Login))
{
	begin_anew(qw(good));
	my $before = $hsm->calls($what);
	$hsm->tell("$what slow=2500");
	ok(wait_until(sub { (try_cold('cold'))[0] eq '00000' }), "$what takes longer than a call: a later one finds it begun");
	is($hsm->calls($what) - $before, 1, "$what: begun once");
}

# Whoever cancels a call does not have others wait for a new helper.
begin_anew();
my @same = helpers();
my $decrypts = $hsm->calls('C_Decrypt');
$hsm->tell('C_Decrypt slow=300');
my $hasty = BionicCrypt::Session->new($node, tenant => 'cold');
$hasty->begin(reading('cold'));
ok(wait_until(sub { $hsm->calls('C_Decrypt') > $decrypts }), 'a call is under way');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE query LIKE 'SELECT content%' AND state = 'active'");
$hsm->tell;
is((try_cold('cold'))[0], '00000', 'it is cancelled, and another one made');
is(join(' ', helpers()), "@same", 'by the same helper');
$hasty->end;

# A module that makes the IV.
$hsm->tell('C_EncryptInit iv');
$node->safe_psql('postgres', $hsm->create_server('crypt_iv', token_label => 'acme', module_path => $hsm->bad_module, gcm_iv => 'hsm'));
create_tenant('iv', 'crypt_iv');
begin_anew();
is((try_cold('iv'))[0], '00000', 'a module that makes the IV: what it wrapped unwraps');
$hsm->tell('C_EncryptInit iv');
like($node->safe_psql('postgres', "SELECT problem FROM bionic_crypt.check_kms('crypt_bad', 'kek')"),
	qr/the module makes IVs/, 'and is found out when it should not');


# From outside: killed, it is there again at the next call; stopped, it is
# killed when the time of the call is over.
for my $signal (qw(KILL TERM STOP))
{
	begin_anew();
	my %before = map { $_ => 1 } helpers();
	kill $signal, keys %before;
	ok(reads($_), "$signal: $_ goes on") for qw(bad good calm);
	ok(wait_until(sub { (try_cold('cold'))[0] eq '00000' }), "$signal: a tenant whose key was not at hand gets it");
	ok(wait_until(sub { (try_cold('good'))[0] eq '00000' }), "$signal: so does one of the other server");
	ok(wait_until(sub { !grep { $before{$_} } helpers() }), "$signal: nothing is left of the old processes");
}
my %left = $hsm->helpers($node);
is(scalar(grep { $_ eq 'Z' } values %left), 0, 'all were waited for');

# One that crashes when it begins is not started over and over.
begin_anew();
$hsm->tell('C_Initialize abort');
kill 'KILL', helpers();
my ($starts, $began, $calls) = ($hsm->calls('C_Initialize'), time, 0);
wait_until(sub { try_cold('cold'); $calls++; time > $began + 3 });
cmp_ok($hsm->calls('C_Initialize') - $starts, '<=', time - $began + 1, "$calls calls: at most one start in a second");
cmp_ok($calls, '>', 5, '(and there were more calls than that)');
$hsm->tell;
ok(wait_until(sub { (try_cold('cold'))[0] eq '00000' }), 'it is tried again');

# What a module starts ends with the helper, and what leaves its group is ours
# to wait for: nothing is left to process 1, which may be the postmaster.
begin_anew();
kill 'KILL', helpers();
$hsm->tell('C_Initialize fork');
ok(wait_until(sub { (try_cold('cold'))[0] eq '00000' && (try_cold('good'))[0] eq '00000' }), 'a module that starts processes');
my ($stays, $leaves) = split /\n/, $hsm->process('forked');
$worker = $node->safe_psql('postgres', 'SELECT pid FROM bionic_crypt.key_worker()');
$hsm->tell;
kill 'KILL', helpers();
ok(wait_until(sub { check_kms('crypt_bad') eq 't' }), 'its helper is killed: calls have another');
ok(wait_until(sub { !-e "/proc/$stays" }), 'the one in the group of the helper is gone with it');
like(eval { slurp_file("/proc/$leaves/status") } // '', qr/^PPid:\s+$worker$/m, 'the one that left it is a child of the key worker');
kill 'KILL', $leaves;
kill 'KILL', helpers();
ok(wait_until(sub { check_kms('crypt_bad'); !-e "/proc/$leaves" }), 'which waits for it');

# It ends with the key worker, in order, or while its module loops.
begin_anew();
my @helpers = helpers();
is(scalar @helpers, 2, 'two servers were used, and so there are two helpers');
$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid, 10000) FROM bionic_crypt.key_worker()');
ok(wait_until(sub { !grep { -e "/proc/$_" } @helpers }), 'key worker ended: helpers are gone');

begin_anew();
@helpers = helpers();
$hsm->tell('C_Decrypt loop');
my $waiting = BionicCrypt::Session->new($node, tenant => 'cold');
my $before = $hsm->calls('C_Decrypt');
$waiting->begin(reading('cold'));
ok(wait_until(sub { $hsm->calls('C_Decrypt') > $before }), 'a module loops');
kill 'KILL', $node->safe_psql('postgres', 'SELECT pid FROM bionic_crypt.key_worker()');
ok(wait_until(sub { !grep { -e "/proc/$_" } @helpers }), 'key worker killed: helpers are gone');
$waiting->end;
wait_until(sub { !-e $node->data_dir . '/postmaster.pid' });
$node->_update_pid(0);

my $log = slurp_file($node->logfile);
unlike($log, qr/\Q@{[$hsm->pin]}\E/, 'no PIN is in the log');
done_testing();
