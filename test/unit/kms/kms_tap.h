/*-------------------------------------------------------------------------
 *
 * kms_tap.h
 *	  The tests of the pure part of src/kms, and what they share.
 *
 * Compiled with the server's headers and linked with its libpgcommon and
 * libpgport, which have palloc, the JSON parser and printf without a server.
 *
 *-------------------------------------------------------------------------
 */
#ifndef UNIT_KMS_TAP_H
#define UNIT_KMS_TAP_H

#include "postgres.h"

#include "kms/kms_provider.h"
#include "../tap.h"

/* Names and values, in turn, as the key worker gets them; false: see error. */
extern bool server_read(KmsServer *server, KmsError *error, const char *const *options);

/* A server that must be valid. */
extern const KmsServer *server_of(const char *const *options);

/* The reply of each test, begun anew. */
extern KmsReply *reply_of(int status, const char *body);

/* What the tests wrap and are bound to. */
extern const uint8 test_data_key[DATA_KEY_LEN];
extern const KmsContext test_context;

/* What the key worker asks a remote provider, without its structs; at second 0. */
extern bool ask_build(const KmsProvider *provider, const KmsServer *server,
					  KmsOperation operation, const KmsContext *context, Bytes in,
					  const KmsToken *token, KmsRequest *request, KmsError *error);
extern bool ask_read(const KmsProvider *provider, const KmsServer *server,
					 KmsOperation operation, const KmsReply *reply,
					 uint8 *out, Size *out_len, KmsError *error);

/* One function a file of tests. */
extern void test_message(void);
extern void test_json(void);
extern void test_options(void);
extern void test_inner_key(void);
extern void test_oauth(void);
extern void test_jwt(void);
extern void test_token_claims(void);
extern void test_token_source(void);
extern void test_ttlv(void);
extern void test_kmip_vector(void);
extern void test_kmip_requests(void);
extern void test_kmip_replies(void);
extern void test_azure_requests(void);
extern void test_azure_replies(void);
extern void test_azure_refusals(void);
extern void test_azure_logins(void);
extern void test_gcp_options(void);
extern void test_gcp_requests(void);
extern void test_gcp_logins(void);
extern void test_gcp_replies(void);
extern void test_gcp_refusals(void);
extern void test_sigv4(void);
extern void test_aws_requests(void);
extern void test_aws_replies(void);
extern void test_aws_logins(void);
extern void test_aws_refusals(void);
extern void test_vault_requests(void);
extern void test_vault_replies(void);
extern void test_vault_refusals(void);
extern void test_pkcs11_requests(void);
extern void test_pkcs11_replies(void);
extern void test_pkcs11_pins(void);

#endif							/* UNIT_KMS_TAP_H */
