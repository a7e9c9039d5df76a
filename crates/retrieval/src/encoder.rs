//! The seam between whoever wants vectors and whatever makes them, and the retriever built on it.

use std::sync::Arc;

use crate::Error;
use crate::chunk::{self, Chunk};
use crate::queries::Queries;

/// What a text is to the search. Some models want to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Something to look for.
    Query,
    /// Something to be found.
    Passage,
}

/// Something that turns texts into vectors of length one.
pub trait Encoder: Send + Sync {
    /// Names everything that determines its vectors; equal ids, comparable vectors.
    fn id(&self) -> &str;

    /// How many of its tokens a text has.
    fn count(&self, text: &str) -> Result<usize, Error>;

    /// Most tokens of a text that it reads; what stands behind them has no part in the vector.
    fn limit(&self) -> usize;

    /// The vector of each text, in their order. Blocks.
    fn encode(&self, purpose: Purpose, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error>;
}

/// An encoder that cuts resumes to its measure and remembers what was asked.
pub struct Retriever {
    encoder: Arc<dyn Encoder>,
    queries: Queries,
}

impl std::fmt::Debug for Retriever {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Retriever").field("encoder", &self.encoder.id()).finish_non_exhaustive()
    }
}

impl Retriever {
    /// A retriever over `encoder`.
    pub fn new(encoder: Arc<dyn Encoder>) -> Self {
        Self { encoder, queries: Queries::default() }
    }

    /// Names what determines passages and vectors: the encoder, and how a resume is cut.
    pub fn id(&self) -> String {
        format!("{} {}", self.encoder.id(), chunk::VERSION)
    }

    /// The resume's passages with their vectors. Blocks.
    pub fn index(&self, resume: &str) -> Result<Vec<(Chunk, Vec<f32>)>, Error> {
        let chunks = chunk::chunks(resume, self.encoder.limit(), &|text| self.encoder.count(text))?;
        let texts: Vec<String> = chunks.iter().map(|chunk| chunk.with_section(resume)).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let vectors = self.encoder.encode(Purpose::Passage, &texts)?;
        Ok(chunks.into_iter().zip(vectors).collect())
    }

    /// The vector of a query, if it was asked before.
    pub fn known_query(&self, text: &str) -> Option<Arc<[f32]>> {
        self.queries.get(text)
    }

    /// The vector of a query. Blocks unless it was asked before.
    pub fn query(&self, text: &str) -> Result<Arc<[f32]>, Error> {
        if let Some(vector) = self.queries.get(text) {
            return Ok(vector);
        }
        let vectors = self.encoder.encode(Purpose::Query, &[text])?;
        let vector: Arc<[f32]> = vectors.into_iter().next().unwrap_or_default().into();
        self.queries.put(text, vector.clone());
        Ok(vector)
    }
}
