//! What this process allows itself.

use rustix::io::Result;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The address space, in bytes: two hundred lines take 50 MB.
const MEMORY: u64 = 512 * 1024 * 1024;

/// The time of a processor, in seconds: two hundred lines take half a second.
const SECONDS: u64 = 5;

/// Open files while fonts are read.
const FILES: u64 = 16;

/// Limits this process, as far as it is not limited more closely already.
pub fn set() -> Result<()> {
    for (resource, most) in [
        (Resource::As, MEMORY),
        (Resource::Cpu, SECONDS),
        (Resource::Nofile, FILES),
        // Standard output is no file.
        (Resource::Fsize, 0),
        (Resource::Core, 0),
    ] {
        lower(resource, most)?;
    }
    Ok(())
}

/// No more files are opened, and no processes started.
pub fn close() -> Result<()> {
    lower(Resource::Nofile, 3)
}

fn lower(resource: Resource, most: u64) -> Result<()> {
    let known = getrlimit(resource);
    let most = known.maximum.map_or(most, |known| known.min(most));
    setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
}
