# bionic_crypt_vtpm against a TPM of software, whose NV indices hold what Azure's
# paravisor would put there: its evidence verifies, and what it cannot prove it
# does not answer.  Wants "make vtpm", swtpm and tpm2-tools; skipped without.

use strict;
use warnings;

use Cwd qw(abs_path);
use Digest::SHA qw(sha256 sha512);
use File::Basename qw(dirname);
use JSON::PP;
use MIME::Base64 qw(encode_base64 decode_base64 encode_base64url);
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Test;

my $root = dirname(abs_path($0)) . '/../..';
my $helper = "$root/bionic_crypt_vtpm";
my $verify = "$root/bionic-verify";
my $folder = PostgreSQL::Test::Utils::tempdir_short();

plan skip_all => 'needs "make vtpm"' if !-x $helper || !-x $verify;
plan skip_all => "needs $_" for grep { !have($_) } qw(swtpm tpm2_createak tpm2_nvwrite python3);

my $report_at = 0x01400001;
my $nv_len = 2048;		# the longest that swtpm has
my $report_data = sha512('what the server binds');
my $swtpm;

sub run_ok
{
	my @command = @_;

	system("{ @command; } >>$folder/log 2>&1") == 0 or die "@command: $?\n" . slurp_file("$folder/log");
}

sub write_file
{
	my ($name, $content) = @_;

	open my $out, '>:raw', "$folder/$name" or die "$folder/$name: $!";
	print $out $content;
	close $out;
	return "$folder/$name";
}

sub start_tpm
{
	mkdir "$folder/tpm";
	$swtpm = fork;
	die "fork: $!" if !defined $swtpm;
	if ($swtpm == 0)
	{
		open STDIN, '<', File::Spec->devnull;
		open STDOUT, '>>', "$folder/log";
		open STDERR, '>>', "$folder/log";
		exec 'swtpm', 'socket', '--tpm2', '--tpmstate', "dir=$folder/tpm",
		  '--server', "type=unixio,path=$folder/sock", '--ctrl', "type=unixio,path=$folder/sock.ctrl",
		  '--flags', 'not-need-init,startup-clear';
		die "swtpm: $!";
	}
	$ENV{TPM2TOOLS_TCTI} = "swtpm:path=$folder/sock";
	wait_until(sub { -S "$folder/sock.ctrl" && system("tpm2_getrandom -Q 1 >>$folder/log 2>&1") == 0 })
	  or die 'swtpm does not answer';
}

END
{
	my $status = $?;
	if ($swtpm) { kill 'KILL', $swtpm; waitpid $swtpm, 0; }
	$? = $status;
}

# What the paravisor puts into the TPM for these 64 bytes.
sub put_report
{
	my ($user_data) = @_;
	my ($modulus) = `openssl rsa -pubin -in $folder/ak.pem -noout -modulus` =~ /=([0-9A-F]+)/;
	my $claims = encode_json({
			keys => [ { kid => 'HCLAkPub', kty => 'RSA', e => 'AQAB', n => encode_base64url(pack 'H*', $modulus) } ],
			'user-data' => uc unpack 'H*', $user_data });
	my $bound = write_file('bound', sha256($claims) . "\0" x 32);

	run_ok("python3 $root/test/tee/software_tee.py report $folder/pki < $bound > $folder/snp");
	my $hcl = 'HCLA' . pack('V7', 1, 32 + 1184 + 20 + length $claims, 2, 0, 0, 0, 0)
	  . slurp_file("$folder/snp") . pack('V5', 20 + length $claims, 1, 2, 1, length $claims) . $claims;
	my $file = write_file('hcl', $hcl . "\0" x ($nv_len - length $hcl));
	run_ok("tpm2_nvwrite -Q -C o -i $file $report_at");
}

# Its exit code, what it said, and what it complained about.
sub ask
{
	my ($line, @options) = @_;
	my $request = write_file('request', $line);
	my $command = join ' ', $helper, '--tcti', "swtpm:path=$folder/sock", '--wait', 0,
	  (@options ? @options : ('--certificates', "$folder/certificates"));
	my $out = `$command < $request 2> $folder/err`;

	return ($? >> 8, $out, slurp_file("$folder/err"));
}

sub request { return encode_json({ report_data => encode_base64($_[0], '') }) . "\n" }

sub refuses
{
	my ($name, $reason, $line, @options) = @_;
	my ($code, $out, $err) = ask($line, @options);

	ok($code == 1 && $out eq '' && $err =~ $reason, $name) or diag "$code: $out$err";
}

start_tpm();
run_ok("tpm2_createek -Q -c 0x81010001 -G rsa");
run_ok("tpm2_createak -Q -C 0x81010001 -c $folder/ak.ctx -G rsa -g sha256 -s rsassa");
run_ok("tpm2_flushcontext -s; tpm2_flushcontext -t; tpm2_evictcontrol -Q -C o -c $folder/ak.ctx 0x81000003");
run_ok("tpm2_readpublic -Q -c 0x81000003 -f pem -o $folder/ak.pem");
run_ok("python3 $root/test/tee/software_tee.py pki $folder/pki");
write_file('certificates', join '', map { slurp_file("$folder/pki/$_.pem") } qw(vcek ask ark));

refuses('without a report of the paravisor', qr/could not find the paravisor's report/, request($report_data));
run_ok("tpm2_nvdefine -Q -C o -s $nv_len -a 'ownerread|ownerwrite' $report_at");
put_report("\0" x 64);
refuses('a report for other data', qr/made no report for the data within 0 s/, request($report_data));
put_report($report_data);

my ($code, $out, $err) = ask(request($report_data));
my $evidence = $code == 0 ? decode_json($out) : {};
is($code, 0, 'a report for the data') or diag $err;
is($evidence->{type}, 'azure-snp-vtpm', 'is evidence of its type');
is(scalar @{ $evidence->{tpm_pcrs} }, 24, 'with all PCRs');
is(scalar @{ $evidence->{certificates} }, 3, 'and the certificates that it was given');
is(unpack('H*', sha256($report_data)), substr(unpack('H*', decode_base64($evidence->{tpm_quote})), 88, 64),
	'the quote binds the hash of the data');

# by the program of a customer, who trusts the test's root
my @parts = map { ("--$_" =~ s/_/-/r, write_file($_, decode_base64($evidence->{$_}))) } qw(report tpm_quote tpm_signature);
my $policy = write_file('policy',
	encode_json({ type => 'bionic_crypt/policy/v1', roots => [ slurp_file("$folder/pki/ark.pem") ] }));
push @parts, map { ('--cert', write_file("cert$_", decode_base64($evidence->{certificates}[$_]))) } 0 .. 2;
push @parts, '--tpm-pcrs', write_file('pcrs', join '', map { pack 'H*', $_ } @{ $evidence->{tpm_pcrs} });
my $verdict = sub {
	my $data = unpack 'H*', $_[0];
	my $said = `$verify evidence --type azure-snp-vtpm --policy $policy --report-data $data @parts 2>&1`;
	return ($? >> 8, $said);
};
my ($verified, $said) = $verdict->($report_data);
is($verified, 0, 'bionic-verify takes it') or diag $said;
($verified, $said) = $verdict->(sha512('other data'));
is($verified, 1, 'but not for other data') or diag $said;

refuses('a report that was for others', qr/made no report for the data/, request(sha512('other data')));
refuses($_->[0], qr/the request is not a line of JSON/, $_->[1])
  for [ 'no JSON', "x\n" ], [ 'no data', "{}\n" ], [ 'too little', request('x' x 63) ], [ 'too much', request('x' x 65) ],
  [ 'no end of the line', request($report_data) =~ s/\n//r ], [ 'nothing', '' ], [ 'too long a line', ' ' x 300 . "{}\n" ];
refuses('certificates that are none', qr/has no certificate/, request($report_data), '--certificates', "$folder/policy");
refuses('no file of them', qr/could not open/, request($report_data), '--certificates', "$folder/nothing");
is((ask(request($report_data), '--tcti', 'x'))[0], 2, 'no certificates at all is a wrong usage');
refuses('no TPM', qr/could not open the TPM/, request($report_data), '--certificates', "$folder/certificates", '--tcti', 'device:/nonexistent');
run_ok('tpm2_evictcontrol -Q -C o -c 0x81000003');
refuses('a TPM without the attestation key', qr/could not find the attestation key/, request($report_data));

done_testing();
