//! A cluster of Citus, as far as it shows without one: what Sala asks of it, in which order, and what it says elsewhere.

use crate::app::{TestApp, is_postgres};

/// What `sala migrate --distribute` prints, and whether it succeeded.
fn distribute(app: &TestApp) -> (bool, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sala"));
    let output = command.args(["migrate", "--distribute", "--database", &app.database.url]).output().unwrap();
    let said = if output.status.success() { &output.stdout } else { &output.stderr };
    (output.status.success(), String::from_utf8_lossy(said).into_owned())
}

/// The tables that were distributed, in order, each with the column and the table that it lies beside.
async fn distributed(app: &TestApp) -> Vec<(String, String, String)> {
    let mut conn = app.app.db.read().await.unwrap();
    conn.sql("select name, by_column, beside from distributed order by number").all().await.unwrap()
}

#[tokio::test]
async fn tables_are_distributed_by_company_beside_each_other_and_plans_see_their_values() {
    let app = TestApp::new().await;
    let mode = async |app: &TestApp| -> String {
        let db = db::Db::open(&app.database.url, db::Options::default()).await.unwrap();
        let mut conn = db.read().await.unwrap();
        conn.sql("select current_setting('plan_cache_mode')").one().await.unwrap()
    };
    let refusal = if is_postgres() { "no Citus extension" } else { "on one machine" };
    let (distributes, said) = distribute(&app);
    assert!(!distributes && said.contains(refusal), "{said}");
    if !is_postgres() {
        return;
    }
    assert_eq!(mode(&app).await, "force_generic_plan");
    // Stands in for the extension: keeps what it is asked for, and in which order.
    let server = app.database.url.as_str();
    for statement in [
        "create table pg_dist_partition (logicalrelid regclass not null)",
        "create table distributed (number serial, name text, by_column text, beside text)",
        "create function create_distributed_table(name regclass, by_column text, colocate_with text) returns void
         language sql as $$ insert into pg_dist_partition values (name);
                            insert into distributed (name, by_column, beside) values (name::text, by_column, colocate_with) $$",
    ] {
        crate::app::postgres(server, statement).await;
    }
    let (distributes, said) = distribute(&app);
    assert!(distributes, "{said}");
    let tables = distributed(&app).await;
    assert!(said.contains(&format!("{} tables distributed by company", tables.len())), "{said}");
    assert_eq!(tables[0].2, "default");
    let first = tables[0].0.clone();
    assert!(tables.iter().all(|(_, column, _)| column == "company"), "{tables:?}");
    assert!(tables[1..].iter().all(|(_, _, beside)| *beside == first), "{tables:?}");
    let place = |name: &str| tables.iter().position(|(table, ..)| table == name).unwrap();
    for (before, after) in
        [("company", "client"), ("client", "token"), ("room", "message"), ("webhook", "webhook_delivery")]
    {
        assert!(place(before) < place(after), "{after} points to {before}");
    }
    assert_eq!(mode(&app).await, "auto");
    // A second time only what is new.
    crate::app::postgres(server, "create table zebra (company bigint not null primary key)").await;
    assert!(distribute(&app).1.contains("1 tables distributed"), "the new one");
    assert_eq!(distributed(&app).await.pop().unwrap().0, "zebra");
}
