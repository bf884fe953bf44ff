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
    fn lists_have_in_common_what_is_known_of_both() {
        let whole = Ids::cut(vec![9, 7, 7, 5, 3, 1], 6);
        assert_eq!(whole, Ids { ids: vec![9, 7, 5, 3, 1], floor: 0 });
        let cut = Ids::cut(vec![8, 7, 6, 5], 3);
        assert!(whole.is_whole() && !cut.is_whole());
        let both = Ids { ids: vec![7, 5], floor: 5 };
        assert_eq!((whole.and(&cut), cut.and(&whole)), (both.clone(), both));
        assert_eq!(whole.and(&Ids::unknown(6)), Ids::unknown(6));
        assert_eq!(whole.and(&Ids { ids: vec![], floor: 0 }), Ids { ids: vec![], floor: 0 });
    }
}
