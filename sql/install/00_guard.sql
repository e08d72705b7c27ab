/* The installed script is made from the fragments in sql/install. */

\echo Use "CREATE EXTENSION bionic_crypt" to load this file. \quit

CREATE SCHEMA bionic_crypt;
COMMENT ON SCHEMA bionic_crypt IS 'functions, views and catalog of the extension bionic_crypt';
