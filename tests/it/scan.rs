//! Looks through a whole database, whatever its tables are.

use db::{Conn, Kind};

use crate::app::TestApp;

/// A column of the database.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Column {
    pub table_name: String,
    pub column_name: String,
    pub kind: String,
}

/// Every column of every table.
pub async fn columns(app: &TestApp) -> Vec<Column> {
    let sql = match app.app.db.kind() {
        Kind::Sqlite => {
            "select tables.name as table_name, columns.name as column_name, lower(columns.type) as kind
             from sqlite_schema as tables join pragma_table_info(tables.name) as columns
             where tables.type = 'table' order by tables.name, columns.cid"
        }
        Kind::Postgres => {
            "select table_name::text as table_name, column_name::text as column_name, data_type::text as kind
             from information_schema.columns where table_schema = 'public' order by table_name, ordinal_position"
        }
    };
    let columns: Vec<Column> = app.app.db.read().await.unwrap().sql(sql).all().await.unwrap();
    assert!(columns.len() > 200, "the schema is not read rightly");
    columns
}

/// Where this text stands, in any letter case: `table.column` of each column that has it.
pub async fn places(app: &TestApp, columns: &[Column], text: &str) -> Vec<String> {
    let kind = app.app.db.kind();
    let mut conn = app.app.db.read().await.unwrap();
    let mut found = Vec::new();
    for column in columns {
        if has(&mut conn, kind, column, text).await {
            found.push(format!("{}.{}", column.table_name, column.column_name));
        }
    }
    found
}

async fn has(conn: &mut Conn, kind: Kind, column: &Column, text: &str) -> bool {
    let Column { table_name: table, column_name: name, kind: declared } = column;
    let sql = match kind {
        // What is declared says little on SQLite: every value is looked at as bytes.
        Kind::Sqlite => format!(
            "select count(*) from \"{table}\" where instr(cast(\"{name}\" as blob), cast($1 as blob)) > 0
                or instr(lower(cast(\"{name}\" as text)), $2) > 0"
        ),
        Kind::Postgres if declared == "bytea" => format!(
            "select count(*) from \"{table}\" where position(convert_to($1, 'UTF8') in \"{name}\") > 0
                or position(convert_to($2, 'UTF8') in \"{name}\") > 0"
        ),
        Kind::Postgres => format!(
            "select count(*) from \"{table}\" where position($1 in cast(\"{name}\" as text)) > 0
                or position($2 in lower(cast(\"{name}\" as text))) > 0"
        ),
    };
    // A statement is a constant in the program; here the schema decides.
    let sql: &'static str = Box::leak(sql.into_boxed_str());
    let count: i64 = conn.sql(sql).bind(text).bind(text.to_lowercase()).one().await.unwrap();
    count > 0
}
