/*-------------------------------------------------------------------------
 *
 * nonce.c
 *	  The nonces of new values.
 *
 * Run time: prefix || 12 random bytes.  The prefix is random too, belongs to
 * one process and one value key, and serves at most NONCES_PER_PREFIX values:
 * what XAES derives from it is then worth keeping, and a derived key sees far
 * fewer than the 2^32 random nonces that SP 800-38D (8.3) allows.
 *
 * Parse time: all 24 bytes are HMAC-SHA-256(a random key of this process,
 * header || call number || statement time || command id || length ||
 * plaintext), cut off.  The parser compares constants byte by byte (GROUP BY
 * coalesce(c, 'x')), so equal literals of one statement must be equal values.
 * Nonces are equal only when all that goes in is, and then so is the value:
 * a nonce never serves two plaintexts.  Nothing is kept by its prefix.
 *
 * Never mixed: a prefix drawn at random meets a MAC's first 12 bytes, or
 * another process's prefix, with probability 2^-96 a pair.
 *
 * After a fork, parent and child would draw the same: so the pool and the
 * process's key belong to a pid.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"

#include "base/secret.h"
#include "crypto/kdf.h"
#include "types/nonce.h"

#define NONCES_PER_PREFIX	65536
#define RANDOM_HALF_LEN		(AEAD_NONCE_LEN - AEAD_PREFIX_LEN)
#define POOL_LEN			4096	/* one system call in 341 values */
#define PROCESS_KEY_LEN		32

/*
 * Random bytes in store: a draw costs 9 ns, a call of pg_strong_random() 830.
 * A byte is used once and wiped as it is.
 */
typedef struct RandomPool
{
	int			pid;			/* the process that filled it */
	int			left;			/* unused bytes, at the end */
	uint8		bytes[POOL_LEN];
} RandomPool;

typedef struct LiteralsKey
{
	int			pid;			/* the process that drew it */
	HmacKey    *key;			/* for as long as the process lives */
} LiteralsKey;

/* Both of this process, see above. */
static RandomPool pool;
static LiteralsKey literals;

static void pool_draw(uint8 *out, int len);
static void pool_fill(void);
static HmacKey *literals_key(void);
static void random_or_error(void *out, Size len);

void
nonce_random(ValueKey *key, uint8 nonce[AEAD_NONCE_LEN])
{
	if (unlikely(pool.pid != MyProcPid))
	{
		/* the other keys' prefixes live on; the random half is our own */
		pool.left = 0;
		key->nonces_left = 0;
	}
	if (unlikely(key->nonces_left == 0))
	{
		pool_draw(key->nonce_prefix, AEAD_PREFIX_LEN);
		key->nonces_left = NONCES_PER_PREFIX;
	}
	key->nonces_left--;
	memcpy(nonce, key->nonce_prefix, AEAD_PREFIX_LEN);
	pool_draw(nonce + AEAD_PREFIX_LEN, RANDOM_HALF_LEN);
}

void
nonce_of_literal(const uint8 header[ENVELOPE_AT_NONCE], uint64 call_number,
				 Bytes plaintext, uint8 nonce[AEAD_NONCE_LEN])
{
	HmacKey    *key = literals_key();
	uint8		numbers[8 + 8 + 4 + 8];
	ByteWriter	w = writer_of(numbers, sizeof(numbers));
	Bytes		parts[3];
	uint8		mac[32];

	writer_u64(&w, call_number);
	writer_u64(&w, (uint64) GetCurrentStatementStartTimestamp());
	writer_u32(&w, GetCurrentCommandId(false));
	writer_u64(&w, plaintext.len);
	Assert(!w.overflow);

	parts[0] = bytes_of(header, ENVELOPE_AT_NONCE);
	parts[1] = writer_bytes(&w);
	parts[2] = plaintext;
	if (!kdf_hmac_with(key, parts, lengthof(parts), mac))
		elog(ERROR, "could not compute a MAC");
	memcpy(nonce, mac, AEAD_NONCE_LEN);
}

static inline void
pool_draw(uint8 *out, int len)
{
	uint8	   *drawn;

	if (unlikely(pool.left < len))
		pool_fill();
	drawn = pool.bytes + POOL_LEN - pool.left;
	memcpy(out, drawn, len);
	memset(drawn, 0, len);
	pool.left -= len;
}

static void
pool_fill(void)
{
	pool.left = 0;
	random_or_error(pool.bytes, POOL_LEN);
	pool.left = POOL_LEN;
	pool.pid = MyProcPid;
}

static HmacKey *
literals_key(void)
{
	Secret	   *key;

	if (literals.pid == MyProcPid)
		return literals.key;
	key = secret_create(PROCESS_KEY_LEN);
	random_or_error(key->data, PROCESS_KEY_LEN);
	literals.key = kdf_hmac_key(bytes_of(key->data, PROCESS_KEY_LEN));
	secret_wipe(key);
	if (literals.key == NULL)
		elog(ERROR, "could not make a MAC key");
	literals.pid = MyProcPid;
	return literals.key;
}

static void
random_or_error(void *out, Size len)
{
	if (!pg_strong_random(out, len))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
}
