//! What a template can see: the files of the question, and nothing else of this machine.

use std::collections::HashMap;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use typst::diag::{FileError, FileResult};
use typst::foundations::{Bytes, Datetime, Duration, Module, Scope};
use typst::syntax::{FileId, RootedPath, Source, VirtualPath, VirtualRoot};
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;
use typst::{Library, LibraryExt, World};

use crate::ask::Ask;

/// The fonts that are always there, with Thai and Latin letters in one file each.
const FONTS: [&[u8]; 2] = [include_bytes!("../fonts/Sarabun-Regular.ttf"), include_bytes!("../fonts/Sarabun-Bold.ttf")];

/// The longest text of a template, in bytes.
const TEMPLATE: usize = 256 * 1024;

/// The longest data, in bytes.
const DATA: usize = 4 * 1024 * 1024;

/// The largest picture, in bytes.
const IMAGE: usize = 2 * 1024 * 1024;

/// The most pixels of a picture: what it takes in memory is four times that.
const PIXELS: usize = 16 * 1024 * 1024;

/// The files of a question as typst asks for them.
#[derive(Debug)]
pub struct Files {
    pub standard: Option<String>,
    pub now: Option<Datetime>,
    pub ident: String,
    library: LazyHash<Library>,
    book: LazyHash<FontBook>,
    fonts: Vec<Font>,
    main: FileId,
    sources: HashMap<FileId, Source>,
    bytes: HashMap<FileId, Bytes>,
    today: Option<Datetime>,
}

impl Files {
    /// Looks at a question; says what is wrong with it.
    pub fn new(ask: Ask) -> Result<Files, String> {
        let mut sources = HashMap::new();
        let mut bytes = HashMap::new();
        for (name, text) in ask.files {
            if text.len() > TEMPLATE {
                return Err(format!("{name} has more than {} KiB", TEMPLATE / 1024));
            }
            let id = id(&name)?;
            sources.insert(id, Source::new(id, text));
        }
        let data = ask.data.to_string();
        if data.len() > DATA {
            return Err(format!("the data has more than {} MiB", DATA / 1024 / 1024));
        }
        bytes.insert(id("data.json")?, Bytes::from_string(data));
        for (name, text) in ask.images {
            let image = STANDARD.decode(text).map_err(|_| format!("{name} is not Base64"))?;
            picture(&name, &image)?;
            bytes.insert(id(&name)?, Bytes::new(image));
        }
        let main = id("main.typ")?;
        if !sources.contains_key(&main) {
            return Err("files has no main.typ".to_owned());
        }
        let mut fonts: Vec<Font> = FONTS.into_iter().flat_map(|font| Font::iter(Bytes::new(font))).collect();
        for path in &ask.fonts {
            add_fonts(path, &mut fonts)?;
        }
        let today = ask.now.and_then(|([year, month, day], _)| {
            Datetime::from_ymd(year, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
        });
        let now = ask.now.and_then(|([year, month, day], [hour, minute, second])| {
            Datetime::from_ymd_hms(year, u8::try_from(month).ok()?, u8::try_from(day).ok()?, hour, minute, second)
        });
        Ok(Files {
            standard: ask.standard,
            now,
            ident: ask.ident,
            library: LazyHash::new(library()),
            book: LazyHash::new(FontBook::from_fonts(&fonts)),
            fonts,
            main,
            sources,
            bytes,
            today,
        })
    }
}

/// The standard library without `plugin`, which runs machine code that a template brings along.
fn library() -> Library {
    let mut library = <Library as LibraryExt>::default();
    let mut scope = Scope::new();
    for (name, binding) in library.global.scope().iter() {
        if name != "plugin" {
            scope.bind(name.clone(), binding.clone());
        }
    }
    library.global = Module::new("global", scope);
    library.std = typst::foundations::Binding::detached(library.global.clone());
    library
}

fn id(name: &str) -> Result<FileId, String> {
    let path = VirtualPath::new(name).map_err(|_| format!("{name:?} is no name of a file"))?;
    Ok(RootedPath::new(VirtualRoot::Project, path).intern())
}

/// Refuses what is no picture of a format that is known, or would be too large when it is unpacked.
fn picture(name: &str, image: &[u8]) -> Result<(), String> {
    if image.len() > IMAGE {
        return Err(format!("{name} has more than {} MiB", IMAGE / 1024 / 1024));
    }
    let is_known = image.starts_with(b"\x89PNG\r\n\x1a\n") || image.starts_with(b"\xff\xd8\xff");
    let size = is_known.then(|| imagesize::blob_size(image).ok()).flatten();
    let size = size.ok_or_else(|| format!("{name} is neither PNG nor JPEG"))?;
    if size.width.saturating_mul(size.height) > PIXELS {
        return Err(format!("{name} has more than {} million pixels", PIXELS / 1024 / 1024));
    }
    Ok(())
}

/// Reads the fonts of a file, or of all files of a folder.
fn add_fonts(path: &Path, fonts: &mut Vec<Font>) -> Result<(), String> {
    let unreadable = |error: std::io::Error| format!("fonts at {}: {error}", path.display());
    let mut paths = vec![path.to_owned()];
    if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(unreadable)?;
        paths = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
    }
    let is_font = |path: &Path| {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        matches!(ending.as_str(), "ttf" | "otf" | "ttc" | "otc")
    };
    for path in paths.iter().filter(|path| is_font(path)).take(64) {
        fonts.extend(Font::iter(Bytes::new(std::fs::read(path).map_err(unreadable)?)));
    }
    Ok(())
}

impl World for Files {
    fn library(&self) -> &LazyHash<Library> {
        &self.library
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &self.book
    }

    fn main(&self) -> FileId {
        self.main
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        self.sources.get(&id).cloned().ok_or_else(|| missing(id))
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.bytes.get(&id).cloned().ok_or_else(|| missing(id))
    }

    fn font(&self, index: usize) -> Option<Font> {
        self.fonts.get(index).cloned()
    }

    fn today(&self, _: Option<Duration>) -> Option<Datetime> {
        self.today
    }
}

fn missing(id: FileId) -> FileError {
    FileError::NotFound(id.get().vpath().get_without_slash().into())
}
