/*-------------------------------------------------------------------------
 *
 * key_acquire.h
 *	  The one door: the only functions of a backend that hand out key
 *	  material.  They ask who, whether they may, the backend's own cache, then
 *	  the key worker.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SESSION_KEY_ACQUIRE_H
#define SESSION_KEY_ACQUIRE_H

#include "postgres.h"

#include "crypto/aead.h"
#include "crypto/envelope.h"
#include "report/privilege.h"
#include "session/tenant_context.h"

/*
 * An expanded value key.  Good for the value at hand: a caller asks again
 * for the next one, and never keeps the pointer across values.
 */
typedef struct ValueKey
{
	const AeadAlgorithm *algorithm;
	void	   *state;			/* of the algorithm */
	uint8		fingerprint[FINGERPRINT_LEN];
	uint8		key_id[KEY_ID_LEN];

	/* Of the nonces that this process makes with this key: types/nonce.c */
	uint8		nonce_prefix[AEAD_PREFIX_LEN];
	uint32		nonces_left;	/* before a new prefix is due; 0 at first */
} ValueKey;

/*
 * The key that encrypts new values of the session's tenant, and the key of a
 * value that names key_id.  Both raise an error when the role may not, the
 * tenant is suspended, the KMS denies or cannot be asked, or no tenant is set
 * (KM005).
 */
extern ValueKey *key_acquire_to_encrypt(void);
extern ValueKey *key_acquire_to_decrypt(const uint8 key_id[KEY_ID_LEN]);

/*
 * The session's tenant after its role's right was checked; NULL when none is
 * set.  Raises 42501 when the role has no privilege for it at all.
 */
extern const TenantContext *key_authorised_tenant(void);

#endif							/* SESSION_KEY_ACQUIRE_H */
