# A real OpenBao server for a script: on loopback, over TLS, with a certificate
# of a CA of its own, a Transit engine at transit/ and an audit log.  It keeps
# its data while it is stopped, and is gone when the script ends.
#
#	my $bao = BionicCrypt::OpenBao->new;
#	$bao->create_key('kek');
#	$bao->write_policy('may_use', 'transit/encrypt/kek', 'transit/decrypt/kek');
#	my $token_file = $bao->token_file('may_use');
#	$node->safe_psql('postgres', $bao->create_server('acme_vault', token_file => $token_file));
#	$bao->requests(qr{^transit/decrypt/})	how often it was asked
#	$bao->stop; $bao->seal; $bao->pause;	and start, unseal, resume
#
# No secret is an argument of a program: curl reads tokens from its input.

package BionicCrypt::OpenBao;

use strict;
use warnings;

use IPC::Run;
use JSON::PP;
use MIME::Base64 qw(encode_base64url);
use POSIX qw(:sys_wait_h);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Test;

my $program = $ENV{BIONIC_CRYPT_TEST_BAO} // '/usr/bin/bao';
my @servers;
my $json = JSON::PP->new->utf8->canonical;

# Ends the script here if there is no OpenBao.
sub require_or_skip_all
{
	require_or_skip('vault', -x $program);
	return;
}

sub new
{
	my ($class) = @_;
	my $self = bless {
		dir => PostgreSQL::Test::Utils::tempdir('openbao'),
		port => PostgreSQL::Test::Cluster::get_free_port(),
		files => 0,
		audited => 0,		# bytes of the audit log
		paths => [],		# in them
	  }, $class;
	my $cluster_port = PostgreSQL::Test::Cluster::get_free_port();
	my $dir = $self->{dir};

	push @servers, $self;
	mkdir "$dir/data";
	$self->make_ca('ca');
	$self->{cert} = $self->make_cert('server', 'serverAuth', 'IP:127.0.0.1');
	$self->write_file("$dir/config.hcl", <<"HCL");
storage "raft" {
	path = "$dir/data"
	node_id = "alone"
	performance_multiplier = 1
}
listener "tcp" {
	address = "127.0.0.1:$self->{port}"
	tls_cert_file = "$self->{cert}.pem"
	tls_key_file = "$self->{cert}.key"
}
audit "file" "log" {
	options { file_path = "$dir/audit.log" }
}
api_addr = "https://127.0.0.1:$self->{port}"
cluster_addr = "https://127.0.0.1:$cluster_port"
HCL

	$self->start;
	my $made = $self->api(PUT => 'sys/init', { secret_shares => 1, secret_threshold => 1 });
	$self->{unseal_key} = $made->{keys}[0];
	$self->{root_token} = $made->{root_token};
	$self->unseal;
	$self->mount('transit', type => 'transit');
	return $self;
}

# The statement that makes a server of it; further options are the server's.
sub create_server
{
	my ($self, $name, %option) = @_;

	%option = (provider => 'vault', address => $self->address, ca_file => $self->ca_file, %option);
	return "CREATE SERVER $name FOREIGN DATA WRAPPER bionic_crypt OPTIONS ("
	  . join(', ', map { "$_ '$option{$_}'" } sort keys %option) . ')';
}

sub address { return "https://127.0.0.1:$_[0]{port}" }
sub port { return $_[0]{port} }
sub ca_file { return "$_[0]{dir}/ca.pem" }
sub cert { return $_[0]{cert} }		# of the server: without .pem and .key
sub dir { return $_[0]{dir} }
sub root_token { return $_[0]{root_token} }


# Files and certificates

# A file that only its owner may read; the answer is its path.
sub write_file
{
	my ($self, $path, $content) = @_;

	unlink $path;
	my $mask = umask 0077;
	open my $file, '>', $path or die "$path: $!";
	umask $mask;
	print $file $content;
	close $file or die "$path: $!";
	return $path;
}

sub secret_file
{
	my ($self, $content) = @_;
	return $self->write_file("$self->{dir}/secret_" . ++$self->{files}, $content);
}

sub openssl
{
	my ($self, @arguments) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run([ 'openssl', @arguments ], '<', \undef, '>', \$out, '2>', \$err)
	  or die "openssl $arguments[0]: $err";
	return $out;
}

sub new_key
{
	my ($self, $path) = @_;
	my $mask = umask 0077;

	$self->openssl(qw(genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out), $path);
	umask $mask;
	return $path;
}

# NAME.pem and NAME.key; the answer is the path of the first.
sub make_ca
{
	my ($self, $name) = @_;
	my $path = "$self->{dir}/$name";

	$self->new_key("$path.key");
	$self->openssl(qw(req -x509 -new -days 2 -addext), 'keyUsage=critical,keyCertSign',
		'-subj', "/CN=$name", '-key', "$path.key", '-out', "$path.pem");
	return "$path.pem";
}

# NAME.pem and NAME.key, signed by our CA; the answer is their path without
# the endings.
sub make_cert
{
	my ($self, $name, $usage, $subject_alt_name) = @_;
	my $path = "$self->{dir}/$name";

	$self->new_key("$path.key");
	$self->openssl('req', '-new', '-key', "$path.key", '-subj', "/CN=$name", '-out', "$path.csr");
	$self->write_file("$path.ext", "extendedKeyUsage=$usage\nsubjectAltName=$subject_alt_name\n");
	$self->openssl(qw(x509 -req -days 2 -CAcreateserial -in), "$path.csr", '-extfile', "$path.ext",
		'-CA', $self->ca_file, '-CAkey', "$self->{dir}/ca.key", '-out', "$path.pem");
	return $path;
}


# The process

# Stopped and then started, it is sealed until unseal().
sub start
{
	my ($self) = @_;
	my $log = "$self->{dir}/server.log";

	$self->{pid} = fork // die "fork: $!";
	if ($self->{pid} == 0)
	{
		chdir $self->{dir};
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', $log;
		open STDERR, '>&', \*STDOUT;
		# It goes when we are killed, too.
		exec(qw(setpriv --pdeathsig KILL), $program, 'server', '-config=config.hcl')
		  or POSIX::_exit(127);
	}
	wait_until(sub {
			die 'OpenBao did not start: ' . slurp_file($log) if waitpid($self->{pid}, WNOHANG);
			return eval { $self->api(GET => 'sys/seal-status') };
		}) or die 'OpenBao does not answer';
	return;
}

sub stop
{
	my ($self) = @_;

	return unless $self->{pid};
	kill 'KILL', $self->{pid};
	waitpid $self->{pid}, 0;
	delete $self->{pid};
	return;
}

# It accepts connections, and answers nothing.
sub pause
{
	my ($self) = @_;

	kill 'STOP', $self->{pid};
	wait_until(sub { slurp_file("/proc/$self->{pid}/stat") =~ /\) T / }) or die 'it does not stop';
	return;
}

sub resume { kill 'CONT', $_[0]{pid}; return }

sub seal { $_[0]->api(PUT => 'sys/seal'); return }

sub unseal
{
	my ($self) = @_;

	$self->api(PUT => 'sys/unseal', { key => $self->{unseal_key} });
	wait_until(sub { eval { $self->api(GET => 'sys/health') } }) or die 'OpenBao stays sealed';
	return;
}

# A script that dies leaves nothing behind.
END
{
	my $status = $?;
	$_->stop for @servers;
	$? = $status;
}


# The API

# Options: token, namespace, content (as JSON).  Dies of what is refused.
sub api
{
	my ($self, $method, $path, $content, %option) = @_;
	my %setting = (
		url => $self->address . "/v1/$path",
		cacert => $self->ca_file,
		request => $method,
		'write-out' => '\n%{http_code}',
		'max-time' => 60);
	my @headers;
	my ($out, $err) = ('', '');

	my $token = $option{token} // $self->{root_token};
	push @headers, "X-Vault-Token: $token" if defined $token;
	push @headers, "X-Vault-Namespace: $option{namespace}" if $option{namespace};
	$setting{'data-binary'} = $json->encode($content) if $content;
	my $config = join '', map { curl_setting($_, $setting{$_}) } sort keys %setting;
	$config .= curl_setting('header', $_) for @headers;

	IPC::Run::run([qw(curl -q --silent --show-error --noproxy * --config -)],
		'<', \$config, '>', \$out, '2>', \$err)
	  or die "$method $path: $err";
	my ($body, $status) = $out =~ /^(.*)\n(\d+)$/s or die "$method $path: $out";
	die "$method $path: $status $body" if $status >= 300;
	return $body eq '' ? {} : $json->decode($body);
}

sub curl_setting
{
	my ($name, $value) = @_;

	$value =~ s/(["\\])/\\$1/g if $name ne 'write-out';
	return "$name = \"$value\"\n";
}

# The paths of all requests that reached it, refused ones too, in their order.
sub requested
{
	my ($self) = @_;

	# The end of the log may be a line that is being written.
	my ($lines) = slurp_file("$self->{dir}/audit.log", $self->{audited}) =~ /^(.*\n)/s or return @{ $self->{paths} };
	$self->{audited} += length $lines;
	push @{ $self->{paths} }, map { $_->{request}{path} } grep { $_->{type} eq 'request' }
	  map { $json->decode($_) } split /\n/, $lines;
	return @{ $self->{paths} };
}

# How many there were of such paths.
sub requests
{
	my ($self, $path) = @_;
	return scalar grep { $_ =~ $path } $self->requested;
}


# Keys, policies, and who may log in.  %option: namespace.

sub mount
{
	my ($self, $path, %config) = @_;
	my %option = (namespace => delete $config{namespace});

	$self->api(POST => "sys/mounts/$path", \%config, %option);
	return;
}

# No AppRole is locked out after some logins that failed: tests make many.
sub enable_auth
{
	my ($self, $type, $path) = @_;
	$path //= $type;

	$self->api(POST => "sys/auth/$path", { type => $type });
	$self->api(POST => "sys/auth/$path/tune", { user_lockout_config => { lockout_disable => JSON::PP::true } })
	  if $type eq 'approle';
	return;
}

sub create_key
{
	my ($self, $name, %config) = @_;
	my $mount = delete $config{mount} // 'transit';
	my %option = (namespace => delete $config{namespace});

	$self->api(POST => "$mount/keys/$name", \%config, %option);
	return;
}

# A policy that lets its holder call these paths; the last argument may be
# options.
sub write_policy
{
	my ($self, $name, @paths) = @_;
	my %option = ref $paths[-1] ? %{ pop @paths } : ();

	$self->api(PUT => "sys/policies/acl/$name",
		{ policy => join "\n", map { qq(path "$_" { capabilities = ["update"] }) } @paths },
		%option);
	return;
}

sub delete_policy
{
	my ($self, $name) = @_;

	$self->api(DELETE => "sys/policies/acl/$name");
	return;
}

# A new token.
sub token
{
	my ($self, $policies, %config) = @_;
	my %option = (namespace => delete $config{namespace});

	return $self->api(POST => 'auth/token/create', { policies => [ split /,/, $policies ], %config }, %option)
	  ->{auth}{client_token};
}

sub token_file { my $self = shift; return $self->secret_file($self->token(@_)) }

# A role of AppRole, at auth/approle/ unless the option mount says otherwise;
# the answer is its role_id.
sub create_approle
{
	my ($self, $name, $policies, %config) = @_;
	my $mount = delete $config{mount} // 'approle';

	$self->api(POST => "auth/$mount/role/$name", { token_policies => $policies, %config });
	return $self->api(GET => "auth/$mount/role/$name/role-id")->{data}{role_id};
}

sub secret_id
{
	my ($self, $name, $mount) = @_;

	return $self->api(POST => 'auth/' . ($mount // 'approle') . "/role/$name/secret-id", {})
	  ->{data}{secret_id};
}

# JWTs signed by a key of ours are a login at auth/$mount/ from now on.
sub enable_jwt
{
	my ($self, $mount) = @_;
	my $key = "$self->{dir}/jwt.key";

	$self->new_key($key) unless -e $key;
	$self->enable_auth('jwt', $mount);
	$self->api(POST => "auth/$mount/config",
		{ jwt_validation_pubkeys => [ $self->openssl('pkey', '-in', $key, '-pubout') ] });
	return;
}

# A role that admits JWTs with this subject, for this audience.
sub create_jwt_role
{
	my ($self, $mount, $name, $subject, $policies, %option) = @_;

	$self->api(POST => "auth/$mount/role/$name",
		{
			role_type => 'jwt',
			user_claim => 'sub',
			bound_audiences => [ $option{audience} // 'bionic_crypt' ],
			bound_subject => $subject,
			token_policies => $policies,
		});
	return;
}

# ES256; openssl writes a signature in DER, a JWT has two numbers of 32 bytes.
# Options: audience; others are claims.
sub jwt
{
	my ($self, $subject, $seconds, %option) = @_;
	my $audience = delete $option{audience} // 'bionic_crypt';
	my $claims = { sub => $subject, aud => $audience, iat => time, exp => time + $seconds, %option };
	my $text = join '.', map { encode_base64url($json->encode($_)) } { alg => 'ES256' }, $claims;

	my $file = $self->secret_file($text);
	my $der = $self->openssl('dgst', '-sha256', '-sign', "$self->{dir}/jwt.key", $file);
	unlink $file;
	my @numbers = map { substr "\0" x 32 . $_, -32 } unpack 'x2 xC/a xC/a', $der;
	return $text . '.' . encode_base64url(join '', @numbers);
}

# From now on, one request an hour to a path is enough; or the end of that.
sub limit_rate
{
	my ($self, $path) = @_;

	$self->api(POST => 'sys/quotas/rate-limit/limit', { path => $path, rate => 1, interval => '1h' });
	return;
}

sub unlimit_rate { $_[0]->api(DELETE => 'sys/quotas/rate-limit/limit'); return }

1;
