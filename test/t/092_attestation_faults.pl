# Sources of evidence that answer wrongly, late or not at all, and the end of
# the attester.  The sources are this script: it listens, and answers while a
# session waits.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IO::Select;
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP;
use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use BionicCrypt::Session;
use BionicCrypt::Test;

require_or_skip('python3');
require_or_skip('openssl');

my $tee = abs_path(dirname($0) . '/../tee/software_tee.py');
my $pki = PostgreSQL::Test::Utils::tempdir_short();
my $path = PostgreSQL::Test::Utils::tempdir_short() . '/helper';
system_or_bail('python3', $tee, 'pki', $pki);

my $node = new_node('server', allows_streaming => 1);
my $session;
my $nonces = 0;
sub new_nonce { return sprintf '%032x', ++$nonces }
sub call { return "SELECT bionic_crypt.attestation('\\x" . ($_[0] // new_nonce()) . "', true)" }

sub parts
{
	my ($bundle) = @_;
	my $json = decode_json($bundle);
	return ($json, map { decode_json(decode_base64($json->{$_})) } qw(statement endorsement));
}

sub restart_with
{
	my ($source) = @_;

	$session->quit if $session;
	$node->append_conf('postgresql.conf', "bionic_crypt.attestation_source = '$source'");
	$node->restart;
	$session = BionicCrypt::Session->new($node);
	return;
}

# The connection that comes because the session has begun to ask.  In the pause
# after a failure none comes, and the session asks anew.
sub accept_while_asking
{
	my ($listener, $nonce) = @_;
	my $select = IO::Select->new($listener);

	$session->begin(call($nonce));
	ok(wait_until(sub {
				return 1 if $select->can_read(0.02);
				$session->begin(call($nonce)) if $session->has_ended && defined $session->end;
				return 0;
			}),
		'the source is asked');
	return $listener->accept;
}

# All of a request: a line, or what HTTP has.
sub read_request
{
	my ($connection) = @_;
	my $request = '';

	while (sysread $connection, $request, 4096, length $request)
	{
		return $request if $request =~ /^\{.*\n\z/;
		return $request if $request =~ /^GET .*\r\n\r\n\z/s;
		return $request if $request =~ /^Content-Length: (\d+)\r\n(?:.*?\r\n)?\r\n(.*)\z/ims && length $2 >= $1;
	}
	return $request;
}

sub report
{
	my ($data) = @_;
	my $file = "$pki/report_data";

	open my $out, '>:raw', $file or die "$file: $!";
	print $out $data;
	close $out;
	my $report = `python3 $tee report $pki < $file`;
	die 'no report' if length $report != 1184;
	return $report;
}

sub base64 { return encode_base64($_[0], '') }

# One exchange with the helper; the argument makes the answer of report data.
sub helper_answers
{
	my ($listener, $answer, $nonce) = @_;
	my $connection = accept_while_asking($listener, $nonce);
	my $request = decode_json(read_request($connection));

	print $connection $answer->(decode_base64($request->{report_data}));
	close $connection;
	return $session->end;
}

sub fails_with
{
	my ($reason, $what) = @_;

	is($session->last_state, 'KM008', $what);
	like($session->stderr, $reason, "$what: the reason");
	return;
}

my %good = (
	type => 'sev-snp',
	certificates => [ map { base64(slurp_file("$pki/$_.der")) } qw(vcek ask) ]);
my $good = sub { return encode_json({ %good, report => base64(report($_[0])) }) };

$node->append_conf('postgresql.conf', <<EOF);
max_connections = 100
restart_after_crash = on
bionic_crypt.attestation_interval = '100ms'
bionic_crypt.attestation_source = 'helper:$path'
EOF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION bionic_crypt');

# The helper.
$session = BionicCrypt::Session->new($node);
$session->query(call());
fails_with(qr{could not find socket "\Q$path\E": No such file}, 'no helper');
my $helper = IO::Socket::UNIX->new(Local => $path, Listen => 100) or die "$path: $!";

my $nonce = new_nonce();
my $bundle = helper_answers($helper, $good, $nonce);
my $policy = encode_json({ type => 'bionic_crypt/policy/v1', roots => [ slurp_file("$pki/ark.pem") ] });
is($session->query("SELECT bionic_crypt.verify_attestation(\$b\$$bundle\$b\$, '\\x$nonce', \$p\$$policy\$p\$) -> 'level'"),
	'1', 'evidence of a helper is genuine');

my @bad = (
	[ 'garbage', qr{the helper's answer is no evidence}, sub { 'garbage' } ],
	[ 'nothing', qr{the helper's answer is no evidence}, sub { '' } ],
	[ 'another type', qr{the helper's answer is no evidence},
		sub { encode_json({ type => 'none', report => base64('x') }) } ],
	[ 'nine certificates', qr{the helper's answer is no evidence},
		sub { encode_json({ %good, report => base64(report($_[0])), certificates => [ ($good{certificates}[0]) x 9 ] }) } ],
	[ 'too much', qr{the helper's answer is longer than 131072 bytes}, sub { 'x' x 131073 } ],
	[ 'a replayed report', qr{the report is not about what was asked},
		sub { encode_json({ %good, report => base64(report("\0" x 64)) }) } ],
	[ 'a report cut short', qr{a report of SEV-SNP has 1184 bytes, not 1183},
		sub { encode_json({ %good, report => base64(substr report($_[0]), 1) }) } ],
	[ 'a quote cut short', qr{no quote of TDX has 100 bytes},
		sub { encode_json({ type => 'tdx', report => base64('x' x 100) }) } ]);
for my $fault (@bad)
{
	my ($what, $reason, $answer) = @$fault;

	helper_answers($helper, $answer);
	fails_with($reason, "a helper gives $what");
	like(helper_answers($helper, $good), qr/sev-snp/, 'and then it is good again');
}

my $pcrs = [ map { sprintf '%064x', $_ } 1 .. 3 ];
my $azure = (parts(helper_answers($helper, sub {
				encode_json({ type => 'azure-snp-vtpm', report => base64('hcl'), certificates => $good{certificates},
						tpm_quote => base64('quote'), tpm_signature => base64('signature'), tpm_pcrs => $pcrs })
			})))[0]{evidence};
is_deeply([ @$azure{qw(type report tpm_quote tpm_signature tpm_pcrs)} ],
	[ 'azure-snp-vtpm', base64('hcl'), base64('quote'), base64('signature'), $pcrs ],
	'evidence of a vTPM is passed on whole');

# Certificates whose PEM wants a password, as a host could put them into its
# table: nobody is asked for one.
append_to_file("$pki/encrypted.pem", <<'PEM');
-----BEGIN CERTIFICATE-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF

AAAAAAAAAAAAAAAAAAAAAA==
-----END CERTIFICATE-----
PEM
$node->append_conf('postgresql.conf', "bionic_crypt.attestation_certificates = '$pki/encrypted.pem'");
$node->reload;
ok(wait_until(sub { $session->query('SHOW bionic_crypt.attestation_certificates') ne '' }), 'encrypted certificates');
helper_answers($helper, sub { encode_json({ type => 'sev-snp', report => base64(report($_[0])) }) });
fails_with(qr{file "\Q$pki\E/encrypted.pem" holds no certificate}, 'encrypted certificates');
unlike(slurp_file($node->logfile), qr/pass phrase/, 'and nobody is asked for their password');
$node->append_conf('postgresql.conf', "bionic_crypt.attestation_certificates = ''");
$node->reload;

# A helper that is silent: all wait for it, as many as there is room for; and
# there is still room for who wants no fresh evidence.
my $silent = accept_while_asking($helper);
my @others = map { BionicCrypt::Session->new($node) } 1 .. 56;
$_->begin(call()) for @others;
ok(wait_until(sub { grep { $_->has_ended } @others }), 'one of 57 is refused at once');
my $modest = BionicCrypt::Session->new($node);
$modest->begin(call() =~ s/true/false/r);
my ($refused) = grep { $others[$_]->has_ended } 0 .. $#others;
$others[$refused]->end;
is($others[$refused]->last_state, '53000', 'since there is no room');
splice @others, $refused, 1;
$session->end;
fails_with(qr{the helper did not answer within 10 seconds}, 'a silent helper');
close $silent;
$_->end for @others;
is(scalar(grep { $_->last_state eq 'KM008' } @others), 55, 'the others learn of the failure as well');
$modest->end;
is($modest->last_state, '00000', 'who wanted no fresh evidence has what was there');
$_->quit for @others, $modest;
is((parts(helper_answers($helper, $good)))[0]{evidence}{type}, 'sev-snp', 'there is room again');

# Reports have a pause between them.
$node->append_conf('postgresql.conf', "bionic_crypt.attestation_interval = '3s'");
$node->reload;
ok(wait_until(sub { $session->query('SHOW bionic_crypt.attestation_interval') eq '3s' }), 'a longer pause');
helper_answers($helper, $good);
my $began = time;
helper_answers($helper, $good);
cmp_ok(time - $began, '>', 2.5, 'who wants a fresh report too soon waits');
$node->append_conf('postgresql.conf', "bionic_crypt.attestation_interval = '100ms'");
$node->reload;

# A helper that is silent does not keep the server from its end.
$silent = accept_while_asking($helper);
$began = time;
$node->stop('fast');
cmp_ok(time - $began, '<', 5, 'the server ends while a helper is silent');
close $silent;
close $helper;
$session->quit;
$node->start;
$session = BionicCrypt::Session->new($node);

# What HTTP answers: status, then the body.
sub http_answers
{
	my ($listener, $status, $answer) = @_;
	my $connection = accept_while_asking($listener);
	my $request = read_request($connection);
	my $body = ref $answer ? $answer->($request) : $answer;

	print $connection "HTTP/1.1 $status\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: "
	  . length($body) . "\r\nConnection: close\r\n\r\n$body";
	close $connection;
	return ($session->end, $request);
}

# Confidential Space: a token from the launcher's socket.
unlink $path;
my $launcher = IO::Socket::UNIX->new(Local => $path, Listen => 10) or die "$path: $!";
restart_with("confidential-space:$path");
my $asked;
($bundle, $asked) = http_answers($launcher, '200 OK', "eyJh.eyJi.c2ln\n");
is_deeply((parts($bundle))[0]{evidence}, { type => 'confidential-space', report => base64('eyJh.eyJi.c2ln') }, 'a token');
like($asked, qr{^POST /v1/token HTTP/1.1\r\n}, 'the launcher is asked for one');
my ($body) = $asked =~ /\r\n\r\n(.*)\z/s;
my $wanted = decode_json($body);
is("$wanted->{audience} $wanted->{token_type}", 'bionic_crypt/attestation/v1 OIDC', 'for our audience');
like($wanted->{nonces}[0], qr/^[\w-]{86}\z/, 'and our nonce');
for my $fault (
	[ '200 OK', 'garbage', qr{the launcher's answer is no token} ],
	[ '200 OK', "eyJh.eyJi.c2ln\0", qr{the launcher's answer is no token} ],
	[ '500 Oops', 'eyJh.eyJi.c2ln', qr{answered with HTTP status 500} ],
	[ '302 Elsewhere', '', qr{answered with HTTP status 302} ],
	[ '200 OK', 'x' x 131073, qr{could not ask} ])
{
	my ($status, $answer, $reason) = @$fault;

	http_answers($launcher, $status, $answer);
	fails_with($reason, "the launcher says $status " . length($answer));
	http_answers($launcher, '200 OK', 'eyJh.eyJi.c2ln');
	is($session->last_state, '00000', 'and then it is good again');
}
close $launcher;

# Confidential Containers: the agent's evidence, at a loopback address.
my $agent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 10) or die "listen: $!";
restart_with('coco:http://127.0.0.1:' . $agent->sockport);
my $quote = sub {
	my ($data) = $_[0] =~ m{^GET /aa/evidence\?encoding=base64&runtime_data=(\S+) };
	$data =~ s/%(..)/chr hex $1/ge;
	return encode_json({ cc_eventlog => '', quote => base64(pack('v x566', 4) . decode_base64($data) . 'rest') });
};
($bundle) = http_answers($agent, '200 OK', $quote);
is((parts($bundle))[0]{evidence}{type}, 'tdx', 'the agent\'s quote is one of TDX');
($bundle) = http_answers($agent, '200 OK', '{"attestation_report":{}}');
is_deeply((parts($bundle))[0]{evidence}, { type => 'coco', report => base64('{"attestation_report":{}}') },
	'what else it says is passed on');
http_answers($agent, '200 OK', 'garbage');
fails_with(qr{the answer of the attestation agent cannot be read}, 'an agent gives garbage');
close $agent;

# Our own address, where somebody listens: a datagram's socket knows it.
SKIP:
{
	my $route = IO::Socket::INET->new(Proto => 'udp', PeerAddr => '192.0.2.1', PeerPort => 9);
	skip 'no network', 3 if !$route;
	$agent = IO::Socket::INET->new(LocalAddr => $route->sockhost, Listen => 10) or die "listen: $!";
	restart_with('coco:http://' . $agent->sockhost . ':' . $agent->sockport);
	$session->query(call());
	fails_with(qr{could not ask "http://}, 'an address that is no loopback');
	ok(!IO::Select->new($agent)->can_read(0), 'nobody was asked there');
}
restart_with('sev-guest:/dev/null');
$session->query(call());
fails_with(qr{could not get a report from "/dev/null": Inappropriate ioctl}, 'a device that is none');

# None: the instance key vouches for itself, and is another after each end.
restart_with('none');
my %key;
my $remember = sub { $key{ (parts($session->query(call())))[2]{instance_key} }++; return };
$remember->();
$remember->();
is(scalar keys %key, 1, 'one instance key');
my ($attester) = child_pids($node, qr/bionic_crypt attester/);
kill 'TERM', $attester;
ok(wait_until(sub { my ($pid) = child_pids($node, qr/bionic_crypt attester/); $pid && $pid != $attester }),
	'an attester that was ended is started again');
$remember->();
is(scalar keys %key, 2, 'with another key');
($attester) = child_pids($node, qr/bionic_crypt attester/);
is(slurp_file("/proc/$attester/limits") =~ /^Max core file size\s+0\s+0/m ? 'none' : 'some', 'none', 'it dumps no core');
kill 'KILL', $attester;
$session->end if wait_until(sub { $session->begin('SELECT 1') if !$session->{gone}; $session->end; $session->{gone} });
$session->quit;
ok(wait_until(sub { $node->psql('postgres', 'SELECT 1') == 0 }), 'the server is back after a crash of it');
$session = BionicCrypt::Session->new($node);
$remember->();
is(scalar keys %key, 3, 'with another key');
$bundle = $session->query(call());
is($session->query("SELECT bionic_crypt.verify_attestation(\$b\$$bundle\$b\$, '\\x" . sprintf('%032x', $nonces) . "') -> 'accepted'"),
	'false', 'who demands hardware refuses it');

# A standby has an attester and a key of its own.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
my $primary_says = (parts($session->query(call())))[1];
my ($bundle_there, $standby_says, $its_endorsement) = parts($standby->safe_psql('postgres', call()));
ok($standby_says->{server}{in_recovery} && !$primary_says->{server}{in_recovery}, 'a standby says that it is one');
is($standby_says->{server}{system_identifier}, $primary_says->{server}{system_identifier}, 'of the same system');
ok(!$key{ $its_endorsement->{instance_key} }, 'with a key of its own');
$standby->stop;

# Off, and what is no source.
restart_with('off');
is($session->state(call()), '55000', 'off');
is_deeply([ child_pids($node, qr/bionic_crypt attester/) ], [], 'and no attester runs');
$session->quit;
$node->stop;
for my $invalid ('', 'helper', 'helper:', 'none:', 'none:x', 'configfsx', 'tpm')
{
	$node->append_conf('postgresql.conf', "bionic_crypt.attestation_source = '$invalid'");
	is($node->start(fail_ok => 1), 0, "no server starts with the source \"$invalid\"");
}
like(slurp_file($node->logfile), qr/invalid value for parameter "bionic_crypt.attestation_source": "tpm"/, 'and it says so');
$node->append_conf('postgresql.conf',
	"bionic_crypt.attestation_source = 'none'\nshared_preload_libraries = ''");
$node->start;
is(sqlstate($node, call()), '55000', 'not preloaded');
$node->stop;

done_testing();
