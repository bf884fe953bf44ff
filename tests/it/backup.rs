//! Backups of an SQLite database, taken while a server writes, and put back in its place.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::{TestApp, TestDatabase, is_postgres};
use crate::child::{Load, Server, Shop, until};
use crate::transfer::sala;

/// Runs a command on a test's database that must succeed; answers what it prints, as JSON.
fn ok(database: &TestDatabase, args: &[&str]) -> Value {
    let done = sala(database, "", args);
    assert!(done.status.success(), "{done:?}");
    serde_json::from_slice(&done.stdout).unwrap()
}

fn complaint(done: &Output) -> String {
    assert!(!done.status.success(), "{done:?}");
    String::from_utf8_lossy(&done.stderr).into_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn file(database: &TestDatabase) -> PathBuf {
    PathBuf::from(database.url.strip_prefix("sqlite:").unwrap())
}

/// An SQLite database of one's own, at a place where nothing is yet.
fn elsewhere(name: &str) -> TestDatabase {
    let folder = std::env::temp_dir().join(format!("sala_{name}_{}", Uuid::new_v4().simple()));
    let mut database = TestDatabase::at(&format!("sqlite:{}", folder.join("sala.db").display()));
    fs::create_dir_all(&folder).unwrap();
    let _ = fs::remove_dir_all(std::mem::replace(&mut database.folder, folder));
    database
}

async fn ids(database: &TestDatabase) -> HashSet<Uuid> {
    let db = db::Db::open(&database.url, db::Options::default()).await.unwrap();
    let ids: Vec<Uuid> = db.read().await.unwrap().sql("select id from message").all().await.unwrap();
    db.close().await;
    ids.into_iter().collect()
}

#[tokio::test]
async fn on_postgresql_it_says_what_to_use() {
    if !is_postgres() {
        return;
    }
    let database = TestDatabase::new().await;
    for command in ["backup", "restore"] {
        let said = complaint(&sala(&database, "", &[command, "file"]));
        assert!(said.contains("pg_dump"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_holds_every_message_acknowledged_before_it_began() {
    if is_postgres() {
        return;
    }
    let shop = Shop::new(12).await;
    let server = Server::start(&shop.app, &[]);
    let load = Load::start(&shop, &[&server.base], 8, 100_000);
    until("a part of the load", async || load.count() > 300).await;
    let before = load.so_far();
    let backup = shop.app.database.folder.join("backup.db");
    let said = {
        let (url, folder, path) = (shop.app.database.url.clone(), shop.app.database.folder.clone(), backup.clone());
        let run = move || {
            let database = Borrowed(url, folder);
            sala_at(&database, &["backup", text(&path), "--json"])
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    };
    assert!(said.status.success(), "{said:?}");
    let during = load.count();
    until("more of the load", async || load.count() > during + 50).await;
    let (acknowledged, refused) = load.end().await;
    assert_eq!(refused, [], "nobody was refused meanwhile");
    server.kill();
    let target = elsewhere("restored");
    let restored = ok(&target, &["restore", text(&backup), "--json"]);
    assert!(restored["bytes"].as_u64().unwrap() > 0);
    let there = ids(&target).await;
    assert!(before.iter().all(|id| there.contains(id)), "every message that was acknowledged before is there");
    assert!(there.len() < acknowledged.len(), "and it is the state of that moment");
}

/// A database that somebody else owns.
struct Borrowed(String, PathBuf);

fn sala_at(database: &Borrowed, args: &[&str]) -> Output {
    let mut lent = TestDatabase::at(&database.0);
    let own = std::mem::replace(&mut lent.folder, database.1.clone());
    let done = sala(&lent, "", args);
    // The folder is not this one's to delete.
    lent.folder = own;
    done
}

#[tokio::test]
async fn a_restored_database_is_the_old_one_with_its_indexes_and_files() {
    if is_postgres() {
        return;
    }
    let app = TestApp::new().await;
    let customer =
        json!({"customerCode": "C1", "customerName": "บริษัท ก้าวหน้า", "customerState": 3, "customerStatus": 0});
    assert_eq!(app.post("/v3/customers", customer).await.status, 200);
    let content = json!([{"content": "aGVsbG8=", "fileName": "a.txt"}]);
    let attached = app.post("/v1/customer/attach-files", json!({"customerCode": "C1", "files": content})).await;
    let url = attached.data()[0]["fileUrl"].as_str().unwrap().to_owned();
    let backup = app.database.folder.join("backup.db");
    let said = ok(&app.database, &["backup", text(&backup), "--with-media", "--json"]);
    assert_eq!(said["media_files"], 1);
    let again = complaint(&sala(&app.database, "", &["backup", text(&backup)]));
    assert!(again.contains("already exists"), "{again}");

    let target = elsewhere("restored");
    // A log of a database that is not there any more would be played into the restored one.
    fs::write(format!("{}-wal", file(&target).display()), b"stale").unwrap();
    fs::write(format!("{}-shm", file(&target).display()), b"stale").unwrap();
    assert_eq!(ok(&target, &["restore", text(&backup), "--with-media", "--json"])["media_files"], 1);
    let moved = app.moved_to(target).await;
    let found = moved.post("/v3/customers/search", json!({"keyword": "ก้าว"})).await;
    assert_eq!(found.data()[0]["customerCode"], "C1", "{found:?}");
    let path = &url[url.find("/files/").unwrap()..];
    let served = moved.call(axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap()).await;
    assert_eq!((served.status, served.text.as_str()), (200, "hello"));
}

#[tokio::test]
async fn a_restore_overwrites_nothing_by_mistake() {
    if is_postgres() {
        return;
    }
    let app = TestApp::new().await;
    let backup = app.database.folder.join("backup.db");
    ok(&app.database, &["backup", text(&backup), "--json"]);
    let said = complaint(&sala(&app.database, "", &["restore", text(&backup)]));
    assert!(said.contains("is not empty"), "{said}");
    // This test's own server has it open.
    let said = complaint(&sala(&app.database, "", &["restore", text(&backup), "--force"]));
    assert!(said.contains("is in use"), "{said}");

    let target = elsewhere("target");
    ok(&target, &["company", "create", "--name", "Old", "--id", "9", "--json"]);
    let said = complaint(&sala(&target, "", &["restore", text(&backup)]));
    assert!(said.contains("--force"), "{said}");
    ok(&target, &["restore", text(&backup), "--force", "--json"]);
    let companies = ok(&target, &["company", "list", "--json"]);
    assert_eq!((companies.as_array().unwrap().len(), &companies[0]["id"]), (1, &json!(507)));
}

#[tokio::test]
async fn what_is_no_whole_backup_is_refused_before_anything_is_touched() {
    if is_postgres() {
        return;
    }
    let app = TestApp::new().await;
    let folder = app.database.folder.clone();
    let backup = folder.join("backup.db");
    ok(&app.database, &["backup", text(&backup), "--json"]);
    let target = elsewhere("target");
    let whole = fs::read(&backup).unwrap();
    let mut torn = whole.clone();
    // Pages in the middle, whatever they hold.
    let middle = torn.len() / 2;
    torn[middle..middle + 8192].fill(0xa5);
    let cases: [(&str, Vec<u8>, &str); 3] = [
        ("torn.db", torn, "damaged"),
        ("short.db", whole[..whole.len() / 2].to_vec(), "damaged"),
        ("text.db", b"no database at all".repeat(300), "no database"),
    ];
    for (name, bytes, why) in cases {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        let said = complaint(&sala(&target, "", &["restore", text(&path)]));
        assert!(said.contains(why), "{name}: {said}");
        assert!(!file(&target).exists(), "{name}");
    }
    let said = complaint(&sala(&target, "", &["restore", text(&folder.join("nowhere.db"))]));
    assert!(said.contains("is not there"), "{said}");
    // A backup of a newer program.
    let newer = folder.join("newer.db");
    fs::copy(&backup, &newer).unwrap();
    let db = db::Db::open(&format!("sqlite:{}", newer.display()), db::Options::default()).await.unwrap();
    let done: Result<u64, db::Error> = db
        .write(async |mut tx| {
            tx.sql("insert into _migration (version, name, checksum, applied_at) values (9999, 'x', 'x', 0)")
                .exec()
                .await
        })
        .await;
    done.unwrap();
    db.close().await;
    drop(db);
    let said = complaint(&sala(&target, "", &["restore", text(&newer)]));
    assert!(said.contains("newer program"), "{said}");
}
