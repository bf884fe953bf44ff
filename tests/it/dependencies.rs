//! What the program is built from: licences, sources, doubled crates, and dependencies that nobody uses. Read out of
//! `cargo metadata` and the manifests, so that it needs no tool that must be installed and no network.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Licences that oblige to no more than a notice.
const LICENCES: [&str; 10] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
];

/// Crates that are not wanted, and why.
const UNWANTED: [(&str, &str); 4] = [
    ("aws-lc-sys", "a second TLS library, in C; ring is there"),
    ("aws-lc-rs", "a second TLS library, in C; ring is there"),
    ("openssl-sys", "needs a library of the system's"),
    ("native-tls", "needs a library of the system's"),
];

/// Crates that come in two versions, with those who keep the older one. A line that is not needed any more fails.
const DOUBLED: &[(&str, &str)] = &[
    ("base64", "metrics-exporter-prometheus and postgres-protocol"),
    ("chacha20", "chacha20poly1305, until its 0.11; rand"),
    ("constant_time_eq", "totp-rs and phonenumber's own"),
    ("embedded-io", "postcard, for phonenumber"),
    ("nom", "phonenumber"),
    ("regex-syntax", "phonenumber"),
    ("strum", "phonenumber"),
    ("strum_macros", "phonenumber"),
    ("const-oid", "der, for tokio-postgres-rustls"),
    ("cpufeatures", "chacha20poly1305, until its 0.11"),
    ("crypto-common", "chacha20poly1305, until its 0.11"),
    ("digest", "crc-fast, for object_store"),
    ("fallible-iterator", "postgres-protocol"),
    ("getrandom", "ring and metrics-util"),
    ("hashbrown", "metrics-util"),
    ("phf", "chrono-tz, for rrule"),
    ("phf_shared", "chrono-tz, for rrule"),
    ("quick-xml", "object_store"),
    ("rand", "metrics-util"),
    ("rand_core", "metrics-util and chacha20poly1305"),
    ("spin", "multer"),
    ("syn", "tracing-attributes and others"),
];

/// Dependencies that no path of the source names: crate, dependency, and what it is for.
const UNNAMED: &[(&str, &str, &str)] = &[];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What Cargo says of the packages that are built here.
fn metadata() -> Value {
    let host = Command::new("rustc").arg("-vV").output().unwrap();
    let host = String::from_utf8(host.stdout).unwrap();
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let told = Command::new(cargo)
        .args(["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform", &host])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    serde_json::from_slice(&told.stdout).unwrap()
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// Whether an expression of licences (SPDX) leaves a choice that is on the list.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let mut words: Vec<String> =
        expression.replace('(', " ( ").replace(')', " ) ").split_whitespace().map(str::to_owned).collect();
    words.reverse();
    any(&mut words)
}

fn any(words: &mut Vec<String>) -> bool {
    let mut allowed = all(words);
    while words.last().is_some_and(|word| word == "OR") {
        words.pop();
        allowed |= all(words);
    }
    allowed
}

fn all(words: &mut Vec<String>) -> bool {
    let mut allowed = one(words);
    while words.last().is_some_and(|word| word == "AND") {
        words.pop();
        allowed &= one(words);
    }
    allowed
}

fn one(words: &mut Vec<String>) -> bool {
    let mut name = words.pop().unwrap_or_default();
    if name == "(" {
        let allowed = any(words);
        words.pop();
        return allowed;
    }
    if words.last().is_some_and(|word| word == "WITH") {
        words.pop();
        name = format!("{name} WITH {}", words.pop().unwrap_or_default());
    }
    LICENCES.contains(&name.as_str())
}

#[test]
fn an_expression_of_licences_is_read() {
    for good in ["MIT", "MIT OR GPL-3.0", "GPL-3.0/MIT", "(GPL-2.0 OR ISC) AND MIT", "Apache-2.0 WITH LLVM-exception"] {
        assert!(is_allowed(good), "{good}");
    }
    for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT OR ISC) AND AGPL-3.0", "GPL-2.0 WITH LLVM-exception"] {
        assert!(!is_allowed(bad), "{bad}");
    }
}

#[test]
fn every_dependency_has_a_licence_and_a_source_that_are_wanted() {
    let metadata = metadata();
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = text(package, "name");
        let source = text(package, "source");
        if !is_allowed(text(package, "license")) {
            wrong.push(format!("{name}: licence {:?}", package["license"]));
        }
        if !source.is_empty() && source != "registry+https://github.com/rust-lang/crates.io-index" {
            wrong.push(format!("{name}: comes from {source}"));
        }
        if let Some((_, why)) = UNWANTED.iter().find(|(unwanted, _)| *unwanted == name) {
            wrong.push(format!("{name}: {why}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_crate_comes_in_two_versions_only_where_it_must() {
    let metadata = metadata();
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        versions.entry(text(package, "name")).or_default().insert(text(package, "version"));
    }
    let doubled: BTreeSet<&str> =
        versions.iter().filter(|(_, versions)| versions.len() > 1).map(|(name, _)| *name).collect();
    let known: BTreeSet<&str> = DOUBLED.iter().map(|(name, _)| *name).collect();
    let new: Vec<String> = doubled.difference(&known).map(|name| format!("{name} {:?}", versions[name])).collect();
    assert!(new.is_empty(), "raise one of them, or say in DOUBLED who keeps it: {new:?}");
    let gone: Vec<&&str> = known.difference(&doubled).collect();
    assert!(gone.is_empty(), "not doubled any more: {gone:?}");
}

#[test]
fn every_dependency_is_used() {
    let metadata = metadata();
    let members: Vec<&Value> =
        metadata["packages"].as_array().unwrap().iter().filter(|one| one["source"].is_null()).collect();
    let mut unused = Vec::new();
    let mut declared = BTreeSet::new();
    for member in &members {
        let name = text(member, "name");
        let folder = Path::new(text(member, "manifest_path")).parent().unwrap();
        let mut source = String::new();
        for part in ["src", "tests", "benches", "examples", "build.rs"] {
            read_source(&folder.join(part), &mut source);
        }
        for dependency in member["dependencies"].as_array().unwrap() {
            declared.insert(text(dependency, "name"));
            let named = dependency["rename"].as_str().unwrap_or(text(dependency, "name"));
            let known = UNNAMED.iter().any(|(package, unnamed, _)| *package == name && *unnamed == named);
            if known == names(&source, &named.replace('-', "_")) {
                unused.push(format!("{name}: {named}"));
            }
        }
    }
    assert!(unused.is_empty(), "not used, or in UNNAMED though used: {unused:?}");
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let (_, offered) = manifest.split_once("[workspace.dependencies]\n").unwrap();
    let offered = offered.split("\n[").next().unwrap();
    let dead: Vec<&str> = offered
        .lines()
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name))
        .filter(|name| !name.starts_with('#') && !declared.contains(name))
        .collect();
    assert!(dead.is_empty(), "offered to the workspace's members and taken by none: {dead:?}");
}

fn read_source(path: &Path, source: &mut String) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            read_source(&entry.unwrap().path(), source);
        }
    } else if path.is_file() && path.extension().is_some_and(|ending| ending == "rs") {
        source.push_str(&std::fs::read_to_string(path).unwrap());
    }
}

/// Whether a path or an import of the source begins with this crate.
fn names(source: &str, krate: &str) -> bool {
    source.match_indices(krate).any(|(at, _)| {
        let before = source[..at].chars().next_back().unwrap_or(' ');
        let begins = !(before.is_alphanumeric() || before == '_' || source[..at].ends_with("crate::"));
        let after = &source[at + krate.len()..];
        begins && (after.starts_with("::") || after.starts_with(" as ") || (after.starts_with(';') && before == ' '))
    })
}
