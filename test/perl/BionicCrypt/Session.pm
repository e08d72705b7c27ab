# A psql that stays connected, so that a script can have several sessions and
# leave statements running in them.  PostgreSQL::Test has one from 16 on; ours
# is the same on all versions, and knows SQLSTATEs.
#
#	my $session = BionicCrypt::Session->new($node, tenant => 'acme');
#	is($session->query('SELECT content FROM chats'), 'Hello');
#	is($session->state('SELECT 1/0'), '22012');
#	$session->begin('SELECT ...');		runs on while the script goes on
#	is($session->end, '...');
#
# A session ends with its variable: one that stands for itself in a statement
# leaves no connection behind.
#
# Every wait ends with the script after PG_TEST_TIMEOUT_DEFAULT seconds.

package BionicCrypt::Session;

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Utils;

# Options: dbname, user, tenant.
sub new
{
	my ($class, $node, %option) = @_;
	my $connection = $node->connstr($option{dbname} // 'postgres');
	my $self = bless { in => '', out => '', err => '', number => 0, owner => $$ }, $class;

	$connection .= " user=$option{user}" if $option{user};
	$self->{psql} = IPC::Run::start(
		[ $node->installed_command('psql'), '-XAtq', '-d', $connection, '-f', '-' ],
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err});
	$self->query('\set VERBOSITY verbose');
	$self->{pid} = $self->query('SELECT pg_backend_pid()');
	$self->query("SET bionic_crypt.tenant = '$option{tenant}'") if defined $option{tenant};
	return $self;
}

sub pid { return $_[0]{pid} }

# What the last statement wrote to stderr, and the SQLSTATE of its error.
sub stderr { return $_[0]{last_err} }

sub last_state
{
	my ($self) = @_;

	return $1 if $self->{last_err} =~ /(?:ERROR|FATAL|PANIC):\s+([0-9A-Z]{5}):/;
	return $self->{gone} ? 'gone' : '00000';
}

# Runs SQL to its end; the answer is its output.
sub query
{
	my ($self, $sql) = @_;

	$self->begin($sql);
	return $self->end;
}

# Runs SQL to its end; the answer is its SQLSTATE.
sub state
{
	my ($self, $sql) = @_;

	$self->query($sql);
	return $self->last_state;
}

# Sends SQL, and does not wait for anything.
sub begin
{
	my ($self, $sql) = @_;
	my $number = ++$self->{number};

	$sql .= ';' if $sql !~ /^\\/ && $sql !~ /;\s*$/;
	$self->{in} .= "$sql\n\\echo end-$number\n\\warn end-$number\n";
	eval { $self->{psql}->pump_nb };
	return;
}

# Waits for what begin() sent; the answer is its output.
sub end
{
	my ($self) = @_;
	my $mark = qr/^end-$self->{number}\n/m;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;

	until ($self->has_ended)
	{
		die "no answer from the session of process " . ($self->{pid} // '') if time > $deadline;
		select(undef, undef, undef, 0.002);
	}
	$self->{gone} = 1 if $self->{out} !~ $mark;
	my ($out) = split $mark, $self->{out} . ' ', 2;
	($self->{last_err}) = split $mark, $self->{err} . ' ', 2;
	$self->{out} = $self->{err} = '';
	chomp $out;
	return $out;
}

# Whether what begin() sent is over, or the connection is.
sub has_ended
{
	my ($self) = @_;
	my $mark = qr/^end-$self->{number}\n/m;

	eval { $self->{psql}->pump_nb } if $self->{psql}->pumpable;
	return 1 if $self->{out} =~ $mark && $self->{err} =~ $mark;
	return $self->{err} =~ /connection to server was lost/ || !$self->{psql}->pumpable;
}

# Ends it; what is running is given up.
sub quit
{
	my ($self) = @_;

	return if !$self->{psql};
	$self->{in} .= "\\q\n";
	eval { $self->has_ended ? $self->{psql}->finish : $self->{psql}->kill_kill };
	delete $self->{psql};
	return;
}

# Not at the end of the script, when what it takes may be gone already, and not
# in a process that was forked.
sub DESTROY
{
	my ($self) = @_;
	local ($@, $?, $!);

	$self->quit if ${^GLOBAL_PHASE} ne 'DESTRUCT' && $self->{owner} == $$;
	return;
}

1;
