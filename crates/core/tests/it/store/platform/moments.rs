//! The contract's moments carry no zone: everybody who writes there must mean the same one.

use std::time::Duration;

use viva_core::store::{migrate, versions};
use viva_testkit::{Postgres, eventually};

use super::{platform, populated, score};

/// How old the report that Viva has just written is to the platform, in seconds: made, changed.
async fn age(url: &str) -> (f64, f64) {
    migrate(url).await.unwrap();
    score(url).await;
    let ages = &platform("read", url)["153"]["report_age_s"];
    (ages[0].as_f64().unwrap(), ages[1].as_f64().unwrap())
}

async fn assert_young(url: &str) {
    let (made, changed) = age(url).await;
    assert!((-5.0..60.0).contains(&made) && (-5.0..60.0).contains(&changed), "{url}: {made} s, {changed} s");
}

fn name(url: &str) -> &str {
    url.split('?').next().unwrap().rsplit('/').next().unwrap()
}

#[tokio::test]
async fn a_report_is_dated_in_the_databases_zone() {
    let url = populated();
    Postgres::shared().sql(&url, &format!("ALTER DATABASE {} SET timezone = 'Asia/Seoul'", name(&url)));
    assert_young(&url).await;
    // Once more, now that there is a row to change.
    assert_young(&url).await;
}

#[tokio::test]
async fn a_report_is_dated_in_the_roles_zone_before_the_databases() {
    let url = populated();
    let name = name(&url);
    Postgres::shared().sql(&url, &format!("ALTER DATABASE {name} SET timezone = 'America/New_York'"));
    Postgres::shared().sql(&url, &format!("ALTER ROLE CURRENT_USER IN DATABASE {name} SET timezone = 'Asia/Seoul'"));
    assert_young(&url).await;
}

#[tokio::test]
async fn a_report_is_dated_in_the_addresss_zone_before_all() {
    let url = populated();
    Postgres::shared().sql(&url, &format!("ALTER DATABASE {} SET timezone = 'America/New_York'", name(&url)));
    let set = |zone: &str| format!("{url}{}options=-c%20timezone%3D{zone}", if url.contains('?') { '&' } else { '?' });
    assert_young(&set("Asia/Seoul")).await;
    let refused = versions(&set("Asia/Soul")).await.unwrap_err();
    let said = viva_core::TaskError::from(refused).chain();
    assert!(said.contains("Asia/Soul"), "{said}");
}

#[tokio::test]
async fn a_report_is_dated_in_the_servers_zone_where_nothing_else_is_said() {
    let server = Postgres::start();
    let url = server.database();
    platform("fill", &url);
    // As initdb writes them where the server's machine is in Korea.
    for setting in ["timezone", "log_timezone"] {
        server.sql(&url, &format!("ALTER SYSTEM SET {setting} = 'Asia/Seoul'"));
    }
    server.sql(&url, "SELECT pg_reload_conf()");
    eventually("the server's new zone", Duration::from_secs(10), || server.sql(&url, "SHOW log_timezone") == "Asia/Seoul");
    assert_young(&url).await;
}
