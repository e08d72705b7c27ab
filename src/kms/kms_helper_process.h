/*-------------------------------------------------------------------------
 *
 * kms_helper_process.h
 *	  Helper processes of the provider pkcs11, as streams of frames.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KMS_KMS_HELPER_PROCESS_H
#define KMS_KMS_HELPER_PROCESS_H

#include "postgres.h"

#include "kms/frames.h"

/* The endpoint of its streams; zeroed but for the server. */
typedef struct HelperSeat
{
	const KmsServer *server;
	uint64		started;		/* the last process; 0: none was */
} HelperSeat;

extern const FrameStreamKind helper_process_stream;

/* Before the first of this process; more than once does no harm. */
extern void helper_processes_init(void);

#endif							/* KMS_KMS_HELPER_PROCESS_H */
