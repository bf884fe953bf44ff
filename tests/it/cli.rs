//! The program's commands, and what they print.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use sala::vault::new_key;
use serde_json::{Value, json};

use crate::app::{TestDatabase, is_postgres};

/// The program, on a database of its own.
pub struct Sala {
    pub database: TestDatabase,
    key: String,
}

impl Sala {
    pub async fn new() -> Sala {
        Sala { database: TestDatabase::new().await, key: new_key().unwrap() }
    }

    /// A command with nothing but this database in its environment; PostgreSQL needs the key, SQLite makes a file.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sala"));
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SALA_")) {
            command.env_remove(name);
        }
        command.args(args).env("SALA_DATABASE", &self.database.url).current_dir(&self.database.folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if is_postgres() {
            command.env("SALA_SECRET_KEY", &self.key);
        }
        command
    }

    /// What a command prints that must succeed.
    pub fn ok(&self, args: &[&str]) -> String {
        printed(&self.command(args).output().unwrap())
    }

    /// The same as JSON.
    pub fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.ok(args)).unwrap()
    }

    /// What a command complains of that must fail.
    pub fn refused(&self, args: &[&str]) -> String {
        complaint(&self.command(args).output().unwrap())
    }
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn complaint(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    assert!(output.stdout.is_empty(), "errors go to standard error: {output:?}");
    let complaint = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(complaint.contains("error: "), "{complaint}");
    complaint
}

#[tokio::test]
async fn records_are_made_listed_and_removed() {
    let sala = Sala::new().await;
    let company = sala.json(&["company", "create", "--name", "Siam Tools", "--id", "507", "--json"]);
    assert_eq!(
        (&company["id"], &company["name"], &company["time_zone"]),
        (&json!(507), &json!("Siam Tools"), &json!("Asia/Bangkok"))
    );
    let next = sala.json(&["--json", "company", "create", "--name", "Next", "--time-zone", "Asia/Ho_Chi_Minh"]);
    assert_eq!(next["id"], 508, "without a number it gets the next one");
    let companies = sala.json(&["company", "--json", "list"]);
    assert_eq!(companies, json!([company, next]));

    let client = sala.json(&["client", "create", "--company", "507", "--name", "Shop", "--scope", "chat:read"]);
    for secret in ["client_id", "client_secret", "subscription_key"] {
        assert!(client[secret].as_str().unwrap().len() >= 10, "{client}");
    }
    assert_eq!((&client["id"], &client["scopes"]), (&client["client_id"], &json!(["chat:read"])));
    let id = client["id"].as_str().unwrap();
    let listed = sala.ok(&["client", "list", "--company", "507", "--json"]);
    assert!(!listed.contains(client["client_secret"].as_str().unwrap()), "a secret is shown once");
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&listed[0]["id"], &listed[0]["revoked_at"]), (&json!(id), &Value::Null));
    sala.ok(&["client", "revoke", id, "--company", "507"]);
    assert!(sala.json(&["--json", "--company", "507", "client", "list"])[0]["revoked_at"].is_i64());

    let account = sala.json(&[
        "account",
        "create",
        "--company",
        "507",
        "--platform",
        "line",
        "--name",
        "Box",
        "--sandbox",
        "--json",
    ]);
    let id = account["id"].as_str().unwrap();
    assert_eq!(
        (&account["platform"], &account["sandbox"], &account["state"]),
        (&json!("line"), &json!(true), &json!("active"))
    );
    assert_eq!(sala.json(&["account", "list", "--company", "507", "--json"]), json!([account]));
    assert_eq!(sala.json(&["account", "list", "--company", "508", "--json"]), json!([]));

    let given = "26259b2c-509c-4ff5-a82a-d1b5505b014d";
    let room = [
        "room",
        "create",
        "--company",
        "507",
        "--account",
        id,
        "--external-id",
        "U1",
        "--id",
        given,
        "--name",
        "สมชาย",
        "--json",
    ];
    let made = sala.json(&room);
    assert_eq!((&made["id"], &made["external_id"], &made["name"]), (&json!(given), &json!("U1"), &json!("สมชาย")));
    assert!(sala.refused(&room).contains("already"));

    let webhook = sala.json(&[
        "webhook",
        "create",
        "--company",
        "507",
        "--url",
        "https://example.com/in",
        "--topic",
        "Chat",
        "--json",
    ]);
    assert_eq!((&webhook["id"], &webhook["topics"]), (&json!(1), &json!(["Chat"])));
    let secret = webhook["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"));
    let listed = sala.ok(&["webhook", "list", "--company", "507", "--json"]);
    assert!(!listed.contains(secret));
    assert_eq!(serde_json::from_str::<Value>(&listed).unwrap()[0]["url"], "https://example.com/in");

    sala.ok(&["webhook", "remove", "1", "--company", "507"]);
    assert_eq!(sala.json(&["webhook", "list", "--company", "507", "--json"]), json!([]));
    sala.ok(&["account", "remove", id, "--company", "507"]);
    assert_eq!(sala.json(&["account", "list", "--company", "507", "--json"]), json!([]));
    let text = sala.ok(&["company", "list"]);
    assert!(text.contains("id=507") && text.lines().count() == 2, "without --json a line for each: {text}");
}

#[tokio::test]
async fn a_webhook_at_a_private_address_is_warned_of() {
    let sala = Sala::new().await;
    sala.ok(&["company", "create", "--name", "Siam Tools", "--id", "507"]);
    let said = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    let create = |url: &str| sala.command(&["webhook", "create", "--company", "507", "--url", url]);
    let warning = "--allow-private-webhooks";
    for private in ["http://127.0.0.1:9300/hook", "http://localhost:9300/hook", "http://[fec0::1]/", "http://10.0.0.7/"]
    {
        assert!(said(&mut create(private)).contains(warning), "{private}");
        let allowed = said(create(private).env("SALA_ALLOW_PRIVATE_WEBHOOKS", "true"));
        assert!(!allowed.contains(warning), "{private}");
    }
    assert!(!said(&mut create("https://example.com/in")).contains(warning));
    let update =
        |args: &[&str]| said(&mut sala.command(&[&["webhook", "update", "1", "--company", "507"], args].concat()));
    assert!(update(&["--url", "http://127.0.0.1:9300/other"]).contains(warning));
    assert!(!update(&["--topic", "Chat"]).contains(warning));
}

#[tokio::test]
async fn what_goes_wrong_is_said_on_standard_error() {
    let sala = Sala::new().await;
    sala.ok(&["company", "create", "--name", "Siam Tools", "--id", "507"]);
    let unused = "00000000-0000-4000-8000-000000000000";
    for (args, why) in [
        (&["company", "create", "--name", "Twice", "--id", "507"][..], "507"),
        (&["company", "create", "--name", " "], "name"),
        (&["company", "create", "--name", "X", "--id", "0"], "from 1 to"),
        (&["company", "create", "--name", "X", "--time-zone", "Mars/Base"], "Mars/Base"),
        (&["company", "create"], "--name"),
        (&["client", "list"], "--company"),
        (&["client", "create", "--company", "9", "--name", "X"], "company 9"),
        (&["client", "create", "--company", "507", "--name", "X", "--scope", "money:print"], "money:print"),
        (&["client", "revoke", "nobody", "--company", "507"], "client"),
        (&["client", "revoke", "--company", "507"], "ID"),
        (&["account", "create", "--company", "507", "--platform", "fax", "--name", "X", "--sandbox"], "fax"),
        (&["account", "create", "--company", "507", "--platform", "line", "--name", "X"], "--channel-secret"),
        (
            &[
                "account",
                "create",
                "--company",
                "507",
                "--platform",
                "messenger",
                "--name",
                "X",
                "--channel-secret",
                "a",
            ],
            "--sandbox",
        ),
        (&["account", "remove", "507-none", "--company", "507"], "account"),
        (&["room", "create", "--company", "507", "--account", "507-none", "--external-id", "U1"], "507-none"),
        (
            &["room", "create", "--company", "507", "--account", "a", "--external-id", "U1", "--id", "no-uuid"],
            "no-uuid",
        ),
        (&["webhook", "create", "--company", "507", "--url", "ftp://example.com"], "https://"),
        (&["webhook", "create", "--company", "507", "--url", "https://u:p@example.com"], "credentials"),
        (&["webhook", "create", "--company", "507", "--url", "https://example.com", "--topic", "Weather"], "Weather"),
        (&["webhook", "remove", "7", "--company", "507"], "webhook"),
        (&["webhook", "remove", unused, "--company", "507"], unused),
        (&["serve", "--listen", "nowhere"], "nowhere"),
        (&["--database", "mysql://x/y", "company", "list"], "sqlite: or postgres://"),
        (&["fly"], "fly"),
    ] {
        let complaint = sala.refused(args);
        assert!(complaint.contains(why), "{args:?}: {complaint}");
        assert!(!complaint.contains("panicked"), "{args:?}: {complaint}");
    }
}

#[tokio::test]
async fn every_option_also_comes_from_the_environment() {
    let sala = Sala::new().await;
    let mut company = sala.command(&["company", "create"]);
    company.env("SALA_NAME", "Siam Tools").env("SALA_ID", "507").env("SALA_JSON", "true");
    let company: Value = serde_json::from_str(&printed(&company.output().unwrap())).unwrap();
    assert_eq!(company["id"], 507);
    let mut client = sala.command(&["client", "create"]);
    client.env("SALA_COMPANY", "507").env("SALA_NAME", "Shop").env("SALA_SCOPE", "chat:read chat:write");
    let client: Value = serde_json::from_str(&printed(&client.output().unwrap())).unwrap();
    assert_eq!(client["scopes"], json!(["chat:read", "chat:write"]));
    let mut listed = sala.command(&["client", "list"]);
    listed.env("SALA_COMPANY", "507").env("SALA_JSON", "false");
    assert!(!printed(&listed.output().unwrap()).starts_with('['));
}

#[tokio::test]
async fn secrets_come_from_the_environment_or_standard_input_and_are_never_shown() {
    let sala = Sala::new().await;
    sala.ok(&["company", "create", "--name", "Siam Tools", "--id", "507"]);
    let create = ["account", "create", "--company", "507", "--platform", "line", "--name", "LINE", "--json"];
    let (secret, token) = ("hush-secret-5f6b", "hush-token-7d31");

    let mut by_environment = sala.command(&create);
    by_environment.env("SALA_CHANNEL_SECRET", secret).env("SALA_ACCESS_TOKEN", token);
    let mut by_input = sala.command(&[&create[..], &["--channel-secret", "-", "--access-token", "-"]].concat());
    let mut child = by_input.stdin(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{secret}\n{token}").unwrap();
    let by_option = [&create[..], &["--channel-secret", secret, "--access-token", token]].concat();
    let mut help = sala.command(&["account", "create", "--help"]);
    help.env("SALA_CHANNEL_SECRET", secret).env("SALA_ACCESS_TOKEN", token).env("SALA_SECRET_KEY", "hush");

    let outputs = [
        by_environment.output().unwrap(),
        child.wait_with_output().unwrap(),
        sala.command(&by_option).output().unwrap(),
        sala.command(&["account", "list", "--company", "507", "--json"]).output().unwrap(),
        help.output().unwrap(),
    ];
    for output in &outputs {
        assert!(output.status.success(), "{output:?}");
        let shown = [output.stdout.clone(), output.stderr.clone()].concat();
        assert!(!String::from_utf8_lossy(&shown).contains("hush"), "{output:?}");
    }
    let listed: Value = serde_json::from_slice(&outputs[3].stdout).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 3);

    let db = db::Db::open(&sala.database.url, db::Options::default()).await.unwrap();
    let stored: Vec<Vec<u8>> = db.read().await.unwrap().sql("select secrets from account").all().await.unwrap();
    assert_eq!(stored.len(), 3);
    assert!(stored.iter().all(|sealed| !String::from_utf8_lossy(sealed).contains("hush")), "they are stored encrypted");
    db.close().await;
}

#[tokio::test]
async fn the_key_is_asked_for_on_postgresql_and_made_beside_sqlite() {
    let sala = Sala::new().await;
    let create = ["account", "create", "--company", "507", "--platform", "line", "--name", "A", "--sandbox"];
    sala.ok(&["company", "create", "--name", "Siam Tools", "--id", "507"]);
    if is_postgres() {
        for args in [&create[..], &["serve", "--listen", "127.0.0.1:0"]] {
            let complaint = complaint(&sala.command(args).env_remove("SALA_SECRET_KEY").output().unwrap());
            assert!(complaint.contains("SALA_SECRET_KEY") && complaint.contains("openssl rand -hex 32"), "{complaint}");
        }
    } else {
        sala.ok(&create);
        let file = sala.database.folder.join("sala.key");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_to_string(&file).unwrap().trim().len(), 64);
    }
    for bad in ["short", "", &"zz".repeat(32)] {
        let complaint = complaint(&sala.command(&create).env("SALA_SECRET_KEY", bad).output().unwrap());
        assert!(complaint.contains("openssl rand -hex 32"), "{bad:?}: {complaint}");
    }
}

/// The findings of `sala doctor` but for the disk's, which is not the test's; its exit code follows from all.
fn doctor(sala: &Sala, key: Option<&str>) -> Vec<Value> {
    let mut command = sala.command(&["doctor", "--offline", "--json"]);
    if let Some(key) = key {
        command.env("SALA_SECRET_KEY", key);
    }
    let output = command.output().unwrap();
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let well = findings.iter().all(|finding| finding["ok"] == true);
    assert_eq!(output.status.code(), Some(i32::from(!well)), "{findings:?}");
    assert!(findings.iter().any(|finding| finding["check"] == "disk"));
    findings.into_iter().filter(|finding| finding["check"] != "disk").collect()
}

/// The messages of what is wrong.
fn wrong(findings: &[Value]) -> Vec<&str> {
    findings
        .iter()
        .filter(|finding| finding["ok"] == false)
        .map(|finding| finding["message"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_new_key_keeps_credentials_readable() {
    let sala = Sala::new().await;
    sala.ok(&["company", "create", "--name", "Siam Tools", "--id", "507"]);
    let credentials = ["--channel-secret", "a", "--access-token", "b"];
    sala.ok(
        &[&["account", "create", "--company", "507", "--platform", "line", "--name", "A"][..], &credentials].concat()
    );
    sala.ok(&["webhook", "create", "--company", "507", "--url", "https://example.com/in"]);
    assert_eq!(wrong(&doctor(&sala, None)), [""; 0]);
    if is_postgres() {
        let new = sala.ok(&["key", "new"]).trim().to_owned();
        let both = format!("{new},{}", sala.key);
        let rotated = printed(&sala.command(&["key", "rotate"]).env("SALA_SECRET_KEY", both).output().unwrap());
        assert!(rotated.starts_with("2 credentials"), "{rotated}");
        assert_eq!(wrong(&doctor(&sala, Some(&new))), [""; 0]);
        let stale = doctor(&sala, None);
        assert!(wrong(&stale)[0].contains("cannot be decrypted"), "{stale:?}");
    } else {
        let file = sala.database.folder.join("sala.key");
        let old = std::fs::read_to_string(&file).unwrap();
        let rotated = sala.ok(&["key", "rotate"]);
        assert!(rotated.starts_with("2 credentials"), "{rotated}");
        assert_ne!(std::fs::read_to_string(&file).unwrap(), old);
        assert_eq!(wrong(&doctor(&sala, None)), [""; 0]);
        let stale = doctor(&sala, Some(old.trim()));
        assert!(wrong(&stale)[0].contains("cannot be decrypted"), "{stale:?}");
    }
}

#[tokio::test]
async fn the_doctor_says_what_is_wrong_and_how_to_mend_it() {
    let sala = Sala::new().await;
    let unmade = doctor(&sala, None);
    let advice = if is_postgres() { "run: sala migrate" } else { "sala company create --name NAME" };
    assert!(wrong(&unmade)[0].contains(advice), "{unmade:?}");
    let migrated = sala.ok(&["migrate"]);
    assert!(migrated.starts_with(&format!("{} migrations applied", sala::MIGRATIONS.len())), "{migrated}");
    assert!(sala.ok(&["migrate"]).starts_with("0 migrations applied"), "a second time there is nothing to do");
    assert_eq!(wrong(&doctor(&sala, None)), [""; 0]);

    sala.ok(&["company", "create", "--name", "Siam Tools", "--id", "507"]);
    sala.ok(&["webhook", "create", "--company", "507", "--url", "https://example.com/in"]);
    // Nobody listens there, so the doctor cannot reach the account's provider.
    let api = ["--channel-secret", "a", "--access-token", "b", "--api-base", "http://127.0.0.1:9"];
    sala.ok(&[&["account", "create", "--company", "507", "--platform", "line", "--name", "A"][..], &api].concat());
    let online = sala.command(&["doctor", "--json"]).output().unwrap();
    assert_eq!(online.status.code(), Some(1), "{online:?}");

    let db = db::Db::open(&sala.database.url, db::Options::default()).await.unwrap();
    for (change, advice) in [
        (
            "update webhook set state = 'paused', state_reason = 'it failed for 3 days'",
            "sala webhook resume 1 --company 507",
        ),
        ("update webhook set state = 'active', failing_since = 1", "has failed for more than an hour"),
        ("update account set state = 'broken', state_reason = 'token expired'", "sala account renew"),
        ("update account set state = 'stopped'", "sala account resume"),
        ("update account set state = 'active', refused_at = 5, last_callback_at = 4", "signature does not match"),
    ] {
        let changed: Result<u64, db::Error> = db.write(async |mut tx| tx.sql(change).exec().await).await;
        assert_eq!(changed.unwrap(), 1);
        let findings = doctor(&sala, None);
        assert!(wrong(&findings).iter().any(|message| message.contains(advice)), "{change}: {findings:?}");
    }
    db.close().await;
    let text = sala.command(&["doctor", "--offline"]).output().unwrap();
    assert_eq!(text.status.code(), Some(1));
    assert!(String::from_utf8(text.stdout).unwrap().contains("BAD  account"));
}

#[tokio::test]
async fn the_document_is_printed() {
    let sala = Sala::new().await;
    assert_eq!(sala.json(&["openapi"]), crate::every_endpoint::document());
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_written_is_for_its_own_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    fn open_to_others(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) -> usize {
        let entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        for path in &entries {
            if path.metadata().unwrap().permissions().mode() & 0o077 != 0 {
                found.push(path.clone());
            }
            if path.is_dir() {
                open_to_others(path, found);
            }
        }
        entries.len()
    }
    let sala = Sala::new().await;
    // As on machines whose users share what they make.
    let shared = |args: &[&str]| {
        let command = sala.command(args);
        let mut shell = Command::new("sh");
        shell.args(["-c", "umask 000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_sala")]).args(args);
        shell.current_dir(&sala.database.folder).stdin(Stdio::null());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        printed(&shell.output().unwrap())
    };
    shared(&["company", "create", "--name", "Siam Tools", "--id", "507"]);
    shared(&["export", "--company", "507", "copy.zip"]);
    shared(&["export", "--company", "507", "copy"]);
    if !is_postgres() {
        shared(&["backup", "copy.db"]);
    }
    let mut found = Vec::new();
    assert!(open_to_others(&sala.database.folder, &mut found) >= 2);
    assert_eq!(found, Vec::<std::path::PathBuf>::new());
}
