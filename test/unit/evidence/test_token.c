/*-------------------------------------------------------------------------
 *
 * test_token.c
 *	  Tokens of Confidential Space: what they claim, and each thing that may be
 *	  wrong with one, alone.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>

#include "evidence/jwt.h"
#include "evidence/token_evidence.h"
#include "made_token.h"

#define NONCE_OF_0xDA \
	"2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2g"

/* The one of the running test, as it is large. */
static MadeToken made;

static void
begin(void)
{
	made_token_begin(&made, "RS256");
}

static void
header(const char *old, const char *new)
{
	made_replace(made.header, sizeof(made.header), old, new);
}

static void
payload(const char *old, const char *new)
{
	made_replace(made.payload, sizeof(made.payload), old, new);
}

static void
jwks(const char *old, const char *new)
{
	made_replace(made.jwks, sizeof(made.jwks), old, new);
}

static bool
passes(void)
{
	return holds(made_token_verify(&made), &made.verdict);
}

static void
genuine(const char *name)
{
	made_token_issue(&made);
	tap_ok(passes(), "%s", name);
}

/* What is refused claims nothing. */
static bool
fails(const char *what, const char *detail)
{
	return !made_token_verify(&made) && refused_for(&made.verdict, what, detail) &&
		claims_nothing(&made.claims);
}

static void
refused(const char *name, const char *what, const char *detail)
{
	made_token_issue(&made);
	tap_ok(fails(what, detail), "%s", name);
}

/* A token with one thing replaced in its payload. */
static void
refused_with(const char *old, const char *new, const char *name, const char *what)
{
	begin();
	payload(old, new);
	refused(name, what, "");
}

static void
test_claims(void)
{
	static const char *const algorithms[] = {"RS256", "PS256", "ES256"};
	uint8_t		expected[REPORT_DATA_LEN];

	memset(expected, 0xda, sizeof(expected));
	for (int i = 0; i < 3; i++)
	{
		made_token_begin(&made, algorithms[i]);
		genuine(algorithms[i]);
		tap_ok(memcmp(made.claims.report_data, expected, REPORT_DATA_LEN) == 0 && !made.claims.debug &&
			   strncmp(made.claims.image_digest, "sha256:000", 10) == 0 &&
			   strlen(made.claims.image_digest) == 71, "and what it says");
	}
	begin();
	payload("[\"" NONCE_OF_0xDA "\"]", "\"" NONCE_OF_0xDA "\"");
	genuine("one nonce without an array");
	begin();
	payload("[\"" NONCE_OF_0xDA, "[\"short\",\"" NONCE_OF_0xDA);
	genuine("a nonce among others'");
	begin();
	payload("\"aud\":\"" TOKEN_AUDIENCE "\"", "\"aud\":[\"x\",\"" TOKEN_AUDIENCE "\"]");
	genuine("an audience in an array");
	begin();
	payload("GCP_INTEL_TDX", "GCP_AMD_SEV");
	genuine("a machine of AMD");
	begin();
	payload("disabled-since-boot", "enabled");
	payload("\"LATEST\",\"STABLE\",\"USABLE\"", "");
	genuine("an image for debugging");
	tap_ok(made.claims.debug, "which is told");
	begin();
	payload("\"dbgstat\":\"disabled-since-boot\",", "");
	genuine("without a word on debugging");
	tap_ok(made.claims.debug, "it may be debugged");
}

static void
test_algorithms(void)
{
	static const char signed_by[] = "signed by one of these keys";

	begin();
	header("RS256", "none");
	made.sign_as = "none";
	refused("none, without a signature", "well-formed", "does not end with a signature");
	begin();
	header("RS256", "none");
	refused("none, with one", signed_by, "none of RS256");
	begin();
	header("RS256", "HS256");
	made.sign_as = "HS256";
	refused("HS256 under what is public", signed_by, "none of RS256");
	begin();
	header("RS256", "rs256");
	refused("an algorithm in lower case", signed_by, "none of RS256");
	begin();
	header("RS256", "RS512");
	refused("another of RSA", signed_by, "none of RS256");
	begin();
	header("\"alg\":\"RS256\",", "");
	refused("no algorithm", signed_by, "none of RS256");
	begin();
	header("RS256", "ES256");
	refused("ES256 with a key of RSA", signed_by, "not the key's");
	begin();
	header("\"rsa\"", "\"ec\"");
	refused("RS256 with a key of P-256", signed_by, "not the key's");
	begin();
	header("RS256", "PS256");
	refused("RS256 that says PS256", signed_by, "signature is wrong");
	made_token_begin(&made, "PS256");
	header("PS256", "RS256");
	refused("and the other way round", signed_by, "signature is wrong");
	made_token_begin(&made, "ES256");
	made.padding = 1;
	refused("ES256 with longer numbers", signed_by, "signature is wrong");
	begin();
	jwks("\"kid\":\"rsa\"", "\"kid\":\"rsa\",\"alg\":\"PS256\"");
	refused("a key that is for another algorithm", signed_by, "not the key's");
	begin();
	jwks("\"kid\":\"rsa\"", "\"kid\":\"rsa\",\"alg\":\"RS256\",\"use\":\"sig\"");
	genuine("a key that is for this one, and signatures");
	begin();
	jwks("\"kid\":\"rsa\"", "\"kid\":\"rsa\",\"use\":\"enc\"");
	refused("a key for encryption", signed_by, "not the key's");
}

static void
test_keys(void)
{
	static const char signed_by[] = "signed by one of these keys";

	begin();
	made.sign_with = "other";
	refused("another key under this name", signed_by, "signature is wrong");
	begin();
	header("\"rsa\"", "\"rsb\"");
	refused("a key that is not in the set", signed_by, "no key has this kid");
	begin();
	header("\"kid\":\"rsa\",", "");
	refused("no kid", signed_by, "names no key");
	begin();
	header("\"rsa\"", "\"\"");
	refused("an empty one", signed_by, "names no key");
	begin();
	jwks("\"ec\"", "\"rsa\"");
	refused("two keys of one name", signed_by, "two keys");
	begin();
	header("\"rsa\"", "\"small\"");
	made.sign_with = "small";
	refused("a key of 1024 bits", signed_by, "not one of RSA");
	begin();
	jwks("AQAB", "Aw");
	refused("an exponent of 3", signed_by, "not one of RSA");
	begin();
	jwks("\"kty\":\"RSA\"", "\"kty\":\"oct\"");
	refused("a symmetric key", signed_by, "not one of RSA");
	made_token_begin(&made, "ES256");
	jwks("P-256", "P-384");
	refused("another curve", signed_by, "not one of RSA");
	made_token_begin(&made, "ES256");
	jwks("\"x\":\"", "\"x\":\"AAAA");
	refused("a longer coordinate", signed_by, "member that is too long");
	made_token_begin(&made, "ES256");
	jwks("\"x\":\"", "\"x\":\"\",\"w\":\"");
	refused("no coordinate", signed_by, "not one of RSA");
	begin();
	jwks("\"keys\"", "\"kees\"");
	refused("a set without keys", signed_by, "no key has this kid");
	begin();
	jwks("{\"keys\"", "{\"keys\":[],\"keys\"");
	refused("a set with two lists", signed_by, "a name twice");
	begin();
	jwks("{\"keys\"", "\"keys\"");
	refused("a set that is no JSON", signed_by, "not JSON");
	begin();
	made.jwks[0] = '\0';
	refused("no set of keys", "keys of Google's service are given", "");
	begin();
	header("\"typ\"", "\"jku\":\"https://evil.example\",\"jwk\":{\"kty\":\"oct\",\"k\":\"AA\"},\"x5u\":\"x\",\"typ\"");
	genuine("keys that the token points to are of no meaning");
	begin();
	header("\"typ\"", "\"crit\":[\"exp\"],\"typ\"");
	refused("what is critical is refused", signed_by, "critical");
	begin();
	header("\"typ\"", "\"alg\":\"RS256\",\"typ\"");
	refused("two algorithms", signed_by, "name twice");
}

static void
test_times_and_names(void)
{
	char		text[64];

	refused_with("https://confidential", "http://confidential", "another issuer", "issued by Google's service");
	refused_with("\"iss\"", "\"isu\"", "no issuer", "issued by Google's service");
	refused_with(TOKEN_AUDIENCE, "https://sts.googleapis.com", "everybody's audience", "for us");
	refused_with(TOKEN_AUDIENCE, TOKEN_AUDIENCE "/", "a longer audience", "for us");
	refused_with("\"aud\"", "\"aut\"", "no audience", "for us");
	refused_with("\"aud\":\"" TOKEN_AUDIENCE "\"", "\"aud\":{\"0\":[\"" TOKEN_AUDIENCE "\"]}",
				 "an audience deeper inside", "for us");
	refused_with("\"exp\":1800003600,", "", "no end", "says when it is valid");
	refused_with("\"iat\":1800000000,", "", "no time of issue", "says when it is valid");
	refused_with("\"exp\":1800003600", "\"exp\":1.8e9", "a time with an exponent", "says when it is valid");
	refused_with("\"exp\":1800003600", "\"exp\":-1", "a negative time", "says when it is valid");
	refused_with("\"exp\":1800003600", "\"exp\":99999999999999999999", "a time too long", "claims can be read");
	refused_with("\"iss\"", "\"exp\":1,\"iss\"", "two ends", "claims can be read");
	refused_with("\"args\":", "\"args\":1,\"args\":", "any name twice", "claims can be read");
	refused_with("{\"iss\"", "[\"iss\"", "no JSON", "claims can be read");

	begin();
	snprintf(text, sizeof(text), "\"exp\":%lld", (long long) MADE_TOKEN_AT - 29);
	payload("\"exp\":1800003600", text);
	genuine("29 s after its end");
	begin();
	snprintf(text, sizeof(text), "\"exp\":%lld", (long long) MADE_TOKEN_AT - 30);
	payload("\"exp\":1800003600", text);
	refused("30 s after it", "still valid", "until -30 s");
	begin();
	made.trust.at_s = MADE_TOKEN_AT - 30;
	genuine("30 s before its issue");
	begin();
	made.trust.at_s = MADE_TOKEN_AT - 31;
	refused("31 s before it", "valid already", "issued -31 s");
	begin();
	payload("\"nbf\":1800000000", "\"nbf\":1800000031");
	refused("before it may be used", "valid already", "");
	begin();
	payload("\"nbf\":1800000000", "\"nbf\":1700000000");
	made.trust.at_s = MADE_TOKEN_AT - 31;
	refused("before it was issued, though it might be used", "valid already", "");
	begin();
	payload("\"nbf\":1800000000,", "");
	genuine("one that says only when it was issued");
}

static void
test_platform(void)
{
	refused_with("GCP_INTEL_TDX", "GCP_SHIELDED_VM", "a machine that is no TEE", "machine is a TEE");
	refused_with("GCP_INTEL_TDX", "\\u001b[2J", "a model with an escape sequence", "machine is a TEE");
	refused_with("CONFIDENTIAL_SPACE", "GCE", "a machine with any system", "is Confidential Space");
	refused_with("\"secboot\":true", "\"secboot\":false", "an insecure boot", "booted securely");
	refused_with("\"STABLE\",", "", "an image that is no longer supported", "STABLE");
	refused_with("\"support_attributes\":[\"LATEST\",\"STABLE\"", "\"x\":[\"STABLE\"", "no word on it", "STABLE");
	refused_with("sha256:", "sha512:", "a digest of another kind", "named by its digest");
	refused_with("0007\"", "000G\"", "a digest that is none", "named by its digest");
	refused_with("0007\"", "00071\"", "a longer one", "named by its digest");
	refused_with("0007\"", "0007@x\"", "one with more behind it", "named by its digest");
	refused_with("image_digest", "image_digast", "no digest", "named by its digest");
}

static void
test_nonces(void)
{
	static const char binding[] = "one nonce of the token is report data";

	refused_with("eat_nonce", "eat_nance", "no nonce", binding);
	refused_with("[\"" NONCE_OF_0xDA "\"]", "[]", "an empty list", binding);
	refused_with("\"" NONCE_OF_0xDA "\"", "\"" NONCE_OF_0xDA "==\"", "a nonce with padding", binding);
	refused_with("tra2g\"", "tra2h\"", "one that is not canonical", binding);
	refused_with("2tra2", "+tra2", "one in the other alphabet", binding);
	refused_with("tra2tra2g\"", "tra2g\"", "one of 61 bytes", binding);
	refused_with("[\"" NONCE_OF_0xDA "\"]", "[[\"" NONCE_OF_0xDA "\"]]", "one deeper inside", binding);
	refused_with("\"" NONCE_OF_0xDA "\"]", "\"" NONCE_OF_0xDA "\",\"" NONCE_OF_0xDA "\"]", "two of them", binding);
	begin();
	payload("2tra2", "3tra2");
	genuine("another nonce");
	tap_ok(made.claims.report_data[0] == 0xde, "is other report data");
}

/* Each length, in memory of its own; and bits, that mean nothing in no place. */
static void
test_bytes_of_token(void)
{
	size_t		len;
	bool		ok = true;

	begin();
	made_token_issue(&made);
	len = made.evidence.report.len;
	for (size_t cut = 0; cut < len; cut += 1 + (size_t) bit_step() / 8)
	{
		uint8_t    *copy = malloc(cut + 1);

		memcpy(copy, made.token, cut);
		made.evidence.report = bytes_of(copy, cut);
		TAP_EACH(ok, !made_token_verify(&made), "%zu bytes", cut);
		free(copy);
	}
	tap_ok(ok, "a token cut short at any length is refused");

	ok = true;
	made.evidence.report = bytes_of(made.token, len);
	for (size_t bit = 0; bit < 8 * len; bit += bit_step())
	{
		made.token[bit / 8] ^= 1 << bit % 8;
		TAP_EACH(ok, !made_token_verify(&made), "bit %zu of byte %zu", bit % 8, bit / 8);
		made.token[bit / 8] ^= 1 << bit % 8;
	}
	tap_ok(ok && passes(), "no bit of a token can be another one");
}

static void
test_form(void)
{
	static char long_token[JWT_MAX + 2];

	begin();
	made_token_issue(&made);
	strcat(made.token, ".AAAA");
	made.evidence.report = bytes_of_string(made.token);
	tap_ok(fails("well-formed", "does not end with a signature"), "four parts");
	begin();
	made_token_issue(&made);
	strcat(made.token, "\n");
	made.evidence.report = bytes_of_string(made.token);
	tap_ok(fails("well-formed", "does not end with a signature"), "a line's end");
	begin();
	made_token_issue(&made);
	made.evidence.report.len++;
	tap_ok(fails("well-formed", "not text"), "its NUL");
	memset(long_token, 'A', sizeof(long_token));
	made.evidence.report = bytes_of(long_token, JWT_MAX + 1);
	tap_ok(fails("well-formed", "too long"), "a byte too many");
	made.evidence.report = bytes_of(long_token, JWT_MAX);
	tap_ok(fails("well-formed", "header or payload"), "one byte less");
	made.evidence.report = bytes_of(NULL, 0);
	tap_ok(fails("well-formed", "header or payload"), "nothing");
	begin();
	payload("{", "{ ");
	made.header[0] = '[';
	refused("a header that is no object", "signed by one of these keys", "not JSON");
}

void
test_token(void)
{
	made_token_start();
	test_claims();
	test_algorithms();
	test_keys();
	test_times_and_names();
	test_platform();
	test_nonces();
	test_bytes_of_token();
	test_form();
	made_token_end();
}
