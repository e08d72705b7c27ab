/*-------------------------------------------------------------------------
 *
 * audit_change.h
 *	  A change of the catalog as an event of audit.
 *
 *-------------------------------------------------------------------------
 */
#ifndef KEYS_AUDIT_CHANGE_H
#define KEYS_AUDIT_CHANGE_H

#include "postgres.h"

#include "commands/trigger.h"

/* Writes what the trigger saw to the outbox, in its transaction. */
extern void audit_change(const TriggerData *trigger);

#endif							/* KEYS_AUDIT_CHANGE_H */
