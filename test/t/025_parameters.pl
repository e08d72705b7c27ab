# Text parameters of the extended protocol are values of run time: equal ones
# of one statement are not stored as equal bytes.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Test;

my $node = new_node('parameters');
$node->start;
$node->safe_psql('postgres', <<'EOF');
CREATE EXTENSION bionic_crypt;
SELECT bionic_crypt.create_tenant('acme');
CREATE TABLE pairs (kind text, a encrypted_text, b encrypted_text);
EOF

my $script = PostgreSQL::Test::Utils::tempdir . '/pairs.sql';

for my $mode (qw(extended prepared))
{
	open my $file, '>', $script or die "could not write $script: $!";
	print $file "\\set x 5\nINSERT INTO pairs VALUES ('$mode', :x, :x);\n";
	close $file;
	local $ENV{PGOPTIONS} = '-c bionic_crypt.tenant=acme';
	$node->command_ok([ 'pgbench', '-n', '-t', '2', '-M', $mode, '-f', $script,
			'-h', $node->host, '-p', $node->port, 'postgres' ], "protocol: $mode");
}

is($node->safe_psql('postgres', <<'EOF'), "extended|2|0\nprepared|2|0", 'equal values, different bytes');
SELECT kind, count(*), count(*) FILTER (WHERE
	bionic_crypt.encrypted_text_send(a) = bionic_crypt.encrypted_text_send(b))
	FROM pairs GROUP BY kind ORDER BY kind;
EOF
is($node->safe_psql('postgres', "SET bionic_crypt.tenant = 'acme';"
		. " SELECT count(*) FROM pairs WHERE a = '5' AND b = '5'"), '4', 'all are readable');

$node->stop;
done_testing();
