//! A company out of the database and the media store, page by page, in one state of the database.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use db::bulk::{Row, Table};
use db::{Conn, Db};
use futures_util::TryStreamExt;
use indicatif::ProgressBar;
use serde_json::Value;

use super::pack::{PIECE, Writer};
use super::{
    Content, FILES, FORMAT, FileList, KEY_PURPOSE, KEY_SAMPLE, MANIFEST, Manifest, Part, Report, StoredFile, TABLES,
    TableFile, TransferError, refused,
};
use crate::MIGRATIONS;
use crate::attachment::hex;
use crate::http::Error;
use crate::media::Store;
use crate::setting::company;
use crate::vault::Vault;

/// Rows that are read at once.
const PAGE: i64 = 500;

/// Writes a company into a folder or, where the name ends in `.zip`, a ZIP file. With the vault, its secrets go along.
pub async fn export(
    db: &Db,
    media: &Store,
    vault: Option<&Vault>,
    company: i64,
    to: &Path,
    now: i64,
    bar: &ProgressBar,
) -> Result<Report, TransferError> {
    let tables = db.tables().await?;
    let mut conn = db.snapshot().await?;
    let Some(known) = company::find(&mut conn, company).await? else {
        return Err(refused(format!("There is no company {company}")));
    };
    let half: bool =
        conn.sql("select exists (select 1 from company_import where company = $1)").bind(company).one().await?;
    if half {
        return Err(refused(format!("Company {company} is not read in completely; finish its import first")));
    }
    let mut out = Writer::create(to)?;
    let with_secrets = vault.is_some();
    let mut written = Vec::new();
    for part in TABLES.iter().filter(|part| with_secrets || !part.secret) {
        bar.set_message(part.table);
        let table = tables.iter().find(|table| table.name == part.table);
        let table = table.ok_or_else(|| refused(format!("the database has no table {}", part.table)))?;
        written.push(rows(&mut conn, &mut out, table, part, company, with_secrets, bar).await?);
    }
    bar.set_message("files");
    let files = files(&mut conn, media, &mut out, &tables, company, to, bar).await?;
    let key_sample = match vault.map(|vault| vault.seal(KEY_PURPOSE, KEY_SAMPLE)).transpose() {
        Ok(sealed) => sealed.map(|sealed| hex(&sealed)),
        Err(error) => return Err(refused(error.to_string())),
    };
    let report = Report {
        company,
        rows: written.iter().map(|table| table.rows).sum(),
        files: files.count,
        missing: files.missing,
    };
    let manifest = Manifest {
        format: FORMAT,
        schema: MIGRATIONS.last().map_or(0, |migration| migration.version),
        company,
        name: known.name,
        made_at: now,
        with_secrets,
        key_sample,
        tables: written,
        files,
    };
    out.begin(MANIFEST)?;
    out.write(&serde_json::to_vec_pretty(&manifest).map_err(|error| refused(error.to_string()))?)?;
    out.end()?;
    out.finish()?;
    Ok(report)
}

async fn rows(
    conn: &mut Conn,
    out: &mut Writer,
    table: &Table,
    part: &Part,
    company: i64,
    with_secrets: bool,
    bar: &ProgressBar,
) -> Result<TableFile, TransferError> {
    let file = format!("tables/{}.jsonl", table.name);
    out.begin(&file)?;
    let names: Vec<Vec<u8>> = table.columns.iter().map(|column| format!("\"{}\":", column.name).into_bytes()).collect();
    let (mut count, mut content, mut line) = (0, Content::default(), Vec::new());
    let mut after: Option<Row> = None;
    loop {
        let page = table.page(conn, company, after.as_ref(), PAGE).await?;
        let Some(last) = page.last().cloned() else { break };
        let is_last = i64::try_from(page.len()).unwrap_or(PAGE) < PAGE;
        for mut row in page {
            if !with_secrets {
                hide(table, part, &mut row);
            }
            line.clear();
            for (at, (name, value)) in names.iter().zip(&row).enumerate() {
                line.push(if at == 0 { b'{' } else { b',' });
                line.extend_from_slice(name);
                serde_json::to_writer(&mut line, value).map_err(|error| refused(error.to_string()))?;
            }
            line.push(b'}');
            content.add(&line);
            line.push(b'\n');
            out.write(&line)?;
            count += 1;
        }
        bar.set_position(bar.position() + u64::try_from(PAGE).unwrap_or_default());
        after = Some(last);
        if is_last {
            break;
        }
    }
    let (sha256, _) = out.end()?;
    let columns = table.columns.iter().map(|column| column.name.clone()).collect();
    Ok(TableFile { table: table.name.clone(), file, columns, rows: count, sha256, content: content.text() })
}

/// Empties what is secret in a row. An account without its credentials says so, as one does whose provider refuses them.
fn hide(table: &Table, part: &Part, row: &mut Row) {
    let mut lost = false;
    for at in part.secrets.iter().filter_map(|column| table.index_of(column)) {
        lost |= !row[at].is_null();
        row[at] = Value::Null;
    }
    if part.table != "account" || !lost {
        return;
    }
    let said = [("state", "broken"), ("state_reason", "it was carried over without its credentials")];
    for (column, value) in said {
        if let Some(at) = table.index_of(column) {
            row[at] = value.into();
        }
    }
}

/// The files of the media store that the database knows, and their list. The list is spooled: a ZIP file takes one entry
/// after the other, and there may be too many files for the memory.
async fn files(
    conn: &mut Conn,
    media: &Store,
    out: &mut Writer,
    tables: &[Table],
    company: i64,
    to: &Path,
    bar: &ProgressBar,
) -> Result<FileList, TransferError> {
    let spool = Spool::beside(to);
    let mut list = BufWriter::new(spool.open(File::create)?);
    let (mut count, mut missing) = (0, 0);
    for table in tables.iter().filter(|table| table.name == "media" || table.name == "attachment") {
        let index =
            |column: &str| table.index_of(column).ok_or_else(|| refused(format!("{} has no {column}", table.name)));
        let (id, state) = (index("id")?, index("state")?);
        let mut after: Option<Row> = None;
        loop {
            let page = table.page(conn, company, after.as_ref(), PAGE).await?;
            let Some(last) = page.last().cloned() else { break };
            for row in page.iter().filter(|row| row[state] == "stored") {
                match file(media, out, row[id].as_str().unwrap_or_default()).await? {
                    Some(stored) => {
                        let line = serde_json::to_string(&stored).map_err(|error| refused(error.to_string()))?;
                        writeln!(list, "{line}").map_err(|error| spool.failed(error))?;
                        count += 1;
                    }
                    None => missing += 1,
                }
                bar.inc(1);
            }
            after = Some(last);
        }
    }
    list.into_inner().map_err(|error| spool.failed(error.into_error()))?;
    out.begin(FILES)?;
    let mut list = BufReader::new(spool.open(File::open)?);
    let mut piece = vec![0; PIECE];
    loop {
        match list.read(&mut piece).map_err(|error| spool.failed(error))? {
            0 => break,
            read => out.write(&piece[..read])?,
        }
    }
    let (sha256, _) = out.end()?;
    Ok(FileList { file: FILES.to_owned(), count, missing, sha256 })
}

/// Copies one file; none when its bytes are not in the store.
async fn file(media: &Store, out: &mut Writer, id: &str) -> Result<Option<StoredFile>, TransferError> {
    let object = match media.get(id).await {
        Ok(object) => object,
        Err(Error::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let mut stored = StoredFile { id: id.to_owned(), size: 0, sha256: String::new() };
    out.begin(&stored.name())?;
    let mut pieces = object.into_stream();
    let failed = |error| refused(format!("the media store failed at {id}: {error}"));
    while let Some(piece) = pieces.try_next().await.map_err(failed)? {
        out.write(&piece)?;
    }
    (stored.sha256, stored.size) = out.end()?;
    Ok(Some(stored))
}

/// A file beside the export, gone with it.
struct Spool(PathBuf);

impl Spool {
    fn beside(to: &Path) -> Spool {
        let mut path = to.as_os_str().to_owned();
        path.push(".files");
        Spool(path.into())
    }

    fn open(&self, open: impl Fn(PathBuf) -> std::io::Result<File>) -> Result<File, TransferError> {
        open(self.0.clone()).map_err(|error| self.failed(error))
    }

    fn failed(&self, error: std::io::Error) -> TransferError {
        TransferError::Io(self.0.display().to_string(), error)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
