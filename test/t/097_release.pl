# The signed manifests of releases: those in deploy/releases, and one made here.
# A manifest with any byte changed is refused, by deploy/manifest and by
# bionic-verify.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use File::Basename qw(basename dirname);
use File::Path qw(make_path);
use File::Spec;
use IPC::Run;
use JSON::PP;
use MIME::Base64;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Test;

my $root = File::Spec->rel2abs(dirname(__FILE__) . '/../..');
my $dir = PostgreSQL::Test::Utils::tempdir;
my $tool = "$root/deploy/manifest";
chomp(my $bindir = `pg_config --bindir`);
my ($verify) = grep { -x } "$bindir/bionic-verify", "$root/bionic-verify";
my $payload_type = 'application/vnd.in-toto+json';

sub spit
{
	my ($name, $text) = @_;

	make_path(dirname("$dir/$name"));
	open my $file, '>:raw', "$dir/$name" or die "$name: $!";
	print $file $text;
	close $file or die "$name: $!";
	return "$dir/$name";
}

# Quietly.
sub succeeds
{
	my $run = eval { IPC::Run::run(\@_, '>', \my $out, '2>', \my $err) };

	return $run ? 1 : 0;
}

sub new_key
{
	my ($name, @algorithm) = @_;

	succeeds('openssl', 'genpkey', '-algorithm', @algorithm, '-out', "$dir/$name.pem") or BAIL_OUT('openssl genpkey');
	system_or_bail('openssl', 'pkey', '-in', "$dir/$name.pem", '-pubout', '-out', "$dir/$name.pub.pem");
	return ("$dir/$name.pem", "$dir/$name.pub.pem");
}

# Who verifies, and how: true when the file is accepted.
my %verifier = ('deploy/manifest' => sub { succeeds($tool, 'digests', @_) });
$verifier{'bionic-verify'} = sub { succeeds($verify, 'manifest', $_[0], '--key', $_[1]) } if $verify;

sub verdicts
{
	my ($file, $key) = @_;

	return join ' ', map { $verifier{$_}->($file, $key) } sort keys %verifier;
}

my $all = join ' ', map { 1 } keys %verifier;
my $none = join ' ', map { 0 } keys %verifier;

# DSSE by its specification, with nothing of ours.
sub signature_is_right
{
	my ($text, $key) = @_;
	my $envelope = decode_json($text);
	my $payload = decode_base64($envelope->{payload});
	my $message = spit('pae', sprintf('DSSEv1 %d %s %d %s', length $payload_type, $payload_type, length $payload, $payload));
	my $signature = spit('sig', decode_base64($envelope->{signatures}[0]{sig}));

	return succeeds('openssl', 'pkeyutl', '-verify', '-rawin', '-pubin', '-inkey', $key, '-sigfile', $signature, '-in', $message);
}

# A byte of the payload, in the middle of a digest or anywhere else, of the
# signature, and what says how the payload is to be read.
sub altered
{
	my ($text) = @_;
	my %altered;

	for my $at (0, 0.1, 0.5, 0.9, 1)
	{
		my $envelope = decode_json($text);
		my $payload = decode_base64($envelope->{payload});
		my $byte = int($at * (length($payload) - 1));

		substr($payload, $byte, 1) ^= "\x01";
		$envelope->{payload} = encode_base64($payload, '');
		$altered{"byte $byte of the payload"} = encode_json($envelope);
	}
	for my $byte (0, 31, 32, 63)
	{
		my $envelope = decode_json($text);
		my $signature = decode_base64($envelope->{signatures}[0]{sig});

		substr($signature, $byte, 1) ^= "\x80";
		$envelope->{signatures}[0]{sig} = encode_base64($signature, '');
		$altered{"byte $byte of the signature"} = encode_json($envelope);
	}
	$altered{'type of the payload'} = $text =~ s/in-toto\+json/in-toto.json/r;
	$altered{'another member'} = $text =~ s/\A\{/{"more":1,/r;
	$altered{'no signature'} = $text =~ s/"signatures":\[.*?\]/"signatures":[]/r;
	$altered{'half of it'} = substr($text, 0, length($text) / 2);
	return %altered;
}

sub members { return join ' ', sort keys %{ $_[0] } }

# What deploy/release writes, and nothing else.
sub structure_is_strict
{
	my ($name, $text, $version, $key) = @_;
	my $envelope = decode_json($text);
	my $statement = decode_json(decode_base64($envelope->{payload}));
	my $definition = $statement->{predicate}{buildDefinition};
	my @subjects = @{ $statement->{subject} };
	my ($source, @libraries) = @{ $definition->{resolvedDependencies} };
	my $der = `openssl pkey -pubin -in $key -outform DER`;
	my %of_platform;

	is(($text =~ tr/\n//) . substr($text, -1), "1\n", "$name: one line");
	is(members($envelope), 'payload payloadType signatures', "$name: envelope");
	is(scalar(@{ $envelope->{signatures} }), 1, "$name: one signature");
	is($envelope->{signatures}[0]{keyid}, sha256_hex($der), "$name: name of the key");
	is(members($statement), '_type predicate predicateType subject', "$name: statement");
	is(members($statement->{predicate}), 'buildDefinition runDetails', "$name: predicate");
	is(members($definition), 'buildType externalParameters internalParameters resolvedDependencies', "$name: definition of the build");
	is_deeply($definition->{externalParameters}, { version => $version }, "$name: version");
	is_deeply([ grep { members($_) ne 'digest name' || members($_->{digest}) ne 'sha256' || $_->{digest}{sha256} !~ /^[0-9a-f]{64}\z/ } @subjects ],
		[], "$name: every subject has a digest, and no more");
	is(join(' ', map { $_->{name} } @subjects), join(' ', sort { $a cmp $b } map { $_->{name} } @subjects), "$name: in order");
	like(members($source->{digest}) . " $source->{digest}{gitCommit} $source->{digest}{gitTree}", qr/^gitCommit gitTree [0-9a-f]{40} [0-9a-f]{40}\z/, "$name: the source");
	is_deeply([ grep { $_->{digest}{sha256} !~ /^[0-9a-f]{64}\z/ || members($_->{annotations}) ne 'package platform version' } @libraries ],
		[], "$name: every library has digest, package and platform");

	push @{ $of_platform{ dirname($_->{name}) } }, basename($_->{name}) for @subjects;
	is(join(' ', @{ delete $of_platform{'.'} }), "bionic_crypt-$version.tar.gz", "$name: one archive");
	for my $platform (sort keys %of_platform)
	{
		my $files = join ' ', @{ $of_platform{$platform} };

		like($platform, qr{^postgresql-1[5-8]/[a-z]+-[a-z0-9.]+/[a-z0-9]+\z}, "$name: $platform");
		like($files, qr/\b\Q$_\E\b/, "$name: $platform: $_")
		  for 'bionic_crypt.so', 'bionic_crypt_pkcs11', 'bionic-verify', "bionic_crypt--$version.sql", 'image';
		cmp_ok(scalar(grep { $_->{annotations}{platform} eq $platform && $_->{name} =~ /^(?:postgres|libcrypto\.so\.3|libsodium\.so\.\d+)\z/ } @libraries),
			'==', 3, "$name: $platform: server and libraries");
		ok(scalar(grep { /^gcc-\d+=/ } @{ $definition->{internalParameters}{packages}{$platform} }), "$name: $platform: compiler");
	}
}

my ($private, $public) = new_key('key', 'ed25519');
my (undef, $other) = new_key('other', 'ed25519');
my ($no_ed25519) = new_key('p256', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256');

# A release of nothing, but complete.
my $platform = 'postgresql-15/debian-12/amd64';
my $digest = sha256_hex('');
spit("out/bionic_crypt-0.1.0.tar.gz", '');
spit("out/$platform/$_", $_) for 'bionic_crypt.so', 'bionic_crypt_pkcs11', 'bionic-verify', 'bionic_crypt--0.1.0.sql';
spit("out/$platform/image/index.json", qq({"manifests":[{"digest":"sha256:$digest"}]}));
spit("out/$platform/dependencies.tsv", join '', map { "$_\t$digest\ta-package\t1.0-1\n" } 'postgres', 'libcrypto.so.3', 'libsodium.so.23');
spit("out/$platform/x.buildinfo", "Installed-Build-Depends:\n gcc-12 (= 12.2.0-14),\n make (= 4.3-4.1)\nEnvironment:\n LANG=\"C\"\n");
my $made = "$dir/made.intoto.jsonl";
system_or_bail('sh', '-c', "'$tool' make '$dir/out' " . ('a' x 40) . ' ' . ('b' x 40) . " >$dir/statement");
system_or_bail('sh', '-c', "'$tool' sign '$private' <$dir/statement >$made");
ok(!succeeds('sh', '-c', "'$tool' sign '$no_ed25519' <$dir/statement"), 'a key of another kind signs nothing');

my %manifest = (made => [ $made, $public, '0.1.0' ]);
for (glob "$root/deploy/releases/*.intoto.jsonl")
{
	my $version = basename($_, '.intoto.jsonl');

	$manifest{"release $version"} = [ $_, "$root/deploy/releases/release_key.pub.pem", $version ];
}

for my $name (sort keys %manifest)
{
	my ($file, $key, $version) = @{ $manifest{$name} };
	my $text = slurp_file($file);
	my %altered = altered($text);

	ok(signature_is_right($text, $key), "$name: the signature is right");
	is(verdicts($file, $key), $all, "$name: accepted");
	is(verdicts($file, $other), $none, "$name: refused with another key");
	is(verdicts(spit('altered', $altered{$_}), $key), $none, "$name: refused: $_") for sort keys %altered;
	structure_is_strict($name, $text, $version, $key);
}

# bionic-verify finds a file by its bytes.
SKIP:
{
	skip 'no bionic-verify', 2 if !$verify;
	ok(succeeds($verify, 'manifest', $made, '--key', $public, '--file', "$dir/out/$platform/bionic_crypt.so"), 'a file of the release');
	ok(!succeeds($verify, 'manifest', $made, '--key', $public, '--file', spit('stranger', 'bionic_crypt.sp')), 'a file with another byte');
}

done_testing();
