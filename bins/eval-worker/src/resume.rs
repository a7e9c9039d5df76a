//! Resumes: their passages, computed once for each text, and found for whoever asks.
//!
//! Owns the order of store and model: read the resume, close the session, compute, open another, replace its passages. A search
//! computes the query's vector first (or remembers it), then reads the resume's passages in one short session, and compares with no
//! session open. Scoring takes passages the same way: [`Resumes::passages`].

mod embed;
mod text;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use viva_core::TaskError;
use viva_core::store::Store;
use viva_models::{Console, Home, PullOptions};
use viva_retrieval::{Bert, Options, Prompts, Retriever, from_bytes, search};

pub use embed::GenerateEmbeddings;
pub(crate) use text::{structured, text};

/// A passage of a resume that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Passage {
    /// The title of its section; may be empty.
    pub section: String,
    /// The passage, word for word.
    pub text: String,
    /// Where it stands in the resume, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// How near it is to what was looked for: the cosine.
    pub score: f64,
}

/// The resumes of a store, and what finds passages in them.
#[derive(Debug, Clone)]
pub struct Resumes {
    store: Store,
    retriever: Arc<Retriever>,
}

impl Resumes {
    /// The resumes of `store`, searched by `retriever`.
    pub fn new(store: Store, retriever: Arc<Retriever>) -> Self {
        Self { store, retriever }
    }

    /// The passages of a resume that are nearest to `query`, the nearest first. Empty while the resume has none of this model.
    pub async fn passages(&self, resume_id: i32, query: &str, most: usize) -> Result<Vec<Passage>, TaskError> {
        let wanted = self.query(query).await?;
        let unit = self.store.read().await?;
        let chunks = unit.resume_chunks().of(resume_id, &self.retriever.id()).await?;
        unit.rollback().await?;
        let vectors = chunks.iter().map(|chunk| from_bytes(&chunk.embedding)).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let hits = search(&wanted, vectors.iter().map(Vec::as_slice), most);
        let passage = |hit: viva_retrieval::Hit| {
            let chunk = &chunks[hit.index];
            let (section, text) = (chunk.section.clone(), chunk.text.clone());
            Passage { section, text, start: chunk.start, end: chunk.end, score: hit.score }
        };
        Ok(hits.into_iter().map(passage).collect())
    }

    /// The vector of a query; at once if it was asked before.
    pub(crate) async fn query(&self, text: &str) -> Result<Arc<[f32]>, TaskError> {
        if let Some(known) = self.retriever.known_query(text) {
            return Ok(known);
        }
        let text = text.to_owned();
        self.think(move |retriever| retriever.query(&text)).await
    }

    /// Runs `work` on a thread of its own.
    async fn think<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Retriever) -> Result<T, viva_retrieval::Error> + Send + 'static,
    ) -> Result<T, TaskError> {
        let retriever = self.retriever.clone();
        tokio::task::spawn_blocking(move || work(&retriever)).await.map_err(TaskError::permanent)?.map_err(failed)
    }
}

fn failed(error: viva_retrieval::Error) -> TaskError {
    match error {
        // Too little memory, most likely.
        viva_retrieval::Error::Inference(_) => TaskError::transient(error),
        _ => TaskError::permanent(error),
    }
}

/// Opens the embedding model that `embedder` names: `none`, a name of the catalogue, fetched if it is not in `home`, or a folder of
/// transformers' files, `folder:PATH`, or `e5:PATH` where the model wants the prompts of E5. Blocks, and must not be called on a
/// thread of the async runtime.
pub fn open(embedder: &str, home: &Home) -> anyhow::Result<Option<Retriever>> {
    let options = match embedder.split_once(':') {
        None if embedder == "none" => return Ok(None),
        None => Options::new(home.pull_blocking(embedder, &PullOptions::default(), &Console::new())?.dir()),
        Some(("folder", path)) => Options::new(PathBuf::from(path)),
        Some(("e5", path)) => Options { prompts: Prompts::e5(), ..Options::new(PathBuf::from(path)) },
        Some((scheme, _)) => {
            anyhow::bail!("EMBEDDER={scheme}:... is not supported; use folder:PATH, e5:PATH, none, or a name from `viva models list`")
        }
    };
    let model = Bert::open(&options).with_context(|| format!("the embedding model {embedder:?} cannot be used"))?;
    Ok(Some(Retriever::new(Arc::new(model))))
}
