//! Lists of ids that may not be known to their end, and what they have in common.

/// Ids of rows, the highest first: every one from `floor` up to where the list was asked to begin. Nothing is known of
/// those below the floor.
///
/// Lists that different indexes give, each cut after so many entries, are brought together without a look at the rows:
/// what is in both, from the higher floor on, is all that matches there. Asking again `below` that floor goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ids {
    /// The ids, each once, the highest first.
    pub ids: Vec<i64>,
    /// The lowest id that was looked for: 0 when the list is whole.
    pub floor: i64,
}

impl Ids {
    /// The list of rows below `below` that ends before its first.
    pub fn unknown(below: i64) -> Ids {
        Ids { ids: Vec::new(), floor: below }
    }

    /// What a statement found with a limit of `most` and one, the highest first. An id may come twice.
    pub fn cut(mut ids: Vec<i64>, most: usize) -> Ids {
        let floor = if ids.len() > most { ids.last().copied().unwrap_or(0) } else { 0 };
        ids.dedup();
        Ids { ids, floor }
    }

    /// Whether no id is missing.
    pub fn is_whole(&self) -> bool {
        self.floor == 0
    }

    /// From where on the list goes on below a number: one above the next of its ids, or its floor when it has none there.
    pub fn next(&self, below: i64) -> i64 {
        match self.ids.get(self.ids.partition_point(|id| *id >= below)) {
            Some(id) => id + 1,
            None => below.min(self.floor),
        }
    }

    /// The part of it below a number.
    pub fn under(&self, below: i64) -> Ids {
        Ids { ids: self.ids[self.ids.partition_point(|id| *id >= below)..].to_vec(), floor: self.floor }
    }

    /// The newest of them, at most so many, which are looked at to say how many match; see [`Ids::about`].
    pub fn sample(&self, most: usize) -> &[i64] {
        &self.ids[..self.ids.len().min(most)]
    }

    /// About how many rows match from `first` on, when of `looked` ids `matched` do: rows below the floor are taken to be as
    /// many, and to match as often, as those above it.
    pub fn about(&self, first: i64, looked: usize, matched: usize) -> i64 {
        let Some(newest) = self.ids.first() else { return 0 };
        let wide = |count: usize| i128::try_from(count).unwrap_or(i128::MAX);
        let above = i128::from(newest - self.floor.max(first) + 1).max(1);
        let listed = wide(self.ids.len()) * i128::from(newest - first + 1) / above;
        i64::try_from(listed * wide(matched) / wide(looked.max(1))).unwrap_or(i64::MAX)
    }

    /// What is in both lists.
    pub fn and(&self, other: &Ids) -> Ids {
        let floor = self.floor.max(other.floor);
        let mut others = other.ids.iter().copied().peekable();
        let both = self.ids.iter().copied().take_while(|id| *id >= floor).filter(|id| {
            while others.next_if(|other| other > id).is_some() {}
            others.peek() == Some(id)
        });
        Ids { ids: both.collect(), floor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_the_floor_is_taken_to_be_as_dense() {
        // Every second id of 1 to 1000, cut after 251: half of a sample of them is a quarter of all.
        let every_second: Vec<i64> = (1..=500).rev().map(|half| half * 2).collect();
        let cut = Ids::cut(every_second[..252].to_vec(), 251);
        assert_eq!(cut.sample(200), &every_second[..200]);
        assert!((245..=255).contains(&cut.about(1, 200, 100)), "{}", cut.about(1, 200, 100));
        let whole = Ids::cut(every_second, 1_000);
        assert_eq!(whole.sample(1_000).len(), 500);
        assert!((495..=505).contains(&whole.about(1, 500, 500)), "{}", whole.about(1, 500, 500));
        assert_eq!(Ids::unknown(9).about(1, 0, 0), 0);
    }

    #[test]
    fn lists_have_in_common_what_is_known_of_both() {
        let whole = Ids::cut(vec![9, 7, 7, 5, 3, 1], 6);
        assert_eq!(whole, Ids { ids: vec![9, 7, 5, 3, 1], floor: 0 });
        let cut = Ids::cut(vec![8, 7, 6, 5], 3);
        assert!(whole.is_whole() && !cut.is_whole());
        let both = Ids { ids: vec![7, 5], floor: 5 };
        assert_eq!([10, 9, 6, 5, 4].map(|below| cut.next(below)), [9, 9, 6, 5, 4]);
        assert_eq!((whole.next(1), cut.under(7)), (0, Ids { ids: vec![6, 5], floor: 5 }));
        assert_eq!((whole.and(&cut), cut.and(&whole)), (both.clone(), both));
        assert_eq!(whole.and(&Ids::unknown(6)), Ids::unknown(6));
        assert_eq!(whole.and(&Ids { ids: vec![], floor: 0 }), Ids { ids: vec![], floor: 0 });
    }
}
