//! Every SQL text of the program names the company whose rows it is about. Read out of the source: a statement that forgets
//! it works until two companies share a database.

use std::path::{Path, PathBuf};

/// How many statements of a file name no company by themselves, and why. One more is a finding.
const EXCEPTIONS: &[(&str, usize, &str)] = &[
    ("src/attachment/mod.rs", 1, "the text with the company stands in a constant"),
    ("src/cli/doctor.rs", 1, "work for all companies: looking, counting, ending"),
    ("src/customer/lists.rs", 1, "the company is in the condition that is put behind it"),
    ("src/customer/page.rs", 14, "the company is in the condition that is put behind it"),
    ("src/customer/list_plan.rs", 1, "the company is in the condition that is put behind it"),
    ("src/inbox/draft.rs", 1, "the text with the company stands in a constant"),
    ("src/inbox/view.rs", 1, "the text with the company stands in a constant"),
    ("src/job/dead.rs", 1, "work for all companies: looking, counting, ending"),
    ("src/job/mod.rs", 1, "work for all companies: looking, counting, ending"),
    ("src/job/runner.rs", 2, "work for all companies: looking, counting, ending"),
    ("src/ops.rs", 1, "work for all companies: looking, counting, ending"),
    ("src/person/store.rs", 1, "whoever signs in has an e-mail, and says later for which company"),
    ("src/product/links.rs", 1, "the company is in the condition that is put behind it"),
    ("src/product/page.rs", 1, "the company is in the condition that is put behind it"),
    ("src/report/figures.rs", 2, "the company is in the condition that is put behind it"),
    ("src/sales/deal/board.rs", 2, "the company is in the condition that is put behind it"),
    ("src/sales/due.rs", 1, "work for all companies: looking, counting, ending"),
    ("src/staff/known.rs", 1, "the text with the company stands in a constant"),
    ("src/timeline.rs", 1, "the company is in the condition that is put behind it"),
];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// What a statement says from `.sql(` up to where it is run or its expression ends.
fn statements(source: &str) -> Vec<&str> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let begins = source.match_indices(".sql(").map(|(at, _)| at);
    begins
        .map(|at| {
            let rest = &source[at..];
            let end = [rest.find(";\n"), rest.find(".await")].into_iter().flatten().min().unwrap_or(rest.len());
            &rest[..end]
        })
        .collect()
}

#[test]
fn every_statement_names_its_company() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = Vec::new();
    files(&root.join("src"), &mut sources);
    assert!(sources.len() > 100, "the source is not read");
    let (mut count, mut wrong) = (0, Vec::new());
    for path in sources {
        let name = path.strip_prefix(root).unwrap().display().to_string();
        let source = std::fs::read_to_string(&path).unwrap();
        let all = statements(&source);
        count += all.len();
        let without: Vec<&str> = all.into_iter().filter(|statement| !statement.contains("company")).collect();
        let allowed = EXCEPTIONS.iter().find(|(file, ..)| *file == name).map_or(0, |(_, allowed, _)| *allowed);
        if without.len() != allowed {
            wrong.push(format!("{name}: {} instead of {allowed}: {without:#?}", without.len()));
        }
    }
    assert!(count > 400, "{count} statements are not all");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
