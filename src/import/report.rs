//! The rows that were refused, as a file: why, and their own cells, so that it can be corrected and handed in again.

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::Response;
use futures_util::{Stream, stream};

use super::store::{self, Fault, Import};
use crate::app::App;
use crate::http::sheet::neutral;
use crate::http::{Error, Language};

/// Faults that are read at once.
const PAGE: i64 = 500;

/// The columns before the file's own; what begins with a number sign is passed over when the file is handed in again.
const HEAD: [&str; 4] = ["#row", "#column", "#code", "#message"];

/// The file as an answer.
pub(super) fn answer(app: &App, import: Import) -> Response {
    let mut response = Response::new(Body::from_stream(report(app.clone(), import)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"errors.csv\""));
    response
}

/// Where the writing of the file is.
enum At {
    Head,
    /// Behind this fault, with those of its row that were read.
    After((i64, i64), Vec<Fault>),
    End,
}

/// The file, piece by piece: a line for each row that was refused, in the language of the request that asks for it.
pub(crate) fn report(app: App, import: Import) -> impl Stream<Item = Result<Bytes, Error>> + use<> {
    let language = Language::present();
    stream::try_unfold((app, import, At::Head), move |(app, import, at)| next(app, import, at, language))
}

/// The next piece of the file, with where its writing is then.
async fn next(
    app: App,
    import: Import,
    at: At,
    language: Language,
) -> Result<Option<(Bytes, (App, Import, At))>, Error> {
    match at {
        At::Head => {
            let columns = import.layout.iter().flat_map(|layout| &layout.columns);
            let own = columns.map(|column| column.header.as_str()).filter(|header| !header.starts_with('#'));
            let head = HEAD.into_iter().chain(own).map(str::to_owned);
            let bytes = [b"\xEF\xBB\xBF", lines([head.collect()])?.as_slice()].concat();
            Ok(Some((Bytes::from(bytes), (app, import, At::After((0, 0), Vec::new())))))
        }
        At::After(place, mut waiting) => {
            let page = store::faults(&mut app.db.read().await?, &import, false, place, PAGE).await?;
            let is_last = i64::try_from(page.len()).unwrap_or(PAGE) < PAGE;
            let place = page.last().map_or(place, |fault| (fault.line, fault.position));
            waiting.extend(page);
            // The last row may have more faults than were read.
            let line = waiting.last().map(|fault| fault.line);
            let cut = waiting.iter().position(|fault| !is_last && Some(fault.line) == line).unwrap_or(waiting.len());
            let rest = waiting.split_off(cut);
            let rows =
                waiting.chunk_by(|one, other| one.line == other.line).map(|faults| row(&import, faults, language));
            let bytes = lines(rows.collect::<Vec<_>>())?;
            let next = if is_last { At::End } else { At::After(place, rest) };
            Ok(Some((Bytes::from(bytes), (app, import, next))))
        }
        At::End => Ok(None),
    }
}

/// One line: what is wrong with a row, and its cells without those of an earlier file of errors.
fn row(import: &Import, faults: &[Fault], language: Language) -> Vec<String> {
    let told = |text: &dyn Fn(&Fault) -> String| {
        let mut parts: Vec<String> = faults.iter().map(text).collect();
        parts.dedup();
        parts.join("; ")
    };
    let number = faults.first().map_or(0, |fault| fault.line);
    let columns = import.layout.iter().flat_map(|layout| &layout.columns);
    let cells = faults.iter().find_map(|fault| fault.cells.as_deref()).unwrap_or_default();
    let own = columns.enumerate().filter(|(_, column)| !column.header.starts_with('#'));
    let own = own.map(|(place, _)| cells.get(place).map(|cell| neutral(cell).into_owned()).unwrap_or_default());
    let message = |fault: &Fault| language.tell_stored(&fault.code, &fault.message);
    let why = [told(&|fault| fault.header.clone()), told(&|fault| fault.code.clone()), told(&message)];
    std::iter::once(number.to_string()).chain(why.map(|text| neutral(&text).into_owned())).chain(own).collect()
}

fn lines(rows: impl IntoIterator<Item = Vec<String>>) -> Result<Vec<u8>, Error> {
    let internal = |why: String| Error::Internal(format!("a file of errors: {why}"));
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).map_err(|error| internal(error.to_string()))?;
    }
    writer.into_inner().map_err(|error| internal(error.to_string()))
}
