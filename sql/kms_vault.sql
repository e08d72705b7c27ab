--
-- Servers of the provider vault: which options are taken, and by whom
--
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE FUNCTION pg_temp.verdict(options text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE SERVER kms_vault_tried FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider ''vault''%s)', options);
	DROP SERVER kms_vault_tried;
	RETURN 'taken';
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN SQLERRM;
END $$;
CREATE VIEW pg_temp.parts AS SELECT
	$$, address 'https://vault.example:8200'$$ AS a,
	$$, address 'https://vault.example:8200', auth_method 'token', token_file '/f'$$ AS token,
	$$, address 'https://vault.example:8200', auth_method 'approle', secret_id_file '/f'$$ AS approle,
	$$, address 'https://vault.example:8200', auth_method 'jwt', jwt_file '/f', role 'r'$$ AS jwt,
	$$, client_cert_file '/f', client_key_file '/f'$$ AS cert;

SELECT what, pg_temp.verdict(options) FROM pg_temp.parts, LATERAL (VALUES
	('token', token),
	('token, all', token || cert || $$, mount 'a/b', namespace 'n', binding 'derived_context', ca_file '/f',
		connect_timeout_ms '100', request_timeout_ms '60000'$$),
	('approle', approle || $$, role_id 'r'$$),
	('approle, role_id of a file', approle || $$, role_id_file '/f', auth_mount 'x/approle'$$),
	('jwt', jwt || $$, binding 'associated_data'$$),
	('kubernetes', a || $$, auth_method 'kubernetes', jwt_file '/f', role 'r'$$),
	('cert', a || $$, auth_method 'cert'$$ || cert),
	('cert with a role', a || $$, auth_method 'cert', role 'r'$$ || cert),
	('no address', $$, auth_method 'token', token_file '/f'$$),
	('no auth_method', a),
	('token without its file', a || $$, auth_method 'token'$$),
	('approle without its file', a || $$, auth_method 'approle', role_id 'r'$$),
	('approle without its role_id', approle),
	('approle with two', approle || $$, role_id 'r', role_id_file '/f'$$),
	('jwt without its file', a || $$, auth_method 'jwt', role 'r'$$),
	('jwt without its role', a || $$, auth_method 'jwt', jwt_file '/f'$$),
	('kubernetes without its file', a || $$, auth_method 'kubernetes', role 'r'$$),
	('cert without one', a || $$, auth_method 'cert'$$),
	('cert without its key', a || $$, auth_method 'cert', client_cert_file '/f'$$),
	('certificate without its key', token || $$, client_cert_file '/f'$$),
	('key without its certificate', token || $$, client_key_file '/f'$$),
	('option of another method', token || $$, role_id 'r'$$),
	('option of another method', token || $$, auth_mount 'x'$$),
	('option of another method', approle || $$, role_id 'r', jwt_file '/f'$$),
	('option of another method', jwt || $$, token_file '/f'$$),
	('option of another provider', token || $$, path '/f'$$),
	('unknown method', a || $$, auth_method 'ldap'$$),
	('unknown binding', token || $$, binding 'none'$$),
	('empty', token || $$, mount ''$$),
	('mount', token || $$, mount '../sys'$$),
	('namespace', token || $$, namespace 'a//b'$$),
	('auth_mount', approle || $$, role_id 'r', auth_mount '/approle'$$),
	('role', a || $$, auth_method 'jwt', jwt_file '/f', role E'r\n'$$),
	('role_id', approle || $$, role_id E'r\t'$$),
	('token_file', a || $$, auth_method 'token', token_file 'f'$$),
	('secret_id_file', a || $$, auth_method 'approle', role_id 'r', secret_id_file 'f'$$),
	('role_id_file', approle || $$, role_id_file 'f'$$),
	('jwt_file', a || $$, auth_method 'jwt', role 'r', jwt_file 'f'$$),
	('ca_file', token || $$, ca_file 'f'$$),
	('client_cert_file', token || $$, client_cert_file 'f', client_key_file '/f'$$),
	('client_key_file', token || $$, client_cert_file '/f', client_key_file 'f'$$),
	('connect_timeout_ms', token || $$, connect_timeout_ms '99'$$),
	('request_timeout_ms', token || $$, request_timeout_ms '60001'$$),
	('http', $$, address 'http://vault.example', auth_method 'token', token_file '/f'$$),
	('path', $$, address 'https://vault.example/v1', auth_method 'token', token_file '/f'$$),
	('loopback', $$, address 'https://127.1:8200', auth_method 'token', token_file '/f'$$),
	('localhost', $$, address 'https://localhost', auth_method 'token', token_file '/f'$$),
	('metadata', $$, address 'https://169.254.169.254', auth_method 'token', token_file '/f'$$)
) AS tried (what, options);

-- who owns a server decides neither what it may reach nor which files it names,
-- nor where what is in the files is sent
SET bionic_crypt.allow_local_kms = on;
CREATE ROLE regress_kms_vault;
GRANT USAGE ON FOREIGN DATA WRAPPER bionic_crypt TO regress_kms_vault;
SET ROLE regress_kms_vault;
CREATE SERVER kms_vault_tried FOREIGN DATA WRAPPER bionic_crypt
	OPTIONS (provider 'vault', address 'https://vault.example', auth_method 'token', token_file '/f');
CREATE SERVER kms_vault_tried FOREIGN DATA WRAPPER bionic_crypt
	OPTIONS (provider 'vault', address 'https://vault.example', auth_method 'approle', role_id 'r', secret_id_file '/f');
CREATE SERVER kms_vault_tried FOREIGN DATA WRAPPER bionic_crypt
	OPTIONS (provider 'vault', address 'https://vault.example', auth_method 'jwt', role 'r', jwt_file '/f');
CREATE SERVER kms_vault_tried FOREIGN DATA WRAPPER bionic_crypt
	OPTIONS (provider 'vault', address 'https://vault.example', auth_method 'cert', client_cert_file '/f', client_key_file '/f');
RESET ROLE;
CREATE SERVER kms_vault_tried FOREIGN DATA WRAPPER bionic_crypt
	OPTIONS (provider 'vault', address 'https://vault.example', auth_method 'token', token_file '/f');
ALTER SERVER kms_vault_tried OWNER TO regress_kms_vault;
SET ROLE regress_kms_vault;
ALTER SERVER kms_vault_tried OPTIONS (SET address 'https://elsewhere.example');
ALTER SERVER kms_vault_tried OPTIONS (SET token_file '/g');
ALTER SERVER kms_vault_tried OPTIONS (ADD mount 'elsewhere');
RESET ROLE;
DROP SERVER kms_vault_tried;
REVOKE USAGE ON FOREIGN DATA WRAPPER bionic_crypt FROM regress_kms_vault;
DROP ROLE regress_kms_vault;
