# Databases of other encodings: what is encrypted is UTF-8 everywhere, and a
# tenant's name is of ASCII, so that both mean the same in a copy in UTF-8.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Test;

my $node = new_node('encodings', extra => ['--encoding=UTF8']);
my $cafe = "'caf' || chr(233)";
my $mojibake = "'caf' || chr(195) || chr(169)";
$node->start;
$node->safe_psql('postgres', "CREATE DATABASE latin1 ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'");

for my $dbname ('postgres', 'latin1')
{
	$node->safe_psql($dbname, q{
		CREATE EXTENSION bionic_crypt;
		SELECT bionic_crypt.create_tenant('acme');
		CREATE TABLE chats (content encrypted_text);
	});
}
is($node->safe_psql('latin1', q{
		SET bionic_crypt.tenant = 'acme';
		INSERT INTO chats SELECT 'caf' || chr(233);
		SELECT content::text = 'caf' || chr(233), bionic_crypt.belongs_to(content, 'acme') FROM chats;
	}), 't|t', 'a value in LATIN1');

# Names
is(sqlstate($node, "SELECT bionic_crypt.create_tenant($cafe)"), '00000', 'a name in UTF-8');
is(sqlstate($node, "SELECT bionic_crypt.create_tenant($cafe)", dbname => 'latin1'), '42602', 'none in LATIN1');
is(sqlstate($node, "SELECT bionic_crypt.create_tenant($mojibake)", dbname => 'latin1'), '42602',
	'nor one of the same bytes as in UTF-8');
is(sqlstate($node, "SELECT set_config('bionic_crypt.tenant', $cafe, false)"), '00000', 'the setting in UTF-8');
for my $name ($cafe, $mojibake)
{
	is(sqlstate($node, "SELECT set_config('bionic_crypt.tenant', $name, false)", dbname => 'latin1'),
		'22023', "not in LATIN1: $name");
}

# A value that was encrypted elsewhere belongs to no name in LATIN1.
my $value = $node->safe_psql('postgres', qq{
	SELECT set_config('bionic_crypt.tenant', $cafe, false);
	INSERT INTO chats SELECT 'text'::text;
	RESET bionic_crypt.tenant;
	COPY (SELECT content FROM chats WHERE bionic_crypt.belongs_to(content, $cafe)) TO STDOUT;
}) =~ s/^.*\n//r;
$node->safe_psql('latin1', "TRUNCATE chats; INSERT INTO chats VALUES ('$value')");
is($node->safe_psql('latin1', "SELECT bionic_crypt.belongs_to(content, $cafe),
	bionic_crypt.belongs_to(content, $mojibake) FROM chats"), 'f|f', 'a value of another encoding');

# The setting as an option of the connection, which no one has converted.
sub connected
{
	my ($dbname, $name) = @_;
	local $ENV{PGOPTIONS} = "-c bionic_crypt.tenant=$name";
	my ($rc, $stdout, $stderr) = $node->psql($dbname, 'SELECT 1');

	return $rc == 0 ? 'connected' : $stderr =~ /(invalid value for parameter "bionic_crypt\.tenant")/ ? $1 : $stderr;
}

my $refused = 'invalid value for parameter "bionic_crypt.tenant"';
is(connected('postgres', "caf\xc3\xa9"), 'connected', 'an option in UTF-8');
is(connected('postgres', "caf\xe9"), $refused, 'what is not UTF-8');
is(connected('latin1', 'acme'), 'connected', 'an option in ASCII');
is(connected('latin1', "caf\xe9"), $refused, 'an option in LATIN1');

$node->stop;
done_testing();
