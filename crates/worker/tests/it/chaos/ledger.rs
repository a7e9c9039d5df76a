//! What the database itself notes of every change, by triggers: a witness that shares no code with what it judges.

use std::time::Duration;

use viva_testkit::{Postgres, eventually};

/// Every version of a claim, a clip and a target, in the order of the commits that hold their rows.
const KEEP: &str = "
    CREATE TABLE ledger (n BIGSERIAL PRIMARY KEY, what TEXT, key TEXT, op TEXT, was JSONB, is_now JSONB);
    CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO ledger (what, key, op, was, is_now) VALUES (
            TG_TABLE_NAME,
            coalesce(to_jsonb(NEW), to_jsonb(OLD)) ->> TG_ARGV[0],
            TG_OP,
            CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE to_jsonb(OLD) END,
            CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE to_jsonb(NEW) END);
        RETURN NULL;
    END $$;
    CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON claims FOR EACH ROW EXECUTE FUNCTION note('computation');
    CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON speech_clips FOR EACH ROW EXECUTE FUNCTION note('computation');
    CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON effects FOR EACH ROW EXECUTE FUNCTION note('target');";

/// Each counts what must not be.
const NEVER: [(&str, &str); 8] = [
    (
        "a result is stored twice",
        "SELECT COUNT(*) FROM (SELECT key FROM ledger WHERE what = 'speech_clips' GROUP BY key HAVING COUNT(*) > 1) AS x",
    ),
    (
        "an epoch goes back",
        "SELECT COUNT(*) FROM ledger WHERE what = 'claims' AND op = 'UPDATE' AND (is_now ->> 'epoch')::int < (was ->> 'epoch')::int",
    ),
    (
        "a claim is taken without a new epoch",
        "SELECT COUNT(*) FROM ledger WHERE what = 'claims' AND op = 'UPDATE' AND is_now ->> 'state' = 'running'
            AND (is_now ->> 'epoch')::int <> (was ->> 'epoch')::int + 1",
    ),
    (
        "a claim is settled that was not held under that epoch",
        "SELECT COUNT(*) FROM ledger WHERE what = 'claims' AND op = 'UPDATE' AND is_now ->> 'state' = 'settled'
            AND (was ->> 'state' <> 'running' OR was ->> 'epoch' <> is_now ->> 'epoch')",
    ),
    ("a claim was never settled", "SELECT COUNT(*) FROM claims WHERE state <> 'settled'"),
    (
        "a target goes back",
        "SELECT COUNT(*) FROM ledger WHERE what = 'effects' AND op = 'UPDATE' AND (is_now ->> 'seen')::int < (was ->> 'seen')::int",
    ),
    (
        "a target shows another task than the one that arrived last",
        "SELECT COUNT(*) FROM effects WHERE seen <> (SELECT MAX(a.seen) FROM asked JOIN arrivals AS a ON a.task_id = asked.id WHERE asked.target = effects.target)",
    ),
    (
        "a task did not arrive, or its target shows nothing",
        "SELECT COUNT(*) FROM asked WHERE id NOT IN (SELECT task_id FROM arrivals) OR target NOT IN (SELECT target FROM effects)",
    ),
];

pub(super) struct Ledger;

impl Ledger {
    pub(super) fn keep(postgres: &Postgres, url: &str) {
        postgres.sql(url, KEEP);
    }

    /// Waits until nobody waits and nothing is to be published.
    pub(super) fn settle(postgres: &Postgres, url: &str, patience: Duration, mut turn: impl FnMut()) {
        eventually("no waiter, no letter, no claim is left", patience, || {
            turn();
            let left = "SELECT (SELECT COUNT(*) FROM waiters) + (SELECT COUNT(*) FROM outbox) + (SELECT COUNT(*) FROM claims WHERE state <> 'settled')";
            postgres.sql(url, left) == "0"
        });
    }

    pub(super) fn check(postgres: &Postgres, url: &str, asked: &[(String, i32)]) {
        postgres.sql(url, "CREATE TABLE asked (id TEXT PRIMARY KEY, target TEXT)");
        // A command line has its limits.
        for some in asked.chunks(1000) {
            let rows: Vec<_> = some.iter().map(|(id, question)| format!("('{id}', 'q_{question}')")).collect();
            postgres.sql(url, &format!("INSERT INTO asked VALUES {}", rows.join(", ")));
        }
        for (what, count) in NEVER {
            assert_eq!(postgres.sql(url, count), "0", "{what}");
        }
    }

    /// How much happened: a run in which nobody was ever robbed shows little.
    pub(super) fn told(postgres: &Postgres, url: &str) -> String {
        let number = |sql: &str| postgres.sql(url, sql);
        format!(
            "{} results, {} sessions declared gone or left, {} claims taken up from others, {} claims ended without a result",
            number("SELECT COUNT(*) FROM speech_clips"),
            number("SELECT COUNT(*) FROM worker_sessions WHERE state = 'gone'"),
            number(
                "SELECT COUNT(*) FROM ledger WHERE what = 'claims' AND was ->> 'state' <> 'settled' AND was ->> 'worker' <> is_now ->> 'worker'"
            ),
            number("SELECT COUNT(*) FROM ledger WHERE what = 'claims' AND was ->> 'state' = 'running' AND is_now ->> 'state' = 'open'"),
        )
    }
}
