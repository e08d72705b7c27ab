/*-------------------------------------------------------------------------
 *
 * main.c
 *	  Runs the tests of the event loop and the transports, against a fake KMS
 *	  whose ports are the argument.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>
#include <unistd.h>

#include "../tap.h"
#include "calls.h"
#include "kms/curl_loop.h"
#include "kms/loop.h"

int
main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	ports_init(argv[1]);
	signal(SIGPIPE, SIG_IGN);	/* as in every process of PostgreSQL */
	alarm(600);					/* a test that hangs has failed */

	/* None of it is to be heeded. */
	setenv("SSLKEYLOGFILE", "keys_of_tls", 1);
	setenv("https_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	setenv("HOME", ".", 1);

	loop_init();
	curl_loop_init();
	test_address();
	test_loop();
	test_frames();
	test_frame_ends();
	test_replies();
	test_failures();
	test_transfers();
	test_metadata();
	test_machine();
	test_over_tls();
	test_wiping();
	tap_ok(access("keys_of_tls", F_OK) != 0, "libcurl wrote no keys of TLS to a file");
	return tap_done();
}
