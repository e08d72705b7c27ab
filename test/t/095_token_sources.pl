# Where the JWT of a login comes from (token_source): a file, the launcher of a
# Confidential Space, a URL of loopback, a helper; with a real OpenBao and fakes
# of those.  What goes wrong with a source is told as what it is, hurts nobody
# who has another, and shows nothing of a token.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use BionicCrypt::OpenBao;
use BionicCrypt::Session;
use BionicCrypt::Test;
use BionicCrypt::TokenSources;

BionicCrypt::OpenBao::require_or_skip_all();

my $bao = BionicCrypt::OpenBao->new;
$bao->create_key('kek');
$bao->write_policy('use', 'transit/encrypt/kek', 'transit/decrypt/kek');
$bao->enable_jwt('jwt');
$bao->create_jwt_role('jwt', 'vendor', 'database', 'use');
my $sources = BionicCrypt::TokenSources->new($bao->dir . '/jwt.key', claims => { sub => 'database' });

# As Kubernetes has it: the name leads to another file from one moment to the next.
my $current = $bao->secret_file($bao->jwt('database', 600));
my $link = $bao->dir . '/token';
symlink $current, $link or die "$link: $!";

sub point_to
{
	my ($content, $mode) = @_;
	my $file = $bao->secret_file($content);

	chmod $mode // 0600, $file or die "$file: $!";
	symlink $file, "$link.new" or die "$link: $!";
	rename "$link.new", $link or die "$link: $!";
	return;
}

my %source = (
	file => { token_source => "file:$link" },
	launcher => { token_source => $sources->source('launcher'), token_audience => 'bionic_crypt' },
	agent => { token_source => $sources->source('agent') },
	helper => { token_source => $sources->source('helper'), token_audience => 'bionic_crypt' });
$sources->change('agent', claims => { aud => 'bionic_crypt' });

my $node = new_node('token_sources');
$node->append_conf('postgresql.conf', <<'CONF');
bionic_crypt.allow_local_kms = on
bionic_crypt.revocation_interval = '8s'
log_min_messages = debug5
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION bionic_crypt;
CREATE TABLE chats (tenant_id text, content encrypted_text);
SELECT bionic_crypt.protect_table('chats', 'tenant_id');
CREATE ROLE regress_app LOGIN;
CREATE ROLE regress_files LOGIN IN ROLE pg_read_server_files;
CREATE ROLE regress_nobody LOGIN;
GRANT SELECT, INSERT ON chats TO regress_app;
GRANT USAGE ON FOREIGN DATA WRAPPER bionic_crypt TO regress_files, regress_nobody;
SQL

sub session { return BionicCrypt::Session->new($node, tenant => $_[0], user => 'regress_app') }

# What a key worker that has just begun makes of the source.
sub check_kms
{
	my ($kms) = @_;

	forget_keys($node);
	return $node->safe_psql('postgres', "SELECT concat_ws(' ', problem, detail) FROM bionic_crypt.check_kms('$kms', 'kek')");
}

my $reading = 'SELECT content FROM chats';

# Each of them.
for my $name (sort keys %source)
{
	$node->safe_psql('postgres',
		$bao->create_server($name, auth_method => 'jwt', role => 'vendor', %{ $source{$name} }) . <<"SQL");
;
SELECT bionic_crypt.create_tenant('$name', kms => '$name', kek => 'kek'),
	bionic_crypt.grant_tenant('$name', 'regress_app', '{encrypt,decrypt}');
SQL
	is(session($name)->state("INSERT INTO chats (content) VALUES ('$name says'::text)"), '00000', "$name: INSERT");
}
forget_keys($node);
is(session($_)->query($reading), "$_ says", "$_: SELECT, after a login anew") for sort keys %source;

my @asked = $sources->asked('launcher');
my %nonces = map { $_->{nonces}[0] => 1 } @asked;
ok(@asked >= 2 && keys %nonces == @asked && !(grep { $_->{line} ne 'POST /v1/token HTTP/1.1' } @asked) &&
	!(grep { $_->{token_type} ne 'OIDC' || $_->{audience} ne 'bionic_crypt' || $_->{nonces}[0] !~ /^[0-9a-f]{64}$/ } @asked),
	'the launcher is asked at each login, for a token of our audience, with a nonce of its own');
ok((grep { $_->{audience} eq 'bionic_crypt' && $_->{nonce} =~ /^[0-9a-f]{64}$/ } $sources->asked('helper')) >= 2,
	'so is the helper');
is(($sources->asked('agent'))[0]{line}, 'GET /aa/token?token_type=kbs HTTP/1.1', 'the agent gets its query');

# Who may name a source.
for my $name (sort keys %source)
{
	my $statement = $bao->create_server("of_$name", auth_method => 'jwt', role => 'vendor', %{ $source{$name} })
	  =~ s/ca_file '[^']*', //r;

	is(sqlstate($node, $statement, extra_params => [qw(-U regress_nobody)]), '42501', "$name: not for everybody to name");
	is(sqlstate($node, "BEGIN; $statement; ROLLBACK", extra_params => [qw(-U regress_files)]),
		$name eq 'file' ? '00000' : '42501', "$name: who may read files may " . ($name eq 'file' ? '' : 'not ') . 'name it');
}

# A file is read again at each login.
point_to($bao->jwt('database', 900));
unlink $current;
is(check_kms('file'), '', 'a file that was replaced is read');
my $stale = $bao->jwt('database', -720);
point_to($stale);
my $logins = $bao->requests(qr{^auth/jwt/login});
like(check_kms('file'), qr/could not reach KMS "file" The token of file:\Q$link\E expired 12 minutes ago\./, 'one that is stale is told as that');
is($bao->requests(qr{^auth/jwt/login}), $logins, '... and is not sent');
my @files = (
	[ 'others may write', $bao->jwt('database', 600), 0646, 'must be one that others cannot read; its mode is 646' ],
	[ 'its group may write', $bao->jwt('database', 600), 0660, 'its mode is 660' ],
	[ 'garbage', "This is no token.\n", 0600, 'is no JWT' ],
	[ 'too long', 'a.b.' . 'c' x 70000, 0600, 'is empty, too long or not text' ],
	[ 'empty', '', 0600, 'is empty, too long or not text' ]);
for my $case (@files)
{
	my ($what, $content, $mode, $expected) = @$case;

	point_to($content, $mode);
	like(check_kms('file'), qr/\Q$expected\E/, "a file: $what");
}
my $long = $bao->jwt('database', 600, more => 'x' x 40000);
point_to($long);
is(check_kms('file'), '', 'a token of ' . length($long) . ' bytes logs in');
point_to($bao->jwt('database', 600), 0644);
is(check_kms('file'), '', 'others may read a token');

# What a source can do wrong is our trouble, not a "no" of the KMS.
my %wrong = (
	launcher => [
		[ { mode => 'nonce' }, 'is the answer to another question' ],
		[ { mode => 'status' }, 'answered with status 503' ],
		[ { mode => 'close' }, 'No token came from unix:' ],
		[ { seconds => -100 }, 'expired 100 seconds ago' ] ],
	agent => [
		[ { mode => 'garbage' }, 'is no JWT' ],
		[ { mode => 'object' }, 'holds no token' ],
		[ { mode => 'long' }, 'No token came from http://127.0.0.1' ],
		[ { mode => 'status' }, 'answered with status 503' ] ],
	helper => [
		[ { mode => 'close' }, 'is empty, too long or not text' ],
		[ { mode => 'garbage' }, 'is no JWT' ],
		[ { mode => 'object' }, 'holds no token' ],
		[ { mode => 'long' }, 'The answer is too long' ],
		[ { seconds => -7300 }, 'expired 2 hours ago' ] ]);
for my $name (sort keys %wrong)
{
	my $failures = stat_kms($node, $name, 'credential');

	for my $case (@{ $wrong{$name} })
	{
		my ($change, $expected) = @$case;

		$sources->change($name, %$change);
		like(check_kms($name), qr/could not reach KMS "$name".*\Q$expected\E/, "$name: $expected");
		$sources->change($name, mode => 'token', seconds => 600);
	}
	cmp_ok(stat_kms($node, $name, 'credential'), '>=', $failures + @{ $wrong{$name} }, "$name: counted as our credential's");
	is(stat_kms($node, $name, 'denied'), '0', "$name: and never as a denial");
	is(check_kms($name), '', "$name: it ends by itself");
}

# A source that hangs: its tenants go on until their leases end, and are told
# then; all others notice nothing.
session($_)->query($reading) for sort keys %source;
$sources->change($_, mode => 'hang') for qw(launcher helper);
my $file = session('file');
my $held = session('helper');
my @states = $held->state($reading);
my $credential = stat_kms($node, 'helper', 'credential');
my $slowest = 0;
ok(wait_until(sub {
		my $began = time;
		push @states, $file->state($reading);
		$slowest = time - $began if time - $began > $slowest;
		push @states, $held->state($reading);
		return stat_kms($node, 'helper', 'credential') > $credential && stat_kms($node, 'launcher', 'credential') > 0;
	}), 'a source that hangs is given up');
is(join(' ', grep { $_ ne '00000' } @states), '', 'who has a key goes on meanwhile');
cmp_ok($slowest, '<', 1, 'and who has another source does not wait');
forget_keys($node);
$held = session('helper');
$held->begin($reading);
is(session('file')->query($reading), 'file says', 'a login that hangs keeps nobody from another');
$held->end;
is($held->last_state, 'KM002', 'and ends as an outage');
$sources->change($_, mode => 'token') for qw(launcher helper);
ok(wait_until(sub { session('helper')->state($reading) eq '00000' }), 'which is over when the source answers again');

# A socket where somebody else may listen, and what is none, is not asked.  The
# one that somebody else owns is that of test/setup.sh, which only root can make.
my %strange = (missing => $bao->dir . '/nowhere', other => $link);
my $foreign = ($ENV{BIONIC_CRYPT_TEST_TSM} // '') . '/mnt/socket';
$strange{foreign} = $foreign if -S $foreign;
for my $kind (qw(unix helper))
{
	for my $name (sort keys %strange)
	{
		$node->safe_psql('postgres',
			$bao->create_server("${kind}_$name", auth_method => 'jwt', role => 'vendor',
				token_source => "$kind:$strange{$name}", token_audience => 'bionic_crypt'));
		like(check_kms("${kind}_$name"),
			$name eq 'missing'
			? qr{No token came from "\Q$strange{$name}\E": No such file}
			: qr{"\Q$strange{$name}\E" must be a socket of the server's user or of root},
			"$kind: a socket that is $name");
	}
}

# Stopped, it is nobody's to ask.
$sources->stop;
like(check_kms('helper'), qr/No token came from helper:.*: Could not connect to it\./, 'a helper that is not there');
like(check_kms('agent'), qr/No token came from http:.*connect to server\./, 'an agent that is not there');
is(session('file')->query($reading), 'file says', 'is nothing to who has a file');

my $log = slurp_file($node->logfile);
unlike($log, qr/eyJhbGciOi|tee_keypair/, 'no token is in the log, at DEBUG5');
like($log, qr/could not log in at KMS "launcher"/, 'but that the login failed is');
$node->stop;
$bao->stop;
done_testing();
