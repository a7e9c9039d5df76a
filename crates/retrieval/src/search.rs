//! Exact search: the dot product with every vector.
//!
//! A resume has some tens of passages. A thousand numbers each are compared in tens of microseconds, which is less than reading
//! them from a database takes; an index (HNSW, IVF) would cost more to build and to keep than it could save, and would find
//! *nearly* the best. It begins to pay from some ten thousands of vectors searched together, which no question here needs: every
//! search is inside one resume.

/// A vector that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Its place among those that were searched.
    pub index: usize,
    /// The dot product with the query: the cosine, since vectors have length one.
    pub score: f64,
}

/// The `most` vectors nearest to `query`, the nearest first; of equals, the earlier one. A vector of another length is of another
/// model, and is left out.
pub fn search<'v>(query: &[f32], vectors: impl IntoIterator<Item = &'v [f32]>, most: usize) -> Vec<Hit> {
    let vectors = vectors.into_iter().enumerate().filter(|(_, vector)| vector.len() == query.len());
    let mut hits: Vec<Hit> = vectors.map(|(index, vector)| Hit { index, score: dot(query, vector) }).collect();
    hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
    hits.truncate(most);
    hits
}

/// Added up in 64 bits, so that the order of two passages does not hang on the order of the sum.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}
