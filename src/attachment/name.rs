//! What a file is called and what it is: names are cleaned, and the type is read from the file's first bytes, because
//! what its sender says of it may be wrong, or meant to mislead.

use unicode_normalization::UnicodeNormalization;

/// So many of a file's first bytes say what it is.
pub(super) const HEAD: usize = 8 * 1024;

/// The longest name, in characters.
const LONGEST: usize = 200;

/// The longest ending that is kept when a name is cut.
const LONGEST_ENDING: usize = 20;

/// A name that is safe on every system and in every header, in any script.
pub(super) fn clean(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept = last.nfc().filter(|letter| !letter.is_control() && !turns_direction(*letter));
    let safe: String = kept
        .map(|letter| if matches!(letter, '<' | '>' | ':' | '"' | '|' | '?' | '*') { '_' } else { letter })
        .collect();
    let safe = safe.trim().trim_start_matches('.').trim_end_matches(['.', ' ']);
    if safe.is_empty() { "file".to_owned() } else { cut(safe) }
}

/// Marks that turn the direction of writing make `exe.gpj` of `jpg.exe`; the byte order mark is no part of a name either.
fn turns_direction(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

fn cut(name: &str) -> String {
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    let ending = name.rfind('.').map_or("", |at| &name[at..]);
    let ending = if ending.chars().count() <= LONGEST_ENDING { ending } else { "" };
    let first: String = name.chars().take(LONGEST - ending.chars().count()).collect();
    format!("{first}{ending}")
}

/// The last part of an address's path, as the name of what it leads to.
pub(super) fn of_url(url: &reqwest::Url) -> String {
    let last = url.path_segments().and_then(|mut segments| segments.next_back()).unwrap_or_default();
    clean(&percent_encoding::percent_decode_str(last).decode_utf8_lossy())
}

/// The type of a file by its first bytes. Its name only tells formats apart that are the same in their bytes.
pub(super) fn content_type(head: &[u8], name: &str) -> String {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    if let Some(found) = infer::get(head) {
        let kind = container(found.mime_type(), &ending);
        let is_text = kind.starts_with("text/") && text(head).is_some();
        return if is_text { format!("{kind}; charset=utf-8") } else { kind.to_owned() };
    }
    match text(head) {
        Some(text) => format!("{}; charset=utf-8", kind_of_text(text, &ending)),
        None => "application/octet-stream".to_owned(),
    }
}

/// Office documents are archives or compound files, whose first bytes do not always say which.
fn container(found: &'static str, ending: &str) -> &'static str {
    match (found, ending) {
        ("application/zip", "docx") => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ("application/zip", "xlsx") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ("application/zip", "pptx") => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        ("application/zip", "odt") => "application/vnd.oasis.opendocument.text",
        ("application/zip", "ods") => "application/vnd.oasis.opendocument.spreadsheet",
        ("application/zip", "odp") => "application/vnd.oasis.opendocument.presentation",
        ("application/x-ole-storage", "doc") => "application/msword",
        ("application/x-ole-storage", "xls") => "application/vnd.ms-excel",
        ("application/x-ole-storage", "ppt") => "application/vnd.ms-powerpoint",
        ("application/x-ole-storage", "msg") => "application/vnd.ms-outlook",
        (found, _) => found,
    }
}

/// The first bytes as text, when that is what they are; the last character may be cut through.
fn text(head: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => std::str::from_utf8(&head[..error.valid_up_to()]).ok()?,
        Err(_) => return None,
    };
    let readable = |letter: char| !letter.is_control() || matches!(letter, '\n' | '\r' | '\t' | '\u{c}');
    text.chars().all(readable).then_some(text)
}

fn kind_of_text(text: &str, ending: &str) -> &'static str {
    let lower = text.to_ascii_lowercase();
    if lower.contains("<svg") {
        return "image/svg+xml";
    }
    if ["<html", "<script", "<body", "<iframe"].iter().any(|mark| lower.contains(mark)) {
        return "text/html";
    }
    match ending {
        "csv" => "text/csv",
        "json" => "application/json",
        "ics" => "text/calendar",
        "vcf" => "text/vcard",
        _ => "text/plain",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_in_any_script_and_cleaned_of_what_misleads() {
        for (given, clean_name) in [
            ("ใบเสนอราคา ก้าวหน้า.pdf", "ใบเสนอราคา ก้าวหน้า.pdf"),
            ("C:\\fakepath\\contract.pdf", "contract.pdf"),
            ("../../etc/passwd", "passwd"),
            ("a\r\nX-Evil: 1.txt", "aX-Evil_ 1.txt"),
            ("gpj.\u{202e}exe", "gpj.exe"),
            ("...", "file"),
            ("", "file"),
            (" .htaccess. ", "htaccess"),
        ] {
            assert_eq!(clean(given), clean_name);
        }
        let long = clean(&format!("{}.pdf", "ก".repeat(500)));
        assert_eq!(long.chars().count(), LONGEST);
        assert!(long.ends_with(".pdf"));
    }

    #[test]
    fn the_first_bytes_say_what_it_is() {
        for (head, name, kind) in [
            (&b"\x89PNG\r\n\x1a\n"[..], "a.pdf", "image/png"),
            (b"%PDF-1.7", "a.png", "application/pdf"),
            (b"MZ\x90\0", "photo.jpg", "application/vnd.microsoft.portable-executable"),
            (b"PK\x03\x04\0\0", "a.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
            (b"PK\x03\x04\0\0", "a.exe", "application/zip"),
            (b"<p><script>alert(1)</script>", "a.png", "text/html; charset=utf-8"),
            (b"  <svg xmlns='x'/>", "a.png", "image/svg+xml; charset=utf-8"),
            (b"a;b\n1;2\n", "a.csv", "text/csv; charset=utf-8"),
            ("ก".as_bytes(), "a", "text/plain; charset=utf-8"),
            (&"ก".as_bytes()[..2], "a", "text/plain; charset=utf-8"),
            (b"\0\x01\x02", "a.html", "application/octet-stream"),
        ] {
            assert_eq!(content_type(head, name), kind, "{name}");
        }
    }
}
