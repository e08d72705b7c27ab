/*-------------------------------------------------------------------------
 *
 * stand_in.c
 *	  In the place of base/config.c, kms_file.c and the transports, which want a server; for
 *	  these tests and for test/fuzz.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "base/config.h"
#include "kms/kms_provider.h"
#include "kms/kms_transport.h"
#include "miscadmin.h"

bool		IsBinaryUpgrade;
bool		config_allow_local_kms;
char	   *config_pkcs11_modules = "";

static const KmsOptionRule file_option_rules[] = {
	{.name = "path",.of_machine = true},
	{.name = NULL},
};

const KmsTransport kms_over_http;
const KmsTransport kms_over_helper;
const KmsTransport kms_over_tls;

const KmsProvider kms_file = {
	.name = "file",
	.option_rules = file_option_rules,
};

#ifdef USE_ASSERT_CHECKING
void
ExceptionalCondition(const char *condition,
#if PG_VERSION_NUM < 160000
					 const char *type,
#endif
					 const char *file, int line)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, condition);
	abort();
}
#endif
