//! A whole company out of one server and into another, between SQLite and PostgreSQL as well.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use axum::body::Body;
use axum::http::{Method, Request};
use channel::Platform;
use sala::transfer::{LEFT_OUT, TABLES};
use serde_json::{Value, json};

use crate::app::{COMPANY, TestApp, TestDatabase, answer, is_postgres};
use crate::child::until;
use crate::fake::credentials;

/// The program on a test's database, with this key and the test's media folder.
fn command(database: &TestDatabase, key: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sala"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SALA_")) {
        command.env_remove(name);
    }
    command.args(args).env("SALA_DATABASE", &database.url).env("SALA_MEDIA", database.folder.join("media"));
    command.env("SALA_LOG", "error").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if !key.is_empty() {
        command.env("SALA_SECRET_KEY", key);
    }
    command
}

/// Runs the program.
pub fn sala(database: &TestDatabase, key: &str, args: &[&str]) -> Output {
    command(database, key, args).output().unwrap()
}

fn ok(database: &TestDatabase, key: &str, args: &[&str]) -> Value {
    let done = sala(database, key, args);
    assert!(done.status.success(), "{done:?}");
    serde_json::from_slice(&done.stdout).unwrap()
}

fn complaint(database: &TestDatabase, key: &str, args: &[&str]) -> String {
    let done = sala(database, key, args);
    assert!(!done.status.success(), "{done:?}");
    String::from_utf8_lossy(&done.stderr).into_owned()
}

/// A database of the other engine where there is one in this run: SQLite.
async fn other() -> TestDatabase {
    let mut database = TestDatabase::new().await;
    if is_postgres() {
        // The server's database stays with the old value, which is dropped at the end of this.
        let lite = TestDatabase::at("");
        database = lite;
        database.url = format!("sqlite:{}", database.folder.join("sala.db").display());
    }
    database
}

fn at(folder: &Path, name: &str) -> String {
    folder.join(name).display().to_string()
}

fn manifest(folder: &str) -> Value {
    serde_json::from_slice(&fs::read(Path::new(folder).join("manifest.json")).unwrap()).unwrap()
}

/// What an export holds, in whatever order the database keeps it: table, rows and their sum; and the files.
fn content(manifest: &Value) -> Vec<(String, u64, String)> {
    let table = |table: &Value| {
        let text = |name: &str| table[name].as_str().unwrap().to_owned();
        (text("table"), table["rows"].as_u64().unwrap(), text("content"))
    };
    let mut content: Vec<_> = manifest["tables"].as_array().unwrap().iter().map(table).collect();
    content.push(("files".to_owned(), manifest["files"]["count"].as_u64().unwrap(), String::new()));
    content
}

/// A company with a little of everything, and another one beside it.
async fn company() -> TestApp {
    let app = TestApp::new().await;
    for (code, name) in [("C1", "บริษัท ก้าวหน้า จำกัด"), ("C2", "Siam \"Tools\" \\ 50%"), ("C3", "ສະບາຍດີ")]
    {
        let customer = json!({"customerCode": code, "customerName": name, "customerState": 3, "customerStatus": 0,
            "customerPhone": "081-234 5678", "customerEmail": format!("{code}@example.com"), "owners": ["EMP001"],
            "customerTags": ["vip", "ใหม่"], "interestsName": ["chat"], "latitude": "13.5",
            "customFields": [{"customFieldName": "สี", "customFieldValue": ["แดง", "1e2"]}]});
        assert_eq!(app.post("/v3/customers", customer).await.status, 200);
    }
    // Rows that name rows of the same table that come later.
    app.sql("update customer set merged_into = 2, deleted_at = 1 where company = 507 and code = 'C1'").await;
    for code in ["EMP001", "EMP002"] {
        let employee = json!({"staffCode": code, "email": format!("{code}@example.com"), "firstname": "A", "lastname": code,
                              "roleName": "Sales", "teamName": "Sales"});
        let made = app.request(Method::PUT, "/v1/Employees", &[], Some(employee)).await;
        assert_eq!(made.status, 200, "{made:?}");
    }
    app.sql(
        "update employee set head = (select other.id from employee as other where other.company = 507 and other.staff_code = 'EMP002')
         where company = 507 and staff_code = 'EMP001'",
    )
    .await;
    let room = app.sandbox_room().await;
    app.account(Platform::Line, Some(credentials("token")), None).await;
    for text in ["one", "two \u{1f600}"] {
        assert_eq!(app.send(&room, text).await.status, 201);
    }
    app.run_jobs().await;
    assert_eq!(app.send(&room, "still waiting").await.status, 201);
    let event =
        json!({"eventName": "นัดหมาย", "eventType": 1, "eventDate": "2024-02-01T10:00:00", "customerCode": "C2"});
    assert_eq!(app.post("/v1/customerEvent", event).await.status, 200);
    let files = json!([{"content": "aGVsbG8=", "fileName": "สัญญา.txt"}, {"content": "", "fileName": "empty.txt"}]);
    let attached = app.post("/v1/customer/attach-files", json!({"customerCode": "C2", "files": files})).await;
    assert_eq!(attached.status, 200, "{attached:?}");
    let topics = ["Chat".to_owned()];
    let hook = "https://example.com/hook";
    sala::webhook::subscription::create(&app.app.db, &app.app.vault, COMPANY, hook, &topics, app.app.now())
        .await
        .unwrap();
    let stranger = app.tenant(508, &["customer:write"]).await;
    let theirs = json!({"customerCode": "X1", "customerName": "Theirs", "customerState": 3, "customerStatus": 0});
    assert_eq!(app.request_as(&stranger.token, Method::POST, "/v3/customers", Some(theirs)).await.status, 200);
    app
}

#[tokio::test]
async fn every_table_of_a_company_has_its_place() {
    let app = TestApp::new().await;
    let known = app.app.db.tables().await.unwrap();
    let listed: Vec<&str> = TABLES.iter().map(|part| part.table).collect();
    let left: Vec<&str> = LEFT_OUT.iter().map(|(table, _)| *table).collect();
    for table in &known {
        let times = listed.iter().chain(&left).filter(|name| **name == table.name).count();
        assert_eq!(times, 1, "{}: give it its line in TABLES or LEFT_OUT of src/transfer/mod.rs", table.name);
        assert_eq!(table.columns[table.key[0]].name, "company", "{}", table.name);
        let Some(place) = listed.iter().position(|name| *name == table.name) else { continue };
        for need in &table.needs {
            let before = listed[..place].contains(&need.as_str());
            assert!(before, "{} is listed before {need}, which its rows point to", table.name);
        }
        let part = &TABLES[place];
        for column in part.secrets.iter().chain(part.fresh).chain(part.text.as_ref().map(|(_, column)| column)) {
            assert!(table.index_of(column).is_some(), "{} has no column {column}", table.name);
        }
    }
    let names: HashSet<&str> = known.iter().map(|table| table.name.as_str()).collect();
    assert!(listed.iter().chain(&left).all(|name| names.contains(name)), "a table is listed that is not there");
    let mut indexes: Vec<&str> = TABLES.iter().filter_map(|part| part.text.map(|(index, _)| index)).collect();
    // That of messages is filled by a job, also after an import.
    indexes.push(sala::chat::texts::TEXTS);
    indexes.sort_unstable();
    assert_eq!(app.app.db.text_indexes().await.unwrap(), indexes, "each text index is filled by an import");
}

#[tokio::test]
async fn a_picture_of_a_product_keeps_its_address_even_without_secrets() {
    let app = crate::product::shop().await;
    crate::product::put_well(&app, json!([crate::product::plain("A1", "Cup")])).await;
    let picture = json!({"files": [{"content": "iVBORw0KGgo=", "fileName": "cup.png"}]});
    let made = app.post("/v1/products/A1/images", picture).await;
    assert_eq!(made.status, 200, "{made:?}");
    let folder = at(&app.database.folder, "moving");
    ok(&app.database, &app.key, &["export", "--company", "507", &folder, "--json"]);
    let target = other().await;
    ok(&target, &app.key, &["import", "company", &folder, "--json"]);
    let (_, moved) = app.node_of(&target, app.app.config.clone()).await;
    let url = made.data()[0]["fileUrl"].as_str().unwrap();
    let request = Request::get(&url[url.find("/images/").unwrap()..]).body(Body::empty()).unwrap();
    let shown = answer(&moved, request).await;
    assert_eq!((shown.status, shown.header("content-type")), (200, "image/png"), "{shown:?}");
}

#[tokio::test]
async fn a_company_moves_with_everything_and_its_clients_go_on() {
    let app = company().await;
    let folder = app.database.folder.clone();
    let (first, second) = (at(&folder, "first"), at(&folder, "second"));
    let said = ok(&app.database, &app.key, &["export", "--company", "507", &first, "--with-secrets", "--json"]);
    assert_eq!((&said["files"], &said["missing"]), (&json!(2), &json!(0)));
    let target = other().await;
    let read = ok(&target, &app.key, &["import", "company", &first, "--json"]);
    assert_eq!(read["rows"], said["rows"]);
    ok(&target, &app.key, &["export", "--company", "507", &second, "--with-secrets", "--json"]);
    let (before, after) = (manifest(&first), manifest(&second));
    // What is compared is folded anew where it is read in: that is work of the target's own.
    let told = |all: &Value| content(all).into_iter().filter(|(name, ..)| name != "job").collect::<Vec<_>>();
    assert_eq!(told(&before), told(&after));
    let rows = |table: &str| content(&before).into_iter().find(|(name, ..)| name == table).unwrap().1;
    assert_eq!((rows("company"), rows("customer"), rows("message"), rows("webhook")), (1, 3, 3, 1));
    assert!(rows("client") >= 1 && rows("job") >= 1 && rows("audit") >= 4);
    assert!(!fs::read_to_string(format!("{first}/tables/customer.jsonl")).unwrap().contains("Theirs"));

    let (back, third) = (TestDatabase::new().await, at(&folder, "third"));
    ok(&back, &app.key, &["import", "company", &second, "--json"]);
    ok(&back, &app.key, &["export", "--company", "507", &third, "--with-secrets", "--json"]);
    assert_eq!(told(&before), told(&manifest(&third)), "there and back again");

    let links = app.get("/v3/customers/C2/files").await.data()["value"].clone();
    let moved = app.moved_to(target).await;
    let found = moved.post("/v3/customers/search", json!({"keyword": "siam \"too"})).await;
    assert_eq!(found.data()[0]["customerCode"], "C2", "the text index was filled: {found:?}");
    assert_eq!(moved.get("/v3/customers/C1").await.data()["customerCode"], "C2", "merged as before");
    let one = |links: &Value| {
        let url = links.as_array().unwrap().iter().find(|file| file["size"] == 5).unwrap()["fileUrl"].clone();
        let url = url.as_str().unwrap().to_owned();
        url[url.find("/files/").unwrap()..].to_owned()
    };
    let served = moved.call(Request::get(one(&links)).body(Body::empty()).unwrap()).await;
    assert_eq!((served.status, served.text.as_str()), (200, "hello"), "a link that was given out still works");
    moved.run_jobs().await;
    let waiting: i64 = {
        let mut conn = moved.app.db.read().await.unwrap();
        conn.sql("select count(*) from message where delivery = 1").one().await.unwrap()
    };
    assert_eq!(waiting, 0, "the message that waited goes out here");
    let made =
        moved.post("/v3/customers", json!({"customerName": "ใหม่", "customerState": 3, "customerStatus": 0})).await;
    assert_eq!(made.data()["customerId"], 4, "numbers go on where they were");
}

#[tokio::test]
async fn without_secrets_a_copy_has_the_data_and_sends_nothing() {
    let app = company().await;
    let folder = app.database.folder.clone();
    let (first, second) = (at(&folder, "first.zip"), at(&folder, "second"));
    ok(&app.database, &app.key, &["export", "--company", "507", &first, "--json"]);
    let target = TestDatabase::new().await;
    // Another server with a key of its own, or none.
    ok(&target, "", &["import", "company", &first, "--json"]).as_object().unwrap();
    ok(&target, "", &["export", "--company", "507", &second, "--json"]);
    let third = at(&folder, "third");
    ok(&app.database, &app.key, &["export", "--company", "507", &third, "--json"]);
    assert_eq!(content(&manifest(&second)), content(&manifest(&third)));
    let tables: Vec<String> = content(&manifest(&second)).into_iter().map(|(table, ..)| table).collect();
    for secret in ["client", "webhook", "webhook_delivery", "job", "token"] {
        assert!(!tables.contains(&secret.to_owned()), "{secret}");
    }
    let accounts = fs::read_to_string(format!("{second}/tables/account.jsonl")).unwrap();
    for line in accounts.lines() {
        let account: Value = serde_json::from_str(line).unwrap();
        assert_eq!(account["secrets"], Value::Null);
        assert_eq!(account["state"] == "broken", account["sandbox"] == false, "{account}");
    }
    let db = db::Db::open(&target.url, db::Options::default()).await.unwrap();
    let mut conn = db.read().await.unwrap();
    let keys: Vec<Vec<u8>> = conn.sql("select link_key from attachment").all().await.unwrap();
    assert_eq!(keys.iter().map(Vec::len).collect::<Vec<_>>(), [32, 32]);
    assert_ne!(keys[0], keys[1]);
    let jobs: i64 = conn.sql("select count(*) from job where kind <> 'refold'").one().await.unwrap();
    assert_eq!(jobs, 0);
}

#[tokio::test]
async fn an_export_that_was_changed_is_refused_by_the_name_of_the_file() {
    let app = company().await;
    let first = at(&app.database.folder, "first");
    ok(&app.database, &app.key, &["export", "--company", "507", &first, "--json"]);
    let target = other().await;
    let list = fs::read_to_string(format!("{first}/files.jsonl")).unwrap();
    let hello = list.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).find(|file| file["size"] == 5);
    let hello = format!("files/{}", hello.unwrap()["id"].as_str().unwrap());
    for name in ["tables/customer.jsonl", "files.jsonl", &hello] {
        let path = PathBuf::from(&first).join(name);
        let whole = fs::read(&path).unwrap();
        let mut changed = whole.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        fs::write(&path, &changed).unwrap();
        let said = complaint(&target, "", &["import", "company", &first]);
        assert!(said.contains(name) && said.contains("damaged"), "{name}: {said}");
        fs::write(&path, &whole).unwrap();
        assert_eq!(ok(&target, "", &["company", "list", "--json"]), json!([]), "{name}: nothing was stored");
    }
    fs::remove_file(PathBuf::from(&first).join("tables/room.jsonl")).unwrap();
    let said = complaint(&target, "", &["import", "company", &first]);
    assert!(said.contains("tables/room.jsonl"), "{said}");
}

#[tokio::test]
async fn what_cannot_be_carried_over_is_refused_with_the_reason() {
    let app = company().await;
    let folder = app.database.folder.clone();
    let (plain, secret) = (at(&folder, "plain"), at(&folder, "secret.zip"));
    ok(&app.database, &app.key, &["export", "--company", "507", &plain, "--json"]);
    ok(&app.database, &app.key, &["export", "--company", "507", &secret, "--with-secrets", "--json"]);
    for (args, why) in [
        (vec!["export", "--company", "507", &plain], "already exists"),
        (vec!["export", "--company", "99", "nowhere"], "There is no company 99"),
        (vec!["export", "nowhere"], "--company"),
        (vec!["import", "company", &plain], "Company 507 already exists"),
        (vec!["import", "company", &plain, "--company", "600"], "keeps its number"),
        (vec!["import", "company", "nowhere.zip"], "nowhere.zip"),
    ] {
        let said = complaint(&app.database, &app.key, &args);
        assert!(said.contains(why), "{args:?}: {said}");
    }
    let target = other().await;
    let another = sala::vault::new_key().unwrap();
    let said = complaint(&target, &another, &["import", "company", &secret]);
    assert!(said.contains("another key"), "{said}");
    let path = PathBuf::from(&plain).join("manifest.json");
    let mut newer = manifest(&plain);
    newer["schema"] = json!(9999);
    fs::write(path, newer.to_string()).unwrap();
    let said = complaint(&target, "", &["import", "company", &plain]);
    assert!(said.contains("newer program"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_killed_goes_on_where_it_stopped() {
    let app = TestApp::new().await;
    let model = json!({"customerCode": "C1", "customerName": "Name 1", "customerState": 3, "customerStatus": 0});
    assert_eq!(app.post("/v3/customers", model).await.status, 200);
    // Many customers at once, each merged into the next hundred's first so that rows wait for later ones.
    app.sql(
        "insert into customer (company, id, code, code_key, name, name_key, state, status, lead_status, profile, search_key,
                               created_by, created_at, modified_by, modified_at, version)
         with recursive n (id) as (select 2 union all select id + 1 from n where id < 12000)
         select 507, n.id, 'C' || n.id, 'c' || n.id, 'Name ' || n.id, 'name ' || n.id, 3, 0, 4, model.profile,
                'name ' || n.id, 'x', 1, 'x', 1, 1
         from n cross join customer as model where model.company = 507 and model.code = 'C1'",
    )
    .await;
    app.sql("update customer set merged_into = id + 100 where company = 507 and id % 100 = 0 and id < 11900").await;
    let (first, second) = (at(&app.database.folder, "first"), at(&app.database.folder, "second"));
    ok(&app.database, &app.key, &["export", "--company", "507", &first, "--json"]);
    let target = TestDatabase::new().await;
    let watch = db::Db::open(&target.url, db::Options::default()).await.unwrap();
    watch.migrate(sala::MIGRATIONS).await.unwrap();
    let done = async || {
        let mut conn = watch.read().await.unwrap();
        let found: Option<i64> = conn.sql("select count(*) from customer").optional().await.unwrap();
        found.unwrap_or_default()
    };
    let mut child = command(&target, "", &["import", "company", &first]).spawn().unwrap();
    until("a part of the import", async || done().await > 1000).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let left = done().await;
    assert!(left < 12_000, "it was killed in the middle");
    let half = complaint(&target, "", &["export", "--company", "507", &second]);
    assert!(half.contains("not read in completely"), "{half}");
    let doctor = sala(&target, &app.key, &["doctor", "--offline"]);
    let found = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(!doctor.status.success() && found.contains("company 507: was imported only in part"), "{found}");
    let other_export = at(&app.database.folder, "other");
    ok(&app.database, &app.key, &["export", "--company", "507", &other_export, "--json"]);
    let said = complaint(&target, "", &["import", "company", &other_export]);
    assert!(said.contains("another export"), "{said}");
    ok(&target, "", &["import", "company", &first, "--json"]);
    ok(&target, "", &["export", "--company", "507", &second, "--json"]);
    assert_eq!(content(&manifest(&first)), content(&manifest(&second)));
    let mut conn = watch.read().await.unwrap();
    let (open, merged): (i64, i64) = conn
        .sql("select (select count(*) from company_import), (select count(*) from customer where merged_into is not null)")
        .one()
        .await
        .unwrap();
    assert_eq!((open, merged), (0, 118));
}
