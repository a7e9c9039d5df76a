//! [`viva_llm::Engine`] over any server that speaks OpenAI's chat completions: vLLM, llama.cpp, Ollama, OpenAI.
//!
//! Owns the way to the server: how many requests run at once, the first of those that begin alike sent ahead so that the server
//! keeps what they share, what is tried again and when. Promises that nobody's text can open a role there, and that a caller
//! who cancels is gone within a fiftieth of a second, the connection with him.
//!
//! Doesn't promise that an evaluation can be replayed: nobody can see the server's weights, and its numeric class says `remote`.
//!
//! Plain reqwest: a request here has a dozen fields, and servers differ in the rest. async-openai types all of OpenAI's own
//! interface, knows none of the others' deviations, and retries by rules of its own. The trait is synchronous, so a small runtime
//! of one thread drives the connections; it is this crate's own, and callers block on it.

mod address;
mod body;
mod numbers;
mod remote;
mod reply;
mod retry;
mod stream;
mod warm;

pub use address::Address;
pub use remote::Remote;
