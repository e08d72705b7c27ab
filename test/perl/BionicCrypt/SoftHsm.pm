# SoftHSM for a script: tokens in a folder of its own, and test/kms/bad_module.c
# in front of it, which does to its process what it is told.
#
#	my $hsm = BionicCrypt::SoftHsm->new;	before the node starts: modules
#					find their configuration in the environment
#	$hsm->create_token('acme');
#	$hsm->create_key('acme', 'kek');
#	$node->append_conf('postgresql.conf', $hsm->settings);
#	$node->safe_psql('postgres', $hsm->create_server('acme_hsm', token_label => 'acme'));
#	$hsm->delete_key('acme', 'kek'); $hsm->restore_key('acme', 'kek');
#	module_path => $hsm->bad_module
#	$hsm->tell('C_Encrypt segv');	$hsm->tell;
#	$hsm->calls('C_Login')			how often the bad module was called
#	$hsm->helpers				process ids of helpers, below any key worker

package BionicCrypt::SoftHsm;

use strict;
use warnings;

use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Spec;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Test;

my $module = $ENV{BIONIC_CRYPT_TEST_PKCS11} // '/usr/lib/softhsm/libsofthsm2.so';
my $source = File::Spec->rel2abs(dirname(__FILE__) . '/../../kms/bad_module.c');
my %pin = (user => 'PIN-of-user-1234', officer => 'PIN-of-officer-5678');

# Ends the script here if there is no SoftHSM.
sub require_or_skip_all
{
	require_or_skip('pkcs11',
		-r $module && !grep { !find_program($_) } qw(softhsm2-util pkcs11-tool));
	return;
}

sub find_program
{
	my ($name) = @_;
	return grep { -x "$_/$name" } File::Spec->path;
}

sub new
{
	my ($class) = @_;
	my $dir = PostgreSQL::Test::Utils::tempdir('softhsm');
	my $self = bless { dir => $dir, files => 0 }, $class;

	mkdir "$dir/$_" for qw(tokens bad);
	append_to_file("$dir/softhsm2.conf", <<"CONF");
directories.tokendir = $dir/tokens
objectstore.backend = file
log.level = ERROR
CONF
	$ENV{SOFTHSM2_CONF} = "$dir/softhsm2.conf";
	$ENV{BIONIC_CRYPT_BAD_MODULE} = "$dir/bad";
	$ENV{BIONIC_CRYPT_BAD_MODULE_GOOD} = $module;
	return $self;
}

sub module { return $module }
sub pin { return $pin{user} }
sub dir { return $_[0]{dir} }

# The settings of a node: both modules are allowed.
sub settings
{
	my ($self) = @_;
	return "bionic_crypt.pkcs11_modules = '$module, " . $self->bad_module . "'\n";
}

# Compiled when it is first asked for.
sub bad_module
{
	my ($self) = @_;
	my $path = "$self->{dir}/bad_module.so";

	if (!-e $path)
	{
		chomp(my $flags = `pkg-config --cflags p11-kit-1 2>/dev/null` || '-I/usr/include/p11-kit-1');
		run_log([ $ENV{CC} // 'cc', qw(-shared -fPIC -O1), split(' ', $flags), '-o', $path, $source, '-ldl' ])
		  or BAIL_OUT('cannot build test/kms/bad_module.c');
	}
	return $path;
}

# A file that only its owner may read, written in one go.
sub secret_file
{
	my ($self, $content, $path) = @_;
	$path //= "$self->{dir}/pin_" . ++$self->{files};
	my $mask = umask 0077;

	unlink "$path.new";
	append_to_file("$path.new", "$content\n");
	umask $mask;
	rename "$path.new", $path or die "$path: $!";
	return $path;
}

# The statement that makes a server of a token; further options are the server's.
sub create_server
{
	my ($self, $name, %option) = @_;

	%option = (provider => 'pkcs11', module_path => $module, pin_file => $self->{pin_file} //= $self->secret_file($pin{user}), %option);
	return "CREATE SERVER $name FOREIGN DATA WRAPPER bionic_crypt OPTIONS ("
	  . join(', ', map { "$_ '$option{$_}'" } sort keys %option) . ')';
}


# Tokens and keys

sub run
{
	my (@command) = @_;
	my ($out, $err) = ('', '');

	IPC::Run::run(\@command, '<', \undef, '>', \$out, '2>', \$err) or die "@command: $out$err";
	return $out;
}

sub create_token
{
	my ($self, $label) = @_;

	run(qw(softhsm2-util --init-token --free --label), $label, '--so-pin', $pin{officer}, '--pin', $pin{user});
	return;
}

# The serial numbers of tokens of a label.
sub serials
{
	my ($self, $label) = @_;
	my @slots = split /^Slot /m, run(qw(softhsm2-util --show-slots));

	return map { /Serial number:\s+(\w+)/ } grep { /Label:\s+\Q$label\E\s*$/m } @slots;
}

sub tool
{
	my ($self, $label, @arguments) = @_;
	return run('pkcs11-tool', '--module', $module, '--token-label', $label, '--login', '--pin', $pin{user}, @arguments);
}

sub create_key
{
	my ($self, $label, $key, @options) = @_;

	$self->tool($label, qw(--keygen --key-type AES:32 --sensitive --private --label), $key, @options);
	return;
}

# A login by hand: the token forgets that a PIN was wrong.
sub log_in { my ($self, $label) = @_; $self->tool($label, '--list-objects'); return }

# The folder of a token.
sub folder
{
	my ($self, $label) = @_;
	my ($serial) = $self->serials($label);
	my ($folder) = grep { /\Q@{[substr($serial, -8)]}\E/ } glob "$self->{dir}/tokens/*";

	return $folder;
}

# What a backup of the device does: the key's file is put aside.
sub delete_key
{
	my ($self, $label, $key) = @_;
	my $folder = $self->folder($label);
	my $backup = "$self->{dir}/backup.$label.$key";

	mkdir $backup;
	copy($_, $backup) for glob "$folder/*.{object,lock}";
	$self->tool($label, qw(--delete-object --type secrkey --label), $key);
	return;
}

# SoftHSM looks at its files when one of its processes has changed something.
sub restore_key
{
	my ($self, $label, $key) = @_;
	my $folder = $self->folder($label);

	for my $file (glob "$self->{dir}/backup.$label.$key/*")
	{
		my $there = $folder . '/' . (File::Spec->splitpath($file))[2];
		copy($file, $there) if !-e $there;
	}
	$self->create_key($label, 'another');
	$self->tool($label, qw(--delete-object --type secrkey --label another));
	return;
}


# The bad module

# From now on it does this, by function; nothing: it is good.
sub tell
{
	my ($self, @lines) = @_;
	my $path = "$self->{dir}/bad/do";

	unlink "$path.new";
	append_to_file("$path.new", join '', map { "$_\n" } @lines);
	rename "$path.new", $path or die "$path: $!";
	return;
}

sub calls
{
	my ($self, $function) = @_;
	my $log = "$self->{dir}/bad/log";

	return -e $log ? scalar grep { $_ eq $function } split /\n/, slurp_file($log) : 0;
}

# What a helper process with the bad module is, as it saw itself.
sub process { my ($self, $name) = @_; return slurp_file("$self->{dir}/bad/process.$name") }

# Of the key workers of a node; its state is 'Z' when nobody has waited for it.
sub helpers
{
	my ($self, $node) = @_;
	my %worker = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', 'SELECT pid FROM bionic_crypt.key_worker()');
	my %found;

	for my $stat (glob '/proc/[0-9]*/stat')
	{
		my $text = eval { slurp_file($stat) } or next;
		my ($pid, $state, $parent) = $text =~ /^(\d+) \(bionic_crypt_pk\) (\w) (\d+)/ or next;
		$found{$pid} = $state if $worker{$parent};
	}
	return %found;
}

1;
