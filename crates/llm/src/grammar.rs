//! Output that follows a JSON schema, token by token (llguidance).
//!
//! Compact JSON only: free whitespace lets a small model fill its budget with blanks.

use llguidance::api::TopLevelGrammar;
use llguidance::{Matcher, ParserFactory};
use serde_json::{Value, json};
use toktrie::SimpleVob;

use crate::Error;
use crate::tokenizer::Tokenizer;

/// Compiles schemas for one vocabulary.
pub(crate) struct Grammars {
    factory: ParserFactory,
}

impl std::fmt::Debug for Grammars {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Grammars")
    }
}

impl Grammars {
    pub(crate) fn new(tokenizer: &Tokenizer) -> Result<Self, Error> {
        let mut factory = ParserFactory::new_simple(&tokenizer.environment()).map_err(failed)?;
        factory.quiet();
        Ok(Self { factory })
    }

    pub(crate) fn compile(&self, schema: &Value) -> Result<Guide, Error> {
        let mut schema = schema.clone();
        let object = schema.as_object_mut().ok_or_else(|| Error::Grammar("the schema is not a JSON object".to_owned()))?;
        // Korean is written as itself: only the escapes that JSON cannot do without.
        object.insert("x-guidance".to_owned(), json!({ "whitespace_flexible": false, "json_allowed_escapes": "nrbtf\\\"" }));
        let parser = self.factory.create_parser(TopLevelGrammar::from_json_schema(schema)).map_err(failed)?;
        Ok(Guide(Matcher::new(Ok(parser))))
    }
}

/// Where one answer stands in its grammar.
pub(crate) struct Guide(Matcher);

impl Guide {
    /// Tokens that must come next, already consumed.
    pub(crate) fn forced(&mut self) -> Result<Vec<u32>, Error> {
        let tokens = self.0.consume_ff_tokens();
        match self.0.get_error() {
            Some(what) => Err(Error::Grammar(what)),
            None => Ok(tokens),
        }
    }

    /// Tokens that may come next.
    pub(crate) fn allowed(&mut self) -> Result<SimpleVob, Error> {
        self.0.compute_mask_or_eos().map_err(failed)
    }

    pub(crate) fn consume(&mut self, token: u32) -> Result<(), Error> {
        self.0.consume_token(token).map_err(failed)
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.0.is_stopped()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands errors over by value")]
fn failed(error: anyhow::Error) -> Error {
    Error::Grammar(format!("{error:#}"))
}
