/*-------------------------------------------------------------------------
 *
 * key_client.h
 *	  Asks the key worker and waits for its answer.
 *
 *-------------------------------------------------------------------------
 */
#ifndef SESSION_KEY_CLIENT_H
#define SESSION_KEY_CLIENT_H

#include "postgres.h"

#include "base/secret.h"
#include "shmem/key_message.h"

/*
 * Sends the request (its public key is filled in here) and waits at most
 * bionic_crypt.kms_timeout, interruptibly.  The caller looks at
 * reply->condition.  When a key came with the reply, *data_key is a Secret in
 * the current memory context, which the caller wipes; else NULL.
 */
extern void key_client_ask(KeyRequest *request, KeyReply *reply, Secret **data_key);

/* Raises the reply's condition, if there is one. */
extern void key_client_raise(const KeyReply *reply);

/*
 * Refuses a privilege for a tenant, which the session found missing by itself,
 * by having the key worker refuse it: what it notes survives the rollback.
 */
pg_noreturn extern void key_client_deny(const char *tenant, uint32 privileges,
										const char *log_detail);

#endif							/* SESSION_KEY_CLIENT_H */
