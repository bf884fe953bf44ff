//! Thai text that can be copied out of the document as it was written.
//!
//! typst begins a new piece of text wherever a glyph is raised or lowered. Fonts that raise tone marks so (Sarabun does) get a
//! cluster cut into pieces, and each piece says that it is the whole cluster: สั่งซื้อ would be copied as สั่สั่งซื้อ. Here the
//! pieces of a cluster are put together again, with the glyphs where they were.

use typst::layout::{Abs, Frame, FrameItem, GroupItem, Point};
use typst::model::Document;
use typst::text::{Glyph, TextItem};
use typst_layout::{Page, PagedDocument};

/// How far apart two pieces may lie and still touch.
const NEAR: Abs = Abs::raw(0.02);

/// The same document with whole clusters.
pub fn joined(document: &PagedDocument) -> PagedDocument {
    let pages = document.pages().iter().map(|page| Page { frame: mended(&page.frame), ..page.clone() });
    PagedDocument::new(pages.collect(), document.info().clone())
}

fn mended(frame: &Frame) -> Frame {
    let mut items: Vec<(Point, FrameItem)> = Vec::with_capacity(frame.layer());
    for (place, item) in frame.items() {
        match item {
            FrameItem::Group(group) => {
                let group = GroupItem { frame: mended(&group.frame), ..group.clone() };
                items.push((*place, FrameItem::Group(group)));
            }
            FrameItem::Text(text) => {
                let (mut place, mut text) = (*place, text.clone());
                if let Some((before_place, FrameItem::Text(before))) = items.last_mut() {
                    take_over(before, *before_place, &mut text, &mut place);
                }
                if !text.glyphs.is_empty() {
                    items.push((place, FrameItem::Text(text)));
                }
            }
            other => items.push((*place, other.clone())),
        }
    }
    let mut whole = frame.clone();
    whole.clear();
    whole.push_multiple(items);
    whole
}

/// Moves the glyphs at the beginning of a piece that belong to the last cluster of the piece before it.
fn take_over(before: &mut TextItem, before_place: Point, text: &mut TextItem, place: &mut Point) {
    if before.font != text.font || before.size != text.size || before.fill != text.fill || before.stroke != text.stroke
    {
        return;
    }
    let (Some(last), Some(first)) = (before.glyphs.last().cloned(), text.glyphs.first().cloned()) else { return };
    let cluster = &before.text[last.range()];
    if cluster != &text.text[first.range()] || !cluster.chars().all(is_thai_or_lao) {
        return;
    }
    // A cluster begins with its base once: where this one does again, the same cluster was written twice.
    let base = before.glyphs.iter().find(|glyph| glyph.range == last.range).map(|glyph| glyph.id);
    if base == Some(first.id) {
        return;
    }
    let end = before_place.x + before.width();
    if (place.x - end).abs() > NEAR {
        return;
    }
    // Frames count downwards, glyphs upwards.
    let raised = typst::layout::Em::from_abs(before_place.y - place.y, text.size);
    let count = text.glyphs.iter().take_while(|glyph| glyph.range == first.range).count();
    for glyph in text.glyphs.drain(..count) {
        place.x += glyph.x_advance.at(text.size);
        before.glyphs.push(Glyph { y_offset: glyph.y_offset + raised, range: last.range.clone(), ..glyph });
    }
    let cut = first.range.end;
    text.text = text.text[usize::from(cut)..].into();
    for glyph in &mut text.glyphs {
        glyph.range = glyph.range.start.saturating_sub(cut)..glyph.range.end.saturating_sub(cut);
    }
}

fn is_thai_or_lao(letter: char) -> bool {
    matches!(letter, '\u{e01}'..='\u{eff}')
}
