//! Makes the PDF of one document: a question as JSON on standard input, the PDF on standard output, and the end of the process.
//!
//! A template is a program that somebody wrote, and typst cannot be stopped in the middle of one. So this process limits
//! itself before it looks at anything (address space, processor time, open files), opens nothing but the fonts that it is
//! told of, and whoever started it ends it when it takes too long.
//!
//! It ends with 0 and the PDF, with 1 and the faults of the template as JSON, with 2 and JSON when the question is no good,
//! with 3 when it cannot limit itself, with 101 and JSON after a defect of its own.

mod ask;
mod join;
mod limit;
mod unicode;
mod world;

use std::io::{Read, Write};
use std::process::ExitCode;

use typst::World;
use typst::diag::{Severity, SourceDiagnostic};
use typst::foundations::Smart;
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

use crate::ask::{Answer, Ask, Fault};
use crate::world::Files;

/// The longest question, in bytes: template, data, and images in Base64.
const QUESTION: u64 = 16 * 1024 * 1024;

/// The most pages of a document.
const PAGES: usize = 200;

/// The largest document, in bytes.
const SIZE: usize = 20 * 1024 * 1024;

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.to_string();
        // Where memory ends in the middle of typst it is the template that wants too much.
        if message.contains("allocate") {
            let _ = say(&Answer::alone("too_large", "it takes more memory than a document may"));
            std::process::exit(1);
        }
        let _ = say(&Answer::alone("defect", &format!("the renderer failed: {message}")));
        std::process::exit(101);
    }));
    if limit::set().is_err() {
        return ExitCode::from(3);
    }
    let mut question = Vec::new();
    if std::io::stdin().take(QUESTION + 1).read_to_end(&mut question).is_err() || question.len() as u64 > QUESTION {
        return refuse(2, &Answer::alone("question", "the question is too large"));
    }
    let asked = serde_json::from_slice::<Ask>(&question).map_err(|error| error.to_string());
    let files = asked.and_then(Files::new);
    drop(question);
    // From here on no file is opened.
    if limit::close().is_err() {
        return ExitCode::from(3);
    }
    let (files, options) = match files.and_then(|files| options(&files).map(|options| (files, options))) {
        Ok(ready) => ready,
        Err(message) => return refuse(2, &Answer::alone("question", &message)),
    };
    match make(&files, &options) {
        Ok(pdf) => match std::io::stdout().lock().write_all(&pdf) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Err(answer) => refuse(1, &answer),
    }
}

fn refuse(code: u8, answer: &Answer) -> ExitCode {
    let _ = say(answer);
    ExitCode::from(code)
}

fn say(answer: &Answer) -> std::io::Result<()> {
    let text = serde_json::to_vec(answer)?;
    std::io::stdout().lock().write_all(&text)
}

fn options(files: &Files) -> Result<PdfOptions, String> {
    let standards: Vec<PdfStandard> = match files.standard.as_deref() {
        None => Vec::new(),
        Some("a-3a") => vec![PdfStandard::A_3a],
        Some("a-3u") => vec![PdfStandard::A_3u],
        Some("a-3b") => vec![PdfStandard::A_3b],
        Some(other) => return Err(format!("standard {other:?} is none of a-3a, a-3b, a-3u")),
    };
    Ok(PdfOptions {
        ident: Smart::Custom(files.ident.clone()),
        creator: Smart::Custom(Some("Sala".to_owned())),
        timestamp: files.now.map(Timestamp::new_utc),
        standards: PdfStandards::new(&standards).map_err(|error| error.message().to_string())?,
        ..PdfOptions::default()
    })
}

fn make(files: &Files, options: &PdfOptions) -> Result<Vec<u8>, Answer> {
    let compiled = typst::compile::<PagedDocument>(files);
    let mut faults: Vec<Fault> = Vec::new();
    // A font that is not there is replaced by another one, which nobody would notice until a customer does.
    let missing = |warning: &&SourceDiagnostic| warning.message.starts_with("unknown font family");
    faults.extend(compiled.warnings.iter().filter(missing).map(|warning| fault(files, warning)));
    let document = match compiled.output {
        Ok(document) => document,
        Err(errors) => {
            faults.extend(errors.iter().map(|error| fault(files, error)));
            return Err(Answer { error: "template", faults });
        }
    };
    if !faults.is_empty() {
        return Err(Answer { error: "template", faults });
    }
    let pages = document.pages().len();
    if pages > PAGES {
        return Err(Answer::alone("too_large", &format!("the document has {pages} pages; {PAGES} are the most")));
    }
    let document = join::joined(&document);
    let pdf = typst_pdf::pdf(&document, options).map_err(|errors| Answer {
        error: "template",
        faults: errors.iter().map(|error| fault(files, error)).collect(),
    })?;
    let pdf = unicode::mended(pdf);
    if pdf.len() > SIZE {
        return Err(Answer::alone("too_large", &format!("the document has more than {SIZE} bytes")));
    }
    Ok(pdf)
}

/// What is wrong with the template, and where.
fn fault(files: &Files, diagnostic: &SourceDiagnostic) -> Fault {
    use typst::WorldExt;
    let mut fault = Fault::new(diagnostic.message.to_string());
    fault.hints = diagnostic.hints.iter().map(|hint| hint.v.to_string()).collect();
    if diagnostic.severity == Severity::Warning {
        fault.hints.push("Sarabun is always there".to_owned());
    }
    // An error inside of a function of ours is shown where the template called it.
    let own = files.main();
    let spans = std::iter::once(diagnostic.span)
        .chain(diagnostic.trace.iter().map(|point| point.span.into()))
        .collect::<Vec<_>>();
    let place =
        spans.iter().find(|span| span.id() == Some(own)).or_else(|| spans.iter().find(|span| span.id().is_some()));
    if let Some((span, id)) = place.and_then(|span| Some((*span, span.id()?))) {
        fault.file = Some(id.get().vpath().get_without_slash().to_owned());
        let place = files.range(span).zip(files.source(id).ok());
        if let Some((line, column)) = place.and_then(|(range, source)| source.lines().byte_to_line_column(range.start))
        {
            (fault.line, fault.column) = (Some(line + 1), Some(column + 1));
        }
    }
    fault
}
