//! The database goes away, the disk is full, the server is asked to stop: what was acknowledged stays, the rest is a 503.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use simulator::line::{Fault, FaultKind};

use crate::app::{TestApp, TestDatabase, is_postgres, postgres};
use crate::child::{Load, Server, Shop, until};
use crate::media::files;

/// A PostgreSQL of the test's own, which it may restart. It keeps what it has acknowledged, unlike that of the others.
struct Cluster {
    url: String,
    keeper: Child,
}

impl Cluster {
    fn start() -> Cluster {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/postgres.sh");
        // The script keeps its server for as long as its command runs, which is until nobody writes to it any more.
        let mut keeper = Command::new(script)
            .args(["sh", "-c", "echo \"$SALA_TEST_POSTGRES\"; cat >/dev/null"])
            .env_remove("SALA_TEST_POSTGRES")
            .env("SALA_TEST_POSTGRES_FSYNC", "on")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Cluster { url: url.trim().to_owned(), keeper }
    }

    /// Ends the server as a crash does, and starts it again.
    async fn crash(&self) {
        let (client, connection) = tokio_postgres::connect(&self.url, tokio_postgres::NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        let row = client.query_one("show data_directory", &[]).await.unwrap();
        let data: String = row.get(0);
        drop(client);
        let _ = connection.await;
        let pid = std::fs::read_to_string(Path::new(&data).join("postmaster.pid")).unwrap();
        let program = std::fs::read_link(format!("/proc/{}/exe", pid.lines().next().unwrap())).unwrap();
        let pg_ctl: PathBuf = program.with_file_name("pg_ctl");
        let restart = ["restart", "-D", &data, "-m", "immediate", "-w", "-s"];
        let is_root = Command::new("id").arg("-u").output().unwrap().stdout == b"0\n";
        let mut command = match is_root {
            true => Command::new("setpriv"),
            false => Command::new(&pg_ctl),
        };
        if is_root {
            command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(&pg_ctl);
        }
        command.args(restart).current_dir("/").stdout(Stdio::null());
        let status = tokio::task::spawn_blocking(move || command.status().unwrap()).await.unwrap();
        assert!(status.success());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Every refusal is a 503 that says so in the envelope.
fn check_refusals(refused: &[(u16, String)]) {
    for (status, body) in refused {
        assert_eq!(*status, 503, "{body}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["errors"][0]["code"], "busy", "{body}");
        assert_eq!(body["data"], Value::Null);
        assert_ne!(body["traceId"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_under_load_loses_nothing_acknowledged() {
    match is_postgres() {
        true => postgres_restarts().await,
        false => another_process_holds_the_file().await,
    }
}

async fn postgres_restarts() {
    let cluster = Cluster::start();
    let app = TestApp::on(TestDatabase::at(&cluster.url), |_| {}).await;
    let shop = Shop::on(app, 12).await;
    let server = Server::start(&shop.app, &[]);
    let load = Load::start(&shop, &[&server.base], 8, 100_000);
    until("some load", async || load.count() > 200).await;
    cluster.crash().await;
    let before = load.count();
    until("the server's recovery", async || load.count() > before + 200).await;
    let (acknowledged, refused) = load.end().await;
    check_refusals(&refused);
    until("readers of the test itself", async || shop.app.app.db.read().await.is_ok()).await;
    shop.settle().await;
    shop.check(&acknowledged).await;
}

async fn another_process_holds_the_file() {
    let shop = Shop::new(12).await;
    let server = Server::start(&shop.app, &[]);
    let load = Load::start(&shop, &[&server.base], 8, 100_000);
    until("some load", async || load.count() > 200).await;
    let options = db::Options { hold_limit: Duration::from_secs(60), ..db::Options::default() };
    let other = db::Db::open(&shop.app.database.url, options).await.unwrap();
    let held: Result<(), db::Error> = other
        .write(async |mut tx| {
            tx.sql("update company set name = name").exec().await?;
            while load.refused() <= 8 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(())
        })
        .await;
    held.unwrap();
    let before = load.count();
    until("the server's recovery", async || load.count() > before + 200).await;
    let (acknowledged, refused) = load.end().await;
    check_refusals(&refused);
    shop.settle().await;
    shop.check(&acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_cannot_write_answers_503_and_is_whole_afterwards() {
    match is_postgres() {
        true => postgres_is_read_only().await,
        false => the_disk_is_full().await,
    }
}

/// As after a failover to a standby, which reads and does not write.
async fn postgres_is_read_only() {
    let shop = Shop::new(12).await;
    let server = Server::start(&shop.app, &[]);
    let load = Load::start(&shop, &[&server.base], 8, 100_000);
    until("some load", async || load.count() > 200).await;
    let url = shop.app.database.url.clone();
    let name = url.rsplit_once('/').unwrap().1.split('?').next().unwrap().to_owned();
    let cut = format!(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}' and pid <> pg_backend_pid()"
    );
    let admin = std::env::var("SALA_TEST_POSTGRES").unwrap();
    postgres(&admin, &format!("alter database {name} set default_transaction_read_only = on")).await;
    postgres(&admin, &cut).await;
    until("refusals", async || load.refused() > 50).await;
    postgres(&admin, &format!("alter database {name} reset default_transaction_read_only")).await;
    postgres(&admin, &cut).await;
    let before = load.count();
    until("the server's recovery", async || load.count() > before + 200).await;
    let (acknowledged, refused) = load.end().await;
    check_refusals(&refused);
    shop.settle().await;
    shop.check(&acknowledged).await;
}

async fn the_disk_is_full() {
    let shop = Shop::new(12).await;
    // No file of the server's may grow beyond 3 MB.
    let server = Server::after(&shop.app, "ulimit -f 6000", &[]);
    let load = Load::with(&shop, &[&server.base], 8, 100_000, &"x".repeat(4000));
    until("refusals", async || load.refused() > 50).await;
    let (acknowledged, refused) = load.end().await;
    assert!(!acknowledged.is_empty());
    check_refusals(&refused);
    let http = reqwest::Client::new();
    let read = format!("{}/v1/chat/message/{}", server.base, acknowledged[0].id);
    let read = http.get(read).bearer_auth(&shop.app.token).send().await.unwrap();
    assert_eq!(read.status().as_u16(), 200, "what is there can be read");
    server.kill();
    let whole: String = {
        let mut conn = shop.app.app.db.read().await.unwrap();
        conn.sql("select integrity_check from pragma_integrity_check").one().await.unwrap()
    };
    assert_eq!(whole, "ok");
    let server = Server::start(&shop.app, &[]);
    let load = Load::start(&shop, &[&server.base], 2, 10);
    until("more load", async || load.count() == 20).await;
    load.end().await;
    shop.settle().await;
    shop.check(&acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_media_store_without_room_refuses_what_does_not_fit_and_nothing_else() {
    let shop = Shop::new(1).await;
    // No file of the server's may grow beyond 8 MB: what is larger breaks off behind its first piece.
    let server = Server::after(&shop.app, "ulimit -f 16000", &[]);
    let http = reqwest::Client::new();
    let send = async |file: Vec<u8>| {
        let import = http.post(format!("{}/v1/imports?kind=customers", server.base)).bearer_auth(&shop.app.token);
        let answer = import.header("content-type", "text/csv").body(file).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let large = format!("customer code,customer name\n{}", "A1,Ann\n".repeat(3_000_000));
    check_refusals(&[send(large.into_bytes()).await]);
    let folder = shop.app.database.folder.join("media");
    until("the end of the pieces that were written", async || files(&folder).is_empty()).await;
    let load = Load::start(&shop, &[&server.base], 1, 5);
    until("messages", async || load.count() == 5).await;
    let (acknowledged, refused) = load.end().await;
    check_refusals(&refused);
    let (status, body) = send(b"customer code,customer name\nA1,Ann\n".to_vec()).await;
    assert_eq!(status, 202, "{body}");
    shop.settle().await;
    shop.check(&acknowledged).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_to_stop_ends_in_time_and_hands_its_work_back() {
    let shop = Shop::new(12).await;
    // Some calls never end; the server does not wait for them, and nobody sees their messages twice.
    let hang = FaultKind::Timeout { ms: None, accepted: true };
    shop.line.fault(Fault::new(hang).path("/v2/bot/message/push").times(3));
    let server = Server::start(&shop.app, &[]);
    let load = Load::start(&shop, &[&server.base], 8, 100_000);
    until("some load", async || load.count() > 200 && shop.line.requests().len() > 20).await;
    let (code, took) = server.terminate().await;
    let (acknowledged, refused) = load.end().await;
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(10), "it took {took:?}");
    check_refusals(&refused);
    let held: i64 = {
        let mut conn = shop.app.app.db.read().await.unwrap();
        conn.sql("select count(*) from job where worker is not null").one().await.unwrap()
    };
    assert_eq!(held, 0, "its jobs are handed back");
    let _server = Server::start(&shop.app, &[]);
    shop.settle().await;
    shop.check(&acknowledged).await;
}
