# Recorded evidence of real hardware, and altered copies of it: bionic-verify and
# verify_evidence() say of each what the collection's README says, and both the
# same.

use strict;
use warnings;

use Digest::SHA qw(sha512);
use File::Basename qw(basename dirname);
use JSON::PP;
use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Session;
use BionicCrypt::Test;

my $data = dirname(data_file('attestation/README.md'));
my $at = 1770000000;		# inside the life of all certificates but that of AWS
my $at_aws = 1735689600;
my $folder = PostgreSQL::Test::Utils::tempdir_short();
my $verify;

my $node = new_node('verifier');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION bionic_crypt');
$verify = $node->config_data('--bindir') . '/bionic-verify';
my $session = BionicCrypt::Session->new($node);

my %option_of = (
	report => '--report',
	tpm_quote => '--tpm-quote',
	tpm_signature => '--tpm-signature');

sub write_file
{
	my ($name, $content) = @_;

	open my $out, '>:raw', "$folder/$name" or die "$folder/$name: $!";
	print $out $content;
	close $out;
	return "$folder/$name";
}

sub base64_of { return encode_base64($_[0], '') }

# By the program: its verdict and its exit code.
sub by_program
{
	my ($evidence, $policy, $time) = @_;
	my @command = ($verify, 'evidence', '--json', '--at', $time, '--type', $evidence->{type},
		'--policy', write_file('policy', encode_json($policy)));
	my $n = 0;

	push @command, $option_of{$_}, write_file($_, $evidence->{$_}) for grep { defined $evidence->{$_} } sort keys %option_of;
	push @command, '--cert', write_file('cert' . $n++, $_) for @{ $evidence->{certificates} // [] };
	push @command, '--tpm-pcrs', write_file('pcrs', join '', @{ $evidence->{tpm_pcrs} }) if $evidence->{tpm_pcrs};
	open my $out, '-|', @command or die "$verify: $!";
	my $json = do { local $/; <$out> };
	close $out;
	return (decode_json($json), $? >> 8);
}

sub by_sql
{
	my ($evidence, $policy, $time) = @_;
	my %json = (type => $evidence->{type});

	$json{$_} = base64_of($evidence->{$_}) for grep { defined $evidence->{$_} } keys %option_of;
	$json{certificates} = [ map { base64_of($_) } @{ $evidence->{certificates} } ] if $evidence->{certificates};
	$json{tpm_pcrs} = [ map { unpack 'H*', $_ } @{ $evidence->{tpm_pcrs} } ] if $evidence->{tpm_pcrs};
	return decode_json($session->query("SELECT bionic_crypt.verify_evidence('" . encode_json(\%json) . "', '"
				. encode_json($policy) . "', to_timestamp($time))"));
}

# Both say the same, and it is this: a pattern of the reason, or that there is none.
sub verdict
{
	my ($what, $evidence, $reason, %option) = @_;
	my $policy = { type => 'bionic_crypt/policy/v1', %{ $option{policy} // {} } };
	my ($program, $code) = by_program($evidence, $policy, $option{at} // $at);
	my $sql = by_sql($evidence, $policy, $option{at} // $at);

	if ($reason)
	{
		like($program->{reason} // 'accepted', $reason, "$what: refused");
		is($code, 1, "$what: exit code");
	}
	else
	{
		is($program->{reason}, undef, "$what: accepted");
		is($code, 0, "$what: exit code");
	}
	is_deeply([ @$sql{qw(accepted reason checks report_data measurement)} ],
		[ @$program{qw(accepted reason checks report_data measurement)} ], "$what: the same in SQL");
	return $program;
}

sub snp
{
	my ($report, $certificate) = @_;
	return {
		type => 'sev-snp',
		report => scalar slurp_file($report),
		certificates => [ scalar slurp_file($certificate) ]
	};
}

sub tdx { return { type => 'tdx', report => scalar slurp_file($_[0]) } }

sub azure
{
	my ($name, $quoted) = @_;
	my $from = "$data/azure/" . ($quoted // $name);

	return {
		type => 'azure-snp-vtpm',
		report => scalar slurp_file("$data/azure/$name/hcl_report.bin"),
		certificates => [ scalar slurp_file("$data/azure/$name/vek.der") ],
		tpm_quote => scalar slurp_file("$from/tpm_quote.msg"),
		tpm_signature => scalar slurp_file("$from/tpm_quote.sig"),
		tpm_pcrs => [ map { pack 'C*', @$_ } @{ decode_json(scalar slurp_file("$from/pcrs.json")) } ]
	};
}

# Genuine reports of SEV-SNP.
for my $sample (glob "$data/snp/*")
{
	my $name = basename($sample);
	my $evidence = snp("$sample/report.bin", "$sample/vek.der");
	my %time = $name =~ /vlek/ ? (at => $at_aws) : ();

	if ($name =~ /debug/)
	{
		verdict($name, $evidence, qr/guest is not open to debugging/);
		verdict("$name, allowed", $evidence, undef, policy => { allow_debug => JSON::PP::true });
		next;
	}
	verdict($name, $evidence, undef, %time);
}
my $aws = snp("$data/snp/milan-v3-vlek-aws/report.bin", "$data/snp/milan-v3-vlek-aws/vek.der");
verdict('a VLEK after its end', $aws, qr/certificate has expired/);
verdict('a VLEK of its owner', $aws, undef, at => $at_aws, policy => { csp_ids => ['CN=cc-us-east-2.amazonaws.com'] });
verdict('a VLEK of another owner', $aws, qr/processor is one that the policy names/,
	at => $at_aws, policy => { csp_ids => ['CN=example.com'] });
verdict('another chip\'s VCEK', snp("$data/snp/milan-v2/report.bin", "$data/snp/milan-v2-idblock-azure/vek.der"), qr/not true/);
verdict('another Turin\'s VCEK', snp("$data/snp/turin-v5-oak/report.bin", "$data/certs/amd-turin-other-vcek.der"), qr/not true/);

# What a policy may demand of them.
my $milan = snp("$data/snp/milan-v2/report.bin", "$data/snp/milan-v2/vek.der");
my $measurement = '7a1e5c266c0108db' . substr(unpack('H*', substr $milan->{report}, 0x90, 48), 16);
verdict('an image of the policy', $milan, undef,
	policy => { images => [ { name => 'one', covers => 'firmware', measurement => $measurement } ] });
verdict('no image of the policy', $milan, qr/measurement is of an image of the policy/,
	policy => { images => [ { name => 'other', covers => 'firmware', measurement => '00' x 48 } ] });
verdict('an image and what it lacks', $milan, qr/measurement is of an image of the policy/,
	policy => { images => [ { name => 'one', covers => 'image', measurement => $measurement, host_data => 'ff' x 32 } ] });
verdict('firmware that is new enough', $milan, undef, policy => { minimum_tcb => { Milan => { bootloader => 2 } } });
verdict('firmware that is too old', $milan, qr/firmware of the processor is new enough: Milan: microcode/,
	policy => { minimum_tcb => { Milan => { microcode => 255 } } });
verdict('a minimum for others', $milan, qr/the policy has no minimum for Milan/,
	policy => { minimum_tcb => { Genoa => { snp => 1 } } });
verdict('memory that nobody checked for aliases', $milan, qr/memory was checked for aliases/,
	policy => { require_alias_check => JSON::PP::true });
verdict('its chip', $milan, undef, policy => { chip_ids => [ unpack 'H*', substr $milan->{report}, 0x1a0, 64 ] });
verdict('another chip', $milan, qr/processor is one that the policy names/, policy => { chip_ids => [ '01' x 64 ] });
verdict('another type', $milan, qr/type of evidence is allowed: sev-snp/, policy => { evidence => ['tdx'] });
my $gcp = snp("$data/snp/milan-v5-gcp/report.bin", "$data/snp/milan-v5-gcp/vek.der");
verdict('another privilege level', $gcp, qr/privilege level of the guest is allowed: VMPL 1/, policy => { vmpl => [0] });

# One whose report data is known to bind a nonce and a key.
my $bound = "$data/snp/milan-v5-gcp-nonce";
my %known = slurp_file("$bound/nonce.txt") =~ /^(\w+)=([0-9a-f]+)$/mg;
my $digest = unpack 'H*', sha512(pack 'H*', $known{NONCE} . $known{X25519_KEY});
is(verdict('a nonce and a key', snp("$bound/report.bin", "$bound/vek.der"))->{report_data}, $digest, 'are in the report data');
for my $expected ([ $digest, 0 ], [ '00' x 64, 1 ])
{
	my $code = system("'$verify' evidence --at $at --type sev-snp --report '$bound/report.bin' --cert '$bound/vek.der'"
		  . " --report-data $expected->[0] >/dev/null") >> 8;
	is($code, $expected->[1], "exit code for report data " . substr $expected->[0], 0, 8);
}

# Quotes of TDX.
for my $quote (glob "$data/tdx/*.quote")
{
	my $name = basename($quote);

	if ($name =~ /debug/)
	{
		verdict($name, tdx($quote), qr/guest is not open to debugging/);
		verdict("$name, allowed", tdx($quote), undef, policy => { allow_debug => JSON::PP::true });
		next;
	}
	verdict($name, tdx($quote));
}
verdict('a quote before its certificates began', tdx("$data/tdx/v4-intel-prod.quote"), qr/not yet valid/, at => 1);

# Azure's paravisor and its vTPM.
verdict("azure $_", azure($_)) for qw(v1 v2);
verdict('azure: the report of one machine, the quote of another', azure('v2', 'v1'), qr/not true/);
my $pcrs = azure('v2');
substr $pcrs->{tpm_pcrs}[4], 0, 1, "\xff";
verdict('azure: another PCR', $pcrs, qr/not true/);
my $without = azure('v2');
delete @$without{qw(tpm_quote tpm_signature tpm_pcrs)};
verdict('azure: no quote', $without, qr/not true/);

# Altered copies.  s -> n - s is as good a signature.
for my $altered (glob "$data/tampered/*")
{
	my $name = basename($altered);
	my $evidence = $name =~ /^tdx/ ? tdx($altered) : snp($altered, "$data/snp/milan-v2/vek.der");

	verdict($name, $evidence, $name =~ /VALID/ ? undef : $name =~ /truncated|extended/ ? qr/1184 bytes long/ : qr/is signed by/);
}

# The tests' own root is nobody's but by a policy that names it.
my $test_root = slurp_file("$data/test-pki/ark.pem");
my $foreign = snp("$data/snp/milan-v2/report.bin", "$data/test-pki/vcek.der");
verdict('a certificate of a test', $foreign, qr/not true/);
verdict('a root that is not the report\'s', $milan, qr/not true/, policy => { roots => [$test_root] });

$session->quit;
$node->stop;

done_testing();
