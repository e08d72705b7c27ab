/*-------------------------------------------------------------------------
 *
 * kms_over_helper.c
 *	  The transport of the provider pkcs11: a helper process for each server,
 *	  and a socket pair between it and us.
 *
 * The helper is started by the first request and gets one at a time.  A module
 * that hangs cannot be interrupted: when a request runs out of time, or is
 * cancelled, frames.c closes the stream, and that kills the helper.  One that
 * has ended is started anew, at most once in a second.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "kms/kms_helper_process.h"

/* A client of this transport. */
typedef struct Helper
{
	HelperSeat	seat;
	FrameClient *frames;
} Helper;

static void *
open_server(const KmsServer *server, int places, KmsError *error)
{
	Helper	   *helper = calloc(1, sizeof(Helper));
	FrameOptions options = {
		.kind = &helper_process_stream,
		.endpoint = helper == NULL ? NULL : &helper->seat,
		.max_connections = 1,
	};

	helper_processes_init();
	if (helper != NULL)
	{
		helper->seat.server = server;
		helper->frames = frame_client_create(&options);
		if (helper->frames != NULL)
			return helper;
		free(helper);
	}
	kms_fail(error, KMS_UNAVAILABLE, "", "There is no memory for its helper.");
	return NULL;
}

static void
close_server(void *client)
{
	Helper	   *helper = client;

	frame_client_free(helper->frames);
	free(helper);
}

static void *
send_request(void *client, const KmsRequest *request, KmsReply *reply, int timeout_ms,
			 KmsDone done, void *argument)
{
	Helper	   *helper = client;

	return frame_send(helper->frames, request, reply, timeout_ms, done, argument);
}

static void
cancel_transfer(void *transfer)
{
	frame_cancel(transfer);
}

const KmsTransport kms_over_helper = {
	.open = open_server,
	.close = close_server,
	.send = send_request,
	.cancel = cancel_transfer,
};
