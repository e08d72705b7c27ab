-- bionic_crypt.check_settings(): what would put plaintext into logs or onto disks.

SET temp_tablespaces = '';
SET log_min_messages = warning;
SET log_error_verbosity = default;

-- With the log scrubbed, only what it does not cover

SELECT setting, value FROM bionic_crypt.check_settings() ORDER BY setting COLLATE "C";
SELECT problem FROM bionic_crypt.check_settings();
SET log_statement = 'all';
SET log_min_duration_statement = 0;
SET debug_print_plan = on;
SELECT setting, value FROM bionic_crypt.check_settings() ORDER BY setting COLLATE "C";
SET debug_print_plan = off;
SET log_min_messages = debug1;
SELECT setting, value FROM bionic_crypt.check_settings() ORDER BY setting COLLATE "C";
SET log_min_messages = warning;

-- Settings of other libraries, real or made up, when they are loaded

LOAD 'auto_explain';
SET auto_explain.log_min_duration = 1000;
SET pgaudit.log = 'write';
SET pg_stat_statements.track_utility = 'on';
SET pg_stat_monitor.pgsm_normalized_query = 'off';
SELECT setting, value FROM bionic_crypt.check_settings() ORDER BY setting COLLATE "C";
SET pgaudit.log_statement = 'off';
SELECT setting, value FROM bionic_crypt.check_settings() ORDER BY setting COLLATE "C";
SET pgaudit.log = 'none';
SET pg_stat_statements.track_utility = 'off';
SET pg_stat_monitor.pgsm_normalized_query = 'on';

-- With the log not scrubbed

SET bionic_crypt.scrub_log = off;
SET log_parameter_max_length_on_error = -1;
SET log_min_duration_sample = 100;
SET log_transaction_sample_rate = 0.5;
SET debug_print_parse = on;
SET debug_print_rewritten = on;
SET debug_print_plan = on;
SET log_min_error_statement = 'error';
SELECT setting, value, problem FROM bionic_crypt.check_settings() ORDER BY setting COLLATE "C";
SET log_parameter_max_length_on_error = 0;
SET log_min_duration_sample = -1;
SET log_transaction_sample_rate = 0;
SET debug_print_parse = off;
SET debug_print_rewritten = off;
SET debug_print_plan = off;
SET log_min_error_statement = 'panic';
SET log_error_verbosity = 'terse';
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET auto_explain.log_min_duration = -1;
SELECT setting, value FROM bionic_crypt.check_settings() ORDER BY setting COLLATE "C";

-- Who may ask

SET client_min_messages = warning;
CREATE ROLE regress_settings;
RESET client_min_messages;
SET ROLE regress_settings;
SELECT * FROM bionic_crypt.check_settings();
RESET ROLE;
GRANT pg_monitor TO regress_settings;
SET ROLE regress_settings;
SELECT count(*) > 0 FROM bionic_crypt.check_settings();
RESET ROLE;
DROP ROLE regress_settings;
