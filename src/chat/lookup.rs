//! Rooms by their names: which piece of a keyword leads to the fewest of them.

use db::{Conn, Query};

use super::room::grams;

/// A piece that so many rooms have leads nowhere: looking through the rooms in the order in which they are wanted soon meets one.
const COMMON: i64 = 20_000;

/// A stretch of the index of pieces.
pub(crate) type Piece = (Vec<u8>, Vec<u8>);

/// The piece of a keyword that the fewest rooms have; none when all of them are common.
pub(crate) async fn rarest(conn: &mut Conn, company: i64, keyword: &str) -> Result<Option<Piece>, db::Error> {
    let mut best: (i64, Option<Piece>) = (COMMON, None);
    for (from, to) in ranges(keyword) {
        let count: i64 = conn
            .sql(
                "select count(*) from (select 1 from room_gram where company = $1 and gram >= $2 and gram < $3 limit $4)
                 as counted",
            )
            .bind(company)
            .bind(from.clone())
            .bind(to.clone())
            .bind(best.0)
            .one()
            .await?;
        if count < best.0 {
            best = (count, Some((from, to)));
        }
    }
    Ok(best.1)
}

/// Narrows a statement about `room`, whose first value is the company, to rooms that have the piece. The name itself decides.
pub(crate) fn narrowed(query: Query<'_>, piece: Option<Piece>) -> Query<'_> {
    let Some((from, to)) = piece else { return query };
    // The sum makes PostgreSQL expect few rooms. It would expect many, and walk through all rooms in the order of the list until
    // the page is full, which it never is for a name that few have.
    query
        .push(" and room.id in (select piece.room from room_gram as piece where piece.company = $1 and piece.gram >= ")
        .push_bind(from)
        .push(" and piece.gram < ")
        .push_bind(to)
        .push(" and piece.company + 0 = $1)")
}

/// The stretches of the piece index in which a room with this keyword must stand. A short keyword is the beginning of
/// pieces; of a long one a few pieces are enough to leave little to compare.
fn ranges(keyword: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let letters = keyword.chars().count();
    let pieces: Vec<String> = match letters {
        0..=3 => vec![keyword.to_owned()],
        _ => grams(keyword).into_iter().filter(|gram| gram.chars().count() == 3).take(4).collect(),
    };
    let range = |piece: String| {
        let from = piece.into_bytes();
        let mut to = from.clone();
        to.push(0xff);
        (from, to)
    };
    pieces.into_iter().map(range).collect()
}
