/*-------------------------------------------------------------------------
 *
 * key_task.h
 *	  Makes a wrapped key, or wraps one anew: several calls of KMSs, one
 *	  after the other.
 *
 *-------------------------------------------------------------------------
 */
#ifndef WORKER_KEY_TASK_H
#define WORKER_KEY_TASK_H

#include "postgres.h"

#include "shmem/key_message.h"
#include "worker/kms_call.h"

struct KeyTaskStep;

typedef struct KeyTask
{
	const KeyRequest *request;
	KeyRecord  *record;			/* as it will be in the catalog */
	void		(*done) (struct KeyTask *task, const KmsError *error);	/* NULL: it worked */
	void	   *argument;

	/* The rest is key_task.c's. */
	const struct KeyTaskStep *step;
	uint8	   *data_key;		/* in the key store */
	KmsCall		call;
	bool		kek_created;
	char		kek_path[MAXPGPATH];
} KeyTask;

/* Its first part is filled in, the rest zero; done is called later. */
extern void key_task_start(KeyTask *task);

/* Gives up what is under way; its done is not called. */
extern void key_task_end(KeyTask *task);

#endif							/* WORKER_KEY_TASK_H */
