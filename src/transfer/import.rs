//! A company into a server that does not have it. Everything is checked before anything is written; what is written is
//! written page by page together with how far it has come, so that a run that was killed goes on where it stopped.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use bytes::Bytes;
use db::bulk::{Row, Table, unhex};
use db::{Conn, Db, Value};
use indicatif::ProgressBar;
use serde::Deserialize;
use serde_json::{Map, Value as Plain};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use super::pack::{self, PIECE, Reader};
use super::{
    FORMAT, KEY_PURPOSE, KEY_SAMPLE, MANIFEST, Manifest, Part, Report, StoredFile, TABLES, TableFile, TransferError,
    refused,
};
use crate::MIGRATIONS;
use crate::attachment::hex;
use crate::media::Store;
use crate::refold;
use crate::vault::Vault;

/// Rows that are stored in one unit of work.
const PAGE: usize = 500;

/// The largest manifest that is read.
const LARGEST_MANIFEST: u64 = 16 * 1024 * 1024;

/// Reads a company in from an export. `company`, where it is given, must be the export's own.
pub async fn import(
    db: &Db,
    media: &Store,
    vault: Option<&Vault>,
    company: Option<i64>,
    from: &Path,
    now: i64,
    bar: &ProgressBar,
) -> Result<Report, TransferError> {
    let mut reader = Reader::open(from)?;
    let (manifest, digest) = manifest(&mut reader)?;
    check(&manifest, company, vault)?;
    let known = db.tables().await?;
    let targets = targets(&manifest, &known)?;
    bar.set_message("checking");
    for table in &manifest.tables {
        reader.verify(&table.file, &table.sha256)?;
    }
    reader.verify(&manifest.files.file, &manifest.files.sha256)?;
    let mut stage = begin(db, &manifest, &digest, now).await?;
    bar.set_message("files");
    files(&manifest, &mut reader, from, media, bar).await?;
    for (place, target) in (0..).zip(&targets) {
        if place < stage.place {
            continue;
        }
        if place > stage.place {
            stage = Stage { place, connecting: false, done: 0 };
        }
        bar.set_message(target.part.table);
        if !stage.connecting {
            pages(db, &mut reader, &manifest, target, stage, bar).await?;
            stage = Stage { place, connecting: true, done: 0 };
        }
        if !target.table.own.is_empty() {
            pages(db, &mut reader, &manifest, target, stage, bar).await?;
        }
    }
    end(db, manifest.company).await?;
    Ok(Report {
        company: manifest.company,
        rows: manifest.tables.iter().map(|table| table.rows).sum(),
        files: manifest.files.count,
        missing: manifest.files.missing,
    })
}

fn manifest(reader: &mut Reader) -> Result<(Manifest, String), TransferError> {
    let mut text = Vec::new();
    let read = reader.file(MANIFEST)?.take(LARGEST_MANIFEST).read_to_end(&mut text);
    read.map_err(|error| pack::damaged(MANIFEST, &error))?;
    let manifest: Manifest = serde_json::from_slice(&text)
        .map_err(|error| refused(format!("{MANIFEST} of the export cannot be read: {error}")))?;
    Ok((manifest, hex(&Sha256::digest(&text))))
}

fn check(manifest: &Manifest, company: Option<i64>, vault: Option<&Vault>) -> Result<(), TransferError> {
    let schema = MIGRATIONS.last().map_or(0, |migration| migration.version);
    if manifest.format > FORMAT || manifest.schema > schema {
        return Err(refused("The export was made by a newer program; use that one, or a newer one, to read it in"));
    }
    if let Some(company) = company
        && company != manifest.company
    {
        return Err(refused(format!(
            "The export is of company {}, and a company keeps its number: it is part of the ids of its accounts, files \
             and links",
            manifest.company
        )));
    }
    let Some(sample) = &manifest.key_sample else { return Ok(()) };
    let vault = vault.ok_or_else(|| refused("The export has secrets in it, which need the secret key"))?;
    let opened = unhex(sample).and_then(|sealed| vault.open(KEY_PURPOSE, &sealed).ok());
    match opened.as_deref() == Some(KEY_SAMPLE) {
        true => Ok(()),
        false => Err(refused(
            "The export has secrets in it that another key has encrypted; give this server the same SALA_SECRET_KEY, or \
             export without --with-secrets",
        )),
    }
}

/// A table of the export, and the one of the database that it goes into.
struct Target<'a> {
    file: &'a TableFile,
    part: &'static Part,
    table: &'a Table,
    /// The indexes in the table of the columns that the export has.
    columns: Vec<usize>,
}

fn targets<'a>(manifest: &'a Manifest, known: &'a [Table]) -> Result<Vec<Target<'a>>, TransferError> {
    let target = |file: &'a TableFile| {
        let unknown = |what: &str| refused(format!("The export has {what}, which this program does not know"));
        let part = TABLES.iter().find(|part| part.table == file.table);
        let table = known.iter().find(|table| table.name == file.table);
        let (Some(part), Some(table)) = (part, table) else { return Err(unknown(&format!("a table {}", file.table))) };
        let index_of = |column: &String| {
            table.index_of(column).ok_or_else(|| unknown(&format!("a column {column} of {}", file.table)))
        };
        let columns = file.columns.iter().map(index_of).collect::<Result<_, _>>()?;
        Ok(Target { file, part, table, columns })
    };
    manifest.tables.iter().map(target).collect()
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Stage {
    place: i64,
    connecting: bool,
    done: i64,
}

/// Takes the company's number, or finds how far an earlier run of the same export has come.
async fn begin(db: &Db, manifest: &Manifest, digest: &str, now: i64) -> Result<Stage, TransferError> {
    #[derive(Deserialize)]
    struct Known {
        manifest: String,
        #[serde(flatten)]
        stage: Stage,
    }
    let company = manifest.company;
    db.write(async |mut tx| {
        let known: Option<(String, i64, bool, i64)> = tx
            .sql("select manifest, place, connecting, done from company_import where company = $1")
            .bind(company)
            .optional()
            .await?;
        let known = known
            .map(|(manifest, place, connecting, done)| Known { manifest, stage: Stage { place, connecting, done } });
        if let Some(known) = known {
            return match known.manifest == digest {
                true => Ok(known.stage),
                false => Err(refused(format!(
                    "Company {company} is half read in from another export; finish that import first"
                ))),
            };
        }
        let there: bool =
            tx.sql("select exists (select 1 from company where company = $1)").bind(company).one().await?;
        if there {
            return Err(refused(format!(
                "Company {company} already exists; a company is read into a server without it"
            )));
        }
        tx.sql(
            "insert into company_import (company, manifest, place, connecting, done, started_at)
             values ($1, $2, 0, false, 0, $3)",
        )
        .bind(company)
        .bind(digest)
        .bind(now)
        .exec()
        .await?;
        Ok(Stage { place: 0, connecting: false, done: 0 })
    })
    .await
}

async fn end(db: &Db, company: i64) -> Result<(), db::Error> {
    db.write(async |mut tx| {
        // The export may be of a program that compared otherwise.
        refold::ask(&mut tx, company, 0).await?;
        tx.sql("delete from company_import where company = $1").bind(company).exec().await.map(drop)
    })
    .await
}

/// Copies the files into the media store, before any row names them.
async fn files(
    manifest: &Manifest,
    reader: &mut Reader,
    from: &Path,
    media: &Store,
    bar: &ProgressBar,
) -> Result<(), TransferError> {
    let name = manifest.files.file.as_str();
    let mut list = Reader::open(from)?;
    for line in BufReader::new(list.file(name)?).lines() {
        let line = line.map_err(|error| pack::damaged(name, &error))?;
        let stored: StoredFile =
            serde_json::from_str(&line).map_err(|error| refused(format!("{name} of the export: {error}")))?;
        if !stored.id.starts_with(&format!("{}-", manifest.company)) {
            return Err(refused(format!("{name} of the export names {}, which is not this company's", stored.id)));
        }
        if !media.has(&stored.id, stored.size).await? {
            file(reader, media, &stored).await?;
        }
        bar.inc(1);
    }
    Ok(())
}

async fn file(reader: &mut Reader, media: &Store, stored: &StoredFile) -> Result<(), TransferError> {
    let name = stored.name();
    let mut writer = media.writer(&stored.id);
    let failed = |error: std::io::Error| refused(format!("the media store failed at {}: {error}", stored.id));
    let mut hash = Sha256::new();
    let mut source = reader.file(&name)?;
    let mut piece = vec![0; PIECE];
    loop {
        let read = match source.read(&mut piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) => {
                let _ = writer.abort().await;
                return Err(pack::damaged(&name, &error));
            }
        };
        hash.update(&piece[..read]);
        writer.put(Bytes::copy_from_slice(&piece[..read])).await.map_err(|error| failed(error.into()))?;
    }
    if hex(&hash.finalize()) != stored.sha256 {
        let _ = writer.abort().await;
        return Err(pack::changed(&name));
    }
    writer.shutdown().await.map_err(failed)
}

/// Stores the rows of a table from where the stage says, or connects them with one another.
async fn pages(
    db: &Db,
    reader: &mut Reader,
    manifest: &Manifest,
    target: &Target<'_>,
    stage: Stage,
    bar: &ProgressBar,
) -> Result<(), TransferError> {
    let name = target.file.file.as_str();
    let mut lines = BufReader::with_capacity(PIECE, reader.file(name)?).lines();
    let damaged = |error: &std::io::Error| pack::damaged(name, error);
    let mut done = 0;
    for line in lines.by_ref().take(usize::try_from(stage.done).unwrap_or_default()) {
        line.map_err(|error| damaged(&error))?;
        done += 1;
    }
    loop {
        let mut rows = Vec::with_capacity(PAGE);
        for line in lines.by_ref().take(PAGE) {
            done += 1;
            rows.push(row(target, manifest.company, &line.map_err(|error| damaged(&error))?, done)?);
        }
        if rows.is_empty() {
            break;
        }
        let stage = Stage { done, ..stage };
        db.write(async |mut tx| store(&mut tx, manifest.company, target, &rows, stage).await).await?;
        bar.inc(rows.len() as u64);
    }
    if u64::try_from(done) != Ok(target.file.rows) {
        return Err(refused(format!("{name} of the export has {done} rows, its manifest says {}", target.file.rows)));
    }
    // The next table, or the next round: a run that is resumed here has nothing of this one left to do.
    let next = match stage.connecting || target.table.own.is_empty() {
        true => Stage { place: stage.place + 1, connecting: false, done: 0 },
        false => Stage { connecting: true, done: 0, ..stage },
    };
    db.write(async |mut tx| note(&mut tx, manifest.company, next).await).await?;
    Ok(())
}

/// A line of a table's file as a row of the columns that the export has.
fn row(target: &Target<'_>, company: i64, line: &str, number: i64) -> Result<Row, TransferError> {
    let wrong = |what: &str| refused(format!("{} of the export, line {number}: {what}", target.file.file));
    let mut fields: Map<String, Plain> = serde_json::from_str(line).map_err(|error| wrong(&error.to_string()))?;
    let mut row = Vec::with_capacity(target.columns.len());
    for column in &target.file.columns {
        let value = fields.remove(column).unwrap_or(Plain::Null);
        if column == "company" && value != company {
            return Err(wrong("a row of another company"));
        }
        let value = match value.is_null() && target.part.fresh.contains(&column.as_str()) {
            true => fresh().map_err(|error| wrong(&error))?,
            false => value,
        };
        row.push(value);
    }
    Ok(row)
}

fn fresh() -> Result<Plain, String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(hex(&bytes).into())
}

async fn store(tx: &mut Conn, company: i64, target: &Target<'_>, rows: &[Row], stage: Stage) -> Result<(), db::Error> {
    if stage.connecting {
        target.table.connect(tx, &target.columns, rows).await?;
        return note(tx, company, stage).await;
    }
    target.table.insert(tx, &target.columns, rows).await?;
    if let Some((index, column)) = target.part.text {
        let place = |name: &str| target.file.columns.iter().position(|known| known == name);
        if let (Some(id), Some(text)) = (place("id"), place(column)) {
            let texts: Vec<(i64, &str)> =
                rows.iter().filter_map(|row| Some((row[id].as_i64()?, row[text].as_str()?))).collect();
            tx.index_texts(index, company, &texts).await?;
        }
    }
    note(tx, company, stage).await
}

async fn note(tx: &mut Conn, company: i64, stage: Stage) -> Result<(), db::Error> {
    tx.sql("update company_import set place = $2, connecting = $3, done = $4 where company = $1")
        .bind(company)
        .bind(stage.place)
        .bind(Value::from(stage.connecting))
        .bind(stage.done)
        .exec()
        .await
        .map(drop)
}
