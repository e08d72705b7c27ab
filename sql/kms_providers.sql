--
-- KMS servers of every provider: what each demands, and who may create one
--
SET client_min_messages = warning;
CREATE ROLE regress_provider_user;
GRANT USAGE ON FOREIGN DATA WRAPPER bionic_crypt TO regress_provider_user;
GRANT CREATE ON DATABASE contrib_regression TO regress_provider_user;

-- each takes what its page shows
CREATE SERVER provider_aws FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'aws', region 'eu-central-1',
	auth_method 'web_identity', web_identity_token_file '/run/token', web_identity_role_arn 'arn:aws:iam::123456789012:role/saas',
	role_arn 'arn:aws:iam::210987654321:role/bionic', external_id 'acme-4711');
CREATE SERVER provider_gcp FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'gcp',
	auth_method 'service_account', credentials_file '/run/keys/gcp.json');
CREATE SERVER provider_azure FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'azure', address 'https://acme.vault.azure.net',
	auth_method 'client_secret', tenant_id '6f89cf12-978b-4d23-ac18-9ef0c127cf87', client_id '11111111-2222-3333-4444-555555555555',
	client_secret_file '/run/keys/azure');
CREATE SERVER provider_kmip FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'kmip', address 'kmip.acme.example',
	client_cert_file '/run/keys/kmip.pem', client_key_file '/run/keys/kmip.key');

-- a key is named in the words of its KMS
SELECT bionic_crypt.create_tenant('provider acme', kms => 'provider_aws', kek => 'alias/saas');
SELECT bionic_crypt.create_tenant('provider acme', kms => 'provider_aws');
SELECT bionic_crypt.create_tenant('provider acme', kms => 'provider_gcp', kek => 'chat');
SELECT bionic_crypt.create_tenant('provider acme', kms => 'provider_azure', kek => 'chat/../keys');
SELECT bionic_crypt.create_tenant('provider acme', kms => 'provider_kmip', kek => E'a\nb');

-- what is missing, and what leads elsewhere
CREATE SERVER provider_bad FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'aws', auth_method 'imds');
CREATE SERVER provider_bad FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'aws', region 'eu.evil.example/', auth_method 'imds');
CREATE SERVER provider_bad FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'aws', region 'eu-central-1', auth_method 'static');
CREATE SERVER provider_bad FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'aws', region 'eu-central-1', auth_method 'imds',
	metadata_address 'http://metadata.example');
CREATE SERVER provider_bad FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'aws', region 'eu-central-1', auth_method 'imds',
	metadata_address 'http://10.0.0.1');
CREATE SERVER provider_bad FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'gcp', auth_method 'metadata', address 'http://kms.example');
CREATE SERVER provider_bad FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'gcp', auth_method 'metadata', address 'https://169.254.169.254');
CREATE SERVER provider_bad FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'azure', auth_method 'managed_identity',
	address 'https://vault.acme.example');
CREATE SERVER provider_bad FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'azure', auth_method 'managed_identity',
	address 'https://acme.vault.azure.net', algorithm 'a256gcm');
CREATE SERVER provider_bad FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'kmip', address 'kmip.acme.example');
CREATE SERVER provider_bad FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'kmip', address 'https://kmip.acme.example',
	client_cert_file '/run/keys/kmip.pem', client_key_file '/run/keys/kmip.key');
CREATE SERVER provider_bad FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'pkcs11', module_path '/usr/lib/softhsm/libsofthsm2.so',
	token_label 'acme', pin_file '/run/keys/pin');

-- who may not read the server's files uses neither its files nor its identity
SET ROLE regress_provider_user;
CREATE SERVER provider_mine FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'aws', region 'eu-central-1', auth_method 'imds');
CREATE SERVER provider_mine FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'aws', region 'eu-central-1', auth_method 'container',
	address 'https://kms.evil.example');
CREATE SERVER provider_mine FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'gcp', auth_method 'metadata');
CREATE SERVER provider_mine FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'azure', address 'https://acme.vault.azure.net',
	auth_method 'managed_identity');
CREATE SERVER provider_mine FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'kmip', address 'kmip.acme.example',
	client_cert_file '/run/keys/kmip.pem', client_key_file '/run/keys/kmip.key');
CREATE SERVER provider_mine FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'pkcs11', module_path '/tmp/evil.so',
	token_label 'acme', pin_file '/run/keys/pin');
RESET ROLE;

-- who may read files may name them, but neither the machine's identity nor a module
GRANT pg_read_server_files TO regress_provider_user;
SET ROLE regress_provider_user;
CREATE SERVER provider_mine FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'gcp',
	auth_method 'service_account', credentials_file '/run/keys/gcp.json');
ALTER SERVER provider_mine OPTIONS (SET auth_method 'metadata', DROP credentials_file);
DROP SERVER provider_mine;
CREATE SERVER provider_mine FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'aws', region 'eu-central-1', auth_method 'imds');
CREATE SERVER provider_mine FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'aws', region 'eu-central-1', auth_method 'container');
CREATE SERVER provider_mine FOREIGN DATA WRAPPER bionic_crypt OPTIONS (provider 'azure', address 'https://evil.example',
	resource 'https://management.azure.com', auth_method 'managed_identity');
RESET ROLE;
REVOKE pg_read_server_files FROM regress_provider_user;

-- nor does the owner of one send what it uses elsewhere
ALTER SERVER provider_aws OWNER TO regress_provider_user;
SET ROLE regress_provider_user;
ALTER SERVER provider_aws OPTIONS (ADD address 'https://kms.evil.example');
ALTER SERVER provider_aws OPTIONS (ADD sts_address 'https://sts.evil.example');
RESET ROLE;

DROP SERVER provider_aws;
DROP SERVER provider_gcp;
DROP SERVER provider_azure;
DROP SERVER provider_kmip;
REVOKE CREATE ON DATABASE contrib_regression FROM regress_provider_user;
REVOKE USAGE ON FOREIGN DATA WRAPPER bionic_crypt FROM regress_provider_user;
DROP ROLE regress_provider_user;
