//! A program that cannot begin says what is in its way and what to do; one whose output nobody reads says nothing.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Output;

use crate::app::is_postgres;
use crate::child::until;
use crate::cli::Sala;

const SERVE: [&str; 3] = ["serve", "--listen", "127.0.0.1:0"];

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned()
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_named() {
    let sala = Sala::new().await;
    let folder = &sala.database.folder;
    // What lies in the way stops every user, the administrator too, whom rights do not stop.
    std::fs::write(folder.join("file"), "").unwrap();
    std::fs::create_dir(folder.join("folder")).unwrap();
    let below_a_file = format!("sqlite:{}", folder.join("file/sala.db").display());
    let a_folder = format!("sqlite:{}", folder.join("folder").display());
    for (database, named) in [(&below_a_file, "file"), (&a_folder, "folder")] {
        let whole = folder.join(named).display().to_string();
        for args in [&SERVE[..], &["company", "create", "--name", "Siam Tools"], &["migrate"]] {
            let refused = sala.refused(&[&["--database", database], args].concat());
            assert!(refused.contains(&whole), "{args:?}: {refused}");
            assert!(refused.contains("may this user read and write it?"), "{args:?}: {refused}");
        }
    }
    let doctor = sala.command(&["--database", &a_folder, "doctor", "--offline"]).output().unwrap();
    assert_eq!(doctor.status.code(), Some(1));
    let doctor = said(&doctor);
    assert!(doctor.contains("BAD  database: ") && doctor.contains("may this user read and write it?"), "{doctor}");

    let media = folder.join("file/media").display().to_string();
    let refused = sala.refused(&[&SERVE[..], &["--media", &media]].concat());
    assert!(refused.contains(&media) && refused.contains("--media"), "{refused}");
}

/// A server that answers the first message of one client with these bytes; its port.
fn answering(answer: Vec<u8>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut length = [0; 4];
        client.read_exact(&mut length).unwrap();
        let mut message = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap() - 4];
        client.read_exact(&mut message).unwrap();
        client.write_all(&answer).unwrap();
        // The other side ends the connection.
        let _ = client.read_to_end(&mut message);
    });
    port
}

/// An error as PostgreSQL sends it.
fn server_error(code: &str, message: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap();
    [&b"E"[..], &length.to_be_bytes(), fields.as_bytes()].concat()
}

#[tokio::test]
async fn what_postgresql_says_is_passed_on() {
    let sala = Sala::new().await;
    for (code, message) in [
        ("3D000", "database \"nodb\" does not exist"),
        ("28000", "role \"nobody\" does not exist"),
        ("28P01", "password authentication failed for user \"nobody\""),
        ("57P03", "the database system is starting up"),
    ] {
        let port = answering(server_error(code, message));
        let url = format!("postgres://nobody:hush@127.0.0.1:{port}/nodb?sslmode=disable");
        let refused = sala.refused(&["--database", &url, "company", "list"]);
        assert!(refused.contains(message), "{code}: {refused}");
        assert!(!refused.contains("hush"), "{code}: {refused}");
    }
    if is_postgres() {
        let (base, query) = sala.database.url.split_once('?').unwrap_or((sala.database.url.as_str(), ""));
        let (server, _) = base.rsplit_once('/').unwrap();
        let url = format!("{server}/sala_nowhere?{query}");
        let refused = sala.refused(&["--database", &url, "company", "list"]);
        assert!(refused.contains("database \"sala_nowhere\" does not exist"), "{refused}");
    }
}

#[tokio::test]
async fn a_postgresql_that_cannot_be_reached_is_named() {
    let sala = Sala::new().await;
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("postgres://nobody:hush@{free}/sala?sslmode=disable");
    let refused = sala.refused(&["--database", &url, "company", "list"]);
    assert!(refused.contains(&format!("could not connect to {free}: ")) && refused.contains("refused"), "{refused}");
    assert!(!refused.contains("hush"), "{refused}");

    let refused = sala.refused(&["--database", "postgres://nobody:hush@nowhere.invalid/sala", "company", "list"]);
    assert!(refused.contains("nowhere.invalid:5432"), "{refused}");
    assert!(!refused.contains("hush") && !refused.contains("the connection was lost"), "{refused}");

    // What a server answers to a request for TLS that has none.
    let port = answering(b"N".to_vec());
    let url = format!("postgres://nobody:hush@127.0.0.1:{port}/sala?sslmode=require");
    let refused = sala.refused(&["--database", &url, "company", "list"]);
    assert!(refused.contains("TLS") && refused.contains("sslmode=disable"), "{refused}");
    assert!(!refused.contains("hush"), "{refused}");
}

#[tokio::test]
async fn a_key_is_made_by_the_program_itself() {
    let sala = Sala::new().await;
    sala.ok(&["company", "create", "--name", "Siam Tools", "--id", "507"]);
    let new = sala.ok(&["key", "new"]);
    for (key, database) in [
        (Some("short"), sala.database.url.as_str()),
        // Asked for before anything else is wrong with the database.
        (None, "postgres://nobody@127.0.0.1:1/sala?sslmode=disable"),
    ] {
        let mut command = sala.command(&["--database", database, "doctor", "--offline"]);
        match key {
            Some(key) => command.env("SALA_SECRET_KEY", key),
            None => command.env_remove("SALA_SECRET_KEY"),
        };
        let doctor = said(&command.output().unwrap());
        assert!(doctor.contains("sala key new"), "{key:?}: {doctor}");
    }
    let made = sala.command(&["doctor", "--offline"]).env("SALA_SECRET_KEY", new.trim()).output().unwrap();
    assert!(!said(&made).contains("sala key new"), "what it makes is a key: {made:?}");
}

/// A command whose output nobody reads.
fn unread(sala: &Sala, args: &[&str]) -> Output {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    sala.command(args).stdout(writer).spawn().unwrap().wait_with_output().unwrap()
}

#[tokio::test]
async fn a_command_whose_reader_has_enough_ends_without_a_word() {
    let sala = Sala::new().await;
    sala.ok(&["company", "create", "--name", "Siam Tools", "--id", "507"]);
    for args in [
        &["doctor", "--offline"][..],
        &["doctor", "--offline", "--json"],
        &["openapi"],
        &["reference"],
        &["completions", "bash"],
        &["help"],
        &["serve", "--help"],
        &["--version"],
        &["key", "new"],
        &["company", "list"],
        &["company", "list", "--json"],
        &["client", "create", "--company", "507", "--name", "Shop"],
        &["client", "list", "--company", "507"],
        &["room", "list", "--company", "507", "--json"],
        &["job", "list", "--json"],
        &["migrate"],
    ] {
        let output = unread(&sala, args);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {output:?}");
        assert!(!complaint.contains("error") && !complaint.contains("pipe"), "{args:?}: {complaint}");
    }
}

#[tokio::test]
async fn a_server_whose_output_nobody_reads_serves() {
    let sala = Sala::new().await;
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = sala.command(&["serve", "--listen", &address.to_string()]);
    let mut child = command.stdout(writer).stderr(std::process::Stdio::null()).spawn().unwrap();
    until("an answer", async || {
        assert!(child.try_wait().unwrap().is_none(), "it goes on");
        std::net::TcpStream::connect(address).is_ok()
    })
    .await;
    let (status, body) = crate::serve::http(address, "GET", "/healthz", &[], "");
    assert_eq!((status, body.as_str()), (200, "ok\n"));
    child.kill().unwrap();
    child.wait().unwrap();
}
