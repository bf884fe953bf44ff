//! What a newcomer and an administrator meet first: refusals of what would break a server, and commands that say what is next.

use std::process::Output;

use axum::http::Method;
use serde_json::{Value, json};

use crate::app::{COMPANY, TestApp, is_postgres, request};
use crate::cli::Sala;
use crate::fake::Fake;
use crate::serve::http;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}

fn sandbox(sala: &Sala) -> String {
    let account =
        ["account", "create", "--company", "507", "--platform", "line", "--name", "Box", "--sandbox", "--json"];
    sala.json(&account)["id"].as_str().unwrap().to_owned()
}

fn shop(sala: &Sala) {
    sala.ok(&["company", "create", "--name", "Siam Tools", "--id", "507"]);
}

fn line_account(sala: &Sala) -> String {
    let create = ["account", "create", "--company", "507", "--platform", "line", "--name", "Shop"];
    let printed = sala.command(&[&create[..], &["--channel-secret", "a", "--access-token", "b"]].concat()).output();
    let printed = said(&printed.unwrap());
    let id = printed.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    assert!(printed.contains(&format!("/channels/line/{id}")), "what LINE's console wants is said: {printed}");
    id
}

#[tokio::test]
async fn a_second_server_on_one_file_and_a_new_key_beside_it_are_refused() {
    let sala = Sala::new().await;
    shop(&sala);
    line_account(&sala);
    if is_postgres() {
        return;
    }
    let mut serving = sala.serve(&[]);
    let refused = sala.refused(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(refused.contains("in use by another server (process ") && refused.contains("sala.db"), "{refused}");
    let key = std::fs::read_to_string(sala.database.folder.join("sala.key")).unwrap();
    let refused = sala.refused(&["key", "rotate"]);
    assert!(refused.contains("in use by another server"), "{refused}");
    assert_eq!(std::fs::read_to_string(sala.database.folder.join("sala.key")).unwrap(), key);
    serving.terminate();
    assert_eq!(serving.wait().0, Some(0));

    // Stopped, it is done, and the old key is kept for the backups that need it.
    let rotated = sala.ok(&["key", "rotate"]);
    assert!(rotated.contains("The old key is kept in"), "{rotated}");
    let kept = std::fs::read_dir(&sala.database.folder).unwrap().filter_map(|entry| {
        let path = entry.unwrap().path();
        path.file_name().unwrap().to_str().unwrap().starts_with("sala.key.2").then_some(path)
    });
    let kept: Vec<_> = kept.collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(std::fs::read_to_string(&kept[0]).unwrap(), key);
}

#[tokio::test]
async fn a_key_that_does_not_fit_is_refused_and_none_is_made_in_its_place() {
    let sala = Sala::new().await;
    shop(&sala);
    let id = line_account(&sala);
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let other = sala::vault::new_key().unwrap();
    let refused = sala.command(&serve).env("SALA_SECRET_KEY", &other).output().unwrap();
    assert!(!refused.status.success());
    assert!(said(&refused).contains("is not the one of this database"), "{refused:?}");
    if is_postgres() {
        return;
    }
    let file = sala.database.folder.join("sala.key");
    std::fs::rename(&file, sala.database.folder.join("lost")).unwrap();
    let refused = sala.refused(&serve);
    assert!(refused.contains("sala.key is not there"), "{refused}");
    assert!(!file.exists(), "a new key would look like the right one");
    let doctor = sala.command(&["doctor", "--offline"]).output().unwrap();
    assert!(said(&doctor).contains("put it back") && !file.exists(), "{doctor:?}");
    // Whoever has lost it enters the credentials again.
    let renew = ["account", "renew", &id, "--company", "507", "--channel-secret", "c", "--access-token", "d"];
    sala.ok(&renew);
    let mut serving = sala.serve(&[]);
    serving.terminate();
    assert_eq!(serving.wait().0, Some(0));
}

#[tokio::test]
async fn commands_make_no_second_database_and_the_doctor_makes_nothing() {
    let sala = Sala::new().await;
    if is_postgres() {
        return;
    }
    for args in [
        &["company", "list"][..],
        &["client", "list", "--company", "507"],
        &["account", "list", "--company", "507"],
        &["key", "rotate"],
        &["job", "list"],
        &["export", "--company", "507", "x.zip"],
    ] {
        let refused = sala.refused(args);
        assert!(refused.contains("is not there") && refused.contains("sala company create"), "{args:?}: {refused}");
    }
    let doctor = sala.command(&["doctor", "--offline"]).output().unwrap();
    assert_eq!(doctor.status.code(), Some(1));
    assert!(said(&doctor).contains("sala company create"), "{doctor:?}");
    let made: Vec<_> = std::fs::read_dir(&sala.database.folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_str() != Some("sala.db.lock"))
        .collect();
    assert_eq!(made, Vec::<std::ffi::OsString>::new());
}

#[tokio::test]
async fn credentials_of_the_original_are_brought_along() {
    let sala = Sala::new().await;
    shop(&sala);
    let given = ["--id", "VENIO-7", "--secret", "an-old-secret-16", "--key", "an-old-key-of-16"];
    let numbers = ["--status-code", "number"];
    let create = ["client", "create", "--company", "507", "--name", "ERP"];
    let client = sala.json(&[&create[..], &given, &numbers].concat());
    assert_eq!((&client["client_id"], &client["client_secret"]), (&json!("VENIO-7"), &json!("an-old-secret-16")));
    let twice = sala.refused(&[&create[..], &given].concat());
    assert!(twice.contains("VENIO-7"), "{twice}");
    let short = sala.refused(&[&create[..], &["--secret", "short"]].concat());
    assert!(short.contains("16"), "{short}");

    let serving = sala.serve(&["--require-subscription-key"]);
    let form = "grant_type=client_credentials&client_id=VENIO-7&client_secret=an-old-secret-16&scope=Venio2.API";
    let headers =
        [("content-type", "application/x-www-form-urlencoded"), ("ocp-apim-subscription-key", "an-old-key-of-16")];
    let (status, token) = http(serving.address, "POST", "/authorization/connect/token", &headers, form);
    assert_eq!(status, 200, "a scope of the original is left out: {token}");
    let token: Value = serde_json::from_str(&token).unwrap();
    let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str()), ("ocp-apim-subscription-key", "an-old-key-of-16")];
    for (path, expected) in [("/v1/setting", json!(1000)), ("/v3/customers/nobody", json!(4001))] {
        let (_, answer) = http(serving.address, "GET", path, &headers, "");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["status"]["code"], expected, "{path}: {answer}");
    }
    let renewed = sala.json(&["client", "rotate-secret", "VENIO-7", "--company", "507"]);
    assert_ne!(renewed["client_secret"], "an-old-secret-16");
    let (status, _) = http(
        serving.address,
        "POST",
        "/authorization/connect/token",
        &[("content-type", "application/x-www-form-urlencoded"), ("ocp-apim-subscription-key", "an-old-key-of-16")],
        form,
    );
    assert_eq!(status, 400, "the old secret ends at once");
}

#[tokio::test]
async fn what_was_missing_is_there() {
    let sala = Sala::new().await;
    shop(&sala);
    let account = sandbox(&sala);
    sala.ok(&["room", "create", "--company", "507", "--account", &account, "--external-id", "U1", "--name", "สมชาย"]);
    let rooms = sala.json(&["room", "list", "--company", "507", "--json"]);
    assert_eq!((&rooms[0]["name"], &rooms[0]["account"]), (&json!("สมชาย"), &json!(account)));
    let line = line_account(&sala);
    let wrong = sala.refused(&["room", "create", "--company", "507", "--account", &line, "--external-id", "foo"]);
    assert!(wrong.contains("32 hexadecimal digits"), "{wrong}");

    let db = db::Db::open(&sala.database.url, db::Options::default()).await.unwrap();
    let stopped: Result<u64, db::Error> =
        db.write(async |mut tx| tx.sql("update account set state = 'stopped'").exec().await).await;
    assert_eq!(stopped.unwrap(), 2);
    db.close().await;
    let resumed = sala.json(&["account", "resume", &line, "--company", "507", "--json"]);
    assert_eq!(resumed["state"], "active");

    assert_eq!(sala.json(&["import", "list", "--company", "507", "--json"]), json!([]));
    std::fs::write(sala.database.folder.join("a.csv"), "customer code,customer name\nA1,Ann\n").unwrap();
    sala.ok(&["import", "customers", "a.csv", "--company", "507"]);
    let imports = sala.json(&["import", "list", "--company", "507", "--json"]);
    assert_eq!((&imports[0]["fileName"], &imports[0]["created"]), (&json!("a.csv"), &json!(1)), "{imports}");

    for args in [&["help"][..], &["help", "account"], &["--version"]] {
        assert!(sala.ok(args).contains("sala"), "{args:?}");
    }
    let doctor = sala.command(&["doctor", "--offline"]).output().unwrap();
    assert!(said(&doctor).contains("schema"), "for reports of faults: {doctor:?}");
    for shell in ["bash", "zsh", "fish"] {
        assert!(sala.ok(&["completions", shell]).contains("rotate-secret"), "{shell}");
    }
    sala.ok(&["man", "."]);
    let page = std::fs::read_to_string(sala.database.folder.join("sala-serve.1")).unwrap();
    assert!(page.contains("public\\-url"), "{page}");
}

#[tokio::test]
async fn the_reference_of_commands_is_the_programs() {
    let sala = Sala::new().await;
    let kept = include_str!("../../docs/COMMANDS.md");
    assert_eq!(sala.ok(&["reference"]), kept, "sala reference > docs/COMMANDS.md");
    assert!(kept.contains("## sala webhook test") && kept.contains("SALA_PUBLIC_URL"));
}

#[tokio::test]
async fn an_address_is_taken_as_people_type_it() {
    let sala = Sala::new().await;
    for listen in ["localhost:0", ":0", "0"] {
        let mut serving = sala.serve_on(listen, &[]);
        assert!(serving.address.ip().is_loopback(), "{listen}");
        serving.terminate();
        serving.wait();
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = sala.refused(&["serve", "--listen", &taken.local_addr().unwrap().to_string()]);
    assert!(refused.contains("another program listens") && refused.contains("--listen"), "{refused}");
}

#[tokio::test]
async fn a_callback_that_was_set_up_wrongly_is_written_down_for_the_doctor() {
    let Fake { app, account, .. } = Fake::new().await;
    let path = format!("/channels/line/{account}");
    let headers = [("x-line-signature", "AAAA"), ("content-type", "application/json")];
    let refused = app.call(request("", Method::POST, &path, &headers, Some(json!({"events": []})))).await;
    assert_eq!(refused.status, 401);
    let reason: Option<String> = app
        .app
        .db
        .read()
        .await
        .unwrap()
        .sql("select refused_reason from account where company = $1 and id = $2")
        .bind(COMPANY)
        .bind(&account)
        .one()
        .await
        .unwrap();
    assert_eq!(reason.as_deref(), Some("signature"));
}

#[tokio::test]
async fn the_documents_page_is_small_compressed_and_kept() {
    use axum::body::Body;
    use axum::http::Request;
    let app = TestApp::new().await;
    let get = async |path: &str, tag: Option<&str>| {
        let mut request = Request::get(path).header("accept-encoding", "gzip, br");
        if let Some(tag) = tag {
            request = request.header("if-none-match", tag);
        }
        app.call(request.body(Body::empty()).unwrap()).await
    };
    let mut first = 0;
    for path in ["/docs", "/openapi.json"] {
        let answer = get(path, None).await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, "gzip"), "{path}");
        first += answer.bytes.len();
    }
    assert!(first < 1_000_000, "the first load has {first} bytes");
    for path in ["/docs", "/docs/scalar.js", "/openapi.json", "/docs/GETTING-STARTED.md", "/docs/commands.md"] {
        let answer = get(path, None).await;
        assert_eq!(answer.header("content-encoding"), "gzip", "{path}");
        let again = get(path, Some(answer.header("etag"))).await;
        assert_eq!((again.status, again.bytes.len()), (304, 0), "{path}");
    }
    assert!(get("/docs/scalar.js", None).await.bytes.len() < 1_500_000);
    assert_eq!(get("/docs/SECRETS.md", None).await.status, 404);
}
