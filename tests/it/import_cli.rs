//! `sala import`: the same imports from the command line, also when it is killed in the middle.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::app::{COMPANY, TestApp, is_postgres};
use crate::child::until;
use crate::cli::Sala;

fn write(sala: &Sala, name: &str, text: &str) -> PathBuf {
    let path = sala.database.folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

async fn shop() -> Sala {
    let sala = Sala::new().await;
    sala.ok(&["company", "create", "--name", "Siam Tools", "--id", "507"]);
    sala
}

fn run(sala: &Sala, args: &[&str]) -> Output {
    sala.command(&[&["import"], args, &["--company", "507"]].concat()).output().unwrap()
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

#[tokio::test]
async fn a_file_is_loaded_and_its_refused_rows_lie_beside_it() {
    let sala = shop().await;
    let file = write(&sala, "k.csv", "code,name,email,Score\nA,Ann,ann@example.com,7\nB,Bob,nobody,8\nC,=Cat,,9\n");
    let map = write(&sala, "map.json", "{\"score\": \"customFields.Score\"}");
    let (file, map) = (file.to_str().unwrap(), map.to_str().unwrap());

    let tried = run(&sala, &["customers", file, "--dry-run", "--map", map]);
    let (out, err) = texts(&tried);
    assert_eq!(tried.status.code(), Some(2), "{err}");
    assert!(out.contains("dry run") && out.contains("3 rows: 2 created, 0 updated, 0 unchanged, 1 refused"), "{out}");
    let (customers, errors) = (["customers"], format!("{file}.errors.csv"));
    assert!(PathBuf::from(&errors).exists());

    let done = run(&sala, &[customers[0], file, "--map", map, "--json"]);
    let (out, err) = texts(&done);
    assert_eq!(done.status.code(), Some(2), "{err}");
    assert!(err.contains("100%") && err.contains(&errors), "{err}");
    let view: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&view["created"], &view["failed"], &view["createdByUserId"]), (&2.into(), &1.into(), &"system".into()));
    let refused = std::fs::read_to_string(&errors).unwrap();
    let expected = "\u{feff}#row,#column,#code,#message,code,name,email,Score\r\n\
                    3,email,invalid_format,customerEmail is not an e-mail address,B,Bob,nobody,8\r\n";
    assert_eq!(refused, expected);

    // Corrected, the file of errors loads what was missing; everything else is as it is.
    std::fs::write(&errors, refused.replace("nobody", "bob@example.com")).unwrap();
    let corrected = run(&sala, &["customers", &errors, "--map", map]);
    assert_eq!(corrected.status.code(), Some(0), "{:?}", texts(&corrected));
    assert!(texts(&corrected).0.contains("1 rows: 1 created"), "{:?}", texts(&corrected));

    let id = view["importId"].as_str().unwrap();
    let back = run(&sala, &["undo", id]);
    assert_eq!(texts(&back).0, "taken back: 2 records restored, 0 left as they are\n");
    let settled = run(&sala, &["resume", id]);
    assert_eq!(settled.status.code(), Some(2), "its row was refused, and still is");

    for (args, why) in [
        (&["customers", "nowhere.csv"][..], "nowhere.csv"),
        (&["customers", file, "--map", "nowhere.json"], "nowhere.json"),
        (&["customers", file, "--map", file], "mapping"),
        (&["customers", map], "header"),
        (&["undo", id], "already been undone"),
        (&["resume", "26259b2c-509c-4ff5-a82a-d1b5505b014d"], "import"),
    ] {
        let complaint = sala.refused(&[&["import"], args, &["--company", "507"]].concat());
        assert!(complaint.contains(why), "{args:?}: {complaint}");
    }
    let complaint = sala.refused(&["import", "customers", file, "--company", "9"]);
    assert!(complaint.contains("company 9"), "{complaint}");
}

/// The end is the same on PostgreSQL, whose files are not the command's.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_loses_nothing() {
    let sala = shop().await;
    let rows: String = (0..ROWS).map(|number| format!("P{number},Product {number},5\n")).collect();
    let file = write(&sala, "p.csv", &format!("code,name,qty\n{rows}"));
    let whole = ["import", "products", file.to_str().unwrap(), "--company", "507"];
    // No file of the command's may grow beyond 3 MB.
    let usual = sala.command(&whole);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 6000; exec \"$0\" \"$@\""]).arg(usual.get_program()).args(usual.get_args());
    for (name, value) in usual.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    let said = sala.database.folder.join("said");
    let mut limited = limited
        .current_dir(&sala.database.folder)
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&said).unwrap())
        .spawn()
        .unwrap();
    if is_postgres() {
        assert!(limited.wait().unwrap().success());
    } else {
        let text = || std::fs::read_to_string(&said).unwrap();
        until("word of the full disk", async || text().contains("no space left")).await;
        // It waits for room, or has ended where it could not even note that it waits: never as if all was well.
        match limited.try_wait().unwrap() {
            Some(status) => assert!(!status.success() && text().contains("import resume"), "{}", text()),
            None => limited.kill().unwrap(),
        }
        limited.wait().unwrap();
    }
    let (out, err) = texts(&sala.command(&[&whole[..], &["--json"]].concat()).output().unwrap());
    let view: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{out} {err}"));
    let [created, unchanged] = ["created", "unchanged"].map(|field| view[field].as_u64().unwrap());
    assert_eq!((created + unchanged, view["failed"].as_u64()), (ROWS as u64, Some(0)), "{view:#}");
    assert!(is_postgres() || created > 0, "the disk was full before the end");
}

/// As many rows as a child cannot load before it is killed.
const ROWS: usize = 3000;

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_and_gone_on_with_it_comes_to_the_same_end() {
    let app = TestApp::new().await;
    let row = |number: usize, is_good: bool| {
        let email = if is_good { "a@example.com" } else { "nobody" };
        format!("Customer {number},08{number:08},{email}\n")
    };
    let import = killed(&app, "customers", "name,phone,email\n", row).await;
    let rows = i64::try_from(ROWS).unwrap();
    assert_eq!(import["created"], rows - 10, "{import:#}");
    let mut conn = app.app.db.read().await.unwrap();
    let customers: i64 =
        conn.sql("select count(*) from customer where company = $1").bind(COMPANY).one().await.unwrap();
    let names: i64 = conn.sql("select count(*) from customer_name").one().await.unwrap();
    assert_eq!((customers, names), (rows - 10, rows - 10), "each once");
    let traces: i64 = conn.sql("select count(*) from audit where ref like 'customer/%'").one().await.unwrap();
    assert_eq!(traces, rows - 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn products_and_their_stock_come_to_the_same_end_as_well() {
    let app = TestApp::new().await;
    let row =
        |number: usize, is_good: bool| format!("P{number},Product {number},{}\n", if is_good { "5" } else { "-5" });
    let import = killed(&app, "products", "code,name,qty\n", row).await;
    let rows = i64::try_from(ROWS).unwrap();
    assert_eq!(import["created"], rows - 10, "{import:#}");
    let count = async |text: &'static str| -> i64 { app.app.db.read().await.unwrap().sql(text).one().await.unwrap() };
    assert_eq!(count("select count(*) from product").await, rows - 10, "each once");
    assert_eq!(count("select count(*) from audit where ref like 'product/%'").await, rows - 10);
    assert_eq!(count("select count(*) from stock_movement").await, rows - 10);

    app.sql("delete from import_fault").await;
    app.sql("delete from import_row").await;
    app.sql("delete from import").await;
    let row = |number: usize, is_good: bool| format!("P{number},{}\n", if is_good { "7" } else { "lots" });
    let import = killed(&app, "stock", "code,qty\n", row).await;
    assert_eq!(import["updated"], rows - 10, "{import:#}");
    assert_eq!(count("select count(*) from stock_movement").await, 2 * (rows - 10), "each moved once more");
}

/// Kills `sala import` in the middle of a file of so many rows, ten of which are at fault, and has two others go on with it
/// at once; answers the import at its end.
async fn killed(app: &TestApp, kind: &str, head: &str, row: impl Fn(usize, bool) -> String) -> Value {
    let rows: String = (0..ROWS).map(|number| row(number, number % 300 != 299)).collect();
    let text = format!("{head}{rows}");
    let file = app.database.folder.join("many.csv");
    std::fs::write(&file, text).unwrap();
    let command = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sala"));
        command.args(["import"]).args(args).args(["--company", "507", "--log", "error"]);
        command.args(["--database", &app.database.url]).env("SALA_SECRET_KEY", &app.key);
        command.env("SALA_MEDIA", app.database.folder.join("media")).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let done = async || -> i64 {
        let mut conn = app.app.db.read().await.unwrap();
        conn.sql("select rows_done from import").optional().await.unwrap().unwrap_or(0)
    };
    let mut child = command(&[kind, file.to_str().unwrap()]).spawn().unwrap();
    until("a part of the import", async || done().await >= 300).await;
    child.kill().unwrap();
    child.wait().unwrap();
    let at = done().await;
    assert!((300..i64::try_from(ROWS).unwrap()).contains(&at), "it was killed in the middle, at {at}");
    let id: uuid::Uuid = app.app.db.read().await.unwrap().sql("select id from import").one().await.unwrap();

    // The command goes on once the lease of the killed one has ended; a second one beside it does no harm.
    let resume = ["resume", &id.to_string()];
    let (mut one, mut other) = (command(&resume).spawn().unwrap(), command(&resume).spawn().unwrap());
    let codes = tokio::task::spawn_blocking(move || [one.wait().unwrap().code(), other.wait().unwrap().code()]);
    assert_eq!(codes.await.unwrap(), [Some(2), Some(2)], "ten rows were refused");
    let import = app.get(&format!("/v1/imports/{id}")).await.data().clone();
    let counts = ["unchanged", "failed", "rowsDone"].map(|name| import[name].as_i64().unwrap());
    assert_eq!(counts, [0, 10, i64::try_from(ROWS).unwrap()], "{import:#}");
    let mut conn = app.app.db.read().await.unwrap();
    let left: i64 = conn.sql("select count(*) from job where kind = 'import'").one().await.unwrap();
    assert_eq!(left, 0);
    import
}
