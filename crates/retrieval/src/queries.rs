//! Vectors of queries that were asked before. Most queries are an interview script's own and never change.

use std::sync::{Arc, Mutex, PoisonError};

/// Queries that are remembered. Few enough to be looked through one by one.
const MOST: usize = 128;

/// The most recent queries with their vectors, newest last.
#[derive(Debug, Default)]
pub(crate) struct Queries(Mutex<Vec<(String, Arc<[f32]>)>>);

impl Queries {
    pub(crate) fn get(&self, text: &str) -> Option<Arc<[f32]>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = known.iter().position(|(query, _)| query == text)?;
        known[at..].rotate_left(1);
        known.last().map(|(_, vector)| vector.clone())
    }

    /// Remembers a vector, and forgets the one that was not asked for the longest.
    pub(crate) fn put(&self, text: &str, vector: Arc<[f32]>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(query, _)| query != text);
        if known.len() == MOST {
            known.remove(0);
        }
        known.push((text.to_owned(), vector));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_not_asked_for_the_longest_is_forgotten() {
        let queries = Queries::default();
        let vector = |number: usize| Arc::from([number as f32]);
        for number in 0..MOST {
            queries.put(&number.to_string(), vector(number));
        }
        assert_eq!(queries.get("0"), Some(vector(0)));
        queries.put("one more", vector(MOST));
        assert_eq!(queries.get("1"), None);
        assert_eq!((queries.get("0"), queries.get("one more")), (Some(vector(0)), Some(vector(MOST))));
    }
}
