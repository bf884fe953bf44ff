//! Workbooks are read in a process of their own: whatever stands in one, it is that process that ends, and not the server.
//!
//! The process is this program with another command. It gets the file's name and what to look for, and says what it finds
//! line by line. It limits itself: its memory, its time, and that it writes no files.

use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};

use serde::{Deserialize, Serialize};

use super::{Found, Magic, Unreadable, Visit, Wanted, magic, read_here, unreadable};
use crate::http::Error;
use crate::import::header::Mapping;
use crate::import::kind::Kind;
use crate::import::run::Stop;

/// The address space that reading a workbook may take, in bytes.
const MEMORY: u64 = 768 * 1024 * 1024;

/// The time of a processor that it may take, in seconds.
const SECONDS: u64 = 120;

/// The command that answers; the command line knows it by this name and does not show it.
const COMMAND: &str = "read-workbook";

/// What is asked for.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::import) struct Ask {
    pub(in crate::import) kind: Kind,
    pub(in crate::import) mapping: Mapping,
    /// The encoding of a text, where it was named.
    pub(in crate::import) encoding: Option<String>,
}

impl Ask {
    pub(in crate::import) fn wanted(&self) -> Wanted {
        let encoding = self.encoding.as_deref().and_then(super::encoding_named);
        Wanted { encoding, ..Wanted::new(self.kind, self.mapping.clone()) }
    }
}

/// What is answered, a line each.
#[derive(Debug, Serialize, Deserialize)]
enum Said {
    Found(Found),
    Unreadable(String),
    End,
}

/// The program that reads workbooks: this one, also where its file was replaced since it began.
fn program(given: Option<&Path>) -> PathBuf {
    let itself = Path::new("/proc/self/exe");
    match given {
        Some(program) => program.to_owned(),
        None if itself.exists() => itself.to_owned(),
        None => std::env::current_exe().unwrap_or_else(|_| itself.to_owned()),
    }
}

/// Reads a file from its beginning; a workbook in a process of `reader`, or of this program.
pub(in crate::import) fn read(path: &Path, ask: &Ask, reader: Option<&Path>, visit: Visit<'_>) -> Result<(), Stop> {
    let mut file = std::fs::File::open(path).map_err(unreadable)?;
    if !matches!(magic(&mut file).map_err(unreadable)?, Magic::Packed | Magic::Old) {
        return Ok(read_here(path, &ask.wanted(), visit)?);
    }
    let failed = |why: std::io::Error| Stop::Failed(Error::Internal(format!("a process that reads workbooks: {why}")));
    let mut command = Command::new(program(reader));
    // It needs nothing of what the server knows.
    command.arg(COMMAND).arg(path).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // Its memory counts by addresses, and the allocator would take a gigabyte of them before it is used.
    command.env("MIMALLOC_ARENA_RESERVE", "0");
    let mut child = Reaped(command.spawn().map_err(failed)?);
    let question = serde_json::to_vec(ask).map_err(|error| failed(error.into()))?;
    if let Some(mut input) = child.0.stdin.take() {
        // One that has ended already says why by its end.
        let _ = input.write_all(&question);
    }
    let Some(output) = child.0.stdout.take() else { return Err(failed(std::io::ErrorKind::BrokenPipe.into())) };
    let mut lines = BufReader::with_capacity(256 * 1024, output);
    let mut line = Vec::new();
    loop {
        line.clear();
        lines.read_until(b'\n', &mut line).map_err(failed)?;
        match serde_json::from_slice(&line) {
            Ok(Said::Found(found)) => {
                if !visit(found) {
                    return Ok(());
                }
            }
            Ok(Said::End) => return Ok(()),
            Ok(Said::Unreadable(why)) => return Err(Unreadable(why).into()),
            Err(_) => return Err(why(child.0.wait().map_err(failed)?)),
        }
    }
}

/// Why a process ended before it had said everything.
fn why(status: ExitStatus) -> Stop {
    let unreadable = |why: String| Stop::from(Unreadable(why));
    if status.code() == Some(i32::from(UNLIMITED)) {
        return Stop::Failed(Error::Internal("a process that reads workbooks could not limit itself".to_owned()));
    }
    tracing::warn!(%status, "a workbook ended the process that read it");
    match status.code() {
        // A panic.
        Some(101) => unreadable("the workbook cannot be read: it is damaged".to_owned()),
        Some(code) => Stop::Failed(Error::Internal(format!("the process that reads workbooks ended with code {code}"))),
        None => unreadable(format!(
            "the workbook cannot be read: that takes more than {} MB of memory, or more than {SECONDS} seconds; \
             save it as CSV",
            MEMORY / 1024 / 1024
        )),
    }
}

/// A process that is ended with this.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The exit code of a process that could not limit itself.
const UNLIMITED: u8 = 3;

/// The other side: reads the workbook that is named, and says what it finds on standard output.
pub(crate) fn answer(path: &Path) -> ExitCode {
    if limit().is_err() {
        return ExitCode::from(UNLIMITED);
    }
    let mut question = Vec::new();
    let Ok(ask) = std::io::stdin()
        .read_to_end(&mut question)
        .map_err(drop)
        .and_then(|_| serde_json::from_slice::<Ask>(&question).map_err(drop))
    else {
        return ExitCode::from(2);
    };
    let mut output = BufWriter::with_capacity(256 * 1024, std::io::stdout().lock());
    let mut say =
        |said: &Said| -> bool { serde_json::to_writer(&mut output, said).is_ok() && output.write_all(b"\n").is_ok() };
    let mut is_heard = true;
    let ended = read_here(path, &ask.wanted(), &mut |found| {
        is_heard = say(&Said::Found(found));
        is_heard
    });
    let last = ended.map_or_else(|Unreadable(why)| Said::Unreadable(why), |()| Said::End);
    if is_heard && say(&last) && output.flush().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Limits this process, as far as it is not limited more closely already.
#[cfg(unix)]
fn limit() -> rustix::io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    for (resource, most) in [
        (Resource::As, MEMORY),
        (Resource::Cpu, SECONDS),
        // Standard output is none: a workbook makes no files.
        (Resource::Fsize, 0),
        (Resource::Core, 0),
    ] {
        let known = getrlimit(resource);
        let most = known.maximum.map_or(most, |known| known.min(most));
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn limit() -> std::io::Result<()> {
    Ok(())
}
