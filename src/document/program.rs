//! The program that makes documents: where it is, and one run of it.
//!
//! A template is a program that an administrator wrote, and nothing inside of a process can stop it. So each document has a
//! process of its own, which limits itself (crates/render) and is ended here when it takes too long. It gets no environment
//! and no files: what it needs goes in by standard input.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use serde::Deserialize;

use super::room::{Permit, Room};
use crate::http::{Code, Error, Fault};

/// The longest that a document may take, with the wait for a processor.
const PATIENCE: Duration = Duration::from_secs(10);

/// The largest answer, in bytes: the program itself makes none over 20 MiB.
const MOST: u64 = 24 * 1024 * 1024;

const NAME: &str = if cfg!(windows) { "sala-render.exe" } else { "sala-render" };

/// The program that is named, or the one beside this one; 409 that says so when there is none.
pub(crate) fn find(named: Option<&Path>) -> Result<PathBuf, Error> {
    let beside = || {
        // A program that was replaced while it runs still knows its folder.
        let itself = std::env::current_exe().ok()?;
        Some(itself.parent()?.join(NAME))
    };
    let program = named.map(Path::to_owned).or_else(beside).filter(|program| program.is_file());
    // It is started in another folder.
    let program = program.map(|program| std::path::absolute(&program).unwrap_or(program));
    program.ok_or_else(|| {
        let message = "This server has no program that makes documents: build it with `make render`, and put it beside \
                       this one or name it with --render";
        Error::Conflict(Fault::new(Code::NotConfigured, "render", message))
    })
}

/// Makes a page of nothing: the program where it works, none where there is none, and why it does not work otherwise.
pub(crate) async fn try_out(named: Option<&Path>) -> Result<Option<PathBuf>, String> {
    let program = match (find(named), named) {
        (Ok(program), _) => program,
        (Err(_), None) => return Ok(None),
        (Err(_), Some(named)) => return Err(format!("{} is not there", named.display())),
    };
    let question = br#"{"files": {"main.typ": "Sala"}, "data": {}}"#.to_vec();
    let permit = Room::default().enter(0).await.map_err(|error| error.to_string())?;
    match run(program.clone(), question, permit).await {
        Ok(_) => Ok(Some(program)),
        Err(Failed::Template(wrong)) => Err(wrong.iter().map(Wrong::sentence).collect::<Vec<_>>().join("; ")),
        Err(Failed::Costly(why) | Failed::Internal(why)) => Err(why),
    }
}

/// Why there is no document.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The template is at fault: what, and where.
    Template(Vec<Wrong>),
    /// It would need more memory, time or pages than a document may have.
    Costly(String),
    /// A defect, for the log.
    Internal(String),
}

/// A fault of a template.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Wrong {
    pub(crate) message: String,
    pub(crate) hints: Vec<String>,
    pub(crate) file: Option<String>,
    pub(crate) line: Option<usize>,
    pub(crate) column: Option<usize>,
}

impl Wrong {
    /// The same as a sentence, with its permit.
    pub(crate) fn sentence(&self) -> String {
        let mut text = String::new();
        if let (Some(line), Some(column)) = (self.line, self.column) {
            text = format!("line {line}, column {column}: ");
        }
        if let Some(file) = self.file.as_deref().filter(|file| *file != "main.typ") {
            text = format!("{file}, {text}");
        }
        text.push_str(&self.message);
        for hint in &self.hints {
            text.push_str("; ");
            text.push_str(hint);
        }
        text
    }
}

#[derive(Deserialize)]
struct Said {
    error: String,
    faults: Vec<Wrong>,
}

/// Makes one document; the permit is given up when its process has ended, whoever still waits for it.
pub(super) async fn run(program: PathBuf, question: Vec<u8>, permit: Permit) -> Result<Bytes, Failed> {
    let process = Process::default();
    let watched = process.clone();
    let made = tokio::task::spawn_blocking(move || {
        let made = watched.make(&program, &question);
        drop(permit);
        made
    });
    // Dropped when nobody waits any more, too.
    let ended = Ended(process.clone());
    let made = match tokio::time::timeout(PATIENCE, made).await {
        Ok(made) => made.unwrap_or_else(|error| Err(Failed::Internal(error.to_string()))),
        Err(_) => Err(Failed::Costly(format!("it takes more than {} seconds", PATIENCE.as_secs()))),
    };
    drop(ended);
    made
}

/// A process that can be ended from elsewhere, also before it has begun.
#[derive(Debug, Clone, Default)]
struct Process(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    child: Option<Child>,
    is_over: bool,
}

struct Ended(Process);

impl Drop for Ended {
    fn drop(&mut self) {
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_over = true;
        if let Some(child) = &mut state.child {
            let _ = child.kill();
        }
    }
}

impl Process {
    fn make(&self, program: &Path, question: &[u8]) -> Result<Bytes, Failed> {
        let failed = |why: std::io::Error| Failed::Internal(format!("{}: {why}", program.display()));
        let mut command = Command::new(program);
        command.env_clear().current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        // One thread: its share of the machine is one processor, and threads take address space.
        command.env("RAYON_NUM_THREADS", "1");
        let (input, output) = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if state.is_over {
                return Err(Failed::Costly("nobody waits for it".to_owned()));
            }
            let mut child = command.spawn().map_err(failed)?;
            let pipes = (child.stdin.take(), child.stdout.take());
            state.child = Some(child);
            pipes
        };
        let (Some(mut input), Some(output)) = (input, output) else {
            return Err(Failed::Internal("a process without pipes".to_owned()));
        };
        let mut answer = Vec::new();
        let read = std::thread::scope(|scope| {
            scope.spawn(move || {
                // One that has ended already says why by its end.
                let _ = input.write_all(question);
            });
            output.take(MOST + 1).read_to_end(&mut answer)
        });
        let status = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(mut child) = state.child.take() else {
                return Err(Failed::Internal("a process was lost".to_owned()));
            };
            if read.is_err() || answer.len() as u64 > MOST {
                let _ = child.kill();
            }
            child.wait().map_err(failed)?
        };
        read.map_err(failed)?;
        match status.code() {
            Some(0) if answer.starts_with(b"%PDF-") => Ok(answer.into()),
            Some(0) => Err(Failed::Internal(format!("{} makes no documents", program.display()))),
            Some(3) => Err(Failed::Internal("a process that makes documents could not limit itself".to_owned())),
            Some(code) => Err(refusal(&answer).unwrap_or_else(|| Failed::Internal(format!("it ended with {code}")))),
            // A signal: it reached a limit of its own, or was ended here.
            None => Err(Failed::Costly("it takes more memory or time than a document may".to_owned())),
        }
    }
}

fn refusal(answer: &[u8]) -> Option<Failed> {
    let said: Said = serde_json::from_slice(answer).ok()?;
    let first = said.faults.first().map(Wrong::sentence).unwrap_or_default();
    Some(match said.error.as_str() {
        "template" => Failed::Template(said.faults),
        "too_large" => Failed::Costly(first),
        _ => Failed::Internal(first),
    })
}
