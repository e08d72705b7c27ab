/*-------------------------------------------------------------------------
 *
 * test_token_claims.c
 *	  Claims that a token must have: read, and looked for.
 *
 *-------------------------------------------------------------------------
 */
#include "kms_tap.h"

#include "kms/token_claims.h"

#define SPACE \
	"{\"swname\":\"CONFIDENTIAL_SPACE\",\"dbgstat\":\"disabled-since-boot\",\"secboot\":true," \
	"\"x-ms-sevsnpvm-vmpl\":0,\"submods\":{\"container\":{\"image_digest\":\"sha256:aa\"}," \
	"\"confidential_space\":{\"support_attributes\":[\"LATEST\",\"STABLE\",\"USABLE\"]}}," \
	"\"https://a/b~c\":\"odd\",\"number\":\"1\",\"list\":{\"0\":\"x\"},\"nothing\":null}"

static const char *
problem(const char *demanded)
{
	static KmsError error;

	memset(&error, 0, sizeof(error));
	if (token_claims_validate(demanded, "attestation_claims", &error))
		return "";
	return error.status == KMS_CONFIG && strcmp(error.subject, "attestation_claims") == 0 ?
		error.detail : "?";
}

static void
test_demands(void)
{
	static const char *const good[] = {
		"{\"/a\":\"b\"}", " { \"/a\" : 1 , \"/b/c~1d~0e/0\" : true } ", "{\"/\":\"\"}",
		"{\"/a\":\"\\\"\"}",
	};
	static const struct
	{
		const char *demanded;
		const char *problem;
	}			bad[] = {
		{"", "it is no JSON"},
		{"{", "it is no JSON"},
		{"{\"/a\":1}x", "it is no JSON"},
		{"{\"/a\":1,\"/a\":2}", "has a name twice"},
		{"{}", "it demands nothing"},
		{"[]", "must be a JSON object"},
		{"\"/a\"", "must be a JSON object"},
		{"{\"a\":1}", "must be JSON pointers"},
		{"{\"\":1}", "must be JSON pointers"},
		{"{\"/a~2\":1}", "must be JSON pointers"},
		{"{\"/a~\":1}", "must be JSON pointers"},
		{"{\"/\xc3\xa9\":1}", "must be JSON pointers"},
		{"{\"/a\":null}", "must be strings, numbers and booleans"},
		{"{\"/a\":[1]}", "must be strings, numbers and booleans"},
		{"{\"/a\":{\"/b\":1}}", "must be strings, numbers and booleans"},
	};
	char		many[1024] = "{";
	char		longest[1024];
	bool		ok = true;

	for (int i = 0; i < lengthof(good); i++)
		TAP_EACH(ok, problem(good[i])[0] == '\0', "%s: %s", good[i], problem(good[i]));
	tap_ok(ok, "claims are demanded by pointers and values");
	for (int i = 0; i < lengthof(bad); i++)
		TAP_EACH(ok, strstr(problem(bad[i].demanded), bad[i].problem) != NULL, "%s: %s",
				 bad[i].demanded, problem(bad[i].demanded));
	tap_ok(ok, "and what is no such thing is told");

	for (int i = 0; i < TOKEN_CLAIMS_MAX; i++)
		snprintf(many + strlen(many), sizeof(many) - strlen(many), "\"/%d\":1,", i);
	many[strlen(many) - 1] = '}';
	ok = problem(many)[0] == '\0';
	many[strlen(many) - 1] = ',';
	strlcat(many, "\"/x\":1}", sizeof(many));
	TAP_EACH(ok, strstr(problem(many), "too many") != NULL, "%s", problem(many));
	snprintf(longest, sizeof(longest), "{\"/%0*d\":1}", TOKEN_CLAIM_NAME_MAX - 2, 0);
	TAP_EACH(ok, problem(longest)[0] == '\0', "a long name");
	snprintf(longest, sizeof(longest), "{\"/%0*d\":1}", TOKEN_CLAIM_NAME_MAX - 1, 0);
	TAP_EACH(ok, problem(longest)[0] != '\0', "a name that is too long");
	snprintf(longest, sizeof(longest), "{\"/a\":\"%0*d\"}", 512, 0);
	TAP_EACH(ok, strstr(problem(longest), "too long") != NULL, "a value that is too long");
	tap_ok(ok, "within limits");
}

static void
test_claims(void)
{
	static const char *const there[] = {
		"{\"/swname\":\"CONFIDENTIAL_SPACE\"}",
		"{\"/submods/container/image_digest\":\"sha256:aa\"}",
		"{\"/submods/confidential_space/support_attributes\":\"STABLE\"}",
		"{\"/submods/confidential_space/support_attributes/1\":\"STABLE\"}",
		"{\"/secboot\":true}",
		"{\"/x-ms-sevsnpvm-vmpl\":0}",
		"{\"/https:~1~1a~1b~0c\":\"odd\"}",
		"{\"/swname\":\"CONFIDENTIAL_SPACE\",\"/secboot\":true,\"/list/0\":\"x\"}",
	};
	static const struct
	{
		const char *demanded;
		const char *missing;
	}			absent[] = {
		{"{\"/swname\":\"GCE\"}", "/swname"},
		{"{\"/swname\":\"CONFIDENTIAL_SPACE \"}", "/swname"},
		{"{\"/swname\":\"confidential_space\"}", "/swname"},
		{"{\"/secboot\":true,\"/swname\":\"GCE\"}", "/swname"},
		{"{\"/submods/container\":\"sha256:aa\"}", "/submods/container"},
		{"{\"/image_digest\":\"sha256:aa\"}", "/image_digest"},
		{"{\"/submods/confidential_space/support_attributes\":\"EXPERIMENTAL\"}",
		"/submods/confidential_space/support_attributes"},
		{"{\"/submods/confidential_space/support_attributes/0\":\"STABLE\"}",
		"/submods/confidential_space/support_attributes/0"},
		{"{\"/secboot\":\"true\"}", "/secboot"},
		{"{\"/secboot\":false}", "/secboot"},
		{"{\"/number\":1}", "/number"},
		{"{\"/x-ms-sevsnpvm-vmpl\":0.0}", "/x-ms-sevsnpvm-vmpl"},
		{"{\"/list\":\"x\"}", "/list"},
		{"{\"/nothing\":false}", "/nothing"},
	};
	static const char *const unreadable[] = {
		"", "{", "[]", "null", "{\"a\":1,\"a\":1}", "{\"b\":1,\"a\":1}x", "{\"\\u0061\":1}",
	};
	char		missing[TOKEN_CLAIM_NAME_MAX];
	bool		ok = true;

	for (int i = 0; i < lengthof(there); i++)
		TAP_EACH(ok, token_claims_hold(there[i], bytes_of_string(SPACE), missing), "%s", there[i]);
	tap_ok(ok, "a claim is found where its pointer points, or in the array there");
	for (int i = 0; i < lengthof(absent); i++)
		TAP_EACH(ok, !token_claims_hold(absent[i].demanded, bytes_of_string(SPACE), missing) &&
				 strcmp(missing, absent[i].missing) == 0, "%s: %s", absent[i].demanded, missing);
	tap_ok(ok, "one of another value, kind or place is not it, and is named");
	for (int i = 0; i < lengthof(unreadable); i++)
		TAP_EACH(ok, !token_claims_hold("{\"/a\":1}", bytes_of_string(unreadable[i]), missing),
				 "%s", unreadable[i]);
	tap_ok(ok, "what cannot be read in one way only has none");
}

static void
test_nonces(void)
{
	tap_ok(token_claims_answer(bytes_of_string("{\"eat_nonce\":\"abc\"}"), "abc") &&
		   token_claims_answer(bytes_of_string("{\"eat_nonce\":[\"x\",\"abc\"]}"), "abc") &&
		   !token_claims_answer(bytes_of_string("{\"eat_nonce\":\"abcd\"}"), "abc") &&
		   !token_claims_answer(bytes_of_string("{\"eat_nonce\":[[\"abc\"]]}"), "abc") &&
		   !token_claims_answer(bytes_of_string("{\"nonce\":\"abc\"}"), "abc") &&
		   !token_claims_answer(bytes_of_string("{}"), "abc"),
		   "a token that answers a nonce has it");
}

void
test_token_claims(void)
{
	test_demands();
	test_claims();
	test_nonces();
}
