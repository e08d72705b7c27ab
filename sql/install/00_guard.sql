/* The installed script is made from the fragments in sql/install. */

\echo Use "CREATE EXTENSION bionic_crypt" to load this file. \quit

/*
 * Whoever may create objects in the extension's schema could plant operators
 * and functions that fit better than those of pg_catalog, and would find them
 * in our checks and views.  So what is meant for that schema says @extschema@.
 */
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE SCHEMA bionic_crypt;
COMMENT ON SCHEMA bionic_crypt IS 'functions, views and catalog of the extension bionic_crypt';
