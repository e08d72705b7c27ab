# Files of our credentials: who may have written or read one before we use it.
# And a key worker that nothing wakes but its own clock: it asks in time, also
# where a login takes no exchange.

use strict;
use warnings;

use POSIX qw(mkfifo);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use BionicCrypt::OpenBao;
use BionicCrypt::Session;
use BionicCrypt::SoftHsm;
use BionicCrypt::Test;

BionicCrypt::OpenBao::require_or_skip_all();
BionicCrypt::SoftHsm::require_or_skip_all();

my $interval = 10;
my $bao = BionicCrypt::OpenBao->new;
my $hsm = BionicCrypt::SoftHsm->new;

$bao->create_key('kek');
$bao->write_policy('use', 'transit/encrypt/kek', 'transit/decrypt/kek');
$bao->enable_jwt('jwt');
$bao->create_jwt_role('jwt', 'vendor', 'database', 'use');
$hsm->create_token('acme');
$hsm->create_key('acme', 'kek');

my $node = new_node('credentials');
$node->append_conf('postgresql.conf', <<"CONF" . $hsm->settings);
bionic_crypt.allow_local_kms = on
bionic_crypt.revocation_interval = '${interval}s'
CONF
$node->start;
my %file = (token => $bao->token_file('use'), jwt => $bao->secret_file($bao->jwt('database', 600)));
$node->safe_psql('postgres', $_) for 'CREATE EXTENSION bionic_crypt',
  $bao->create_server('token', auth_method => 'token', token_file => $file{token}),
  $bao->create_server('jwt', auth_method => 'jwt', role => 'vendor', jwt_file => $file{jwt}),
  $hsm->create_server('hsm', token_label => 'acme');

# What a key worker that has just begun makes of the file.
sub check_kms
{
	my ($kms) = @_;

	$node->safe_psql('postgres', 'SELECT pg_terminate_backend(pid, 10000) FROM bionic_crypt.key_worker()');
	return $node->safe_psql('postgres', "SELECT concat_ws(' ', problem, detail) FROM bionic_crypt.check_kms('$kms', 'kek')");
}

# The server's user may write it; what others may do is the question.
my @modes = (
	[ token => 0600, 'fit' ],
	[ token => 0640, 'fit' ],
	[ token => 0644, 'others cannot read; its mode is 644' ],
	[ token => 0602, 'others cannot read; its mode is 602' ],
	[ token => 0660, 'others cannot read; its mode is 660' ],
	[ jwt => 0600, 'fit' ],
	[ jwt => 0644, 'fit' ],
	[ jwt => 0664, 'others cannot read; its mode is 664' ],
	[ jwt => 0646, 'others cannot read; its mode is 646' ]);
for my $case (@modes)
{
	my ($what, $mode, $expected) = @$case;
	my $name = sprintf '%s with mode %03o', $what, $mode;

	chmod $mode, $file{$what} or die "$file{$what}: $!";
	my $said = check_kms($what);
	if ($expected eq 'fit')
	{
		is($said, '', "$name is used");
	}
	else
	{
		like($said, qr/\Q$expected\E/, "$name is not used");
	}
	chmod 0600, $file{$what};
}

my $aside = "$file{token}.aside";
rename $file{token}, $aside or die "$file{token}: $!";
like(check_kms('token'), qr/could not be opened: No such file/, 'a file that is not there');
mkfifo($file{token}, 0600) or die "mkfifo: $!";
like(check_kms('token'), qr/is not a regular one/, 'a FIFO is not waited for');
unlink $file{token};
mkdir $file{token} or die "$file{token}: $!";
like(check_kms('token'), qr/is not a regular one/, 'a folder');
rmdir $file{token};
append_to_file($file{token}, '');
chmod 0600, $file{token};
like(check_kms('token'), qr/is empty, too long or not text/, 'an empty file');
append_to_file($file{token}, "hvs.x\0y");
like(check_kms('token'), qr/is empty, too long or not text/, 'one with a NUL');
unlink $file{token};
append_to_file($file{token}, 'x' x 16384);
chmod 0600, $file{token};
like(check_kms('token'), qr/is empty, too long or not text/, 'one of 16 kB');
unlink $file{token};
rename $aside, $file{token} or die "$aside: $!";
is(check_kms('token'), '', 'the right one again');

# Nobody but the key worker's own clock wakes it: the session has its key.  A
# login with a PIN is over as soon as it has begun, and must not wait for
# another reason to go on.
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE chats (content encrypted_text);
SELECT bionic_crypt.create_tenant('acme', kms => 'hsm', kek => 'kek', outage_grace => '1 hour');
SET bionic_crypt.tenant = 'acme';
INSERT INTO chats VALUES ('hello'::text);
SQL
my $session = BionicCrypt::Session->new($node, tenant => 'acme');
is($session->query('SELECT content FROM chats'), 'hello', 'a session has its key');
$hsm->delete_key('acme', 'kek');
my $deleted = time;
ok(wait_until(sub { $session->state('SELECT content FROM chats') eq 'KM001' }), 'the key is destroyed: KM001');
my $took = time - $deleted;
cmp_ok($took, '<=', $interval + 1, 'within revocation_interval, though nothing else goes on');
note sprintf 'after %.1f s', $took;

$session->quit;
$node->stop;
done_testing();
