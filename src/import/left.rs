//! What of a file is left out: nobody should have to look for what is missing.

use serde::Serialize;
use utoipa::ToSchema;

use super::header;
use super::store::Import;

/// A part of a file that was left out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeftOut {
    /// `column`, `sheet`, or `mapping`: a header that a mapping names and no column has.
    #[schema(example = "column")]
    what: &'static str,
    /// What it is called.
    #[schema(example = "Shoe size")]
    name: String,
    /// `unknown`, `duplicate`, `mapped` (by the caller, to nothing), `unclear` (its header contradicts itself), `other`,
    /// `missing`.
    #[schema(example = "unknown")]
    reason: String,
}

impl LeftOut {
    /// The same for people.
    pub(crate) fn sentence(&self) -> String {
        let name = &self.name;
        match (self.what, self.reason.as_str()) {
            ("column", "duplicate") => format!("column “{name}” was left out: another column has the same data"),
            ("column", "mapped") => format!("column “{name}” was left out, as the mapping says"),
            ("column", "unclear") => {
                format!("column “{name}” was left out: its header contradicts itself; a mapping can name its field")
            }
            ("column", _) => {
                format!("column “{name}” was left out: it is not a known field; a mapping can name one")
            }
            ("sheet", _) => format!("sheet “{name}” was not read: another one has more columns that are known"),
            _ => format!("the mapping names “{name}”, but no column has this name"),
        }
    }
}

/// What of a file was left out; nothing before it was read.
pub(super) fn left_out(row: &Import) -> Vec<LeftOut> {
    let Some(layout) = &row.layout else { return Vec::new() };
    let of = |what, name: &str, reason: &str| LeftOut { what, name: name.to_owned(), reason: reason.to_owned() };
    let columns = layout.columns.iter().filter_map(|column| {
        let reason = column.ignored.as_deref()?;
        Some(of("column", &column.header, reason))
    });
    let idle = header::idle(&row.mapping, layout).into_iter().map(|header| of("mapping", header, "missing"));
    let sheets = row.source.iter().flat_map(|source| &source.other_sheets).map(|sheet| of("sheet", sheet, "other"));
    columns.chain(idle).chain(sheets).collect()
}
