# The provider pkcs11 with SoftHSM: both mechanisms, keys that are taken away
# and given back, a key-encryption key that is replaced, PINs that are wrong,
# modules that are not allowed.

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

my $interval = 2;
my $hsm = BionicCrypt::SoftHsm->new;
for my $label (qw(acme other locked))
{
	$hsm->create_token($label);
	$hsm->create_key($label, 'kek');
}
$hsm->create_key('acme', 'kek 2027');

my $node = new_node('pkcs11');
my $settings = $hsm->settings;
$node->append_conf('postgresql.conf', <<"CONF" . $settings);
bionic_crypt.revocation_interval = '${interval}s'
bionic_crypt.kms_timeout = '5s'
log_min_messages = debug5
log_min_error_statement = debug5
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION bionic_crypt;
CREATE TABLE chats (tenant_id text, content encrypted_text);
SQL

sub check_kms
{
	my ($server, $kek) = @_;
	return $node->safe_psql('postgres', "SELECT ok, problem, detail FROM bionic_crypt.check_kms('$server', '$kek')");
}

sub reading
{
	my ($tenant) = @_;
	return "SELECT content FROM chats WHERE tenant_id = '$tenant'";
}

sub write_value
{
	my ($tenant) = @_;

	$node->safe_psql('postgres',
		"SET bionic_crypt.tenant = '$tenant'; INSERT INTO chats VALUES ('$tenant', '$tenant says'::text)");
	return;
}

sub try_cold
{
	my ($tenant) = @_;
	return sqlstate($node, "SET bionic_crypt.tenant = '$tenant'; " . reading($tenant));
}

sub wrapped
{
	my ($tenant) = @_;
	return $node->safe_psql('postgres',
		"SELECT encode(substring(wrapped FOR 2), 'hex'), octet_length(wrapped) FROM bionic_crypt.catalog_keys"
		  . " WHERE tenant = '$tenant'");
}

# Both mechanisms, and two tokens of one label.
$hsm->create_token('twins');
$hsm->create_key('twins', 'kek');
my ($serial) = $hsm->serials('twins');
$hsm->create_token('twins');
my %server = (
	gcm => { token_label => 'acme' },
	key_wrap => { token_label => 'acme', mechanism => 'aes_key_wrap_pad' },
	other => { token_label => 'other' },
	twin => { token_label => 'twins', token_serial => $serial });
for my $name (sort keys %server)
{
	$node->safe_psql('postgres', $hsm->create_server($name, %{ $server{$name} }));
	is(check_kms($name, 'kek'), 't||', "$name: check_kms");
	$node->safe_psql('postgres', "SELECT bionic_crypt.create_tenant('$name', kms => '$name', kek => 'kek')");
	write_value($name);
}
is(wrapped('gcm'), '0101|62', 'what is stored of AES-GCM');
is(wrapped('key_wrap'), '0102|119', 'what is stored of AES key wrap');
forget_keys($node);
is(try_cold($_), '00000', "$_: SELECT in a new key worker") for sort keys %server;
is(scalar keys %{ { $hsm->helpers($node) } }, 4, 'each server has a helper process');

# What is wrong, in the operator's words.
$hsm->create_key('other', 'twice') for 1 .. 2;
for my $case (
	[ 'no such key', 'other', 'nobody', qr/denied.*no AES key of this label/ ],
	[ 'two keys of a label', 'other', 'twice', qr/kek.*several AES keys/ ],
	[ 'a label that is none', 'other', "a\tb", qr/kek.*label/ ])
{
	my ($what, $server, $kek, $said) = @$case;
	like(check_kms($server, $kek), qr/^f\|.*$said/s, "check_kms: $what");
}
for my $case (
	[ 'no such token', { token_label => 'nobody' }, qr/No token of this label/ ],
	[ 'two tokens of a label', { token_label => 'twins' }, qr/token_serial.*several tokens/ ],
	[ 'another serial number', { token_label => 'acme', token_serial => '1234' }, qr/No token of this label/ ],
	[ 'a module that makes no IV', { token_label => 'acme', gcm_iv => 'hsm' }, qr/gcm_iv.*the module makes no IV/ ],
	[ 'no file of the PIN', { token_label => 'acme', pin_file => '/nowhere/pin' }, qr/could not be opened/ ])
{
	my ($what, $options, $said) = @$case;
	$node->safe_psql('postgres', $hsm->create_server('odd', %$options));
	like(check_kms('odd', 'kek'), qr/^f\|.*$said/s, "check_kms: $what");
	$node->safe_psql('postgres', 'DROP SERVER odd');
}

# A server of a module, or a file, is not for everybody to make.
$node->safe_psql('postgres', <<'SQL');
CREATE ROLE regress_vendor LOGIN;
GRANT CREATE ON DATABASE postgres TO regress_vendor;
GRANT USAGE ON FOREIGN DATA WRAPPER bionic_crypt TO regress_vendor;
SQL
is(sqlstate($node, $hsm->create_server('his', token_label => 'acme'),
	connstr => $node->connstr('postgres') . ' user=regress_vendor'), '42501', 'a server is not for everybody to make');

# The customer destroys the key: denied within the interval, in an open session
# too; another token is not touched; given back, it ends by itself.
my %session = map { $_ => BionicCrypt::Session->new($node, tenant => $_) } sort keys %server;
is($session{$_}->query(reading($_)), "$_ says", "$_: reads") for sort keys %session;
my $denied = stat_kms($node, 'other', 'denied');
my $began = time;
$hsm->delete_key('acme', 'kek');
for my $name (qw(gcm key_wrap))
{
	my $state = '00000';

	ok(wait_until(sub { ($state = $session{$name}->state(reading($name))) ne '00000' }), "$name: ends");
	is($state, 'KM001', "$name: key destroyed: denied");
	cmp_ok(time - $began, '<', 3 * $interval, "$name: in time");
}
note sprintf 'denied after %.1f s', time - $began;
is($session{other}->query(reading('other')), 'other says', "the other token's tenant reads on");
is(stat_kms($node, 'other', 'denied'), $denied, 'and nothing was denied to it');
$hsm->restore_key('acme', 'kek');
for my $name (qw(gcm key_wrap))
{
	ok(wait_until(sub { $session{$name}->query(reading($name)) eq "$name says" }), "$name: key restored: reads again");
}

# The customer replaces the key-encryption key by one of another label.
$node->safe_psql('postgres', "SELECT bionic_crypt.rewrap_keys('gcm')");
$node->safe_psql('postgres', "SELECT bionic_crypt.move_tenant('$_', kms => '$_', kek => 'kek 2027')") for qw(gcm key_wrap);
$hsm->delete_key('acme', 'kek');
forget_keys($node);
is(try_cold($_), '00000', "$_: reads after a move to another key, without the old one") for qw(gcm key_wrap);

# A wrapped key of one tenant is none of another's: SoftHSM says "general error".
$node->safe_psql('postgres', "SELECT bionic_crypt.create_tenant('robbed', kms => 'gcm', kek => 'kek 2027')");
write_value('robbed');
$node->safe_psql('postgres', <<'SQL');
UPDATE bionic_crypt.catalog_keys SET wrapped = (SELECT wrapped FROM bionic_crypt.catalog_keys WHERE tenant = 'gcm')
	WHERE tenant = 'robbed';
SQL
forget_keys($node);
my $tampered = stat_kms($node, 'gcm', 'bad_ciphertext');
is(try_cold('robbed'), '22000', "another tenant's wrapped key does not unwrap");
cmp_ok(stat_kms($node, 'gcm', 'bad_ciphertext'), '>', $tampered, 'counted as a bad ciphertext');
$node->safe_psql('postgres', "DELETE FROM bionic_crypt.catalog_keys WHERE tenant = 'robbed'");

# A wrong PIN is tried once, whatever is started anew: SoftHSM would let us try
# for ever, so the calls are counted in front of it.
$hsm->tell;
my $pin_file = $hsm->secret_file('not-the-PIN-4711');
$node->safe_psql('postgres', $hsm->create_server('locked', token_label => 'locked', module_path => $hsm->bad_module, pin_file => $pin_file));
like(check_kms('locked', 'kek'), qr/^f\|.*PIN.*log in once by hand/, 'a wrong PIN is said');
is($hsm->calls('C_Login'), 1, 'it was tried once');
for my $again (1 .. 3)
{
	ok(wait_until(sub { check_kms('locked', 'kek') =~ /^f\|.*log in once by hand/ }), "attempt $again");
	my %helpers = $hsm->helpers($node);
	kill 'KILL', keys %helpers if $again == 1;
	forget_keys($node) if $again == 2;
}
is($hsm->calls('C_Login'), 1, 'not again by the same helper, a new one or a new key worker');
$hsm->secret_file('not-the-PIN-4712', $pin_file);
like(check_kms('locked', 'kek'), qr/^f\|.*wrong PIN/, 'another PIN is not tried either');
my $mended = time;
$hsm->secret_file($hsm->pin, $pin_file);
like(check_kms('locked', 'kek'), qr/^f\|.*log in once by hand/, 'nor the right one, before somebody has logged in');
is($hsm->calls('C_Login'), 1, 'nothing was tried');

# The file is read once in a second at most, and nobody is quicker by hand.
wait_until(sub { time > $mended + 1 });
$hsm->log_in('locked');
is(check_kms('locked', 'kek'), 't||', 'and then it goes on');
is($hsm->calls('C_Login'), 2, 'with the right one');
is(stat_kms($node, 'locked', 'denied'), '0', 'none of that was a denial');
cmp_ok(stat_kms($node, 'locked', 'credential'), '>', 0, 'but our credential');

# Modules.
is(sqlstate($node, $hsm->create_server('bad', token_label => 'acme', module_path => '/usr/lib/evil.so')),
	'22023', 'a module that is not in the list is refused');
forget_keys($node);
is(try_cold('other'), '00000', 'a module is in use');
is(scalar keys %{ { $hsm->helpers($node) } }, 1, 'in one helper');
$node->append_conf('postgresql.conf', "bionic_crypt.pkcs11_modules = '" . $hsm->bad_module . "'");
$node->reload;
ok(wait_until(sub { check_kms('other', 'kek') =~ /^f\|.*not in bionic_crypt.pkcs11_modules any more/ }),
	'taken out of the list, it gets nothing more');
ok(wait_until(sub { !$hsm->helpers($node) }), 'and its helper is gone');
forget_keys($node);
is(try_cold('other'), '22023', 'not in a new key worker either');
is(check_kms('locked', 'kek'), 't||', 'one that is in the list does');
$node->append_conf('postgresql.conf', $settings);
$node->reload;
ok(wait_until(sub { try_cold('other') eq '00000' }), 'back in the list, it serves again');

# A file that is there but no module.
$node->append_conf('postgresql.conf', "bionic_crypt.pkcs11_modules = '" . $hsm->dir . "/softhsm2.conf'");
$node->reload;
ok(wait_until(sub {
		sqlstate($node, $hsm->create_server('text', token_label => 'acme', module_path => $hsm->dir . '/softhsm2.conf')) ne '22023'
	}), 'a file that is no module is taken as an option');
like(check_kms('text', 'kek'), qr/^f\|.*module_path.*cannot be loaded/, 'and found out when it is tried');

$node->stop;
my $log = slurp_file($node->logfile);
unlike($log, qr/\Q$_\E/, 'no PIN is in the log') for $hsm->pin, 'not-the-PIN';
done_testing();
