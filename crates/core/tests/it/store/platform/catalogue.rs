//! What stands in a database, in its own words.

use std::collections::BTreeMap;

use serde_json::Value;
use viva_testkit::Postgres;

/// The platform's tables.
pub(super) const FOREIGN: [&str; 8] =
    ["answer_bank", "companies", "evaluation_reports", "interviews", "questions", "resumes", "transcripts", "users"];

const DEFINITIONS: &str = "
    SELECT concat_ws('|', 'column', table_name, '', ordinal_position, column_name, data_type, udt_name, is_nullable, column_default,
        character_maximum_length) FROM information_schema.columns WHERE table_schema = 'public'
    UNION ALL SELECT concat_ws('|', 'enum', typname, enumsortorder, enumlabel) FROM pg_enum JOIN pg_type ON pg_type.oid = enumtypid
    UNION ALL SELECT concat_ws('|', 'constraint', conrelid::regclass, '', conname, pg_get_constraintdef(oid), convalidated)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws('|', 'index', tablename, '', indexdef) FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT concat_ws('|', 'trigger', tgrelid::regclass, '', tgname) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT concat_ws('|', 'table', relname, '', relkind, relowner, relacl, reloptions, relrowsecurity, relfilenode)
        FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
    ORDER BY 1";

/// Tables with their files, columns, constraints, indexes and triggers, and the enumerations.
pub(super) fn definitions(url: &str) -> Vec<String> {
    Postgres::shared().sql(url, DEFINITIONS).lines().map(str::to_owned).collect()
}

#[derive(Debug, PartialEq)]
pub(super) struct Row {
    /// The transaction that wrote it.
    written_by: String,
    pub(super) columns: Value,
}

/// Every row of the platform's tables, by table and id.
pub(super) fn rows(url: &str) -> BTreeMap<(String, String), Row> {
    let of_table = |table: &&str| format!("SELECT '{table}', id::text, xmin::text, to_jsonb({table}) FROM {table}");
    let all = FOREIGN.iter().map(of_table).collect::<Vec<_>>().join(" UNION ALL ");
    let row = |line: &str| {
        let parts: Vec<&str> = line.splitn(4, '|').collect();
        let row = Row { written_by: parts[2].to_owned(), columns: serde_json::from_str(parts[3]).unwrap() };
        ((parts[0].to_owned(), parts[1].to_owned()), row)
    };
    Postgres::shared().sql(url, &all).lines().map(row).collect()
}
