# Real chats of many tenants in protected tables: every tenant reads back its
# own text byte for byte, and who has no grant does nothing.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use BionicCrypt::Chats;
use BionicCrypt::Test;

my $chats = chats();
my @tenants = sort keys %{ $chats->{lines} };
my $total = 0;
$total += @{ $chats->{lines}{$_} } for @tenants;
is($total . ' of ' . @tenants, '88494 of 18', 'the real data is whole') if $chats->{real};

my $node = new_node('main', extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;
create_tenants($node, @tenants);

# regress_app is bound by row security, regress_loader is not, since COPY into
# a table with row security wants that; regress_stranger has no grant.
my $columns = 'conversation text, turn integer, speaker text';
$node->safe_psql('postgres', qq{
	CREATE ROLE regress_app LOGIN;
	CREATE ROLE regress_loader LOGIN BYPASSRLS;
	CREATE ROLE regress_stranger LOGIN;
	SELECT bionic_crypt.grant_all_tenants('regress_app', '{encrypt,decrypt}');
	SELECT bionic_crypt.grant_all_tenants('regress_loader', '{encrypt,decrypt}');

	CREATE EXTENSION file_fdw;
	CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
	CREATE FOREIGN TABLE incoming (tenant text, $columns, content text)
		SERVER files OPTIONS (filename '$chats->{file}');
	GRANT SELECT ON incoming TO regress_app;

	CREATE TABLE inserted (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
		tenant text, $columns, content encrypted_text);
	CREATE TABLE copied (LIKE inserted INCLUDING ALL);
	SELECT bionic_crypt.protect_table('inserted', 'tenant');
	SELECT bionic_crypt.protect_table('copied', 'tenant');
	GRANT ALL ON inserted, copied TO regress_app, regress_loader, regress_stranger;
});

sub as_tenant
{
	my ($tenant) = @_;
	return "SET bionic_crypt.tenant = '$tenant';\n";
}

for my $tenant (@tenants)
{
	$node->safe_psql('postgres', as_tenant($tenant) . qq{
		INSERT INTO inserted (conversation, turn, speaker, content)
			SELECT conversation, turn, speaker, content FROM incoming WHERE tenant = '$tenant'},
		extra_params => [ '-U', 'regress_app' ]);
	$node->safe_psql('postgres', as_tenant($tenant) .
		"\\copy copied (conversation, turn, speaker, content) FROM '$chats->{of}{$tenant}'",
		extra_params => [ '-U', 'regress_loader' ]);
}

for my $table ('inserted', 'copied')
{
	is($node->safe_psql('postgres', "SELECT count(content) FROM $table"), $total, "$table: all rows are there");
	is($node->safe_psql('postgres',
			"SELECT count(DISTINCT tenant) || ' ' || bool_and(bionic_crypt.belongs_to(content, tenant)) FROM $table"),
		@tenants . ' true', "$table: each value is sealed for its row's tenant");

	my @differing;
	for my $tenant (@tenants)
	{
		my $read = $node->safe_psql('postgres', as_tenant($tenant) .
			"COPY (SELECT conversation, turn, speaker, content FROM $table ORDER BY id) TO STDOUT",
			extra_params => [ '-U', 'regress_app' ]);
		push @differing, $tenant if $read ne join "\n", @{ $chats->{lines}{$tenant} };
	}
	is("@differing", '', "$table: every tenant reads back exactly its own text");
}

# Without a tenant: ciphertext to who bypasses row security, no row to others.
is($node->safe_psql('postgres', "SELECT count(*) FROM inserted", extra_params => [ '-U', 'regress_app' ]),
	'0', 'no tenant set: no row');
is($node->safe_psql('postgres', q{COPY (SELECT content FROM inserted) TO STDOUT}) =~ s/^bc1:[\w-]+$//mgr =~ s/\n//gr,
	'', 'no tenant set: armour to a superuser');

# What a stranger tries.  The same statements succeed after a grant, so it is
# the grant that they lack.
my ($first, $second) = @tenants;
my %attempt = (
	'SELECT' => 'SELECT content FROM inserted',
	'SELECT without the encrypted column' => 'SELECT turn FROM inserted',
	'count(*)' => 'SELECT count(*) FROM inserted',
	'COPY TO' => 'COPY inserted TO STDOUT',
	'INSERT' => "INSERT INTO inserted (content) VALUES ('x')",
	'INSERT without the encrypted column' => "INSERT INTO inserted (tenant) VALUES ('$first')",
	'UPDATE' => 'UPDATE inserted SET turn = turn + 1',
	'UPDATE of the encrypted column' => "UPDATE inserted SET content = 'x'",
	'DELETE' => 'DELETE FROM inserted',
	'MERGE' => "MERGE INTO inserted i USING (VALUES (1)) AS v(id) ON i.id = v.id
		WHEN NOT MATCHED THEN INSERT (content) VALUES ('x')",
);

for my $what (sort keys %attempt)
{
	my $script = as_tenant($first) . "BEGIN;\n$attempt{$what};\nROLLBACK;";
	my @stranger = (extra_params => [ '-U', 'regress_stranger' ]);

	is(sqlstate($node, $script, @stranger), '42501', "$what: refused without a grant");
	$node->safe_psql('postgres', "SELECT bionic_crypt.grant_tenant('$second', 'regress_stranger', '{encrypt,decrypt}')");
	is(sqlstate($node, $script, @stranger), '42501', "$what: refused with a grant for another tenant");
	$node->safe_psql('postgres', "SELECT bionic_crypt.grant_tenant('$first', 'regress_stranger', '{encrypt,decrypt}')");
	is(sqlstate($node, $script, @stranger), '00000', "$what: done with a grant");
	$node->safe_psql('postgres', "SELECT bionic_crypt.revoke_tenant('$_', 'regress_stranger')") for $first, $second;
}

# A statement of one tenant touches rows of no other.
my $others = $total - @{ $chats->{lines}{$first} };
is($node->safe_psql('postgres', as_tenant($first) . 'DELETE FROM inserted', extra_params => [ '-U', 'regress_app' ]),
	'', 'one tenant deletes all that it sees');
is($node->safe_psql('postgres', 'SELECT count(*) FROM inserted'), $others, 'the rows of all others are still there');

# What one tenant brings for another is refused, whoever brings it.
is(sqlstate($node, as_tenant($first) . "INSERT INTO inserted (tenant, content) VALUES ('$second', 'x')",
		extra_params => [ '-U', 'regress_app' ]),
	'42501', 'row security refuses a row of another tenant');
is(sqlstate($node, as_tenant($first) . "INSERT INTO inserted (tenant, content) VALUES ('$second', 'x')",
		extra_params => [ '-U', 'regress_loader' ]),
	'23514', 'the guard refuses it where row security does not look');

done_testing();
