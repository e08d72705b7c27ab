/*-------------------------------------------------------------------------
 *
 * certificate_chain.c
 *	  Whether a certificate leads to a root, and none on the way is revoked.
 *
 * OpenSSL verifies signatures, validities, path lengths, and that no critical
 * extension is unknown to it; the rest is here: that the chain is exactly the
 * one given, that issuers are authorities by RFC 5280 (4.2.1.9), and CRLs.
 * X509_V_FLAG_X509_STRICT stays off, as every chain of AMD fails it: its VCEKs
 * have no Authority Key Identifier.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>

#include <openssl/x509v3.h>

#include "evidence/certificate.h"

#define CHAIN_MAX		(EVIDENCE_CERTIFICATES_MAX + 2)
#define COMMON_NAME_MAX	64		/* ub-common-name of RFC 5280, A.1 */

/* 128 bits: RSA of 3072, P-256, SHA-256; SSL_CTX_set_security_level(3). */
#define SECURITY_LEVEL	3

/* Leaf first, root last; borrowed. */
typedef struct Chain
{
	int			n;
	X509	   *certificates[CHAIN_MAX];
	char		reason[CHECK_DETAIL_MAX];	/* why it does not hold */
} Chain;

static bool chain_holds(Chain *chain, const EvidenceTrust *trust);
static bool signatures_hold(Chain *chain, const EvidenceTrust *trust, X509_STORE *store,
							X509_STORE_CTX *context, STACK_OF(X509) *untrusted);
static bool is_as_given(X509_STORE_CTX *context, const Chain *chain);
static bool has_authorities(Chain *chain);
static bool is_unrevoked(Chain *chain, const EvidenceTrust *trust);
static X509_CRL *crl_read(Bytes der);
static bool crl_clears(X509_CRL *crl, Chain *chain, int issuer, time_t at);
static bool crl_is_whole(const X509_CRL *crl);
static bool fails(Chain *chain, X509 *certificate, const char *reason);
static void common_name(X509 *certificate, char out[COMMON_NAME_MAX + 1]);

bool
certificate_verify_chain(X509 *leaf, X509 *const *intermediates, int n, X509 *root,
						 const EvidenceTrust *trust, Verdict *verdict, const char *what)
{
	char		root_name[COMMON_NAME_MAX + 1];
	Chain		chain = {.n = 0};
	bool		ok;

	if (n > CHAIN_MAX - 2)
		return verdict_check(verdict, false, what, "%d intermediate certificates are too many", n);
	chain.certificates[chain.n++] = leaf;
	for (int i = 0; i < n; i++)
		chain.certificates[chain.n++] = intermediates[i];
	chain.certificates[chain.n++] = root;

	ok = chain_holds(&chain, trust) && has_authorities(&chain) && is_unrevoked(&chain, trust);
	common_name(root, root_name);
	return verdict_check(verdict, ok, what, "%s", ok ? root_name : chain.reason);
}

static bool
chain_holds(Chain *chain, const EvidenceTrust *trust)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	STACK_OF(X509) *untrusted = sk_X509_new_null();
	bool		ok = store != NULL && context != NULL && untrusted != NULL;

	ok = ok ? signatures_hold(chain, trust, store, context, untrusted) :
		fails(chain, NULL, "out of memory");
	sk_X509_free(untrusted);	/* but not what is in it */
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	return ok;
}

static bool
signatures_hold(Chain *chain, const EvidenceTrust *trust, X509_STORE *store,
				X509_STORE_CTX *context, STACK_OF(X509) *untrusted)
{
	X509_VERIFY_PARAM *param;

	for (int i = 1; i < chain->n - 1; i++)
	{
		if (sk_X509_push(untrusted, chain->certificates[i]) == 0)
			return fails(chain, NULL, "out of memory");
	}
	if (X509_STORE_add_cert(store, chain->certificates[chain->n - 1]) != 1 ||
		X509_STORE_CTX_init(context, store, chain->certificates[0], untrusted) != 1)
		return fails(chain, NULL, "out of memory");

	param = X509_STORE_CTX_get0_param(context);
	X509_VERIFY_PARAM_set_time(param, (time_t) trust->at_s);
	X509_VERIFY_PARAM_set_auth_level(param, SECURITY_LEVEL);
	if (X509_verify_cert(context) != 1)
		return fails(chain, X509_STORE_CTX_get_current_cert(context),
					 X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
	return is_as_given(context, chain) || fails(chain, NULL, "a shorter chain is another chain");
}

static bool
is_as_given(X509_STORE_CTX *context, const Chain *chain)
{
	const STACK_OF(X509) *built = X509_STORE_CTX_get0_chain(context);

	if (sk_X509_num(built) != chain->n)
		return false;
	for (int i = 0; i < chain->n; i++)
	{
		if (X509_cmp(sk_X509_value(built, i), chain->certificates[i]) != 0)
			return false;
	}
	return true;
}

/* OpenSSL takes more for an authority than we do, when it is not strict. */
static bool
has_authorities(Chain *chain)
{
	if (X509_check_ca(chain->certificates[0]) != 0)
		return fails(chain, chain->certificates[0], "is an authority, not the hardware's");
	for (int i = 1; i < chain->n; i++)
	{
		if (X509_check_ca(chain->certificates[i]) != 1)
			return fails(chain, chain->certificates[i], "is no authority");
	}
	return true;
}

/*
 * CRLs of issuers that are not in this chain are for others that the verifier
 * meets.  But with CRLs at all, that of the root must be among them: or it would
 * be enough to forget one.
 */
static bool
is_unrevoked(Chain *chain, const EvidenceTrust *trust)
{
	bool		has_root = false;

	for (int i = 0; i < trust->n_crls; i++)
	{
		X509_CRL   *crl = crl_read(trust->crls[i]);
		bool		ok = crl != NULL || fails(chain, NULL, "a CRL is not one in DER");

		for (int issuer = 1; ok && issuer < chain->n; issuer++)
		{
			if (X509_NAME_cmp(X509_CRL_get_issuer(crl),
							  X509_get_subject_name(chain->certificates[issuer])) != 0)
				continue;
			ok = crl_clears(crl, chain, issuer, (time_t) trust->at_s);
			has_root = has_root || issuer == chain->n - 1;
		}
		X509_CRL_free(crl);
		if (!ok)
			return false;
	}
	return trust->n_crls == 0 || has_root ||
		fails(chain, chain->certificates[chain->n - 1], "has no CRL among those given");
}

static X509_CRL *
crl_read(Bytes der)
{
	const unsigned char *pos = der.data;
	X509_CRL   *crl = der.len == 0 ? NULL : d2i_X509_CRL(NULL, &pos, (long) der.len);

	if (crl != NULL && pos != der.data + der.len)
	{
		X509_CRL_free(crl);
		crl = NULL;
	}
	return crl;
}

/* Whether the certificate that the issuer gave is not in its CRL. */
static bool
crl_clears(X509_CRL *crl, Chain *chain, int issuer, time_t at)
{
	X509	   *authority = chain->certificates[issuer];
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
	X509_REVOKED *entry;

	if ((X509_get_key_usage(authority) & KU_CRL_SIGN) == 0)
		return fails(chain, authority, "may not sign its CRL");
	if (X509_CRL_verify(crl, X509_get0_pubkey(authority)) != 1)
		return fails(chain, authority, "did not sign its CRL");
	if (X509_cmp_time(X509_CRL_get0_lastUpdate(crl), &at) >= 0)
		return fails(chain, authority, "has a CRL that is not yet valid");
	if (next == NULL || X509_cmp_time(next, &at) <= 0)
		return fails(chain, authority, "has a CRL that is no longer valid");
	if (!crl_is_whole(crl))
		return fails(chain, authority, "has a CRL that is not all of it");
	if (X509_CRL_get0_by_cert(crl, &entry, chain->certificates[issuer - 1]) != 0)
		return fails(chain, chain->certificates[issuer - 1], "was revoked");
	return true;
}

/*
 * A CRL of some certificates, reasons or changes only says so in an extension
 * that is critical (RFC 5280, 5.2.4 and 5.2.5).
 */
static bool
crl_is_whole(const X509_CRL *crl)
{
	for (int i = 0; i < X509_CRL_get_ext_count(crl); i++)
	{
		if (X509_EXTENSION_get_critical(X509_CRL_get_ext(crl, i)) != 0)
			return false;
	}
	return true;
}

/* Always false. */
static bool
fails(Chain *chain, X509 *certificate, const char *reason)
{
	char		name[COMMON_NAME_MAX + 1];

	common_name(certificate, name);
	snprintf(chain->reason, sizeof(chain->reason), "%s%s%s", name, name[0] == '\0' ? "" : ": ", reason);
	return false;
}

/* What can be printed of it: it may be anybody's until the chain holds. */
static void
common_name(X509 *certificate, char out[COMMON_NAME_MAX + 1])
{
	const X509_NAME *name = certificate == NULL ? NULL : X509_get_subject_name(certificate);
	int			at = name == NULL ? -1 : X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	const ASN1_STRING *value;
	int			len;

	out[0] = '\0';
	if (at < 0)
		return;
	value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	len = ASN1_STRING_length(value);
	if (len > COMMON_NAME_MAX)
		len = COMMON_NAME_MAX;
	for (int i = 0; i < len; i++)
	{
		unsigned char c = ASN1_STRING_get0_data(value)[i];

		out[i] = c >= 0x20 && c < 0x7f ? (char) c : '?';
	}
	out[len] = '\0';
}
