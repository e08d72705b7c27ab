/*-------------------------------------------------------------------------
 *
 * aead.c
 *	  The table of AEAD algorithms, made from aeadlist.h.
 *
 *-------------------------------------------------------------------------
 */
#include "crypto/aead.h"

static const AeadAlgorithm *const algorithms[] = {
#define AEAD(symbol) &symbol,
#include "crypto/aeadlist.h"
#undef AEAD
};

#define ALGORITHM_COUNT (sizeof(algorithms) / sizeof(algorithms[0]))

const AeadAlgorithm *
aead_by_id(uint8_t id)
{
	for (size_t i = 0; i < ALGORITHM_COUNT; i++)
	{
		if (algorithms[i]->id == id)
			return algorithms[i];
	}
	return NULL;
}

const AeadAlgorithm *
aead_by_name(const char *name)
{
	for (size_t i = 0; i < ALGORITHM_COUNT; i++)
	{
		if (strcmp(algorithms[i]->name, name) == 0)
			return algorithms[i];
	}
	return NULL;
}

bool
aead_startup(void)
{
	for (size_t i = 0; i < ALGORITHM_COUNT; i++)
	{
		if (!algorithms[i]->startup())
			return false;
	}
	return true;
}
