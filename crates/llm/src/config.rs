//! The shape of a transformer, read from GGUF metadata.
//!
//! One table of differences between families instead of one model per family. Names and defaults follow
//! llama.cpp's `llama-arch` and `llama-model`, where these files come from.

use crate::Error;
use crate::gguf::Gguf;
use crate::model::Kept;

/// No model has more heads, or wider ones.
const SENSIBLE: usize = 1 << 14;

/// Weights from which on keys and values are kept in 16 bits, where nobody says otherwise.
const LARGE: u64 = 1_000_000_000;

/// How rotary embedding pairs the dimensions of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rotary {
    /// (0, 1), (2, 3), ...: what llama files are permuted for.
    Interleaved,
    /// (0, half), (1, half + 1), ...
    Halves,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    Silu,
    /// GELU by its tanh approximation.
    Gelu,
}

#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) layers: usize,
    /// Numbers of a hidden state.
    pub(crate) width: usize,
    pub(crate) heads: usize,
    pub(crate) kv_heads: usize,
    pub(crate) head: usize,
    pub(crate) context: usize,
    pub(crate) epsilon: f64,
    pub(crate) rotary: Rotary,
    pub(crate) rope_base: f64,
    /// Positions are divided by this before rotation, in global layers.
    pub(crate) rope_scale: f64,
    /// Base for layers that see a window only.
    pub(crate) rope_base_local: f64,
    /// Tokens a local layer looks back on, itself included.
    pub(crate) window: Option<usize>,
    /// Every n-th layer is global where there is a window.
    pub(crate) global_every: usize,
    pub(crate) activation: Activation,
    /// Embeddings are multiplied by this.
    pub(crate) embedding_scale: f64,
    /// Not the file's, but whoever's opens it.
    pub(crate) kept: Kept,
}

impl Config {
    pub(crate) fn read(gguf: &Gguf) -> Result<Self, Error> {
        let arch = gguf.text("general.architecture").ok_or_else(|| gguf.bad("does not name its architecture"))?.to_owned();
        let gemma = arch == "gemma3";
        let rotary = match arch.as_str() {
            "llama" => Rotary::Interleaved,
            "gemma3" | "qwen2" | "qwen3" | "exaone" => Rotary::Halves,
            other => {
                let known = "llama, gemma3, qwen2, qwen3 and exaone";
                return Err(gguf.unsupported(format!("architecture `{other}` is not supported; this engine runs {known}")));
            }
        };
        let key = |name: &str| format!("{arch}.{name}");
        let width = gguf.required(&key("embedding_length"))?;
        let layers = gguf.required(&key("block_count"))?;
        let last = format!("blk.{}.attn_norm.weight", layers - 1);
        if !gguf.has_tensor(&last) {
            return Err(gguf.bad(format!("has {layers} layers by its metadata, but no tensor `{last}`")));
        }
        if gguf.shape("token_embd.weight").is_none_or(|shape| shape.len() != 2 || shape[1] != width) {
            return Err(gguf.bad(format!("has no table of embeddings, `token_embd.weight`, with rows of {width} numbers")));
        }
        let heads = gguf.required(&key("attention.head_count"))?;
        let kv_heads = gguf.number(&key("attention.head_count_kv")).unwrap_or(heads);
        let head = gguf.number(&key("attention.key_length")).unwrap_or(width / heads);
        if kv_heads == 0 || !heads.is_multiple_of(kv_heads) || head == 0 || !head.is_multiple_of(2) {
            return Err(gguf.bad(format!("has impossible attention sizes: {heads} heads, {kv_heads} KV heads of {head}")));
        }
        if gguf.number(&key("rope.dimension_count")).is_some_and(|n| n != head) {
            return Err(gguf.unsupported("rotates only part of each head, which is not supported"));
        }
        if [heads, head].into_iter().any(|n| n > SENSIBLE) {
            return Err(gguf.bad(format!("has absurd attention sizes: {heads} heads of {head}")));
        }
        let scaled = gguf.text(&key("rope.scaling.type")) == Some("linear") || gemma;
        let rope_scale = gguf.float(&key("rope.scaling.factor")).filter(|f| scaled && *f > 0.0).map_or(1.0, f64::from);
        Ok(Self {
            layers,
            width,
            heads,
            kv_heads,
            head,
            context: gguf.required(&key("context_length"))?,
            epsilon: f64::from(gguf.float(&key("attention.layer_norm_rms_epsilon")).unwrap_or(1e-5)),
            rotary,
            rope_base: f64::from(gguf.float(&key("rope.freq_base")).unwrap_or(10_000.0)),
            rope_scale,
            rope_base_local: 10_000.0,
            window: gguf.number(&key("attention.sliding_window")).filter(|&w| gemma && w > 0),
            global_every: 6,
            activation: if gemma { Activation::Gelu } else { Activation::Silu },
            embedding_scale: if gemma { (width as f64).sqrt() } else { 1.0 },
            kept: if gguf.parameters() < LARGE { Kept::Full } else { Kept::Half },
        })
    }

    /// Whether layer `index` sees a window only.
    pub(crate) fn is_local(&self, index: usize) -> bool {
        self.window.is_some() && !(index + 1).is_multiple_of(self.global_every)
    }
}
