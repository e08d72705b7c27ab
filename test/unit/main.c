/*-------------------------------------------------------------------------
 *
 * main.c
 *	  Runs the tests of src/crypto.
 *
 *-------------------------------------------------------------------------
 */
#include <stdio.h>

#include "reference.h"
#include "tap.h"

int
main(int argc, char **argv)
{
	const char *vectors = argc > 1 ? argv[1] : "../vectors";
	bool		started;

	/* first of all: it watches all that OpenSSL frees from the start */
	test_aead_wipe();

	started = aead_startup() && aead_startup() &&
		aead_xaes_no_aes.startup() && aead_xaes_fips.startup();
	tap_ok(started, "the libraries start, and starting twice is one start");
	if (!started)
		return 1;
	test_bytes();
	test_kdf(vectors);
	test_aead(vectors);
	test_aead_cache();
	test_envelope(vectors);
	test_armour(vectors);
	test_sealed_box();
	test_fips();
	return tap_done();
}
